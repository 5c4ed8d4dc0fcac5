"""Limits on one process tree, what it used, whether it still does anything, and which limit was broken first.

Not here: measuring; see `process/`.
"""

import msgspec

STRETCH_S_MAX = 60.0
"""A stretch of time over which work and idling are told apart: short beside a silence of half an hour."""
_STRETCHES = 4
"""So many fit into the shortest quiet that is a breach: what was done within it is seen before it is judged."""
CPU_IDLE_SHARE = 0.01
"""An event loop that waits for a network ticks: node and python with a few timers need 0.1 to 0.5 % of a CPU."""
CPU_TICK_S = 0.01
"""The system counts in ticks, and one may fall due in any look."""
WRITE_IDLE_BYTES_S = 64.0
"""A loop that wakes itself writes 8 bytes some times a second; a connection that is kept open 100 bytes in 15 s."""


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What one agent or command may use. Seconds by the monotonic clock, bytes and processes for the whole tree.

    `first_output_s_max` None: it may be quiet from the start for as long as later. `disk_free_bytes_min` is what must
    stay free where it works and where its output goes.
    """

    runtime_s_max: int
    silence_s_max: int
    output_bytes_max: int
    memory_bytes_max: int
    first_output_s_max: int | None = None
    processes_max: int = 512
    disk_free_bytes_min: int = 0

    @property
    def quiet_s_max(self) -> int:
        """The shortest quiet that can be a breach."""
        return min(self.silence_s_max, self.first_output_s_max or self.silence_s_max)

    @property
    def stretch_s(self) -> float:
        """Over how long a meter tells work and idling apart."""
        return min(STRETCH_S_MAX, self.quiet_s_max / _STRETCHES)


class Usage(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the tree has used so far. The `since` count from when its streams grew, it used CPU, it wrote anything.

    `first_output_s` is None while it has said nothing. `written_bytes` counts every write and every page that writing
    made dirty, so that neither a pipe nor a mapped file is missed. `disk_free_bytes` is None where nobody looked.
    """

    runtime_s: float = 0
    since_output_s: float = 0
    since_cpu_s: float = 0
    since_write_s: float = 0
    first_output_s: float | None = None
    output_bytes: int = 0
    cpu_s: float = 0
    written_bytes: int = 0
    memory_bytes: int = 0
    processes: int = 0
    disk_free_bytes: int | None = None

    @property
    def quiet_s(self) -> float:
        """For how long the tree neither said nor did anything: all three at once."""
        return min(self.since_output_s, self.since_cpu_s, self.since_write_s)


class Evidence(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What was seen of a tree when it broke a limit, in whole seconds; the words of `Usage`."""

    runtime_s: int
    since_output_s: int
    since_cpu_s: int
    since_write_s: int
    first_output_s: int | None
    output_bytes: int
    cpu_s: int
    written_bytes: int
    memory_bytes: int
    processes: int


class Breach(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which limit was broken, by how much, and what was seen then.

    `limit` is `memory`, `processes`, `output`, `disk`, `timeout`, `first_output` or `silence`. For `disk`, `used` is
    what was left free.
    """

    limit: str
    used: int
    allowed: int
    evidence: Evidence | None = None


def breach(limits: Limits, usage: Usage) -> Breach | None:
    """The first limit that `usage` breaks, None if it keeps all: first those that harm the machine, then time."""
    first_s = limits.first_output_s_max if usage.first_output_s is None else None
    over: tuple[tuple[str, float, int | None], ...] = (
        ("memory", usage.memory_bytes, limits.memory_bytes_max),
        ("processes", usage.processes, limits.processes_max),
        ("output", usage.output_bytes, limits.output_bytes_max),
        ("disk", *_disk(limits, usage)),
        ("timeout", usage.runtime_s, limits.runtime_s_max),
        ("first_output", usage.quiet_s, first_s),
        ("silence", usage.quiet_s, limits.silence_s_max),
    )
    for name, used, allowed in over:
        if allowed is not None and (used < allowed if name == "disk" else used > allowed):
            return Breach(limit=name, used=int(used), allowed=allowed, evidence=evidence(usage))
    return None


def _disk(limits: Limits, usage: Usage) -> tuple[int, int | None]:
    free = usage.disk_free_bytes
    return (0, None) if free is None else (free, limits.disk_free_bytes_min)


def evidence(usage: Usage) -> Evidence:
    """`usage` as it goes on record: whole seconds, for a record holds no fractions."""
    first_s = usage.first_output_s
    return Evidence(
        runtime_s=int(usage.runtime_s),
        since_output_s=int(usage.since_output_s),
        since_cpu_s=int(usage.since_cpu_s),
        since_write_s=int(usage.since_write_s),
        first_output_s=None if first_s is None else int(first_s),
        output_bytes=usage.output_bytes,
        cpu_s=int(usage.cpu_s),
        written_bytes=usage.written_bytes,
        memory_bytes=usage.memory_bytes,
        processes=usage.processes,
    )


def in_words(seen: Evidence) -> str:
    """All of the evidence in one line, for a person and for the journal."""
    said = "no output"
    if seen.first_output_s is not None:
        said = (
            f"{seen.output_bytes} bytes of output, the first after {seen.first_output_s} s "
            f"and the last {seen.since_output_s} s ago"
        )
    return (
        f"seen in {seen.runtime_s} s: {said}; {seen.cpu_s} s of CPU, the last {seen.since_cpu_s} s ago; "
        f"{seen.written_bytes} bytes written, the last {seen.since_write_s} s ago; "
        f"{seen.memory_bytes >> 20} MiB in {seen.processes} processes"
    )


class Meter(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A total that only grows, and when it last grew by more than idling makes it grow; times on one clock.

    `began_s` and `began` are where the stretch that is judged now began, and the total there.
    """

    began_s: float
    began: float = 0
    active_s: float


def started(now_s: float) -> Meter:
    """The meter of a tree that begins now, which counts as doing something."""
    return Meter(began_s=now_s, active_s=now_s)


def used_cpu(meter: Meter, now_s: float, cpu_s: float, stretch_s: float) -> Meter:
    """`meter` after a look that found `cpu_s` used in all."""
    return _moved(meter, now_s, cpu_s, stretch_s, idle_per_s=CPU_IDLE_SHARE, trifle=CPU_TICK_S)


def wrote(meter: Meter, now_s: float, written_bytes: int, stretch_s: float) -> Meter:
    """`meter` after a look that found `written_bytes` written in all."""
    return _moved(meter, now_s, written_bytes, stretch_s, idle_per_s=WRITE_IDLE_BYTES_S, trifle=0)


def _moved(
    meter: Meter, now_s: float, total: float, stretch_s: float, *, idle_per_s: float, trifle: float
) -> Meter:
    span_s = now_s - meter.began_s
    # What idling may use in a stretch is granted from its beginning: else each tick of a loop looks like work.
    if total - meter.began > max(idle_per_s * max(span_s, stretch_s), trifle):
        return Meter(began_s=now_s, began=total, active_s=now_s)
    if span_s >= stretch_s:
        return Meter(began_s=now_s, began=total, active_s=meter.active_s)
    return meter
