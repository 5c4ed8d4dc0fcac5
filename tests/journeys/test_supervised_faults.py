"""What is said of a run while its real kernel and daemon die, stop, hang or are lied about; asked each 50 ms.

`live_attached` is never said later than one probe interval and one deadline after it became false, and every time it is
true again it is said again.
"""

import json
import os
import shutil
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from tests.doubles.daemons import Poll, Seat, seated
from tests.doubles.notes import WRITTEN, gated, item
from tests.doubles.workplace import wait_until

from verger_probes.identity import start_ticks

LATEST_S = 1.0 + 0.25
"""The probe interval and the deadline of an answer, as the settings have them."""


@pytest.fixture
def seat(tmp_path: Path) -> Iterator[Seat]:
    with seated(tmp_path) as made:
        made.start()
        yield made


def assert_silent_in_time(poll: Poll, event_s: float) -> None:
    """Whatever is asked once the proof is too old is not answered with `live_attached`."""
    poll.wait(lambda one: one.asked_s > event_s + LATEST_S + 0.3)
    assert poll.live_after(event_s + LATEST_S) == []


def test_both_processes_killed_together_prove_nothing_from_that_instant_on(seat: Seat):
    run = seat.at_work()
    kernel = seat.kernel()
    with Poll(seat, run) as poll:
        poll.wait(lambda one: one.claim == "live_attached")
        assert seat.process
        os.kill(seat.process.pid, signal.SIGKILL)
        os.kill(kernel, signal.SIGKILL)
        event_s = time.monotonic()
        seat.process.wait()
        poll.wait(lambda one: one.asked_s > event_s)
        assert poll.live_after(event_s) == []
    said = seat.verger("supervise", "status", run, "--exit-code")
    assert (said.returncode, "live_attached" in said.stdout) == (11, False)


@pytest.mark.sweep
def test_a_kernel_that_is_stopped_and_continued_is_unproven_meanwhile_and_alive_again(seat: Seat):
    run = seat.at_work()
    kernel = seat.kernel()
    with Poll(seat, run) as poll:
        os.kill(kernel, signal.SIGSTOP)
        event_s = time.monotonic()
        assert_silent_in_time(poll, event_s)
        unproven = [one for one in poll.heard if one.asked_s > event_s + LATEST_S]
        assert {one.claim for one in unproven} == {"attachment_unproven"}
        os.kill(kernel, signal.SIGCONT)
        poll.wait(lambda one: one.claim == "live_attached")
    # It was never ended nor started again because of that.
    assert seat.kernel() == kernel
    seat.release.touch()
    assert seat.until("terminal_observed", run)["kernel"]["passed"] == 1


@pytest.mark.sweep
def test_a_kernel_that_dies_alone_is_noticed_at_once(seat: Seat):
    run = seat.at_work()
    with Poll(seat, run) as poll:
        os.kill(seat.kernel(), signal.SIGKILL)
        event_s = time.monotonic()
        heard = poll.wait(lambda one: one.asked_s > event_s and one.claim == "snapshot_only")
        # Not after an interval: its end is told by the system.
        assert heard.came_s - event_s < LATEST_S
        assert all(one.asked_s < heard.asked_s for one in poll.live_after(event_s))


@pytest.mark.sweep
def test_a_daemon_that_is_stopped_proves_nothing_and_when_it_goes_on_only_what_is_fresh(seat: Seat):
    run = seat.at_work()
    kernel = seat.kernel()
    assert seat.process
    with Poll(seat, run) as poll:
        os.kill(seat.process.pid, signal.SIGSTOP)
        event_s = time.monotonic()
        said = seat.verger("supervise", "status", run, "--exit-code")
        assert (said.returncode, "live_attached" in said.stdout) == (11, False)
        poll.wait(lambda one: one.asked_s > event_s + LATEST_S)
        # The kernel dies while nobody watches: what the daemon says first must not be what it knew.
        os.kill(kernel, signal.SIGKILL)
        died_s = time.monotonic()
        os.kill(seat.process.pid, signal.SIGCONT)
        poll.wait(lambda one: one.came_s > died_s and one.claim == "snapshot_only")
        assert [one for one in poll.heard if one.came_s > died_s and one.claim == "live_attached"] == []


BLOCKS = """
import os, signal, time
def block(*_):
    until = time.monotonic() + 60
    while time.monotonic() < until and not os.path.exists(os.environ["UNBLOCK"]):
        time.sleep(0.01)
if os.environ.get("UNBLOCK"):
    signal.signal(signal.SIGUSR1, block)
"""


@pytest.mark.sweep
def test_a_kernel_whose_main_thread_hangs_is_unproven_while_its_other_threads_run(tmp_path: Path):
    with seated(tmp_path) as seat:
        (tmp_path / "sitecustomize.py").write_text(BLOCKS)
        seat.start()
        environment = seat.environment(UNBLOCK=str(tmp_path / "unblock"))
        environment["PYTHONPATH"] += f":{tmp_path}"
        run = seat.ask(
            "run.start",
            directory=str(seat.place.repository),
            words=("playbook.md", "--item", "01"),
            environment=environment,
        )["run_id"]
        seat.until("live_attached", run)
        with Poll(seat, run) as poll:
            os.kill(seat.kernel(), signal.SIGUSR1)
            event_s = time.monotonic()
            assert_silent_in_time(poll, event_s)
            (tmp_path / "unblock").touch()
            poll.wait(lambda one: one.claim == "live_attached")


def test_files_that_are_rewritten_with_fresh_times_prove_nothing(seat: Seat):
    run = seat.at_work()
    folder = seat.supervision()
    kept = {name: (folder / name).read_bytes() for name in ("probe_ack.json", "bridge_registration.json")}
    beat = max((folder / "heartbeats").iterdir())
    kernel = seat.kernel()
    with Poll(seat, run) as poll:
        os.kill(kernel, signal.SIGSTOP)
        event_s = time.monotonic()
        while time.monotonic() < event_s + LATEST_S + 0.3:
            for name, data in kept.items():
                ack = json.loads(data)
                fresh = {key: int(time.time() * 1000) for key in ack if key.endswith("_utc_ms")}
                (folder / name).write_bytes(json.dumps(ack | fresh).encode())
            (folder / "heartbeats" / f"999999_{beat.name.partition('_')[2]}").write_bytes(beat.read_bytes())
            for path in seat.place.root.rglob("*"):
                with suppress(OSError):
                    os.utime(path, follow_symlinks=False)
        assert_silent_in_time(poll, event_s)
        os.kill(kernel, signal.SIGCONT)
        poll.wait(lambda one: one.claim == "live_attached")


class Impostor:
    """Stands between daemon and kernel, passes all on and records it; later it plays the kernel with what it heard."""

    def __init__(self, path: Path) -> None:
        self._path, self._behind = path, path.with_name("behind.sock")
        path.rename(self._behind)
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(str(path))
        self._listening.listen()
        self.replays = False
        self.answers: list[bytes] = []
        self.replayed = 0
        self._over = False
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        """Puts everything back as it was."""
        self._over = True
        self._listening.close()
        with suppress(FileNotFoundError):
            self._behind.rename(self._path)

    def _serve(self) -> None:
        while not self._over:
            try:
                daemon, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._pass_on, args=(daemon,), daemon=True).start()

    def _pass_on(self, daemon: socket.socket) -> None:
        kernel = socket.socket(socket.AF_UNIX)
        with suppress(OSError):
            kernel.connect(str(self._behind))
        asked, answered = daemon.makefile("rb"), kernel.makefile("rb")
        with suppress(OSError):
            for line in asked:
                if self.replays:
                    for answer in self.answers[-50:]:
                        daemon.sendall(answer)
                    self.replayed += 1
                    continue
                kernel.sendall(line)
                answer = answered.readline()
                while answer.startswith(b"moved"):
                    answer = answered.readline()
                self.answers.append(answer)
                daemon.sendall(answer)


def test_answers_that_were_recorded_and_are_played_again_prove_nothing(seat: Seat):
    run = seat.at_work()
    kernel = seat.kernel()
    impostor = Impostor(Path(seat.status(run)["supervision"]["probe_socket"]))
    try:
        # The connection that stands leads past the impostor: the next daemon has none yet.
        seat.kill()
        seat.start()
        with Poll(seat, run) as poll:
            poll.wait(lambda one: one.claim == "live_attached")
            wait_until(lambda: len(impostor.answers) > 2)
            impostor.replays = True
            os.kill(kernel, signal.SIGSTOP)
            event_s = time.monotonic()
            assert_silent_in_time(poll, event_s)
            wait_until(lambda: impostor.replayed > 0)
            assert poll.live_after(event_s + LATEST_S) == []
            impostor.replays = False
            os.kill(kernel, signal.SIGCONT)
            poll.wait(lambda one: one.claim == "live_attached")
    finally:
        impostor.close()


def test_a_daemon_that_is_killed_is_followed_by_one_that_finds_the_same_kernel_again(seat: Seat):
    run = seat.at_work()
    kernel = seat.kernel()
    seat.kill()
    event_s = time.monotonic()
    seat.start()
    said = seat.until("live_attached", run)
    assert time.monotonic() - event_s < 2
    assert said["supervision"]["pid"] == kernel
    seat.release.touch()
    over = seat.until("terminal_observed", run)
    assert over["kernel"]["passed"] == 1
    # One kernel carried it from its beginning to its end, and no second one was ever started.
    assert len(list((seat.supervision() / "invocations").glob("*.stdout.log"))) == 1
    acts = sorted(path.name.split("_", 1)[1] for path in (seat.supervision() / "interventions").iterdir())
    assert [act.rpartition("_")[0] for act in acts] == ["attach_kernel", "attach_kernel"]


@pytest.mark.sweep
def test_a_daemon_that_is_killed_before_there_is_a_run_is_followed_by_one_that_finds_its_kernel(seat: Seat):
    run = seat.begin()["run_id"]
    # The kernel has its key and has made nothing yet: only the daemon's own record tells of it.
    assert not seat.place.has_run()
    seat.kill()
    seat.start()
    assert seat.standing(run) == run
    seat.release.touch()
    assert seat.until("terminal_observed", run)["kernel"]["passed"] == 1
    assert len(list((seat.supervision() / "invocations").glob("*.stdout.log"))) == 1


@pytest.mark.sweep
def test_a_kernel_that_ended_while_no_daemon_was_there_is_told_with_what_its_journal_says(seat: Seat):
    run = seat.at_work()
    kernel = seat.kernel()
    seat.kill()
    seat.release.touch()
    wait_until(lambda: not start_ticks(kernel))
    seat.start()
    assert seat.until("terminal_observed", run)["kernel"]["passed"] == 1
    with_code = json.loads(next((seat.daemon_home / "runs").glob("*.json")).read_bytes())
    assert (with_code["phase"], with_code["exit_code"], with_code["key"]) == ("ended", 0, "")


@pytest.mark.sweep
def test_an_older_state_that_is_put_back_is_noticed(seat: Seat):
    run = seat.begin()["run_id"]
    wait_until(lambda: seat.place.has_run())
    state = seat.place.run().run_state
    older = state.read_bytes()
    seat.standing(run)
    assert state.read_bytes() != older
    with Poll(seat, run) as poll:
        current = state.read_bytes()
        state.write_bytes(older)
        event_s = time.monotonic()
        assert_silent_in_time(poll, event_s)
        assert poll.heard[-1].reason == "run_state_sha256_mismatch"
        state.write_bytes(current)
        poll.wait(lambda one: one.claim == "live_attached")


@pytest.mark.sweep
def test_sockets_whose_folder_was_removed_are_there_again_for_the_daemon_and_for_the_next(seat: Seat):
    run = seat.at_work()
    kernel = seat.kernel()
    shutil.rmtree(seat.socket.parent)
    wait_until(seat.socket.exists)
    # Its connection to the kernel stands all the time.
    assert seat.until("live_attached", run)["supervision"]["pid"] == kernel
    wait_until(Path(seat.status(run)["supervision"]["probe_socket"]).exists)
    seat.kill()
    seat.start()
    assert seat.until("live_attached", run)["supervision"]["pid"] == kernel


@pytest.mark.sweep
def test_a_lock_that_is_taken_away_ends_the_supervision_and_not_the_run(seat: Seat):
    run = seat.at_work()
    kernel = seat.kernel()
    (seat.supervision() / "control.lock").unlink()
    with Poll(seat, run) as poll:
        poll.wait(lambda one: one.reason == "the lock on the run was lost")
    assert start_ticks(kernel)
    seat.release.touch()
    wait_until(lambda: not start_ticks(kernel))
    assert len(seat.place.run().journal.read_bytes().splitlines()) > 10


@pytest.mark.sweep
def test_a_run_at_rest_is_looked_at_again_by_the_next_daemon_and_whenever_its_files_changed(tmp_path: Path):
    with seated(tmp_path, rows=(gated("01"), item("02")), script=WRITTEN) as seat:
        seat.start()
        run = seat.begin("playbook.md", "--next")["run_id"]
        assert seat.until("waiting_state_observed", run)["exit_code"] == 10
        seat.kill()
        seat.start()
        # The first answer is the right one already.
        assert seat.status(run)["claim"] == "waiting_state_observed"
        decided = seat.place.verger(
            *("mark-manual-gate", run, "--item", "01", "--decision", "approved"),
            *("--by", "Ada", "--note", "read"),
        )
        assert decided.code == 0, decided.stderr
        assert seat.status(run)["claim"] == "terminal_observed"
        seat.kill()
        seat.start()
        assert [row["claim"] for row in seat.ask("run.list")["runs"]] == ["terminal_observed"]


@pytest.mark.sweep
def test_the_words_of_a_client_cannot_hide_the_id_that_the_daemon_drew(seat: Seat):
    run = seat.begin("--item", "01", "--", "playbook.md")["run_id"]
    assert seat.standing(run) == run
