"""What befalls the disk, the clock and the saved state.

Not here: what agents do; see `by_agents.py`.
"""

import ctypes
import os
import shutil
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from tests.faults.judging import LATEST_S, LIVE, TOO_LONG_S
from tests.faults.on_kernels import LONG_S
from tests.faults.scene import Fault, NotHere, Scene

from verger_kernel.rules.chain import read

SHIFTS_S = (2 * 3600, -3 * 86_400)
DISK_MB, FLOOR_MB = 200, 64
_NEW_MOUNTS = 0x00020000


def clock_set(scene: Scene) -> None:
    """It is two hours later, then three days earlier; nobody is older for it, and nobody is ended."""
    for shift_s in SHIFTS_S:
        (scene.root / "clock").open("r+b").write(shift_s.to_bytes(8, "little", signed=True))
        scene.tell(f"the clock is set to {shift_s} s beside the true time")
        scene.watch(LATEST_S + 0.5)
    scene.release()


def was_set(scene: Scene) -> list[str]:
    """The journal shows that both programs saw another time."""
    records = read(scene.seat.place.run().journal.read_bytes()).records
    times = [record.now.utc_ms for record in records]
    return [] if max(times) - min(times) > 86_400_000 else ["the clock was not set: the hook does not work"]


def _shifting(root: Path) -> Mapping[str, str]:
    if shutil.which("gcc") is None:
        raise NotHere("no gcc, which builds what shifts the clock")
    library, source = root / "clock_shift.so", Path(__file__).with_name("clock_shift.c")
    words = ("gcc", "-O1", "-shared", "-fPIC", "-o", str(library), str(source), "-ldl")
    built = subprocess.run(words, capture_output=True, text=True, check=False)
    if built.returncode:
        raise NotHere(f"gcc: {built.stderr.strip()[:200]}")
    (root / "clock").write_bytes(bytes(8))
    return {"LD_PRELOAD": str(library), "FAULT_CLOCK": str(root / "clock")}


def state_truncated(scene: Scene) -> None:
    """Half of the saved state is gone while its kernel is at work; what it saves next is whole."""
    state = scene.seat.place.run().run_state
    with scene.doubtful():
        cut = _cut_in_half(scene)
        scene.watch(LONG_S)
        scene.release()
        scene.until(lambda: state.stat().st_ino != cut, "the kernel saves again")


def state_truncated_and_killed(scene: Scene) -> None:
    """Half of the saved state is gone, and so is the kernel: the journal is whole, so nothing is lost."""
    with scene.doubtful():
        _cut_in_half(scene)
        first = scene.kill_kernel()
    scene.until(lambda: not scene.says(LIVE), "its end is noticed")
    scene.watch(TOO_LONG_S)
    scene.release()
    scene.resume_by_hand(first)


def _cut_in_half(scene: Scene) -> int:
    """The number of the file: what is saved next is another one."""
    state = scene.seat.place.run().run_state
    os.truncate(state, state.stat().st_size // 2)
    scene.tell("run_state.json is cut in half")
    return state.stat().st_ino


def nothing_more(scene: Scene) -> None:
    """No harm but the agent's own."""


def disk_full(scene: Scene) -> None:
    """Somebody else fills the disk to the last byte; once there is room again the run goes on."""
    first, agents = scene.kernel(), scene.agents()
    big = scene.seat.place.root / "big"
    with big.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(1 << 16))
    scene.tell("the disk is full")
    scene.release()
    scene.until(lambda: not scene.says(LIVE), "the full disk ends its work")
    scene.watch(TOO_LONG_S)
    # No kernel can work without a disk, and none is blamed for it.
    scene.ours |= {*(life.pid for life in scene.watcher.kernels.values()), *scene.agents(), *agents}
    big.unlink()
    scene.tell("the disk has room again")
    scene.resume_by_hand(first)


def _left_alone_on_a_small_disk(root: Path) -> Mapping[str, str]:
    """A full disk is nobody's fault, so the call would be made again and again."""
    return {**_small_disk(root), "VERGERD_RECOVERIES_MAX": "0"}


def _small_disk(root: Path) -> Mapping[str, str]:
    """A small disk of its own for the place of work, which nobody else sees and which goes with this process."""
    place = root / "place"
    place.mkdir()
    library = ctypes.CDLL(None, use_errno=True)
    if library.unshare(_NEW_MOUNTS):
        raise NotHere(f"no mounts of its own: {os.strerror(ctypes.get_errno())}")
    for words in (("--make-rprivate", "/"), ("-t", "tmpfs", "-o", f"size={DISK_MB}m", "small", str(place))):
        mounted = subprocess.run(("mount", *words), capture_output=True, text=True, check=False)
        if mounted.returncode:
            raise NotHere(f"mount: {mounted.stderr.strip()[:200]}")
    return {}


ON_FILES = (
    Fault("disk_floor", "an agent writes until less than 64 MB are free", nothing_more, agent="fills_the_disk",
          policy={"disk_floor_mb": FLOOR_MB}, demands="gone", after_s=3, passed=0, prepare=_left_alone_on_a_small_disk),
    Fault("disk_full", "somebody else fills the disk, then makes room", disk_full,
          may="disk", passed=None, prepare=_small_disk),
    Fault("clock_set", "the wall clock is set forward and back", clock_set, also=was_set, prepare=_shifting),
    Fault("state_truncated", "run_state.json is cut in half under a kernel at work", state_truncated),
    Fault("state_truncated_and_killed", "run_state.json is cut in half and the kernel killed",
          state_truncated_and_killed),
)  # fmt: skip
