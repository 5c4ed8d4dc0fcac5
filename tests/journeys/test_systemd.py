"""The daemon as a unit: ready when it is, fed when it is well, its kernels kept by a restart and ended by a stop."""

import ast
import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.doubles.daemons import Seat, seated
from tests.doubles.sweeps import swept
from tests.doubles.systemd import Systemd, is_socket, lives, managed
from tests.doubles.workplace import wait_until
from tests.journeys.test_supervised_daemon import on_demand

GRANDCHILD = """\
setsid sh -c 'trap "" TERM HUP; echo $$ > "$0"; while :; do sleep 0.1; done' "$1.grandchild" >&- 2>&- <&- &
while ! [ -s "$1.grandchild" ]; do sleep 0.02; done
: > "$1.waited_for"; until [ -e "$1" ]; do sleep 0.02; done
"""


STUBBORN = pytest.mark.parametrize("seat", [{"files": {"wait.sh": GRANDCHILD}}], indirect=True, ids=[""])
"""With a command that leaves a process in a session of its own, which no polite signal ends."""


@pytest.fixture
def seat(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Seat]:
    with seated(tmp_path, **getattr(request, "param", {})) as made:
        yield made


@pytest.fixture
def systemd(seat: Seat) -> Iterator[Systemd]:
    """The seat's manager, with the units installed by the command that installs them."""
    with managed(seat.runtime, seat.place.home / ".config" / "systemd" / "user", seat.environment()) as made:
        made.programs(seat.place.root / "bin")
        done = install(seat)
        assert done.returncode == 0, done.stderr
        yield made


def install(seat: Seat, *flags: str) -> "subprocess.CompletedProcess[str]":
    return typed(seat, "daemon", "install", *flags)


def typed(seat: Seat, *argv: str) -> "subprocess.CompletedProcess[str]":
    """A command of the client, of a user to whom the manager answers."""
    return seat.verger(*argv, PATH=f"{seat.place.root / 'bin'}{os.pathsep}{os.environ['PATH']}")


def put_hook(seat: Seat, systemd: Systemd, code: str) -> None:
    """Has every Python of the unit run `code` first: what hides its memory can only be looked at from inside."""
    (seat.place.root / "sitecustomize.py").write_text(code)
    systemd.environ["PYTHONPATH"] = f"{seat.place.root}{os.pathsep}{systemd.environ['PYTHONPATH']}"


def grandchild(seat: Seat) -> int:
    return int(seat.release.with_name("release.grandchild").read_text())


def invocations(seat: Seat) -> int:
    return len(list((seat.supervision() / "invocations").glob("*.stdout.log")))


@STUBBORN
def test_a_restart_keeps_the_kernel_and_a_stop_ends_all_that_it_started(seat: Seat, systemd: Systemd):
    first = systemd.start()
    run = seat.at_work()
    kernel, agents = seat.kernel(), grandchild(seat)
    second = systemd.restart()
    assert second != first
    # Ready means that the kernel was asked, and answered.
    assert seat.status(run)["claim"] == "live_attached"
    assert (seat.kernel(), invocations(seat)) == (kernel, 1)
    assert lives(agents)
    systemd.stop()
    assert not lives(kernel)
    wait_until(lambda: not lives(agents))
    # Asked once, however long it takes to end.
    stops = [
        path
        for path in (seat.supervision() / "interventions").iterdir()
        if b"stop_kernel" in path.read_bytes()
    ]
    assert len(stops) == 1
    asked = [one.fields for one in systemd.notices.heard if one.pid == second and "STOPPING" in one.fields]
    assert int(asked[0]["EXTEND_TIMEOUT_USEC"]) > 30e6
    assert is_socket(seat.socket)
    systemd.start()
    assert seat.status(run)["claim"] == "snapshot_only"
    assert typed(seat, "supervise", "resume", run, "--detach").returncode == 0


@pytest.mark.sweep
def test_what_the_daemon_is_at_is_said_in_words(seat: Seat, systemd: Systemd):
    systemd.start()
    seat.at_work()
    wait_until(
        lambda: "runs: 1, of which 1 can be proved alive right now" in systemd.notices.values("STATUS")
    )
    systemd.restart()
    assert systemd.notices.values("READY") == ["1", "1"]


@pytest.mark.parametrize(
    "client", swept([{"NOTIFY_SOCKET": "@one", "WATCHDOG_USEC": "1", "LISTEN_FDS": "1"}, {}], every=2)
)
def test_nothing_that_systemd_says_to_daemon_or_client_reaches_a_kernel(seat: Seat, systemd: Systemd, client):
    said = seat.place.root / "environ"
    tells = f"open({str(said)!r}, 'w').write(repr(dict(os.environ)))"
    put_hook(seat, systemd, f"import os, sys\nif '--supervised' in sys.orig_argv:\n    {tells}\n")
    systemd.start()
    # Of a client that says nothing of its own environment, a kernel gets the daemon's.
    environment = seat.environment(**client, PYTHONPATH=systemd.environ["PYTHONPATH"]) if client else {}
    directory, words = str(seat.place.repository), ("playbook.md", "--item", "01")
    seat.ask("run.start", directory=directory, words=words, environment=environment)
    environ = ast.literal_eval(said.read_text())
    assert not [name for name in environ if name.startswith(("NOTIFY", "WATCHDOG", "LISTEN"))]
    assert "XDG_RUNTIME_DIR" in environ
    wait_until(seat.release.with_name("release.waited_for").exists)


@pytest.mark.sweep
def test_the_watchdog_is_fed_by_a_daemon_that_is_well(seat: Seat, systemd: Systemd):
    systemd.watchdog_s = 2.0
    pid = systemd.start()
    systemd.arm()
    wait_until(lambda: len(systemd.notices.times("WATCHDOG", pid)) >= 4)
    assert systemd.watchdog_kills == []
    # And what it asks itself keeps nobody from anything.
    assert json.loads(typed(seat, "daemon", "status", "--json").stdout)["pid"] == pid


@pytest.mark.sweep
def test_a_stopped_daemon_feeds_nothing_and_is_ended(seat: Seat, systemd: Systemd):
    systemd.watchdog_s = 1.0
    pid = systemd.start()
    run = seat.at_work()
    kernel = seat.kernel()
    os.kill(pid, signal.SIGSTOP)
    systemd.arm()
    wait_until(lambda: not lives(pid))
    assert systemd.watchdog_kills == [pid]
    systemd.disarm()
    systemd.start()
    assert (seat.until("live_attached", run)["supervision"]["pid"], invocations(seat)) == (kernel, 1)


def test_a_wedged_loop_feeds_nothing_and_says_where_it_hung(seat: Seat, systemd: Systemd):
    wedge = seat.place.root / "wedge"
    hook = (
        "import sys\nif 'verger_daemon' in sys.orig_argv:\n"
        "    import os, time, verger_daemon.standing as standing\n"
        "    answer = standing.Standing.answer\n"
        "    def wedged(self, params):\n"
        f"        while os.path.exists({str(wedge)!r}):\n            time.sleep(0.05)\n"
        "        return answer(self, params)\n"
        "    standing.Standing.answer = wedged\n"
    )
    put_hook(seat, systemd, hook)
    systemd.watchdog_s = 1.0
    pid = systemd.start()
    wait_until(lambda: bool(systemd.notices.times("WATCHDOG", pid)))
    wedge.touch()
    systemd.arm()
    wait_until(lambda: not lives(pid))
    assert systemd.watchdog_kills == [pid]
    assert "in wedged" in systemd.log.read_text()


def test_a_lost_lock_feeds_nothing(seat: Seat, systemd: Systemd):
    systemd.watchdog_s = 10.0
    pid = systemd.start()
    (seat.daemon_home / "daemon.lock").unlink()
    # It leaves by itself: another daemon may have taken the lock that is at the path now.
    wait_until(lambda: not lives(pid))
    assert "daemon.lock was removed" in systemd.log.read_text()


@pytest.mark.sweep
def test_a_disk_that_takes_nothing_feeds_nothing(seat: Seat, systemd: Systemd):
    systemd.watchdog_s = 1.0
    pid = systemd.start()
    wait_until(lambda: bool(systemd.notices.times("WATCHDOG", pid)))
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, 0))
    systemd.arm()
    wait_until(lambda: not lives(pid))
    assert systemd.watchdog_kills == [pid]


@pytest.mark.sweep
def test_an_idle_daemon_leaves_and_the_next_question_finds_another(seat: Seat, systemd: Systemd):
    systemd.more = ("--on-demand", "--idle-exit-s", "1")
    systemd.watchdog_s = 1.0
    first = systemd.start()
    wait_until(lambda: bool(systemd.notices.times("WATCHDOG", first)))
    # The questions that it puts to itself are nobody's.
    wait_until(lambda: not lives(first))
    assert is_socket(seat.socket)
    asking = seat.asking()
    systemd.more = ()
    second = systemd.start()
    # What was asked in between was not lost.
    assert asking.ask("daemon.status")["pid"] == second
    asking.close()


@pytest.mark.sweep
def test_the_commands_go_through_the_manager(seat: Seat, systemd: Systemd):
    idle = typed(seat, "daemon", "status")
    assert (idle.returncode, idle.stderr) == (
        6,
        "error: vergerd.service is inactive (dead); hint: verger daemon start\n",
    )
    started = typed(seat, "daemon", "start")
    assert (started.returncode, started.stdout) == (0, "vergerd.service is started\n")
    run = seat.at_work()
    kernel = seat.kernel()
    status = typed(seat, "daemon", "status").stdout.splitlines()
    assert status[0] == "unit          vergerd.service, active (running)"
    assert typed(seat, "daemon", "restart").stdout == "vergerd.service is restarted; kernels went on\n"
    assert (seat.kernel(), invocations(seat)) == (kernel, 1)
    stopped = typed(seat, "daemon", "stop")
    assert "is stopped, with its kernels" in stopped.stdout
    assert not lives(kernel)
    assert not seat.socket.exists()
    assert ["systemctl", "--user", "--no-pager", "stop", "vergerd.socket", "vergerd.service"] in systemd.asked
    seat.release.touch()
    typed(seat, "daemon", "start")
    assert typed(seat, "supervise", "resume", run).returncode == 0
    typed(seat, "daemon", "logs", "--follow")
    assert systemd.asked[-1] == ["journalctl", "--user", "--unit=vergerd.service", "--follow"]


@pytest.mark.sweep
def test_a_daemon_that_a_command_started_makes_room_for_the_unit(seat: Seat, systemd: Systemd):
    other = seat.start("--on-demand")
    run = seat.at_work()
    kernel = seat.kernel()
    started = typed(seat, "daemon", "start")
    assert f"vergerd {other}, which a command started, leaves; kernels go on" in started.stderr
    assert (started.returncode, systemd.main is not None) == (0, True)
    assert (seat.until("live_attached", run)["supervision"]["pid"], invocations(seat)) == (kernel, 1)


@pytest.mark.sweep
@STUBBORN
def test_a_stop_with_kernels_needs_no_unit(seat: Seat):
    seat.start()
    seat.at_work()
    kernel, agents = seat.kernel(), grandchild(seat)
    seat.kill()
    # Nobody watches them now: one is begun that finds them.
    stopped = seat.verger("daemon", "stop", "--kernels")
    assert (stopped.returncode, "no kernel is at work" in stopped.stdout) == (0, True), stopped.stderr
    assert not lives(kernel)
    wait_until(lambda: not lives(agents))


@pytest.mark.sweep
def test_a_kernel_that_does_not_end_in_time_is_killed(seat: Seat):
    seat.start(VERGERD_STOP_GRACE_S="1")
    run = seat.at_work()
    kernel = seat.kernel()
    os.kill(kernel, signal.SIGSTOP)
    stopped = seat.verger("daemon", "stop", "--kernels")
    assert (stopped.returncode, "; no kernel is at work" in stopped.stdout) == (0, True)
    assert not lives(kernel)
    seat.start()
    assert seat.status(run)["claim"] == "snapshot_only"
    assert list((seat.supervision() / "interventions").glob("*_end_kernel_*.json"))


def test_where_the_manager_cannot_be_reached_the_daemon_itself_answers(seat: Seat, systemd: Systemd):
    pid = systemd.start()
    status = seat.verger("daemon", "status", PATH="/nowhere")
    assert (status.returncode, f"pid {pid}, epoch 1" in status.stdout) == (0, True)
    assert status.stderr == "systemctl is not here\n"


@pytest.mark.sweep
def test_without_a_unit_the_daemon_is_started_and_restarted_by_itself(tmp_path: Path):
    with on_demand(tmp_path) as seat:
        starts_and_restarts(seat)


def starts_and_restarts(seat: Seat) -> None:
    started = seat.verger("daemon", "start")
    pid = seat.ask("daemon.status")["pid"]
    assert started.stdout == f"vergerd {pid} is started; it leaves when it is idle\n"
    assert seat.verger("daemon", "start").stdout == f"vergerd {pid} is at work already\n"
    again = seat.verger("daemon", "restart")
    other = seat.ask("daemon.status")["pid"]
    assert other != pid
    assert again.stdout.splitlines()[-1] == f"vergerd {other} is started; it leaves when it is idle"
    logs = seat.verger("daemon", "logs")
    assert (logs.returncode, bool(logs.stdout.strip())) == (0, True)
    assert seat.verger("daemon", "stop").returncode == 0


def test_a_socket_that_others_can_reach_is_refused(seat: Seat, systemd: Systemd):
    systemd.listen()
    seat.socket.chmod(0o666)
    with pytest.raises(AssertionError, match="open to others: its mode is 666"):
        systemd.start()
    assert systemd.main
    assert systemd.main.returncode == 6
    assert is_socket(seat.socket)


@pytest.mark.sweep
def test_a_socket_that_vanished_is_told_with_its_way_out(seat: Seat, systemd: Systemd):
    systemd.start()
    seat.socket.unlink()
    wait_until(
        lambda: any(
            "systemctl --user restart vergerd.socket" in one for one in systemd.notices.values("STATUS")
        )
    )
    assert not seat.socket.exists()


def test_the_python_that_installs_is_the_one_that_serves(systemd: Systemd):
    unit = (systemd.folder / "vergerd.service").read_text()
    assert f"ExecStart={sys.executable} -P -m verger_daemon\n" in unit
