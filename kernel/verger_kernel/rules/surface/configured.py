"""What changed of how tests are chosen and started: settings and scripts of all changed files together.

Not here: how one setting or script weighs; see `settings.py` and `scripts.py`.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from verger_kernel.rules.surface.builds import left_out
from verger_kernel.rules.surface.forms import form_of
from verger_kernel.rules.surface.halves import Key, leaves, test_half
from verger_kernel.rules.surface.kinds import kind_of
from verger_kernel.rules.surface.scripts import changed_script_file, changed_scripts
from verger_kernel.rules.surface.settings import Setting, holds_settings, is_script, settings
from verger_kernel.rules.surface.weights import changes

File = tuple[str, bytes | None, bytes | None]


class Configured(NamedTuple):
    """Entries that begin with the path they speak of, sorted."""

    configuration: tuple[str, ...]
    excluded: tuple[str, ...]
    scripts: tuple[str, ...]


def configured(files: Iterable[File]) -> Configured:
    """What changed of settings and scripts; each file is a path with its contents before and after.

    A setting that moved from one file of its runner to another is none.
    """
    files = [file for file in files if file[1] != file[2]]
    chosen = [file for file in files if holds_settings(file[0]) or kind_of(file[0]) == "scripts"]
    old: dict[Key, Setting] = {}
    new: dict[Key, Setting] = {}
    unread = []
    for path, before, after in chosen:
        if holds_settings(path):
            left, right = settings(path, before), settings(path, after)
            if left is None or right is None:
                unread.append(f"{path}: cannot be read as settings")
            old |= left or {}
            new |= right or {}
    found = list(changes(old, new, added=[path for path, before, _ in chosen if before is None]))
    return Configured(
        configuration=_sorted(unread, (f"{one.path}: {one.text}" for one in found if not one.excludes)),
        excluded=_sorted(left_out(files), (f"{one.path}: {one.text}" for one in found if one.excludes)),
        scripts=_sorted((), (entry for file in chosen for entry in _scripts(*file))),
    )


def _sorted(entries: Iterable[str], more: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({*entries, *more}))


def _scripts(path: str, old: bytes | None, new: bytes | None) -> Iterator[str]:
    if kind_of(path) == "scripts":
        changed = changed_script_file(path, old, new)
    else:
        changed = changed_scripts(_table(path, old), _table(path, new))
    return (f"{path}: {what}" for what in changed)


def _table(path: str, data: bytes | None) -> dict[str, str]:
    name = path.rpartition("/")[2]
    form = form_of(name)
    table = form.read(data) if form and data is not None else None
    found = leaves(test_half(name, table or {}))
    return {_script_name(name, key): str(value) for key, value in found.items() if is_script(name, key)}


def _script_name(name: str, key: Key) -> str:
    return key[-1] if name.endswith(".json") else ".".join(key)
