"""A socket is taken from systemd only if it is the one that clients look for, and for nobody else."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from verger_daemon.activation import FIRST, VARIABLES, taken

# What is handed over stands at descriptor 3, which a test cannot give up.
TAKES = """
import os, sys
from pathlib import Path
from verger_daemon.activation import taken
from verger_daemon.listening import SocketRefused
number, count, path = int(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
if number and number != 3:
    os.dup2(number, 3)
elif not number:
    os.close(3) if os.path.exists("/proc/self/fd/3") else None
environ = {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": count, "LISTEN_FDNAMES": "a", "PATH": "/bin"}
try:
    made = taken(environ, os.getpid(), path)
except SocketRefused as refused:
    print("refused", refused.what, refused.hint, sep="|")
else:
    made.remove()
    print("taken", made.is_in_place(), made.is_lent, made.socket.getblocking(), os.get_inheritable(3), environ, sep="|")
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "vergerd.sock"


@pytest.fixture
def listening(path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))
        path.chmod(0o600)
        made.listen()
        yield made


def said(handed: socket.socket | None, path: Path, *, count: str = "1") -> list[str]:
    """What a process says that is handed a socket, or nothing at all."""
    number = handed.fileno() if handed else 0
    done = subprocess.run(
        (sys.executable, "-P", "-c", TAKES, str(number), count, str(path)),
        env={"PYTHONPATH": os.pathsep.join(sys.path)},
        pass_fds=(number,) if number else (),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout.strip().split("|")


def test_the_socket_at_our_path_is_taken_and_its_file_stays(listening: socket.socket, path: Path) -> None:
    assert said(listening, path) == ["taken", "True", "True", "False", "False", "{'PATH': '/bin'}"]
    assert path.exists()


def test_what_is_meant_for_another_process_is_left_and_not_inherited(path: Path) -> None:
    environ = dict.fromkeys(VARIABLES, "1") | {"PATH": "/bin"}
    assert taken(environ, os.getpid(), path) is None
    assert environ == {"PATH": "/bin"}
    assert FIRST == 3


@pytest.mark.parametrize("count", ["2", "0", "", "-1", "one"])
def test_another_number_of_sockets_is_refused(listening: socket.socket, path: Path, count: str) -> None:
    refused = said(listening, path, count=count)
    assert refused[0] == "refused"
    assert f"systemd hands over '{count}' sockets, and one is needed" in refused[1]
    assert "verger daemon install" in refused[2]


def test_no_socket_is_refused(path: Path) -> None:
    assert "what systemd hands over is no socket" in said(None, path)[1]


def test_a_socket_elsewhere_is_refused(listening: socket.socket, path: Path, tmp_path: Path) -> None:
    assert f"listens at '{path}'" in said(listening, tmp_path / "other.sock")[1]


def test_a_socket_that_does_not_listen_is_refused(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))
        path.chmod(0o600)
        assert "does not listen" in said(made, path)[1]


@pytest.mark.parametrize(
    ("family", "kind"),
    [
        (socket.AF_INET, socket.SOCK_STREAM),
        (socket.AF_UNIX, socket.SOCK_DGRAM),
        (socket.AF_UNIX, socket.SOCK_SEQPACKET),
    ],
)
def test_another_kind_of_socket_is_refused(path: Path, family: int, kind: int) -> None:
    with socket.socket(family, kind) as made:
        made.bind(str(path) if family == socket.AF_UNIX else ("127.0.0.1", 0))
        assert "is no stream of the Unix family" in said(made, path)[1]


@pytest.mark.parametrize("mode", [0o666, 0o660, 0o700])
def test_a_socket_that_others_can_reach_is_refused(listening: socket.socket, path: Path, mode: int) -> None:
    path.chmod(mode)
    assert f"its mode is {mode:o}, and must be 600" in said(listening, path)[1]


def test_a_socket_whose_file_is_gone_or_another_is_refused(listening: socket.socket, path: Path) -> None:
    path.unlink()
    assert "is not there any more" in said(listening, path)[1]
    path.write_text("mine")
    assert "is not what is there now" in said(listening, path)[1]
    assert path.read_text() == "mine"


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a file away")
def test_a_socket_of_another_user_is_refused(listening: socket.socket, path: Path) -> None:
    os.chown(path, 65534, 65534)
    assert "belongs to the user 65534" in said(listening, path)[1]
