"""The command line of the kernel: the parser, and one table from command to function.

Not here: what each command takes (`arguments.py`) and does (`commands/`). The modules of commands are imported only
when theirs is called: `status` must not pay for git or markdown.
"""

import argparse
import gc
import importlib
from collections.abc import Callable, Iterable, Mapping
from itertools import takewhile
from pathlib import Path
from typing import Any, NoReturn, TypeVar, cast

from verger_kernel.arguments import Commands, folder, look_commands, run_commands, view_commands
from verger_kernel.arguments import command as _command
from verger_kernel.arguments import playbook as _playbook
from verger_kernel.errors import CommandError
from verger_kernel.rules.ids import shown
from verger_kernel.supervised.working import supervised
from verger_probes.exits import Exit
from verger_probes.version import VERSION

COMMANDS = {
    "list-items": "playbook:list_items_command",
    "show-item": "playbook:show_item_command",
    "playbook": "authoring:playbook",
    "run": "run:run",
    "resume": "resume:resume",
    "refresh-run": "refresh:refresh_run",
    "status": "status:status",
    "doctor": "doctor:doctor",
    "mark-manual-gate": "gate:mark_manual_gate",
    "demo": "demo:demo",
    "logs": "logs:logs",
    "diff": "diff:diff",
    "where": "where:where",
    "completion": "completion:completion",
}
"""Command → module and function below `verger_kernel.commands`."""


T = TypeVar("T")
GARBAGE_OBJECTS = 10_000
"""New objects between two looks for garbage; Python's own 700 are few for libraries that are imported on the way."""


_VERBS = "Every verb takes --format text|json, and --help."
_ELSEWHERE = {verb: f"playbook {verb}" for verb in ("new", "lint", "fmt", "explain")} | {
    name: name for name in ("supervise", "daemon", "settings")
}
"""Words that are looked for as commands, with what they are: verbs of one of ours, and commands of the client."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Raises CommandError: usage errors look like every other error, and end with the command's example."""
        shown_well = f"; {self.epilog}" if (self.epilog or "").startswith("example: ") else ""
        raise CommandError(message, f"see: {self.prog} --help{shown_well}", Exit.USAGE)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As argparse has it, but a word that is left over is refused here, where its neighbours are known."""
        if self._subparsers is None:
            # First, because a misspelt flag is often the very one that argparse would miss.
            self._refuse_flags(args or ())
        found, rest = super().parse_known_args(args, namespace)
        if rest:
            raise self._unknown(f"{self.prog} does not take {shown(rest[0])}", rest[0], {})
        return found, rest

    def _refuse_flags(self, words: Iterable[str]) -> None:
        flags = dict.fromkeys(self._option_string_actions)
        for word in takewhile(lambda word: word != "--", words):
            # With a space in it, it is text: the value of the flag before it.
            name = word.partition("=")[0]
            if word.startswith("--") and name not in flags and " " not in word:
                raise self._unknown(f"{self.prog} does not know {shown(name)}", name, flags)

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is None or value in action.choices:
            return
        words = {word: f"{self.prog} {word}" for word in action.choices}
        if not isinstance(action, argparse._SubParsersAction):
            name = "/".join(action.option_strings) or str(action.metavar)
            allowed = ", ".join(words)
            raise CommandError(f"{name} cannot be {shown(value)}", f"write one of {allowed}", Exit.USAGE)
        if action.dest == "command":
            words |= {word: f"{self.prog} {there}" for word, there in _ELSEWHERE.items()}
        raise self._unknown(f"{self.prog} has no {action.dest} {shown(value)}", value, words)

    def _unknown(self, what: str, word: str, known: Mapping[str, str | None]) -> CommandError:
        # Imported here: who makes no mistake need not pay for it.
        from difflib import get_close_matches

        near = [known[name] or name for name in get_close_matches(word, known, n=1)]
        hint = f"did you mean {near[0]}? all: {self.prog} --help" if near else f"see: {self.prog} --help"
        return CommandError(what, hint, Exit.USAGE)


def dispatch(argv: list[str]) -> int:
    """Runs the command that `argv` spells; answers with its exit code. Raises CommandError."""
    typed = argv[0] if argv and argv[0] in COMMANDS else None
    args = _settled(_text_only(parser(typed).parse_args(argv)))
    args.typed = argv
    module, _, function = COMMANDS[args.command].partition(":")
    command: Callable[[argparse.Namespace], int] = getattr(
        importlib.import_module(f"verger_kernel.commands.{module}"), function
    )
    # From here on there may be garbage; what was imported is never looked at again.
    gc.freeze()
    gc.set_threshold(GARBAGE_OBJECTS)
    gc.enable()
    return command(_with_folders(args))


def _text_only(args: argparse.Namespace) -> argparse.Namespace:
    """`args`, whose words all are text: they go into records. Raises CommandError for what is no UTF-8.

    The playbook's own name may be anything that the disk holds: it is only shown.
    """
    for name, value in vars(args).items():
        words = value if isinstance(value, list) else [value]
        if name not in ("file", "playbook", "directory") and not all(map(_is_text, words)):
            flag = f"--{name.replace('_', '-')}"
            raise CommandError(f"{flag} is no UTF-8 text", "write it in UTF-8", Exit.USAGE)
    return args


def _is_text(word: object) -> bool:
    try:
        str(word).encode()
    except UnicodeEncodeError:
        return False
    return True


def _settled(args: argparse.Namespace) -> argparse.Namespace:
    """`args` with one playbook and one run, however they were named. Raises CommandError for none or two."""
    if "file" in args:
        args.playbook = _either("playbook", args.file, args.playbook)
        if args.playbook is None:
            verb = f" {args.verb}" if "verb" in args else ""
            raise CommandError("no playbook was named", f"verger {args.command}{verb} FILE", Exit.USAGE)
    if supervised() and args.command not in ("run", "resume"):
        raise CommandError(f"{args.command} is never supervised", "leave --supervised out", Exit.USAGE)
    if "run_id" in args and "run" in args:
        named = _either("run", args.run, args.run_id)
        if named is not None and getattr(args, "all", False):
            raise CommandError("--all and a run do not go together", "leave one of them out", Exit.USAGE)
        # Doctor looks at a run only when one is named; everybody else means the latest.
        args.run = named if named is not None or args.command == "doctor" else "latest"
    return args


def _either(what: str, positional: T | None, flag: T | None) -> T | None:
    if positional is not None and flag is not None:
        raise CommandError(f"the {what} is named twice", "name it once", Exit.USAGE)
    return positional if positional is not None else flag


def _with_folders(args: argparse.Namespace) -> argparse.Namespace:
    """Every path of the command line, made to count from -C DIR and from nothing else."""
    args.directory = _existing(args.directory)
    for name, value in vars(args).items():
        if isinstance(value, Path):
            setattr(args, name, args.directory / value)
        elif isinstance(value, list) and value and isinstance(value[0], Path):
            setattr(args, name, [args.directory / path for path in value])
    return args


def _existing(directory: Path) -> Path:
    try:
        whole = Path.cwd() / directory
        why = "" if whole.is_dir() else "it is no folder"
    except OSError as error:
        why = error.strerror or str(error)
    if why:
        raise CommandError(
            f"cannot work in {directory}: {why}", "name an existing folder with -C DIR", Exit.ENVIRONMENT
        )
    return whole


class _Only:
    """Takes what every command takes and builds the one that was typed: to build all lasts a start of Python."""

    def __init__(self, commands: Commands, name: str) -> None:
        self._commands = commands
        self._name = name

    def add_parser(self, name: str, **how: Any) -> Any:
        """The parser of the command, or what takes its arguments and does nothing with them."""
        return self._commands.add_parser(name, **how) if name == self._name else _Nobody()


class _Nobody:
    """Stands for a command that was not typed, its groups and its verbs."""

    def __getattr__(self, _: str) -> Callable[..., "_Nobody"]:
        return lambda *_, **__: self


def parser(only: str | None = None) -> argparse.ArgumentParser:
    """The whole command line; with `only`, that of one command."""
    root = _Parser(prog="verger", allow_abbrev=False)
    root.add_argument("--version", action="version", version=f"verger {VERSION}")
    folder(root, default=Path())
    commands = root.add_subparsers(dest="command", required=True, metavar="COMMAND", prog=root.prog)
    if only is not None:
        commands = cast(Commands, _Only(commands, only))
    _playbook_commands(commands)
    run_commands(commands)
    view_commands(commands)
    look_commands(commands)
    return root


def _playbook_commands(commands: Commands) -> None:
    items = _command(commands, "list-items", "the items of a playbook")
    _playbook(items)
    show = _command(commands, "show-item", "one item of a playbook, whole")
    _playbook(show)
    show.add_argument("--item", required=True, metavar="ID")
    help_ = "write a playbook, and ask what is wrong with it"
    playbook = commands.add_parser(
        "playbook", help=help_, description=help_, allow_abbrev=False, epilog=_VERBS
    )
    verbs = playbook.add_subparsers(dest="verb", required=True, metavar="VERB")
    new = _verb(verbs, "new", "a playbook to begin with", "playbook.md")
    new.add_argument("playbook", nargs="?", type=Path, metavar="FILE", help="where to; else it is printed")
    _playbook(_verb(verbs, "lint", "what is wrong with a playbook, and how to mend it", "playbook.md"))
    fmt = _verb(verbs, "fmt", "straighten the table of a playbook; its meaning stays", "playbook.md --check")
    fmt.add_argument("playbook", nargs="+", type=Path, metavar="FILE")
    fmt.add_argument("--check", action="store_true", help="only name the files that would change")
    explain = _verb(verbs, "explain", "what a run will allow, run and ask for an item", "playbook.md 02")
    explain.add_argument("playbook", type=Path, metavar="FILE")
    explain.add_argument("item", metavar="ITEM")
    explain.add_argument("--config", type=Path, metavar="FILE", help="policy on top of verger.toml")
    explain.add_argument("--agents", metavar="ROLE=NAME,…", help="who works, as for run")
    explain.add_argument("--agents-map", type=Path, metavar="FILE", help="the same for single items")


def _verb(verbs: Commands, name: str, help_: str, example: str) -> argparse.ArgumentParser:
    epilog = f"example: verger playbook {name} {example}"
    verb: argparse.ArgumentParser = verbs.add_parser(
        name, help=help_, description=help_, allow_abbrev=False, epilog=epilog
    )
    verb.add_argument("--format", choices=("text", "json"), default="text")
    verb.add_argument("--json", dest="format", action="store_const", const="json", help="--format json")
    folder(verb, default=argparse.SUPPRESS)
    return verb
