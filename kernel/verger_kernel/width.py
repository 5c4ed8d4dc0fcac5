"""How many places a text takes on a screen of letters of one width.

Not here: what makes a text harmless for a terminal; see `terminal.py`.
"""

import unicodedata

_NONE = ("Mn", "Me", "Cf", "Cc")


def width(text: str) -> int:
    """The places of `text`: two for an East Asian wide letter, none for a mark over another or an invisible one."""
    return len(text) if text.isascii() and text.isprintable() else sum(map(_places, text))


def _places(letter: str) -> int:
    if unicodedata.category(letter) in _NONE:
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1
