"""The root folder of a sandbox: made of nothing, step by step, beside that of the machine, which then goes.

Not here: which steps; see `sandbox.py`.
"""

# pathlib costs every command 4 ms.
# ruff: noqa: PTH101, PTH102, PTH103, PTH106, PTH112, PTH114, PTH120, PTH211

from __future__ import annotations

import os

from verger_kernel.process.linux import (
    BIND,
    MACHINE,
    NODEV,
    NOEXEC,
    NOSUID,
    PRIVATE,
    RDONLY,
    REC,
    call,
    mount,
    restrict,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    # At run time it would cost every command 8 ms.
    from collections.abc import Callable
    from typing import Any

_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
_DETACH = 2
_OLD = "/oldroot"


def make_root(plan: dict[str, Any]) -> None:
    """Makes the root folder and moves into it. `plan` is that of `sandbox.plan`. Raises OSError."""
    mask = os.umask(0o022)
    mount("none", "/", None, REC | PRIVATE)
    mount("tmpfs", "/tmp", "tmpfs", NOSUID | NODEV, f"size={plan['bytes']},mode=755")
    os.mkdir("/tmp/oldroot", 0o700)
    os.mkdir("/tmp/.fresh", 0o700)
    os.chdir("/tmp")
    call("syscall", _PIVOT_ROOT[MACHINE], b".", b"oldroot", what="pivot_root")
    os.chdir("/")
    mount("tmpfs", "/.fresh", "tmpfs", NOSUID | NODEV, f"size={plan['bytes']},mode=755")
    for word, *arguments in plan["steps"]:
        _STEPS[word](*arguments)
    for place in ("/.fresh", _OLD):
        call("umount2", place.encode(), _DETACH, what=place)
        os.rmdir(place)
    os.umask(mask)


def seal(plan: dict[str, Any]) -> None:
    """Makes all that is mounted read-only, but for what the plan says may be written. Raises OSError."""
    restrict("/", RDONLY | NOSUID, recursive=True)
    restrict("/proc", 0, RDONLY)
    for place in plan["writable"]:
        restrict(place, NODEV, RDONLY)


def _folder(at: str, mode: int = 0o755) -> None:
    os.makedirs(at, mode, exist_ok=True)


def _link(at: str, text: str) -> None:
    _folder(os.path.dirname(at))
    os.symlink(text, at)


def _shown(at: str, source: str) -> None:
    if os.path.islink(at):
        # Of a folder that is shown: it leads to its real place, which is shown as well.
        return
    found = _OLD + source
    if os.path.isdir(found):
        _folder(at)
    elif not os.path.lexists(at):
        _folder(os.path.dirname(at))
        os.close(os.open(at, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o644))
    mount(found, at, None, BIND | REC)


def _fresh(at: str, mode: int) -> None:
    place = f"/.fresh/{at.strip('/').replace('/', '-')}"
    os.mkdir(place)
    os.chmod(place, mode)
    _folder(at)
    mount(place, at, None, BIND)


def _covered(at: str) -> None:
    if os.path.realpath(at) != at:
        # By way of a link: its real place is covered as well, and later steps may have put something there.
        return
    mount("tmpfs", at, "tmpfs", NOSUID | NODEV | NOEXEC, "size=1m,mode=755")


def _overlaid(at: str, lower: str, upper: str, work: str, options: str) -> None:
    # By descriptor, not by path: overlayfs gives a meaning to comma, colon and backslash.
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
    opened = [os.open(_OLD + place, flags) for place in (lower, upper, work)]
    names = ("lowerdir", "upperdir", "workdir")
    layers = (f"{name}={_OLD}/proc/self/fd/{fd}" for name, fd in zip(names, opened, strict=True))
    _folder(at)
    mount("overlay", at, "overlay", NOSUID | NODEV, ",".join((*layers, options)))
    for descriptor in opened:
        os.close(descriptor)


def _devices() -> None:
    _folder("/dev/pts")
    for name in ("null", "zero", "full", "random", "urandom", "tty"):
        os.close(os.open(f"/dev/{name}", os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o666))
        mount(f"{_OLD}/dev/{name}", f"/dev/{name}", None, BIND)
    mount("devpts", "/dev/pts", "devpts", NOSUID | NOEXEC, "newinstance,ptmxmode=0666,mode=620")
    os.symlink("pts/ptmx", "/dev/ptmx")
    os.symlink("/proc/self/fd", "/dev/fd")
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        os.symlink(f"/proc/self/fd/{number}", f"/dev/{name}")


def _processes(shut: tuple[tuple[str, str], ...]) -> None:
    _folder("/proc")
    mount("proc", "/proc", "proc", NOSUID | NODEV | NOEXEC)
    for source, at in shut:
        # On themselves, to be sealed by and by, or covered by nothing.
        mount(source, at, None, BIND)


_STEPS: dict[str, Callable[..., None]] = {
    "link": _link,
    "show": _shown,
    "fresh": _fresh,
    "cover": _covered,
    "overlay": _overlaid,
    "devices": _devices,
    "processes": _processes,
}
