"""What kind of test surface a changed path is, where more than the path decides, and which contents are asked for.

Not here: what the path alone tells; see `kinds.py`.
"""

from collections.abc import Iterable

from verger_kernel.rules.surface.builds import is_build_file
from verger_kernel.rules.surface.commands import CommandFiles
from verger_kernel.rules.surface.kinds import (
    SurfaceKind,
    is_data_at_top,
    is_helper,
    is_mixed,
    kind_of,
    takes_a_place,
)
from verger_kernel.rules.surface.names import TEST_FOLDERS, WEAK_TEST_FOLDERS
from verger_kernel.rules.surface.phrases import ASKING
from verger_kernel.rules.surface.text import LANGUAGES

# A library in one file is vendored so, and of C little is asked.
_LARGE_BY_CUSTOM = ("c", "cc", "cpp")
_SETTINGS = ("runner_configuration", "scripts", "startup")


def kind_of_change(path: str, *, is_new: bool, commands: CommandFiles) -> SurfaceKind | None:
    """The kind of a changed path: that of `kind_of`, a new module in a library's place, or what a command names."""
    kind = kind_of(path)
    if kind or is_mixed(path):
        return kind
    if is_new and takes_a_place(path):
        return "shadowing"
    return "command" if commands.holds(path) else None


def stays(path: str, *, commands: CommandFiles, product: Iterable[str], is_asked_for: bool) -> bool:
    """Whether a new file that nobody approved may stay beside the base's test surface.

    What the base lacks the command asked for when the playbook was written, and data at the top may be the product's.
    A helper is there for whoever imports it: it stays where a file that was approved may ask for it, unless it could
    be imported in the place of one of the `product` paths.
    """
    if path in commands.named:
        return True
    if not is_helper(path):
        return False
    return is_data_at_top(path) or (
        is_asked_for and (_names(path) - TEST_FOLDERS - WEAK_TEST_FOLDERS).isdisjoint(_names(*product))
    )


def _names(*paths: str) -> set[str]:
    """The names of the folders and files, without their endings: what an import may say."""
    return {part.partition(".")[0] for path in paths for part in path.split("/")} - {"__init__"}


def is_source(path: str) -> bool:
    """Whether the file at `path` must be read to be judged: code that is searched, and settings."""
    ending = path.rpartition(".")[2]
    if ending in ASKING and ending not in _LARGE_BY_CUSTOM:
        return True
    return is_mixed(path) or is_build_file(path) or kind_of(path) in _SETTINGS


def is_read(path: str) -> bool:
    """Whether the report asks what the file at `path` says."""
    return is_source(path) or path.endswith(".pth") or path.rpartition(".")[2] in LANGUAGES
