"""The agent's own session of a call: kept when it is said to have begun, found again by the next try, and taken over.

Not here: how an agent continues in it; see its adapter.
"""

import os
import shutil
from dataclasses import replace
from pathlib import Path

import msgspec

from verger_kernel.agents.base import Adapter, Turn
from verger_kernel.disk.layout import CallFolder
from verger_kernel.perform.site import Site
from verger_kernel.process.environment import path_given
from verger_kernel.rules.ids import EffectId, tries_of
from verger_kernel.rules.packs import TaskSpecification
from verger_kernel.rules.policy import AgentDefinition
from verger_probes.decoding import decoded
from verger_probes.identity import boot_id
from verger_probes.records import write_record


class Kept(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What stands in the file: the session's name, and the boot in which what it did was on disk."""

    session: str
    boot: str


def keep(folder: CallFolder, session: str) -> None:
    """Keeps that `session` began, for the tries after this one."""
    kept = Kept(session=session, boot=boot_id())
    write_record(folder.session, msgspec.json.encode(kept), durable=False)


def earlier(effect: EffectId) -> tuple[EffectId, ...]:
    """The tries before `effect`, the newest first."""
    head = effect.rpartition("/t")[0]
    return tuple(EffectId(f"{head}/t{tries}") for tries in range(tries_of(effect) - 1, 0, -1))


def fresh(site: Site, agent: AgentDefinition, asked: TaskSpecification, folder: Path) -> Turn:
    """The start of `agent` that would begin anew about `asked`; what it keeps for itself lies in `folder`."""
    path, is_enclosed = path_given(site.ambient), site.policy.sandbox == "required"
    return Turn(agent, asked, site.repository.root, folder, path, is_enclosed)


def continued(adapter: Adapter, fresh: Turn, before: tuple[CallFolder, ...]) -> Turn | None:
    """`fresh` as a continuation of the newest of the tries `before` whose session can go on; None if none can.

    A session of an earlier boot does not count: what it did may be lost, and it would not know.
    """
    for folder in before:
        kept = _kept(folder)
        if kept is None or kept.boot != boot_id():
            continue
        turn = replace(fresh, folder=folder.agent, session=kept.session, continues=True)
        if adapter.can_continue(turn):
            return turn
    return None


def take_over(turn: Turn, folder: CallFolder) -> Turn:
    """`turn` in the call folder `folder`: what its agent left in the earlier one goes along. Raises OSError."""
    keep(folder, turn.session)
    if turn.folder.is_dir() and turn.folder != folder.agent:
        if folder.agent.exists():
            shutil.rmtree(folder.agent)
        turn.folder.rename(folder.agent)
    return replace(turn, folder=folder.agent)


def forget(folder: CallFolder) -> None:
    """Lets no later try continue what this one began."""
    folder.session.unlink(missing_ok=True)


def clear(agent: Path) -> None:
    """Throws away what the agent kept for itself: beside its session that may be secrets. Links are not followed."""
    if agent.is_dir():
        for entry in os.scandir(agent):
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path, ignore_errors=True)


def _kept(folder: CallFolder) -> Kept | None:
    try:
        return decoded(folder.session.read_bytes(), Kept)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None
