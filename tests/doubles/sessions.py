"""A page of the docs typed into one shell, from its first fence to its last: one continuing session in one place.

Not here: which page is typed where, and what is not typed; see tests/docs/test_commands.py.

A fence `sh` holds commands. A fence `console` holds commands after `$ ` (continued after `> `) and what they say, in
which `…` stands for what differs, alone on a line for any lines.
"""

import os
import re
import subprocess
import sys
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import verger_client
import verger_daemon
import verger_kernel
import verger_probes

SECONDS_MAX = 100
_FENCE = re.compile(r"^( *)(```+|~~~+)(\w*) *([^\n]*)\n(.*?)^\1\2 *$", re.DOTALL | re.MULTILINE)
_BEGUN = "\x1e"


@dataclass(frozen=True)
class Step:
    """One command, the line of the page it stands on, and what it says where the page shows that."""

    line: int
    command: str
    shown: str | None = None


@dataclass(frozen=True)
class Fence:
    """One fence of a page: its language, the words behind it, its text, and the line of the page where that begins."""

    language: str
    about: str
    text: str
    line: int


def fences(page: str) -> list[Fence]:
    """All fences of a page, in order, without the indent of the list that they stand in."""
    return [
        Fence(
            language=found[3],
            about=found[4],
            text=re.sub(f"^{found[1]}", "", found[5], flags=re.MULTILINE),
            line=page.count("\n", 0, found.start()) + 2,
        )
        for found in _FENCE.finditer(page)
    ]


def steps(page: str, *, without: Collection[str] = ()) -> list[Step]:
    """What is to be typed, one command after the other, but for the lines `without`."""
    found: list[Step] = []
    for fence in fences(page):
        if fence.language == "sh":
            found += (step for step in _commands(fence) if uncommented(step.command) not in without)
        elif fence.language == "console":
            found += _typed(fence)
    return found


def _commands(fence: Fence) -> Iterator[Step]:
    """Each command of a fence, with all the lines that bash needs to see its end."""
    begun: list[str] = []
    for number, line in enumerate(fence.text.splitlines(), 1):
        begun.append(line)
        if _is_whole("\n".join(begun)):
            yield Step(fence.line + number - len(begun), "\n".join(begun))
            begun = []
    assert not begun, f"line {fence.line}: bash sees no end of {begun}"


def _is_whole(text: str) -> bool:
    if text.endswith("\\"):
        return False
    # Of a here-document without its end bash only warns.
    read = subprocess.run(("bash", "-n", "-c", text), capture_output=True, check=False)
    return read.returncode == 0 and not read.stderr


def uncommented(line: str) -> str:
    """The line without the comment behind it."""
    return re.sub(r"\s+# .*", "", line).strip()


def _typed(fence: Fence) -> Iterator[Step]:
    line = fence.line
    for part in re.split(r"^(?=\$ )", fence.text, flags=re.MULTILINE)[1:]:
        lines = part.splitlines()
        count = next((at for at, one in enumerate(lines[1:], 1) if not one.startswith("> ")), len(lines))
        yield Step(line, "\n".join(one[2:] for one in lines[:count]), "\n".join(lines[count:]))
        line += len(lines)


@dataclass(frozen=True)
class Session:
    """Where a page is typed: the folder, HOME, what its capital words stand for, and what else is exported.

    `ends` are the exit codes with which a command may end.
    """

    folder: Path
    home: Path
    words: Mapping[str, str]
    exported: Mapping[str, str] = field(default_factory=dict)
    ends: tuple[int, ...] = (0,)

    def typed(self, todo: list[Step]) -> list[str]:
        """What each step said, on both streams. Fails at the first command that ends otherwise than it may."""
        script = "\n".join((self._preamble(), *map(self._begun, todo)))
        done = subprocess.run(
            ("timeout", "-k", "5", str(SECONDS_MAX), "bash", "-c", script),
            cwd=self.folder,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        said = done.stdout.decode().split(_BEGUN)[1:]
        failed = f"line {todo[len(said) - 1].line}, exit code {done.returncode}: {said[-1]}" if said else ""
        assert done.returncode == 0, failed or done.stdout.decode()
        return said

    def _preamble(self) -> str:
        wanted = "|".join(map(str, self.ends))
        # Both give the exit code on, for a page may ask for it.
        return (
            f"begun() {{ printf '{_BEGUN}'; return \"$1\"; }}\n"
            f'ended() {{ case $1 in {wanted}) return "$1" ;; *) exit "$1" ;; esac; }}'
        )

    def _begun(self, step: Step) -> str:
        command = step.command
        for word, meaning in self.words.items():
            command = re.sub(rf"\b{word}\b", meaning.replace("\\", "\\\\"), command)
        return f"begun $?\n{command}\nended $?"

    def _environment(self) -> dict[str, str]:
        return {
            "PATH": f"{self.home}/.local/bin:{os.environ['PATH']}",
            "HOME": str(self.home),
            "LC_ALL": "C.UTF-8",
            "GIT_CONFIG_NOSYSTEM": "1",
            **self.exported,
        }


def says(shown: str, said: str) -> bool:
    """Whether a command said what the page shows, spaces at the ends of lines aside. A line `…` is any lines."""
    lines = [re.escape(line.rstrip()).replace("…", ".*") for line in shown.strip().splitlines()]
    pattern = "\n".join(r"[\s\S]*" if line == ".*" else line for line in lines)
    return bool(re.fullmatch(pattern, "\n".join(map(str.rstrip, said.strip().splitlines()))))


def put_programs(folder: Path) -> None:
    """Puts `verger` and `vergerd` there, as an installation would."""
    packages = (verger_client, verger_daemon, verger_kernel, verger_probes)
    found = os.pathsep.join(str(Path(package.__path__[0]).parent) for package in packages)
    folder.mkdir(parents=True, exist_ok=True)
    for name, package in (("verger", verger_client), ("vergerd", verger_daemon)):
        program = f'PYTHONPATH="{found}" exec "{sys.executable}" -P -m {package.__name__} "$@"'
        path = folder / name
        path.write_text(f"#!/bin/sh\n{program}\n")
        path.chmod(0o755)
