"""Evidence from outside reaches the item it was brought for, whatever happens in between, and no other.

Not here: the folder itself; see tests/kernel/disk.
"""

import pytest
from tests.doubles.walk import Walk, facts, frame, walk

from verger_kernel.rules import effects as f
from verger_kernel.rules import events as e
from verger_kernel.rules import state as s


def test_the_first_prepared_item_takes_the_evidence_and_leaves_none() -> None:
    made = Walk(frame(facts("01", evidence=True), facts("02", evidence=True)))
    made.start("01", "02", evidence="/evidence")
    made.until(s.Preparing)
    assert made.state.outstanding[0].evidence == "/evidence"
    made.rest()
    assert made.passed == ("01",)
    assert isinstance(made.stage, s.BlockedExternal)
    assert made.spot.item == "02"


def test_evidence_outlives_a_crash_until_it_is_taken() -> None:
    made = Walk(frame(facts(evidence=True)))
    made.start("01", evidence="/evidence")
    made.start(kind="resume")
    made.until(s.Preparing)
    (prepare,) = made.start(kind="resume")
    assert isinstance(prepare, f.PrepareWorktree)
    assert prepare.evidence == "/evidence"
    assert made.until(s.Working).state.evidence == ""


def test_a_folder_that_could_not_be_taken_can_be_replaced() -> None:
    made = Walk(frame(facts(evidence=True)))
    made.start("01", evidence="/gone")
    made.until(s.Preparing)
    made.tell(e.EffectFailed(effect=made.state.outstanding[0].id, what="no such folder"))
    made.end()
    (prepare,) = made.start(kind="resume", evidence="/here")
    assert isinstance(prepare, f.PrepareWorktree)
    assert prepare.evidence == "/here"


def test_evidence_that_comes_in_the_midst_of_an_item_reaches_no_other() -> None:
    made = Walk(frame(facts("01", evidence=True), facts("02", evidence=True)))
    made.start("01", "02", evidence="/first")
    made.until(s.Working)
    made.start(kind="resume", evidence="/again")
    made.rest()
    assert isinstance(made.stage, s.BlockedExternal)
    assert made.spot.item == "02"


def test_evidence_of_a_killed_invocation_reaches_no_item_of_the_next() -> None:
    made = Walk(frame(facts("01", evidence=True)))
    made.start()
    made.rest().end()
    made.start(kind="resume", evidence="/for-nothing")
    made.start("01", kind="resume")
    assert isinstance(made.stage, s.BlockedExternal)


def test_evidence_for_nothing_is_forgotten_with_its_invocation() -> None:
    made = Walk(frame(facts("01", evidence=True)))
    made.start(evidence="/evidence")
    made.rest()
    made.end()
    made.start("01", kind="resume")
    assert isinstance(made.stage, s.BlockedExternal)


def test_an_item_that_waits_for_evidence_begins_when_it_comes() -> None:
    made = walk(facts(evidence=True)).rest()
    made.end()
    made.start(kind="resume", evidence="/evidence")
    assert isinstance(made.stage, s.Preparing)
    assert made.rest().passed == ("01",)


@pytest.mark.parametrize("ended", [False, True])
def test_evidence_reaches_an_item_that_waits_whether_or_not_its_invocation_said_goodbye(ended: bool) -> None:
    made = walk(facts(evidence=True)).rest()
    if ended:
        made.end()
    (prepare,) = made.start(kind="resume", evidence="/evidence")
    assert isinstance(prepare, f.PrepareWorktree)
    assert prepare.evidence == "/evidence"
