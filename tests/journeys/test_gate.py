"""A person's decision on an item: approved, rejected, too late, twice, in a hurry, and through a kill."""

import shutil
from pathlib import Path

import msgspec
import pytest
from tests.doubles.notes import PLAYBOOK, WRITTEN, gated, item, writing
from tests.doubles.workplace import Result, Workplace, assert_refused, workplace

from verger_kernel.rules.events import GateDecided, ItemClosed
from verger_kernel.rules.ids import EffectId
from verger_kernel.rules.packs import TaskSpecification
from verger_probes.locks import acquire

ROWS = (gated("02"), item("04", prerequisites="02"))


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folders of a place that moved away, so that a copy of them is that place and not its double."""
    root = tmp_path_factory.mktemp("gate")
    ended = workplace(root / "place", rows=ROWS).verger("run", PLAYBOOK, "--next")
    assert ended.code == 20, ended
    return (root / "place").rename(root / "moved")


@pytest.fixture
def place(original: Path, tmp_path: Path) -> Workplace:
    """A run in which a person must decide about item 02."""
    return Workplace(shutil.copytree(original, tmp_path / "place", symlinks=True))


def decide(place: Workplace, decision: str = "approved", *more: str) -> Result:
    """What comes of a decision on item 02."""
    return place.verger(*argv(decision), *more)


def argv(decision: str) -> tuple[str, ...]:
    return (
        *("mark-manual-gate", "latest", "--item", "02", "--decision", decision),
        *("--by", "Ada", "--note", "read it", "--json"),
    )


def gate_record(place: Workplace) -> str:
    return place.run().attempt("02", 1).gate.read_text(encoding="utf-8")


def assert_closed_once(place: Workplace) -> None:
    """One decision on record, one move of the run branch, one commit on it."""
    assert [event.decision.outcome for event in place.events(GateDecided)] == ["approved"]
    assert len(place.events(ItemClosed)) == 1
    assert place.git("rev-list", "--count", f"main..{place.run_branch()}") == "1"
    assert place.git("show", f"{place.run_branch()}:docs/02.md") == "a note"


def test_an_approval_closes_the_item_and_begins_no_other(place: Workplace) -> None:
    assert place.run_branch() == place.git("rev-parse", "main")
    result = decide(place)
    assert (result.code, result.json["current_state"]) == (0, "idle")
    assert (result.json["passed"], result.json["last_terminal_state"]) == (["02"], "passed")
    assert_closed_once(place)
    assert place.verger("resume").code == 0
    assert place.verger("status", "--json").json["passed"] == 2


def test_a_rejection_escalates_and_a_resume_begins_a_fresh_attempt(place: Workplace) -> None:
    result = decide(place, "rejected")
    assert (result.code, result.json["current_state"]) == (0, "escalated")
    assert result.json["why"] == "Ada rejected it: read it"
    assert place.run_branch() == place.git("rev-parse", "main")
    assert_refused(decide(place), 3, "awaits no decision")
    better = WRITTEN.replace(writing("02"), writing("02", "a better note\n"))
    (place.repository / "scenario.toml").write_text(better, encoding="utf-8")
    assert place.verger("resume").code == 20
    view = place.verger("status", "--json").json
    assert (view["current_state"], view["attempt"]) == ("awaiting_human_gate", 2)
    told = place.run().attempt("02", 2).call(EffectId("02/a2/r0/execute/t1")).task
    (point,) = msgspec.json.decode(told.read_bytes(), type=TaskSpecification).rework
    assert point.title == "A person rejected an earlier attempt. Ada: read it"
    assert [(gate["attempt"], gate["status"]) for gate in view["gates"]] == [(1, "rejected"), (2, "pending")]
    assert decide(place).code == 0
    assert place.git("show", f"{place.run_branch()}:docs/02.md") == "a better note"


def test_a_decision_counts_once(place: Workplace) -> None:
    assert decide(place).code == 0
    branch = place.run_branch()
    assert_refused(decide(place), 3, "awaits no decision")
    assert_refused(decide(place, "rejected"), 3, "awaits no decision")
    assert place.run_branch() == branch
    assert_closed_once(place)


def test_every_view_of_a_decision_says_how_far_it_can_be_trusted(place: Workplace) -> None:
    paper = place.root / "minutes.txt"
    paper.write_text("we met\n", encoding="utf-8")
    assert '"decision": null' in gate_record(place)
    assert "gates        02 pending" in place.verger("status").stdout
    assert decide(place, "approved", "--evidence-path", str(paper)).code == 0
    assert '"assurance": "recorded"' in gate_record(place)
    (event,) = place.events(GateDecided)
    assert (event.decision.assurance, event.decision.by) == ("recorded", "Ada")
    assert [file.path for file in event.decision.evidence] == [str(paper)]
    (gate,) = place.verger("status", "--json").json["gates"]
    assert gate == {
        "item": "02",
        "attempt": 1,
        "status": "approved",
        "by": "Ada",
        "assurance": "recorded",
        "evidence_changed": [],
    }
    assert "gates        02 approved by Ada (recorded)" in place.verger("status").stdout


def test_a_gate_whose_branch_somebody_moved_is_stale_and_records_nothing(place: Workplace) -> None:
    branch = f"refs/heads/orchestrator/run/{place.run().root.name}"
    tip = place.run_branch()
    place.git("commit", "-q", "--allow-empty", "-m", "elsewhere")
    for spoil in (
        ("update-ref", branch, "main"),
        ("update-ref", "-d", branch),
        ("symbolic-ref", branch, "HEAD"),
    ):
        place.git(*spoil)
        before = place.everything()
        assert_refused(decide(place), 3, "orchestrator/run/")
        assert place.everything() == before
        place.git("update-ref", "--no-deref", branch, tip)
    assert decide(place).code == 0


def test_a_run_branch_that_somebody_checked_out_is_left_alone(place: Workplace) -> None:
    place.git("checkout", "-q", f"orchestrator/run/{place.run().root.name}")
    before = place.everything()
    assert_refused(decide(place), 3, "is checked out at", "switch --detach")
    assert place.everything() == before
    place.git("checkout", "-q", "--detach")
    assert decide(place).code == 0


def test_w16_a_decision_while_another_process_holds_the_run_is_refused(place: Workplace) -> None:
    before = place.everything()
    lock = acquire(place.run().run_lock)
    try:
        assert_refused(decide(place), 5, "is held by pid ", "wait until it is done")
        assert_refused(place.verger("resume"), 5, "is held by pid ")
    finally:
        lock.release()
    assert place.everything() == before
    assert decide(place).code == 0


# The records of a decision: the invocation's start, the decision, the item's close, the invocation's end.
@pytest.mark.parametrize(
    ("number", "when"),
    [(1, "after"), (2, "before"), (2, "after"), (3, "before"), (3, "after"), (4, "before")],
)
def test_w3_a_decision_that_is_cut_short_is_taken_up_and_never_taken_twice(
    place: Workplace, number: int, when: str
) -> None:
    assert place.killed_at(number, when, *argv("approved")).code == -9
    if place.events(GateDecided):
        assert_refused(decide(place), 3, "awaits no decision")
        # Killed once more while it is taken up.
        if not place.events(ItemClosed):
            assert place.killed_at(2, "before", "resume").code == -9
            assert place.verger("resume", "--max-items", "1").code == 0
    else:
        assert_refused(place.verger("resume"), 20, "awaits a human gate")
        assert decide(place).code == 0
    assert_closed_once(place)
    assert '"status": "approved"' in gate_record(place)


def test_w3_a_decision_whose_record_could_not_be_shown_still_stands(place: Workplace) -> None:
    assert decide(place).code == 0
    place.run().attempt("02", 1).gate.write_bytes(b"{}\xff")
    view = place.verger("status", "--json").json
    assert (view["passed"], view["gates"], view["status_level"]) == (1, [], "ok")
    assert place.verger("doctor", "latest").code == 0


def test_a_note_cannot_steer_the_terminal(place: Workplace) -> None:
    note = "fine\x1b]0;title\x07\nresult  approved"
    result = place.verger(*argv("rejected")[:-3], "--note", note)
    assert result.code == 0
    for text in (result.stdout, result.stderr, place.verger("status").stdout):
        assert r"fine\x1b]0;title\x07\nresult  approved" in text
        assert "\x1b" not in text


def test_w2_a_plan_that_was_changed_on_disk_is_refused_and_can_be_put_back(place: Workplace) -> None:
    for file, code in ((place.run().plan, 4), (place.run().policy, 4)):
        good = file.read_bytes()
        for bad in (
            good.replace(b"Write note", b"Erase note").replace(b'"worker"', b'"reader-a"', 1),
            b"\xff{",
            b"",
        ):
            file.chmod(0o600)
            file.write_bytes(bad)
            assert_refused(decide(place), code, file.name)
        file.write_bytes(good)
    assert decide(place).code == 0
    place.run().policy.write_bytes(b"")
    assert_refused(place.verger("resume"), 4, "runtime_policy.json cannot be read")
