"""What the value of one setting must be, in words for people and as pydantic judges it.

Not here: which settings there are; see `fields.py`.
"""

from datetime import date
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from verger_kernel.rules.money import USD, plain
from verger_kernel.rules.policy import RULES_TRIAGE

_NAME = r"^[a-z0-9][a-z0-9_-]{0,31}$"
NAME_WORDS = "a name: 1 to 32 of a-z, 0-9, dash and underscore, first a letter or digit"


def _not_reserved(name: str) -> str:
    if name == RULES_TRIAGE:
        raise PydanticCustomError("reserved", "it is kept for the rule of the triage lane")
    return name


def _program_first(argv: list[str]) -> list[str]:
    if not argv or not argv[0].strip():
        raise PydanticCustomError("program", "its first word should name a program")
    return argv


def _as_text(value: object) -> object:
    # TOML has dates of its own, which nobody should have to put in quotes.
    return value.isoformat() if type(value) is date else value


def _date(text: str) -> str:
    try:
        known = date.fromisoformat(text).isoformat() == text
    except ValueError:
        known = False
    if not known:
        raise PydanticCustomError("date", "it is no date of the calendar")
    return text


def _dollars(value: object) -> object:
    # A TOML number is told as it was written: 0.1 is a tenth, whatever a float makes of it.
    return str(value) if type(value) in (int, float) else value


Rounds = Annotated[int, Field(ge=0, le=20, title="a whole number from 0 to 20")]
Items = Annotated[int, Field(ge=1, le=10_000, title="a whole number from 1 to 10000")]
Seconds = Annotated[int, Field(ge=1, le=604_800, title="whole seconds from 1 to 604800 (a week)")]
Mebibytes = Annotated[int, Field(ge=1, le=1_048_576, title="whole MiB from 1 to 1048576 (a TiB)")]
Processes = Annotated[int, Field(ge=1, le=100_000, title="a whole number from 1 to 100000")]
Steps = Annotated[int, Field(ge=1, le=64, title="a whole number from 1 to 64")]
AgentName = Annotated[str, Field(pattern=_NAME, title=NAME_WORDS), AfterValidator(_not_reserved)]
TriageName = Annotated[str, Field(pattern=_NAME, title=f"{NAME_WORDS}; or `rules`, which asks no agent")]
Word = Annotated[str, Field(pattern=r"^[^\x00]*$")]
Argv = Annotated[
    list[Word], AfterValidator(_program_first), Field(title="a list of words without NUL, the program first")
]
FilePath = Annotated[str, Field(pattern=r"^[^\x00]+$", title="a path without NUL, not empty")]
ShellLine = Annotated[str, Field(pattern=r"^[^\x00]*[^\s\x00][^\x00]*$")]
ShellLines = Annotated[list[ShellLine], Field(title="a list of shell commands without NUL, none empty")]
VariableName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
VariableNames = Annotated[list[VariableName], Field(title="a list of names of environment variables")]
Reference = Annotated[str, Field(pattern=r"^(env:[A-Za-z_][A-Za-z0-9_]*|file:/[^\x00]+)$")]
References = Annotated[
    dict[VariableName, Reference], Field(title="a table of variables, each `env:NAME` or `file:/PATH`")
]
Host = Annotated[str, Field(pattern=r"^[A-Za-z0-9.\[\]:-]+:[0-9]{1,5}$")]
Hosts = Annotated[list[Host], Field(title="a list of `host:port`")]
FolderPath = Annotated[str, Field(pattern=r"^(/|~/)[^\x00]*$")]
FolderPaths = Annotated[list[FolderPath], Field(title="a list of paths that begin with `/` or `~/`")]
Switch = Annotated[bool, Field(title="true or false")]
Date = Annotated[
    str,
    BeforeValidator(_as_text),
    AfterValidator(_date),
    Field(title="a date that exists, as YYYY-MM-DD"),
]
Test = Annotated[ShellLine, Field(title="a case as its runner names it, or a whole command")]
Person = Annotated[ShellLine, Field(title="a name, not empty")]
Dollars = Annotated[
    str,
    BeforeValidator(_dollars),
    Field(pattern=f"^{USD}$", title="US dollars with at most 6 decimals, such as 2.50"),
    AfterValidator(plain),
]
Tokens = Annotated[int, Field(ge=1, le=10**12, title="a whole number of tokens from 1 to 1000000000000")]
ModelName = Annotated[str, Field(pattern=r"^[^\x00\s*]+\*?$")]
Model = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9][^\x00\s]*$", title="a model's name, without spaces, first a letter or digit"
    ),
]
Url = Annotated[
    str,
    Field(pattern=r"^https?://[^\x00-\x20\"\\]+$", title="an address that begins with http:// or https://"),
]
Version = Annotated[str, Field(pattern=r"^[0-9][0-9A-Za-z.+-]*$", title="a version such as 1.2.3")]
Reason = Annotated[Word, Field(title="words without NUL")]
