"""Which path is test surface, and of what kind. By the path alone.

Not here: what the file says; see `text.py`. Tests inside product files (Rust's `#[cfg(test)]`, Python's doctests,
Vitest's `import.meta.vitest`) stay product: a path cannot part them.
"""

import re
from fnmatch import translate
from functools import lru_cache
from typing import Literal

from verger_kernel.rules.surface.names import (
    ANDROID_MAKEFILES,
    CI,
    CODE,
    DATA_FOLDERS,
    MAKE_FOLDERS,
    RUNNER_CONFIGURATION,
    SCRIPT_PLACES,
    SCRIPTS,
    SITE_FOLDERS,
    SNAPSHOTS,
    SUPPORT,
    TEST_FOLDERS,
    TEST_NAMES,
    TESTS,
    TOP_DATA_FOLDERS,
    WEAK_TEST_FOLDERS,
)
from verger_kernel.rules.surface.shadows import (
    PYTHON_FOLDERS,
    PYTHON_MODULES,
    PYTHON_RUNNERS,
    RUNNER_PACKAGES,
    STANDARD_MODULES,
    TEST_LIBRARIES,
)

SurfaceKind = Literal[
    "test",
    "support",
    "runner_configuration",
    "shadowing",
    "scripts",
    "ci",
    "snapshot",
    "bytecode",
    "startup",
    "command",
]

# fmt: off
MIXED = frozenset((
    "package.json", "composer.json", "deno.json", "pyproject.toml", "Cargo.toml", "setup.cfg", "tox.ini",
    "hatch.toml",
))
# fmt: on
"""Names of files that are product and test surface at once; `mixed.py` parts them."""


# Each stage asks about every changed path several times.
@lru_cache(maxsize=1 << 14)
def kind_of(path: str) -> SurfaceKind | None:
    """What kind of test surface `path` is; None for product code and for a mixed file.

    `path` is relative to the repository, with slashes; the case of letters counts. Never "command": what commands name
    is not told by the path alone; see `changed.py`.
    """
    *folders, name = path.split("/")
    if "__pycache__" in folders or name.endswith((".pyc", ".pyo")):
        return "bytecode"
    if _is_startup(folders, name):
        return "startup"
    if _is_snapshot(folders, name):
        return "snapshot"
    if TEST_FOLDERS & set(folders) and DATA_FOLDERS & set(folders):
        # What tests read may be a whole project with a makefile of its own.
        return "support"
    if _matches(path, CI):
        return "ci"
    if is_shadowing(path):
        return "shadowing"
    if _is_runner_configuration(folders, name):
        return "runner_configuration"
    if TEST_FOLDERS & set(folders) and name.endswith((".sh", ".bash")):
        # A check among the tests is one of them: what it asked before is asked again in the held-out trial.
        return "test"
    if _is_script(path, folders, name):
        return "scripts"
    if is_data_at_top(path):
        return "snapshot" if folders[0] == "snapshots" else "support"
    return _kind_of_test(folders, name)


def is_mixed(path: str) -> bool:
    """Whether the file at `path` is product and test surface at once."""
    return path.rpartition("/")[2] in MIXED and kind_of(path) is None


def is_data_at_top(path: str) -> bool:
    """Whether the file lies in a folder at the top that is named for what tests read or compare with."""
    first, slash, _ = path.partition("/")
    return bool(slash) and first in TOP_DATA_FOLDERS


def is_helper(path: str) -> bool:
    """Whether the file at `path` is there for tests that ask for it: no runner and no import finds it otherwise."""
    module, name = _module(path)[1], path.rpartition("/")[2]
    is_library = module in PYTHON_RUNNERS | PYTHON_MODULES | STANDARD_MODULES | TEST_LIBRARIES
    is_found = _matches(name, (*SUPPORT, *TESTS)) or bool(TEST_NAMES.fullmatch(name))
    return kind_of(path) in ("test", "support", "snapshot") and not (is_library or is_found)


def is_shadowing(path: str) -> bool:
    """Whether a module at `path` is imported, or a program started, in place of a part of a test runner."""
    *folders, name = path.split("/")
    if "node_modules" in folders:
        after = folders[folders.index("node_modules") + 1 :] or [name]
        return after[0] in RUNNER_PACKAGES
    folder, module = _module(path)
    return folder in PYTHON_FOLDERS and (
        module in PYTHON_RUNNERS or (not folder and module in PYTHON_MODULES)
    )


def takes_a_place(path: str) -> bool:
    """Whether a new module at `path` is imported in place of one that tests may import.

    One that was there before is the product's own: the tests of the base ran with it.
    """
    folder, module = _module(path)
    return not folder and module in STANDARD_MODULES | TEST_LIBRARIES


def _module(path: str) -> tuple[str, str]:
    """The folder and name of the Python module at `path`; no name for any other file."""
    *folders, name = path.split("/")
    stem, _, ending = name.partition(".")
    is_module = ending == "py" or ending.endswith(("so", "pyd"))
    if is_module and stem == "__init__" and folders:
        stem = folders.pop()
    return "/".join(folders), stem if is_module else ""


def _is_startup(folders: list[str], name: str) -> bool:
    module = folders[-1] if name == "__init__.py" and folders else name.removesuffix(".py")
    if module in ("sitecustomize", "usercustomize"):
        return True
    if name == "entry_points.txt" and folders and folders[-1].endswith((".egg-info", ".dist-info")):
        return True
    # Weights of a model end in .pth too, and lie deeper.
    is_near = "/".join(folders) in PYTHON_FOLDERS or bool(SITE_FOLDERS & set(folders))
    return name.endswith(".pth") and is_near


def _is_snapshot(folders: list[str], name: str) -> bool:
    in_folder = "__snapshots__" in folders or ("snapshots" in folders and bool(TEST_FOLDERS & set(folders)))
    return in_folder or _matches(name, SNAPSHOTS)


def _is_script(path: str, folders: list[str], name: str) -> bool:
    if name.endswith(".mk"):
        # Build systems keep one for each part of a product, and Android one for each library.
        return name not in ANDROID_MAKEFILES and set(folders) <= MAKE_FOLDERS
    return _matches(name, SCRIPTS) or bool(SCRIPT_PLACES.fullmatch(path)) or folders[:1] == [".ci"]


def _is_runner_configuration(folders: list[str], name: str) -> bool:
    is_of_cargo = folders[-1:] == [".cargo"] and name in ("config", "config.toml")
    return is_of_cargo or _matches(name, RUNNER_CONFIGURATION)


def _kind_of_test(folders: list[str], name: str) -> SurfaceKind | None:
    if _matches(name, SUPPORT):
        return "support"
    in_tests = _lies_in_tests(folders, name)
    if in_tests and DATA_FOLDERS & set(folders):
        return "support"
    if _matches(name, TESTS) or TEST_NAMES.fullmatch(name):
        return "test"
    if not in_tests:
        return "test" if name in ("tests.rs", "test.rs") else None
    return "test" if _is_test_there(name) else "support"


def _lies_in_tests(folders: list[str], name: str) -> bool:
    if TEST_FOLDERS & set(folders):
        return True
    ending = name.rpartition(".")[2]
    if folders[:1] and folders[0] in WEAK_TEST_FOLDERS:
        # A specification is written in spec/ as well; only code there is a test.
        return folders[0] not in ("spec", "specs") or ending in CODE or bool(DATA_FOLDERS & set(folders))
    if "/src/test/" in f"/{'/'.join(folders)}/":
        return True
    is_product_package = ending in ("py", "pyi") or bool({"src", "lib"} & set(folders))
    return bool(WEAK_TEST_FOLDERS & set(folders)) and ending in CODE and not is_product_package


def _is_test_there(name: str) -> bool:
    stem, _, ending = name.rpartition(".")
    return ending in CODE and (ending != "py" or stem.startswith("check_"))


def _matches(text: str, patterns: tuple[str, ...]) -> bool:
    return bool(_whole(patterns).match(text))


@lru_cache
def _whole(patterns: tuple[str, ...]) -> re.Pattern[str]:
    """All the shell patterns as one."""
    return re.compile("|".join(map(translate, patterns)))
