"""The runners themselves, run here on small projects in two folders: both reports are equal, and as expected.

Not here: runners that are not on every machine; their recorded outputs are read in test_recordings.py.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from tests.kernel.rules.runners.projects import CARGO, CARGO_BROKEN, NODE, PYTHON

from verger_kernel.rules.cases import CaseReport
from verger_kernel.rules.runners import read, report_environment

# What the runner of these very tests tells its children would reach the runners below.
OWN = ("PYTEST_", "GOFLAGS", "NODE_", "CARGO_TARGET", "COVERAGE_")
PYTHON_COMMAND = f"'{sys.executable}' -B -P -m"


def run(folder: Path, files: Mapping[str, str], command: str) -> CaseReport | None:
    tree, reports = folder / "tree", folder / "the reports"
    reports.mkdir(parents=True)
    for name, text in files.items():
        path = tree / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    env = {name: value for name, value in os.environ.items() if not name.startswith(OWN)}
    env |= report_environment(str(reports), env) | {"CARGO_TARGET_DIR": str(folder / "target")}
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=tree,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=300,
        check=False,
    )
    written = {path.name: path.read_bytes() for path in reports.iterdir()}
    return read(command, done.stdout.decode(), written)


def report_of(folder: Path, files: Mapping[str, str], command: str) -> CaseReport:
    first, second = (run(folder / place, files, command) for place in ("here", "in/another place"))
    assert first
    assert first == second
    return first


def test_pytest_writes_a_report_that_is_the_same_in_every_folder(tmp_path: Path) -> None:
    command = f"{PYTHON_COMMAND} pytest -q -s -p no:cacheprovider --continue-on-collection-errors"
    report = report_of(tmp_path, PYTHON, command)
    assert report == CaseReport(
        runner="pytest",
        passed=("test_sum.Sum::test_adds", "test_sum.Sum::test_borrows", "test_sum.Sum::test_carries"),
        failed=("test_sum.Sum::test_divides",),
        skipped=("test_sum.Sum::test_multiplies",),
        broken=("test_broken",),
        passed_unnamed=0,
        skipped_unnamed=0,
    )


def test_pytest_below_make_writes_its_report_too(tmp_path: Path) -> None:
    files = PYTHON | {"Makefile": f"test:\n\t-{PYTHON_COMMAND} pytest -p no:cacheprovider test_sum.py\n"}
    report = run(tmp_path, files, "make test")
    assert report
    assert (report.runner, len(report.passed), report.executed) == ("pytest", 3, 4)


def test_unittest_is_read_as_it_prints(tmp_path: Path) -> None:
    report = report_of(tmp_path, PYTHON, f"{PYTHON_COMMAND} unittest discover -s .")
    assert (report.runner, report.broken, report.failed) == (
        "unittest",
        ("test_broken",),
        ("test_sum.Sum.test_divides",),
    )
    assert (report.passed_unnamed, report.skipped_unnamed, report.executed) == (3, 1, 4)


@pytest.mark.skipif(not shutil.which("node"), reason="node is not on PATH")
@pytest.mark.parametrize("reporter", ["", " --test-reporter=spec", " --test-reporter=tap"])
def test_node_is_read_as_it_prints(tmp_path: Path, reporter: str) -> None:
    report = report_of(tmp_path, NODE, f"node --test{reporter}")
    assert report.runner == "node"
    assert report.passed == ("adds", "two digits > borrows", "two digits > carries")
    assert (report.failed, report.skipped, report.broken) == (
        ("divides",),
        ("multiplies",),
        ("…/broken.test.js",),
    )
    assert report.executed == 4


@pytest.mark.skipif(not shutil.which("cargo"), reason="cargo is not on PATH")
def test_cargo_is_read_as_it_prints(tmp_path: Path) -> None:
    report = report_of(tmp_path, CARGO, "cargo test --offline --lib")
    assert report.runner == "cargo"
    assert report.passed == tuple(f"sum src/lib.rs {name}" for name in ("adds", "borrows", "carries"))
    assert (report.failed, report.skipped) == (("sum src/lib.rs divides",), ("sum src/lib.rs multiplies",))


@pytest.mark.skipif(not shutil.which("cargo"), reason="cargo is not on PATH")
def test_a_crate_that_does_not_compile_is_broken(tmp_path: Path) -> None:
    report = run(tmp_path, CARGO_BROKEN, "cargo test --offline --lib")
    assert report
    assert (report.broken, report.executed) == (("sum (lib test)",), 0)
