"""Source text of any language with its comments, or its comments and strings, blanked; lines and columns stay.

Not here: what is looked for in it. Python is read with `ast` instead; see `python.py`.
"""

import re
from functools import cache

# Every alternative goes on to the end of the text where its closing is missing: nothing is scanned twice.
_BLOCK = r"/\*(?:[^*]|\*(?!/))*+(?:\*/)?"
_SLASHES = r"//[^\n]*+"
_HASH = r"(?:(?<=\s)|\A)#[^\n]*+"
_DOUBLE = r'"(?:\\.|[^"\\\n])*+"?'
_SINGLE = r"'(?:\\.|[^'\\\n])*+'?"
_BACKTICK = r"`(?:\\.|[^`\\])*+`?"
_RAW = r"`[^`]*+`?"
# A quote that opens no character is a lifetime.
_CHARACTER = r"'(?:\\[^\n']++|[^'\\\n])'"
_TRIPLE = r'"""(?:[^"]|"(?!""))*+(?:""")?'

_COMMENTS = {"hash": (_HASH,), "rust": (_BLOCK, _SLASHES), "go": (_BLOCK, _SLASHES), "c": (_BLOCK, _SLASHES)}
_STRINGS = {
    "hash": (_DOUBLE, _SINGLE),
    "rust": (r'r(?P<hashes>#++)"(?:[^"]|"(?!(?P=hashes)))*+(?:"(?P=hashes))?', _DOUBLE, _CHARACTER),
    "go": (_DOUBLE, _SINGLE, _RAW),
    "c": (_TRIPLE, _DOUBLE, _SINGLE, _BACKTICK),
}
_FAMILIES = {
    "rs": "rust",
    "go": "go",
    **dict.fromkeys(("sh", "bash", "bats", "rb", "ex", "exs", "pl", "t", "yml", "yaml", "toml"), "hash"),
}


def without_comments(text: str, ending: str) -> str:
    """`text` of a file that ends in `ending`, with a space for every character of a comment."""
    return _blanked(text, ending, strings=False)


def code_only(text: str, ending: str) -> str:
    """`text` with a space for every character of a comment and for those inside of a string."""
    return _blanked(text, ending, strings=True)


def decoded(data: bytes | None) -> str:
    """`data` as text with plain line ends; what is no UTF-8 is replaced, None is empty."""
    text = (data or b"").decode("utf-8-sig", "replace")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _blanked(text: str, ending: str, *, strings: bool) -> str:
    def blank(match: re.Match[str]) -> str:
        whole = match[0]
        if match.lastgroup == "comment":
            return _spaces(whole)
        return whole[:1] + _spaces(whole[1:-1]) + whole[-1:] if strings and len(whole) > 1 else whole

    return _pattern(_FAMILIES.get(ending, "c")).sub(blank, text)


def _spaces(text: str) -> str:
    return "\n".join(" " * len(line) for line in text.split("\n"))


@cache
def _pattern(family: str) -> re.Pattern[str]:
    comments, strings = "|".join(_COMMENTS[family]), "|".join(_STRINGS[family])
    return re.compile(f"(?P<comment>{comments})|(?:{strings})", re.DOTALL)
