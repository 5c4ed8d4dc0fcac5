"""Jobs for the tests, and the proof that none of their processes is left."""

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from tests.kernel.process.enclosures import closed
from tests.kernel.process.jobs import bearers, limits

from verger_kernel.process import cgroups
from verger_kernel.process.runner import Job
from verger_kernel.process.sandbox import Sandbox


@pytest.fixture
def run_marker(tmp_path: Path) -> Iterator[str]:
    """A run id that no other test has. Afterwards no process bears it and no zombie of ours is left."""
    marker = f"RUN-{os.getpid()}-{tmp_path.name}"
    yield marker
    left = bearers(marker)
    for process in left:
        process.kill()
    assert left == []
    children = psutil.Process().children()
    assert [child for child in children if child.status() == psutil.STATUS_ZOMBIE] == []


@pytest.fixture
def make_job(tmp_path: Path, run_marker: str) -> Callable[..., Job]:
    """Makes jobs in the test's folder; `name` tells several of them apart."""

    def make(*argv: str, name: str = "job", **changed: object) -> Job:
        fields: dict[str, object] = {
            "argv": argv,
            "cwd": tmp_path,
            "env": {"PATH": os.environ["PATH"]},
            "stdin": None,
            "stdout": tmp_path / f"{name}.out",
            "stderr": tmp_path / f"{name}.err",
            "limits": limits(),
            "marker": f"{run_marker}-{name}",
            "run_marker": run_marker,
            **changed,
        }
        return Job(**fields)  # type: ignore[arg-type]  # the tests name each field

    return make


@pytest.fixture
def boxed(make_job: Callable[..., Job], tmp_path: Path) -> Callable[..., Job]:
    """Makes jobs in a sandbox around a folder of their own."""
    work = tmp_path / "work"
    work.mkdir()

    def made(*argv: str, box: Sandbox | None = None, **more: object) -> Job:
        return replace(make_job(*argv, **more), sandbox=box or closed(work))

    return made


@pytest.fixture(params=["by looks", "by a leaf"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways to hold a job: as where no control group is delegated, and in a leaf where this machine lets us."""
    if request.param == "by looks":
        monkeypatch.setattr(cgroups, "delegated", lambda: None)
    elif cgroups.delegated() is None:
        pytest.skip("no control group of version 2 is delegated to the tests here")
    return str(request.param)
