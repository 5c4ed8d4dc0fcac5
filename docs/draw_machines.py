"""Draws docs/machines/ from the tables and rules themselves: `python docs/draw_machines.py`, after they changed.

Not here: the tables, see `verger_kernel.rules.transitions`; how trials, rulings and the watch are observed:
`observe_rules.py` and `observe_watch.py`.
"""

import ast
import inspect
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import get_args

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "docs" / "machines"
sys.path[:0] = [str(ROOT), str(ROOT / "daemon"), str(ROOT / "kernel"), str(ROOT / "probes")]

from docs.observe_rules import Edge, Ruling, rulings, trial_edges  # noqa: E402  # found by the line above
from docs.observe_watch import watched  # noqa: E402

from verger_daemon.rules import watch, watch_effects, watch_events  # noqa: E402
from verger_kernel.rules import events as e  # noqa: E402
from verger_kernel.rules import machine  # noqa: E402
from verger_kernel.rules import state as s  # noqa: E402
from verger_kernel.rules.transitions import ASKS, RUN_EVENTS, TRANSITIONS  # noqa: E402

RULES = "../../kernel/verger_kernel/rules"
DAEMON = "../../daemon/verger_daemon/rules"
START = "[*]"


def run_page() -> str:
    """The run machine: what each stage asks for, and what leads where."""
    return _page(
        "The run machine",
        "transitions.py",
        "`advance(state, event, now)` takes one event and answers with the next stage and with effects to perform.",
        "Each step is checked against the table drawn here: what is not in it cannot happen.",
        _diagram(_ways()),
        "## Stages",
        "A stage asks for one kind of effect. One that asks for none waits for a person, or for the next invocation.",
        _table(("stage", "what is true in it", "asks for"), _stages()),
        "## Steps",
        _table(("in", "comes", "and leads to", "because"), _steps()),
        "## In any stage",
        "These events can come at any time. They leave the stage as it is, except where a way is named.",
        _table(("comes", "what it says", "leads on"), _run_events()),
    )


def trials_page() -> str:
    """The trials of one verification: which one follows which, and what was so each time."""
    edges = trial_edges()
    return _page(
        "The trials of a verification",
        "doubts.py",
        "Inside the stage `Verifying`, `next_trial` says which trial is missing, and `judge` what all of them prove.",
        "Drawn here is every order of trials that comes up when one required command passes, fails, breaks a limit or\n"
        "reports fewer cases, for every kind of item, with failures tried again once or not at all.",
        "What the trials are: [verification](../verification.md#trials). What an outcome leads to, in\n"
        "[the run machine](run.md): `CommandsReturned`.",
        _diagram((edge.source, edge.target, "") for edge in edges),
        "## What was so each time",
        "A line is one step. *Always* lists what was true of every single case in which it was taken.",
        _table(("after", "comes", "always"), map(_observed, edges)),
    )


def triage_page() -> str:
    """The rulings on merged findings, by everything that can weigh."""
    return _page(
        "Triage",
        "triage.py",
        "What follows from the merged findings of both lanes. Nothing is proposed where the lane of triage is `rules`.",
        "Drawn from every combination of a proposal, a finding, a gate, and what the worker left unresolved.\n"
        "*Always* lists what was true of every single case.",
        _table(("proposed", "ruling", "why", "always"), map(_ruled, rulings())),
    )


def supervision_page() -> str:
    """The watch over one run: its phases, what leads where, and what it can ask its hands to do."""
    seen = watched()
    ways = [
        (source, target, event)
        for (source, event), targets in seen.ways.items()
        for target in sorted(targets)
        if target != source
    ]
    return _page(
        "The watch over a run",
        "supervision.py",
        "`advance(watch, event, now)` takes one event and answers with the next watch and with effects to perform.",
        "Drawn here is all that came of it when in each state that was reached everything was tried.\n"
        "What the claims mean: [supervised runs](../supervision.md#what-may-be-claimed).",
        _diagram([(START, watch.Phase.RESTING, ""), *sorted(ways)]),
        "## Phases",
        _table(("phase", "what is true in it", "what can be said in it"), _phases(seen.claims)),
        "## Steps",
        "Any other event leaves the phase as it is.",
        _table(
            ("in", "comes", "and leads to", "which says"),
            (
                (f"`{source}`", f"`{event}`", f"`{target}`", _says(getattr(watch_events, event)))
                for source, target, event in sorted(ways)
            ),
        ),
        "## Effects",
        "None starts a kernel, and the one that ends a kernel comes of one event alone: somebody asked for it.",
        _table(
            ("effect", "what it asks for", "can come of"),
            (
                (f"`{one.__name__}`", _says(one), _causes(seen.causes[one.__name__]))
                for one in get_args(watch_effects.Effect)
            ),
        ),
        rules=DAEMON,
    )


def _causes(found: set[str]) -> str:
    known = {one.__name__ for one in get_args(watch_events.Event)}
    rest = known - found
    if len(rest) < len(found):
        return f"any event{' but ' if rest else ''}{_names(rest)}"
    return _names(found)


def _names(names: set[str]) -> str:
    return ", ".join(f"`{one}`" for one in sorted(names))


def _phases(claims: dict[str, set[str]]) -> Iterator[tuple[str, ...]]:
    (tree,) = (
        node
        for node in ast.parse(inspect.getsource(watch)).body
        if isinstance(node, ast.ClassDef) and node.name == watch.Phase.__name__
    )
    # What stands below a name says what the name means; Python itself does not keep it.
    said = {
        ast.literal_eval(name.value): ast.literal_eval(below.value)
        for name, below in zip(tree.body, tree.body[1:], strict=False)
        if isinstance(name, ast.Assign) and isinstance(below, ast.Expr)
    }
    for phase in watch.Phase:
        yield f"`{phase}`", said[phase], _names(claims[phase])


def _page(title: str, source: str, *parts: str, rules: str = RULES) -> str:
    drawn = (
        f"Drawn from [{source}]({rules}/{source}) by `docs/draw_machines.py`; a test fails when it is stale."
    )
    return "\n\n".join((f"# {title}", drawn, *parts)) + "\n"


def _ways() -> Iterator[tuple[str, str, str]]:
    yield START, s.Opening.__name__, e.RunCreated.__name__
    for source, events in TRANSITIONS.items():
        for event, targets in events.items():
            yield from ((source.__name__, target.__name__, event.__name__) for target in targets)
    for event, ways in RUN_EVENTS.items():
        for source, targets in ways.items():
            fresh = (target for target in targets if target is not source)
            yield from ((source.__name__, target.__name__, event.__name__) for target in fresh)


def _diagram(ways: Iterable[tuple[str, str, str]]) -> str:
    known = list(ways)
    names = dict.fromkeys(name for source, target, _ in known for name in (source, target))
    lines = [f'    state "{name}" as {_node(name)}' for name in names if _node(name) != name]
    lines += [
        f"    {_node(source)} --> {_node(target)}{f': {label}' if label else ''}"
        for source, target, label in known
    ]
    return "\n".join(("```mermaid", "stateDiagram-v2", *lines, "```"))


def _node(name: str) -> str:
    # A dash begins an arrow.
    return name.replace("-", "_")


def _table(header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [header, ("---",) * len(header), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _stages() -> Iterator[tuple[str, ...]]:
    for stage in get_args(s.Stage):
        asked = f"`{ASKS[stage].__name__}`: {_says(ASKS[stage])}" if stage in ASKS else ""
        yield f"`{stage.__name__}`", _says(stage), asked


def _steps() -> Iterator[tuple[str, ...]]:
    decided = _deciders()
    for source, events in TRANSITIONS.items():
        for event, targets in events.items():
            names = ", ".join(f"`{target.__name__}`" for target in targets)
            yield (
                f"`{source.__name__}`",
                f"`{event.__name__}`",
                names,
                decided.get(event.__name__, _says(event)),
            )


def _run_events() -> Iterator[tuple[str, ...]]:
    for event, ways in RUN_EVENTS.items():
        leads = (
            f"`{source.__name__}` → {', '.join(f'`{one.__name__}`' for one in targets if one is not source)}"
            for source, targets in ways.items()
        )
        yield f"`{event.__name__}`", _says(event), "; ".join(leads)


def _says(kind: type) -> str:
    """The first sentence of a docstring, on one line."""
    return inspect.cleandoc(kind.__doc__ or "").partition("\n\n")[0].replace("\n", " ").replace("|", "\\|")


def _deciders() -> dict[str, str]:
    """By event: which function of the rules decides about it, with what it says of itself."""
    tree = ast.parse(inspect.getsource(machine._step))
    found = {}
    for case in (node for node in ast.walk(tree) if isinstance(node, ast.match_case)):
        answer = case.body[0]
        if isinstance(answer, ast.Return) and isinstance(answer.value, ast.Call):
            room, _, name = ast.unparse(answer.value.func).partition(".")
            if name and isinstance(case.pattern, ast.MatchClass):
                event = ast.unparse(case.pattern.cls).partition(".")[2]
                found[event] = f"{_says(getattr(getattr(machine, room), name))} [{room}]({RULES}/{room}.py)"
    return found


def _observed(edge: Edge) -> tuple[str, ...]:
    return edge.source.replace(START, "the checkpoint"), edge.target, "; ".join(edge.always)


def _ruled(ruling: Ruling) -> tuple[str, ...]:
    return ruling.proposed or "nothing", f"**{ruling.kind}**", ruling.why, "; ".join(ruling.always)


PAGES = {"run": run_page, "supervision": supervision_page, "trials": trials_page, "triage": triage_page}


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, drawn in PAGES.items():
        (FOLDER / f"{name}.md").write_text(drawn(), encoding="utf-8")
