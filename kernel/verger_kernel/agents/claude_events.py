"""What claude prints with `--output-format stream-json`, read: how it ended, and what it used.

Not here: how it is started (`claude.py`). Everything is a function of the bytes that are given; measured with 2.1.329.

`subtype` decides nothing: a failed request gives `success` with `is_error`, and `success` without an error may lack
the structured answer.
"""

from collections.abc import Iterable
from typing import Any

import msgspec

from verger_kernel.agents.base import NOTHING, Heard
from verger_kernel.agents.told import SPOKE_ON, Kind, Told, moment
from verger_kernel.rules.usage import MICROUSD_MAX, Usage, larger, plausible
from verger_probes.decoding import decoded


class _Tokens(msgspec.Struct, frozen=True):
    input_tokens: int | None = 0
    cache_creation_input_tokens: int | None = 0
    cache_read_input_tokens: int | None = 0
    output_tokens: int | None = 0


class _ModelTokens(msgspec.Struct, frozen=True, rename="camel"):
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_input_tokens: int = 0
    cache_creation_input_tokens: int = 0


class _Limit(msgspec.Struct, frozen=True, rename="camel"):
    status: str = ""
    resets_at: float | None = None


class _Event(msgspec.Struct, frozen=True):
    """The keys that count, of whichever event."""

    type: str = ""
    subtype: str = ""
    session_id: str = ""
    error: Any = None
    rate_limit_info: _Limit | None = None
    tools: tuple[str, ...] = ()
    mcp_servers: tuple[Any, ...] = ()
    is_error: bool = False
    terminal_reason: str | None = ""
    stop_reason: str | None = ""
    api_error: Any = None
    api_error_status: int | None = None
    errors: tuple[Any, ...] = ()
    result: Any = ""
    structured_output: Any = None
    total_cost_usd: float | None = None
    usage: _Tokens | None = None
    modelUsage: dict[str, _ModelTokens] = {}


class _Seen(msgspec.Struct):
    """What stood in the stream up to its last word; `more` are the events after that which prove it was not the last.

    `tools` and `mcp_servers` are all that were ever named.
    """

    tools: set[str] = set()
    mcp_servers: bool = False
    last: _Event | None = None
    limit: _Limit | None = None
    error: str = ""
    more: list[_Event] = []


_COUNTS = (b'"result"', b'"init"', b'"rate_limit_event"', b'"assistant"')
_ERRORS: dict[str, Kind] = {
    "authentication_failed": "auth",
    "billing_error": "quota",
    "rate_limit": "usage_limit",
    "overloaded": "transient",
    "server_error": "transient",
}
"""What the last `assistant` event calls the error that claude itself put in its place."""
_WORLD = ("timed out", "empty or malformed response", "Connection")
"""Words by which claude says that the network is at fault, where it gives no other sign."""
_ANSWER_TOOL = "StructuredOutput"


def heard(line: bytes) -> Heard:
    """What one line says of the session and of the end."""
    if b'"result"' not in line and b'"init"' not in line:
        return NOTHING
    event = _event(line)
    if event is None:
        return NOTHING
    began = event.type == "system" and event.subtype == "init"
    return Heard(event.session_id if began else "", event.type == "result")


def read(lines: Iterable[bytes], *, model: str, tools: frozenset[str]) -> Told:
    """What came of the call. `tools` are all that it may have had; with another one nothing it says counts."""
    seen = _seen(lines)
    last = seen.last
    if last is None:
        return Told(kind="cut")
    usage = _usage(last, model)
    if seen.more:
        for more in seen.more:
            usage = larger(usage, _usage(more, model))
        return Told(kind="doubtful", why=SPOKE_ON, usage=usage)
    if why := _not_isolated(seen, tools):
        return Told(kind="failed", why=why, usage=usage)
    if not last.is_error:
        return _ended_well(last, usage)
    kind = _kind(last, seen)
    resets = seen.limit.resets_at if kind == "usage_limit" and seen.limit else None
    return Told(
        kind=kind,
        why=_words(last),
        resets_utc_ms=moment(resets),
        usage=usage,
    )


def _seen(lines: Iterable[bytes]) -> _Seen:
    seen = _Seen()
    for line in lines:
        # Most lines are single letters of what the model says: none of those counts here.
        event = _event(line) if seen.last or any(sign in line for sign in _COUNTS) else None
        if event is None:
            continue
        match event.type:
            case "result" | "assistant" | "user" | "stream_event" if seen.last:
                seen.more.append(event)
            case _ if seen.last:
                pass
            case "result":
                seen.last = event
            case "system" if event.subtype == "init":
                seen.tools.update(event.tools)
                seen.mcp_servers |= bool(event.mcp_servers)
            case "rate_limit_event" if event.rate_limit_info and event.rate_limit_info.status == "rejected":
                seen.limit = event.rate_limit_info
            case "assistant":
                seen.error = event.error if isinstance(event.error, str) else ""
    return seen


def _not_isolated(seen: _Seen, tools: frozenset[str]) -> str:
    more = sorted(seen.tools - tools - {_ANSWER_TOOL})
    if more:
        return f"it had tools that it was not given: {', '.join(more)}"
    return "it had MCP servers, and none was given to it" if seen.mcp_servers else ""


def _ended_well(last: _Event, usage: Usage | None) -> Told:
    if last.stop_reason == "refusal":
        return Told(kind="refused", why=_words(last), usage=usage)
    if last.structured_output is None:
        return Told(kind="schema_bad", why="it ended well, but answered in prose", usage=usage)
    return Told(kind="answered", answer=last.structured_output, usage=usage)


def _kind(last: _Event, seen: _Seen) -> Kind:
    status = last.api_error_status or 0
    if last.subtype == "error_max_structured_output_retries":
        return "schema_bad"
    if last.terminal_reason == "prompt_too_long" or "context window limit" in _words(last):
        return "context_full"
    if last.terminal_reason in ("aborted_tools", "aborted_streaming"):
        return "cut"
    if last.stop_reason == "refusal":
        return "refused"
    if last.api_error == "usage_limit_reached":
        return "usage_limit"
    if seen.error in _ERRORS:
        return _ERRORS[seen.error]
    if status in (401, 403):
        return "auth"
    if status == 429:
        return "usage_limit"
    if status >= 500 or last.api_error == "connection_failed" or any(sign in _words(last) for sign in _WORLD):
        return "transient"
    return "failed"


def _words(last: _Event) -> str:
    said = last.result if isinstance(last.result, str) and last.result else ""
    if not said:
        said = "; ".join(str(error) for error in last.errors)
    return said or f"it ended with {last.subtype or 'an error'} and no word"


def _usage(last: _Event, model: str) -> Usage | None:
    said = last.total_cost_usd
    if said is not None and not 0 <= said <= MICROUSD_MAX / 1_000_000:
        return None
    cost = None if said is None else round(said * 1_000_000)
    if last.modelUsage:
        # One call may ask a small model as well, for a title; what it used was used by the call.
        each = last.modelUsage.values()
        if min(min(msgspec.structs.astuple(one)) for one in each) < 0:
            return None
        read, written = sum(one.input_tokens for one in each), sum(one.output_tokens for one in each)
        cached = sum(one.cache_read_input_tokens for one in each)
        kept = sum(one.cache_creation_input_tokens for one in each)
    elif last.usage:
        read, written = last.usage.input_tokens or 0, last.usage.output_tokens or 0
        cached = last.usage.cache_read_input_tokens or 0
        kept = last.usage.cache_creation_input_tokens or 0
    else:
        return None
    return plausible(
        Usage(
            model=model,
            input_tokens=read + cached + kept,
            cached_tokens=cached,
            cache_write_tokens=kept,
            output_tokens=written,
            cost_microusd=cost,
        )
    )


def _event(line: bytes) -> _Event | None:
    try:
        return decoded(line, _Event)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
