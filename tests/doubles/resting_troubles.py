"""Why a run that is watched rests, and what hinders a daemon as a unit, each thing provoked by the real programs.

Not here: what goes wrong while a kernel is at work; see `supervised_troubles.py`. The manager of units is a script
that says what a real one says.
"""

import json
import os
import signal
from pathlib import Path

from tests.doubles.daemons import Seat, seated
from tests.doubles.notes import evidenced, item, scenario, writing
from tests.doubles.troubles import Case
from tests.doubles.workplace import Result, wait_until

NO_BUS = (
    'case "$*" in --version) echo "systemd 252";; *) echo "Failed to connect to bus" >&2; exit 1;; esac\n'
)
ALIVE = 'echo "MainPID=1"\n'
DEAD = 'printf "ActiveState=inactive\\nSubState=dead\\nMainPID=0\\n"\n'


def _typed(root: Path, manager: str, *argv: str, unit: str = "") -> Result:
    """A command about the daemon, of a user whose `systemctl` is the script `manager`; none where it is empty."""
    with seated(root) as seat:
        programs = root / "bin"
        programs.mkdir()
        if manager:
            (programs / "systemctl").write_text(f"#!/bin/sh\n{manager}")
            (programs / "systemctl").chmod(0o755)
        if unit:
            path = seat.place.home / ".config" / "systemd" / "user" / "vergerd.service"
            path.parent.mkdir(parents=True)
            path.write_text(unit)
        done = seat.verger("daemon", *argv, PATH=str(programs))
        return Result(done.returncode, done.stdout, done.stderr)


def without_systemd(root: Path) -> Result:
    return _typed(root, "", "install")


def without_a_bus(root: Path) -> Result:
    return _typed(root, NO_BUS, "install")


def with_a_unit_of_somebody_else(root: Path) -> Result:
    return _typed(root, ALIVE, "uninstall", unit="[Service]\nExecStart=/bin/true\n")


def with_a_unit_at_work(root: Path) -> Result:
    return _typed(root, ALIVE, "uninstall", "--force", unit="[Service]\n")


def with_a_unit_that_is_stopped(root: Path) -> Result:
    return _typed(root, DEAD, "status", unit="[Service]\n")


def without_a_unit(root: Path) -> Result:
    return _typed(root, ALIVE, "uninstall")


def _status(seat: Seat, until: str = "") -> Result:
    """The status of the run, once its `next` holds the words `until`."""
    wait_until(lambda: until in seat.status()["supervision"]["next"])
    done = seat.verger("supervise", "status")
    return Result(done.returncode, done.stdout, done.stderr)


def _parked(root: Path, cause: str, resets: str = "") -> Result:
    step = f', {{ do = "park", cause = "{cause}"{resets} }}'
    script = scenario(f'stage = "execute"\n{writing("01", more=step)}')
    with seated(root, rows=(item("01"),), script=script) as seat:
        seat.start(VERGERD_RECOVER="true")
        seat.begin()
        return _status(seat, "parked")


def by_a_limit(root: Path) -> Result:
    return _parked(root, "limit", ", resets_in_s = 3600")


def by_a_lost_login(root: Path) -> Result:
    return _parked(root, "auth")


def by_an_empty_budget(root: Path) -> Result:
    return _parked(root, "budget")


def by_a_stop(root: Path) -> Result:
    with seated(root) as seat:
        seat.start(VERGERD_RECOVER="true")
        seat.at_work()
        assert seat.verger("supervise", "stop").returncode == 0
        return _status(seat, "stopped")


def by_a_kernel_that_dies(root: Path) -> Result:
    with seated(root) as seat:
        seat.start(VERGERD_RECOVER="true", VERGERD_RECOVERIES_MAX="0")
        seat.at_work()
        os.kill(seat.kernel(), signal.SIGKILL)
        return _status(seat, "died")


def by_a_kernel_that_dies_unwatched(root: Path) -> Result:
    with seated(root) as seat:
        seat.start()
        seat.at_work()
        os.kill(seat.kernel(), signal.SIGKILL)
        return _status(seat, "recover is off")


def by_a_machine_that_went_down(root: Path) -> Result:
    with seated(root) as seat:
        seat.start()
        run, pid = seat.at_work(), seat.kernel()
        seat.kill()
        os.kill(pid, signal.SIGKILL)
        (record,) = (seat.daemon_home / "runs").glob(f"{run}.json")
        known = json.loads(record.read_bytes())
        known["identity"]["boot_id"] = "the boot before"
        record.write_text(json.dumps(known))
        seat.start(VERGERD_RECOVER="true")
        return _status(seat, "machine")


def by_evidence_that_was_not_enough(root: Path) -> Result:
    missing = 'stage = "execute"\nreport = { verdict = "blocked_external" }'
    with seated(root, rows=(evidenced("03"),), script=scenario(missing)) as seat:
        seat.start(VERGERD_RECOVER="true")
        seat.begin("playbook.md", "--next")
        wait_until(lambda: "waits for evidence" in seat.status()["supervision"]["next"])
        seat.place.evidence().rename(seat.place.run().root / "inbox" / "03")
        return _status(seat, "came to nothing")


RESTING_TROUBLES: dict[str, Case] = {
    "systemctl is not here": without_systemd,
    "`systemctl … failed": without_a_bus,
    "is not as verger daemon install": with_a_unit_of_somebody_else,
    "vergerd.service is at work": with_a_unit_at_work,
    "vergerd.service is … (": with_a_unit_that_is_stopped,
    "there is no vergerd.service": without_a_unit,
    "`parked, limit: …; at": by_a_limit,
    "log the agent in, then": by_a_lost_login,
    "give it more, then": by_an_empty_budget,
    "`it was stopped": by_a_stop,
    "so a person is needed": by_a_kernel_that_dies,
    "recover is off": by_a_kernel_that_dies_unwatched,
    "nothing begins again by itself": by_a_machine_that_went_down,
    "came to nothing": by_evidence_that_was_not_enough,
}
"""By words that one row of the page alone holds: what provokes it."""
