"""Limits on one process tree, what it used, and which limit was broken first.

Not here: measuring; see `process/`.
"""

import msgspec


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What one agent or command may use. Seconds by the monotonic clock, bytes for the whole tree."""

    runtime_s_max: int
    silence_s_max: int
    output_bytes_max: int
    memory_bytes_max: int


class Usage(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What it has used so far: `silence_s` is the time since its streams last grew."""

    runtime_s: float
    silence_s: float
    output_bytes: int
    memory_bytes: int


class Breach(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which limit was broken, by how much: `limit` is `timeout`, `silence`, `output` or `memory`."""

    limit: str
    used: int
    allowed: int


def breach(limits: Limits, usage: Usage) -> Breach | None:
    """The first limit that `usage` breaks, in the order memory, output, timeout, silence; None if it keeps all."""
    pairs = (
        ("memory", usage.memory_bytes, limits.memory_bytes_max),
        ("output", usage.output_bytes, limits.output_bytes_max),
        ("timeout", usage.runtime_s, limits.runtime_s_max),
        ("silence", usage.silence_s, limits.silence_s_max),
    )
    for name, used, allowed in pairs:
        if used > allowed:
            return Breach(limit=name, used=int(used), allowed=allowed)
    return None
