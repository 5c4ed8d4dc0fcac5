"""`playbook`: one verb each for a new playbook, its problems, its form and what it will do.

Not here: reading one (`playbook.py`), what is drawn from an item (`explain.py`).
"""

import argparse
from pathlib import Path

import msgspec

from verger_kernel import authored
from verger_kernel.commands.playbook import as_json, lint_command, name_of, read_source, refusal
from verger_kernel.errors import CommandError
from verger_kernel.rules.playbook.alignment import aligned
from verger_kernel.rules.playbook.problems import PlaybookRefused
from verger_kernel.width import width
from verger_probes.exits import Exit

_NEW = Path(__file__).with_name("new_playbook.md")


class NewPlaybook(msgspec.Struct, frozen=True):
    """What `new` says in JSON; `path` is null when nothing was written."""

    path: str | None
    text: str


class FormattedFile(msgspec.Struct, frozen=True):
    """One file that `fmt` looked at; with --check `changed` says that it would be."""

    path: str
    changed: bool


def playbook(args: argparse.Namespace) -> int:
    """Runs the verb of `playbook`; answers with the exit code."""
    match args.verb:
        case "new":
            return _new(args)
        case "fmt":
            return _fmt(args)
        case "explain":
            # Imported here: what looks at the repository costs time that the other verbs need not pay.
            from verger_kernel.commands.explain import explain_command

            return explain_command(args)
    return lint_command(args)


def _new(args: argparse.Namespace) -> int:
    text = _NEW.read_text(encoding="utf-8")
    if args.playbook:
        _create(args.playbook, text.encode())
    if args.format == "json":
        print(as_json(NewPlaybook(name_of(args.playbook) if args.playbook else None, text)))
    elif args.playbook:
        print(f"{name_of(args.playbook)}: written; put your own items in place of the example")
    else:
        print(text, end="")
    return int(Exit.DONE)


def _create(path: Path, data: bytes) -> None:
    try:
        authored.create(path, data)
    except FileExistsError:
        raise CommandError(
            f"cannot write a new playbook to {name_of(path)}: something has that name already",
            "name a file that is not there yet",
            Exit.INPUT,
        ) from None
    except (OSError, ValueError) as error:
        raise _unwritten("write a new playbook to", path, error) from None


def _fmt(args: argparse.Namespace) -> int:
    before = {path: read_source(path) for path in args.playbook}
    # All of them first: where one is refused, none is touched.
    after = {path: _aligned(path, data) for path, data in before.items()}
    changed = [path for path in before if after[path] != before[path]]
    if not args.check:
        for path in changed:
            _replace(path, after[path])
    if args.format == "json":
        print(as_json([FormattedFile(name_of(path), path in changed) for path in before]))
    else:
        for path in changed:
            print(name_of(path) if args.check else f"{name_of(path)}: aligned")
    return int(Exit.INPUT if args.check and changed else Exit.DONE)


def _aligned(path: Path, data: bytes) -> bytes:
    try:
        return aligned(data, width)
    except PlaybookRefused as refused:
        raise refusal(path, refused) from None


def _replace(path: Path, data: bytes) -> None:
    try:
        authored.replace(path, data)
    except OSError as error:
        raise _unwritten("align playbook", path, error) from None


def _unwritten(doing: str, path: Path, error: OSError | ValueError) -> CommandError:
    why = (error.strerror if isinstance(error, OSError) else None) or str(error)
    hint = "name a file that you may write, in a folder that is there"
    return CommandError(f"cannot {doing} {name_of(path)}: {why}", hint, Exit.ENVIRONMENT)
