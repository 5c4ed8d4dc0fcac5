"""A change of settings or scripts that can let a broken product pass is told; a stricter one is not."""

import json
from collections.abc import Iterable

import pytest

from verger_kernel.rules.surface.configured import Configured, configured

NOTHING = Configured((), (), ())
MAKE = """\
PYTEST = pytest
SRCS = a.c b.c
VERSION = 1.2

.PHONY: test lint
test: build ## run
\t$(PYTEST) -q

build:
\tcc $(SRCS)

docs:
\tmkdocs build
"""
SCRIPTS = {"test": "jest", "build": "tsc", "docs": "typedoc", "all": "npm run docs && npm test"}


def change(path: str, old: str | None, new: str | None) -> Configured:
    return several([(path, old, new)])


def several(files: Iterable[tuple[str, str | None, str | None]]) -> Configured:
    def data(text: str | None) -> bytes | None:
        return None if text is None else text.encode()

    return configured((path, data(old), data(new)) for path, old, new in files)


def ini(settings: str) -> str:
    return f"[pytest]\n{settings}\n"


LEAVES_OUT = [
    ("pytest.ini", ini("addopts = -q"), ini("addopts = -q -k fast")),
    ("pytest.ini", ini("addopts = -q"), ini("addopts = -q --ignore=tests/slow")),
    ("pytest.ini", ini("addopts = -q"), ini("addopts = -q --deselect tests/a.py::test_a")),
    ("pytest.ini", ini("addopts = -q"), ini('addopts = -q -m "not slow"')),
    ("pytest.ini", ini("addopts = -q"), ini("addopts = -q --collect-only")),
    ("pytest.ini", ini("testpaths = tests more"), ini("testpaths = tests")),
    ("pytest.ini", ini("xfail_strict = true"), ini("xfail_strict = true\ntestpaths = tests/unit")),
    ("pytest.ini", ini("a = 1"), ini("a = 1\nnorecursedirs = slow")),
    ("pytest.ini", ini("a = 1"), ini("a = 1\npython_files = check_*.py")),
    ("pytest.ini", ini("python_files = test_*.py check_*.py"), ini("")),
    ("pytest.ini", None, ini("addopts = --ignore=tests/a.py")),
    ("setup.cfg", "[tool:pytest]\naddopts=-q\n", "[tool:pytest]\naddopts=-q -k x\n"),
    ("pyproject.toml", "", '[tool.pytest.ini_options]\naddopts = ["--deselect", "x"]\n'),
    ("pyproject.toml", "", '[tool.coverage.run]\nomit = ["src/hard.py"]\n'),
    ("package.json", "{}", '{"jest": {"testPathIgnorePatterns": ["slow"]}}'),
    (
        "package.json",
        '{"jest": {"testMatch": ["**/*.test.js", "**/*.spec.js"]}}',
        '{"jest": {"testMatch": ["**/*.test.js"]}}',
    ),
    (
        "jest.config.js",
        "module.exports = {\n  verbose: true,\n}",
        "module.exports = {\n  testMatch: ['a.js'],\n}",
    ),
    ("vitest.config.ts", None, "export default { test: { exclude: ['src/a.test.ts'] } }"),
    (".mocharc.yml", "spec: [a, b]", "spec: [a]"),
    ("Cargo.toml", '[package]\nname = "x"', '[package]\nname = "x"\nautotests = false'),
    ("Cargo.toml", "[lib]", "[lib]\ntest = false"),
    ("Cargo.toml", '[[test]]\nname = "a"\n[[test]]\nname = "b"', '[[test]]\nname = "a"'),
    ("Cargo.toml", "", '[[test]]\nname = "a"\nharness = false'),
]
LAXER = [
    ("pytest.ini", ini("addopts = --strict-markers"), ini("addopts = -q")),
    ("pytest.ini", ini("addopts = -q"), ini("addopts = -q -p evil")),
    ("pytest.ini", ini("addopts = -q"), ini("addopts = -q --reruns 5")),
    ("pytest.ini", ini("xfail_strict = true"), ini("xfail_strict = false")),
    ("pytest.ini", ini("xfail_strict = true"), ini("")),
    ("pytest.ini", ini("timeout = 5"), ini("timeout = 500")),
    ("pytest.ini", ini("filterwarnings = error"), ini("filterwarnings = ignore")),
    ("pytest.ini", ini("a = 1"), ini("a = 1\npythonpath = fakes")),
    ("pytest.ini", ini("a = 1"), "no settings"),
    (".coveragerc", "[report]\nfail_under = 90\n", "[report]\nfail_under = 10\n"),
    (
        "pyproject.toml",
        '[tool.pytest.ini_options]\naddopts = "--cov-fail-under=90"',
        '[tool.pytest.ini_options]\naddopts = "--cov-fail-under=9"',
    ),
    ("package.json", '{"jest": {"bail": true}}', '{"jest": {"bail": false}}'),
    ("package.json", "{}", '{"jest": {"passWithNoTests": true}}'),
    ("jest.config.js", None, "module.exports = { testRunner: './mine.js' }"),
    ("jest.config.js", "module.exports = {}", "module.exports = { setupFiles: ['./x.js'] }"),
    (".npmrc", "registry=a", "registry=a\nscript-shell=/bin/true"),
    (".cargo/config.toml", None, "[target.x]\nrunner = 'true'"),
    ("pyproject.toml", "", '[project.entry-points.pytest11]\nx = "x"\n'),
]
HARMLESS = [
    ("pytest.ini", ini("addopts = -q"), ini("addopts = -q --strict-markers --strict-config -ra --tb=short")),
    ("pytest.ini", ini("testpaths = tests"), ini("testpaths = tests more")),
    ("pytest.ini", ini("testpaths = tests/unit"), ini("")),
    ("pytest.ini", ini("markers = a: x"), ini("markers =\n  a: x\n  b: y")),
    ("pytest.ini", ini("xfail_strict = false"), ini("xfail_strict = true")),
    ("pytest.ini", ini("filterwarnings = ignore"), ini("filterwarnings =\n  error\n  ignore")),
    ("pytest.ini", ini("timeout = 50"), ini("timeout = 5")),
    ("pytest.ini", ini("norecursedirs = slow build"), ini("norecursedirs = build .venv")),
    (
        "pytest.ini",
        None,
        ini("testpaths = tests\naddopts = -q --strict-markers\npythonpath = src\nasyncio_mode = auto"),
    ),
    ("pytest.ini", ini("addopts = -q"), ini("# a comment\naddopts =\n  -q")),
    (".coveragerc", "[report]\nfail_under = 90\n", "[report]\nfail_under = 95\nshow_missing = true\n"),
    (
        "pyproject.toml",
        '[project]\nname = "x"',
        '[project]\nname = "x"\ndependencies = ["a"]\n[tool.ruff]\nselect = ["E"]',
    ),
    ("pyproject.toml", "", '[tool.pytest.ini_options]\ntestpaths = ["tests"]\npython_files = ["test_*.py"]'),
    (
        "pyproject.toml",
        '[tool.pytest.ini_options]\naddopts = "-q --cov-fail-under=90"',
        '[tool.pytest.ini_options]\naddopts = ["-q", "--cov-fail-under=95"]',
    ),
    ("setup.cfg", "[metadata]\nname = x\n", "[metadata]\nname = y\n[flake8]\nexclude = tests\n"),
    (
        "tox.ini",
        "[testenv]\ndeps = a\ncommands = pytest\n",
        "[testenv]\ndeps =\n  a\n  b\ncommands = pytest\n",
    ),
    ("tox.ini", "[tox]\nenvlist = py311\n", "[tox]\nenvlist = py311, py312\n"),
    (
        "package.json",
        '{"dependencies": {"a": "1"}}',
        '{"dependencies": {"a": "1", "b": "2"}, "files": ["x"]}',
    ),
    (
        "package.json",
        '{"jest": {"verbose": false}}',
        '{"jest": {"verbose": true, "moduleNameMapper": {"^a": "b"}}}',
    ),
    (
        "jest.config.js",
        "module.exports = {}",
        "module.exports = {\n  // exclude: []\n  testEnvironment: 'jsdom',\n}",
    ),
    (
        "jest.config.js",
        None,
        "module.exports = { setupFiles: ['./jest.setup.js'], testMatch: ['**/*.test.js'] }",
    ),
    (".npmrc", "registry=a", "registry=b"),
    ("Cargo.toml", "[dependencies]", '[dependencies]\na = "1"\n[profile.release]\nlto = true'),
    ("Cargo.toml", '[[test]]\nname = "a"', '[[test]]\nname = "a"\n[[test]]\nname = "b"'),
]


@pytest.mark.parametrize(("path", "old", "new"), LEAVES_OUT)
def test_a_setting_that_may_leave_out_tests_is_told(path: str, old: str | None, new: str | None) -> None:
    found = change(path, old, new)
    assert found.excluded
    assert all(entry.startswith(f"{path}: ") for entry in found.excluded)


@pytest.mark.parametrize(("path", "old", "new"), LAXER)
def test_a_setting_that_makes_a_run_laxer_is_told(path: str, old: str | None, new: str | None) -> None:
    found = change(path, old, new)
    assert found.configuration and not found.excluded
    assert all(entry.startswith(f"{path}: ") for entry in found.configuration)


@pytest.mark.parametrize(("path", "old", "new"), HARMLESS)
def test_a_stricter_setting_or_one_of_the_product_is_nothing(
    path: str, old: str | None, new: str | None
) -> None:
    assert change(path, old, new) == NOTHING


def test_settings_that_move_to_another_file_are_no_change() -> None:
    moved = several(
        [
            ("pytest.ini", ini("addopts = --strict-markers\nxfail_strict = true\ntestpaths = tests"), None),
            (
                "pyproject.toml",
                "",
                '[tool.pytest]\naddopts = ["--strict-markers"]\nxfail_strict = true\ntestpaths = ["tests"]\n',
            ),
        ]
    )
    assert moved == NOTHING


def package(scripts: dict[str, str]) -> str:
    return json.dumps({"name": "x", "scripts": scripts})


STARTS_OTHERWISE = [
    SCRIPTS | {"test": "exit 0"},
    SCRIPTS | {"build": "tsc && rm -r tests"},
    SCRIPTS | {"docs": "rm -r tests"},
    {name: text for name, text in SCRIPTS.items() if name != "test"},
    SCRIPTS | {"pretest": "node fix.js"},
    SCRIPTS | {"posttest": "exit 0"},
    SCRIPTS | {"postinstall": "node fix.js"},
    SCRIPTS | {"prepare": "node fix.js"},
    SCRIPTS | {"prebuild": "node fix.js"},
]


@pytest.mark.parametrize("scripts", STARTS_OTHERWISE)
def test_a_package_script_that_a_test_may_rest_on_is_told(scripts: dict[str, str]) -> None:
    found = change("package.json", package(SCRIPTS), package(scripts))
    assert found.scripts and not found.configuration and not found.excluded


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (SCRIPTS, SCRIPTS | {"build:docs": "typedoc"}),
        (SCRIPTS, SCRIPTS | {"lint": "eslint ."}),
        (SCRIPTS | {"dev": "vite"}, SCRIPTS | {"dev": "vite --port 1"}),
        ({"test": 'echo "Error: no test specified" && exit 1'}, {"test": "node --test"}),
        ({}, {"test": "node --test"}),
        (SCRIPTS, dict(reversed(SCRIPTS.items()))),
    ],
)
def test_a_new_script_or_an_idle_one_is_nothing(old: dict[str, str], new: dict[str, str]) -> None:
    assert change("package.json", package(old), package(new)) == NOTHING


def test_a_placeholder_that_becomes_a_success_is_told() -> None:
    old, new = package({"test": 'echo "Error: no test specified" && exit 1'}), package({"test": "exit 0"})
    assert change("package.json", old, new).scripts
    assert change("package.json", package({}), new).scripts


def test_commands_of_other_tools_are_scripts_too() -> None:
    tox = change("tox.ini", "[testenv]\ncommands = pytest\n", "[testenv]\ncommands = true\n")
    assert tox.scripts == ("tox.ini: script testenv.commands was: pytest",)
    hatch = '[tool.hatch.envs.default.scripts]\ntest = "{}"\n'
    assert change("pyproject.toml", hatch.format("pytest"), hatch.format("true")).scripts
    assert change("deno.json", '{"tasks": {"test": "deno test"}}', '{"tasks": {"test": "true"}}').scripts


MAKE_OTHERWISE = [
    MAKE.replace("$(PYTEST) -q", "true"),
    MAKE.replace("\t$(PYTEST)", "\t-$(PYTEST)"),
    MAKE.replace("PYTEST = pytest", "PYTEST = true"),
    MAKE.replace("SRCS = a.c b.c", "SRCS = a.c"),
    MAKE + "PYTEST = true\n",
    MAKE + "test:\n\ttrue\n",
    MAKE.replace("test: build", "test: build cheat") + "cheat:\n\tcp a b\n",
    MAKE.replace("\tcc", "\ttrue; cc"),
    MAKE.replace(".PHONY: test lint", ".PHONY: lint"),
    MAKE + ".IGNORE:\n",
    MAKE + "SHELL = /bin/true\n",
    MAKE.replace("-q", "-q $(ARGS)") + "ARGS = --co\n",
    MAKE + "export PYTEST_ADDOPTS = --co\n",
    MAKE + "include other.mk\n",
    "ifeq (1,1)\n" + MAKE + "endif\n",
    MAKE.replace("test: build", "test: docs").replace("mkdocs build", "rm -r tests"),
    "",
]


def test_a_variable_that_a_recipe_reads_already_is_told_when_it_comes() -> None:
    old = "test:\n\tpytest ${ARGS}\n"
    assert change("Makefile", old, "ARGS = --co\n" + old).scripts
    assert change("Makefile", old, "OTHER = --co\n" + old) == NOTHING


@pytest.mark.parametrize("new", MAKE_OTHERWISE)
def test_a_target_or_variable_that_a_command_may_rest_on_is_told(new: str) -> None:
    assert change("Makefile", MAKE, new).scripts


@pytest.mark.parametrize(
    "new",
    [
        MAKE + "\nbench: build\n\t./bench\n",
        MAKE.replace("mkdocs build", "mkdocs build --strict"),
        MAKE.replace("SRCS = a.c b.c", "SRCS = a.c b.c d.c"),
        MAKE.replace("VERSION = 1.2", "VERSION = 1.3.0"),
        MAKE.replace(".PHONY: test lint", ".PHONY: test lint bench"),
        "# a comment\n" + MAKE.replace("## run", "## run all tests"),
        MAKE.replace("build ## run\n", "\\\n  build\n"),
        MAKE + "COLOUR ?= yes\n",
    ],
)
def test_a_new_target_an_idle_one_and_a_list_that_grows_are_nothing(new: str) -> None:
    assert change("Makefile", MAKE, new) == NOTHING


@pytest.mark.parametrize(
    ("path", "old", "new", "told"),
    [
        ("Makefile", None, MAKE, False),
        ("GNUmakefile", None, "test:\n\ttrue\n", True),
        ("makefile", None, "test:\n\ttrue\n", True),
        ("Makefile", MAKE, None, True),
        ("test.sh", "set -e\npytest\n", "set -e\nexit 0\npytest\n", True),
        ("test.sh", "set -e\npytest\n", "# why\nset -e\n\npytest\n", False),
        ("test.sh", None, "pytest\n", False),
        ("test.sh", "pytest\n", None, True),
        ("justfile", "test:\n  pytest\n", "test:\n  pytest\n\nbench:\n  ./bench\n", False),
        ("justfile", "test:\n  pytest\n", "test:\n  true\n", True),
        ("noxfile.py", "def tests(s):\n  s.run('pytest')\n", "def tests(s):\n  return\n", True),
    ],
)
def test_a_script_file_may_be_new_and_may_grow_at_one_place(
    path: str, old: str | None, new: str | None, told: bool
) -> None:
    assert bool(change(path, old, new).scripts) is told
