"""What a journal says about files: its steps, what it names by digest, where attempts stood last."""

from itertools import pairwise

from tests.doubles.saved_run import WALK

from verger_kernel.rules import events as e
from verger_kernel.rules import state as s
from verger_kernel.rules.chain import read
from verger_kernel.rules.doctor import Sealed, Step, attempts, decisions, sealed, steps
from verger_kernel.rules.machine import advance, fold

RECORDS = read(WALK.journal).records
TOLD = tuple(steps(RECORDS))


def test_the_steps_are_all_records_but_the_first_and_each_begins_where_the_last_ended() -> None:
    assert [step.event for step in TOLD] == [record.event for record in RECORDS[1:]]
    assert TOLD[0].before == fold(RECORDS[:1])
    assert all(one.after == other.before for one, other in pairwise(TOLD))
    assert TOLD[-1].after == WALK.state


def test_everything_that_an_event_names_by_digest_is_sealed_with_its_newest_digest() -> None:
    found = sealed(TOLD)
    kinds = {(seal.item, seal.kind, seal.name) for seal in found}
    assert kinds >= {("01", "answer", name) for name in ("worker", "audit-a", "audit-b")}
    assert kinds >= {(item, kind, "") for item in ("01", "02") for kind in ("verification", "packet")}
    assert all(found.values())
    last = [step.event for step in TOLD if isinstance(step.event, e.PacketFrozen)][-1]
    assert found[Sealed("02", 1, 0, "packet", "")] == last.packet


def test_an_answer_that_came_late_seals_nothing() -> None:
    (step,) = [step for step in TOLD if isinstance(step.event, e.PacketFrozen)][:1]
    now = RECORDS[-1].now
    after, _effects = advance(step.after, step.event, now)
    assert sealed([Step(step.after, step.event, after)]) == {}


def test_attempts_are_told_in_the_order_in_which_they_began_with_where_they_stood_last() -> None:
    found = attempts(TOLD)
    assert list(found) == [("01", 1), ("02", 1)]
    stage = WALK.state.stage
    assert isinstance(stage, s.AwaitingGate)
    assert found["02", 1] == stage.spot
    assert decisions(TOLD) == ()
