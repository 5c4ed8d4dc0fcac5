"""What a run is to a program that follows it: in order, exact, and the same whoever made the lines."""

from collections.abc import Iterator

import msgspec
import pytest
from tests.doubles.saved_run import WALK
from tests.doubles.walk import Walk, facts, walk

from verger_kernel.following import kinds as k
from verger_kernel.following.lines import Step, lines
from verger_kernel.following.result import ends
from verger_kernel.rules import events as e
from verger_kernel.rules import state as s
from verger_kernel.rules.chain import read
from verger_kernel.rules.ids import next_try
from verger_kernel.rules.machine import fold


def steps(journal: bytes) -> Iterator[Step]:
    state = None
    for record in read(journal).records:
        before, state = state, fold((record,), state)
        yield Step(before, record.event, state)


def told(walked: Walk) -> list[k.Line]:
    return [line for step in steps(walked.journal) for line in lines(step)]


def test_seq_grows_with_each_line_and_says_which_record_it_came_from() -> None:
    found = [(step.after.journal_seq, line.seq) for step in steps(WALK.journal) for line in lines(step)]
    assert [seq for _, seq in found] == sorted({seq for _, seq in found})
    assert all(seq // k.PER_RECORD == record for record, seq in found)


def test_every_line_is_one_of_the_documented_kinds_and_comes_back_as_it_was() -> None:
    decoder = msgspec.json.Decoder(k.RunStarted | k.ItemEnded | k.AuditEnded)
    for line in told(WALK):
        text = k.encoded(line)
        assert text.count(b"\n") == 1
        assert text.endswith(b"\n")
        kind = {kind.__struct_config__.tag: kind for kind in k.KINDS}[msgspec.json.decode(text)["type"]]
        assert msgspec.json.decode(text, type=kind) == line
    assert decoder.decode(k.encoded(told(WALK)[0])) == told(WALK)[0]


def test_an_item_starts_goes_through_its_stages_and_ends() -> None:
    mine = [line for line in told(WALK) if getattr(line, "item", "") == "01"]
    assert isinstance(mine[0], k.ItemStarted)
    stages = [line.stage for line in mine if isinstance(line, k.StageStarted)]
    assert stages == ["prepare", "execute", "checkpoint", "verify", "freeze", "audit", "close"]
    last = mine[-1]
    assert isinstance(last, k.ItemEnded)
    assert (last.end, last.commit) == ("passed", WALK.state.passed[0].commit)


def test_a_gate_is_asked_and_ends_the_item_until_somebody_decides() -> None:
    *_, asked, ended = told(WALK)
    assert isinstance(asked, k.GateAsked)
    assert isinstance(ended, k.ItemEnded)
    assert ended.end == "awaiting_human_gate"
    stage = WALK.state.stage
    assert isinstance(stage, s.AwaitingGate)
    assert (asked.gate_nonce, asked.new) == (stage.asked.gate_nonce, stage.asked.new)


def test_a_late_answer_that_changes_nothing_is_not_told() -> None:
    at = walk().until(s.Auditing)
    awaited = at.state.outstanding[0].id
    answer = e.PacketRefused(awaited, changed=("a.md",))
    assert [type(line) for line in lines(Step(at.state, answer, at.state))] == [k.PacketRefused]
    late = e.PacketRefused(next_try(awaited), changed=("a.md",))
    assert lines(Step(at.state, late, at.state)) == ()


def test_an_item_that_waits_for_evidence_starts_and_ends_at_once() -> None:
    found = told(walk(facts("03", evidence=True)).rest())
    kinds = [type(line) for line in found if getattr(line, "item", "") == "03"]
    assert kinds == [k.ItemStarted, k.ItemEnded]


@pytest.mark.parametrize("stage", [s.Working, s.Auditing])
def test_every_item_has_an_end_that_is_true_now(stage: type[s.Stage]) -> None:
    at = walk(facts("01"), facts("02")).until(stage).state
    assert [(one.item, one.end) for one in ends(at)] == [("01", "unfinished"), ("02", "not_begun")]
    assert [one.end for one in ends(WALK.state)] == ["passed", "awaiting_human_gate"]
