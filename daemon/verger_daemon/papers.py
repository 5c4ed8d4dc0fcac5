"""The files below `supervision/` of one run, of which the daemon is the only writer.

Not here: what they say (`rules/`), and the daemon's own records (`roster.py`).
"""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import msgspec

from verger_daemon.control import Control, take_control
from verger_daemon.rules import watch_effects as f
from verger_daemon.rules.heartbeats import Beat, thinned
from verger_daemon.rules.records import Heartbeat
from verger_kernel.clock import now
from verger_kernel.rules.now import iso
from verger_probes.decoding import decoded
from verger_probes.records import RecordRefused, read_record, write_record

_FOLDERS = ("heartbeats", "interventions", "invocations")
_THINNED_EVERY = 64


class Papers:
    """One run's `supervision/`, held. Every write raises LockReplaced once somebody took the lock's file away."""

    def __init__(self, root: Path, control: Control) -> None:
        self.root = root
        self._control = control
        self.newest = {name: _newest(root, name) for name in ("heartbeats", "interventions")}
        """The newest record of each folder, relative to the run's; empty when there is none."""
        self._beats = list(_beats(root / "heartbeats"))

    def check(self) -> None:
        """Raises LockReplaced when the run is no longer held."""
        self._control.check()

    def put(self, effect: f.Effect) -> None:
        """Writes what `effect` asks to be written."""
        match effect:
            case f.WriteRegistration(record=registration):
                self._write("bridge_registration.json", registration, durable=True)
            case f.WriteAck(active_stage=stage, probe_request=request, probe_ack=ack):
                self._write("probe_request.json", request)
                self._write("probe_ack.json", ack)
                if stage is None:
                    self.drop("active_stage.json")
                else:
                    self._write("active_stage.json", stage)
            case f.WriteHeartbeat(record=beat):
                stem = f"{beat.heartbeat_sequence:06}_{_stamp(beat.observed_utc_ms)}"
                self._add("heartbeats", stem, beat)
                self._beats.append(_kept(beat))
                if beat.heartbeat_sequence % _THINNED_EVERY == 0:
                    self._thin()
            case f.WriteIntervention(record=act):
                stem = f"{act.intervention_sequence:06}_{act.action_kind}_{_stamp(act.observed_utc_ms)}"
                self._add("interventions", stem, act)
            case _:
                raise AssertionError(f"no file is written for {effect}")

    def _write(self, name: str, record: msgspec.Struct, *, durable: bool = False) -> None:
        self._control.check()
        write_record(self.root / name, _pretty(record), durable=durable)

    def _add(self, folder: str, stem: str, record: msgspec.Struct) -> None:
        self._control.check()
        path = self.root / folder / f"{stem}.json"
        write_record(path, _pretty(record), durable=folder == "interventions")
        self.newest[folder] = f"{self.root.name}/{folder}/{path.name}"

    def _thin(self) -> None:
        """Removes heartbeats that are old enough for fewer of them to tell as much."""
        going = set(thinned(self._beats, now()))
        self._beats = [beat for beat in self._beats if beat.heartbeat_sequence not in going]
        for number in going:
            for path in (self.root / "heartbeats").glob(f"{number:06}_*.json"):
                path.unlink(missing_ok=True)

    def drop(self, *names: str) -> None:
        """Removes what holds only while a kernel is at work."""
        self._control.check()
        for name in names:
            (self.root / name).unlink(missing_ok=True)

    def take_streams(self, invocation: str, stdout: Path, stderr: Path) -> tuple[Path, Path]:
        """Moves the streams of a kernel here, where they stay with the run; it goes on writing to them."""
        self._control.check()
        kept = self.stream(invocation, "stdout"), self.stream(invocation, "stderr")
        for path, place in zip((stdout, stderr), kept, strict=True):
            with suppress(FileNotFoundError):
                path.replace(place)
        return kept

    def stream(self, invocation: str, stream: str) -> Path:
        """Where one stream of a kernel lies."""
        return self.root / "invocations" / f"{invocation}.{stream}.log"

    def release(self) -> None:
        """Gives the run to another supervisor."""
        with suppress(OSError):
            self._control.release()


def _beats(folder: Path) -> Iterator[Beat]:
    """The heartbeats of the daemons before this one; one that cannot be read stays for people."""
    for path in folder.glob("[0-9]*.json"):
        with suppress(OSError, RecordRefused, msgspec.DecodeError):
            yield _kept(decoded(read_record(path), Heartbeat))


def _kept(beat: Heartbeat) -> Beat:
    return Beat(
        heartbeat_sequence=beat.heartbeat_sequence, observed_utc_ms=beat.observed_utc_ms, claim=beat.claim
    )


def _newest(root: Path, folder: str) -> str:
    name = max((path.name for path in (root / folder).glob("[0-9]*.json")), default="")
    return f"{root.name}/{folder}/{name}" if name else ""


def last_number(run_root: str, folder: str) -> int:
    """The number of the last record in a folder of a run's supervision; 0 when there is none."""
    names = (
        (path.name for path in Path(run_root, "supervision", folder).glob("[0-9]*_*.json"))
        if run_root
        else ()
    )
    return max((int(name.partition("_")[0]) for name in names), default=0)


def open_papers(run_root: Path, epoch: int) -> Papers:
    """The supervision of the run at `run_root`, taken. Raises verger_probes.locks.Held when somebody else has it."""
    root = run_root / "supervision"
    root.mkdir(mode=0o700, exist_ok=True)
    control = take_control(root / "control.lock", epoch)
    for name in _FOLDERS:
        (root / name).mkdir(mode=0o700, exist_ok=True)
    return Papers(root, control)


def _stamp(utc_ms: int) -> str:
    return iso(utc_ms)[:19].replace("-", "").replace(":", "") + "Z"


def _pretty(record: msgspec.Struct) -> bytes:
    return msgspec.json.format(msgspec.json.encode(record), indent=2) + b"\n"
