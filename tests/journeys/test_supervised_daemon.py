"""The daemon as its user meets it: started on demand, alone, leaving when idle, of another version, gone, hindered."""

import hmac
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.doubles.daemons import Asking, Seat, seated
from tests.doubles.sweeps import swept
from tests.doubles.workplace import wait_until

from verger_daemon.protocol.notices import EVENTS
from verger_kernel.following.kinds import KINDS
from verger_probes.identity import start_ticks

SKEWED = """
import sys
if "verger_daemon" in sys.orig_argv:
    import verger_probes.version
    verger_probes.version.VERSION = "9.9.9"
"""


@pytest.fixture
def seat(tmp_path: Path) -> Iterator[Seat]:
    with on_demand(tmp_path) as made:
        yield made


@contextmanager
def on_demand(root: Path) -> Iterator[Seat]:
    """A user with no daemon; whichever was started by then is ended."""
    with seated(root) as made:
        try:
            yield made
        finally:
            end_daemons(made)


def daemons(seat: Seat) -> set[int]:
    """The daemons of this user that run; of those whose memory is hidden from us, the one that holds the lock."""
    found = holders(seat.daemon_home / "daemon.lock")
    for folder in Path("/proc").iterdir():
        with suppress(OSError):
            words = (folder / "cmdline").read_bytes().split(b"\0")
            environ = (folder / "environ").read_bytes()
            if b"verger_daemon" in words and os.fsencode(seat.runtime) in environ:
                found.add(int(folder.name))
    return found


def holders(lock: Path) -> set[int]:
    """The processes that hold a lock on the file."""
    if not lock.exists():
        return set()
    rows = (line.split() for line in Path("/proc/locks").read_text().splitlines() if "->" not in line)
    return {int(row[4]) for row in rows if row[5].rpartition(":")[2] == str(lock.stat().st_ino)}


def end_daemons(seat: Seat) -> None:
    for pid in daemons(seat):
        if seat.process is None or pid != seat.process.pid:
            os.kill(pid, signal.SIGTERM)
    wait_until(lambda: daemons(seat) <= {seat.process.pid if seat.process else 0})


def answers(seat: Seat) -> bool:
    with suppress(OSError):
        return bool(seat.ask("daemon.ping")["lock_held"])
    return False


def begun(seat: Seat, *argv: str, **environment: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        (sys.executable, "-P", "-m", "verger_client", *argv),
        cwd=seat.place.repository,
        env=seat.environment(**environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


RUN = ("supervise", "run", "playbook.md", "--item", "01")


def type_of(event: dict[str, Any]) -> str:
    """The type of an event, which has exactly the fields that its type is documented with."""
    kind = EVENTS.get(event["type"])
    if kind is None:
        assert event["type"] in {one.__struct_config__.tag for one in KINDS}
        assert event.keys() >= {"record", "at"}
    else:
        assert event.keys() == {one.encode_name for one in msgspec.structs.fields(kind)}
        msgspec.convert(event, kind)
    return str(event["type"])


def test_five_clients_at_once_get_one_daemon_which_leaves_when_nothing_is_at_work(seat: Seat):
    refused = seat.verger(*RUN, "--no-autostart")
    assert (refused.returncode, "no daemon listens" in refused.stderr) == (6, True)
    clients = [begun(seat, *RUN, "--detach", VERGERD_IDLE_EXIT_S="1") for _ in range(5)]
    said = [client.communicate(timeout=60) for client in clients]
    # One run at a time: the others are served as well, and told so.
    assert sorted(client.returncode for client in clients) == [0, 3, 3, 3, 3]
    assert sum("started vergerd" in err for _, err in said) >= 1
    (pid,) = daemons(seat)
    run = seat.standing(next(out for out, _ in said if out).strip())
    with subprocess.Popen(("sleep", "1.5")) as longer:
        longer.wait()
    assert daemons(seat) == {pid}
    asking = seat.asking()
    asking.ask("events.subscribe")
    seat.release.touch()
    told: list[str] = []
    while "run.rested" not in told:
        told.append(type_of(asking.line()["params"]))
    assert {"run.claimed", "item.ended"} <= {*told}
    with subprocess.Popen(("sleep", "2.2")) as longer:
        longer.wait()
    # Somebody is still to be told.
    assert daemons(seat) == {pid}
    asking.close()
    wait_until(lambda: not daemons(seat))
    assert seat.verger("supervise", "status", run, "--exit-code").returncode in (11, 13)


@pytest.mark.parametrize(("sandbox", "probe"), [("required", "protected"), ("none", "unprotected")])
def test_a_status_says_whether_agents_could_answer_in_their_kernels_place(
    seat: Seat, sandbox: str, probe: str
):
    assert seat.verger(*RUN, "--detach", VERGER_SANDBOX=sandbox).returncode == 0
    seat.until("live_attached")
    wait_until(lambda: seat.status()["kernel"].get("sandbox") == sandbox)
    said = seat.status()
    assert said["supervision"]["probe"] == probe
    assert f"\nprobe        {probe}: " in said["text"]
    assert seat.verger("supervise", "stop", "latest").returncode == 0


def test_a_heartbeat_that_cannot_be_written_is_told_and_the_run_is_supervised_all_the_same(seat: Seat):
    assert seat.verger(*RUN, "--detach").returncode == 0
    seat.until("live_attached")
    asking = seat.asking()
    asking.ask("events.subscribe")
    shutil.rmtree(seat.supervision() / "heartbeats")
    (seat.supervision() / "heartbeats").touch()
    os.kill(seat.kernel(), signal.SIGSTOP)
    try:
        while type_of(event := asking.line()["params"]) != "run.troubled":
            assert event["type"] != "run.lost"
    finally:
        os.kill(seat.kernel(), signal.SIGCONT)
    assert "cannot write below" in event["why"]
    seat.until("live_attached")
    asking.close()
    seat.release.touch()
    wait_until(lambda: seat.status()["claim"] == "terminal_observed")


@pytest.mark.sweep
def test_an_attached_client_finds_another_daemon_and_shows_each_step_once(seat: Seat):
    client = begun(seat, *RUN, "--follow")
    wait_until(seat.release.with_name("release.waited_for").exists)
    seat.until("live_attached")
    (pid,) = daemons(seat)
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: answers(seat))
    seat.until("live_attached")
    seat.release.touch()
    out, err = client.communicate(timeout=60)
    assert client.returncode == 0
    followed = seat.place.verger("status", "latest", "--follow").stdout
    assert out == followed
    steps = [line for line in err.splitlines() if line.startswith("01  ")]
    assert len(steps) == len(set(steps)) > 5
    assert "the kernel goes on without it" in err


@pytest.mark.sweep
def test_a_daemon_that_is_told_to_leave_is_not_started_again_by_who_stays(seat: Seat):
    seat.start()
    run = seat.at_work()
    kernel = seat.kernel()
    client = begun(seat, "supervise", "resume", run)
    assert client.stderr
    assert "attached" in client.stderr.readline()
    told = seat.verger("daemon", "status")
    assert seat.process
    assert f"pid {seat.process.pid}, epoch 1" in told.stdout
    assert "1, of which 1 can be proved alive right now" in told.stdout
    assert json.loads(seat.verger("daemon", "status", "--json").stdout)["live"] == 1
    left = seat.verger("daemon", "stop")
    assert (left.returncode, "1 kernel(s) go on" in left.stdout) == (0, True)
    # By then it is gone, and its lock is free.
    assert start_ticks(seat.process.pid) == 0
    _, err = client.communicate(timeout=60)
    assert (client.returncode, f"come back: verger supervise resume {run}" in err) == (75, True)
    assert daemons(seat) == set()
    assert start_ticks(kernel)
    assert seat.verger("daemon", "stop").returncode == 6
    # Whoever comes back finds the same kernel at work.
    back = begun(seat, "supervise", "resume", run)
    assert back.stderr
    assert "started vergerd" in back.stderr.readline()
    assert f"attached to kernel {kernel}" in back.stderr.readline()
    seat.release.touch()
    assert back.communicate(timeout=60)[0].startswith("run ")
    assert back.returncode == 0


def test_a_daemon_of_another_version_is_told_in_a_line(seat: Seat):
    (seat.place.root / "sitecustomize.py").write_text(SKEWED)
    seat.start(PYTHONPATH=f"{seat.place.root}{os.pathsep}{seat.environment()['PYTHONPATH']}")
    said = seat.verger("supervise", "list")
    (line,) = said.stderr.splitlines()
    assert line.startswith("this is verger ")
    assert "the daemon that listens is 9.9.9: verger daemon stop" in line
    assert said.stdout == "no runs\n"


def test_settings_are_those_in_force_and_else_those_that_a_daemon_would_have(seat: Seat):
    file = seat.place.home / ".config" / "verger" / "daemon.toml"
    file.parent.mkdir(parents=True)
    file.write_text("stop_grace_s = 9\nidle_exit_s = 7\n")

    def found(**environment: str) -> dict[str, tuple[int, str]]:
        said = json.loads(seat.verger("settings", "show", "--json", **environment).stdout)
        assert said["file"] == str(file)
        return {one["name"]: (one["value"], one["source"]) for one in said["settings"]}

    alone = found(VERGERD_IDLE_EXIT_S="8")
    assert (alone["stop_grace_s"], alone["idle_exit_s"]) == ((9, "file"), (8, "env"))
    seat.start("--probe-interval-ms", "900", VERGERD_IDLE_EXIT_S="5")
    # What this command has in its own environment is nothing to the daemon that runs.
    file.write_text("stop_grace_s = 1\n")
    there = found(VERGERD_IDLE_EXIT_S="8")
    assert there["idle_exit_s"] == (5, "env")
    assert there["probe_interval_ms"] == (900, "flag")
    assert (there["stop_grace_s"], there["ack_deadline_ms"]) == ((9, "file"), (250, "default"))
    assert "stop_grace_s         9            file" in seat.verger("settings", "show").stdout.splitlines()


def test_the_daemon_proves_itself_to_who_has_its_key(seat: Seat):
    seat.start()
    nonce = secrets.token_hex(16)
    said = seat.ask("daemon.ping", nonce=nonce)
    path = seat.daemon_home / "ping.key"
    assert path.stat().st_mode & 0o777 == 0o600
    words = f"verger-daemon/1\0{nonce}\0{said['pid']}\0{said['epoch']}".encode()
    assert said["mac"] == hmac.new(path.read_bytes(), words, "sha256").hexdigest()
    assert seat.ask("daemon.ping", nonce=f"{nonce}0")["mac"] != said["mac"]
    assert (said["lock_held"], said["journal_writable"]) == (True, True)


@pytest.mark.sweep
def test_a_runtime_folder_that_is_not_named_or_removed_is_made_good(seat: Seat):
    seat.start()
    run = seat.at_work()
    shutil.rmtree(seat.runtime)
    seat.runtime.write_text("in the way")
    # As long as nothing can be made there, the daemon lives, and the kernel goes on.
    log = seat.place.root / "vergerd.log"
    wait_until(lambda: "Cannot listen at" in log.read_text())
    assert seat.process
    assert seat.process.poll() is None
    seat.runtime.unlink()
    wait_until(seat.socket.exists)
    assert seat.until("live_attached", run)["supervision"]["pid"] == seat.kernel()
    seat.release.touch()
    seat.until("terminal_observed", run)
    assert seat.verger(*RUN, "--detach").returncode == 0


def test_without_a_runtime_folder_the_daemon_listens_below_the_state():
    # A path of a socket has 107 bytes.
    with tempfile.TemporaryDirectory(prefix="verger-") as root, seated(Path(root)) as seat:
        seat.runtime = Path(root) / "nowhere"
        seat.start()
        status = seat.verger("daemon", "status")
        assert f"listens at    {seat.daemon_home / 'vergerd.sock'}" in status.stdout


@pytest.mark.parametrize("listens", swept([True, False], every=2))
def test_what_others_put_in_the_place_of_the_socket_stays_and_is_told(seat: Seat, listens: bool):
    seat.start()
    seat.socket.unlink()
    log = seat.place.root / "vergerd.log"
    if listens:
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(str(seat.socket))
            other.listen()
            file = seat.socket.lstat().st_ino
            wait_until(lambda: "somebody listens there" in log.read_text())
            assert seat.socket.lstat().st_ino == file
            seat.socket.unlink()
    else:
        seat.socket.write_text("a note")
        wait_until(lambda: "what is there is no socket" in log.read_text())
        said = seat.verger("supervise", "run", "playbook.md", "--next")
        assert (said.returncode, "another daemon is here" in said.stderr) == (6, True)
        assert seat.socket.read_text() == "a note"
        seat.socket.unlink()
    wait_until(seat.socket.exists)
    assert Asking(seat.socket).ask("daemon.ping")["lock_held"]
