"""A runner's printed output as lines that are safe to match, and the names that stand above a line.

Not here: what any line means; see the module of each runner.
"""

from itertools import pairwise

from verger_kernel.rules.pattern import lazy

LINE_MAX = 4000
"""No runner's own line is longer; a longer one is dropped, so that no pattern meets it."""
GROUP_MAX = 200
"""A group's name is repeated in each of its cases, so a hostile one must not be long."""
_COLOUR = lazy(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)")


def plain(output: str) -> str:
    """An output without its colours."""
    return _COLOUR.sub("", output) if "\x1b" in output else output


def lines_of(text: str) -> list[str]:
    """The lines of a text without line ends, in order.

    What is too long is an empty line, and of several empty lines one is left.
    """
    lines = [line.rstrip("\r ") if len(line) <= LINE_MAX else "" for line in text.split("\n")]
    return [line for before, line in pairwise(["", *lines]) if line or before]


def indent_of(line: str) -> int:
    """How many blanks the line begins with."""
    return len(line) - len(line.lstrip(" "))


class Levels:
    """The groups that the text has entered and not left, told by their indentation."""

    LEVELS_MAX = 50

    def __init__(self, separator: str) -> None:
        self._separator = separator
        self._open: list[tuple[int, str, str]] = []

    def enter(self, depth: int, name: str) -> None:
        """From here on deeper lines belong to `name`."""
        path = self.name(depth, name)[:GROUP_MAX]
        if len(self._open) < self.LEVELS_MAX:
            self._open.append((depth, name, path))

    def name(self, depth: int, name: str) -> str:
        """The whole name of what stands at `depth`; groups as deep or deeper are left."""
        while self._open and self._open[-1][0] >= depth:
            self._open.pop()
        return f"{self._open[-1][2]}{self._separator}{name}" if self._open else name

    def is_open(self, depth: int, name: str) -> bool:
        """Whether `name` was entered at `depth` and not left."""
        return any(level == depth and one == name for level, one, _ in self._open)

    def leave(self) -> None:
        """Nothing is open."""
        self._open.clear()
