"""A process of a run is told from all others, whatever it does to look like one of them."""

import ctypes
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.doubles import relatives

from verger_daemon import peers
from verger_daemon.peers import Peer, belongs_to_run

ROOT = Path(__file__).parents[2]
TOY = ROOT / "tests" / "doubles" / "toy_daemon.py"
DEADLINE_S = 30
ORPHAN = """
import os, sys
if os.fork():
    os._exit(0)
os.setsid()
print(os.getpid(), flush=True)
sys.stdin.read()
"""


@contextmanager
def daemon(folder: Path, **environ: str) -> Iterator["Toy"]:
    """A daemon, a process beside this one."""
    path = str(folder / "verger" / "vergerd.sock")
    command = (sys.executable, "-P", str(TOY), path)
    plain = {name: value for name, value in os.environ.items() if name != peers.RUN_MARKER}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=plain | environ
    ) as process:
        toy = Toy(path, process)
        toy.is_ready()
        yield toy
        assert process.stdin
        process.stdin.close()


class Toy:
    """What can be asked of a daemon, and by whom."""

    def __init__(self, path: str, process: "subprocess.Popen[bytes]") -> None:
        self.path = path
        self.process = process

    def is_ready(self) -> None:
        assert self.process.stdout
        assert self.process.stdout.readline() == b"ready\n"

    def told(self, *way: str, supervised: bool = False, **environ: str) -> tuple[Any, Any]:
        """The answers to a ping and to run.list of a process that went that way, its first one supervised or not."""
        command = (sys.executable, "-P", relatives.__file__, self.path, *way)
        # It begins with the line that says that it is supervised.
        script = "import os, sys; sys.stdin.readline(); os.execv(sys.argv[1], sys.argv[1:])"
        with subprocess.Popen(
            (sys.executable, "-P", "-c", script, *command),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=dict(os.environ) | environ,
        ) as process:
            if supervised:
                assert self.process.stdin
                self.process.stdin.write(b"%d\n" % process.pid)
                self.process.stdin.flush()
                self.is_ready()
            said, _ = process.communicate(b"\n", timeout=DEADLINE_S)
        ping, asked = map(json.loads, said.splitlines())
        return ping, asked


def is_refused(asked: Any) -> bool:
    return "error" in asked and asked["error"]["data"]["name"] == "supervised_peer"


WAYS: dict[str, tuple[str, ...]] = {
    "itself": (),
    "a child": ("fork",),
    "a child in a session of its own": ("fork", "session"),
    "a grandchild whose parent is gone": ("adopt", "orphan"),
    "the same in a session of its own": ("adopt", "fork", "session", "orphan", "session"),
    "the same with an empty environment": ("adopt", "fork", "session", "orphan", "session", "clean"),
    "who was given the connection": ("adopt", "fork", "session", "give"),
    "an orphan that is not adopted and stays in the session": ("session", "fork", "clean", "orphan"),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_process_of_a_run_may_only_ping(tmp_path: Path, way: str) -> None:
    with daemon(tmp_path) as toy:
        ping, asked = toy.told(*WAYS[way], supervised=True)
        assert "result" in ping
        assert is_refused(asked), asked
        assert asked["error"]["data"]["hint"] == "a process of a run may only call daemon.ping"


@pytest.mark.parametrize(
    "way", [("mark",), ("mark", "fork", "session"), ("mark", "adopt", "fork", "clean", "session")]
)
def test_who_bears_the_marker_of_a_run_or_descends_from_it_may_only_ping(
    tmp_path: Path, way: tuple[str, ...]
) -> None:
    with daemon(tmp_path) as toy:
        ping, asked = toy.told(*way)
        assert "result" in ping
        assert is_refused(asked), asked


@pytest.mark.parametrize("way", [(), ("fork", "session"), ("adopt", "orphan", "session")])
def test_who_belongs_to_no_run_is_served(tmp_path: Path, way: tuple[str, ...]) -> None:
    with daemon(tmp_path) as toy:
        assert all("result" in answer for answer in toy.told(*way))


def test_a_daemon_that_was_started_in_a_run_serves_that_run(tmp_path: Path) -> None:
    with daemon(tmp_path, VERGER_RUN="R_outer") as toy:
        assert all("result" in answer for answer in toy.told(VERGER_RUN="R_outer"))
        assert is_refused(toy.told(VERGER_RUN="R_inner")[1])


def test_who_left_its_connection_and_ended_is_refused(tmp_path: Path) -> None:
    with daemon(tmp_path) as toy:
        asked = toy.told("give")[1]
        assert is_refused(asked)
        assert "has ended" in asked["error"]["message"]


def test_an_orphan_that_the_daemon_adopted_descends_from_it() -> None:
    prctl = ctypes.CDLL(None).prctl
    prctl(36, 1, 0, 0, 0)
    try:
        process = subprocess.Popen(
            (sys.executable, "-P", "-c", ORPHAN), stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert process.stdout and process.stdin
        orphan = int(process.stdout.readline())
        process.wait(DEADLINE_S)
        assert belongs_to_run(orphan, ()) == "it descends from the daemon"
        process.stdin.close()
        process.stdout.close()
        os.waitpid(orphan, 0)
    finally:
        prctl(36, 0, 0, 0, 0)


def test_the_daemon_itself_and_those_before_it_belong_to_no_run() -> None:
    assert belongs_to_run(os.getppid(), ()) == ""
    assert belongs_to_run(1, ()) == ""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        peer = Peer(ours, lambda: pytest.fail("asked for nothing"))
        assert (peer.pid, peer.uid, peer.belongs) == (os.getpid(), os.getuid(), "")


def test_whose_parents_cannot_be_told_is_refused() -> None:
    gone = subprocess.Popen(("true",))
    gone.wait(DEADLINE_S)
    assert belongs_to_run(gone.pid, ()) == "its parents cannot be told"


def test_without_handles_a_number_that_was_given_out_anew_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A system that knows no such option says so in the same way.
    monkeypatch.setattr(peers, "_SO_PEERPIDFD", 12345)
    ours = socket.socket(socket.AF_UNIX)
    with ours, subprocess.Popen(("sleep", "60")) as other:
        ours.bind(str(tmp_path / "s"))
        ours.listen()
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(tmp_path / "s"))
            connected, _ = ours.accept()
            with connected:
                peer = Peer(connected, lambda: ())
                peer.pid, peer._since_ns = other.pid, 0
                assert peer.belongs == "the process that connected has ended"
                peer._belongs, peer._since_ns = None, 2**63
                assert peer.belongs == "it descends from the daemon"
        other.kill()
