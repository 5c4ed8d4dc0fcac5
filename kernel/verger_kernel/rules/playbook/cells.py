"""What a cell of a playbook means: lists, paths, write roots, ranges, slugs.

Not here: which column holds what; see `items.py`. Source: playbook-contract, "Cells".
"""

import re
from collections.abc import Iterable, Iterator

from verger_kernel.rules.pattern import lazy
from verger_kernel.rules.scope import FORBIDDEN_ROOTS

_UNESCAPED_SEMICOLON = lazy(r"(?<!\\);")
_SPAN = lazy(r"`([^`]+)`")
_BETWEEN_NAMES = lazy(r"[\s,;:|()\[\]{}<>\"']+")
_NAMES = lazy(r"/?(?:[\w.+@-]+/)+(?:[\w.+@-]*\.\w+)?")
_ROOT_LEVEL = lazy(r"[\w.+@-]*\.[A-Za-z]\w*")
_RANGE = lazy(r"([0-9]{1,18})-([0-9]{1,18})")


def slug(title: str) -> str:
    """`title` in lower case with dashes between its words, for example `vendor-status`."""
    return re.sub(r"[\W_]+", "-", title.lower()).strip("-") or "untitled"


def split_list(cell: str) -> tuple[str, ...]:
    """The entries of a `;` list without empty ones and `none`; `\\;` is a semicolon inside an entry."""
    pieces = (piece.strip().replace("\\;", ";") for piece in _UNESCAPED_SEMICOLON.split(cell))
    return tuple(piece for piece in pieces if piece and piece.lower() != "none")


def split_commands(cell: str) -> tuple[str, ...]:
    """The entries of a list of shell commands; one wholly inside a single pair of backticks loses it."""
    return tuple(_bare(command) for command in split_list(cell))


def find_paths(cell: str) -> tuple[str, ...]:
    """The paths with a slash that `cell` names: those in backticks first, then the bare ones, no repeats.

    A bare path ends in a file extension or in a slash; in backticks any text with a slash is one.
    """
    spans = [span for span in _SPAN.findall(cell) if "/" in span]
    return _distinct([*spans, *(word for word in _words(cell) if _is_bare_path(word))])


def find_root_level_names(cell: str) -> tuple[str, ...]:
    """The files at the top of the repository that `cell` names, such as README.md or `Makefile`.

    In backticks any text without white space is one; a bare one has an extension.
    """
    spans = [span for span in _SPAN.findall(cell) if not re.search(r"\s", span)]
    # Longer than 3: `e.g` and `i.e` are no files; a file named `a.c` is written in backticks.
    words = (word for word in _words(cell) if len(word) > 3 and _ROOT_LEVEL.fullmatch(word))
    return _distinct([*spans, *words])


def path_problem(path: str) -> tuple[str, str] | None:
    """Why `path` cannot lie in the repository, and what to write instead; None if it can."""
    if path.startswith("/"):
        return "is an absolute path", "Write the path from the top of the repository."
    if ".." in path.split("/"):
        return "has `..` for a part", "Write the path from the top of the repository."
    return None


def root_problem(root: str) -> tuple[str, str] | None:
    """Why `root`, as written, cannot be a write root, and what to write instead; None if it can."""
    parts = root.rstrip("/").split("/")
    if "`" in root:
        return "is in backticks, which would be part of the name", _without_backticks(root)
    if root.startswith("/"):
        return "is absolute", "Write the root from the top of the repository."
    if "." in parts or ".." in parts:
        return "has `.` or `..` for a part", "Name what the item may write, for example docs; tests."
    if "" in parts or "\\" in root or not root.isprintable():
        return "has an empty part, a backslash or a control character", "Write plain names with / between."
    return _forbidden(root)


def expand_prerequisites(cell: str, ids_max: int) -> Iterator[tuple[str, tuple[str, ...] | None]]:
    """Each token of `cell` with the ids it stands for: a range of numbers, or itself.

    None instead of the ids: a range that runs backwards or holds more than `ids_max`.
    """
    if cell.lower() == "none":
        return
    for token in filter(None, (piece.strip() for piece in cell.split(","))):
        ends = _RANGE.fullmatch(token)
        yield token, _expanded(ends[1], ends[2], ids_max) if ends else (token,)


def _expanded(first: str, last: str, ids_max: int) -> tuple[str, ...] | None:
    width = max(len(first), len(last))
    if not 0 <= int(last) - int(first) < ids_max:
        return None
    return tuple(str(number).zfill(width) for number in range(int(first), int(last) + 1))


def _without_backticks(root: str) -> str:
    plain = root.replace("`", "").strip("/")
    if root_problem(plain):
        return "Write the root without backticks."
    return f"Write {plain}/, without backticks."


def _forbidden(root: str) -> tuple[str, str] | None:
    # Case is folded: on a disk that ignores it, .GIT is .git. A .git further down is a nested repository.
    folded = f"{root.rstrip('/').casefold()}/"
    for forbidden in FORBIDDEN_ROOTS:
        if folded.startswith(f"{forbidden}/") or (forbidden == ".git" and "/.git/" in folded):
            return f"lies in {forbidden}, which no item may write", "Remove it."
    return None


def _bare(command: str) -> str:
    wrapped = len(command) > 2 and command[0] == command[-1] == "`" and command.count("`") == 2
    return command[1:-1].strip() if wrapped else command


def _words(cell: str) -> list[str]:
    return [_without_final_dots(word) for word in _BETWEEN_NAMES.split(_SPAN.sub(" ", cell))]


def _without_final_dots(word: str) -> str:
    # `docs/..` keeps its dots, so that it is seen and refused.
    return word if word.endswith("/..") else word.rstrip(".")


def _is_bare_path(word: str) -> bool:
    return bool(_NAMES.fullmatch(word)) or ("/" in word and ".." in word.split("/"))


def _distinct(found: Iterable[str]) -> tuple[str, ...]:
    cleaned = (path.strip().rstrip(".,;") if not path.endswith("..") else path for path in found)
    return tuple(dict.fromkeys(path for path in cleaned if path and path.lower() != "none"))
