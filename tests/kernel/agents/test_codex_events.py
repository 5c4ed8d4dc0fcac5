"""What codex prints, as it was recorded from the real program, is read as what happened.

Not here: codex itself; see tests/agents. The recordings lie in tests/data/agents/codex, shortened.
"""

import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from verger_kernel.agents.base import NOTHING
from verger_kernel.agents.codex_events import heard, read, reset_in, windows
from verger_kernel.agents.told import Kind, Told
from verger_kernel.rules.usage import Usage, nothing_used

RECORDED = Path(__file__).parents[2] / "data" / "agents" / "codex"
NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)

ROWS: dict[str, tuple[Kind, str]] = {
    "ok": ("answered", ""),
    "retry_then_ok": ("answered", ""),
    "kill2": ("answered", ""),
    "prose": ("schema_bad", "prose"),
    "content_filter": ("refused", "content_filter"),
    "cyber": ("refused", "flagged"),
    "rate_429": ("usage_limit", "429 Too Many Requests"),
    "rate_stream": ("usage_limit", "rate limit exceeded"),
    "limit_text": ("usage_limit", "hit your usage limit"),
    "limit_days": ("usage_limit", "hit your usage limit"),
    "limit_headers": ("usage_limit", "hit your usage limit"),
    "not_included": ("quota", "upgrade to Plus"),
    "quota": ("quota", "Quota exceeded"),
    "quota_stream": ("quota", "Quota exceeded"),
    "context": ("context_full", "ran out of room"),
    "401": ("auth", "401 Unauthorized"),
    "403": ("auth", "403 Forbidden"),
    "nokey": ("auth", "Missing environment variable"),
    "500": ("transient", "high demand"),
    "503": ("transient", "503 Service Unavailable"),
    "overloaded": ("transient", "at capacity"),
    "drop": ("transient", "stream closed before response.completed"),
    "refused_connection": ("transient", "Connection failed"),
    "400": ("failed", "nonsense"),
    "404": ("failed", "does not exist"),
    "bad_flag": ("cut", ""),
    "hang": ("cut", ""),
}


def told(case: str, answer: bytes = b"", local: datetime = NOON) -> Told:
    """What the recording of `case` says."""
    lines = (RECORDED / f"{case}.jsonl").read_bytes().splitlines()
    rollout = RECORDED / f"{case}.rollout.json"
    recorded = windows(rollout.read_bytes().splitlines()) if rollout.exists() else None
    return read(lines, answer, model="gpt-5.5", windows=recorded, local=local)


def test_every_recording_has_its_row() -> None:
    assert {file.stem for file in RECORDED.glob("*.jsonl")} == set(ROWS)


@pytest.mark.parametrize("case", ROWS)
def test_each_end_is_read_as_what_it_is(case: str) -> None:
    kind, words = ROWS[case]
    found = told(case)
    assert found.kind == kind
    assert words in found.why


def test_the_answer_is_the_file_and_without_it_the_last_message() -> None:
    assert told("ok", b'{"verdict": "blocked"}').answer == {"verdict": "blocked"}
    # The file is empty when codex was killed right after its last event.
    assert told("ok").answer["verdict"] == "implemented"
    assert told("ok", b"I am done").kind == "schema_bad"


def test_a_turn_that_ended_well_without_any_message_is_no_answer() -> None:
    lines = [b'{"type":"turn.completed","usage":{"input_tokens":1,"output_tokens":1}}']
    found = read(lines, b"", model="m", windows=None, local=NOON)
    assert (found.kind, found.why) == ("schema_bad", "the turn ended well, but with no last message")


def test_a_retry_notice_and_a_warning_are_no_end() -> None:
    retry = b'{"type":"error","message":"Reconnecting... 1/1 (exceeded retry limit, last status: 429)"}'
    warning = b'{"type":"item.completed","item":{"id":"item_0","type":"error","message":"Model metadata"}}'
    assert read([retry, warning], b"", model="m", windows=None, local=NOON).kind == "cut"
    *notices, _last = (RECORDED / "503.jsonl").read_bytes().splitlines()
    assert any(b"Reconnecting" in line for line in notices)
    assert read(notices, b"", model="m", windows=None, local=NOON).kind == "cut"


def test_tokens_are_those_of_the_last_event() -> None:
    assert told("ok").usage == Usage(
        model="gpt-5.5", input_tokens=2000, cached_tokens=1200, cache_write_tokens=0, output_tokens=100
    )
    assert told("500").usage is None


@pytest.mark.parametrize(
    "name", ["limit_text", "limit_headers", "rate_429", "rate_stream", "quota", "401", "nokey"]
)
def test_who_was_turned_away_at_the_door_used_nothing(name: str) -> None:
    assert told(name).usage == nothing_used("gpt-5.5")
    warning = b'{"type":"item.completed","item":{"id":"item_0","type":"error","message":"Model metadata"}}'
    begun, *rest = (RECORDED / f"{name}.jsonl").read_bytes().splitlines()
    assert read([begun, warning, *rest], b"", model="m", windows=None, local=NOON).usage == nothing_used("m")


@pytest.mark.parametrize(
    "before",
    [
        b'{"type":"item.completed","item":{"id":"item_0","type":"agent_message","text":"I begin"}}',
        b'{"type":"item.started","item":{"id":"item_0","type":"command_execution"}}',
        b'{"type":"error","message":"Reconnecting... 1/2 (stream disconnected before completion)"}',
    ],
)
def test_who_came_in_before_used_what_nobody_says(before: bytes) -> None:
    begun, *rest = (RECORDED / "limit_text.jsonl").read_bytes().splitlines()
    found = read([begun, before, *rest], b"", model="m", windows=None, local=NOON)
    assert (found.kind, found.usage) == ("usage_limit", None)


def test_a_reset_is_what_codex_recorded_of_the_window_that_is_used_up() -> None:
    recorded = json.loads((RECORDED / "limit_headers.rollout.json").read_bytes())["payload"]["rate_limits"]
    assert recorded["primary"]["used_percent"] == 100 > recorded["secondary"]["used_percent"]
    assert told("limit_headers").resets_utc_ms == recorded["primary"]["resets_at"] * 1000


def test_without_a_record_the_reset_is_the_clock_time_of_the_words() -> None:
    words = told("limit_text").why
    assert "\u2019" in words and words.endswith("try again at 6:45 AM.")
    found = told("limit_text", local=datetime(2026, 11, 22, 5, 45, tzinfo=UTC)).resets_utc_ms
    assert found == round(datetime(2026, 11, 22, 6, 45, tzinfo=UTC).timestamp() * 1000)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("try again at 12:00 PM.", "2026-11-22T12:00"),
        ("try again at 11:59 AM.", "2026-11-23T11:59"),
        ("try again at 12:05 AM.", "2026-11-23T00:05"),
        ("try again at Nov 24th, 2026 3:55 AM.", "2026-11-24T03:55"),
        ("try again at Dec 1st, 2026 1:00 PM.", "2026-12-01T13:00"),
        ("try again at Nov 31st, 2026 1:00 PM.", ""),
        ("try again at 13:00 PM.", ""),
        ("try again later.", ""),
    ],
)
def test_a_clock_time_is_the_next_one_on_the_wall_there(words: str, expected: str) -> None:
    for zone in (UTC, timezone(timedelta(hours=-8)), timezone(timedelta(hours=5, minutes=30))):
        found = reset_in(words, NOON.replace(tzinfo=zone))
        shown = "" if found is None else datetime.fromtimestamp(found / 1000, zone).isoformat()[:16]
        assert shown == expected


def test_the_session_and_the_end_are_heard_line_by_line() -> None:
    lines = (RECORDED / "ok.jsonl").read_bytes().splitlines()
    sessions = [heard(line).session for line in lines]
    assert sessions[0].count("-") == 4 and not any(sessions[1:])
    assert [heard(line).is_last for line in lines] == [False] * (len(lines) - 1) + [True]


@pytest.mark.parametrize("line", [b"", b"{", b"[1]", b"\xff", b'{"type": 3}', b'"turn.completed"'])
def test_what_is_no_event_is_passed_over(line: bytes) -> None:
    assert heard(line) == NOTHING
    assert read([line], b"", model="m", windows=None, local=NOON).kind == "cut"


@pytest.mark.parametrize(
    "event", [{"type": "turn.completed"}, {"type": "turn.started"}, {"type": "item.completed", "item": {}}]
)
@pytest.mark.parametrize("case", ["404", "ok"])
def test_who_speaks_on_after_the_last_word_has_said_nothing(case: str, event: dict[str, object]) -> None:
    lines = (RECORDED / f"{case}.jsonl").read_bytes().splitlines()
    found = read([*lines, json.dumps(event).encode()], b"{}", model="m", windows=None, local=NOON)
    assert (found.kind, found.answer) == ("doubtful", None)
    assert found.usage == read(lines, b"{}", model="m", windows=None, local=NOON).usage


def test_of_two_last_words_the_dearer_counts() -> None:
    said = [
        json.dumps(
            {"type": "turn.completed", "usage": {"input_tokens": read_in, "output_tokens": written}}
        ).encode()
        for read_in, written in ((5, 1), (3, 2))
    ]
    found = read(said, b"{}", model="m", windows=None, local=NOON)
    assert found.usage and (found.usage.input_tokens, found.usage.output_tokens) == (5, 2)


def test_a_warning_after_the_last_word_says_nothing() -> None:
    lines = (RECORDED / "ok.jsonl").read_bytes().splitlines()
    warning = b'{"type":"error","message":"Reconnecting... 1/2"}'
    assert read([*lines, warning], b"{}", model="m", windows=None, local=NOON).kind == "answered"
