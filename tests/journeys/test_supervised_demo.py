"""The demo under a daemon that is killed in its middle ends as it does alone, carried by one kernel; nobody is left.

Not here: the whole of it, which is `make demo`; and how long it takes, see docs/performance.md.
"""

import json
import os
from pathlib import Path

import pytest
from examples import supervised
from tests.doubles.repository import run_git
from tests.doubles.workplace import Workplace

import verger_client
import verger_daemon
import verger_kernel
import verger_probes
from verger_kernel.demo.show import PLAYBOOK, build

ITEMS = ("--items", "01,02")
"""The one that passes at once, and the one that needs a second round."""


@pytest.mark.sweep
def test_the_demo_ends_the_same_though_its_daemon_is_killed_in_the_middle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packages = (verger_client, verger_daemon, verger_kernel, verger_probes)
    found = (str(Path(package.__path__[0]).parent) for package in packages)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(found))
    alone = Workplace(tmp_path / "alone")
    alone.home.mkdir(parents=True)
    build(alone.repository)
    assert alone.verger("run", PLAYBOOK, *ITEMS).code == 0
    watched = tmp_path / "watched"
    build(watched)
    said: list[str] = []
    kernels: list[int] = []

    def say(line: str) -> None:
        said.append(line)
        kernels.append(registered(seat)["identity"]["pid"] if seat.journals() else 0)

    with supervised.seated(watched, tmp_path / "state") as seat:
        command = ("supervise", "run", PLAYBOOK, *ITEMS)
        assert supervised.killed_in_the_middle(seat, say, *command) == 0
        (kernel,) = (one["pid"] for one in seat.kernels())
    # Whoever was at work when the daemon was killed carried the run to its end, and was found again by the next one.
    assert [said[-1].startswith("# kill -9 "), kernels[-1]] == [True, kernel]
    (journal,) = seat.journals()
    supervision = journal.parent / "supervision"
    assert len(list((supervision / "invocations").glob("*.stdout.log"))) == 1
    acts = [json.loads(path.read_bytes()) for path in sorted((supervision / "interventions").iterdir())]
    assert [act["reason"].partition(":")[0] for act in acts] == ["started here", "adopted"]
    assert len({act["epoch"] for act in acts}) == 2
    assert tree_of(watched) == tree_of(alone.repository)
    # Neither is left, nor where they listened.
    assert not [one for one in (*seat.kernels(), seat.daemon()) if supervised.lives(one)]
    assert not seat.runtime.exists()


def registered(seat: supervised.Seat) -> dict[str, dict[str, int]]:
    """Which kernel is on record to be at work."""
    found: dict[str, dict[str, int]] = json.loads(
        (seat.journals()[0].parent / "supervision" / "bridge_registration.json").read_bytes()
    )
    return found


def tree_of(repository: Path) -> str:
    """What the run branch holds."""
    (branch,) = run_git(repository, "for-each-ref", "--format=%(refname)", "refs/heads/orchestrator").split()
    return run_git(repository, "rev-parse", f"{branch}^{{tree}}")
