"""What people see on standard error while a run goes on: one line a step.

Not here: results, which go to standard output; see `commands/`.
"""

from verger_kernel.rules import events as e
from verger_kernel.rules import state as s
from verger_kernel.rules.ids import EffectId, shown, tries_of
from verger_kernel.rules.trials import SETUP, WHOLE, CommandMark, TrialMark
from verger_kernel.terminal import printable

_SHOWN = 3

_TREES = {
    "base": "base",
    "red": "base with the item's tests",
    "held-out": "result with the base's tests",
}


def line(before: s.RunState, event: e.Event, after: s.RunState) -> str:
    """What `event` means to a person, with how the item ended if it did; empty when nothing is to tell."""
    said = _said(event, before, after)
    ended = "" if after.stage == before.stage else _end(after)
    return "\n".join(filter(None, (said, ended)))


def _said(event: e.Event, before: s.RunState, after: s.RunState) -> str:
    match event:
        case e.InvocationStarted(swept=swept) if swept:
            return f"ended {swept} process(es) that an earlier invocation left running"
        case e.WorktreeReady():
            return _about(event.effect, "worktree ready")
        case e.AgentStarted(agent=agent, effect=effect):
            again = f", try {tries_of(effect)}" if tries_of(effect) > 1 else ""
            stage = effect.split("/")[3].replace("audit-", "audit ")
            return _about(effect, f"{stage}: {agent} began{again}")
        case e.WorkerReturned():
            return _about(event.effect, f"{event.verdict or event.problem}, {event.changed} path(s) changed")
        case e.CommandsReturned(trial=trial):
            return _about(event.effect, f"verify {_seen(trial)}")
        case e.PacketFrozen(packet=packet):
            return _about(event.effect, f"packet {packet[:12]} frozen")
        case e.AuditReturned():
            found = f", {len(event.findings)} finding(s)" if event.findings else ""
            return _about(event.effect, f"audit {event.lane}: {event.verdict or event.problem}{found}")
        case e.TriageReturned():
            return _about(event.effect, f"triage: {event.decision or event.problem}")
        case e.GateDecided(decision=decision):
            return f"{decision.item}  {decision.outcome} by {printable(decision.by)}"
        case e.ItemClosed():
            return f"{after.passed[-1].item}  passed"
        case e.EffectFailed(what=what):
            return _about(event.effect, f"could not go on: {what}")
        case e.BudgetRaised(by=by):
            return f"{printable(by)} lets the run spend more"
        case e.EffectParked(why=why, cause=cause):
            return _about(event.effect, f"parked, {cause}: {why}")
        case e.RunRetargeted(branch=branch, tip=tip):
            return f"the run goes on from {tip} on {printable(branch)}, no longer from {before.tip}"
        case _:
            return ""


def _seen(trial: TrialMark) -> str:
    which = "" if trial.purpose == "green" else f" on the {_TREES[trial.purpose]}"
    again = f", trial {trial.nth}" if trial.nth > 1 else ""
    failed = [_named(mark) for mark in trial.commands if mark.failed]
    failed += [f"{one.path} {one.why}" for one in trial.unmade]
    said = f"{len(failed)} failed: {'; '.join(failed[:_SHOWN])}" if failed else "passed"
    if trial.purpose == "red":
        said += ", as it must without the change" if failed else ", though it should fail without the change"
    return f"{trial.group}{which}{again}: {said}"


def _named(mark: CommandMark) -> str:
    """The command that failed, and the first of its cases."""
    name = shown(mark.command) if mark.number != SETUP else f"setup {shown(mark.command)}"
    cases = [case for case in mark.failed if case != WHOLE]
    more = f" and {len(cases) - _SHOWN} more" if len(cases) > _SHOWN else ""
    return f"{name} ({', '.join(cases[:_SHOWN])}{more})" if cases else f"{name} ({mark.status})"


def _about(effect: EffectId, text: str) -> str:
    # Where the effect belongs, not where the run stands after it: an answer may have begun the next round.
    item, attempt, round_, *_ = effect.split("/")
    if round_ == "r0" and attempt == "a0":
        return printable(text)
    where = f"round {round_[1:]}" if attempt == "a1" else f"attempt {attempt[1:]} round {round_[1:]}"
    return f"{item}  {where}  {printable(text)}"


def _end(state: s.RunState) -> str:
    match state.stage:
        case s.AwaitingGate(spot=spot):
            return f"{spot.item}  awaits a person"
        case s.BlockedExternal(spot=spot, why=why):
            return f"{spot.item}  blocked: {printable(why)}"
        case s.Escalated(spot=spot, why=why):
            return f"{spot.item}  escalated: {printable(why)}"
        case _:
            return ""
