"""What a source does about the test run itself: it asks whether one is running, or reaches into the runner.

Not here: what is looked for (`sniffing.py`, `tampering.py`, `phrases.py`), and what of it is new (`report.py`).
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from verger_kernel.rules.pattern import lazy
from verger_kernel.rules.surface.phrases import ASKING, EXITING, PATCHING
from verger_kernel.rules.surface.plain import decoded, without_comments
from verger_kernel.rules.surface.sniffing import sniffs
from verger_kernel.rules.surface.syntax import read_source
from verger_kernel.rules.surface.tampering import RUNNERS, tampers


class Suspect(NamedTuple):
    """A place in a source: its `line`, from 1, what it does there, by which it is known again, and the line's text."""

    line: int
    what: str
    text: str


_WIDTH = 160
_PROGRAMS = frozenset(("__main__.py", "setup.py", "manage.py", "cli.py", "cli.js", "cli.mjs"))
_PROGRAM_FOLDERS = frozenset(("bin", "scripts", "script", "tools", "cli", "examples"))
_COOKIE = lazy(rb"[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")
# In others (utf-7, raw-unicode-escape, rot13) a comment can hold code.
_READABLE = lazy(r"utf-?8|us-ascii|ascii|latin|iso-?8859|cp125|windows-125|euc|gb|big5|koi8|shift|mac")
_RUNNER_IMPORT = lazy(r"['\"](?:@?jest|@?vitest|mocha|node:test|testing)\b")


def sniffing(path: str, data: bytes | None) -> Iterable[Suspect]:
    """Where a product source asks whether a test is running; nothing in documents and other texts that are not code."""
    source = read_source(data) if _is_python(path) else None
    return _placed(data, sniffs(source)) if source else _searched(path, data, ASKING)


def tampering(path: str, data: bytes | None, *, is_product: bool) -> Iterable[Suspect]:
    """Where a source replaces a part of the runner, or ends it with success before it has spoken."""
    may_exit = _is_program(path, data)
    source = read_source(data) if _is_python(path) else None
    if source:
        found = _placed(data, tampers(source, is_product=is_product, may_exit=may_exit))
        return (*_odd_encoding(data), *found)
    return () if may_exit else _searched(path, data, PATCHING if is_product else EXITING)


def works_with_a_runner(path: str, data: bytes | None) -> bool:
    """Whether a source imports a test runner: it is about testing, and may speak of it."""
    if _is_python(path):
        source = read_source(data)
        return source is not None and bool(source.imported & RUNNERS)
    return path.rpartition(".")[2] in ASKING and bool(_RUNNER_IMPORT.search(decoded(data)))


def _odd_encoding(data: bytes | None) -> Iterator[Suspect]:
    """The encoding that a source names, if a reader would not see in it what Python does."""
    for number, line in enumerate((data or b"").split(b"\n", 2)[:2], 1):
        match = _COOKIE.match(line[:_WIDTH])
        if match:
            name = match[1].decode("ascii", "replace").lower().replace("_", "-")
            if not _READABLE.match(name):
                yield Suspect(number, f"encoding {name}", f"is written in the encoding {name}")
            return


def _is_python(path: str) -> bool:
    return path.endswith((".py", ".pyi"))


def _is_program(path: str, data: bytes | None) -> bool:
    """Whether the source is started, not imported: its own exit code is its business."""
    *folders, name = path.split("/")
    return name in _PROGRAMS or bool(_PROGRAM_FOLDERS & set(folders)) or (data or b"").startswith(b"#!")


def _placed(data: bytes | None, found: Iterable[tuple[int, str]]) -> list[Suspect]:
    lines = decoded(data).split("\n")
    return [
        Suspect(line, what, lines[line - 1].strip()[:_WIDTH] if line <= len(lines) else what)
        for line, what in sorted(found)
    ]


def _searched(path: str, data: bytes | None, phrases: Mapping[str, re.Pattern[str]]) -> Iterator[Suspect]:
    ending = path.rpartition(".")[2]
    if ending not in phrases:
        return
    text = without_comments(decoded(data), "sh" if _is_python(path) else ending)
    line, place = 1, 0
    for match in phrases[ending].finditer(text):
        line += text.count("\n", place, match.start())
        place = match.start()
        start = max(text.rfind("\n", 0, place) + 1, place - _WIDTH // 2)
        yield Suspect(line, match[0][:_WIDTH], text[start : start + _WIDTH].partition("\n")[0].strip())
