"""What befalls a kernel: it dies, stops, hangs in one place while it runs in another.

Not here: what befalls the daemon too; see `on_daemons.py`.
"""

import os
import signal
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.faults.judging import LATEST_S, LIVE, TOO_LONG_S
from tests.faults.scene import Fault, Scene

LONG_S = LATEST_S + 2.0

CALLS_HANG = """
import os, subprocess
if "FAULT_CALL" in os.environ:
    import verger_kernel.supervised.telling as telling
    telling.seconds_max = lambda effect, site: int(os.environ["FAULT_EFFECT_S_MAX"])
    telling.RECORD_S_MAX = int(os.environ["FAULT_RECORD_S_MAX"])
    name, folder = os.environ["FAULT_CALL"], os.environ["FAULT_FOLDER"]
    whose = os if hasattr(os, name) else subprocess.Popen
    real = getattr(whose, name)
    def hanging(*args):
        if os.path.exists(folder + "/hangs"):
            open(folder + "/hung", "w").close()
            os.close(os.open(folder + "/pipe", os.O_RDONLY))  # Nobody writes: the system lets it wait here.
        return real(*args)
    setattr(whose, name, hanging)
"""
DEADLINE_S = 3

BLOCKS = """
import os, signal, time
def block(*_):
    while not os.path.exists(os.environ["FAULT_UNBLOCK"]):
        time.sleep(0.01)
if "FAULT_UNBLOCK" in os.environ:
    signal.signal(signal.SIGUSR1, block)
"""


def killed(scene: Scene) -> None:
    """The next kernel goes on by itself."""
    first = scene.kill_kernel()
    scene.until(lambda: scene.kernel() != first, "the next kernel is at work")
    scene.until(lambda: scene.says(LIVE), "the next kernel is proved alive")
    scene.release()


def stopped(scene: Scene) -> None:
    """It cannot answer, and can again; nobody takes it for dead."""
    with scene.mute(), scene.stopped(scene.kernel()):
        scene.watch(LONG_S)
    scene.watch(TOO_LONG_S + 0.5)
    scene.release()


def wedged(scene: Scene) -> None:
    """Its main thread hangs in a handler while its other threads run."""
    with scene.mute():
        scene.signal(signal.SIGUSR1, scene.kernel())
        scene.watch(LONG_S)
        (scene.folder / "unblock").touch()
    scene.watch(TOO_LONG_S + 0.5)
    scene.release()


def hung_in_call(scene: Scene) -> None:
    """It answers, and is past the deadline of what it does: from then on it is no kernel that works."""
    os.mkfifo(scene.folder / "pipe")
    (scene.folder / "hangs").touch()
    scene.release()
    scene.until((scene.folder / "hung").exists, "a call hangs")
    scene.tell("a call hangs")
    scene.watch(DEADLINE_S)
    with scene.mute():
        scene.tell("the deadline is over")
        scene.watch(LONG_S)
        (scene.folder / "hangs").unlink()
        # Whoever waits at the pipe sees its end.
        os.close(os.open(scene.folder / "pipe", os.O_WRONLY | os.O_NONBLOCK))
        scene.tell("the call is done")


def _hanging(name: str, effect_s: int, record_s: int) -> Callable[[Path], Mapping[str, str]]:
    def prepare(root: Path) -> Mapping[str, str]:
        _hook(root, CALLS_HANG)
        numbers = {"FAULT_EFFECT_S_MAX": str(effect_s), "FAULT_RECORD_S_MAX": str(record_s)}
        return {**_hooked(root), "FAULT_CALL": name, "FAULT_FOLDER": str(root / "agents"), **numbers}

    return prepare


def _hook(root: Path, program: str) -> None:
    (root / "hooks").mkdir()
    (root / "hooks" / "sitecustomize.py").write_text(program)


def _hooked(root: Path) -> Mapping[str, str]:
    return {"PYTHONPATH": str(root / "hooks")}


def _blocking(root: Path) -> Mapping[str, str]:
    _hook(root, BLOCKS)
    return {**_hooked(root), "FAULT_UNBLOCK": str(root / "agents" / "unblock")}


ON_KERNELS = (
    Fault("kernel_killed", "SIGKILL of the kernel", killed),
    Fault("kernel_stopped", "SIGSTOP of the kernel, then SIGCONT", stopped),
    Fault("kernel_wedged", "its main thread hangs, the others run", wedged, prepare=_blocking),
    Fault("stuck_in_fsync", "a sync before a journal record hangs beyond its deadline", hung_in_call,
          prepare=_hanging("fsync", 1800, DEADLINE_S)),
    Fault("stuck_in_record", "the sync of a journal record hangs beyond its deadline", hung_in_call,
          prepare=_hanging("fdatasync", 1800, DEADLINE_S)),
    Fault("stuck_in_effect", "an effect hangs as it starts git, beyond its deadline", hung_in_call,
          prepare=_hanging("_execute_child", DEADLINE_S, 1800)),
)  # fmt: skip
