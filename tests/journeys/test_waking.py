"""A run that an agent parked: it waits, is woken once, and a daemon or machine that went down changes nothing in that.

Not here: what a park is to a run (test_parked.py), and when it is woken (tests/daemon/rules/test_waking.py).
"""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.doubles.daemons import Seat, seated
from tests.doubles.notes import POLICY, scenario
from tests.doubles.workplace import wait_until
from tests.journeys.test_recovery import RECOVERS, acts

WAKES = RECOVERS | {"VERGERD_WAKE_SPREAD_S": "0"}


def parking(resets_in_s: float, cause: str = "limit") -> dict[str, Any]:
    """A place whose worker parks in its first try."""
    resets = f", resets_in_s = {resets_in_s}" if cause == "limit" else ""
    write = '{ do = "write", path = "docs/01.md", text = "a note\\n" }'
    park = f'{{ do = "park", cause = "{cause}"{resets} }}'
    return {"script": scenario(f'stage = "execute"\nsteps = [{write}, {park}]')}


def parked(seat: Seat) -> None:
    """A run has parked."""
    ended = seat.verger("supervise", "run", "playbook.md", "--item", "01")
    assert ended.returncode == 75, ended.stderr
    assert seat.status()["claim"] == "waiting_state_observed"


def test_a_run_is_woken_once_when_its_limit_is_over_though_daemon_and_machine_went_down(
    tmp_path: Path,
) -> None:
    with seated(tmp_path, **parking(4)) as seat:
        seat.release.touch()
        seat.start(**WAKES)
        parked(seat)
        at = seat.status()["supervision"]["next_utc"]
        assert at.startswith("20")
        seat.kill()
        (record,) = (seat.daemon_home / "runs").glob("*.json")
        known = json.loads(record.read_bytes())
        known["identity"]["boot_id"] = "the boot before"
        record.write_text(json.dumps(known))
        seat.start(**WAKES)
        wait_until(lambda: seat.status()["supervision"]["next_utc"] == at or "wake_from_park" in acts(seat))
        seat.until("terminal_observed")
        assert acts(seat) == ["attach_kernel", "wake_from_park", "attach_kernel"]
        assert seat.status()["kernel"]["passed"] == 1


@pytest.mark.sweep
def test_a_wake_can_be_declined(tmp_path: Path) -> None:
    with seated(tmp_path, **parking(3600)) as seat:
        seat.release.touch()
        seat.start(**WAKES)
        parked(seat)
        said = seat.verger("supervise", "stop")
        assert (said.returncode, "stays at rest" in said.stdout) == (0, True)
        wait_until(lambda: seat.status()["supervision"]["next"] == "it was stopped")
        assert seat.verger("supervise", "resume").returncode == 0


@pytest.mark.sweep
def test_a_daemon_on_demand_stays_for_a_wake(tmp_path: Path) -> None:
    with seated(tmp_path, **parking(3)) as seat:
        seat.release.touch()
        seat.start("--on-demand", **WAKES, VERGERD_IDLE_EXIT_S="1")
        parked(seat)
        assert seat.process
        seat.process.wait(30)
        assert acts(seat) == ["attach_kernel", "wake_from_park", "attach_kernel"]


@pytest.mark.sweep
def test_a_lost_login_waits_for_a_person(tmp_path: Path) -> None:
    with seated(tmp_path, **parking(0, cause="auth")) as seat:
        seat.release.touch()
        seat.start(**WAKES)
        parked(seat)
        assert "log the agent in" in seat.status()["supervision"]["next"]
        assert seat.verger("supervise", "resume").returncode == 0


@pytest.mark.sweep
def test_a_budget_waits_for_a_person_whose_word_reaches_the_kernel(tmp_path: Path) -> None:
    use = '{ do = "use", input_tokens = 9, cost_usd = "0.60" }'
    write = '{ do = "write", path = "docs/01.md", text = "a note\\n" }'
    script = scenario(f'stage = "execute"\nsteps = [{write}, {use}]', f"steps = [{use}]")
    with seated(tmp_path, script=script, policy=f'budget_usd = 1\nreserve_usd = "0.60"\n{POLICY}') as seat:
        seat.release.touch()
        seat.start(**WAKES)
        parked(seat)
        said = seat.status()["supervision"]["next"]
        assert said.startswith("parked, budget: the run may spend $1.00: $0.60 are spent")
        assert said.endswith("then: verger supervise resume --budget-usd MORE")
        assert seat.verger("supervise", "resume").returncode == 75
        assert seat.verger("supervise", "resume", "--budget-usd", "2").returncode == 0
        assert seat.status()["kernel"]["cost"]["run"]["usd"] == "1.80"
        assert acts(seat) == ["attach_kernel"] * 3


@pytest.mark.sweep
def test_two_runs_that_one_limit_parked_are_each_woken_once(tmp_path: Path) -> None:
    with seated(tmp_path, **parking(3)) as seat:
        seat.release.touch()
        seat.start(**WAKES)
        parked(seat)
        first = seat.status()["run_id"]
        parked(seat)
        second = seat.status()["run_id"]
        wait_until(lambda: all(seat.status(run)["kernel"]["passed"] == 1 for run in (first, second)))
        for run in (first, second):
            folder = seat.place.run().root.parent / run / "supervision" / "interventions"
            kinds = [json.loads(path.read_bytes())["action_kind"] for path in sorted(folder.glob("*.json"))]
            assert kinds.count("wake_from_park") == 1
