"""What claude prints, as it was recorded from the real program, is read as what happened.

Not here: claude itself; see tests/agents. The recordings lie in tests/data/agents/claude, shortened.
"""

import json
from pathlib import Path

import pytest

from verger_kernel.agents.base import NOTHING
from verger_kernel.agents.claude_events import heard, read
from verger_kernel.agents.told import Kind, Told
from verger_kernel.rules.usage import Usage

RECORDED = Path(__file__).parents[2] / "data" / "agents" / "claude"
TOOLS = frozenset({"Read", "Grep", "Glob", "Edit", "Write"})

ROWS: dict[str, tuple[Kind, str]] = {
    "ok": ("answered", ""),
    "429_once": ("answered", ""),
    "kill2": ("answered", ""),
    "prose": ("schema_bad", "answered in prose"),
    "bad_schema": ("schema_bad", "after 5 attempts"),
    "refusal": ("refused", "can't help with this"),
    "429": ("usage_limit", "429"),
    "429_long": ("usage_limit", "429"),
    "limit": ("usage_limit", "5-hour limit"),
    "credit": ("quota", "Credit balance is too low"),
    "401": ("auth", "Invalid API key"),
    "403": ("auth", "Failed to authenticate"),
    "nokey": ("auth", "Not logged in"),
    "too_long": ("context_full", "Prompt is too long"),
    "ctx_window": ("context_full", "context window limit"),
    "500": ("transient", "500"),
    "529": ("transient", "529"),
    "stream_overloaded": ("transient", "Overloaded"),
    "refused_connection": ("transient", "Connection refused"),
    "drop": ("transient", ""),
    "400": ("failed", "nonsense"),
    "404": ("failed", "issue with the selected model"),
    "max_tokens": ("failed", "output token maximum"),
    "unknown_resume": ("failed", "No conversation found"),
    "bad_flag": ("cut", ""),
    "int": ("cut", ""),
    "kill": ("cut", ""),
}


def told(case: str) -> Told:
    """What the recording of `case` says."""
    lines = (RECORDED / f"{case}.jsonl").read_bytes().splitlines()
    return read(lines, model="claude-sonnet-4-5", tools=TOOLS)


def result(**changed: object) -> list[bytes]:
    """The result of the recording `ok`, changed."""
    last = json.loads((RECORDED / "ok.jsonl").read_bytes().splitlines()[-1])
    return [json.dumps(last | changed).encode()]


def test_every_recording_has_its_row() -> None:
    assert {file.stem for file in RECORDED.glob("*.jsonl")} == set(ROWS)


@pytest.mark.parametrize("case", ROWS)
def test_each_end_is_read_as_what_it_is(case: str) -> None:
    kind, words = ROWS[case]
    found = told(case)
    assert found.kind == kind
    assert words in found.why


def test_success_with_an_error_is_an_error() -> None:
    last = json.loads((RECORDED / "529.jsonl").read_bytes().splitlines()[-1])
    assert (last["subtype"], last["is_error"]) == ("success", True)
    assert told("529").kind == "transient"


def test_success_without_the_structured_answer_is_none() -> None:
    last = json.loads((RECORDED / "prose.jsonl").read_bytes().splitlines()[-1])
    assert (last["subtype"], last["is_error"]) == ("success", False)
    assert "structured_output" not in last
    assert told("prose").kind == "schema_bad"


def test_a_retry_notice_is_no_end() -> None:
    lines = (RECORDED / "429_once.jsonl").read_bytes().splitlines()
    notices = [line for line in lines if b'"api_retry"' in line]
    assert notices
    assert read(notices, model="m", tools=TOOLS).kind == "cut"


def test_the_answer_is_the_structured_output() -> None:
    assert told("ok").answer["verdict"] == "implemented"


def test_a_reset_is_what_the_limit_event_says() -> None:
    events = [json.loads(line) for line in (RECORDED / "limit.jsonl").read_bytes().splitlines()]
    (limit,) = [event["rate_limit_info"] for event in events if event["type"] == "rate_limit_event"]
    assert told("limit").resets_utc_ms == limit["resetsAt"] * 1000
    # With a key there is no such event.
    assert told("429_long").resets_utc_ms is None


def test_an_early_warning_is_no_limit() -> None:
    warning = {"type": "rate_limit_event", "rate_limit_info": {"status": "allowed_warning", "resetsAt": 1}}
    failed = result(is_error=True, api_error_status=429)
    found = read([json.dumps(warning).encode(), *failed], model="m", tools=TOOLS)
    assert (found.kind, found.resets_utc_ms) == ("usage_limit", None)


def test_tokens_and_money_are_those_of_the_result() -> None:
    assert told("ok").usage == Usage(
        model="claude-sonnet-4-5",
        input_tokens=1650,
        cached_tokens=1000,
        cache_write_tokens=150,
        output_tokens=100,
        cost_microusd=3863,
    )
    assert told("kill").usage is None


@pytest.mark.parametrize(
    ("changed", "words"),
    [({"tools": ["Read", "Bash"]}, "tools that it was not given: Bash"), ({"mcp_servers": [{}]}, "MCP")],
)
def test_what_was_not_isolated_has_not_answered(changed: dict[str, object], words: str) -> None:
    init = json.dumps({"type": "system", "subtype": "init", "session_id": "s"} | changed).encode()
    found = read([init, *result()], model="m", tools=TOOLS)
    assert found.kind == "failed" and words in found.why


def test_the_session_and_the_end_are_heard_line_by_line() -> None:
    lines = (RECORDED / "ok.jsonl").read_bytes().splitlines()
    assert [heard(line).session for line in lines if heard(line).session] == [
        json.loads(lines[0])["session_id"]
    ]
    assert [heard(line).is_last for line in lines] == [False] * (len(lines) - 1) + [True]


@pytest.mark.parametrize(
    "line", [b"", b"{", b"[1]", b'{"type": "result"', b'{"type": 3, "x": "init"}', b'\xff"result"']
)
def test_what_is_no_event_is_passed_over(line: bytes) -> None:
    assert heard(line) == NOTHING
    assert read([line], model="m", tools=TOOLS).kind == "cut"


@pytest.mark.parametrize(
    "event", [{"type": "assistant"}, {"type": "user"}, {"type": "result", "is_error": False}]
)
def test_who_speaks_on_after_the_last_word_has_said_nothing(event: dict[str, object]) -> None:
    lines = (RECORDED / "ok.jsonl").read_bytes().splitlines()
    found = read([*lines, json.dumps(event).encode()], model="m", tools=TOOLS)
    assert (found.kind, found.answer) == ("doubtful", None)
    # It cannot make itself cheaper: of what both said the larger counts.
    assert found.usage == read(lines, model="m", tools=TOOLS).usage


def test_a_later_word_never_replaces_the_first_and_the_dearer_counts() -> None:
    dear = result(total_cost_usd=9.0)
    for said in (result() + dear, dear + result()):
        found = read(said, model="m", tools=TOOLS)
        assert found.kind == "doubtful" and found.usage and found.usage.cost_microusd == 9_000_000


def test_notices_after_the_last_word_say_nothing() -> None:
    lines = (RECORDED / "ok.jsonl").read_bytes().splitlines()
    notices = [b'{"type":"system","subtype":"task_updated"}', b'{"type":"rate_limit_event"}', b"", b"bye"]
    assert read(lines + notices, model="m", tools=TOOLS) == read(lines, model="m", tools=TOOLS)


def test_a_second_beginning_does_not_hide_what_the_first_named() -> None:
    first = json.dumps({"type": "system", "subtype": "init", "tools": ["WebFetch"]}).encode()
    second = json.dumps({"type": "system", "subtype": "init", "tools": []}).encode()
    found = read([first, second, *result()], model="m", tools=TOOLS)
    assert found.kind == "failed" and "WebFetch" in found.why
