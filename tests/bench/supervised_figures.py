"""What it costs to have a run watched, and how soon is known what became of it.

Not here: a daemon that watches many runs, and how fast it answers; see `many_runs_figures.py`.
"""

import os
import select
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

from tests.bench.effort import Effort
from tests.bench.figures import Figure, median
from tests.bench.post import PATIENCE_S, Post, post
from tests.bench.workshop import CommandFailed, Shape, workshop

LIVE = "live_attached"
# Long enough for a kernel that is killed in it, short enough if somebody forgets to.
AT_WORK = Shape(tracked=1, command="sleep 20")


def supervised_figures(effort: Effort) -> Iterator[Figure]:
    """A whole chain first, then single runs that are killed, then a look at one."""
    yield from _chains(effort)
    yield from deaths(effort)
    yield from _looks(effort)


def _chains(effort: Effort) -> Iterator[Figure]:
    ratios, watched = [], []
    for _ in range(effort.chains):
        with workshop(Shape(items=effort.chain)) as made:
            alone = made.timed(made.chain())
        with workshop(Shape(items=effort.chain)) as made, post(made) as here:
            words = here.client(
                "supervise", "run", "--no-autostart", "playbook.md", "--next", "--auto-advance"
            )
            with_it = made.timed(words, XDG_RUNTIME_DIR=str(here.runtime))
        ratios.append(with_it.wall_s / alone.wall_s)
        watched.append(with_it.wall_s)
    how = f"{effort.chain} items by verger supervise run, daemon at work before, over verger run, by turns"
    yield median("supervised_over_unsupervised", ratios, "ratio", how)
    yield median("supervised_chain_s", watched, "s", "that chain, supervised, whole process")


@dataclass(frozen=True)
class Death:
    """How long the system took to end a kernel, and the daemon after it to tell its subscribers."""

    ended_s: float
    told_s: float


def deaths(effort: Effort) -> Iterator[Figure]:
    """How soon a run is proved alive, and how soon that it is not."""
    lives, ends, both = [], [], []
    with workshop(AT_WORK) as made, post(made) as here:
        for _ in range(effort.deaths):
            lives.append(_begun(here))
            ends.append(_killed(here))
        for _ in range(effort.deaths):
            _begun(here)
            both.append(_killed_both(here))
    how = "from run.start sent until a subscriber has the event that the run is live_attached"
    yield median("spawn_to_live_s", lives, "s", how)
    how = "from when the system says that a killed kernel has ended until a subscriber has the event of it"
    yield median("exit_to_noticed_s", [one.told_s - one.ended_s for one in ends], "s", how)
    how = "the same from SIGKILL on, with what the system needs to take the process down"
    yield median("kill_to_noticed_s", [one.told_s for one in ends], "s", how)
    how = (
        "kernel and daemon SIGKILLed, another daemon started at once: until verger supervise status denies it"
    )
    yield median("double_kill_to_unproven_s", both, "s", how)


def _begun(here: Post) -> float:
    """Seconds from the wish for a run to the news that it is proved alive."""
    events, client = here.connected(), here.connected()
    events.ask("events.subscribe")
    began = time.perf_counter()
    run = here.begin(client)["run_id"]
    events.until(lambda event: event["run"] == run and event.get("claim") == LIVE)
    taken = time.perf_counter() - began
    events.close()
    client.close()
    return taken


def _settled(here: Post) -> int:
    """The pid of the kernel at work, once it waits for its command and nothing else happens."""
    client = here.connected()
    until_s = time.monotonic() + PATIENCE_S
    while True:
        seen = client.ask("run.status", directory=str(here.made.repository), run="latest")["supervision"]
        if seen["stage"] and seen["stage"]["stage_name"] == "verify" and seen["doing"]:
            client.close()
            return int(seen["pid"])
        if time.monotonic() > until_s:
            raise CommandFailed("a kernel never came to its command")
        time.sleep(0.05)


def _killed(here: Post) -> Death:
    pid = _settled(here)
    events = here.connected()
    events.ask("events.subscribe")
    handle = os.pidfd_open(pid)
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    began = time.perf_counter()
    os.kill(pid, signal.SIGKILL)
    if not poll.poll(PATIENCE_S * 1000):
        raise CommandFailed("a kernel outlived its SIGKILL")
    ended = time.perf_counter()
    events.until(lambda event: event["type"] == "run.claimed" and event["claim"] != LIVE)
    told = time.perf_counter()
    os.close(handle)
    events.until(lambda event: event["type"] == "run.rested")
    events.close()
    return Death(ended - began, told - began)


def _killed_both(here: Post) -> float:
    pid = _settled(here)
    words = here.client("supervise", "status", "--exit-code")
    here.made.timed(words, XDG_RUNTIME_DIR=str(here.runtime))
    began = time.perf_counter()
    os.kill(pid, signal.SIGKILL)
    here.kill()
    here.start()
    while True:
        asked = time.perf_counter()
        try:
            here.made.timed(words, XDG_RUNTIME_DIR=str(here.runtime))
        except CommandFailed:
            return asked - began


def _looks(effort: Effort) -> Iterator[Figure]:
    """Of a run at work: what a person types while waiting."""
    ratios, taken = [], []
    with workshop(AT_WORK) as made, post(made) as here:
        _begun(here)
        words = here.client("supervise", "status")
        for _ in range(effort.starts):
            alone = made.timed((sys.executable, "-c", "pass")).wall_s
            taken.append(made.timed(words, XDG_RUNTIME_DIR=str(here.runtime)).wall_s)
            ratios.append(taken[-1] / alone)
    how = "whole process of verger supervise status, of a run at work, over python -c pass, by turns"
    yield median("status_over_python_start", ratios, "ratio", how)
    yield median("supervise_status_s", taken, "s", "that process")


if __name__ == "__main__":
    from tests.bench.figures import table

    print(table(list(supervised_figures(Effort()))))
