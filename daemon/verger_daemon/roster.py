"""What the daemon itself must not forget: each run that it watches, with the key of the kernel that is at work on it.

Not here: the files of a run (`papers.py`). All of it lies in the daemon's own folder, 0700, where the sandbox hides it.
"""

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Literal

import msgspec

from verger_kernel.rules.ids import RunId
from verger_probes.decoding import decoded
from verger_probes.records import RecordRefused, read_record, write_record
from verger_probes.rules.probe import Identity

Phase = Literal["at_work", "ended"]


class OnRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One run as the daemon keeps it. `run_root` is empty until the kernel made the run.

    `identity` and `key` are those of its last kernel, whose key goes when it is over; `exit_code` is None while it is
    at work, and afterwards where nobody can know it. `is_stopped` says that somebody had it stopped, so that it is not
    begun again by itself; `environment` is what a later daemon begins it again with, no secret among it.
    """

    run_id: RunId
    directory: str
    run_root: str
    words: tuple[str, ...]
    phase: Phase
    epoch: int
    invocation: str
    identity: Identity
    session: int
    key: str
    probe_socket: str
    began_utc_ms: int
    began_boottime_ns: int
    exit_code: int | None = None
    is_stopped: bool = False
    environment: dict[str, str] = {}


class Roster:
    """The records below `folder`, one a run. Made by whoever holds the daemon's lock."""

    def __init__(self, folder: Path) -> None:
        self._runs = folder / "runs"
        self._starting = folder / "starting"
        for place in (self._runs, self._starting):
            place.mkdir(mode=0o700, exist_ok=True)
        self.unreadable: list[str] = []
        """Why records were left alone when they were read last."""

    def keep(self, kept: OnRecord) -> None:
        """Writes `kept`, durably: what it tells of must not be forgotten by a daemon that is killed."""
        write_record(self._place(kept.run_id), msgspec.json.encode(kept), durable=True)

    def forget(self, run_id: RunId) -> None:
        """Removes the record of a run that never came to be."""
        self._place(run_id).unlink(missing_ok=True)

    def read(self) -> Iterator[OnRecord]:
        """Every record, in the order of the runs; one that cannot be read is left alone, and told of."""
        self.unreadable = []
        for place in sorted(self._runs.glob("RUN_*.json")):
            try:
                yield decoded(read_record(place), OnRecord)
            except (OSError, RecordRefused, msgspec.DecodeError) as error:
                self.unreadable.append(f"{place}: {error}")

    def streams(self, invocation: str) -> tuple[Path, Path]:
        """Where stdout and stderr of a kernel go until there is a run that they belong to."""
        return self._starting / f"{invocation}.stdout.log", self._starting / f"{invocation}.stderr.log"

    def sweep(self, at_work: Collection[str]) -> None:
        """Removes what kernels wrote that never made a run, but for those invocations that are `at_work`."""
        for place in self._starting.glob("*.log"):
            if place.name.partition(".")[0] not in at_work:
                place.unlink(missing_ok=True)

    def _place(self, run_id: RunId) -> Path:
        return self._runs / f"{run_id}.json"
