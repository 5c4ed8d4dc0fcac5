"""What befalls the daemon, alone or with its kernel, and the machine that both sleep on.

Not here: what befalls files and clocks; see `on_files.py`.
"""

import subprocess
from pathlib import Path

from tests.faults.judging import LIVE, TOO_LONG_S
from tests.faults.on_kernels import LONG_S
from tests.faults.scene import Fault, NotHere, Scene

LAST_PID = Path("/proc/sys/kernel/ns_last_pid")


def daemon_killed(scene: Scene) -> None:
    """The kernel goes on, and the next daemon finds it."""
    kernel = scene.kernel()
    scene.kill_daemon()
    unreachable(scene)
    scene.start_daemon()
    scene.until(lambda: scene.says(LIVE), "the next daemon proves the same kernel alive")
    assert scene.kernel() == kernel
    scene.watch(TOO_LONG_S)
    scene.release()


def daemon_stopped(scene: Scene) -> None:
    """What was asked meanwhile is answered later, and only with what is proved then."""
    assert scene.seat.process
    with scene.deaf(), scene.stopped(scene.seat.process.pid):
        unreachable(scene)
        scene.watch(LONG_S)
    scene.watch(TOO_LONG_S + 0.5)
    scene.release()


def both_killed(scene: Scene) -> None:
    """The next daemon sweeps what the kernel left, and goes on with the run."""
    first = scene.kernel()
    scene.kill_daemon()
    scene.kill_kernel()
    unreachable(scene)
    scene.start_daemon()
    scene.until(lambda: scene.kernel() != first and scene.says(LIVE), "the next kernel is proved alive")
    scene.release()


def unreachable(scene: Scene) -> None:
    """A person who asks meanwhile is told that nothing is proved."""
    said = scene.seat.verger("supervise", "status", scene.run, "--exit-code")
    scene.tell(f"`supervise status --exit-code` ended with {said.returncode}")
    assert (said.returncode, LIVE in said.stdout) == (11, False), said


def pid_recycled(scene: Scene) -> None:
    """The kernel's number is a stranger's: it is neither taken for the kernel nor ended for it."""
    scene.kill_daemon()
    pid = scene.kill_kernel()
    scene.until(lambda: not Path(f"/proc/{pid}").exists(), "the dead kernel is gone")
    with stranger(scene, pid) as other:
        scene.start_daemon()
        scene.until(lambda: scene.kernel() != pid and scene.says(LIVE), "the next kernel is proved alive")
        scene.release()
        scene.rest()
        assert other.poll() is None, "the stranger with the number of the kernel was ended"
        other.kill()


def stranger(scene: Scene, pid: int) -> "subprocess.Popen[bytes]":
    """Somebody else's process with the number `pid`. Raises NotHere where it cannot be had."""
    for _ in range(200):
        try:
            LAST_PID.write_text(str(pid - 1))
        except OSError as error:
            raise NotHere(f"{LAST_PID}: {error}") from None
        other = subprocess.Popen(("sleep", "600"))
        if other.pid == pid:
            scene.tell(f"a stranger got the number {pid}")
            return other
        other.kill()
        other.wait()
    raise NotHere(f"the number {pid} did not come again")


def suspended(scene: Scene) -> None:
    """All sleep at once for longer than a proof counts; when they wake nothing old is said and nobody is ended."""
    assert scene.seat.process
    everybody = (scene.seat.process.pid, scene.kernel(), *scene.agents())
    with scene.mute(), scene.stopped(*everybody):
        scene.watch(LONG_S)
    scene.watch(TOO_LONG_S + 0.5)
    scene.release()


def only_fresh(scene: Scene) -> list[str]:
    """Whatever said alive gave the age of a proof that counts."""
    old = [one for one in scene.asker.answers if one.claim == LIVE and not 0 <= (one.age_ms or 0) <= 1000]
    return [f"alive, with a proof of {one.age_ms} ms ago" for one in old]


ON_DAEMONS = (
    Fault("daemon_killed", "SIGKILL of the daemon, then another one", daemon_killed, also=only_fresh),
    Fault("daemon_stopped", "SIGSTOP of the daemon, then SIGCONT", daemon_stopped, also=only_fresh),
    Fault("both_killed", "SIGKILL of daemon and kernel, then another daemon", both_killed, also=only_fresh),
    Fault("pid_recycled", "both killed, and a stranger gets the number of the kernel", pid_recycled),
    Fault("suspended", "daemon, kernel and agent sleep and wake together", suspended, also=only_fresh),
)
