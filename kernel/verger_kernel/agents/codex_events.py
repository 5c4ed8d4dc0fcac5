"""What codex prints with `--json`, read: how the turn ended, and what it used.

Not here: how it is started (`codex.py`). Everything is a function of the bytes that are given; measured with 0.169.0.
"""

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import msgspec

from verger_kernel.agents.base import NOTHING, Heard
from verger_kernel.agents.told import SPOKE_ON, Kind, Told, moment
from verger_kernel.rules.usage import Usage, larger, nothing_used, plausible
from verger_probes.decoding import decoded


class _Tokens(msgspec.Struct, frozen=True):
    input_tokens: int = 0
    cached_input_tokens: int = 0
    cache_write_input_tokens: int = 0
    output_tokens: int = 0


class _Error(msgspec.Struct, frozen=True):
    message: str = ""


class _Item(msgspec.Struct, frozen=True):
    type: str = ""
    text: str = ""


class _Event(msgspec.Struct, frozen=True):
    """The keys that count, of whichever event. A `type` of `error` is a retry or a warning, never an end."""

    type: str = ""
    message: str = ""
    thread_id: str = ""
    item: _Item | None = None
    usage: _Tokens | None = None
    error: _Error | None = None


class _Window(msgspec.Struct, frozen=True):
    used_percent: float = 0
    resets_at: int | None = None


class Windows(msgspec.Struct, frozen=True):
    primary: _Window | None = None
    secondary: _Window | None = None


class _Payload(msgspec.Struct, frozen=True):
    type: str = ""
    rate_limits: Windows | None = None


class _Recorded(msgspec.Struct, frozen=True):
    payload: _Payload | None = None


_LAST = ("turn.completed", "turn.failed")
_SPEAKS = ("thread.", "turn.", "item.")
"""How the types of all events begin that say what was done. Warnings and retries may come at any time."""
_AT_THE_DOOR: frozenset[Kind] = frozenset({"usage_limit", "quota", "auth"})
"""Why a request is turned away before any model reads it."""
_SPENT_PERCENT = 100.0
SESSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,127}")
"""A name that is neither a flag nor a pattern of paths."""

# Order counts: the first that is found in the words names the kind.
_KINDS: tuple[tuple[str, Kind], ...] = (
    ("usage limit", "usage_limit"),
    ("To use Codex with your ChatGPT plan", "quota"),
    ("Quota exceeded", "quota"),
    ("ran out of room in the model's context window", "context_full"),
    ("content_filter", "refused"),
    ("was flagged", "refused"),
    ("Missing environment variable", "auth"),
    ("status 401", "auth"),
    ("status 403", "auth"),
    ("status: 401", "auth"),
    ("status: 403", "auth"),
    ("access token could not be refreshed", "auth"),
    ("status 429", "usage_limit"),
    ("status: 429", "usage_limit"),
    ("rate limit", "usage_limit"),
    ("high demand", "transient"),
    ("at capacity", "transient"),
    ("status 5", "transient"),
    ("status: 5", "transient"),
    ("stream disconnected", "transient"),
    ("stream closed", "transient"),
    ("idle timeout", "transient"),
    ("Connection failed", "transient"),
    ("error sending request", "transient"),
    ("timed out", "transient"),
    ("Reconnecting", "transient"),
)
_CLOCK = re.compile(
    r"try again at (?:(?P<month>[A-Z][a-z]{2}) (?P<day>\d{1,2})(?:st|nd|rd|th), (?P<year>\d{4}) )?"
    r"(?P<time>\d{1,2}:\d{2} [AP]M)"
)


def heard(line: bytes) -> Heard:
    """What one line says of the session and of the end."""
    event = _event(line)
    if event is None:
        return NOTHING
    named = event.thread_id if event.type == "thread.started" and SESSION.fullmatch(event.thread_id) else ""
    return Heard(named, event.type in _LAST)


def read(
    lines: Iterable[bytes], answer: bytes, *, model: str, windows: Windows | None, local: datetime
) -> Told:
    """What came of the turn. `answer` is what lies in the file of `-o`, `local` the time on the wall there.

    `windows` are the limits as codex last recorded them, None if it did not.
    """
    last, said, came_in, more = None, "", False, False
    used: Usage | None = None
    for event in filter(None, map(_event, lines)):
        if event.type.startswith(_SPEAKS):
            more |= last is not None
            used = larger(used, _usage(event.usage, model))
        if event.type in _LAST:
            last = event
        elif event.type == "error":
            came_in |= _kind(event.message) not in _AT_THE_DOOR
        elif event.item and event.item.type != "error":
            came_in = True
            if event.type == "item.completed" and event.item.type == "agent_message":
                said = event.item.text
    if last is None:
        return Told(kind="cut")
    if more:
        return Told(kind="doubtful", why=SPOKE_ON, usage=used)
    usage = _usage(last.usage, model)
    if last.type == "turn.failed":
        told = _failed(last.error.message if last.error else "", usage, windows, local)
        # It says no usage then, and of this one it is known all the same.
        is_free = usage is None and told.kind in _AT_THE_DOOR and not came_in
        return msgspec.structs.replace(told, usage=nothing_used(model)) if is_free else told
    # The file is written after the last event, so a kill between the two leaves it empty.
    return _answered(answer if answer.strip() else said.encode(), usage)


def _answered(answer: bytes, usage: Usage | None) -> Told:
    if not answer.strip():
        return Told(kind="schema_bad", why="the turn ended well, but with no last message", usage=usage)
    try:
        return Told(kind="answered", answer=decoded(answer, Any), usage=usage)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return Told(kind="schema_bad", why="the last message is prose, not the answer asked for", usage=usage)


def _failed(words: str, usage: Usage | None, windows: Windows | None, local: datetime) -> Told:
    kind, resets = _kind(words), None
    if kind == "usage_limit":
        resets = _spent_until(windows) or reset_in(words, local)
    return Told(kind=kind, why=words or "the turn failed without a word", resets_utc_ms=resets, usage=usage)


def _kind(words: str) -> Kind:
    # Codex writes a typographic apostrophe in some of its words and a plain one in others.
    said = words.replace("\u2019", "'")
    return next((kind for sign, kind in _KINDS if sign in said), "failed")


def _spent_until(windows: Windows | None) -> int | None:
    both = (windows.primary, windows.secondary) if windows else ()
    ends = [one.resets_at for one in both if one and one.used_percent >= _SPENT_PERCENT and one.resets_at]
    return moment(max(ends, default=None))


def reset_in(words: str, local: datetime) -> int | None:
    """The moment that `words` name, in UTC milliseconds: a clock time without a zone, the next one after `local`."""
    match = _CLOCK.search(words)
    if not match:
        return None
    try:
        clock = datetime.strptime(match["time"], "%I:%M %p").time()
        if match["month"]:
            day = datetime.strptime(f"{match['month']} {match['day']} {match['year']}", "%b %d %Y").date()
        else:
            # It names whole minutes, so this minute's may be the one that is meant.
            day = local.date() + timedelta(days=clock < local.time().replace(second=0, microsecond=0))
    except ValueError:
        return None
    return round(datetime.combine(day, clock, local.tzinfo).timestamp() * 1000)


def windows(recorded: Iterable[bytes]) -> Windows | None:
    """The limits in the newest line of a rollout that holds any."""
    found = None
    for line in recorded:
        if b'"rate_limits"' not in line:
            continue
        try:
            payload = decoded(line, _Recorded).payload
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            continue
        if payload and payload.rate_limits:
            found = payload.rate_limits
    return found


def _usage(tokens: _Tokens | None, model: str) -> Usage | None:
    if tokens is None:
        return None
    return plausible(
        Usage(
            model=model,
            input_tokens=tokens.input_tokens,
            cached_tokens=tokens.cached_input_tokens,
            cache_write_tokens=tokens.cache_write_input_tokens,
            output_tokens=tokens.output_tokens,
        )
    )


def _event(line: bytes) -> _Event | None:
    try:
        return decoded(line, _Event)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
