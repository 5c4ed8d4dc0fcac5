"""Many runs for one daemon, made from one that was real: all at a gate, or all with a kernel at work as it believes.

Not here: the daemon (`post.py`), and the one process that answers for all kernels (`tests/doubles/many_kernels.py`).
Every run has a folder, a journal and a state of its own, in which only its id is another.
"""

import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from msgspec.structs import replace
from tests.bench.post import Post, post
from tests.bench.workshop import ROOT, CommandFailed, Shape, workshop

from verger_daemon.roster import OnRecord, Roster
from verger_kernel.clock import now
from verger_kernel.disk.layout import StateFolder
from verger_kernel.rules.chain import GENESIS, line, read
from verger_kernel.rules.events import RunCreated
from verger_kernel.rules.ids import RunId
from verger_kernel.rules.machine import fold
from verger_kernel.rules.saved import encode
from verger_probes.exits import Exit
from verger_probes.identity import boot_id, boottime_ns, pid_namespace, start_ticks
from verger_probes.rules.probe import Identity

STAND_IN = ROOT / "tests" / "doubles" / "many_kernels.py"


@contextmanager
def many_waiting(count: int) -> Iterator[Post]:
    """A daemon that has `count` runs on record; each waits at a gate, and was looked at once."""
    with workshop(Shape(tracked=1, gated=True)) as made, post(made, begun=False) as here:
        _put_on_record(here, count, "ended", _gone())
        here.start()
        _look_at_all(here)
        yield here


@contextmanager
def many_at_work(count: int) -> Iterator[Post]:
    """A daemon that has adopted `count` kernels, and holds each of them for proved alive."""
    with (
        workshop(Shape(tracked=1, gated=True)) as made,
        post(made, begun=False) as here,
        _stand_in(here) as one,
    ):
        _put_on_record(here, count, "at_work", _identity(one.pid))
        assert one.stdin and one.stdout
        one.stdin.write(b"go\n")
        one.stdin.flush()
        if one.stdout.readline() != b"ready\n":
            raise CommandFailed("the process that answers for all kernels did not begin")
        here.start()
        _look_at_all(here)
        yield here


def run_ids(here: Post) -> list[str]:
    """The runs on record, in order."""
    return sorted(path.stem for path in (here.home / "runs").glob("RUN_*.json"))


def _put_on_record(here: Post, count: int, phase: Literal["at_work", "ended"], identity: Identity) -> None:
    made = here.made
    made.timed(made.run(), ends=int(Exit.AWAITING_HUMAN_GATE))
    (model,) = made.state.glob("verger/*/runs/RUN_*")
    here.home.mkdir(mode=0o700, parents=True)
    kernels = here.runtime / "verger" / "kernels"
    kernels.mkdir(mode=0o700, parents=True)
    roster = Roster(here.home)
    for number in range(count):
        run_id = RunId(f"RUN_20260101T000000Z_{number:032x}")
        root = _copied(model, run_id)
        invocation = uuid.uuid4().hex
        roster.keep(
            OnRecord(
                run_id=run_id,
                directory=str(made.repository),
                run_root=str(root),
                words=("run",),
                phase=phase,
                epoch=1,
                invocation=invocation,
                identity=identity,
                session=identity.pid,
                key=uuid.uuid4().hex * 2 if phase == "at_work" else "",
                probe_socket=str(kernels / f"{invocation}.sock"),
                began_utc_ms=now().utc_ms,
                began_boottime_ns=boottime_ns(),
            )
        )


def _copied(model: Path, run_id: RunId) -> Path:
    """The run at `model` under another id, as if it had been this one from its first record on."""
    records, head, data = [], GENESIS, b""
    for record in read((model / "journal.jsonl").read_bytes()).records:
        event = record.event
        if isinstance(event, RunCreated):
            event = replace(event, frame=replace(event.frame, run_id=run_id))
        text, head = line(record.seq, head, record.now, event)
        records.append(text)
    data = b"".join(records)
    folder = StateFolder(model.parent.parent).run(run_id)
    folder.root.mkdir(mode=0o700)
    folder.journal.write_bytes(data)
    folder.run_state.write_bytes(encode(fold(read(data).records)))
    for name in ("normalized_plan.json", "runtime_policy.json", "playbook_source_snapshot.md"):
        (folder.root / name).write_bytes((model / name).read_bytes())
    return folder.root


def _look_at_all(here: Post) -> None:
    """Has every run shown once, until it is what it was made to be."""
    client = here.connected()
    for run in run_ids(here):
        claim = ""
        while claim not in ("live_attached", "waiting_state_observed"):
            claim = client.ask("run.status", directory=str(here.made.repository), run=run)["claim"]
    client.close()


@contextmanager
def _stand_in(here: Post) -> "Iterator[subprocess.Popen[bytes]]":
    words = (sys.executable, "-P", str(STAND_IN), str(here.home / "runs"))
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as one:
        try:
            yield one
        finally:
            # The daemon first: to see a hundred kernels end at once is not what is measured.
            if here.process:
                here.kill()
            one.kill()


def _identity(pid: int) -> Identity:
    return Identity(pid=pid, start_ticks=start_ticks(pid), boot_id=boot_id(), pid_namespace=pid_namespace())


def _gone() -> Identity:
    return Identity(pid=1, start_ticks=1, boot_id=boot_id(), pid_namespace=pid_namespace())
