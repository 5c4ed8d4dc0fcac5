"""Every kind of bad call: one error line with a way out, the documented code, and nothing touched or made.

W12 and W13: the system that Verger replaces left junk runs behind, and answered with tracebacks.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.doubles.repository import run_git
from tests.doubles.workplace import (
    PLAYBOOK,
    POLICY,
    Result,
    Workplace,
    assert_refused,
    playbook,
    workplace,
)

RUN = ("run", PLAYBOOK)
GATE = (
    "mark-manual-gate",
    "latest",
    "--item",
    "02",
    "--decision",
    "approved",
    "--by",
    "Ada",
    "--note",
    "seen",
)
LONG = "R" * 300
NO_IDS = ("../../x", "", LONG, "RUN_20260101T000000Z_../../../../etc")


@contextmanager
def untouched(place: Workplace) -> Iterator[None]:
    before = place.everything()
    yield
    assert place.everything() == before


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """A repository in which Verger never ran, with evidence folders of every bad kind."""
    place = workplace(tmp_path_factory.mktemp("fresh"))
    (place.root / "empty").mkdir()
    (place.root / "nested" / "deeper").mkdir(parents=True)
    place.evidence("linked").joinpath("link").symlink_to("/etc/passwd")
    return place


@pytest.fixture(scope="module")
def waiting(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """A repository with one run, in which a person must decide about item 02."""
    place = workplace(tmp_path_factory.mktemp("waiting"))
    assert place.verger("run", PLAYBOOK, "--item", "02").code == 20
    return place


def refused(place: Workplace, argv: tuple[str, ...], code: int, *words: str) -> Result:
    with untouched(place):
        result = place.verger(*argv)
    assert_refused(result, code, *words)
    return result


ITEMS = {
    "an unknown item": (4, "has no item '99'", "--item", "99"),
    "an item that is a path": (4, "has no item '../01'", "--item", "../01"),
    "an item of 300 characters": (4, "(300 characters)", "--item", LONG),
    "an unmet prerequisite": (3, "item 04 waits for 01", "--item", "04"),
    "prerequisites in the wrong order": (3, "item 04 waits for 01", "--items", "04,01"),
    "an empty list": (2, "list of items is empty", "--items", ""),
    "a list with an empty place": (2, "has an empty place", "--items", "01,,02"),
    "an empty item": (2, "list of items is empty", "--item", ""),
    "the same item twice": (2, "stands twice", "--items", "01,02,01"),
}


@pytest.mark.parametrize("case", ITEMS)
def test_w12_a_run_of_items_that_cannot_be_leaves_nothing_behind(fresh: Workplace, case: str) -> None:
    code, words, *flags = ITEMS[case]
    refused(fresh, (*RUN, *flags), code, words)


PLAYBOOKS = {
    "missing": ("nowhere.md", "No such file"),
    "a folder": ("docs", "Is a directory"),
    "no markdown with a plan": ("verger.toml", "no section"),
    "a name of 300 characters": (LONG, "File name too long"),
}


@pytest.mark.parametrize("case", PLAYBOOKS)
def test_a_run_of_what_is_no_playbook_is_refused(fresh: Workplace, case: str) -> None:
    name, words = PLAYBOOKS[case]
    refused(fresh, ("run", name, "--next"), 4, words)


@pytest.mark.parametrize("command", ["list-items", "show-item --item 01", "playbook lint"])
def test_a_playbook_that_cannot_be_read_is_refused_by_every_command(fresh: Workplace, command: str) -> None:
    for name, words in (PLAYBOOKS["missing"], PLAYBOOKS["a folder"]):
        refused(fresh, (*command.split(), name), 4, words)


EVIDENCE = {
    "missing": ("nowhere", "is no folder"),
    "a file": ("repository/playbook.md", "is no folder"),
    "empty": ("empty", "is empty"),
    "only folders": ("nested", "is empty"),
    "with a link": ("linked", "is a link"),
}


@pytest.mark.parametrize("case", EVIDENCE)
def test_w12_a_run_with_bad_evidence_leaves_nothing_behind(fresh: Workplace, case: str) -> None:
    name, words = EVIDENCE[case]
    refused(fresh, (*RUN, "--item", "03", "--external-evidence-dir", str(fresh.root / name)), 4, words)


CLASHES = {
    "--item with --items": (2, "not allowed with", *RUN, "--item", "01", "--items", "02"),
    "--item with --next": (2, "not allowed with", *RUN, "--item", "01", "--next"),
    "neither of them": (2, "required", *RUN),
    "--items with evidence": (2, "do not go", *RUN, "--items", "01,03", "--external-evidence-dir", "docs"),
    "FILE with --playbook": (2, "named twice", *RUN, "--playbook", PLAYBOOK, "--next"),
    "no playbook": (2, "no playbook was named", "run", "--next"),
    "--all with RUN": (2, "do not go together", "status", "--all", "latest"),
    "--all with --run-id": (2, "do not go together", "status", "--all", "--run-id", "latest"),
    "RUN with --run-id": (2, "named twice", "resume", "latest", "--run-id", "latest"),
    "--max-items 0": (2, "'0' is no whole number", *RUN, "--next", "--max-items", "0"),
    "--max-items x": (2, "'x' is no whole number", *RUN, "--next", "--max-items", "x"),
    "--max-items -1": (2, "--max-items", *RUN, "--next", "--max-items", "-1"),
    "--max-items of 5000 digits": (2, "(5000 characters)", *RUN, "--next", "--max-items", "9" * 5000),
    "an unknown command": (2, "invalid choice: 'runn'", "runn"),
    "no command": (2, "COMMAND"),
    "an unknown flag": (2, "--frobnicate", "status", "--frobnicate"),
    "a flag cut short": (2, "--max", *RUN, "--next", "--max", "1"),
    "an unknown verb": (2, "invalid choice: 'mend'", "playbook", "mend", PLAYBOOK),
    "an unknown format": (2, "invalid choice: 'xml'", "status", "--format", "xml"),
    "an unknown decision": (2, "invalid choice: 'maybe'", *GATE[:4], "--decision", "maybe"),
    "a word too many": (2, "unrecognized arguments", "status", "latest", "more"),
    "an unknown flag with a newline": (2, r"--a\nb", "status", "--a\nb"),
    "a policy file that is not there": (4, "is missing", *RUN, "--next", "--config", "nowhere.toml"),
    "--agents without a role": (4, "is no ROLE=NAME", *RUN, "--next", "--agents", "worker"),
}


@pytest.mark.parametrize("case", CLASHES)
def test_w13_flags_that_make_no_sense_are_one_line_and_a_hint(fresh: Workplace, case: str) -> None:
    code, words, *argv = CLASHES[case]
    assert len(refused(fresh, tuple(argv), code, words).stderr.splitlines()) == 1


@pytest.mark.parametrize("command", ["resume", "status", "doctor", "mark-manual-gate"])
def test_w26_a_run_id_is_no_path_and_makes_nothing(waiting: Workplace, command: str) -> None:
    rest = GATE[2:] if command == "mark-manual-gate" else ()
    for text in NO_IDS:
        result = refused(waiting, (command, "--run-id", text, *rest), 4, "cannot begin a run id")
        assert len(result.stderr) < 400
    # A well-formed id of no run: a typing mistake makes no folder either.
    refused(waiting, (command, f"RUN_20260101T000000Z_{'0' * 32}", *rest), 4, "no run")


@pytest.mark.parametrize("command", ["resume", "status", "mark-manual-gate"])
def test_where_no_run_was_ever_made_the_way_out_is_to_begin_one(fresh: Workplace, command: str) -> None:
    refused(fresh, (command, *(GATE[1:] if command == GATE[0] else ())), 4, "no run was ever made")


GATES = {
    "another item": (3, "item '01' of run", {"--item": "01"}),
    "an unknown item": (3, "awaits no decision", {"--item": "../x"}),
    "nobody": (2, "--by is empty", {"--by": " "}),
    "no reason": (2, "--note is empty", {"--note": ""}),
}


@pytest.mark.parametrize("case", GATES)
def test_a_decision_that_cannot_be_recorded_touches_nothing(waiting: Workplace, case: str) -> None:
    code, words, changed = GATES[case]
    argv = list(GATE)
    for flag, value in changed.items():
        argv[argv.index(flag) + 1] = value
    refused(waiting, tuple(argv), code, words)


def test_a_decision_with_evidence_that_is_no_file_touches_nothing(waiting: Workplace) -> None:
    for path in ("nowhere.txt", "docs"):
        refused(waiting, (*GATE, "--evidence-path", path), 4, "is no file")


def test_a_resume_while_a_person_must_decide_says_so_and_touches_nothing(waiting: Workplace) -> None:
    refused(waiting, ("resume",), 20, "awaits a human gate", "verger mark-manual-gate RUN_")


def test_a_resume_with_bad_evidence_touches_nothing(waiting: Workplace) -> None:
    argv = ("resume", "--external-evidence-dir", str(waiting.root / "nowhere"))
    refused(waiting, argv, 4, "is no folder")


def dirty(place: Workplace) -> None:
    (place.repository / "docs" / "index.md").write_text("changed\n", encoding="utf-8")


def staged(place: Workplace) -> None:
    (place.repository / "new.md").write_text("new\n", encoding="utf-8")
    place.git("add", "new.md")


def without_identity(place: Workplace) -> None:
    place.git("config", "--unset", "user.email")


def without_commits(place: Workplace) -> None:
    place.git("update-ref", "-d", "refs/heads/main")


def without_scenario(place: Workplace) -> None:
    text = POLICY.replace("scenario.toml", "nowhere.toml")
    (place.repository / "verger.toml").write_text(text, encoding="utf-8")
    place.git("commit", "-q", "-am", "another scenario")


def without_program(place: Workplace) -> None:
    text = POLICY.replace(
        'kind = "scripted", scenario = "scenario.toml"', 'kind = "generic", command = ["gone-9"]'
    )
    (place.repository / "verger.toml").write_text(text, encoding="utf-8")
    place.git("commit", "-q", "-am", "another agent")


def without_consulted_file(place: Workplace) -> None:
    place.git("rm", "-q", "docs/index.md")
    place.git("commit", "-q", "-m", "no docs")


def without_state_folder(place: Workplace) -> None:
    place.state.write_text("a file in its place\n", encoding="utf-8")


WORLDS = {
    dirty: (6, "uncommitted changes: docs/index.md"),
    staged: (6, "uncommitted changes: new.md"),
    without_identity: (6, "does not know who commits"),
    without_commits: (6, "has no commits"),
    without_scenario: (6, "agent 'worker' cannot be started", "nowhere.toml"),
    without_program: (6, "agent 'worker' cannot be started", "'gone-9' is not on PATH"),
    without_consulted_file: (4, "docs/ (missing)"),
    without_state_folder: (6, "runs cannot be kept in", "it is no folder"),
}


@pytest.mark.parametrize("world", WORLDS, ids=lambda world: world.__name__)
def test_w12_a_world_that_is_not_ready_is_refused_before_anything_is_made(tmp_path: Path, world) -> None:
    place = workplace(tmp_path)
    world(place)
    code, *words = WORLDS[world]
    refused(place, (*RUN, "--item", "01"), code, *words)


def test_an_agent_that_is_not_defined_is_refused_with_those_that_are(fresh: Workplace) -> None:
    refused(
        fresh,
        (*RUN, "--next", "--agents", "worker=nobody"),
        3,
        "agent 'nobody'",
        "reader-a, reader-b, worker",
    )


def test_without_any_policy_the_hint_is_a_whole_example(tmp_path: Path) -> None:
    place = workplace(tmp_path)
    place.git("rm", "-q", "verger.toml")
    place.git("commit", "-q", "-m", "no policy")
    refused(place, (*RUN, "--next"), 3, "no agent is named", "\n  [agents]\n")


@pytest.mark.parametrize("argv", [("run", "p.md", "--next"), ("resume",), ("status",), ("doctor",), GATE])
def test_outside_of_a_repository_every_command_says_so(tmp_path: Path, argv: tuple[str, ...]) -> None:
    place = Workplace(tmp_path)
    place.home.mkdir()
    place.repository.mkdir()
    (place.repository / "p.md").write_text(playbook(()), encoding="utf-8")
    refused(place, argv, 6, "is in no git repository")


def test_a_bare_repository_is_refused(tmp_path: Path) -> None:
    place = Workplace(tmp_path)
    place.home.mkdir()
    place.repository.mkdir()
    run_git(place.repository, "init", "-q", "--bare")
    refused(place, ("status",), 6, "is a bare repository")


def test_a_folder_that_is_not_there_is_not_taken_for_the_one_above(fresh: Workplace) -> None:
    refused(fresh, ("-C", "nowhere", "status", "--all"), 6, "cannot work in nowhere")
    refused(fresh, ("-C", PLAYBOOK, "status", "--all"), 6, "it is no folder")
    refused(fresh, ("-C", LONG, "status", "--all"), 6, "File name too long")


@pytest.mark.parametrize(
    "argv", [(*RUN, "--item"), (*GATE[:2], "--item", "02", *GATE[4:-1]), ("status", "--run-id")]
)
def test_words_that_are_no_utf8_are_refused_before_they_reach_a_record(
    waiting: Workplace, argv: tuple[str, ...]
) -> None:
    with untouched(waiting):
        result = waiting.verger(*argv, b"\xff\xfe")
    assert_refused(result, 2, "is no UTF-8 text")


def test_a_repository_whose_path_is_no_utf8_is_refused(tmp_path: Path) -> None:
    place = workplace(tmp_path / "plain")
    odd = Path(f"{tmp_path}/\udcff")
    place.root.rename(odd)
    moved = Workplace(odd)
    with untouched(moved):
        assert_refused(moved.verger("doctor"), 6, r"\udcff/repository is no UTF-8 text")


def test_a_playbook_with_problems_lists_all_of_them(fresh: Workplace) -> None:
    wrong = Path(__file__).parents[1] / "data" / "playbooks" / "everything_wrong.md"
    expected = wrong.with_suffix(".txt").read_text(encoding="utf-8").splitlines()
    result = refused(fresh, ("run", str(wrong), "--next"), 4, f"has {len(expected)} problems")
    assert result.stderr.splitlines()[1:] == [f"  {line}" for line in expected]
