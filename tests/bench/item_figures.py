"""What one item costs: processes, calls, syncs, and the time that is ours.

Not here: what becomes of it over many items or many files; see `growth_figures.py`.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from tests.bench.agents_alone import agents_s
from tests.bench.counting import NotCounted, git_counter, sync_counter
from tests.bench.disk import sync_ms
from tests.bench.effort import Effort
from tests.bench.figures import Figure, median
from tests.bench.workshop import Shape, workshop

SYNC_COSTS_MS = (1, 5)


def item_figures(effort: Effort) -> Iterator[Figure]:
    """Counts first: they are exact. Then times."""
    one, all_ = _counted(1), _counted(effort.counted)
    syncs = list(_per_item(effort, one, all_))
    yield from syncs
    yield from _own_time(effort, next(each.value for each in syncs if each.name == "fsyncs_per_item"))


@dataclass(frozen=True)
class Counts:
    """What one run did; `syncs` is None where they cannot be counted, and `how` says why, else with what."""

    git: int
    calls: int
    syncs: int | None
    how: str


def _counted(items: int) -> Counts:
    with workshop(Shape(items=items)) as made:
        git = git_counter(made.root)
        try:
            syncs = sync_counter(made.root)
        except NotCounted as reason:
            made.timed(made.chain(), git.folder)
            return Counts(git.count(), len(made.calls), None, f"not counted: {reason}")
        made.timed((*syncs.prefix, *made.chain()), git.folder)
        return Counts(git.count(), len(made.calls), syncs.count(), f"{syncs.how}, git's included")


def _per_item(effort: Effort, one: Counts, all_: Counts) -> Iterator[Figure]:
    more = effort.counted - 1
    slope = f"{effort.counted} items less 1, by {more}"
    git = "a counting git on PATH, git's own children included"
    yield Figure("git_processes_per_item", (all_.git - one.git) / more, "processes", f"{git}: {slope}")
    yield Figure("git_processes_one_item_run", one.git, "processes", f"{git}: a whole run of one item")
    calls = f"folders of calls that a run leaves: {slope}"
    yield Figure("agent_calls_per_item", (all_.calls - one.calls) / more, "calls", calls)
    if one.syncs is None or all_.syncs is None:
        yield Figure("fsyncs_per_item", None, "syncs", one.how)
        yield Figure("fsyncs_one_item_run", None, "syncs", one.how)
    else:
        yield Figure("fsyncs_per_item", (all_.syncs - one.syncs) / more, "syncs", f"{one.how}: {slope}")
        yield Figure("fsyncs_one_item_run", one.syncs, "syncs", f"{one.how}: a whole run of one item")


def _own_time(effort: Effort, syncs: float | None) -> Iterator[Figure]:
    more = effort.chain - 1
    ones, agents, owns, cpus = [], [], [], []
    for _ in range(effort.pairs):
        with workshop() as single:
            one = single.timed(single.run())
            agents.append(agents_s(single, effort.calls))
        with workshop(Shape(items=effort.chain)) as many:
            chain = many.timed(many.chain())
        ones.append(one.wall_s)
        owns.append((chain.wall_s - one.wall_s) / more - agents[-1])
        cpus.append((chain.cpu_s - one.cpu_s) / more)
    how = f"wall of {effort.chain} items less wall of 1, by {more}, less agents"
    own = median("own_time_per_item_s", owns, "s", how)
    yield own
    yield from _at_other_costs(effort, own, syncs)
    yield median(
        "agents_time_per_item_s", agents, "s", "the same commands alone: worker, then both lanes at once"
    )
    how = f"user and system time of {effort.chain} items less 1, by {more}, git and agents included"
    yield median("cpu_per_item_s", cpus, "s", how)
    yield median("one_item_run_s", ones, "s", "whole process, agents included")


def _at_other_costs(effort: Effort, own: Figure, syncs: float | None) -> Iterator[Figure]:
    with workshop(Shape(tracked=0)) as made:
        here_ms = sync_ms(made.root, effort.syncs)
    for cost_ms in SYNC_COSTS_MS:
        name = f"own_time_per_item_s_at_{cost_ms}ms_sync"
        if syncs is None or own.value is None:
            yield Figure(name, None, "s", "not computed: syncs were not counted")
        else:
            value = own.value + syncs * (cost_ms - here_ms) / 1000
            how = f"computed: own_time_per_item_s + fsyncs_per_item x ({cost_ms} ms - sync_ms)"
            yield Figure(name, value, "s", how)
    yield Figure(
        "sync_ms", here_ms, "ms", "300 bytes synced here: mean of medians, a growing file and new ones"
    )
