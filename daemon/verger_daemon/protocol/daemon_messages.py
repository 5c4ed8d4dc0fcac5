"""What is said about the daemon itself: what it is at, what it goes by, how it is to leave.

Not here: all other messages, and its own proof that it is alive; see `messages.py`.
"""

from typing import Annotated, Literal

from msgspec import Meta

from verger_daemon.protocol.messages import Message, Params
from verger_daemon.protocol.words import Epoch, Pid, Text, Version


class ShutdownParams(Params, frozen=True):
    """How the daemon is to leave."""

    kernels: Annotated[
        bool, Meta(description="whether every kernel is stopped before; else they go on without it")
    ] = False


class DaemonStatusResult(Message, frozen=True):
    """The daemon at a glance."""

    version: Version
    pid: Pid
    epoch: Epoch
    started_utc: Annotated[str, Meta(description="when it began, ISO 8601 in UTC")]
    socket: Annotated[str, Meta(description="the path it listens at")]
    state: Annotated[str, Meta(description="the folder of what it remembers")]
    runs: Annotated[int, Meta(description="how many runs it supervises")]
    live: Annotated[int, Meta(description="of how many it can say that they are alive right now")]
    idle_exit_s: Annotated[int, Meta(description="after how long without work it leaves; 0 is never")]
    text: Text


class Setting(Message, frozen=True):
    """One setting of the daemon, as it is in force."""

    name: Annotated[
        str, Meta(description="its name in daemon.toml; in the environment VERGERD_ and capitals")
    ]
    value: Annotated[bool | int | str, Meta(description="its value")]
    source: Annotated[
        Literal["default", "file", "env", "flag"], Meta(description="which place had the last word")
    ]


class SettingsResult(Message, frozen=True):
    """Every setting, and where its value came from."""

    file: Annotated[str, Meta(description="where a user writes settings; it need not be there")]
    settings: Annotated[tuple[Setting, ...], Meta(description="each of them")]
    text: Text
