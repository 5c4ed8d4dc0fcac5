"""A Python that holds the kernel in memory and forks for each command: real processes that import nothing again.

Not here: commands with an environment of their own, or that are signalled or looked at from outside; those start
Python as a user does, see `workplace.py`.

`python -P warm_python.py FD` serves the socket FD. Each message is a command line, its folder and environment, with
two files for what it says and a socket that is told its pid, then its wait status.
"""

import gc
import importlib
import json
import os
import pkgutil
import runpy
import signal
import socket
import struct
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path

_MESSAGE_BYTES_MAX = 1 << 17
_NUMBER = struct.Struct("<i")
_TERMINAL_FDS = (1, 2)
_ALSO = ("anyio._backends._asyncio", "git")
"""What the kernel imports only on its way."""


def run_warm(
    words: tuple[str | bytes, ...], *, cwd: Path, env: Mapping[str, str], timeout_s: float
) -> subprocess.CompletedProcess[bytes]:
    """What `python -P` with these `words` does and says, as a process of its own with nothing on its input.

    Raises TimeoutExpired, and the process is dead then.
    """
    message = json.dumps([[os.fsdecode(word) for word in words], str(cwd), dict(env)]).encode()
    told, tells = socket.socketpair()
    with told, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        with tells:
            socket.send_fds(_warm()[0], [message], [out.fileno(), err.fileno(), tells.fileno()])
        told.settimeout(timeout_s)
        pid = _number(told)
        try:
            status = _number(told)
        except TimeoutError:
            os.kill(pid, signal.SIGKILL)
            raise subprocess.TimeoutExpired(words, timeout_s) from None
        out.seek(0)
        err.seek(0)
        return subprocess.CompletedProcess(words, os.waitstatus_to_exitcode(status), out.read(), err.read())


def _number(told: socket.socket) -> int:
    data = told.recv(_NUMBER.size, socket.MSG_WAITALL)
    assert data, "the Python that forks is gone: does every module of the kernel import?"
    (number,) = _NUMBER.unpack(data)
    return int(number)


@cache
def _warm() -> tuple[socket.socket, subprocess.Popen[bytes]]:
    """The Python that serves this process, and the socket it serves. It ends when this process does."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        process = subprocess.Popen(
            (sys.executable, "-P", __file__, str(theirs.fileno())),
            cwd="/",
            env={"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(_packages())},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            pass_fds=(theirs.fileno(),),
        )
    return ours, process


def _packages() -> list[str]:
    return [str(Path(path).parent) for name in ("verger_kernel", "verger_probes") for path in _package(name)]


def _package(name: str) -> list[str]:
    return list(importlib.import_module(name).__path__)


def _serve(control: socket.socket) -> tuple[list[str], str, dict[str, str], list[int]]:
    """Forks for every message and returns in the child alone, with what was asked; the server never returns."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        message, fds, _, _ = socket.recv_fds(control, _MESSAGE_BYTES_MAX, 3)
        if not message:
            os._exit(0)
        if os.fork() == 0:
            break
        for fd in fds:
            os.close(fd)
    control.close()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    *files, told = fds
    if pid := os.fork():
        # Between the server and the command stands who waits for it: a message may come while another runs.
        os.write(told, _NUMBER.pack(pid))
        os.write(told, _NUMBER.pack(os.waitpid(pid, 0)[1]))
        os._exit(0)
    os.close(told)
    words, cwd, env = json.loads(message)
    return words, cwd, env, files


def _warm_up() -> None:
    known = pkgutil.walk_packages(_package("verger_kernel"), "verger_kernel.")
    for name in (*_ALSO, *(module.name for module in known)):
        # What is run must not be there already.
        if not name.endswith("__main__"):
            importlib.import_module(name)
    lazy = type(importlib.import_module("verger_kernel.rules.pattern").lazy(""))
    for pattern in [one for one in gc.get_objects() if type(one) is lazy]:
        # Any question compiles it, and `re` keeps what it compiled.
        assert pattern.pattern is not None
    gc.freeze()


def _become(words: list[str], cwd: str, env: dict[str, str], files: list[int]) -> None:
    for number, fd in zip(_TERMINAL_FDS, files, strict=True):
        os.dup2(fd, number)
        os.close(fd)
    os.chdir(cwd)
    # What Python itself set at its start, for a locale that is not there, it would have set for the command, too.
    own = {name: value for name, value in os.environ.items() if name.startswith("LC_")}
    os.environ.clear()
    os.environ.update(own | env)
    if words[0] == "-m":
        sys.argv = words[1:]
        runpy.run_module(words[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv = words
        runpy.run_path(words[0], run_name="__main__")


if __name__ == "__main__":
    _warm_up()
    asked = _serve(socket.socket(fileno=int(sys.argv[1])))
    # From here on it is another process each time.
    try:
        _become(*asked)
    except SystemExit as left:
        if not isinstance(left.code, int):
            raise
        # To take the interpreter apart would first copy all that it shares with the server.
        os._exit(left.code)
