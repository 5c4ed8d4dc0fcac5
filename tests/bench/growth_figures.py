"""What grows with a run: time of an item, memory, saved state, disk, files; and the commands that look at it.

Not here: what one item costs; see `item_figures.py`.
"""

import statistics
import sys
from collections.abc import Iterator, Sequence
from itertools import pairwise

from tests.bench.agents_alone import agents_s
from tests.bench.disk import bytes_written, used_by_kind
from tests.bench.effort import Effort
from tests.bench.figures import Figure, median
from tests.bench.workshop import Line, Shape, Workshop, workshop

MIB = 1 << 20
PASS = "python -c pass"
VIEWS = ("status", "list-items")
_OF = {"list-items": ("playbook.md",)}
# A folder that nobody can make: nothing is remembered, and nothing is found.
NOTHING_REMEMBERED = "/dev/null/nothing"


def growth_figures(effort: Effort) -> Iterator[Figure]:
    """The long chains first, then many files."""
    yield from _long_chains(effort)
    yield from _state_and_disk(effort)
    yield from _many_files(effort)


def _long_chains(effort: Effort) -> Iterator[Figure]:
    shape = Shape(items=effort.long_chain)
    ratios, peaks, views = [], [], []
    for _ in range(effort.long_chains):
        with workshop(shape) as made:
            chain = made.timed(made.chain())
            passed = [line for line in chain.lines if line.text.endswith("  passed")]
            ratios.append(_last_over_first(passed, agents_s(made, effort.calls)))
            peaks.append(chain.rss_mb)
            views += [_looked_at(made) for _ in range(effort.views)]
    how = f"a chain of {effort.long_chain}: from `passed` to `passed` less agents, last ten over items 2-10"
    yield median("item60_over_item1", ratios, "ratio", how)
    yield median(
        "peak_rss_mb", peaks, "MiB", "that chain, by wait4: its largest process, which is the kernel"
    )
    yield from _views(views)


def _last_over_first(passed: Sequence[Line], agents: float) -> float:
    own = [after.at_s - before.at_s - agents for before, after in pairwise(passed)]
    return statistics.median(own[-10:]) / statistics.median(own[:9])


def _looked_at(made: Workshop) -> dict[str, float]:
    """Seconds that each view of a workshop takes, one after the other, and Python alone.

    Again is with what was remembered of the call before, anew with nothing that could be remembered.
    """
    client = (sys.executable, "-P", "-m", "verger_client", "-C", str(made.repository))
    commands = {name: (*client, *name.split(), *_OF.get(name, ())) for name in VIEWS}
    for words in commands.values():
        made.timed(words)
    taken = {PASS: made.timed((sys.executable, "-c", "pass")).wall_s}
    for name, words in commands.items():
        taken[name] = made.timed(words).wall_s
        taken[f"{name} anew"] = made.timed(words, XDG_CACHE_HOME=NOTHING_REMEMBERED).wall_s
    return taken


def _views(rounds: Sequence[dict[str, float]]) -> Iterator[Figure]:
    for name in VIEWS:
        for manner, what in (("", "typed before, nothing changed since"), (" anew", "nothing remembered")):
            ratios = [one[name + manner] / one[PASS] for one in rounds]
            how = f"whole process of verger {name} after that chain, {what}, over python -c pass"
            figure = f"{name}{manner}".replace("-", "_").replace(" ", "_")
            yield median(f"{figure}_over_python_pass", ratios, "ratio", how)
    yield median("python_pass_s", [one[PASS] for one in rounds], "s", "python -c pass, whole process")


def _state_and_disk(effort: Effort) -> Iterator[Figure]:
    with workshop(Shape(items=effort.long_chain, tracked=effort.tracked, bytes_each=16_000)) as made:
        objects = made.repository / ".git"
        before, wrote = used_by_kind(made.state, objects), bytes_written(made.state, objects)
        made.timed(made.run())
        first_bytes = _state_bytes(made)
        made.timed(made.kernel("resume", "latest", "--auto-advance"))
        last_bytes = _state_bytes(made)
        grown = used_by_kind(made.state, objects)
        grown.subtract(before)
        wrote = bytes_written(made.state, objects) - wrote
    how = f"run_state.json of a playbook of {effort.long_chain}"
    yield Figure("run_state_bytes_item1", first_bytes, "bytes", f"{how}, one passed")
    yield Figure("run_state_bytes_item60", last_bytes, "bytes", f"{how}, all passed")
    more = (last_bytes - first_bytes) / (effort.long_chain - 1)
    yield Figure("run_state_bytes_per_item", more, "bytes", "the difference, by the items between")
    how = f"that {effort.long_chain} items added to state folder and .git, in a repository of 4.8 MB"
    yield Figure("disk_mb_after_60_items", grown.total() / MIB, "MiB", f"blocks {how}")
    yield Figure("disk_mb_written_after_60_items", wrote / MIB, "MiB", f"bytes of files {how}")
    for kind, used in grown.most_common():
        name = f"disk_kb_per_item_{kind.replace(' ', '_')}"
        yield Figure(name, used / effort.long_chain / 1024, "KiB", f"blocks {how}, by item: {kind}")


def _state_bytes(made: Workshop) -> int:
    (saved,) = made.state.glob("verger/*/runs/*/run_state.json")
    return saved.stat().st_size


def _many_files(effort: Effort) -> Iterator[Figure]:
    ratios, differences = [], []
    for _ in range(effort.pairs):
        one, many = (_own_run_s(files, effort) for files in (1, effort.many_files))
        ratios.append(many / one)
        differences.append(many - one)
    how = (
        f"whole run of an item that writes {effort.many_files} files over one that writes 1, each less agents"
    )
    yield median("files1000_over_files1", ratios, "ratio", how)
    yield median("files1000_more_s", differences, "s", "the same, as a difference")


def _own_run_s(files: int, effort: Effort) -> float:
    with workshop(Shape(files=files)) as made:
        return made.timed(made.run()).wall_s - agents_s(made, effort.calls)
