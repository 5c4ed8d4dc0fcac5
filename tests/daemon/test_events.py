"""Events are kept for a while, told in order from where a subscriber was, and what is gone is told as gone."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from verger_daemon.events import Hub, Lagging, Stream
from verger_daemon.protocol.notices import GAP, Event, Gap


def hub(count: int = 0, **bounds: int) -> Hub:
    """A hub of epoch 3 that had so many events, by turns of two runs."""
    made = Hub(3, lambda: 1_774_440_000_123, **bounds)
    for _ in range(count):
        made.publish("test.event", f"R_{made.seq % 2}", n=made.seq)
    return made


def told(stream: Stream) -> list[Any]:
    """The params of all that can be taken now."""
    found = []
    while lines := stream.take(1_000):
        for line in lines.splitlines():
            message = json.loads(line)
            assert (message["jsonrpc"], message["method"], set(message)) == (
                "2.0", "event", {"jsonrpc", "method", "params"},
            )  # fmt: skip
            found.append(message["params"])
    return found


def seqs(stream: Stream) -> list[int]:
    return [one["seq"] for one in told(stream)]


def test_an_event_says_what_when_and_to_which_run() -> None:
    made = hub()
    stream = made.subscribe()
    assert made.publish("run.started", "R_1", pid=4) == 1
    assert told(stream) == [
        {
            "seq": 1,
            "epoch": 3,
            "type": "run.started",
            "run": "R_1",
            "time": "2026-03-25T12:00:00.123Z",
            "pid": 4,
        }
    ]


def test_what_is_told_has_the_published_shape() -> None:
    made = hub(5, kept=2)
    gap, event, _ = told(made.subscribe(since=0))
    assert msgspec.convert(gap, Gap).last == 3
    assert msgspec.convert(event, Event).seq == 4


def test_without_a_seq_only_new_events_are_told() -> None:
    made = hub(4)
    stream = made.subscribe()
    assert (stream.opened.seq, stream.opened.first, stream.opened.epoch) == (4, 5, 3)
    assert told(stream) == []
    made.publish("test.event")
    assert seqs(stream) == [5]


@pytest.mark.parametrize("since", [0, 1, 3, 4])
def test_what_came_after_a_seq_is_told_first(since: int) -> None:
    made = hub(4)
    stream = made.subscribe(since=since, epoch=3)
    made.publish("test.event")
    assert seqs(stream) == list(range(since + 1, 6))
    assert stream.opened.first == since + 1


def test_what_is_gone_is_told_as_a_gap() -> None:
    made = hub(10, kept=4)
    gap, *rest = told(made.subscribe(since=2))
    assert (gap["type"], gap["from"], gap["to"], gap["seq"]) == (GAP, 3, 6, 6)
    assert [one["seq"] for one in rest] == [7, 8, 9, 10]
    assert seqs(made.subscribe(since=6)) == [7, 8, 9, 10]


@pytest.mark.parametrize(("since", "epoch"), [(2, 2), (2, 4), (11, None), (11, 3), (0, 2)])
def test_a_seq_of_another_epoch_is_a_gap_of_unknown_length(since: int, epoch: int | None) -> None:
    gap, *rest = told(hub(10, kept=4).subscribe(since=since, epoch=epoch))
    assert (gap["from"], gap["to"]) == (0, 6)
    assert [one["seq"] for one in rest] == [7, 8, 9, 10]


def test_one_run_alone_can_be_asked_for() -> None:
    made = hub(6)
    assert [one["n"] for one in told(made.subscribe(run="R_1", since=0))] == [1, 3, 5]


def test_no_more_is_kept_than_may_be_by_count_and_by_bytes() -> None:
    made = hub(10_001)
    assert len(made._kept) == 10_000
    made = hub(kept_bytes=10_000)
    for _ in range(100):
        made.publish("test.event", text="a" * 500)
    assert sum(len(one.line) for one in made._kept.values()) == made._bytes <= 10_000
    assert told(made.subscribe(since=0))[0]["type"] == GAP


def test_who_lags_behind_what_is_kept_is_told_so() -> None:
    made = hub(kept=4)
    stream = made.subscribe()
    for _ in range(5):
        made.publish("test.event")
    with pytest.raises(Lagging):
        stream.take(1_000)


def test_a_stream_of_a_quiet_run_does_not_lag_while_it_is_woken() -> None:
    made = hub(kept=4)
    stream = made.subscribe(run="quiet")
    stream.wake = lambda: pytest.fail("something was told") if stream.take(1_000) else None
    stream.wake()
    for _ in range(20):
        made.publish("test.event", "loud")


def test_a_stream_is_woken_once_after_it_was_empty() -> None:
    made = hub()
    stream, woken = made.subscribe(), []
    stream.wake = lambda: woken.append(made.seq)
    made.publish("test.event")
    assert not woken
    told(stream)
    stream.take(1_000)
    made.publish("test.event")
    made.publish("test.event")
    assert woken == [2]
    told(stream)
    stream.close()
    made.publish("test.event")
    assert woken == [2]


@given(st.lists(st.sampled_from(["publish", "take", "come back"]), max_size=60), st.integers(1, 5))
def test_nothing_is_ever_missed_without_a_gap(steps: list[str], kept: int) -> None:
    made = hub(kept=kept)
    last, stream = 0, made.subscribe(since=0)
    for step in steps:
        if step == "publish":
            made.publish("test.event")
        elif step == "come back":
            stream = made.subscribe(since=last, epoch=3)
        else:
            try:
                lines = told(stream)
            except Lagging:
                stream = made.subscribe(since=last, epoch=3)
                continue
            for one in lines:
                assert (one["from"] if one["type"] == GAP else one["seq"]) == last + 1
                last = one["seq"]
