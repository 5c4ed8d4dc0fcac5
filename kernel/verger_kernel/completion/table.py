"""What can be completed after each command: its flags and its places, read off the parser.

Not here: the scripts; see `bash.py`, `zsh.py` and `fish.py`.
"""

import argparse
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from verger_kernel.arguments import PLACES

_KINDS = {"FILE": "file", "DIR": "folder", "RUN": "run", "ITEM": "item"}


class Value(NamedTuple):
    """What a word may be: `file`, `folder`, `run`, `item`, `text` (anything), `words`, or `none` for no word at all."""

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


def table(parser: argparse.ArgumentParser) -> tuple[Command, ...]:
    """Every command of `parser`, and first, without a name, what can stand before a command."""
    helps = {
        choice.dest: choice.help or "" for action in _nested(parser) for choice in action._choices_actions
    }
    before = Command("", "", tuple(_flags(parser, ())), (Value("words", tuple(helps)),))
    found = [
        _command(name, helps[name], sub) for action in _nested(parser) for name, sub in action.choices.items()
    ]
    return (before, *found)


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
