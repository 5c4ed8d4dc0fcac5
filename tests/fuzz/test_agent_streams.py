"""What codex and claude were recorded to print, damaged in any way, comes to an outcome; no adapter stumbles over it.

Not here: what each recording means; see tests/kernel/agents. What becomes of one that stumbles: test_reading.py there.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.doubles.tasks import STAGES, answer_to, task

from verger_kernel.agents import claude_events, codex_events, usage_lines
from verger_kernel.agents.judging import judged
from verger_kernel.agents.outcome import WHY_CHARACTERS_MAX, Answered, Outcome
from verger_kernel.agents.told import Told
from verger_kernel.rules.answers import BOUND
from verger_kernel.rules.policy import AgentDefinition
from verger_kernel.rules.usage import TOKENS_MAX

RECORDED = Path(__file__).parents[1] / "data" / "agents"
STREAMS = {kind: sorted((RECORDED / kind).glob("*.jsonl")) for kind in ("codex", "claude")}
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
RAW = "@raw@"
"""Stands in a string for what json would not write: it is put there without its quotes."""
ODD = [
    "NaN", "Infinity", "1e400", "-1e400", "9" * 400, "-" + "9" * 30, "1.5e18", "-0", "18446744073709551616",
    '"\\ud800"', '"\\u0000"', '"\\udc00\\ud800"', '""', "[" * 5000, "[" * 3000 + "]" * 3000, "[" * 500 + "]" * 500,
    '{"a":' * 2000 + "1" + "}" * 2000, '{"a":' * 400 + "1" + "}" * 400, "{}", "[]", "null", "true",
]  # fmt: skip
WORDS = [
    "usage limit, try again at 11:59 PM", "usage limit, try again at Dec 31st, 9999 11:59 PM",
    "usage limit, try again at Jan 1st, 0001 0:00 AM", "usage limit, try again at Feb 30th, 2026 1:00 AM",
    "usage limit, try again at Jan ٣rd, ٢٠٢٦ ١:٠٠ AM", "status 401\x1b[2J", "x" * 5000, "\u202e", "{}", "**", "--flag",
]  # fmt: skip
VALUES = (
    st.sampled_from(ODD).map(lambda odd: RAW + odd)
    | st.sampled_from(WORDS)
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.lists(st.integers(), max_size=2)
    | st.dictionaries(st.text(max_size=3), st.none(), max_size=2)
)


def _places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield at
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inner:
        yield from _places(one, (*at, key))


def _put(value: Any, at: tuple[Any, ...], new: Any) -> Any:
    if not at:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[at[0]] = _put(copy[at[0]], at[1:], new)
    return copy


def _text(event: Any) -> bytes:
    said = json.dumps(event)
    for odd in ODD:
        said = said.replace(json.dumps(RAW + odd), odd)
    return said.encode()


@st.composite
def streams(draw: st.DrawFn, kind: str) -> list[bytes]:
    """The lines of a recording: some values changed, some lines cut, doubled, left out or moved."""
    lines = draw(st.sampled_from(STREAMS[kind])).read_bytes().splitlines()
    events: list[Any] = [json.loads(line) for line in lines]
    for _ in range(draw(st.integers(0, 4)) if events else 0):
        number = draw(st.integers(0, len(events) - 1))
        at = draw(st.sampled_from(list(_places(events[number]))))
        events[number] = _put(events[number], at, draw(VALUES))
    said = [_text(event) for event in events]
    if said and draw(st.booleans()):
        said = draw(st.lists(st.sampled_from(said), max_size=len(said) + 2))
    if said and draw(st.booleans()):
        number, cut = draw(st.integers(0, len(said) - 1)), draw(st.integers(0, 200))
        said[number] = said[number][:cut] + draw(st.binary(max_size=6)) + said[number][cut:]
    return said


def _read(kind: str, said: list[bytes], answer: bytes = b"") -> Told:
    for line in said:
        heard = (codex_events if kind == "codex" else claude_events).heard(line)
        assert isinstance(heard.session, str)
    if kind == "claude":
        return claude_events.read(said, model="m", tools=frozenset({"Read"}))
    limits = codex_events.windows(said)
    return codex_events.read(said, answer, model="m", windows=limits, local=NOW)


def _judged(told: Told, stage: Any) -> Outcome:
    with TemporaryDirectory() as folder:
        (Path(folder) / "reports").mkdir()
        asked = task(stage, folder=Path(folder))
        agent = AgentDefinition(kind="codex", model="m", key="KEY")
        return judged(told, agent, asked, Path(asked.report_path), exit_code=0, breach=None)


def _is_sound(found: Outcome) -> None:
    if not isinstance(found, Answered):
        assert found.why.isprintable() and len(found.why) <= WHY_CHARACTERS_MAX + 30
    if found.usage:
        msgspec.json.encode(found.usage)
        assert 0 <= found.usage.input_tokens <= TOKENS_MAX and 0 <= found.usage.output_tokens <= TOKENS_MAX
    resets = getattr(found, "resets_utc_ms", None)
    assert resets is None or isinstance(resets, int)


@pytest.mark.parametrize("kind", STREAMS)
@given(data=st.data(), stage=st.sampled_from(STAGES))
def test_a_damaged_stream_comes_to_an_outcome(kind: str, data: st.DataObject, stage: Any) -> None:
    _is_sound(_judged(_read(kind, data.draw(streams(kind))), stage))


@given(stage=st.sampled_from(STAGES), data=st.data())
def test_an_answer_that_is_odd_anywhere_comes_to_an_outcome(stage: Any, data: st.DataObject) -> None:
    whole = {key: value for key, value in answer_to(task(stage)).items() if key not in BOUND}
    at = data.draw(st.sampled_from(list(_places(whole))))
    answer = _text(_put(whole, at, data.draw(VALUES)))
    completed = b'{"type":"turn.completed","usage":{"input_tokens":1}}'
    _is_sound(_judged(_read("codex", [completed], answer), stage))
    result = b'{"type":"result","structured_output":' + answer + b"}"
    _is_sound(_judged(_read("claude", [result]), stage))


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("odd", ODD)
def test_no_odd_value_in_the_place_of_an_answer_is_stumbled_over(odd: str, stage: Any) -> None:
    for answer in (
        odd,
        f'{{"summary":{odd}}}',
        f'{{"findings":[{odd}],"summary":"","dispositions":[{odd}]}}',
    ):
        result = b'{"type":"result","structured_output":' + answer.encode() + b"}"
        _is_sound(_judged(_read("claude", [result]), stage))
        _is_sound(_judged(_read("codex", [b'{"type":"turn.completed"}'], answer.encode()), stage))


@given(data=st.data())
def test_a_damaged_usage_line_counts_or_leaves_the_call_unknown(data: st.DataObject) -> None:
    line: Any = {"schema_version": "verger.usage.v1", "model": "m", "input_tokens": 5, "output_tokens": 2}
    line |= {"cached_tokens": 1, "cost_usd": "0.01"}
    lines = []
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.sampled_from(list(_places(line))))
        value = data.draw(VALUES | st.sampled_from(["1e999999999", "-1", "NaN", "9" * 40, "0." + "0" * 40]))
        lines.append(_text(_put(line, at, value)))
    with TemporaryDirectory() as folder:
        (Path(folder) / "stdout").write_bytes(b"\n".join(lines) + b"\n")
        found = usage_lines.told(Path(folder) / "stdout")
    if found:
        msgspec.json.encode(found)
        assert 0 <= found.input_tokens <= TOKENS_MAX and 0 <= found.output_tokens <= TOKENS_MAX
