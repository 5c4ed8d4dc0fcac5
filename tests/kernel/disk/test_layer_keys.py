"""A layer is used again only where nothing that setup reads has changed.

Not here: the layers; see test_dependencies.py.
"""

import os
import shutil
from pathlib import Path

import pytest
from tests.doubles.repository import write_files

from verger_kernel.disk.layer_keys import is_manifest, layer_key, toolchain

BASE = {
    "manifests": {"package.json": "1" * 40},
    "setup": ("npm ci",),
    "toolchain": ("/usr/bin/node 1 2", "/srv"),
}


def test_the_key_is_the_same_in_every_order_and_a_name_for_a_folder() -> None:
    first = layer_key(manifests={"a": "1", "b": "2"}, setup=("x",), toolchain=("p", "q"))
    assert first == layer_key(manifests={"b": "2", "a": "1"}, setup=["x"], toolchain=["q", "p"])
    assert len(first) == 64 and int(first, 16)


@pytest.mark.parametrize(
    "change",
    [
        {"manifests": {}},
        {"manifests": {"package.json": "2" * 40}},
        {"manifests": {"web/package.json": "1" * 40}},
        {"manifests": {"package.json": "1" * 40, "\udcff": "1" * 40}},
        {"setup": ("npm ci", "")},
        {"setup": ("npm", "ci")},
        {"toolchain": ("/usr/bin/node 1 3", "/srv")},
        {"toolchain": ("/usr/bin/node 1 2", "/media")},
    ],
)
def test_whatever_setup_depends_on_changes_the_key(change: dict[str, object]) -> None:
    assert layer_key(**(BASE | change)) != layer_key(**BASE)  # type: ignore[arg-type]  # the tests name each field


@pytest.mark.parametrize(
    "path",
    [
        "package.json",
        "web/package-lock.json",
        "pnpm-lock.yaml",
        "yarn.lock",
        ".npmrc",
        "pyproject.toml",
        "requirements-dev.txt",
        "constraints.txt",
        "uv.lock",
        "poetry.lock",
        "Pipfile.lock",
        "setup.py",
        "setup.cfg",
        "Cargo.toml",
        "crates/a/Cargo.lock",
        "rust-toolchain.toml",
        ".cargo/config.toml",
        "go.mod",
        "go.sum",
        "Gemfile.lock",
        ".tool-versions",
        ".python-version",
        ".nvmrc",
        ".gitmodules",
        ".worktreeinclude",
        "src/.gitattributes",
        ".yarn/patches/x",
        "patches/left-pad+1.0.0.patch",
    ],
)
def test_lock_files_and_manifests_count_in_whatever_folder(path: str) -> None:
    assert is_manifest(path, ())


@pytest.mark.parametrize(
    "path", ["src/app.py", "package.json.md", "my-setup.py", "tests/test_a.py", "docs/Cargo"]
)
def test_what_setup_does_not_read_is_no_manifest(path: str) -> None:
    assert not is_manifest(path, ("npm ci", "pip install -r requirements.txt", "cargo fetch"))


@pytest.mark.parametrize(
    ("path", "command"),
    [
        ("scripts/setup.sh", "bash scripts/setup.sh --quick"),
        ("scripts/setup.sh", "./scripts/setup.sh&&true"),
        ("scripts/setup.sh", "cd scripts && ./setup.sh"),
        ("dev tools.txt", "pip install -r 'dev tools.txt'"),
        ("deps.in", "FILE=deps.in make"),
        ("deps.in", "tool --from=deps.in"),
        ("deps.in", "tool <deps.in"),
        ("deps.in", "tool 'unclosed deps.in"),
        ("deps.in", "pip install x#egg deps.in"),
        ("src/app.py", "pip install ."),
        ("src/app.py", "pip install '.[dev]'"),
        ("libs/a/src/a.py", "pip install ./libs/a"),
        ("libs/a/src/a.py", "pip install libs/a"),
    ],
)
def test_what_a_setup_command_names_is_a_manifest(path: str, command: str) -> None:
    assert is_manifest(path, (command,))


@pytest.mark.parametrize(
    "command",
    [
        "pip install -e .",
        "pip install --editable=.",
        "npm ci --prefix ./src",
        "cd ./src; npm ci",
        ". .venv/bin/activate",
    ],
)
def test_a_folder_that_is_only_worked_in_does_not_count_as_a_whole(command: str) -> None:
    assert not is_manifest("src/app.py", (command,))


def test_another_program_or_interpreter_is_another_toolchain(tmp_path: Path) -> None:
    write_files(tmp_path, {"bin/tool": "#!/usr/bin/env runner\n", "bin/runner": "binary", "bin/other": "x"})
    for name in ("tool", "runner", "other"):
        (tmp_path / "bin" / name).chmod(0o755)
    (tmp_path / "bin/alias").symlink_to("other")
    path = f"{tmp_path / 'bin'}{os.pathsep}/nonexistent"
    first = toolchain(("tool ci", "absent && tool"), path)
    assert [Path(line.split()[0]).name for line in first] == ["runner", "tool"]
    assert toolchain(("tool ci",), path) == first == tuple(sorted(first))
    (tmp_path / "bin/runner").write_text("binary, newer")
    assert toolchain(("tool ci",), path) != first
    assert toolchain(("alias",), path) == toolchain(("other",), path)


def test_scripts_that_interpret_each_other_end(tmp_path: Path) -> None:
    write_files(tmp_path, {"a": f"#!{tmp_path}/b\n", "b": f"#!{tmp_path}/a\n"})
    for name in "ab":
        (tmp_path / name).chmod(0o755)
    assert len(toolchain(("a",), str(tmp_path))) == 2


def test_a_relative_program_is_no_tool_of_the_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_files(tmp_path, {"run.sh": "#!/bin/sh\n"})
    (tmp_path / "run.sh").chmod(0o755)
    monkeypatch.chdir(tmp_path)
    assert toolchain(("./run.sh",), os.defpath) == ()
    bash = shutil.which("bash", path=os.defpath)
    assert bash and toolchain((f"{bash} ./run.sh",), "") == toolchain(("bash",), os.defpath)
