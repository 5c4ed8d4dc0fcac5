"""The program that closes a sandbox around itself and becomes the job in it: three processes, each with one duty.

Not here: what the sandbox shows (`sandbox.py`), and who starts this and hears what it says (`enclosed.py`).

The outer one stays among the processes of the machine, is deaf to signals that ask, and ends as the job ended. Below it
the first of a new pid namespace makes the mounts and takes orphans; with its end all others end. The third is the job,
in a user namespace below theirs, so that it has no right over the mounts, the network or the first.
"""

# pathlib costs every command 4 ms.
# ruff: noqa: PTH123, PTH208

from __future__ import annotations

import ctypes
import marshal
import os
import sys

from verger_kernel.process.inner_root import make_root, seal
from verger_kernel.process.linux import MACHINE, call, libc, write

TYPE_CHECKING = False
if TYPE_CHECKING:
    # At run time it would cost every command 8 ms.
    from typing import Any, NoReturn

    Plan = dict[str, Any]
    """What `sandbox.plan` makes: numbers, texts and tuples of them, as marshal keeps them."""

FAILED = 125
"""The exit code where the sandbox could not be made; what is said beside it counts."""

_NEWUSER, _NEWNS, _NEWPID, _NEWNET = 0x10000000, 0x00020000, 0x20000000, 0x40000000
_NEWIPC, _NEWUTS, _NEWCGROUP = 0x08000000, 0x04000000, 0x02000000
_SPACES = _NEWNS | _NEWPID | _NEWNET | _NEWIPC | _NEWUTS | _NEWCGROUP
_KEYCTL = {"x86_64": 250, "aarch64": 219}
_SET_PDEATHSIG, _SET_DUMPABLE, _CAPBSET_DROP, _SET_NO_NEW_PRIVS = 1, 4, 24, 38
_KILL, _SIGNALS = 9, range(1, 32)
_DEAF_TO = (1, 2, 3, 10, 12, 13, 14, 15)
_SIOCSIFFLAGS, _UP_AND_RUNNING = 0x8914, 0x41
# What root needs to unpack, install and step down; none of it reaches beyond the files that are shown.
_KEPT_OF_ROOT = (0, 1, 3, 4, 5, 6, 7, 8, 31)
_CAPABILITIES = 64


def main() -> NoReturn:
    """Reads the plan from the first descriptor that argv names, speaks on the second; ends as the job ends."""
    plan_fd, said = map(int, sys.argv[1:3])
    with os.fdopen(plan_fd, "rb") as file:
        plan: Plan = marshal.load(file)
    for descriptor in (said, *plan["held"]):
        os.set_inheritable(descriptor, False)
    try:
        _outer(plan, said)
    except OSError as error:
        _give_up(said, error)


def _give_up(said: int, error: OSError) -> NoReturn:
    os.write(said, b"F" + f"{error.strerror}: {error.filename}".encode(errors="replace")[:500])
    os._exit(FAILED)


def _outer(plan: Plan, said: int) -> NoReturn:
    _die_with_parent()
    if os.getppid() != plan["parent"]:
        os._exit(FAILED)
    for number in _DEAF_TO:
        libc.signal(number, ctypes.c_void_p(1))
    _unshare(plan["root"])
    alive, held = os.pipe()
    read, written = os.pipe()
    first = os.fork()
    if not first:
        os.close(held)
        _first(plan, said, alive, written)
    os.close(written)
    os.close(said)
    os.waitpid(first, 0)
    ended = os.read(read, 4)
    _end_as(int.from_bytes(ended, "little") if ended else _KILL)


def _unshare(is_root: bool) -> None:
    uid, gid = os.geteuid(), os.getegid()
    call("unshare", _SPACES | (0 if is_root else _NEWUSER), what="namespaces")
    if not is_root:
        write("/proc/self/setgroups", "deny")
        write("/proc/self/uid_map", f"{uid} {uid} 1")
        write("/proc/self/gid_map", f"{gid} {gid} 1")


def _end_as(status: int) -> NoReturn:
    """Ends this process the way that the wait status `status` says another one ended."""
    number = os.WTERMSIG(status)
    if not number:
        os._exit(os.WEXITSTATUS(status))
    libc.prctl(_SET_DUMPABLE, 0, 0, 0, 0)
    libc.signal(number, None)
    os.kill(os.getpid(), number)
    os._exit(FAILED)


def _first(plan: Plan, said: int, alive: int, written: int) -> NoReturn:
    """The first process of the pid namespace, until the job ends; what it leaves then ends with this one."""
    _die_with_parent()
    os.set_blocking(alive, False)
    try:
        # At its end already: the outer one went before we were bound to it.
        os.read(alive, 1)
        os._exit(FAILED)
    except BlockingIOError:
        pass
    try:
        _make_network(plan, said)
        make_root(plan)
        job, down, up = _begun(plan, said)
        _let_in(plan, job, down, up)
    except OSError as error:
        _give_up(said, error)
    status = _outlived(job)
    os.write(said, b"S" + str(_others()).encode())
    os.write(written, status.to_bytes(4, "little"))
    os._exit(0)


def _outlived(job: int) -> int:
    while True:
        pid, status = os.wait()
        if pid == job:
            return status


def _others() -> int:
    """How many processes the job left behind."""
    return sum(_lives(name) for name in os.listdir("/proc") if name.isdigit() and name != "1")


def _lives(pid: str) -> bool:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b") ")[2][:1] not in b"ZX"
    except OSError:
        return False


def _make_network(plan: Plan, said: int) -> None:
    libc.sethostname(b"sandbox", 7)
    probe = call("socket", 2, 2, 0, what="loopback")
    request = b"lo".ljust(16, b"\0") + _UP_AND_RUNNING.to_bytes(2, sys.byteorder) + bytes(22)
    call("ioctl", probe, _SIOCSIFFLAGS, request, what="loopback")
    os.close(probe)
    if plan["port"]:
        # Here only, for its price; and now, for later Python's own files are out of sight.
        import socket

        listening = socket.create_server(("127.0.0.1", plan["port"]), backlog=128)
        with socket.socket(fileno=os.dup(said)) as speaking:
            socket.send_fds(speaking, [b"L"], [listening.fileno()])
        listening.close()


def _begun(plan: Plan, said: int) -> tuple[int, int, int]:
    """The pid of the process that will be the job, and the ends of two pipes to it: to write to, and to read from."""
    heard, down = os.pipe()
    up, told = os.pipe()
    job = os.fork()
    if not job:
        try:
            _become(plan, said, heard, told)
        except OSError as error:
            os.write(said, b"X%d" % (error.errno or 0))
        os._exit(FAILED)
    os.close(heard)
    os.close(told)
    return job, down, up


def _let_in(plan: Plan, job: int, down: int, up: int) -> None:
    """Maps the job's user namespace, and shuts what it must not write once it has set its own limits."""
    os.read(up, 1)
    for name in ("uid_map", "gid_map"):
        own = os.geteuid() if name == "uid_map" else os.getegid()
        write(f"/proc/{job}/{name}", plan[name] or f"{own} {own} 1")
    os.write(down, b".")
    os.read(up, 1)
    seal(plan)
    os.write(down, b".")
    os.close(down)
    os.close(up)


def _become(plan: Plan, said: int, heard: int, told: int) -> NoReturn:
    os.setsid()
    call("unshare", _NEWUSER, what="user namespace of the job")
    os.write(told, b".")
    os.read(heard, 1)
    # With one of its own it could mount the control groups, whose files are its user's.
    write("/proc/sys/user/max_cgroup_namespaces", "0")
    os.write(told, b".")
    os.read(heard, 1)
    for number in range(_CAPABILITIES):
        if number not in _KEPT_OF_ROOT:
            libc.prctl(_CAPBSET_DROP, number, 0, 0, 0)
    libc.syscall(_KEYCTL[MACHINE], 1, None)
    call("prctl", _SET_NO_NEW_PRIVS, 1, 0, 0, 0, what="no_new_privs")
    for number in _SIGNALS:
        libc.signal(number, None)
    os.chdir(plan["cwd"])
    os.write(said, b"E")
    _execute(plan["argv"], plan["env"])


def _execute(argv: list[str], env: dict[str, str]) -> NoReturn:
    """As `os.execvpe` does it, which wants modules that are out of sight by now. Raises OSError."""
    folders = [""] if "/" in argv[0] else [f"{one}/" for one in env.get("PATH", os.defpath).split(":")]
    found: OSError = FileNotFoundError(2, "no such program")
    for folder in folders:
        try:
            os.execve(folder + argv[0], argv, env)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            found = error
    raise found


def _die_with_parent() -> None:
    libc.prctl(_SET_PDEATHSIG, _KILL, 0, 0, 0)
