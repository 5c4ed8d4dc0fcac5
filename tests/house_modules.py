"""The modules of the house, parsed: what each imports and which names it reads. Standard library only.

Not here: what is allowed; see house_rules.py.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

FLOORS = ("probes", "kernel", "daemon", "client")
# The files of the repository that the demo builds.
DATA = "kernel/verger_kernel/demo/files/"


@dataclass(frozen=True)
class Module:
    """One parsed file. `file` is relative to the root of the repository, with slashes."""

    file: str
    source: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.source)

    @property
    def name(self) -> str:
        parts = self.file.removesuffix(".py").split("/")[1:]
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    @property
    def floor(self) -> str:
        return self.file.split("/")[0]

    @property
    def is_pure(self) -> bool:
        return bool({"rules", "protocol"} & set(self.file.split("/")[:-1]))

    @cached_property
    def imports(self) -> tuple[tuple[int, str], ...]:
        """(line, dotted name) of all imports; `from a import b` gives `a.b`, for b may be a module.

        A table `COMMANDS = {"name": "module:function"}` imports those modules of its package's `commands`.
        """
        return (*_imports(self), *_commands(self))

    @cached_property
    def names(self) -> tuple[tuple[int, str], ...]:
        """(line, dotted name) of all names, aliases resolved: `import os as o; o.fork` is `os.fork`."""
        return tuple(_names(self))


def read_house(root: Path) -> list[Module]:
    """Every module of the four floors, in order of its path; what is shipped as data is none."""
    files = sorted(file.relative_to(root) for floor in FLOORS for file in (root / floor).rglob("*.py"))
    modules = [Module(file.as_posix(), (root / file).read_text(encoding="utf-8")) for file in files]
    return [module for module in modules if not module.file.startswith(DATA)]


def _imports(module: Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _base(module, node)
            yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)


def _commands(module: Module) -> Iterator[tuple[int, str]]:
    package = module.name.partition(".")[0]
    for node in module.tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "COMMANDS":
            for value in ast.literal_eval(node.value).values():
                yield node.lineno, f"{package}.commands.{value.partition(':')[0]}"


def _base(module: Module, node: ast.ImportFrom) -> str:
    if not node.level:
        return node.module or ""
    package = module.file.removesuffix(".py").split("/")[1 : -node.level]
    return ".".join([*package, *([node.module] if node.module else [])])


def _names(module: Module) -> Iterator[tuple[int, str]]:
    aliases = _aliases(module)
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Name | ast.Attribute):
            first, dot, rest = ast.unparse(node).partition(".")
            yield node.lineno, aliases.get(first, first) + dot + rest


def _aliases(module: Module) -> dict[str, str]:
    found: dict[str, str] = {}
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            found |= {alias.asname: alias.name for alias in node.names if alias.asname}
        elif isinstance(node, ast.ImportFrom):
            base = _base(module, node)
            found |= {alias.asname or alias.name: f"{base}.{alias.name}" for alias in node.names}
    return found
