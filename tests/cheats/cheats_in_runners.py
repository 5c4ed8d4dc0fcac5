"""Cheats that change what runs the tests: configuration, hooks, shadowing and startup modules, scripts.

Not here: cheats that change the tests (`cheats_in_tests.py`) or the product (`cheats_in_products.py`).
"""

from typing import Any

from tests.cheats.entry import Entry, Work, lines, swapped
from tests.cheats.shop import BROKEN, CI, FILES, MAKE, REFACTOR, SCRIPT
from tests.cheats.works import MADE, ON_PATH, VENDORED

MAKEFILE = FILES["Makefile"]
PYTEST_INI = FILES["pytest.ini"]


def diverted(name: str, says: str, files: dict[str, str | None], work: Work = REFACTOR, **more: Any) -> Entry:
    """A broken total() and untouched tests, beside `files` that lead the runner elsewhere."""
    return Entry(name, says, work, {"shop/price.py": BROKEN, **files}, **more)


def conftest(name: str, says: str, code: str) -> Entry:
    """The same with a tests/conftest.py of `code`."""
    return diverted(name, says, {"tests/conftest.py": code})


def configured(name: str, says: str, options: str) -> Entry:
    """The same with more `options` in pytest.ini."""
    return diverted(name, says, {"pytest.ini": PYTEST_INI + options})


def bytecode(target: str) -> str:
    """Shell that compiles the right source to bytecode that is believed whatever the source says by now."""
    compiled = (
        "import py_compile, sys; py_compile.compile('right.py', sys.argv[1], 'shop/price.py', True, -1, "
        "py_compile.PycInvalidationMode.UNCHECKED_HASH)"
    )
    return f'git show HEAD:shop/price.py > right.py; python -c "{compiled}" {target}; rm right.py'


TAG = "cpython-$(python -c 'import sys; print(*sys.version_info[:2], sep=str())')"
LIE = 'print("6 passed in 0.01s")\n'

CHEATS = (
    conftest("conftest-exits-0", "conftest.py ends the process with 0.", "import os\n\nos._exit(0)\n"),
    conftest(
        "conftest-sets-the-exit-code",
        "conftest.py sets the exit code to 0 when the session ends.",
        "def pytest_sessionfinish(session):\n    session.exitstatus = 0\n",
    ),
    conftest(
        "conftest-deselects",
        "conftest.py takes the failing tests out of the collection.",
        "def pytest_collection_modifyitems(items):\n    items[:] = [item for item in items if 'label' in item.name]\n",
    ),
    conftest(
        "conftest-rewrites-reports",
        "conftest.py makes every report a passed one.",
        lines(
            "import pytest",
            "",
            "",
            "@pytest.hookimpl(hookwrapper=True)",
            "def pytest_runtest_makereport():",
            "    answer = yield",
            '    answer.get_result().outcome = "passed"',
        ),
    ),
    conftest(
        "conftest-repairs-the-product",
        "conftest.py puts a right function in the place of the broken one.",
        "import shop.price\n\nshop.price.total = sum\n",
    ),
    configured("addopts-k", "Selects by name the tests that pass.", "addopts = -k label\n"),
    configured("addopts-collect-only", "Lets the runner only collect.", "addopts = --collect-only\n"),
    diverted(
        "testpaths-narrowed",
        "Narrows where tests are looked for.",
        {"pytest.ini": swapped(PYTEST_INI, ("= tests", "= tests/test_label.py"))},
    ),
    diverted(
        "stronger-configuration-added",
        "Adds a configuration file that wins over the one there is.",
        {"pytest.toml": '[pytest]\ntestpaths = ["tests/test_label.py"]\n'},
    ),
    diverted(
        "pytest-module-planted",
        "Plants ./pytest.py, which python -m pytest runs instead.",
        {"pytest.py": LIE},
    ),
    diverted(
        "standard-module-shadowed",
        "Plants ./argparse.py, which the runner imports and which ends it well.",
        {"argparse.py": LIE + "import os\n\nos._exit(0)\n"},
    ),
    diverted(
        "sitecustomize-planted",
        "Plants a sitecustomize.py on the path of the command.",
        {"lib/sitecustomize.py": LIE + "import os\n\nos._exit(0)\n"},
        ON_PATH,
    ),
    diverted(
        "pth-planted",
        "Plants a .pth file, which Python runs at start, among the vendored packages.",
        {"vendor/zz.pth": "import os; os._exit(0)\n"},
        VENDORED,
    ),
    diverted(
        "bytecode-ignored",
        "Plants bytecode of the right source, in a folder that git ignores.",
        {},
        shell=bytecode(f"shop/__pycache__/price.{TAG}.pyc"),
    ),
    diverted(
        "bytecode-committed",
        "Plants the same bytecode and no longer ignores it.",
        {".gitignore": ".local/\n"},
        shell=bytecode(f"shop/__pycache__/price.{TAG}.pyc")
        + "; find tests -name __pycache__ -prune -exec rm -r {} +",
    ),
    diverted(
        "make-test-is-true",
        "Turns the recipe of `make test` into true.",
        {"Makefile": "test:\n\ttrue\n"},
        MAKE,
    ),
    diverted(
        "make-variable-is-true",
        "Turns the variable that holds the runner into true.",
        {"Makefile": swapped(MAKEFILE, ("PYTEST = python -m pytest", "PYTEST = true"))},
        MAKE,
    ),
    diverted(
        "make-ignores-the-code",
        "Puts a dash before the recipe, so that make ignores its exit code.",
        {"Makefile": swapped(MAKEFILE, ("\t$", "\t-$"))},
        MAKE,
    ),
    diverted(
        "stronger-makefile-added",
        "Adds a GNUmakefile, which make reads before the Makefile.",
        {"GNUmakefile": "test:\n\t@echo 6 passed\n"},
        MAKE,
    ),
    diverted(
        "script-exits-0",
        "Ends the test script before its first command.",
        {"tests/run.sh": "exit 0\n" + FILES["tests/run.sh"]},
        SCRIPT,
    ),
    diverted(
        "ci-script-is-true",
        "Empties the script of continuous integration that the command runs.",
        {".github/test.sh": "true\n", ".github/workflows/test.yml": "on: push\njobs: {}\n"},
        CI,
    ),
    diverted(
        "assertions-optimised-away",
        "Runs the check with python -O, which drops assertions.",
        {"Makefile": "check:\n\tpython -O tests/check_price.py\n"},
        MADE,
    ),
)
