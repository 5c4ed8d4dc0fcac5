"""One file of git's configuration, read as git reads it, so that no git runs to see what it would make git run.

Not here: which of its keys are dangerous; see `trespass.py`.
"""

from collections.abc import Iterator
from typing import NoReturn

Entry = tuple[str, str]
"""A key as `git config --list` shows it (section and name in lower case), and its value."""
_BLANK = " \t\r\n"
_ESCAPES = {"n": "\n", "t": "\t", "b": "\b", '"': '"', "\\": "\\"}


class Unreadable(ValueError):
    """Git would refuse the file. `str()` names the line."""


def entries(data: bytes) -> tuple[Entry, ...]:
    """Every entry of a configuration file, in its order; a key without a value is `true`. Raises Unreadable."""
    text = data.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape").replace("\r\n", "\n")
    reader = _Reader(text + "\n\n")
    return tuple(reader.entries())


class _Reader:
    """Goes through a text once, a character at a time, as git's own reader does."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def entries(self) -> Iterator[Entry]:
        section = ""
        while (character := self._next()) != "":
            if character in "#;":
                self._rest_of_line()
            elif character == "[":
                section = self._section()
            elif _is_letter(character):
                key = f"{section}.{self._name(character)}"
                yield key, self._value()
            elif character not in _BLANK:
                self._refuse()

    def _next(self) -> str:
        self._at += 1
        return self._text[self._at - 1 : self._at]

    def _refuse(self) -> NoReturn:
        line = self._text.count("\n", 0, self._at) + 1
        raise Unreadable(f"line {line} is none that git reads")

    def _rest_of_line(self) -> None:
        self._at = self._text.find("\n", self._at) + 1

    def _section(self) -> str:
        name = ""
        while (character := self._next()) != "]":
            if character in _BLANK and character != "\n":
                return f"{name}.{self._subsection()}"
            if not (_is_key(character) or character == "."):
                self._refuse()
            name += character.lower()
        return name or self._refuse()

    def _subsection(self) -> str:
        while (character := self._next()) in (" ", "\t", "\r"):
            pass
        if character != '"':
            self._refuse()
        name = ""
        while (character := self._next()) != '"':
            if character == "\\":
                character = self._next()
            if character in ("", "\n"):
                self._refuse()
            name += character
        if self._next() != "]":
            self._refuse()
        return name

    def _name(self, first: str) -> str:
        name = first
        while _is_key(character := self._next()):
            name += character
        self._at -= 1
        return name.lower()

    def _value(self) -> str:
        while (character := self._next()) in (" ", "\t"):
            pass
        if character == "\n":
            return "true"
        if character != "=":
            self._refuse()
        return self._words()

    def _words(self) -> str:
        """The rest of the line, without its quotes, its comment and the blanks around it."""
        value, kept, quoted = "", 0, False
        while (character := self._next()) != "\n" or quoted:
            if character in ("", "\n"):
                self._refuse()
            elif not quoted and character in "#;":
                self._rest_of_line()
                break
            elif not quoted and character in _BLANK:
                value += character if value else ""
                continue
            elif character == '"':
                quoted = not quoted
            elif character == "\\":
                value += self._escaped()
            else:
                value += character
            kept = len(value)
        return value[:kept]

    def _escaped(self) -> str:
        character = self._next()
        if character == "\n":
            return ""
        if character not in _ESCAPES:
            self._refuse()
        return _ESCAPES[character]


def _is_key(character: str) -> bool:
    return character == "-" or (character.isascii() and character.isalnum())


def _is_letter(character: str) -> bool:
    return character.isascii() and character.isalpha()
