"""A mixed file is put together from the test half of one version and all else of another."""

import json
import tomllib

import pytest

from verger_kernel.rules.surface.mixed import composed


def test_package_scripts_and_runner_keys_are_of_the_tests_and_all_else_of_the_product() -> None:
    product = {
        "name": "x",
        "scripts": {"test": "exit 0"},
        "dependencies": {"a": "2"},
        "jest": {"bail": False},
        "ava": {},
    }
    surface = {"name": "old", "scripts": {"test": "jest"}, "dependencies": {"a": "1"}, "mocha": {"spec": "t"}}
    result = composed(
        "a/package.json", product=json.dumps(product).encode(), surface=json.dumps(surface).encode()
    )
    assert result is not None
    assert json.loads(result) == {
        "name": "x",
        "dependencies": {"a": "2"},
        "scripts": {"test": "jest"},
        "mocha": {"spec": "t"},
    }


def test_a_written_package_keeps_its_indent() -> None:
    product = b'{\n\t"name": "x",\n\t"scripts": {\n\t\t"test": "exit 0"\n\t}\n}\n'
    assert composed(
        "package.json", product=product, surface=b'{"scripts": {"test": "jest"}}'
    ) == product.replace(b"exit 0", b"jest")


PYPROJECT_PRODUCT = b"""
[project]
name = "x"
dependencies = ["a", "b"]  # new
[tool.ruff]
line-length = 1
[tool.pytest.ini_options]
addopts = "-k nothing"
[tool.coverage.report]
fail_under = 1
[tool.hatch.envs.default]
dependencies = ["c"]
[tool.hatch.envs.default.scripts]
test = "true"
"""
PYPROJECT_SURFACE = b"""
[project]
name = "x"
[tool.pytest.ini_options]
addopts = ["-q"]
[tool.hatch.envs.default.scripts]
test = "pytest"
[tool.tox]
legacy_tox_ini = "[tox]"
"""


def test_tables_of_test_tools_are_of_the_tests_and_all_else_of_the_product() -> None:
    result = composed("pyproject.toml", product=PYPROJECT_PRODUCT, surface=PYPROJECT_SURFACE)
    assert result is not None
    table = tomllib.loads(result.decode())
    assert table["project"]["dependencies"] == ["a", "b"]
    assert table["tool"]["ruff"] == {"line-length": 1}
    assert table["tool"]["pytest"] == {"ini_options": {"addopts": ["-q"]}}
    assert table["tool"]["hatch"]["envs"]["default"] == {"dependencies": ["c"], "scripts": {"test": "pytest"}}
    assert table["tool"]["tox"] == {"legacy_tox_ini": "[tox]"}
    assert "coverage" not in table["tool"]


def test_targets_and_switches_of_cargo_are_of_the_tests() -> None:
    product = b"""
[package]
name = "x"
autotests = false
[lib]
path = "new.rs"
test = false
[[bin]]
name = "b"
path = "b2.rs"
harness = false
[[test]]
name = "t"
harness = false
[dependencies]
a = "1"
"""
    surface = b'[package]\nname = "x"\n[lib]\npath = "old.rs"\n[[bin]]\nname = "b"\ntest = true\n'
    result = composed("Cargo.toml", product=product, surface=surface)
    assert result is not None
    assert tomllib.loads(result.decode()) == {
        "package": {"name": "x"},
        "lib": {"path": "new.rs"},
        "bin": [{"name": "b", "path": "b2.rs", "test": True}],
        "dependencies": {"a": "1"},
    }


def test_commands_of_tox_are_of_the_tests_and_its_dependencies_of_the_product() -> None:
    product = b"[tox]\nenvlist = none\n[testenv]\ndeps =\n  a\n  b\ncommands = true\n[flake8]\nx = 1\n"
    surface = (
        b"[tox]\nenvlist = py\n[testenv]\ndeps = a\ncommands =\n  pytest\n  mypy\n[pytest]\naddopts = -q\n"
    )
    result = composed("tox.ini", product=product, surface=surface)
    assert result == (
        b"[testenv]\ndeps = \n\ta\n\tb\ncommands = \n\tpytest\n\tmypy\n\n[flake8]\nx = 1\n\n"
        b"[tox]\nenvlist = py\n\n[pytest]\naddopts = -q\n"
    )


def test_settings_of_setup_tools_are_parted_by_section() -> None:
    product = b"[metadata]\nname = x\n[tool:pytest]\naddopts = -k no\n[aliases]\ntest = nothing\n"
    result = composed("setup.cfg", product=product, surface=b"[tool:pytest]\naddopts = -q\n")
    assert result == b"[metadata]\nname = x\n\n[tool:pytest]\naddopts = -q\n"


EQUAL = {
    "package.json": (b'{"a": 2,  "scripts": {"test": "x"}}', b'{"scripts": {"test": "x"}, "a": 1, "b": 3}'),
    "pyproject.toml": (b'[project]\nname = "y" # odd\n', b'[project]\nname = "x"\n'),
    "setup.cfg": (b"[metadata]\nname:x\n", b""),
    "tox.ini": (b"[testenv]\ndeps=b\n", b"[testenv]\ndeps=a\n"),
    "Cargo.toml": (b'[dependencies]\na = "2"', b'[dependencies]\na = "1"'),
    "deno.json": (b'{"imports": {}}', b"{}"),
    "composer.json": (b'{"require": {}}', b"{}"),
}


@pytest.mark.parametrize("name", EQUAL)
def test_where_the_test_halves_are_equal_the_product_stands_byte_for_byte(name: str) -> None:
    product, surface = EQUAL[name]
    assert composed(name, product=product, surface=surface) is product


def test_an_absent_product_stays_absent_and_an_absent_surface_has_no_test_half() -> None:
    assert composed("package.json", product=None, surface=b"{}") is None
    result = composed("package.json", product=b'{"name": "x", "scripts": {"test": "x"}}', surface=None)
    assert result is not None and json.loads(result) == {"name": "x"}


DAMAGED = {
    "package.json": (b'{"scripts": ', b"[]", b"\xff", b"[" * 100_000, b'{"a":' * 60 + b"1" + b"}" * 60),
    "pyproject.toml": (
        b"[tool",
        b"a = 1\na = 2",
        b"\xff",
        b"a = " + b"[" * 5000,
        b"x = " + b"[" * 60 + b"]" * 60,
    ),
    "setup.cfg": (b"no section", b"[a]\nb=1\nb=2", b"\xff", b"[a\n"),
}


@pytest.mark.parametrize(("name", "damaged"), [(name, one) for name, many in DAMAGED.items() for one in many])
def test_where_a_side_cannot_be_read_the_surface_stands_whole(name: str, damaged: bytes) -> None:
    whole = {
        "package.json": b'{"scripts": {}}',
        "pyproject.toml": b"[tool.pytest]\na = 1",
        "setup.cfg": b"[aliases]\na=b",
    }[name]
    assert composed(name, product=damaged, surface=whole) == whole
    assert composed(name, product=whole, surface=damaged) == damaged
    assert composed(name, product=damaged, surface=damaged) == damaged


def test_halves_that_do_not_go_together_give_the_surface() -> None:
    surface = b"[tool.pytest]\na = 1\n"
    assert composed("pyproject.toml", product=b'tool = "none"\n', surface=surface) == surface
