"""Which files of the repository decide what a command proves because the command names them: `bash qa/smoke.sh`.

Not here: what is test surface wherever it is named; see `kinds.py`.
"""

import re
from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

from verger_kernel.rules.pattern import lazy
from verger_kernel.rules.surface.kinds import is_mixed, kind_of
from verger_kernel.rules.surface.names import CODE

# fmt: off
_CHECKS = frozenset((
    "test", "tests", "testing", "check", "checks", "checker", "checking", "verify", "verification", "validate",
    "validation", "validator", "qa", "ci", "smoke", "smoketest", "lint", "linter", "acceptance", "regression",
    "sanity", "selftest", "assert", "prove", "expected", "golden", "goldens", "e2e",
))
_PREPARES = frozenset(("setup", "install", "bootstrap", "prepare", "provision", "init", "deps", "dependencies"))
_GLUE_FOLDERS = frozenset(("scripts", "script", "tools", "hack", "dev", ".github"))
_PRODUCT_FOLDERS = frozenset(("src", "lib", "app", "apps", "pkg", "packages", "cmd", "internal", "docs", "doc"))
# fmt: on
_DOCUMENTS = (".md", ".rst", ".adoc", ".html")
_GLUE = (".sh", ".bash")
_WORD = lazy(r"[A-Z]?[a-z0-9]+|[A-Z]+")
_SHELL_WORD = lazy(r"[;&|()<>`\n]++|(?:'[^']*+'|\"[^\"]*+\"|[^\s;&|()<>`='\"])++")
_HERE = lazy(r"^\$(?:PWD|\{PWD\})/")
_NO_PATH = ("", "-", "/", *";&|()<>`\n")
_DEPTH_MAX = 3


class CommandFiles(NamedTuple):
    """The files that commands `named`, and `folders` named for checking in which such a script lies."""

    named: frozenset[str] = frozenset()
    folders: frozenset[str] = frozenset()

    def holds(self, path: str) -> bool:
        """Whether the file at `path` is one of them: named itself, or a source beside one that is."""
        if path in self.named:
            return True
        is_source = path.rpartition(".")[2] in CODE
        return is_source and any(path.startswith(f"{folder}/") for folder in self.folders)


NO_COMMANDS = CommandFiles()


def command_files(
    required: Iterable[str], *, setup: Iterable[str] = (), deliverables: Collection[str] = ()
) -> CommandFiles:
    """The files that the words of `required` commands and of `setup` name, and that are no product.

    A command names the product it asks as well (`bash bin/greet.sh | grep hello`, `test -s docs/01.md`), and with the
    base's product every honest change would fail. So a name counts where the file or its folder is called after
    checking (`qa/smoke.sh`, `scripts/validate.py`), or is a shell script where developers keep theirs
    (`scripts/all.sh`); of setup only what is run, for what it reads are manifests. Not in folders of product, and the
    folder of a source that is delivered says nothing. What is delivered alone, or with documents, is the product
    itself, whatever its name. Globs and what a script starts elsewhere are not seen.
    """
    asked = frozenset(path for command in required for path in _paths(command))
    delivered = [path for path in deliverables if _is_product(path)]
    own = frozenset(_folder(path) for path in delivered if path not in asked)
    named = {path for path in asked if _is_check(path, _CHECKS, own)}
    started = (path for command in setup for path in _paths(command))
    named.update(path for path in started if _is_script(path) and _is_check(path, _CHECKS | _PREPARES, own))
    if named.issuperset(delivered):
        named.difference_update(deliverables)
    folders = {_folder(path) for path in named if path.rpartition(".")[2] in CODE}
    return CommandFiles(
        frozenset(named), frozenset(one for one in folders - own if _says(one.rpartition("/")[2], _CHECKS))
    )


def _paths(command: str, depth: int = 0) -> Iterator[str]:
    """What the words may name, from the top of the repository; `bash -c '…'` and `python -m` are followed."""
    folder, before = "", ";"
    for word in _SHELL_WORD.findall(command):
        text = _HERE.sub("", re.sub(r"['\"]", "", word))
        if before in ("cd", "pushd"):
            folder = _joined(folder, text)
        elif before == "-m":
            module = text.replace(".", "/")
            yield from (_joined(folder, f"{module}{end}") for end in (".py", "/__main__.py"))
        elif any(map(str.isspace, text)):
            if depth < _DEPTH_MAX:
                yield from (_joined(folder, path) for path in _paths(text, depth + 1))
        elif text[0:1] not in _NO_PATH:
            yield _joined(folder, text)
        before = word


def _joined(folder: str, path: str) -> str:
    """The path as the repository has it, from its top; one that leads out of it names nothing there."""
    parts: list[str] = []
    for part in f"{folder}/{path}".split("/"):
        if part == "..":
            if not parts:
                return ""
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)


def _is_product(path: str) -> bool:
    return kind_of(path) is None and not path.endswith(_DOCUMENTS)


def _is_script(path: str) -> bool:
    name = path.rpartition("/")[2]
    return name != "setup.py" and ("." not in name or name.rpartition(".")[2] in CODE)


def _is_check(path: str, words: frozenset[str], own: Collection[str]) -> bool:
    """Whether the file is called after checking, or its nearest folder that says something is; `own` are product."""
    if kind_of(path) or is_mixed(path) or path.endswith(_DOCUMENTS):
        return False
    name = path.rpartition("/")[2]
    folder = _folder(path)
    while folder:
        part = folder.rpartition("/")[2]
        if folder not in own:
            if _says(part, _CHECKS):
                return True
            if part in _GLUE_FOLDERS and (name.endswith(_GLUE) or "." not in name):
                return True
        if part in _PRODUCT_FOLDERS:
            return False
        folder = _folder(folder)
    return _says(name.partition(".")[0], words)


def _folder(path: str) -> str:
    return path.rpartition("/")[0]


def _says(name: str, words: frozenset[str]) -> bool:
    return any(word.lower() in words for word in _WORD.findall(name))
