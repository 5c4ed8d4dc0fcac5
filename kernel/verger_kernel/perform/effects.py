"""Which hand performs which effect, and what a failure of the world becomes.

Not here: the hands themselves, one module a noun.
"""

from typing import assert_never

from anyio import to_thread
from msgspec import DecodeError

from verger_kernel.agents.outcome import CallParked
from verger_kernel.git.command import GitError
from verger_kernel.git.refs import MoveRefused, RefMoved, RefUnreadable
from verger_kernel.git.removal import RemovalRefused
from verger_kernel.perform import branch, packet, worktree
from verger_kernel.perform.audit import audit
from verger_kernel.perform.calls import Tell
from verger_kernel.perform.site import Site
from verger_kernel.perform.triage import triage
from verger_kernel.perform.verification import run_commands
from verger_kernel.perform.worker import run_worker
from verger_kernel.process.ending import Unendable
from verger_kernel.rules import effects as f
from verger_kernel.rules.budgets import Overspent
from verger_kernel.rules.events import Answer, EffectFailed, EffectParked, Event

WORLD = (
    OSError,
    DecodeError,
    UnicodeDecodeError,
    GitError,
    MoveRefused,
    RefMoved,
    RefUnreadable,
    RemovalRefused,
    Unendable,
)
"""What the world can refuse while an effect is performed; anything else is a defect of ours."""


async def perform(effect: f.Effect, site: Site, tell: Tell) -> Event:
    """Performs `effect` and answers with what came of it.

    What the world refuses (disk, git, permissions) is EffectFailed, and what must wait EffectParked: the effect stays
    outstanding and resume tries it again. A defect of ours is raised.
    """
    try:
        return await _answer(effect, site, tell)
    except CallParked as call:
        put_off = call.parked
        return EffectParked(
            effect=effect.id,
            cause=put_off.cause,
            why=put_off.why,
            resets_utc_ms=put_off.resets_utc_ms,
            bill=put_off.bill,
        )
    except Overspent as over:
        return EffectParked(
            effect=effect.id, cause="budget", why=over.why, resets_utc_ms=None, raise_with=over.raise_with
        )
    except WORLD as error:
        return EffectFailed(effect=effect.id, what=f"{type(error).__name__}: {error}")


async def _answer(effect: f.Effect, site: Site, tell: Tell) -> Answer:
    match effect:
        case f.RunWorker():
            return await run_worker(effect, site, tell)
        case f.RunCommands():
            return await run_commands(effect, site)
        case f.Audit():
            return await audit(effect, site, tell)
        case f.Triage():
            return await triage(effect, site, tell)
        case _:
            return await to_thread.run_sync(_without_children, effect, site)


def _without_children(
    effect: f.CreateRunBranch | f.PrepareWorktree | f.Checkpoint | f.FreezePacket | f.OpenGate | f.CloseItem,
    site: Site,
) -> Answer:
    match effect:
        case f.CreateRunBranch():
            return branch.create(effect, site)
        case f.PrepareWorktree():
            return worktree.prepare(effect, site)
        case f.Checkpoint():
            return branch.checkpoint(effect, site)
        case f.FreezePacket():
            return packet.freeze(effect, site)
        case f.OpenGate():
            return branch.open_gate(effect, site)
        case f.CloseItem():
            return branch.close(effect, site)
        case _:
            assert_never(effect)
