"""The processes of the machine at one moment, read from /proc: one short read for each.

Not here: which of them belong together; see `tree.py`.
"""

import io
import os
from typing import NamedTuple

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


class Row(NamedTuple):
    """One process. `ticks` is when it started: pid and ticks together are never given out twice.

    `living` is false for a zombie, unless other threads outlived its first one. `cpu_ticks` is the time on a CPU of the
    process and of all children that it has waited for.
    """

    pid: int
    ppid: int
    sid: int
    ticks: int
    rss_bytes: int
    cpu_ticks: int
    living: bool
    name: str

    @property
    def identity(self) -> tuple[int, int]:
        """What tells this process from a later one with the same pid."""
        return self.pid, self.ticks


def rows() -> dict[int, Row]:
    """Every process that /proc shows, by pid. One that forks meanwhile may be seen without its child."""
    with os.scandir("/proc") as entries:
        pids = [int(entry.name) for entry in entries if entry.name.isdigit()]
    return {pid: found for pid in pids if (found := row(pid)) is not None}


def row(pid: int) -> Row | None:
    """The process with this pid; None when there is none."""
    # Name and state share the line, and a name may hold spaces and brackets: the last bracket ends it.
    head, _, tail = _read(f"/proc/{pid}/stat").rpartition(b")")
    if not tail:
        return None
    fields = tail.split()
    state, threads = fields[0], int(fields[17])
    return Row(
        pid=pid,
        ppid=int(fields[1]),
        sid=int(fields[3]),
        ticks=int(fields[19]),
        rss_bytes=int(fields[21]) * _PAGE_BYTES,
        cpu_ticks=sum(map(int, fields[11:15])),
        living=state not in b"ZX" or threads > 1,
        name=head.partition(b"(")[2].decode(errors="replace"),
    )


def written_bytes(pid: int) -> int:
    """What the process and the children that it waited for wrote: bytes of every write, and of pages made dirty.

    0 where we may not look.
    """
    found = dict(line.split(b": ") for line in _read(f"/proc/{pid}/io").splitlines())
    return int(found.get(b"wchar", 0)) + int(found.get(b"write_bytes", 0))


def own_share_bytes(pid: int) -> int | None:
    """The resident memory of the process, each page divided among those that share it; None where we may not look.

    Walks its page tables: 5 ms for 500 MB.
    """
    for line in _read(f"/proc/{pid}/smaps_rollup").splitlines():
        if line.startswith(b"Pss:"):
            return int(line.split()[1]) << 10
    return None


def newest_pid() -> bytes:
    """The pid that was given out last, on the whole machine: while it stays, no process began."""
    return _read("/proc/loadavg").rpartition(b" ")[2]


def carries(pid: int, name: str, value: str) -> bool:
    """Whether the process was executed with `name=value` in its environment; false where we may not look."""
    return f"{name}={value}".encode() in _read(f"/proc/{pid}/environ").split(b"\0")


def holds(pid: int, file: os.stat_result) -> bool:
    """Whether the process holds a lock on `file`, its own or an inherited one; false where we may not look.

    Who only reads the file, a backup for one, does not count.
    """
    try:
        with os.scandir(f"/proc/{pid}/fd") as entries:
            return any(_same(entry, file) and _is_locked(pid, entry.name) for entry in entries)
    except OSError:
        return False


def lineage(table: dict[int, Row]) -> set[int]:
    """This process and all it descends from."""
    pid, found = os.getpid(), {1}
    while pid in table and pid not in found:
        found.add(pid)
        pid = table[pid].ppid
    return found


def _same(entry: os.DirEntry[str], file: os.stat_result) -> bool:
    try:
        return os.path.samestat(entry.stat(), file)
    except OSError:
        return False


def _is_locked(pid: int, descriptor: str) -> bool:
    return b"\nlock:" in _read(f"/proc/{pid}/fdinfo/{descriptor}")


def _read(path: str) -> bytes:
    try:
        with io.FileIO(path) as file:
            return file.readall()
    except OSError:  # gone, or another user's
        return b""
