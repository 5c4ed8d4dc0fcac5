"""The last line of `--follow`: how the run stands, item by item, and what comes next.

Not here: what `run` says to people when it is done; see `commands/result.py`.
"""

from verger_kernel.errors import CommandError
from verger_kernel.following import kinds as k
from verger_kernel.following.lines import end_of, spot_of
from verger_kernel.rules import state as s
from verger_kernel.rules.bills import Spent
from verger_kernel.rules.money import dollars
from verger_kernel.rules.now import iso
from verger_kernel.snapshot import Snapshot


def result(
    state: s.RunState, view: Snapshot, exit_code: int, *, is_driven: bool = False, error: str = ""
) -> k.Result:
    """The result of a run: `view` says why and what next, `error` why following had to stop, empty otherwise."""
    return k.Result(
        seq=(state.journal_seq + 1) * k.PER_RECORD - 1,
        time=iso(state.updated_utc_ms),
        run=state.frame.run_id,
        exit_code=exit_code,
        state=view.current_state,
        driver="at work" if is_driven else "gone" if state.invocation else "left",
        items=ends(state),
        why=view.why,
        next=view.pending_action,
        error=k.Failure(what=error, hint=view.pending_action) if error else None,
    )


def refusal(error: CommandError, state: s.RunState | None, time: str) -> k.Result:
    """The result of a command that stopped with an error: before there was a run, or with the run in `state`."""
    failure = k.Failure(what=error.what, hint=error.hint)
    if state is None:
        return k.Result(
            seq=0,
            time=time,
            run="",
            exit_code=int(error.code),
            state="",
            driver="none",
            items=(),
            why="",
            next="",
            error=failure,
        )
    return k.Result(
        seq=(state.journal_seq + 1) * k.PER_RECORD - 1,
        time=time,
        run=state.frame.run_id,
        exit_code=int(error.code),
        state="",
        driver="gone",
        items=ends(state),
        why="",
        next=f"verger resume {state.frame.run_id}",
        error=failure,
    )


def ends(state: s.RunState) -> tuple[k.ItemEnd, ...]:
    """How every item of the run stands, in the playbook's order."""
    passed = {entry.item: entry for entry in state.passed}
    spot = spot_of(state)
    found = []
    for item in (facts.item_id for facts in state.frame.items):
        entry = passed.get(item)
        if entry:
            end = _end(item, "passed", entry.attempt, entry.spent, entry.commit)
        elif spot and spot.item == item:
            end = _end(item, end_of(state.stage), spot.attempt, state.spending.item)
        else:
            end = _end(item, "not_begun", 0, Spent())
        found.append(end)
    return tuple(found)


def _end(item: str, end: k.End, attempt: int, spent: Spent, commit: str = "") -> k.ItemEnd:
    return k.ItemEnd(
        item=item, end=end, attempt=attempt, commit=commit, usd=dollars(spent.microusd), tokens=spent.tokens
    )
