"""Which layer of dependencies a tree wants: the key, and what goes into it.

Not here: the layers themselves; see `dependencies.py`.
"""

import hashlib
import json
import os
import shlex
import shutil
from collections.abc import Mapping, Sequence
from fnmatch import translate
from functools import lru_cache
from pathlib import Path

from verger_kernel.rules.pattern import lazy

# fmt: off
MANIFESTS = (
    # JavaScript
    "package.json", "package-lock.json", "npm-shrinkwrap.json", "pnpm-lock.yaml", "pnpm-workspace.yaml",
    ".pnpmfile.cjs", "yarn.lock", ".yarnrc", ".yarnrc.yml", "bun.lock", "bun.lockb", ".npmrc", "deno.json*",
    "deno.lock", "lerna.json",
    # Python
    "pyproject.toml", "requirements*.txt", "requirements*.in", "constraints*.txt", "uv.lock", "uv.toml", "poetry.lock",
    "poetry.toml", "pdm.lock", "pylock*.toml", "Pipfile*", "setup.py", "setup.cfg", "MANIFEST.in", "environment*.y*ml",
    "pixi.*",
    # Rust and Go
    "Cargo.toml", "Cargo.lock", "rust-toolchain*", "go.mod", "go.sum", "go.work", "go.work.sum",
    # Ruby, PHP, Elixir, Java, .NET, Swift, Dart
    "Gemfile*", "*.gemspec", "composer.json", "composer.lock", "mix.exs", "mix.lock", "pom.xml", "*.gradle",
    "*.gradle.kts", "gradle.properties", "gradle.lockfile", "gradle-wrapper.properties", "libs.versions.toml",
    "*.csproj", "packages.lock.json", "Directory.*.props", "global.json", "NuGet.config", "Package.swift",
    "Package.resolved", "pubspec.yaml", "pubspec.lock",
    # Any
    ".tool-versions", ".python-version", ".nvmrc", ".node-version", ".ruby-version", "mise.toml", ".mise.toml",
    "flake.nix", "flake.lock", "*.patch", ".gitmodules", ".gitattributes", ".lfsconfig", ".worktreeinclude",
)
"""The names of lock files and manifests, in whatever folder, as shell patterns."""
# fmt: on

_INNER = lazy(r"(?:^|/)(?:\.cargo/config(?:\.toml)?|\.bundle/config|\.yarn/(?:releases|plugins|patches)/.+)$")
_NAMES = lazy("|".join(map(translate, MANIFESTS)))
_PUNCTUATION = "&|;()<>"
# After these a folder is only where a command works, or what it points to: not what it copies.
_PLACES = frozenset(
    {"cd", "pushd", "-C", "-e", "--editable", "--prefix", "--cwd", "--dir", "--directory", "--project"}
)
_INTERPRETERS_MAX = 4


def layer_key(*, manifests: Mapping[str, str], setup: Sequence[str], toolchain: Sequence[str]) -> str:
    """The key of the layer that these setup commands make of these manifests: SHA-256 in hex.

    `manifests` holds object ids by path: what `is_manifest` names, and every submodule. To `toolchain` belongs the
    folder that setup sees as its own, `Room.inside`: a virtual environment names it.
    """
    parts = ["verger.layer_key.v1", sorted(manifests.items()), list(setup), sorted(toolchain)]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def is_manifest(path: str, setup: Sequence[str]) -> bool:
    """Whether what setup makes may depend on the tracked file `path`, relative to the top of the repository.

    That is a known lock file or manifest in whatever folder, and what a setup command names: a file, or all below a
    folder that it may copy, as `pip install .` does. What a script reads that is only run by another is not seen.
    """
    if _NAMES.match(path.rpartition("/")[2]) or _INNER.search(path):
        return True
    files, folders = _named(tuple(setup))
    return any(path == file or path.endswith(f"/{file}") for file in files) or any(
        not folder or path.startswith(f"{folder}/") or f"/{folder}/" in path for folder in folders
    )


@lru_cache(maxsize=8)
def _named(setup: tuple[str, ...]) -> tuple[frozenset[str], frozenset[str]]:
    """What the words of the setup commands may name in the tree: files, and folders that count as a whole."""
    files, folders = set(), set()
    for command in setup:
        before = ";"
        for word in _words(command):
            path = os.path.normpath(word.partition("[")[0] or ".")
            is_source = word == "." and before == ";"
            files.add(path)
            if (word.startswith(".") or "/" in word) and before not in _PLACES and not is_source:
                folders.add("" if path == "." else path)
            before = word
    return frozenset(files), frozenset(folders)


def _words(command: str) -> list[str]:
    """The words of a shell command, cut at each `=`; what separates commands is one word each."""
    lexer = shlex.shlex(command.replace("=", " "), posix=True, punctuation_chars=_PUNCTUATION)
    lexer.whitespace_split, lexer.commenters = True, ""
    try:
        found = list(lexer)
    except ValueError:
        found = command.replace("=", " ").split()
    return [";" if set(_PUNCTUATION).issuperset(word) else word for word in found if word]


def toolchain(setup: Sequence[str], path: str) -> tuple[str, ...]:
    """The programs on PATH `path` that the setup commands name, and their interpreters: real path, size and time.

    Sorted. A version that a shim chooses is known by the manifest it reads, such as `.python-version`.
    """
    found = set()
    named = {word for command in setup for word in _words(command) if word.startswith("/") or "/" not in word}
    for word in named:
        place, steps = shutil.which(word, path=path), 0
        while place and steps < _INTERPRETERS_MAX:
            real = Path(os.path.realpath(place))
            found.add(_looks(real))
            place, steps = _interpreter(real, path), steps + 1
    return tuple(sorted(found))


def _looks(program: Path) -> str:
    try:
        found = program.stat()
        return f"{program} {found.st_size} {found.st_mtime_ns}"
    except OSError:
        return f"{program} gone"


def _interpreter(program: Path, path: str) -> str | None:
    """The program that a script's first line names; None where it is no script."""
    try:
        with program.open("rb") as file:
            line = os.fsdecode(file.readline(256))
    except OSError:
        return None
    words = line[2:].split() if line.startswith("#!") else []
    if words and Path(words[0]).name == "env":
        words = [word for word in words[1:] if not word.startswith("-") and "=" not in word]
    return shutil.which(words[0], path=path) if words else None
