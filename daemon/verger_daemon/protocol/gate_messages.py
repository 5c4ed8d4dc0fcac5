"""The results of the methods about gates. They show what is asked; no message decides it.

Not here: all other messages; see `messages.py`.
"""

from typing import Annotated

from msgspec import Meta

from verger_daemon.protocol.messages import Message
from verger_daemon.protocol.words import Attempt, Directory, ItemId, RunId, Text


class GateRow(Message, frozen=True):
    """A gate that waits for a person."""

    run_id: RunId
    directory: Directory
    item_id: ItemId
    attempt: Attempt
    assurance: Annotated[str, Meta(description="how far a name on the decision will be trusted")]


class GateListResult(Message, frozen=True):
    """The gates that wait."""

    gates: tuple[GateRow, ...]
    text: Text


class GateShowResult(GateRow, frozen=True):
    """A gate, and what a person types to decide; nothing but that opens it."""

    gate_nonce: Annotated[str, Meta(description="what `verger mark-manual-gate --gate-nonce` takes")]
    old: Annotated[str, Meta(description="the commit before")]
    new: Annotated[str, Meta(description="the commit that is decided")]
    commands: Annotated[tuple[str, ...], Meta(description="what a person types, one of them")]
    text: Text
