"""Every kind of bad call: one error line with a way out, the documented code, and nothing touched or made.

W12 and W13: the system that Verger replaces left junk runs behind, and answered with tracebacks.
"""

from pathlib import Path

import pytest
from tests.doubles.notes import PLAYBOOK
from tests.doubles.workplace import Workplace, assert_refused, refused, untouched, workplace

RUN = ("run", PLAYBOOK)
GATE = (
    *("mark-manual-gate", "latest", "--item", "02", "--decision", "approved"),
    *("--by", "Ada", "--note", "seen"),
)
LONG = "R" * 300
NO_IDS = ("../../x", "", LONG, "RUN_20260101T000000Z_../../../../etc")


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
    "with a link": ("linked", "is no regular file"),
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
    "no playbook": (2, "no playbook was named; hint: verger run FILE", "run", "--next"),
    "no playbook for a verb": (2, "named; hint: verger playbook lint FILE", "playbook", "lint"),
    "--all with RUN": (2, "do not go together", "status", "--all", "latest"),
    "--all with --run-id": (2, "do not go together", "status", "--all", "--run-id", "latest"),
    "RUN with --run-id": (2, "named twice", "resume", "latest", "--run-id", "latest"),
    "--max-items 0": (2, "'0' is no whole number", *RUN, "--next", "--max-items", "0"),
    "--max-items x": (2, "'x' is no whole number", *RUN, "--next", "--max-items", "x"),
    "--max-items -1": (2, "--max-items", *RUN, "--next", "--max-items", "-1"),
    "--max-items of 5000 digits": (2, "(5000 characters)", *RUN, "--next", "--max-items", "9" * 5000),
    "an unknown command": (2, "no command 'runn'", "runn"),
    "no command": (2, "COMMAND"),
    "an unknown flag": (2, "--frobnicate", "status", "--frobnicate"),
    "a flag cut short": (2, "--max", *RUN, "--next", "--max", "1"),
    "an unknown verb": (2, "mend", "playbook", "mend", PLAYBOOK),
    "an unknown format": (2, "xml", "status", "--format", "xml"),
    "an unknown decision": (2, "maybe", *GATE[:4], "--decision", "maybe"),
    "a word too many": (2, "more", "status", "latest", "more"),
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


def test_an_agent_that_is_not_defined_is_refused_with_those_that_are(fresh: Workplace) -> None:
    refused(
        fresh,
        (*RUN, "--next", "--agents", "worker=nobody"),
        3,
        "agent 'nobody'",
        "reader-a, reader-b, worker",
    )


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


def test_a_playbook_with_problems_lists_all_of_them(fresh: Workplace) -> None:
    wrong = Path(__file__).parents[1] / "data" / "playbooks" / "everything_wrong.md"
    expected = wrong.with_suffix(".txt").read_text(encoding="utf-8").splitlines()
    result = refused(fresh, ("run", str(wrong), "--next"), 4, f"has {len(expected)} problems")
    assert result.stderr.splitlines()[1:] == [f"  {line}" for line in expected]
