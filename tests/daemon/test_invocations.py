"""Starting kernels and finding them again: a pidfd from birth, and never a process that merely got the number."""

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

from tests.doubles.workplace import PATIENCE_S

from verger_daemon.invocations import adopt, send, start
from verger_probes.identity import boot_id, start_ticks
from verger_probes.rules.probe import Identity


def test_a_kernel_without_its_daemon_leaves_and_has_made_nothing(tmp_path: Path) -> None:
    out, err = tmp_path / "out.log", tmp_path / "err.log"
    child = start(("run", "x.md"), directory=tmp_path, environment=dict(os.environ), stdout=out, stderr=err)
    # A session of its own: what ends our terminal does not end it.
    assert os.getsid(child.pid) == child.pid
    assert child.ended() is None
    child.greeting.close()
    assert select.select([child.pidfd], [], [], PATIENCE_S)[0]
    assert child.ended() == 6
    os.close(child.pidfd)
    assert (out.read_bytes(), err.read_text().startswith("error: ")) == (b"", True)
    assert {path.name for path in tmp_path.iterdir()} == {"out.log", "err.log"}
    assert {path.stat().st_mode & 0o777 for path in (out, err)} == {0o600}


def test_only_the_very_process_on_record_is_adopted() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        ticks = start_ticks(child.pid)
        known = Identity(pid=child.pid, start_ticks=ticks, boot_id=boot_id(), pid_namespace=1)
        pidfd = adopt(known, start_ticks=ticks)
        assert pidfd is not None
        # The number is the same, and the process another one.
        assert adopt(known, start_ticks=ticks + 1) is None
        assert adopt(known, start_ticks=0) is None
        send(pidfd, signal.SIGTERM)
        child.wait(PATIENCE_S)
        # Once it is gone, a signal reaches nobody.
        send(pidfd, signal.SIGTERM)
        assert adopt(known, start_ticks=ticks) is None
        os.close(pidfd)
