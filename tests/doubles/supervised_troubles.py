"""What goes wrong around a daemon and the runs that it watches, each thing provoked by the real programs.

Not here: what goes wrong with a run whoever started it; see `troubles.py`, `troubled_runs.py`, `standing_troubles.py`.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.doubles.daemons import Seat, seated
from tests.doubles.troubles import Case
from tests.doubles.workplace import Result, wait_until

# The limits of our own hands are over before they begin.
NO_PATIENCE = "import verger_kernel.supervised.telling as telling\ntelling.HANDS_S_MAX = -1_000_000\n"


def _ended(done: "subprocess.CompletedProcess[str]") -> Result:
    return Result(done.returncode, done.stdout, done.stderr)


def _vergerd(seat: Seat, **more: str) -> Result:
    """A daemon that does not come to be, as it was typed."""
    return _ended(
        subprocess.run(
            (sys.executable, "-P", "-m", "verger_daemon"),
            cwd=seat.place.repository,
            env=seat.environment(**more),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    )


def _told(seat: Seat, *argv: str, **more: str) -> Result:
    return _ended(seat.verger(*argv, **more))


def with_a_daemon_already(root: Path) -> Result:
    with seated(root) as seat:
        seat.start()
        return _vergerd(seat)


def with_a_path_that_is_too_long(root: Path) -> Result:
    with seated(root) as seat:
        deep = seat.runtime / ("a" * 100)
        deep.mkdir()
        return _vergerd(seat, XDG_RUNTIME_DIR=str(deep))


def with_a_file_where_the_socket_belongs(root: Path) -> Result:
    with seated(root) as seat:
        seat.socket.parent.mkdir()
        seat.socket.write_text("mine")
        return _vergerd(seat)


def with_an_unknown_setting_of_the_daemon(root: Path) -> Result:
    with seated(root) as seat:
        return _vergerd(seat, VERGERD_PROBE_INTERVAL="1")


def with_a_setting_out_of_bounds(root: Path) -> Result:
    with seated(root) as seat:
        return _vergerd(seat, VERGERD_PROBE_INTERVAL_MS="1")


def without_a_daemon(root: Path) -> Result:
    with seated(root) as seat:
        return _told(seat, "supervise", "list")


def after_the_daemon_was_killed(root: Path) -> Result:
    with seated(root) as seat:
        seat.start()
        seat.kill()
        return _told(seat, "supervise", "stop")


def while_a_run_is_at_work(root: Path) -> Result:
    with seated(root) as seat:
        seat.start()
        seat.begin()
        return _told(seat, "supervise", "run", "playbook.md", "--item", "01")


def with_runs_kept_elsewhere(root: Path) -> Result:
    with seated(root) as seat:
        seat.start()
        elsewhere = str(root / "elsewhere")
        return _told(seat, "supervise", "run", "playbook.md", "--item", "01", XDG_STATE_HOME=elsewhere)


def with_a_lock_that_was_taken_away(root: Path) -> Result:
    with seated(root) as seat:
        seat.start()
        run = seat.at_work()
        (seat.supervision() / "control.lock").unlink()
        wait_until(lambda: "lock" in seat.status(run)["reason"])
        return _told(seat, "supervise", "status", run)


def with_a_kernel_that_is_stopped(root: Path) -> Result:
    with seated(root) as seat:
        seat.start()
        run = seat.at_work()
        os.kill(seat.kernel(), signal.SIGSTOP)
        seat.until("attachment_unproven", run)
        return _told(seat, "supervise", "status", run)


def with_an_effect_past_its_deadline(root: Path) -> Result:
    (root / "sitecustomize.py").write_text(NO_PATIENCE)
    with seated(root) as seat:
        seat.start()
        environment = seat.environment()
        environment["PYTHONPATH"] += f"{os.pathsep}{root}"
        directory, words = str(seat.place.repository), ("playbook.md", "--item", "01")
        asked = seat.ask("run.start", directory=directory, words=words, environment=environment)
        wait_until(lambda: "stuck" in seat.status(asked["run_id"])["reason"])
        return _told(seat, "supervise", "status", asked["run_id"])


SUPERVISED_TROUBLES: dict[str, Case] = {
    "another daemon is here": with_a_daemon_already,
    "its path has": with_a_path_that_is_too_long,
    "what is there is no socket": with_a_file_where_the_socket_belongs,
    "`VERGERD_… is no setting`": with_an_unknown_setting_of_the_daemon,
    "the environment: ": with_a_setting_out_of_bounds,
    "no daemon listens at": without_a_daemon,
    "the daemon that listened at": after_the_daemon_was_killed,
    "`run … is at work`": while_a_run_is_at_work,
    "this daemon keeps runs below": with_runs_kept_elsewhere,
    "the lock on the run was lost": with_a_lock_that_was_taken_away,
    "the last answer is": with_a_kernel_that_is_stopped,
    "stuck in": with_an_effect_past_its_deadline,
}
"""By words that one row of the page alone holds: what provokes it."""
