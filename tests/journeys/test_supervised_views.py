"""`supervise status`, `list`, `stop` and `logs` of real runs, and what `--prove` finds at the kernel's own socket."""

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.doubles.daemons import Seat, seated
from tests.doubles.notes import gated, item
from tests.doubles.workplace import wait_until

from verger_probes.identity import start_ticks

SLEEPS = 'touch "$1/by_command"; (setsid sleep 600 & ); sleep 600 & wait\n'


@pytest.fixture
def seat(tmp_path: Path) -> Iterator[Seat]:
    with seated(tmp_path) as made:
        made.start()
        yield made


def code(seat: Seat, *argv: str) -> int:
    return seat.verger("supervise", "status", *argv, "--exit-code").returncode


def test_each_state_of_a_run_has_its_code(tmp_path: Path):
    waits = item("01", required_verification_commands=f"`sh wait.sh {tmp_path / 'place' / 'release'}`")
    with seated(tmp_path, rows=(waits, gated("02"))) as seat:
        assert seat.place.verger("run", "playbook.md", "--item", "02").code == 20
        nobodys = seat.place.run().root.name
        # What is saved is shown with no daemon at all, and said to be no more.
        alone = seat.verger("supervise", "status", "--exit-code")
        assert (alone.returncode, alone.stdout.splitlines()[0]) == (13, "proved now: nothing")
        seat.start()
        assert code(seat, nobodys) == 13
        run = seat.at_work()
        assert code(seat, run) == 0
        seat.release.touch()
        seat.until("terminal_observed", run)
        assert code(seat, run) == 12
        gate = seat.begin("playbook.md", "--item", "02")["run_id"]
        seat.until("waiting_state_observed", gate)
        assert code(seat, gate) == 10


@pytest.mark.sweep
def test_the_client_looks_itself_who_listens_at_the_kernels_socket(seat: Seat):
    run = seat.at_work()
    kernel = seat.kernel()
    said = seat.verger("supervise", "status", run, "--exit-code", "--prove")
    assert said.returncode == 0
    words = f"asked the kernel's socket itself: pid {kernel} listens there, as registered"
    assert said.stdout.splitlines()[-1] == words
    probe = Path(seat.status(run)["supervision"]["probe_socket"])
    probe.rename(probe.with_name("kept"))
    with socket.socket(socket.AF_UNIX) as impostor:
        impostor.bind(str(probe))
        impostor.listen()
        # The daemon still has the connection that it made before, and is right; who asks for a proof is told both.
        for flags in ((), ("--json",)):
            said = seat.verger("supervise", "status", run, "--exit-code", "--prove", *flags)
            assert (said.returncode, "live_attached" in said.stdout) == (11, False)
            assert f"pid {os.getpid()} listens there, and pid {kernel} is registered" in said.stdout
    found = json.loads(said.stdout)
    assert (found["claim"], found["exit_code"], found["socket"]["agrees"]) == (
        "attachment_unproven",
        11,
        False,
    )
    assert found["kernel"]["run_id"] == run
    # Not only removed: the kernel would listen there again.
    probe.unlink()
    probe.touch()
    gone = seat.verger("supervise", "status", run, "--exit-code", "--prove")
    assert (gone.returncode, f"nobody listens at {probe}" in gone.stdout) == (11, True)
    probe.with_name("kept").rename(probe)
    assert seat.verger("supervise", "status", run, "--exit-code", "--prove").returncode == 0


def belonging(run: str) -> set[int]:
    """The processes of a run, by what the kernel puts into the environment of all that it starts."""
    found = set()
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                environ = (folder / "environ").read_bytes()
            except OSError:
                continue
            if run.encode() in environ:
                found.add(int(folder.name))
    return found


def test_a_run_is_stopped_with_all_that_it_started_and_can_go_on(tmp_path: Path):
    row = item("01", required_verification_commands=f"`sh sleeps.sh {tmp_path}`")
    with seated(tmp_path, rows=(row,), files={"sleeps.sh": SLEEPS}) as seat:
        seat.start()
        run = seat.begin()["run_id"]
        wait_until((tmp_path / "by_command").exists)
        kernel = seat.kernel()
        wait_until(lambda: len(belonging(run)) >= 3)
        done = seat.verger("supervise", "stop", run[:28])
        assert done.returncode == 0
        assert done.stdout == f"run {run} is stopped; to go on: verger supervise resume {run}\n"
        assert start_ticks(kernel) == 0
        assert belonging(run) == set()
        assert code(seat) == 13
        again = seat.verger("supervise", "stop")
        assert (again.returncode, "no supervised kernel is at work" in again.stderr) == (3, True)
        listed = seat.verger("supervise", "list", "--json")
        assert [row["run_id"] for row in json.loads(listed.stdout)["runs"]] == [run]
        assert run in seat.verger("-C", "/", "supervise", "list", "--all").stdout


@pytest.mark.sweep
def test_what_a_kernel_wrote_is_read_to_its_end(seat: Seat):
    run = seat.at_work()
    so_far = seat.verger("supervise", "logs", run, "--stderr").stdout
    assert "worker began" in so_far
    seat.release.touch()
    whole = seat.verger("supervise", "logs", run, "--stderr", "--follow").stdout
    assert whole.startswith(so_far)
    assert whole.endswith("01  passed\n")
    assert "passed      01" in seat.verger("supervise", "logs").stdout
    log = next((seat.supervision() / "invocations").glob("*.stderr.log"))
    # Longer than one answer of the daemon, whose pieces end inside of a character.
    log.write_text("x" + "ä" * 400_000, encoding="utf-8")
    assert seat.verger("supervise", "logs", "--stderr").stdout == "x" + "ä" * 400_000
