"""Every step of verification and of triage that the rules can take, observed: all that can come in is tried.

Not here: how it is drawn; see `draw_machines.py`.
"""

from collections.abc import Callable, Iterator
from itertools import product
from typing import NamedTuple

from verger_kernel.rules.doubts import next_trial
from verger_kernel.rules.frame import FlakeRules
from verger_kernel.rules.marks import FindingMark
from verger_kernel.rules.packs import Category
from verger_kernel.rules.triage import Case, rule
from verger_kernel.rules.trials import WHOLE, CommandMark, TrialMark
from verger_kernel.rules.verification import Need, judge

COMMAND = "make test"
START = "[*]"
Trials = tuple[TrialMark, ...]
Seen = dict[tuple[str, str], set[str]]
Fact = tuple[str, Callable[[Need, Trials], bool]]


class Ruling(NamedTuple):
    """One ruling on findings, with all that was so whenever it was given."""

    proposed: str
    kind: str
    why: str
    always: tuple[str, ...]


class Edge(NamedTuple):
    """One step between trials, with all that was so whenever it was taken."""

    source: str
    target: str
    always: tuple[str, ...]


def _mark(failed: tuple[str, ...] = (), **changed: object) -> CommandMark:
    plain = {
        "number": 1,
        "command": COMMAND,
        "status": "fail" if failed else "pass",
        "exit_code": 1 if failed else 0,
        "runner": "",
        "executed": 0,
        "failed": failed,
    }
    return CommandMark(**(plain | changed))  # type: ignore[arg-type]


def _told(purpose: str, failed: tuple[str, ...], executed: int = 10) -> CommandMark:
    turned = failed if purpose == "red" else ()
    return _mark(failed, runner="pytest", executed=executed, turned=turned)


def _silent(purpose: str) -> tuple[CommandMark, ...]:
    slow = (_mark((WHOLE,), status="timeout", exit_code=-15),) if purpose == "green" else ()
    return _mark(), _mark((WHOLE,)), *slow


def _telling(purpose: str) -> tuple[CommandMark, ...]:
    fewer = (_told(purpose, (), executed=7),) if purpose == "green" else ()
    return _told(purpose, ()), _told(purpose, ("a",)), *fewer


def _needs() -> Iterator[Need]:
    flags = ((False, True),) * 6
    for suggested, red, held_out, shared, accepted, again in product(*flags):
        yield Need(
            suggested=suggested,
            red=red,
            held_out=held_out,
            may_shrink=False,
            shared=(COMMAND,) if shared else (),
            flakes=FlakeRules(reruns=int(again), accepted=accepted, quarantined=()),
            known=None,
        )


FACTS: tuple[Fact, ...] = (
    ("the last trial failed", lambda _, trials: bool(trials and trials[-1].commands[0].failed)),
    ("the last trial passed", lambda _, trials: bool(trials and not trials[-1].commands[0].failed)),
    ("no trial of the result passed", lambda _, trials: bool(trials) and not _passed(trials)),
    ("the result passed at some time", lambda _, trials: _passed(trials)),
    ("the item must turn red into green", lambda need, _: need.red),
    ("the item need not show red", lambda need, _: not need.red),
    ("test surface was changed that nobody approved", lambda need, _: need.held_out),
    ("commands are suggested", lambda need, _: need.suggested),
    ("another item requires the command too", lambda need, _: bool(need.shared)),
    ("failures are tried again", lambda need, _: need.flakes.reruns > 0),
    ("flakes are accepted", lambda need, _: need.flakes.accepted),
    ("flakes are not accepted", lambda need, _: not need.flakes.accepted),
    ("a runner names the cases", lambda _, trials: bool(trials) and bool(trials[0].commands[0].runner)),
    ("no runner names a case", lambda _, trials: bool(trials) and not trials[0].commands[0].runner),
)


def _passed(trials: Trials) -> bool:
    greens = (one for one in trials if one.purpose == "green" and one.group == "required")
    return any(not one.commands[0].failed for one in greens)


def trial_edges() -> list[Edge]:
    """Every step from one trial to the next or to the outcome, in the order of the pipeline."""
    seen: Seen = {}
    for need in _needs():
        for can_do in (_silent, _telling):
            _walk(need, (), can_do, seen)
    names = [START, "green", "base", "held-out", "red", "suggested"]
    order = [*names, "pass", "partial", "fail", "flaky_pass", "base_broken"]
    said = [name for name, _ in FACTS]
    return [
        Edge(source, target, tuple(name for name in said if name in seen[source, target]))
        for source, target in sorted(seen, key=lambda way: (order.index(way[0]), order.index(way[1])))
    ]


def _walk(need: Need, trials: Trials, can_do: Callable[[str], tuple[CommandMark, ...]], seen: Seen) -> None:
    asked = next_trial(need, trials)
    target = _name(asked.group, asked.purpose) if asked else judge(need, trials).outcome
    source = _name(trials[-1].group, trials[-1].purpose) if trials else START
    so = {name for name, holds in FACTS if holds(need, trials)}
    seen[source, target] = seen.get((source, target), so) & so
    if asked:
        for mark in can_do(asked.purpose):
            trial = TrialMark(
                group=asked.group, purpose=asked.purpose, nth=asked.nth, commands=(mark,), unmade=()
            )
            _walk(need, (*trials, trial), can_do, seen)


def _name(group: str, purpose: str) -> str:
    return purpose if group == "required" else group


PROPOSALS = ("", "pass", "fix_required", "awaiting_human_gate", "blocked_external", "escalate")
CATEGORIES: tuple[Category, ...] = ("correctness", "manual_gate", "external_dependency")
WEIGHTS: tuple[tuple[str, Callable[[Case], bool]], ...] = (
    ("something blocks", lambda case: bool(_open(case, blocking=True))),
    ("nothing blocks", lambda case: not _open(case, blocking=True)),
    ("a finding is left", lambda case: bool(_open(case))),
    ("no finding is left", lambda case: not _open(case)),
    ("a person decides at the end", lambda case: case.gate),
    ("no gate is declared", lambda case: not case.gate),
    ("the worker left something unresolved", lambda case: case.unresolved > 0),
    ("the worker left nothing unresolved", lambda case: not case.unresolved),
)


def _open(case: Case, *, blocking: bool = False) -> list[FindingMark]:
    left = (mark for mark in case.findings if mark.finding_id not in case.dismissed)
    return [mark for mark in left if mark.is_blocking or not blocking]


def rulings() -> list[Ruling]:
    """Every ruling, by what the triage agent proposed; numbers in the reasons are left out."""
    seen: dict[tuple[str, str, str], set[str]] = {}
    for case in _cases():
        ruling = rule(case)
        key = (case.proposal, ruling.kind, _words(ruling.why))
        so = {name for name, holds in WEIGHTS if holds(case)}
        seen[key] = seen.get(key, so) & so
    return [
        Ruling(*key, tuple(name for name, _ in WEIGHTS if name in seen[key] - _implied(seen[key])))
        for key in sorted(seen, key=lambda key: (PROPOSALS.index(key[0]), key))
    ]


def _words(why: str) -> str:
    return " ".join(word for word in why.split() if not word.isdigit())


def _implied(names: set[str]) -> set[str]:
    return {"a finding is left"} if "something blocks" in names else set()


def _cases() -> Iterator[Case]:
    flags = ((False, True),) * 4
    for proposal, category in product(PROPOSALS, (None, *CATEGORIES)):
        for blocks, dismissed, gate, unresolved in product(*flags):
            mark = FindingMark(
                finding_id="1",
                severity="high",
                category=category or "other",
                is_blocking=blocks,
                sources=("audit-a",),
            )
            yield Case(
                findings=(mark,) if category else (),
                unresolved=int(unresolved),
                gate=gate,
                proposal=proposal,
                dismissed=("1",) if dismissed and proposal else (),
            )
