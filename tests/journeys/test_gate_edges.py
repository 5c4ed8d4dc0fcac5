"""The edges of a gate: a decision that came too late or twice, evidence that changed, a branch on the move, a kill.

Not here: the plain decisions; see test_gate.py.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.doubles.notes import PLAYBOOK, gated, item
from tests.doubles.sweeps import swept
from tests.doubles.workplace import Result, Workplace, assert_refused, refused, workplace

from verger_kernel.rules.events import GateDecided, ItemClosed
from verger_probes.locks import acquire

ROWS = (gated("02"), item("04", prerequisites="02"))
DYING_KERNEL = Path(__file__).parents[1] / "doubles" / "dying_kernel.py"


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folders of a place that moved away, so that a copy of them is that place and not its double."""
    root = tmp_path_factory.mktemp("edges")
    assert workplace(root / "place", rows=ROWS).verger("run", PLAYBOOK, "--next").code == 20
    return (root / "place").rename(root / "moved")


@pytest.fixture
def place(original: Path, tmp_path: Path) -> Workplace:
    """A run in which a person must decide about item 02."""
    return Workplace(shutil.copytree(original, tmp_path / "place", symlinks=True))


def argv(decision: str = "approved", item_id: str = "02", run: str = "latest") -> tuple[str, ...]:
    named = ("mark-manual-gate", run, "--item", item_id, "--decision", decision)
    return (*named, "--by", "Ada", "--note", "read it", "--json")


def decide(place: Workplace, decision: str = "approved", *more: str) -> Result:
    return place.verger(*argv(decision), *more)


def outcomes(place: Workplace) -> list[str]:
    return [event.decision.outcome for event in place.events(GateDecided)]


def asked(place: Workplace) -> dict[str, str]:
    """What the gate asks about now, as its file shows it to a person."""
    attempt = place.verger("status", "--json").json["attempt"]
    return json.loads(place.run().attempt("02", attempt).gate.read_bytes())["asked"]


def assert_closed_once(place: Workplace) -> None:
    """One decision on record, one move of the run branch, one commit on it."""
    assert outcomes(place) == ["approved"]
    assert len(place.events(ItemClosed)) == 1
    assert place.git("rev-list", "--count", f"main..{place.run_branch()}") == "1"


def test_a_decision_about_what_was_asked_before_is_stale(place: Workplace) -> None:
    first = asked(place)
    assert decide(place, "rejected", "--gate-nonce", first["gate_nonce"]).code == 0
    assert place.verger("resume").code == 20
    second = asked(place)
    assert second["gate_nonce"] != first["gate_nonce"]
    late = (*argv(), "--gate-nonce", first["gate_nonce"])
    refused(place, late, 3, "the decision is stale", "gate_nonce", "item 02 attempt 2")
    refused(place, (*argv(), "--gate-nonce", ""), 3, "the decision is stale")
    assert decide(place, "approved", "--gate-nonce", second["gate_nonce"]).code == 0
    assert outcomes(place) == ["rejected", "approved"]


def test_a_rejection_keeps_the_words_and_no_approval_follows_it(place: Workplace) -> None:
    assert decide(place, "rejected").code == 0
    view = place.verger("status", "--json").json
    assert (view["current_state"], view["why"]) == ("escalated", "Ada rejected it: read it")
    manifest = place.run().attempt("02", 1).escalation.read_text(encoding="utf-8")
    assert "Ada rejected it: read it" in manifest
    refused(place, argv(), 3, "awaits no decision")
    refused(place, argv("rejected"), 3, "awaits no decision")
    assert outcomes(place) == ["rejected"]


def test_evidence_that_changes_after_the_decision_is_noticed(place: Workplace) -> None:
    paper, minutes = place.root / "paper.txt", place.root / "minutes.txt"
    for file in (paper, minutes):
        file.write_text("we met\n", encoding="utf-8")
    files = ("--evidence-path", str(paper), "--evidence-path", str(minutes))
    assert decide(place, "approved", *files).code == 0
    assert "its evidence" not in place.verger("status").stdout
    assert place.verger("doctor", "latest", "--json").json["ok"]
    paper.write_text("we never met\n", encoding="utf-8")
    minutes.unlink()
    (gate,) = place.verger("status", "--json").json["gates"]
    assert gate["evidence_changed"] == [f"{paper} was changed", f"{minutes} is gone"]
    shown = f"02 approved by Ada (recorded); its evidence: {paper} was changed, {minutes} is gone"
    assert shown in place.verger("status").stdout
    found = {check["name"]: check for check in place.verger("doctor", "latest", "--json").json["checks"]}
    assert found["gate_evidence"]["status"] == "warning"
    assert f"{paper} was changed; {minutes} is gone" in found["gate_evidence"]["detail"]
    # The decision stands: nothing of what was recorded is taken back.
    assert place.verger("resume").code == 0


def gone(folder: Path) -> Path:
    return folder / "gone.txt"


def a_folder(folder: Path) -> Path:
    (folder / "folder").mkdir()
    return folder / "folder"


def a_link_that_leads_out(folder: Path) -> Path:
    (folder / "link.txt").symlink_to("/etc/hostname")
    return folder / "link.txt"


def nothing_in_it(folder: Path) -> Path:
    (folder / "empty.txt").touch()
    return folder / "empty.txt"


def a_pipe(folder: Path) -> Path:
    os.mkfifo(folder / "pipe")
    return folder / "pipe"


EVIDENCE = {
    gone: "is no file that can be read: No such file",
    a_folder: "is no file that can be read: Is a directory",
    a_link_that_leads_out: "is a link to /etc/hostname",
    nothing_in_it: "is empty",
    a_pipe: "is no file that can be read: it is no regular file",
}


def test_what_is_no_evidence_is_refused_in_one_line(place: Workplace, tmp_path: Path) -> None:
    (tmp_path / "papers").mkdir()
    for make, words in EVIDENCE.items():
        path = make(tmp_path / "papers")
        refused(place, (*argv(), "--evidence-path", str(path)), 4, f"evidence {path} {words}")


def test_a_run_branch_that_is_at_the_result_already_is_no_approval(place: Workplace) -> None:
    branch = f"refs/heads/orchestrator/run/{place.run().root.name}"
    before = place.run_branch()
    place.git("update-ref", branch, asked(place)["new"])
    refused(place, argv(), 3, "was moved to", f"git update-ref {branch} {before}")
    assert outcomes(place) == []
    place.git("update-ref", branch, before)
    assert decide(place).code == 0
    assert_closed_once(place)


def test_a_branch_that_moves_between_decision_and_close_is_told_and_the_decision_stands(
    place: Workplace,
) -> None:
    branch = f"refs/heads/orchestrator/run/{place.run().root.name}"
    before = place.run_branch()
    assert place.killed_at(2, "after", *argv()).code == -9
    place.git("commit", "-q", "--allow-empty", "-m", "elsewhere")
    place.git("update-ref", branch, "main")
    assert_refused(place.verger("resume"), 3, "was moved to", "move it back")
    place.git("update-ref", branch, before)
    assert place.verger("resume", "--max-items", "1").code == 0
    assert outcomes(place) == ["approved"]
    assert len(place.events(ItemClosed)) == 1


def died(place: Workplace, seam: str, number: int, when: str, *words: str) -> int:
    """The exit code of a kernel that dies there; asserts that it came that far."""
    ended = subprocess.run(
        (sys.executable, "-P", str(DYING_KERNEL), seam, str(number), when, "--", *words),
        cwd=place.repository,
        env=place.environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == -9, ended
    return ended.returncode


# Of a decision: start, decision, close and end are saved and shown, and one reference moves.
SEAMS = [
    (seam, number, when)
    for seam, number in (("save", 2), ("save", 3), ("move", 1), ("publish", 2), ("publish", 3))
    for when in ("before", "after")
]


@pytest.mark.parametrize(("seam", "number", "when"), swept(SEAMS, every=6))
def test_w3_a_decision_that_is_cut_short_anywhere_is_one_decision_and_one_move(
    place: Workplace, seam: str, number: int, when: str
) -> None:
    died(place, seam, number, when, *argv())
    if outcomes(place):
        assert_refused(decide(place), 3, "awaits no decision")
        if not place.events(ItemClosed):
            assert place.verger("resume", "--max-items", "1").code == 0
    else:
        assert decide(place).code == 0
    assert_closed_once(place)
    assert place.verger("doctor", "latest", "--fix-safe").code == 0
    (gate,) = place.verger("status", "--json").json["gates"]
    assert gate["status"] == "approved"


@pytest.mark.parametrize("second", ["approved", "rejected"])
def test_w16_of_two_decisions_at_the_same_moment_one_counts_and_the_other_is_told(
    place: Workplace, second: str
) -> None:
    both = [
        subprocess.Popen(
            (sys.executable, "-P", "-m", "verger_kernel", *argv(decision)),
            cwd=place.repository,
            env=place.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for decision in ("approved", second)
    ]
    said = [process.communicate(timeout=60)[1].decode() for process in both]
    codes = [process.returncode for process in both]
    assert sorted(codes) in ([0, 3], [0, 5]), said
    loser = said[codes.index(max(codes))]
    # The winner may hold the lock and not have signed it yet.
    assert any(
        words in loser for words in ("awaits no decision", "is held by pid ", "is held by another process")
    )
    winner = ("approved", second)[codes.index(0)]
    assert outcomes(place) == [winner]
    assert len(place.events(ItemClosed)) == (winner == "approved")


def test_only_an_item_of_the_run_that_is_at_its_gate_can_be_decided(place: Workplace) -> None:
    refused(place, argv(item_id="04"), 3, "item '04' of run", "awaits no decision", "verger status")
    refused(place, argv(item_id="99"), 3, "awaits no decision", "has no such item; its items are: 02, 04")
    unknown = f"RUN_20200101T000000Z_{'0' * 32}"
    refused(place, argv(run=unknown), 4, f"no run '{unknown}'", "verger status --all")
    assert place.verger("run", PLAYBOOK, "--item", "02").code == 20
    refused(place, argv(run="RUN_"), 4, "begins 2 run ids")


def test_w16_a_decision_while_a_resume_runs_names_its_pid(place: Workplace) -> None:
    # The resume of any run of the repository holds this lock as long as it drives.
    lock = acquire(place.repository / ".git" / "verger" / "driver.lock")
    try:
        refused(place, argv(), 5, f"is held by pid {os.getpid()}", "wait until it is done")
    finally:
        lock.release()
    assert decide(place).code == 0
    assert_closed_once(place)
