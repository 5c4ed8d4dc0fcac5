"""`playbook new` and `playbook fmt`, typed where a user types them."""

import json
import os
import re
from pathlib import Path

import pytest
from tests.doubles.notes import PLAYBOOK, item
from tests.doubles.workplace import Workplace, assert_refused, refused, untouched, workplace

from verger_kernel.commands.playbook import load_playbook
from verger_kernel.rules.playbook.alignment import aligned
from verger_kernel.rules.playbook.reader import read_playbook
from verger_kernel.rules.playbook.table import REQUIRED_COLUMNS, RESERVED_COLUMNS
from verger_kernel.width import width

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "playbook-contract.md").read_text(encoding="utf-8")


@pytest.fixture
def place(tmp_path: Path) -> Workplace:
    return workplace(tmp_path, rows=[item("01"), item("02", action="Write it.")])


def test_a_new_playbook_has_the_eleven_columns_reads_and_is_straight(place: Workplace) -> None:
    text = place.verger("playbook", "new").stdout
    plan = read_playbook(text.encode(), path="p.md", generated_at_utc="")
    header = re.findall(r"^\| step_id.*", text, re.MULTILINE)
    assert [cell.strip() for cell in header[0].strip("|").split("|")] == list(REQUIRED_COLUMNS)
    assert [one.item_id for one in plan.items] == ["01"]
    assert aligned(text.encode(), width) == text.encode()
    assert not plan.global_context.primary_goal.startswith("<!--")


def test_the_comments_of_a_new_playbook_name_every_column_of_the_contract(place: Workplace) -> None:
    text = place.verger("playbook", "new").stdout
    section = PAGE.partition("\n## Columns\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (`.*?) \|", section, re.MULTILINE)
    columns = [name for row in rows for name in re.findall(r"`(\w+)`", row)]
    named = re.findall(r"^([a-z_]+)  +\S", text, re.MULTILINE)
    assert sorted(named) == sorted(set(columns) - set(RESERVED_COLUMNS))
    assert set(named) >= set(REQUIRED_COLUMNS)


def test_a_new_playbook_is_written_and_lint_fmt_and_explain_have_nothing_against_it(place: Workplace) -> None:
    made = place.verger("playbook", "new", "plan.md")
    assert (made.code, made.stderr) == (0, "")
    assert made.stdout == f"{place.repository}/plan.md: written; put your own items in place of the example\n"
    with untouched(place):
        assert place.verger("playbook", "lint", "plan.md").code == 0
        assert place.verger("playbook", "fmt", "--check", "plan.md").stdout == ""
        explained = place.verger("playbook", "explain", "plan.md", "01", "--json").json
    assert explained["write_roots"] == ["docs"]
    assert explained["obstacles"] == []


def test_a_new_playbook_carries_its_example_item_through_a_run(tmp_path: Path) -> None:
    steps = '{ do = "write", path = "docs/greeting.md", text = "Good day, reader.\\n" }'
    script = f'schema_version = "verger.scenario.v1"\n[[call]]\nstage = "execute"\nitem = "01"\nsteps = [{steps}]\n'
    place = workplace(tmp_path, script=script)
    assert place.verger("playbook", "new", "plan.md").code == 0
    ended = place.verger("run", "plan.md", "--next")
    assert ended.code == 0, ended


def test_a_name_that_is_taken_is_refused(place: Workplace) -> None:
    refused(place, ("playbook", "new", PLAYBOOK), 4, "something has that name already")
    refused(place, ("playbook", "new", "docs"), 4, "something has that name already")
    refused(place, ("playbook", "new", "gone/plan.md"), 6, "No such file or directory")


def test_new_in_json_tells_the_path_and_the_text(place: Workplace) -> None:
    assert place.verger("playbook", "new", "--json").json["path"] is None
    found = place.verger("playbook", "new", "plan.md", "--json").json
    assert found["path"] == f"{place.repository}/plan.md"
    assert found["text"] == (place.repository / "plan.md").read_text(encoding="utf-8")


def test_fmt_straightens_every_file_and_says_which(place: Workplace) -> None:
    path, straight = place.repository / PLAYBOOK, place.repository / "plan.md"
    assert place.verger("playbook", "new", "plan.md").code == 0
    path.chmod(0o600)
    before, untold = load_playbook(path, ""), straight.stat().st_ino
    done = place.verger("playbook", "fmt", PLAYBOOK, "plan.md")
    assert (done.code, done.stdout, done.stderr) == (0, f"{path}: aligned\n", "")
    assert [one.action for one in load_playbook(path, "").items] == [one.action for one in before.items]
    assert path.stat().st_mode & 0o777 == 0o600
    assert straight.stat().st_ino == untold
    again = place.verger("playbook", "fmt", PLAYBOOK)
    assert (again.code, again.stdout) == (0, "")


def test_fmt_check_names_what_would_change_and_changes_nothing(place: Workplace) -> None:
    with untouched(place):
        text = place.verger("playbook", "fmt", "--check", PLAYBOOK)
        found = place.verger("playbook", "fmt", "--check", "--json", PLAYBOOK)
    assert (text.code, text.stdout) == (4, f"{place.repository / PLAYBOOK}\n")
    assert (found.code, found.json) == (4, [{"path": str(place.repository / PLAYBOOK), "changed": True}])


def test_one_file_that_does_not_read_leaves_all_files_alone(place: Workplace) -> None:
    (place.repository / "bad.md").write_text("## 2. P\n", encoding="utf-8")
    lint = place.verger("playbook", "lint", "bad.md").stdout
    ended = refused(place, ("playbook", "fmt", PLAYBOOK, "bad.md"), 4, "cannot use playbook", "lint FILE")
    assert ended.stderr.splitlines()[1].strip() in lint
    refused(place, ("playbook", "fmt", PLAYBOOK, "gone.md"), 4, "cannot read playbook")


def test_fmt_writes_the_file_behind_a_link(place: Workplace) -> None:
    (place.repository / "link.md").symlink_to(PLAYBOOK)
    assert place.verger("playbook", "fmt", "link.md").code == 0
    assert (place.repository / "link.md").readlink() == Path(PLAYBOOK)
    assert place.verger("playbook", "fmt", "--check", PLAYBOOK).code == 0


def test_fmt_refuses_what_is_no_file(place: Workplace) -> None:
    assert_refused(place.verger("playbook", "fmt", "docs"), 4, "Is a directory")
    read, write = os.pipe()
    os.write(write, (place.repository / PLAYBOOK).read_bytes())
    os.close(write)
    try:
        with untouched(place):
            ended = place.verger("playbook", "fmt", f"/proc/{os.getpid()}/fd/{read}")
    finally:
        os.close(read)
    assert_refused(ended, 6, "cannot align playbook")


EXAMPLES = re.findall(r"^cell +(.*)\n((?:command +.*\n)+)", PAGE, re.MULTILINE)


def test_the_contract_shows_escapes() -> None:
    assert len(EXAMPLES) >= 4


@pytest.mark.parametrize(("cell", "commands"), EXAMPLES)
def test_the_escapes_of_the_contract_read_as_it_says(place: Workplace, cell: str, commands: str) -> None:
    path = place.repository / "plan.md"
    row = item("01", required_verification_commands=cell)
    path.write_text((place.repository / PLAYBOOK).read_text().replace(item("01"), row), encoding="utf-8")
    wanted = [line.removeprefix("command").strip() for line in commands.splitlines()]
    assert list(load_playbook(path, "").items[0].verification_hints.required_commands) == wanted
    shown = json.loads(place.verger("show-item", "plan.md", "--item", "01", "--json").stdout)
    assert shown["verification_hints"]["required_commands"] == wanted
    assert place.verger("playbook", "fmt", "plan.md").code == 0
    assert list(load_playbook(path, "").items[0].verification_hints.required_commands) == wanted


@pytest.mark.parametrize("text", re.findall(r"^```markdown\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))
def test_every_playbook_of_the_contract_reads(text: str) -> None:
    assert read_playbook(text.encode(), path="p.md", generated_at_utc="").items
