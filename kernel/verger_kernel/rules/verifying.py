"""Verification as a stage of the pipeline: which trial comes next, and what its judgement leads to.

Not here: which trial is missing (`doubts.py`), and the judgement itself (`verification.py`).
"""

from msgspec.structs import replace

from verger_kernel.rules import effects as f
from verger_kernel.rules import events as e
from verger_kernel.rules import state as s
from verger_kernel.rules.attempts import Trials, marks, newest, numbers, tried
from verger_kernel.rules.doubts import Next, next_trial
from verger_kernel.rules.findings import merge_marks
from verger_kernel.rules.frame import REQUIRED, Frame
from verger_kernel.rules.marks import FindingMark
from verger_kernel.rules.now import Now
from verger_kernel.rules.rounds import escalate, mend, named
from verger_kernel.rules.step import Step, go
from verger_kernel.rules.surface.mark import SurfaceMark
from verger_kernel.rules.trials import SETUP, WHOLE, CommandMark, TrialMark, trial_name
from verger_kernel.rules.verification import Judgement, Need, judge


def need_of(frame: Frame, item: str, surface: SurfaceMark, known: TrialMark | None) -> Need:
    """What the verification of `item` must show, given what its change did to the test surface."""
    facts = frame.item(item)
    return Need(
        suggested=facts.suggested,
        red=facts.red,
        held_out=surface.held_out,
        may_shrink=surface.may_shrink,
        shared=facts.shared,
        flakes=frame.flakes,
        known=known,
    )


def checkpointed(state: s.RunState, event: e.Checkpointed) -> Step:
    """The first trial is made of the checkpoint."""
    stage = state.stage
    assert isinstance(stage, s.Checkpointing)
    spot = replace(stage.spot, tip=event.commit)
    verifying = s.Verifying(
        spot,
        claims=stage.claims,
        tree=stage.tree,
        surface=event.surface,
        known=_known(state, spot),
        trials=(),
        report="",
    )
    first = next_trial(need_of(state.frame, spot.item, event.surface, verifying.known), ())
    assert first
    return go(state, verifying, _trial(verifying, first))


def _known(state: s.RunState, spot: s.Spot) -> TrialMark | None:
    """What the base showed when it was the result of an earlier item, if all commands of this one ran then."""
    measured = next((one for one in state.measured if one.commit == spot.base), None)
    if measured is None:
        return None
    seen = {mark.command: mark for mark in measured.commands if mark.number != SETUP}
    required = state.frame.item(spot.item).required
    if not all(command in seen for command in required):
        return None
    commands = tuple(replace(seen[command], number=n) for n, command in enumerate(required, start=1))
    return TrialMark(group=REQUIRED, purpose="base", nth=0, commands=commands, unmade=())


def _trial(stage: s.Verifying, asked: Next) -> f.RunCommands:
    spot = stage.spot
    return f.RunCommands(
        named(spot, "verify", trial_name(asked.group, asked.purpose, asked.nth)),
        item=spot.item,
        attempt=spot.attempt,
        round=spot.round,
        group=asked.group,
        purpose=asked.purpose,
        nth=asked.nth,
        base=spot.base,
        commit=spot.tip,
        known=stage.known,
        surface=stage.surface.report,
        report=stage.report,
    )


def commands_returned(state: s.RunState, event: e.CommandsReturned, now: Now) -> Step:
    """The next trial; after the last one a packet, a round without any audit, or a person."""
    stage = state.stage
    assert isinstance(stage, s.Verifying)
    if event.escapes:
        return escalate(state, stage.spot, "a command left its bounds", event.escapes, now)
    trials = (*stage.trials, event.trial)
    need = need_of(state.frame, stage.spot.item, stage.surface, stage.known)
    asked = next_trial(need, trials)
    if asked:
        stage = replace(stage, trials=trials, report=event.report)
        return go(state, stage, _trial(stage, asked))
    judgement = judge(need, trials)
    match judgement.outcome:
        case "base_broken" | "flaky_pass":
            return _not_to_blame(state, stage.spot, judgement, now)
        case "fail":
            ids = tuple(one.mark.finding_id for one in judgement.final)
            return mend(state, stage.spot, ids, "required verification failed", now)
        case "pass" | "partial":
            found = merge_marks((*(one.mark for one in judgement.dismissible), *stage.surface.findings))
            return _verified(_with_measured(state, stage.spot, trials), stage, found, event, now)


def _not_to_blame(state: s.RunState, spot: s.Spot, judgement: Judgement, now: Now) -> Step:
    """Neither the worker nor a further round can help: a person decides about the command."""
    guilty = [one for one in judgement.verdicts if one.verdict == judgement.outcome]
    what = "setup" if all(one.number == SETUP for one in guilty) else "a required command"
    why = {
        "base_broken": f"{what} fails on the base as well, without the change",
        "flaky_pass": f"{what} failed and passed on the same result, which the policy does not accept",
    }[judgement.outcome]
    named_ = tuple(
        one.command if case == WHOLE else f"{one.command}: {case}" for one in guilty for case in one.cases
    )
    return escalate(state, spot, why, named_, now, is_workers=False)


def _verified(
    state: s.RunState, stage: s.Verifying, found: tuple[FindingMark, ...], event: e.CommandsReturned, now: Now
) -> Step:
    spot = stage.spot
    blocking = tuple(mark.finding_id for mark in found if mark.is_blocking)
    if blocking and not state.frame.triage_agent:
        # The rule alone dismisses nothing: audits would be paid for a result that must change anyway.
        return mend(state, spot, blocking, "verification found what blocks", now)
    freezing = s.Freezing(spot, claims=stage.claims, tree=stage.tree, found=found, verification=event.report)
    effect = f.FreezePacket(
        named(spot, "freeze"),
        item=spot.item,
        attempt=spot.attempt,
        round=spot.round,
        base=spot.base,
        commit=spot.tip,
        verification=event.report,
        report=stage.claims.report,
    )
    return go(state, freezing, effect)


def _with_measured(state: s.RunState, spot: s.Spot, trials: tuple[TrialMark, ...]) -> s.RunState:
    """The state with what this result showed: it may be the base of the next item."""
    greens = tried(trials, "green")
    commands = tuple(_passed(greens, number) for number in numbers(greens))
    kept = tuple(one for one in state.measured if one.commit == state.tip != spot.tip)
    return replace(state, measured=(*kept, s.Measured(commit=spot.tip, commands=commands)))


def _passed(greens: Trials, number: int) -> CommandMark:
    # Its newest trial may be one in which an accepted flake ended it early.
    most = max(mark.executed for mark in marks(greens, number))
    return replace(newest(greens, number), status="pass", exit_code=0, failed=(), executed=most)
