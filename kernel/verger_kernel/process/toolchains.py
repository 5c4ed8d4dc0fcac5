"""Which folders hold the tools that PATH names: what a sandbox must show so that they run in it.

Not here: the rest of what it shows (`sandbox.py`), and whether a tool is the same inside (`trying.py`).

A tool is rarely one file: a link leads to where it was installed, and beside it lies what it reads. So of a folder on
PATH its whole installation is shown, unless that holds more than a tool: a home, for one.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

_SYSTEM = tuple(f"{place}/" for place in ("/usr", "/bin", "/sbin", "/lib", "/lib64", "/nix", "/gnu"))
_PROGRAM_FOLDERS = ("bin", "sbin", "shims")
# Of these only parts are tools; beside them lie keys.
_PARTS = {
    ".cargo": (".cargo/bin", ".cargo/registry", ".cargo/git", ".rustup"),
    ".local": (),
    "go": ("go/bin", "go/pkg"),
}
_ENTRIES_MAX = 4096


@lru_cache(maxsize=64)
def toolchains(path: str, barred: tuple[Path, ...]) -> tuple[Path, ...]:
    """The folders to show for `path`, a PATH, sorted; none of them holds one of `barred`, and none is the system's.

    As they are named and, where that is another place, as they really are.
    """
    found: dict[Path, None] = {}
    for entry in path.split(os.pathsep):
        place = Path(entry)
        if entry.startswith("/") and place.is_dir() and not (is_system(place) or _is_barred(place, barred)):
            for one in (place, *_around(place.resolve(), barred)):
                found[one] = None
    return tuple(sorted(one for one in found if one.exists() and not is_system(one)))


def installation(file: Path, barred: tuple[Path, ...]) -> tuple[Path, ...]:
    """What to show for the one program `file`: itself, and where it is installed."""
    real = file.resolve()
    return tuple(one for one in (file, *_home_of(real, barred)) if not is_system(one))


def is_system(place: Path) -> bool:
    """Whether every sandbox shows `place` anyway."""
    return f"{place}/".startswith(_SYSTEM)


def _around(folder: Path, barred: tuple[Path, ...]) -> Iterator[Path]:
    yield folder
    yield from _prefix(folder, barred)
    with suppress(OSError), os.scandir(folder) as entries:
        for _, entry in zip(range(_ENTRIES_MAX), entries, strict=False):
            if entry.is_symlink():
                target = Path(entry.path).resolve()
                if target.exists() and not is_system(target):
                    yield from _home_of(target, barred)


def _home_of(program: Path, barred: tuple[Path, ...]) -> Iterator[Path]:
    """What belongs to a program that lies at `program`: the package of node, an installation, or its folder."""
    parts = program.parts
    if "node_modules" in parts:
        packages = Path(*parts[: parts.index("node_modules") + 1])
        yield packages / Path(
            *parts[len(packages.parts) :][: 2 if parts[len(packages.parts)][0] == "@" else 1]
        )
    elif program.parent.name in _PROGRAM_FOLDERS:
        yield from _prefix(program.parent, barred)
    yield program if _is_barred(program.parent, barred) else program.parent


def _prefix(folder: Path, barred: tuple[Path, ...]) -> Iterator[Path]:
    prefix = folder.parent
    if folder.name not in _PROGRAM_FOLDERS:
        return
    if prefix.name in _PARTS:
        yield from (prefix.parent / part for part in _PARTS[prefix.name])
    elif not _is_barred(prefix, barred):
        yield prefix
        yield from _borrowed(prefix, barred)


def _borrowed(prefix: Path, barred: tuple[Path, ...]) -> Iterator[Path]:
    """Where the Python lies that an environment of `venv` was made with."""
    with suppress(OSError):
        for line in (prefix / "pyvenv.cfg").read_text(encoding="utf-8", errors="replace").splitlines():
            name, _, value = line.partition("=")
            if name.strip() == "home":
                folder = Path(value.strip())
                yield folder
                yield from _prefix(folder.resolve(), barred)


def _is_barred(folder: Path, barred: tuple[Path, ...]) -> bool:
    return folder == Path("/") or any(place.is_relative_to(folder) for place in barred)
