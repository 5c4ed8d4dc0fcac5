"""What a test command starts by name, and how a change of it weighs: package scripts, make targets, shell scripts.

Not here: settings of a runner; see `settings.py`.
"""

import re
from collections.abc import Iterator, Mapping

from verger_kernel.rules.pattern import lazy
from verger_kernel.rules.surface.plain import decoded

# Nobody verifies by these. What any other name starts, a command may rest on.
_IDLE = lazy(
    r"(?:[\w-]+:)?(?:docs?|clean|distclean|help|format|fmt|dev|start|serve|run|watch|release|publish|deploy|version"
    r"|install|uninstall|storybook|changelog|bench|demo|preview|open|login|up|down|logs|shell)(?:[:_-][\w:-]+)?"
)
# npm starts these by itself, whatever was asked for.
_LIFECYCLE = frozenset(
    ("preinstall", "install", "postinstall", "prepare", "prepublish", "preprepare", "postprepare")
)
_PLACEHOLDER = lazy(r'echo ["\\]*Error: no test specified["\\]* *&& *exit 1')
_TOOTHLESS = lazy(r"\s*(?:exit(?: 0)?|true|:|echo\b[^&|;]*|/bin/true|)\s*(?:#.*)?")
_CALLED = lazy(r"(?:(?:npm|yarn|pnpm|bun)(?: run(?:-script)?)?|deno task|make|\$[({]MAKE[)}])\s+([\w:.-]+)")
_VARIABLE = lazy(
    r"(?P<before>(?:export |override |private )*)(?P<name>[\w.-]+)\s*(?:\+|\?|::?:?|!)?=(?P<value>.*)"
)
_REFERENCE = lazy(r"\$[({]([\w.-]+)")
_DECISIVE = frozenset(("SHELL", ".SHELLFLAGS", "MAKEFLAGS", "MAKE", "PATH", "MAKEFILES"))
_NOISE = frozenset((".IGNORE", ".DEFAULT", ".ONESHELL", ".SILENT"))
_FILE = lazy(r"[\w./-]*\.\w{1,4}")
_VERSION = lazy(r"v?\d+(?:\.\d+)*[\w.+-]*")


def changed_scripts(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[str]:
    """What changed of a table of scripts so that a command may run something else.

    A new script is no such change, unless an old one brings it along (`pretest`), or it is `test` and does nothing.
    """
    rested_on = _rested_on(old) | _rested_on(new)
    for name in sorted(old.keys() | new.keys()):
        before, after = old.get(name), new.get(name)
        if before == after or (_IDLE.fullmatch(name) and name not in rested_on and name not in _LIFECYCLE):
            continue
        if before is None:
            is_hollow = name == "test" and _is_toothless(after or "")
            if is_hollow or name in _LIFECYCLE or _is_brought_along(name, old):
                yield f"script {name} is new"
        elif after is None:
            yield f"script {name} is gone"
        elif not _PLACEHOLDER.fullmatch(before) or _is_toothless(after):
            yield f"script {name} was: {before[:120]}"


def _is_toothless(script: str) -> bool:
    return len(script) < 200 and bool(_TOOTHLESS.fullmatch(script))


def _rested_on(scripts: Mapping[str, str]) -> set[str]:
    return {
        name
        for script, text in scripts.items()
        if not _IDLE.fullmatch(script)
        for name in _CALLED.findall(text)
    }


def _is_brought_along(name: str, old: Mapping[str, str]) -> bool:
    return any(name.startswith(prefix) and name.removeprefix(prefix) in old for prefix in ("pre", "post"))


def changed_script_file(path: str, old: bytes | None, new: bytes | None) -> Iterator[str]:
    """What changed of a file of scripts so that a command may run something else; nothing for a file that is new."""
    name = path.rpartition("/")[2]
    if old is None:
        # make looks for these before Makefile.
        if name in ("GNUmakefile", "makefile"):
            yield "comes before Makefile"
        return
    before, after = decoded(old), decoded(new)
    if name.lower() in ("makefile", "gnumakefile") or name.endswith(".mk"):
        yield from _changed_makefile(_Makefile(before), _Makefile(after))
    elif new is None:
        yield "is gone"
    elif not _is_kept(_code_lines(before), _code_lines(after), may_grow=not name.endswith((".sh", ".bash"))):
        yield "does something else"


class _Makefile:
    """The rules, variables and other lines of a makefile, as far as lines tell them apart."""

    def __init__(self, text: str) -> None:
        self.rules: dict[str, list[str]] = {}
        self.needs: dict[str, list[str]] = {}
        self.variables: dict[str, str] = {}
        self.exported: set[str] = set()
        self.others: list[str] = []
        current: list[str] = []
        for line in re.sub(r"\\\n\s*", " ", text).split("\n"):
            if line.startswith("\t"):
                for target in current:
                    self.rules[target].append(line.strip())
            elif line.strip() and not line.lstrip().startswith("#"):
                current = self._read(line.partition(" #")[0].strip())

    def _read(self, line: str) -> list[str]:
        variable = _VARIABLE.fullmatch(line)
        if variable:
            name = variable["name"]
            self.variables[name] = f"{self.variables.get(name, '')} {variable['value'].strip()}".strip()
            if "export" in variable["before"]:
                self.exported.add(name)
            return []
        named, colon, rest = line.partition(":")
        if not colon or "=" in named:
            self.others.append(line)
            return []
        needs, _, recipe = rest.removeprefix(":").partition(";")
        for target in named.split():
            self.rules.setdefault(target, []).extend([recipe.strip()] if recipe.strip() else [])
            self.needs.setdefault(target, []).extend(needs.split())
        return named.split()

    def used(self) -> set[str]:
        """The targets that a verification may rest on: all but the idle ones, and what they need or call."""
        waiting = [name for name in self.rules if not _IDLE.fullmatch(name)]
        used: set[str] = set()
        while waiting:
            name = waiting.pop()
            if name not in used:
                used.add(name)
                waiting += self.needs.get(name, ())
                waiting += (called for line in self.rules.get(name, ()) for called in _CALLED.findall(line))
        return used


def _changed_makefile(old: _Makefile, new: _Makefile) -> Iterator[str]:
    used = old.used() | new.used()
    for name in sorted(old.rules):
        if name == ".PHONY":
            if not set(old.needs[name]) <= set(new.needs.get(name, ())):
                yield ".PHONY names fewer targets"
        elif name in used and (old.rules[name], old.needs[name]) != (
            new.rules.get(name),
            new.needs.get(name),
        ):
            yield f"target {name} was: {'; '.join(old.rules[name])[:120]}"
    for name in sorted(_NOISE & new.rules.keys() - old.rules.keys()):
        yield f"target {name} is new"
    lines = [line for lines in old.rules.values() for line in lines]
    read = {name for line in (*lines, *old.variables.values()) for name in _REFERENCE.findall(line)}
    for name in sorted(old.variables.keys() | new.variables.keys()):
        yield from _changed_variable(name, old, new, is_read=name in read)
    # Conditions and includes decide which of the rest is read.
    if not _is_kept(old.others, new.others, may_grow=False):
        yield "conditions or includes changed"


def _changed_variable(name: str, old: _Makefile, new: _Makefile, *, is_read: bool) -> Iterator[str]:
    before, after = old.variables.get(name), new.variables.get(name)
    if before == after and (name in old.exported) == (name in new.exported):
        return
    if before is None:
        if is_read or name in _DECISIVE or name in new.exported:
            yield f"variable {name} is new"
    elif not _is_listed_or_numbered(before, after or ""):
        yield f"variable {name} was: {before[:120]}"


def _is_listed_or_numbered(before: str, after: str) -> bool:
    """A list of files that only grew, or another version."""
    if _VERSION.fullmatch(before) and _VERSION.fullmatch(after):
        return True
    left, right = before.split(), after.split()
    return all(map(_FILE.fullmatch, right)) and left[:1] == right[:1] and set(left) <= set(right)


def _code_lines(text: str) -> list[str]:
    lines = [line.rstrip() for line in text.split("\n") if line.strip()]
    return [line for line in lines if line.startswith("#!") or not line.lstrip().startswith(("#", "//"))]


def _is_kept(before: list[str], after: list[str], *, may_grow: bool) -> bool:
    """Whether the lines are the same, or the new ones are one block between them."""
    if before == after or not may_grow:
        return before == after
    pairs = enumerate(zip(before, after, strict=False))
    head = next((i for i, (left, right) in pairs if left != right), len(before))
    rest = len(before) - head
    return len(after) > len(before) and (not rest or after[-rest:] == before[head:])
