"""What a daemon costs that watches many runs, and how fast it answers: of runs that wait, and of kernels at work.

Not here: making them (`many_runs.py`), and a single run (`supervised_figures.py`).
"""

import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench.asking import answer_bytes, rate, waits_us
from tests.bench.effort import Effort
from tests.bench.figures import Figure, median
from tests.bench.many_runs import many_at_work, many_waiting, run_ids
from tests.bench.post import Post
from tests.bench.workshop import CommandFailed

CLIENTS = 16
PIPELINED = 64
"""Requests that each of the sixteen has under way."""
_STAND_IN = "100 runs of real files, one process answers for all their kernels with the real keys"


def many_runs_figures(effort: Effort) -> Iterator[Figure]:
    """Runs that wait first, then as many that are probed."""
    few, many = effort.runs
    with many_waiting(many) as here:
        rested = [cpu_s_per_min(here, effort) for _ in range(effort.rests)]
        how = (
            f"{many} runs at a gate, each looked at before; schedstat of all threads over {effort.rest_s:g} s"
        )
        yield median("idle_cpu_s_per_min_100_waiting", rested, "s", how)
        yield Figure("idle_rss_mb_100", here.rss_mb(), "MiB", f"{many} runs at a gate, after that")
    with many_at_work(few) as here:
        first, *beside = p50_us(here, effort, "10")
    yield first
    yield from beside
    with many_at_work(many) as here:
        last, *beside = p50_us(here, effort, "100")
        yield last
        yield from beside
        worse = max((first, last), key=lambda one: one.value or 0)
        yield Figure("rpc_p50_us", worse.value, "us", f"the worse one of {few} and {many} runs", worse.spread)
        yield from rates(here, effort)
        probed = [cpu_s_per_min(here, effort) for _ in range(effort.rests)]
        how = f"{_STAND_IN}; schedstat over {effort.rest_s:g} s, at the default interval"
        yield median("probed_cpu_s_per_min_100", probed, "s", how)
        yield Figure("probed_rss_mb_100", here.rss_mb(), "MiB", "the same daemon after all of this")


def p50_us(here: Post, effort: Effort, label: str) -> tuple[Figure, ...]:
    """How long one client waits for the status of one run, and beside it for the same bytes from a server that does
    nothing; `label` ends the names of the figures."""
    status = _status(here)
    rounds, alone = [], []
    with _echo(here, answer_bytes(here.socket, "run.status", status)) as echo:
        for _ in range(effort.asks):
            rounds.append(statistics.median(waits_us(here.socket, "run.status", status, effort.asked)))
            alone.append(statistics.median(waits_us(echo, "run.status", status, effort.asked)))
    asked = f"{effort.asked} calls of run.status, each after the answer to the last"
    how = f"one raw client, {asked}, {len(run_ids(here))} probed"
    beside = "the same client with an asyncio server that sends as many bytes and does nothing, by turns"
    ratios = [one / other for one, other in zip(rounds, alone, strict=True)]
    return (
        median(f"rpc_p50_us_{label}", rounds, "us", how),
        median(f"echo_p50_us_{label}", alone, "us", beside),
        median(f"rpc_p50_over_echo_{label}", ratios, "ratio", "the first over the second, turn by turn"),
    )


@contextmanager
def _echo(here: Post, size: int) -> Iterator[Path]:
    path = here.runtime / "echo.sock"
    words = (sys.executable, "-P", str(Path(__file__).with_name("echo.py")), str(path), str(size))
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as one:
        assert one.stdin and one.stdout
        try:
            if one.stdout.readline() != b"ready\n":
                raise CommandFailed("the server that does nothing did not begin")
            yield path
        finally:
            one.kill()
            path.unlink(missing_ok=True)


def rates(here: Post, effort: Effort) -> Iterator[Figure]:
    """How many answers all clients get together: first of the cheapest call, then of a status."""
    asked = {
        "rpc_per_s_16": ("daemon.ping", {"nonce": "0" * 64}),
        "rpc_status_per_s_16": ("run.status", _status(here)),
    }
    for name, (method, params) in asked.items():
        found = [
            rate(here.socket, method, params, CLIENTS, PIPELINED, effort.asking_s) for _ in range(effort.asks)
        ]
        how = f"{CLIENTS} clients in one raw process, {PIPELINED} calls of {method} under way in each, 100 probed"
        yield median(name, found, "1/s", how)


def _status(here: Post) -> dict[str, str]:
    return {"directory": str(here.made.repository), "run": run_ids(here)[0]}


def cpu_s_per_min(here: Post, effort: Effort) -> float:
    """The processor time of the daemon while nobody asks it."""
    began_s, before_s = time.perf_counter(), here.cpu_s()
    time.sleep(effort.rest_s)
    return (here.cpu_s() - before_s) / (time.perf_counter() - began_s) * 60


if __name__ == "__main__":
    from tests.bench.figures import table

    print(table(list(many_runs_figures(Effort()))))
