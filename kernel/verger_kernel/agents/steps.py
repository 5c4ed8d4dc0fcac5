"""What a scripted agent can be told to do, one type a step.

Not here: doing it; see `playing.py` and `changes.py`.

A path counts from the worktree and may lead out of it on purpose: a scripted agent can be a liar.
"""

from typing import Annotated

import msgspec
from msgspec import Meta

from verger_kernel.rules.parks import Cause


class _Step(msgspec.Struct, frozen=True, tag_field="do", tag=str.lower, forbid_unknown_fields=True):
    """One thing to do; `do` names it."""


class _Content(_Step, frozen=True):
    """Bytes, given as `text` or as `hex` digits."""

    text: str | None = None
    hex: str | None = None

    def __post_init__(self) -> None:
        if (self.text is None) == (self.hex is None):
            raise ValueError("Write either `text` or `hex`")
        self.content()

    def content(self) -> bytes:
        """The bytes. Raises ValueError for digits that are no hex."""
        return bytes.fromhex(self.hex) if self.hex is not None else (self.text or "").encode()


class Write(_Content, frozen=True, kw_only=True):
    """Writes a file, with the folders above it; what was there is gone."""

    path: str


class Append(_Content, frozen=True, kw_only=True):
    """Adds to the end of a file."""

    path: str


class Delete(_Step, frozen=True, kw_only=True):
    """Deletes a file, a link, or a folder with all that is in it."""

    path: str


class Rename(_Step, frozen=True, kw_only=True):
    """Gives a file or folder another name."""

    source: str
    target: str


class Mkdir(_Step, frozen=True, kw_only=True):
    """Makes a folder, with the folders above it."""

    path: str


class Symlink(_Step, frozen=True, kw_only=True):
    """Makes `path` a symbolic link that holds `target` as it stands."""

    path: str
    target: str


class Chmod(_Step, frozen=True, kw_only=True):
    """Sets the mode of a file, in TOML best written as `0o755`."""

    path: str
    mode: Annotated[int, Meta(ge=0, le=0o7777)]


class Say(_Step, frozen=True, kw_only=True):
    """Writes a line to stdout."""

    text: str


class Whisper(_Step, frozen=True, kw_only=True):
    """Writes a line to stderr."""

    text: str


class Flood(_Step, frozen=True, kw_only=True):
    """Writes so many MiB to stdout."""

    mib: Annotated[int, Meta(ge=1, le=4096)]


class Use(_Step, frozen=True, kw_only=True):
    """Says that a model was used so much, as a real agent would; no model is."""

    model: str = "scripted"
    input_tokens: Annotated[int, Meta(ge=0)] = 0
    output_tokens: Annotated[int, Meta(ge=0)] = 0
    cached_tokens: Annotated[int, Meta(ge=0)] = 0
    cache_write_tokens: Annotated[int, Meta(ge=0)] = 0
    cost_usd: str = ""


class Sleep(_Step, frozen=True, kw_only=True):
    """Does nothing for a while."""

    seconds: Annotated[float, Meta(ge=0, le=86400)]


class Hang(_Step, frozen=True):
    """Does nothing for ever."""


class Exit(_Step, frozen=True, kw_only=True):
    """Ends with this exit code; without a report unless one was written before."""

    code: Annotated[int, Meta(ge=0, le=255)]


class Crash(_Step, frozen=True):
    """Kills itself with SIGKILL."""


class Spawn(_Step, frozen=True):
    """Leaves a process in a session of its own behind, which sleeps ten minutes; says its pid."""


class Report(_Step, frozen=True):
    """Writes the report now, not after the last step."""


class Garbage(_Content, frozen=True):
    """Writes these bytes where the report belongs, and no report."""


class Park(_Step, frozen=True, kw_only=True):
    """Writes a park note where the report belongs, in the first so many tries of the call; later it does nothing."""

    cause: Cause
    why: str = "the scenario says so"
    resets_in_s: Annotated[float, Meta(ge=0)] | None = None
    tries: Annotated[int, Meta(ge=1)] = 1


Change = Write | Append | Delete | Rename | Mkdir | Symlink | Chmod
Step = Change | Say | Whisper | Flood | Use | Sleep | Hang | Exit | Crash | Spawn | Report | Garbage | Park


def changed_paths(steps: tuple[Step, ...]) -> tuple[str, ...]:
    """Every path that `steps` change, sorted; a rename names both ends."""
    paths: set[str] = set()
    for step in steps:
        match step:
            case Rename():
                paths |= {step.source, step.target}
            case Write() | Append() | Delete() | Mkdir() | Symlink() | Chmod():
                paths.add(step.path)
    return tuple(sorted(paths))
