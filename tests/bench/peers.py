"""`make bench-peers`: supervisor and circus beside ours, in the same hour on the same machine; a table and a file.

Not here: how each peer is started and asked (`peer_programs.py`), and our own side (`many_runs_figures.py`). Both peers
are installed into `build/peers`, whence nothing of theirs is ever imported by this process.
"""

import json
import os
import signal
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), *(str(ROOT / floor) for floor in ("daemon", "kernel", "probes"))]

from tests.bench.effort import Effort  # noqa: E402  # the line above finds them
from tests.bench.figures import aligned, facts, shown  # noqa: E402
from tests.bench.many_runs import many_at_work, many_waiting  # noqa: E402
from tests.bench.many_runs_figures import cpu_s_per_min, p50_us, rates  # noqa: E402
from tests.bench.peer_programs import PEERS, NotMeasured, Peer, asked_by_its_own_client, at_work  # noqa: E402
from tests.bench.supervised_figures import deaths  # noqa: E402

PLACE = ROOT / "build" / "peers"
PINNED = ("supervisor==4.3.0", "circus==0.19.0")
ROWS = {
    "rpc_p50_us_10": "status of one of 10, p50, us",
    "rpc_p50_us_100": "status of one of 100, p50, us",
    "rpc_per_s_16": "cheapest call, 16 clients, 1/s",
    "exit_to_noticed_s": "exit until noticed, s",
    "idle_cpu_s_per_min_100": "100 watched, nothing happens, CPU s/min",
    "idle_rss_mb_100": "the same, memory, MiB",
    "twice": "children alive twice after SIGKILL and a new start",
}
Values = dict[str, float | str]


def main() -> int:
    """The exit code. What could not be measured is a reason in the place of a number."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    found: dict[str, Values] = {"verger": _ours(Effort())}
    missing = _install()
    for name, peer in PEERS.items():
        found[name] = dict.fromkeys(ROWS, f"not installed: {missing}") if missing else _theirs(peer, Effort())
    known = facts()
    (ROOT / "build" / "peers.json").write_text(json.dumps(found | {"facts": known}, indent=2) + "\n")
    head = ("", *found)
    rows = [(what, *(_cell(values[name]) for values in found.values())) for name, what in ROWS.items()]
    print(aligned([head, *rows], numbers=range(1, len(head))))
    for name, values in found.items():
        for row, value in values.items():
            if isinstance(value, str):
                print(f"{name}, {ROWS[row]}: {value}")
    print(", ".join(f"{name} {value}" for name, value in known.items()))
    return 0


def _cell(value: float | str) -> str:
    return "-" if isinstance(value, str) else shown(value)


def _install() -> str:
    """Why there are no peers, or empty. They are installed once."""
    python = PLACE / "bin" / "python"
    if not python.exists():
        subprocess.run((sys.executable, "-m", "venv", str(PLACE)), check=True)
    words = (str(python), "-m", "pip", "install", "--quiet", *PINNED)
    ended = subprocess.run(words, capture_output=True, text=True, check=False)
    return ended.stderr.strip().rpartition("\n")[2] if ended.returncode else ""


def _ours(effort: Effort) -> Values:
    few, many = effort.runs
    with many_waiting(many) as here:
        found: Values = {
            "idle_cpu_s_per_min_100": cpu_s_per_min(here, effort),
            "idle_rss_mb_100": here.rss_mb(),
        }
    with many_at_work(few) as here:
        found["rpc_p50_us_10"] = _value(p50_us(here, effort, "10")[0].value)
    with many_at_work(many) as here:
        found["rpc_p50_us_100"] = _value(p50_us(here, effort, "100")[0].value)
        found["rpc_per_s_16"] = _value(next(rates(here, effort)).value)
        # The kernels of a daemon that is killed are found again by the next: as many as there were, each once.
        here.kill()
        here.start()
        found["twice"] = len(here.kernels()) - many
    told = {one.name: one.value for one in deaths(effort)}
    return found | {"exit_to_noticed_s": _value(told["exit_to_noticed_s"])}


def _value(value: float | None) -> float:
    assert value is not None
    return value


def _theirs(peer: Peer, effort: Effort) -> Values:
    few, many = effort.runs
    found: Values = {}
    for name, measured in _measures(peer, effort, few, many):
        print(f"{peer.name}: {name}", file=sys.stderr, flush=True)
        try:
            found[name] = measured()
        except NotMeasured as reason:
            found[name] = f"not measured: {reason}"
    return found


def _measures(peer: Peer, effort: Effort, few: int, many: int) -> Iterator[tuple[str, Callable[[], float]]]:
    def wait_of(count: int) -> float:
        with at_work(peer, PLACE, count) as one:
            return statistics.median(asked_by_its_own_client(one, calls=effort.asked // 4))

    def throughput() -> float:
        with at_work(peer, PLACE, few) as one:
            return one.rate(effort.asking_s)

    def noticed() -> float:
        with at_work(peer, PLACE, 1) as one:
            return statistics.median(one.noticed_s() for _ in range(effort.deaths))

    def rested() -> float:
        with at_work(peer, PLACE, many) as one:
            return one.cpu_s_per_min(effort.rest_s)

    def memory() -> float:
        with at_work(peer, PLACE, many) as one:
            return one.rss_mb()

    def twice() -> float:
        with at_work(peer, PLACE, few) as one:
            return one.copies_after_its_death()

    yield "rpc_p50_us_10", lambda: wait_of(few)
    yield "rpc_p50_us_100", lambda: wait_of(many)
    yield "rpc_per_s_16", throughput
    yield "exit_to_noticed_s", noticed
    yield "idle_cpu_s_per_min_100", rested
    yield "idle_rss_mb_100", memory
    yield "twice", twice


if __name__ == "__main__":
    os.chdir(ROOT)
    sys.exit(main())
