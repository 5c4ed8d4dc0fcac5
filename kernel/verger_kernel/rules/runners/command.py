"""Which test runner a shell command starts, read from its text.

Not here: what that runner reports; see `__init__.py`.
"""

import re
from collections.abc import Callable
from itertools import pairwise

from verger_kernel.rules.pattern import lazy

_TOKEN = lazy(
    r"""[;&|\n(){}]+|\#[^\n]*|(?:'[^']*'|"(?:\\.|[^"\\])*"|\\.|[^\s;&|(){}'"\\])+|['"\\]""", re.DOTALL
)
_PART = lazy(r"""'([^']*)'|"((?:\\.|[^"\\])*)"|\\(.)|([^'"\\]+)""", re.DOTALL)
_SET = lazy(r"[A-Za-z_][A-Za-z0-9_]*\+?=")
_PYTHON = lazy(r"(?:python|pypy)[\d.]*")
_NESTED_MAX = 3

_WORDS = frozenset(
    {"if", "then", "else", "elif", "do", "while", "until", "!", "time", "exec", "command", "nohup", "sudo"}
)
"""What may stand before a command without changing it."""
_CARRIERS: dict[str, tuple[str, ...]] = {
    "uv": ("run",),
    "poetry": ("run",),
    "pdm": ("run",),
    "pipenv": ("run",),
    "rye": ("run",),
    "hatch": ("run",),
    "pixi": ("run",),
    "npm": ("exec", "x"),
    "pnpm": ("exec", "dlx"),
    "yarn": ("run", "exec", "dlx"),
    "bundle": ("exec",),
    "coverage": ("run",),
}
"""Programs that start another one, with the words that say so."""
_STARTERS = frozenset(
    {"env", "npx", "bunx", "pnpx", "uvx", "timeout", "nice", "stdbuf", "xvfb-run", "setsid", "ionice"}
)
_VALUED: dict[str, frozenset[str]] = {
    "python": frozenset({"-X", "-W"}),
    "uv": frozenset(
        {"-p", "-C", "--python", "--with", "--extra", "--group", "--only-group", "--no-group", "--package"}
        | {"--project", "--directory", "--env-file", "--with-requirements", "--with-editable"}
    ),
    "uvx": frozenset({"-p", "--python", "--from", "--with"}),
    "poetry": frozenset({"-C", "-P", "--directory", "--project"}),
    "npx": frozenset({"-p", "--package"}),
    "npm": frozenset({"-w", "--workspace", "--package", "--prefix", "-C"}),
    "pnpm": frozenset({"-C", "--dir", "--filter", "-F"}),
    "yarn": frozenset({"--cwd"}),
    "env": frozenset({"-u", "-C", "--unset", "--chdir"}),
    "timeout": frozenset({"-k", "-s"}),
    "nice": frozenset({"-n"}),
    "ionice": frozenset({"-c", "-n"}),
    "stdbuf": frozenset({"-i", "-o", "-e"}),
    "xvfb-run": frozenset({"-s", "-n", "-e", "-f"}),
    "coverage": frozenset(),
    "cargo": frozenset({"-Z", "-C", "--config", "--color"}),
}
"""Options whose value is the next word, of each program that may stand in front."""


def runner_of(command: str) -> str:
    """The runner that a shell command starts, as far as its text says; empty when it does not say.

    The first one in the command counts. A runner that is asked for something else than to run tests and to
    tell of them in a form that Verger reads (`--version`, `--collect-only`, `--no-run`, `--reporter=json`) is none.
    """
    return _runner_of(command, _NESTED_MAX)


def _runner_of(command: str, depth: int) -> str:
    return next((found for words in _commands(command) if (found := _of_words(words, depth))), "")


def _commands(command: str) -> list[list[str]]:
    """The simple commands of a shell line, as words without quotes; redirections stay among the words."""
    found: list[list[str]] = [[]]
    for token in _TOKEN.findall(command):
        if token[0] in ";&|\n(){}":
            found.append([])
        elif token[0] != "#":
            found[-1].append("".join("".join(part) for part in _PART.findall(token)))
    return found


def _of_words(words: list[str], depth: int) -> str:
    words = list(words)
    while words:
        name = words.pop(0).rpartition("/")[2]
        if _SET.match(name) or name in _WORDS or name.startswith("-"):
            continue
        if name in ("sh", "bash", "dash", "zsh"):
            return _of_shell(words, depth)
        if name in _DIRECT:
            return _DIRECT[name](words)
        if _PYTHON.fullmatch(name):
            return _of_python(words, depth)
        if name in _STARTERS:
            words = _after_options(name, words)
            if name == "timeout":
                words = words[1:]
        elif name in _CARRIERS:
            # yarn and pnpm start a program without a word in between, too.
            rest = _after_options(name, words)
            if rest and rest[0] in _CARRIERS[name]:
                words = _after_options(name, rest[1:])
            elif name not in ("yarn", "pnpm"):
                return ""
            if name == "coverage":
                return _of_python(words, depth)
        else:
            return ""
    return ""


def _after_options(program: str, words: list[str]) -> list[str]:
    """The words after leading options and settings. `-m` is left, for what follows it is a module."""
    rest = list(words)
    while rest and (rest[0].startswith("-") or _SET.match(rest[0])) and rest[0] != "-m":
        option = rest.pop(0)
        if option in _VALUED.get(program, ()) and rest:
            rest.pop(0)
    return rest


def _of_shell(words: list[str], depth: int) -> str:
    flags = [place for place, word in enumerate(words) if re.fullmatch(r"-[a-z]*c", word)]
    inner = words[flags[0] + 1 : flags[0] + 2] if flags else []
    return _runner_of(inner[0], depth - 1) if inner and depth else ""


def _of_python(words: list[str], depth: int) -> str:
    rest = _after_options("python", words)
    if rest[:1] != ["-m"] or len(rest) < 2:
        return ""
    module, arguments = rest[1], rest[2:]
    if module == "coverage" and arguments[:1] == ["run"]:
        return _of_python(arguments[1:], depth - 1) if depth else ""
    return {"pytest": _pytest, "py.test": _pytest, "unittest": _unittest}.get(module, _nothing)(arguments)


def _nothing(_: list[str]) -> str:
    return ""


def _asks(words: list[str], *options: str) -> bool:
    """Whether one of the options, or a question every tool knows, stands among the words."""
    asked = {"--help", "--version", *options}
    return any(word.partition("=")[0] in asked for word in words)


def _pytest(words: list[str]) -> str:
    return "" if _asks(words, "-h", "-V", "--collect-only", "--co", "--fixtures", "--markers") else "pytest"


def _unittest(words: list[str]) -> str:
    return "" if _asks(words, "-h") else "unittest"


def _chosen(words: list[str], option: str) -> set[str]:
    """The values of an option that may come more than once: `--option value` or `--option=value`."""
    apart = {value for word, value in pairwise(words) if word == option}
    return apart | {word.partition("=")[2] for word in words if word.startswith(option + "=")}


def _node(words: list[str]) -> str:
    for place, word in enumerate(words):
        # npx spelled out: node node_modules/.bin/jest.
        program = word.rpartition("/")[2].partition(".")[0]
        if not word.startswith("-") and program in ("jest", "vitest"):
            return _DIRECT[program](words[place + 1 :])
    reporters = _chosen(words, "--test-reporter")
    is_told = not reporters or bool(reporters & {"spec", "tap"})
    return "node" if "--test" in words and is_told and not _asks(words, "-h", "-v") else ""


def _jest(words: list[str]) -> str:
    reporters = _chosen(words, "--reporters")
    is_told = not reporters or "default" in reporters
    silent = ("-h", "-v", "--listTests", "--showConfig", "--json", "--clearCache", "--init")
    return "jest" if is_told and not _asks(words, *silent) else ""


def _vitest(words: list[str]) -> str:
    reporters = _chosen(words, "--reporter")
    is_told = not reporters or bool(
        reporters & {"default", "verbose", "basic", "dot", "tree", "tap", "tap-flat"}
    )
    is_run = words[:1] not in (["list"], ["init"], ["bench"])
    return "vitest" if is_told and is_run and not _asks(words, "-h", "-v") else ""


def _react_scripts(words: list[str]) -> str:
    return _jest(words[1:]) if words[:1] == ["test"] else ""


def _go(words: list[str]) -> str:
    rest = words[2:] if words[:1] == ["-C"] else words
    return "go" if rest[:1] == ["test"] and not _asks(rest, "-h", "-c", "-list", "-n") else ""


def _cargo(words: list[str]) -> str:
    rest = _after_options("cargo", [word for word in words if not word.startswith("+")])
    silent = ("-h", "-V", "--no-run", "--list", "--format")
    return "cargo" if rest[:1] in (["test"], ["t"]) and not _asks(rest, *silent) else ""


_DIRECT: dict[str, Callable[[list[str]], str]] = {
    "pytest": _pytest,
    "py.test": _pytest,
    "pytest-3": _pytest,
    "node": _node,
    "nodejs": _node,
    "jest": _jest,
    "vitest": _vitest,
    "react-scripts": _react_scripts,
    "go": _go,
    "cargo": _cargo,
}
