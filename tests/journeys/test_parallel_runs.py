"""Several repositories under one daemon: at work at once only where each of their base commits allows it.

Not here: several steps of one run at once; see test_parallel_steps.py.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.doubles.daemons import Refused, Seat, seated
from tests.doubles.repository import run_git
from tests.doubles.workplace import wait_until

INTENTION = '\n[intention]\nparallel_runs_allowed = true\nisolation = "four_layer"\n'


@pytest.fixture
def seat(tmp_path: Path) -> Iterator[Seat]:
    """A daemon that may have two runs at work, and a run that waits to be released. Nothing is allowed yet."""
    with seated(tmp_path) as made:
        shutil.copytree(made.place.repository, other(made), symlinks=True)
        made.start(VERGERD_MAX_PARALLEL_RUNS="2")
        yield made


def other(seat: Seat) -> Path:
    """The second repository."""
    return seat.place.root / "other"


def allow(repository: Path) -> None:
    """Has company reviewed and committed."""
    policy = repository / "verger.toml"
    policy.write_text(policy.read_text() + INTENTION)
    run_git(repository, "commit", "-qam", "runs may have company")


def begun(seat: Seat, repository: Path) -> Any:
    """What the daemon answers to a run of `repository`."""
    words, environment = ("playbook.md", "--item", "01"), seat.environment()
    return seat.ask("run.start", directory=str(repository), words=words, environment=environment)


def at_work(seat: Seat) -> list[str]:
    """The runs whose kernel is proved alive."""
    return [row["run_id"] for row in seat.ask("run.list")["runs"] if row["claim"] == "live_attached"]


def test_two_runs_that_allow_it_are_at_work_at_once_and_both_pass(seat: Seat) -> None:
    for repository in (seat.place.repository, other(seat)):
        allow(repository)
    first = seat.at_work()
    second = begun(seat, other(seat))["run_id"]
    wait_until(lambda: sorted(at_work(seat)) == sorted([first, second]))
    seat.release.touch()
    wait_until(lambda: seat.status(first)["claim"] == "terminal_observed")
    wait_until(
        lambda: seat.ask("run.status", directory=str(other(seat)), run=second)["claim"] == "terminal_observed"
    )


@pytest.mark.sweep
def test_a_third_waits_however_much_is_allowed(seat: Seat, tmp_path: Path) -> None:
    third = tmp_path / "third"
    shutil.copytree(seat.place.repository, third, symlinks=True)
    for repository in (seat.place.repository, other(seat), third):
        allow(repository)
    seat.at_work()
    begun(seat, other(seat))
    with pytest.raises(Refused, match=r"is at work$"):
        begun(seat, third)


def test_a_run_that_must_be_alone_is_left_alone(seat: Seat) -> None:
    allow(other(seat))
    run = seat.at_work()
    before = sorted(seat.daemon_home.rglob("*"))
    with pytest.raises(Refused, match=f"run {run} is at work, and its policy allows no company"):
        begun(seat, other(seat))
    assert sorted(seat.daemon_home.rglob("*")) == before


@pytest.mark.sweep
def test_a_run_that_must_be_alone_does_not_join_others(seat: Seat) -> None:
    allow(seat.place.repository)
    first = seat.at_work()
    second = begun(seat, other(seat))["run_id"]
    wait_until(lambda: [row["run_id"] for row in seat.ask("run.list")["runs"]] == [first])
    # Nothing was made for it: no folder of its repository, no branch.
    assert not list(seat.place.state.glob(f"verger/*/runs/{second}"))
    assert run_git(other(seat), "branch", "--list", "orchestrator/*") == ""


def test_what_nobody_reviewed_allows_nothing(seat: Seat) -> None:
    repository = seat.place.repository
    run_git(repository, "update-index", "--skip-worktree", "verger.toml")
    (repository / "verger.toml").write_text((repository / "verger.toml").read_text() + INTENTION)
    refused = seat.place.verger("run", "playbook.md", "--item", "01")
    assert (refused.code, refused.stdout) == (3, "")
    assert "[intention] of verger.toml is not what the base commit" in refused.stderr
