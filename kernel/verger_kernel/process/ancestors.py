"""What lies above a tree, where tools look when they do not find something in it.

Not here: how a command is put where nothing lies above it; see `rooms.py`.
"""

import os
from fnmatch import translate
from pathlib import Path

from verger_kernel.rules.pattern import lazy

# fmt: off
CANARIES = (
    # Python
    "__init__.py", "conftest.py", "pytest.ini", ".pytest.ini", "tox.ini", "setup.cfg", "setup.py", "pyproject.toml",
    "uv.toml", "ruff.toml", ".ruff.toml", "mypy.ini", ".mypy.ini", "pylintrc", ".pylintrc", ".python-version",
    # JavaScript
    "node_modules", "package.json", "pnpm-workspace.yaml", ".npmrc", ".yarnrc", ".yarnrc.yml", ".pnp.*", ".nvmrc",
    ".node-version", "tsconfig*.json", "jsconfig.json", "deno.json*", "jest.config.*", "vitest.config.*",
    "babel.config.*", ".babelrc*", ".eslintrc*", "eslint.config.*", ".prettierrc*", "prettier.config.*", ".mocharc.*",
    "postcss.config.*", ".browserslistrc", "biome.json*", "nx.json", "turbo.json", "lerna.json",
    # Rust and Go
    "Cargo.toml", "rust-toolchain", "rust-toolchain.toml", "rustfmt.toml", ".rustfmt.toml", "clippy.toml",
    ".clippy.toml", "go.mod", "go.work", ".golangci.*",
    # Ruby, Java, .NET, C
    "Gemfile", ".ruby-version", ".rspec", "Rakefile", "pom.xml", ".mvn", "settings.gradle*", "build.gradle*",
    "Directory.*.props", "Directory.*.targets", "global.json", "NuGet.config", ".clang-format", ".clang-tidy",
    # Any
    ".git", ".hg", ".editorconfig", ".env", ".envrc", ".tool-versions", "mise.toml", ".mise.toml", "justfile",
    ".justfile", "Taskfile.y*ml", "WORKSPACE", "MODULE.bazel",
)
"""The names that tools look for in every folder upward, as shell patterns."""
# fmt: on

_INNER = (".cargo/config", ".cargo/config.toml", ".bundle/config")
"""Looked for in the same way; the folder alone is in many a home and means nothing."""

_CANARY = lazy("|".join(map(translate, CANARIES)))


def found_above(tree: Path) -> tuple[Path, ...]:
    """The canaries in every folder above the real place of `tree`, nearest first, then by name.

    A folder that cannot be read is passed over: no command finds anything there either. What is in `tree` is its own.
    """
    return tuple(place for folder in Path(os.path.realpath(tree)).parents for place in _found_in(folder))


def _found_in(folder: Path) -> list[Path]:
    try:
        names = [place.name for place in folder.iterdir() if _CANARY.match(place.name)]
    except OSError:
        names = []
    return [folder / name for name in sorted(names + [name for name in _INNER if _is_there(folder / name)])]


def _is_there(place: Path) -> bool:
    try:
        return place.exists()
    except OSError:
        return False
