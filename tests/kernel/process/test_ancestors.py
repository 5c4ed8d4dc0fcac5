"""What tools would find above a tree is named; what lies in it or beside it is not."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.doubles.repository import write_files

from verger_kernel.process.ancestors import found_above


def names_above(tree: Path, top: Path) -> list[str]:
    """What is found between `tree` and `top`: above the test's folder the machine may hold what it likes."""
    return [path.relative_to(top).as_posix() for path in found_above(tree) if top in path.parents]


def test_canaries_are_named_nearest_first(tmp_path: Path) -> None:
    (tmp_path / "state/run/work").mkdir(parents=True)
    write_files(
        tmp_path, {"conftest.py": "", ".cargo/config.toml": "", "state/pytest.ini": "", "state/.env": ""}
    )
    (tmp_path / "state/run/node_modules").mkdir()
    assert names_above(tmp_path / "state/run/work", tmp_path) == [
        "state/run/node_modules",
        "state/.env",
        "state/pytest.ini",
        ".cargo/config.toml",
        "conftest.py",
    ]


@pytest.mark.parametrize(
    "name", ["Cargo.toml", "go.work", "jest.config.mjs", ".eslintrc.json", "tsconfig.base.json", ".git"]
)
def test_each_ecosystem_has_its_canaries(tmp_path: Path, name: str) -> None:
    write_files(tmp_path, {name: ""})
    assert names_above(tmp_path / "work", tmp_path) == [name]


def test_what_is_in_the_tree_beside_it_or_only_looks_alike_is_no_canary(tmp_path: Path) -> None:
    write_files(
        tmp_path,
        {"a/work/conftest.py": "", "a/beside/package.json": "", "a/my-conftest.py": "", ".cargo/bin/x": ""},
    )
    assert names_above(tmp_path / "a/work", tmp_path) == []


def test_a_link_is_judged_by_where_it_leads_and_a_broken_one_is_named(tmp_path: Path) -> None:
    write_files(tmp_path, {"real/package.json": "", "seen/go.mod": ""})
    (tmp_path / "real/work").mkdir()
    (tmp_path / "seen/work").symlink_to(tmp_path / "real/work")
    (tmp_path / "real/node_modules").symlink_to("nowhere")
    assert names_above(tmp_path / "seen/work", tmp_path) == ["real/node_modules", "real/package.json"]


def test_pytest_finds_the_canary_that_is_named(tmp_path: Path) -> None:
    write_files(tmp_path, {"pytest.ini": "[pytest]\n", "work/test_a.py": "def test_a(): pass\n"})
    told = subprocess.run(
        [sys.executable, "-P", "-m", "pytest", "--collect-only", "-p", "no:cacheprovider"],
        cwd=tmp_path / "work",
        env={"PYTHONPATH": os.pathsep.join(sys.path), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"rootdir: {tmp_path}\n" in told.stdout
    assert names_above(tmp_path / "work", tmp_path) == ["pytest.ini"]


def test_a_folder_that_is_gone_or_unreadable_is_passed_over(tmp_path: Path) -> None:
    write_files(tmp_path, {"conftest.py": ""})
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    assert names_above(tmp_path / "gone/further/work", tmp_path) == ["conftest.py"]
    assert names_above(loop / "work", tmp_path) == ["conftest.py"]
