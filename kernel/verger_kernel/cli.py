"""The command line of the kernel: the parser, and one table from command to function.

Not here: what the commands do; see `commands/`. Their modules are imported only when their command is called:
`status` must not pay for git or markdown.
"""

import argparse
import importlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn, TypeAlias, TypeVar

from verger_kernel.errors import CommandError
from verger_kernel.rules.ids import shown
from verger_probes.exits import Exit
from verger_probes.version import VERSION

COMMANDS = {
    "list-items": "playbook:list_items_command",
    "show-item": "playbook:show_item_command",
    "playbook": "playbook:lint_command",
    "run": "run:run",
    "resume": "resume:resume",
    "refresh-run": "refresh:refresh_run",
    "status": "status:status",
    "doctor": "doctor:doctor",
    "mark-manual-gate": "gate:mark_manual_gate",
    "demo": "demo:demo",
}
"""Command → module and function below `verger_kernel.commands`."""


T = TypeVar("T")
ITEMS_MAX = 10_000
"""More items than a playbook anybody reviewed will have."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Raises CommandError: usage errors look like every other error."""
        raise CommandError(message, f"see: {self.prog} --help", Exit.USAGE)


def dispatch(argv: list[str]) -> int:
    """Runs the command that `argv` spells; answers with its exit code. Raises CommandError."""
    args = _settled(_text_only(parser().parse_args(argv)))
    module, _, function = COMMANDS[args.command].partition(":")
    command: Callable[[argparse.Namespace], int] = getattr(
        importlib.import_module(f"verger_kernel.commands.{module}"), function
    )
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
            raise CommandError("no playbook was named", f"verger {args.command} FILE", Exit.USAGE)
    if "run_id" in args:
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


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    root = _Parser(prog="verger", allow_abbrev=False)
    root.add_argument("--version", action="version", version=f"verger {VERSION}")
    root.add_argument("-C", dest="directory", type=Path, default=Path(), metavar="DIR", help="work in DIR")
    commands = root.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _playbook_commands(commands)
    _run_commands(commands)
    _view_commands(commands)
    return root


Commands: TypeAlias = "argparse._SubParsersAction[_Parser]"


def _command(commands: Commands, name: str, help_: str) -> argparse.ArgumentParser:
    command = commands.add_parser(name, help=help_, description=help_, allow_abbrev=False)
    command.add_argument("--format", choices=("text", "json"), default="text")
    command.add_argument("--json", dest="format", action="store_const", const="json", help="--format json")
    return command


def _playbook_commands(commands: Commands) -> None:
    items = _command(commands, "list-items", "the items of a playbook")
    _playbook(items)
    show = _command(commands, "show-item", "one item of a playbook, whole")
    _playbook(show)
    show.add_argument("--item", required=True, metavar="ID")
    playbook = _command(commands, "playbook", "what is wrong with a playbook, and how to mend it")
    playbook.add_argument("verb", choices=("lint",))
    _playbook(playbook)


def _run_commands(commands: Commands) -> None:
    run = _command(commands, "run", "carry a reviewed playbook, item by item")
    _playbook(run)
    which = run.add_mutually_exclusive_group(required=True)
    which.add_argument("--item", metavar="ID", help="one item")
    which.add_argument("--items", metavar="ID,ID", help="several items, in this order")
    which.add_argument("--next", action="store_true", help="the first item; with --auto-advance all")
    run.add_argument("--config", type=Path, metavar="FILE", help="policy on top of verger.toml")
    run.add_argument("--agents", metavar="ROLE=NAME,…", help="who works: worker, audit_a, audit_b, triage")
    _going_on(run)
    resume = _command(commands, "resume", "go on where a run stopped or was killed")
    _run(resume)
    _going_on(resume)
    refresh = _command(commands, "refresh-run", "go on from another commit, which holds what the run came to")
    _run(refresh)
    refresh.add_argument(
        "--retarget-run-branch-to", required=True, metavar="REF", help="a branch, tag or commit"
    )
    gate = _command(commands, "mark-manual-gate", "record a person's decision on an item")
    _run(gate)
    gate.add_argument("--item", required=True, metavar="ID")
    gate.add_argument("--decision", required=True, choices=("approved", "rejected"))
    gate.add_argument("--by", required=True, metavar="NAME", help="who decides")
    gate.add_argument("--note", required=True, metavar="TEXT", help="why")
    gate.add_argument("--evidence-path", type=Path, action="append", default=[], metavar="FILE")
    gate.add_argument(
        "--gate-nonce", metavar="NONCE", help="refuse unless the gate still asks what bore this nonce"
    )


def _going_on(command: argparse.ArgumentParser) -> None:
    command.add_argument("--auto-advance", action="store_true", help="go on with the next unfinished item")
    command.add_argument("--max-items", type=_count, metavar="N", help="stop when N items have passed")
    command.add_argument(
        "--external-evidence-dir", type=Path, metavar="DIR", help="evidence for the next item"
    )


def _view_commands(commands: Commands) -> None:
    status = _command(commands, "status", "where a run stands, read from its files")
    _run(status)
    status.add_argument("--all", action="store_true", help="every run of this repository")
    status.add_argument("--exit-code", action="store_true", help="answer with the run's code")
    doctor = _command(commands, "doctor", "what is wrong with environment, playbook and run")
    doctor.add_argument("run", nargs="?", metavar="RUN")
    doctor.add_argument("--run-id", dest="run_id", metavar="RUN")
    doctor.add_argument(
        "--fix-safe", action="store_true", help="mend first what can be mended without a loss"
    )
    doctor.add_argument("--playbook", type=Path, metavar="FILE")
    doctor.add_argument("--config", type=Path, metavar="FILE")
    doctor.add_argument("--agents", metavar="ROLE=NAME,…")
    demo = _command(commands, "demo", "a whole run in a throw-away repository: no keys, no network")
    demo.add_argument("--into", type=Path, metavar="DIR", help="where to build it; must not exist")


def _playbook(command: argparse.ArgumentParser) -> None:
    command.add_argument("file", nargs="?", type=Path, metavar="FILE", help="the playbook")
    command.add_argument("--playbook", type=Path, metavar="FILE", help="the same, as a flag")


def _run(command: argparse.ArgumentParser) -> None:
    command.add_argument("run", nargs="?", metavar="RUN", help="a run id, the beginning of one, or latest")
    command.add_argument("--run-id", dest="run_id", metavar="RUN", help="the same, as a flag")


def _count(text: str) -> int:
    if not re.fullmatch("[0-9]{1,9}", text) or not 1 <= int(text) <= ITEMS_MAX:
        raise argparse.ArgumentTypeError(f"{shown(text)} is no whole number from 1 to {ITEMS_MAX}")
    return int(text)
