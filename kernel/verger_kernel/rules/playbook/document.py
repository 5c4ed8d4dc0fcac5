"""The sections of a playbook's markdown, and which of its lines are code or HTML.

Not here: the table inside section 2; see `table.py`. Source: playbook-contract, "The document".
"""

import msgspec
from markdown_it import MarkdownIt

from verger_kernel.rules.pattern import lazy
from verger_kernel.rules.playbook.problems import PlaybookRefused, Problem, file_problem

BYTES_MAX = 1 << 20
"""A thousand items of two common lines fit; what is larger no person has reviewed."""

_NUMBERED = lazy(r"([0-9]+(?:\.[0-9]+)*)\.?\s+(\S.*)")
# Blocks only: what stands inside a paragraph is never structure, and reading it costs most of the time.
_MARKDOWN = MarkdownIt("commonmark").enable("table")
_MARKDOWN.core.ruler.enableOnly(["normalize", "block"])


class Line(msgspec.Struct, frozen=True):
    """One line; `number` counts from 1. `level` is 2 or 3 for a heading; `verbatim` is code or HTML."""

    number: int
    text: str
    level: int
    verbatim: bool


class Section(msgspec.Struct, frozen=True):
    """A heading and what follows it. `number` is empty for a heading without one; `title` is without it."""

    number: str
    title: str
    line: int
    body: tuple[Line, ...]

    def text(self) -> str:
        """The body as markdown, without blank edges."""
        return "\n".join(line.text for line in self.body).strip()

    def parts(self) -> tuple["Section", ...]:
        """The subsections; what stands before the first is in none of them."""
        return _cut(self.body, 3)


def read_text(data: bytes) -> str:
    """The text of a playbook with `\\n` line ends and no byte order mark. Raises PlaybookRefused."""
    if len(data) > BYTES_MAX:
        why = f"it is larger than {BYTES_MAX >> 20} MiB"
        raise PlaybookRefused((file_problem(why, "Split it into several playbooks."),))
    try:
        text = data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        why = f"byte {error.start} of the file is no UTF-8"
        raise PlaybookRefused((_at_byte(data, error.start, why, "Save the file as UTF-8."),)) from None
    if "\0" in text:
        raise PlaybookRefused((_at_byte(data, data.index(0), "a NUL character", "Remove it."),))
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read_sections(text: str) -> tuple[Section, ...]:
    """The second-level sections of `text` in file order. Raises PlaybookRefused if it nests too deeply."""
    return _cut(_lines(text), 2)


def _at_byte(data: bytes, offset: int, why: str, mend: str) -> Problem:
    before = data[:offset].replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return file_problem(why, mend, line=before.count(b"\n") + 1)


def _lines(text: str) -> tuple[Line, ...]:
    try:
        tokens = _MARKDOWN.parse(text)
    except RecursionError:
        raise PlaybookRefused((file_problem("its markdown is nested too deeply", "Flatten it."),)) from None
    headings = {
        token.map[0] for token in tokens if token.type == "heading_open" and not token.level and token.map
    }
    verbatim = {
        at for token in tokens if token.type in ("fence", "html_block") for at in range(*token.map or (0,))
    }
    return tuple(
        Line(at + 1, line, _level(line) if at in headings else 0, at in verbatim)
        for at, line in enumerate(text.split("\n"))
    )


def _level(line: str) -> int:
    if line.startswith("## "):
        return 2
    return 3 if line.startswith("### ") else 0


def _cut(lines: tuple[Line, ...], level: int) -> tuple[Section, ...]:
    starts = [at for at, line in enumerate(lines) if line.level == level]
    ends = [*starts[1:], len(lines)]
    return tuple(
        _section(lines[start], lines[start + 1 : end]) for start, end in zip(starts, ends, strict=False)
    )


def _section(heading: Line, body: tuple[Line, ...]) -> Section:
    title = heading.text.lstrip("#").strip()
    if numbered := _NUMBERED.fullmatch(title):
        return Section(numbered[1], numbered[2], heading.number, body)
    return Section("", title, heading.number, body)
