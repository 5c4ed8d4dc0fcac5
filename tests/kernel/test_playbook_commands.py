"""`list-items`, `show-item` and `lint` as functions over real files."""

import json
import os
import shutil
from pathlib import Path

import msgspec
import pytest
from tests.doubles.notes import PLAYBOOK, item
from tests.doubles.workplace import assert_refused, workplace

from verger_kernel.commands.playbook import lint, list_items, load_playbook, show_item
from verger_kernel.errors import CommandError
from verger_kernel.rules.plan import Item, NormalizedPlan
from verger_kernel.rules.playbook.frozen import canonical_plan
from verger_probes.exits import Exit

PLAYBOOKS = Path(__file__).parents[1] / "data" / "playbooks"
HARNESS = PLAYBOOKS / "harness.md"
WRONG = PLAYBOOKS / "everything_wrong.md"


def plan() -> NormalizedPlan:
    return load_playbook(HARNESS, "2026-03-25T10:00:00.000Z")


def test_the_items_stand_in_an_aligned_table() -> None:
    assert list_items(plan(), "text").splitlines() == [
        "STEP  PHASE          PROFILE          R/G  MANUAL_GATE  EXTERNAL",
        "01    Greeting       docs_only        no   none         no",
        "02    Adder          behavioral_code  yes  none         no",
        "03    Policy         docs_only        no   signoff      no",
        "04    Vendor Status  docs_only        no   none         yes",
    ]


def test_the_items_in_json_are_whole_items() -> None:
    items = msgspec.json.decode(list_items(plan(), "json"), type=tuple[Item, ...])
    assert items == plan().items


def test_an_item_is_shown_with_labels_and_bullets() -> None:
    text = show_item(plan(), "03", "text")
    assert text.startswith("Item: 03\nPhase: Policy\n")
    assert "\nManual gate: signoff (The lead must read the policy.)\n" in text
    assert "\nManual gate evidence:\n- signed policy\n- review minutes\n" in text
    assert "\nRequired verification commands:\n- none\n" in text
    assert "External dependencies" not in text
    assert "\nExternal dependencies:\n- vendor status snapshot\n" in show_item(plan(), "04", "text")


def test_an_item_in_json_is_the_item() -> None:
    assert msgspec.json.decode(show_item(plan(), "02", "json"), type=Item) == plan().items[1]


def test_an_unknown_item_is_refused_with_the_way_to_the_list() -> None:
    with pytest.raises(CommandError) as caught:
        show_item(plan(), "99\x1b", "text")
    assert caught.value.what == f"cannot show item '99\\x1b': {HARNESS} has no such item"
    assert caught.value.hint == f"list its items: verger list-items {HARNESS}"
    assert caught.value.code is Exit.INPUT


def test_no_escape_sequence_reaches_the_terminal(tmp_path: Path) -> None:
    path = tmp_path / "plan.md"
    text = HARNESS.read_text(encoding="utf-8")
    text = text.replace("Greeting |", "Gree\x1b[31mting |").replace("Extend", "\x1b]0;x")
    path.write_text(text, encoding="utf-8")
    coloured = load_playbook(path, "")
    assert "\x1b" not in list_items(coloured, "text") + show_item(coloured, "01", "text")


def test_a_valid_file_has_no_problems() -> None:
    assert lint(HARNESS, "text") == (f"{HARNESS}: 4 items, no problems", Exit.DONE)
    text, code = lint(HARNESS, "json")
    assert (json.loads(text), code) == ({"ok": True, "items": 4, "problems": []}, Exit.DONE)


def test_the_problems_of_a_file_are_listed_and_exit_with_4() -> None:
    expected = (PLAYBOOKS / "everything_wrong.txt").read_text(encoding="utf-8").splitlines()
    text, code = lint(WRONG, "text")
    assert (text.splitlines(), code) == ([f"{WRONG}: {line}" for line in expected], Exit.INPUT)
    report = json.loads(lint(WRONG, "json")[0])
    assert (report["ok"], report["items"], len(report["problems"])) == (False, 0, len(expected))
    assert report["problems"][1] == {
        "line": 7,
        "column": "action",
        "value": "",
        "why": "the cell is empty",
        "mend": "Fill in action.",
    }


def test_a_path_that_run_would_refuse_is_a_problem_for_lint_and_doctor_too(tmp_path: Path) -> None:
    row = item("01", repo_surfaces="`docs/gone.md` `docs/new.md`")
    place = workplace(tmp_path, rows=[row])
    (place.repository / "docs" / "new.md").write_text("new\n", encoding="utf-8")
    assert_refused(
        place.verger("run", PLAYBOOK, "--next"), 4, "docs/gone.md (missing), docs/new.md (untracked)"
    )
    ended = place.verger("playbook", "lint", PLAYBOOK)
    assert (ended.code, ended.stdout.count("\n")) == (4, 2)
    assert "line 7: 'docs/gone.md' is missing in" in ended.stdout
    assert "line 7: 'docs/new.md' is untracked in" in ended.stdout
    found = place.verger("doctor", "--playbook", PLAYBOOK, "--json").json["checks"]
    (check,) = [check for check in found if check["name"] == "consult_paths"]
    assert (check["status"], "docs/gone.md (missing), docs/new.md (untracked)" in check["detail"]) == (
        "error",
        True,
    )
    place.git("add", "docs/new.md")
    (place.repository / "docs" / "gone.md").touch()
    place.git("add", "docs/gone.md")
    assert place.verger("playbook", "lint", PLAYBOOK).code == 0
    # Outside of a repository there is nothing to hold it against.
    shutil.copy(place.repository / PLAYBOOK, tmp_path / PLAYBOOK)
    assert place.verger("playbook", "lint", PLAYBOOK, cwd=tmp_path).code == 0


def test_loading_a_refused_file_raises_one_error_with_a_line_for_each_problem() -> None:
    with pytest.raises(CommandError) as caught:
        load_playbook(WRONG, "")
    expected = (PLAYBOOKS / "everything_wrong.txt").read_text(encoding="utf-8").splitlines()
    assert caught.value.what == f"cannot use playbook {WRONG}: the playbook has {len(expected)} problems"
    assert list(caught.value.lines) == expected
    assert caught.value.code is Exit.INPUT


@pytest.mark.parametrize(("name", "why"), [("gone.md", "No such file or directory"), ("", "Is a directory")])
def test_a_file_that_cannot_be_read_is_refused_in_words(tmp_path: Path, name: str, why: str) -> None:
    for ask in (lambda path: load_playbook(path, ""), lambda path: lint(path, "text")):
        with pytest.raises(CommandError) as caught:
            ask(tmp_path / name)
        assert caught.value.what == f"cannot read playbook {tmp_path / name}: {why}"
        assert caught.value.code is Exit.INPUT


def test_a_path_that_holds_a_nul_is_refused_in_words() -> None:
    with pytest.raises(CommandError, match="cannot read playbook"):
        load_playbook(Path("a\0b"), "")


def test_a_file_name_that_is_no_utf8_is_recorded_readably(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/plan\xff.md"))
    path.write_bytes(HARNESS.read_bytes())
    loaded = load_playbook(path, "")
    assert loaded.plan_source.title == "plan\\xff.md"
    assert canonical_plan(loaded)
