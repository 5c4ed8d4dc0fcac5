"""What a view said, said again for as long as everything that it was made from is still what it was.

Not here: what a view is made from; each names its sources when it is drawn. Little is imported, and no pathlib: the
view itself costs eight starts of Python, and this should cost two.
"""
# ruff: noqa: PTH103, PTH105, PTH109, PTH116, PTH120, PTH123, PTH208

import os
import stat
import sys
from collections.abc import Callable, Iterable

SLOTS = 256
"""Views that are remembered. One that comes into the slot of another takes its place."""
BYTES_MAX = 1 << 20
"""The most that one of them may take with its sources."""

Source = tuple[str, str]
"""A kind of `_LOOK`, and the name of what is looked at in that way."""
Seen = list[tuple[str, str, object]]
"""Sources with what they were."""


def said(argv: list[str]) -> str | None:
    """What this command line, typed in this folder before, would say now; None when that must be found out anew."""
    try:
        text = _whole(_own_file(_slot(argv)))
        if text is None:
            return None
        import json

        view = json.loads(text)
        same = view["asked"] == _asked(argv) and all(
            _LOOK[kind](name) == value for kind, name, value in view["seen"]
        )
        return str(view["said"]) if same else None
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return None


def look(sources: Iterable[Source]) -> Seen:
    """What `sources` are now, and the program that draws a view of them."""
    whole = (*sources, ("python", ""), *(("stamp", file) for file in _program()))
    return [(kind, name, _LOOK[kind](name)) for kind, name in whole]


def remember(argv: list[str], seen: Seen, text: str) -> None:
    """Keeps `text` as what `argv` says here as long as all that was `seen` before it was drawn is still so.

    Where there is no place for it, or it is too large, it is not kept and will be drawn again.
    """
    import json

    try:
        view = json.dumps({"asked": _asked(argv), "seen": seen, "said": text})
        if len(view) <= BYTES_MAX:
            _write(_slot(argv), view)
    except OSError:
        return


def gates(items: str) -> list[str]:
    """The paths of every attempt's `manual_gate.json` below the folder `items`, sorted."""
    attempts = (
        f"{items}/{item}/{attempt}"
        for item in _names(items) or ()
        for attempt in _names(f"{items}/{item}") or ()
        if attempt.startswith("attempt-")
    )
    places = (f"{attempt}/manual_gate.json" for attempt in attempts)
    return sorted(place for place in places if os.path.lexists(place))


def _asked(argv: list[str]) -> list[str]:
    return [os.getcwd(), *argv]


def _slot(argv: list[str]) -> str:
    cache, home = os.environ.get("XDG_CACHE_HOME", ""), os.environ.get("HOME", "")
    # The base directory specification: a relative value is invalid and must be ignored.
    place = cache if cache.startswith("/") else f"{home}/.cache"
    if not place.startswith("/") or not home:
        raise FileNotFoundError("there is no place for views")
    number = int(_sum("\0".join(_asked(argv))), 16) % SLOTS
    return f"{place}/verger/views/{number:02}"


def _write(path: str, text: str) -> None:
    os.makedirs(os.path.dirname(path), 0o700, exist_ok=True)
    draft = f"{path}.{os.getpid()}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    with open(os.open(draft, flags, 0o600), "w", encoding="ascii") as file:
        file.write(f"{_sum(text)}\n{text}")
    os.replace(draft, path)


def _sum(text: str) -> str:
    from zlib import crc32

    return f"{crc32(text.encode(errors='surrogateescape')):08x}"


def _whole(text: str | None) -> str | None:
    """`text` without the sum in its first line; None unless that is the sum of the rest."""
    total, _, rest = (text or "").partition("\n")
    return rest if total == _sum(rest) else None


def _own_file(path: str) -> str | None:
    # Where several users share a cache, another could have written anything.
    return _file(path) if os.stat(path).st_uid == os.geteuid() else None


def _program() -> list[str]:
    """The files of every module that was imported and is not part of Python."""
    modules = (
        module
        for name, module in sys.modules.items()
        if name.partition(".")[0] not in sys.stdlib_module_names
    )
    return sorted({file for module in modules if (file := getattr(module, "__file__", None))})


def _file(path: str) -> str | None:
    """The content of a regular file, of one that is too large the beginning; None for anything else."""
    try:
        # Not blocking: a named pipe would be waited for.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    with open(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        return file.read(BYTES_MAX + 1).decode(errors="surrogateescape")


def _names(path: str) -> list[str] | None:
    try:
        return sorted(os.listdir(path))
    except OSError:
        return None


def _stamp(path: str) -> list[int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return [found.st_dev, found.st_ino, found.st_mode, found.st_size, found.st_mtime_ns]


def _identity(path: str) -> list[int] | None:
    found = _stamp(path)
    return found[:3] if found else None


def _kind(path: str) -> int | None:
    found = _stamp(path)
    return found[2] if found else None


_LOOK: dict[str, Callable[[str], object]] = {
    "file": _file,
    "names": _names,
    "stamp": _stamp,
    "identity": _identity,
    "kind": _kind,
    "gates": gates,
    "variable": os.environ.get,
    "python": lambda _: [sys.version, sys.prefix, __file__],
}
"""How each kind of source is looked at: in one way when a view is drawn and when it is asked for again."""
