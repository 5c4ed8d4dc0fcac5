"""What can be completed after each command: its flags and its places, read off the parser, or written down here.

Not here: the scripts; see `bash.py`, `zsh.py` and `fish.py`.
"""

import argparse
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from verger_kernel.arguments import PLACES

_KINDS = {"FILE": "file", "DIR": "folder", "RUN": "run", "ITEM": "item"}


class Value(NamedTuple):
    """What a word may be: `file`, `folder`, `run`, `item`, `text` (anything), `words`, or `none` for no word at all.

    `either` is a file or a run.
    """

    kind: str
    words: tuple[str, ...] = ()


class Flag(NamedTuple):
    """An option under all its names, and the word that follows it."""

    names: tuple[str, ...]
    value: Value
    help: str


class Command(NamedTuple):
    """One command; `places` are its positional words in order."""

    name: str
    help: str
    flags: tuple[Flag, ...]
    places: tuple[Value, ...]


_NONE = Value("none")
_JSON = (
    Flag(("--json",), _NONE, "for programs"),
    Flag(("--format",), Value("words", ("text", "json")), "text or json"),
)
CLIENTS = (
    Command(
        "supervise",
        "runs that a daemon watches",
        (
            Flag(("--detach",), _NONE, "leave as soon as the run has begun"),
            Flag(("--follow",), _NONE, "JSON Lines, or go on while the kernel lives"),
            Flag(("--wait",), _NONE, "stay while a person is asked"),
            Flag(("--max-wait-seconds",), Value("text"), "the same, for so long at most"),
            Flag(("--no-autostart",), _NONE, "refuse where no daemon listens"),
            Flag(("--exit-code",), _NONE, "answer with the code of the claim"),
            Flag(("--prove",), _NONE, "ask the kernel's own socket as well"),
            Flag(("--all",), _NONE, "of all repositories"),
            Flag(("--stderr",), _NONE, "the other stream"),
            Flag(("--item",), Value("text"), "one item"),
            Flag(("--next",), _NONE, "the first item; with --auto-advance all"),
            Flag(("--auto-advance",), _NONE, "go on with the next unfinished item"),
            *_JSON,
        ),
        (Value("words", ("run", "resume", "status", "list", "stop", "logs")), Value("either")),
    ),
    Command("daemon", "the daemon itself", _JSON[:1], (Value("words", ("status", "stop")),)),
    Command(
        "settings", "what the daemon goes by, and where it came from", _JSON[:1], (Value("words", ("show",)),)
    ),
)
"""The commands of the client, of which no parser of the kernel knows."""


def table(parser: argparse.ArgumentParser) -> tuple[Command, ...]:
    """Every command of `parser` and of the client, and first, without a name, what can stand before a command."""
    helps = {
        choice.dest: choice.help or "" for action in _nested(parser) for choice in action._choices_actions
    }
    names = (*helps, *(command.name for command in CLIENTS))
    before = Command("", "", tuple(_flags(parser, ())), (Value("words", names),))
    found = [
        _command(name, helps[name], sub) for action in _nested(parser) for name, sub in action.choices.items()
    ]
    return (before, *found, *CLIENTS)


def _nested(
    parser: argparse.ArgumentParser,
) -> "Iterator[argparse._SubParsersAction[argparse.ArgumentParser]]":
    return (action for action in parser._actions if isinstance(action, argparse._SubParsersAction))


def _command(name: str, help_: str, parser: argparse.ArgumentParser) -> Command:
    verbs = [sub for action in _nested(parser) for sub in action.choices.values()]
    parsers = (parser, *verbs)
    places = list(_places(parser))
    if verbs:
        places = [
            Value("words", tuple(next(_nested(parser)).choices)),
            *max((list(_places(sub)) for sub in verbs), key=len),
        ]
    flags = {flag.names: flag for one in parsers for flag in _flags(one, places)}
    return Command(name, help_, tuple(flags.values()), tuple(places))


def _places(parser: argparse.ArgumentParser) -> Iterator[Value]:
    for action in parser._actions:
        if not action.option_strings and not isinstance(action, argparse._SubParsersAction):
            yield _value(action)


def _flags(parser: argparse.ArgumentParser, places: Iterable[Value]) -> Iterator[Flag]:
    with_run = Value("run") in tuple(places)
    for action in parser._actions:
        if action.option_strings and action.help != argparse.SUPPRESS:
            value = _value(action)
            if action.metavar == "ID" and with_run:
                value = Value("item")
            yield Flag(tuple(action.option_strings), value, action.help or "")


def _value(action: argparse.Action) -> Value:
    if action.nargs == 0:
        return Value("none")
    if action.choices is not None:
        return Value("words", tuple(map(str, action.choices)))
    if action.metavar == "WHAT":
        return Value("words", PLACES)
    return Value(_KINDS.get(str(action.metavar), "text"))
