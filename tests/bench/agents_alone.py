"""What the instant agents of one item take when nobody orchestrates them.

Not here: what they do; see `agent.sh`.
"""

import statistics
import subprocess
import time
from pathlib import Path

from tests.bench.workshop import AGENT, Workshop


def agents_s(made: Workshop, times: int) -> float:
    """Seconds for the calls of one item, in a workshop where it ran: worker, then both lanes side by side.

    The lanes count once because a run waits for both at once: subtracting both would flatter us.
    """
    tasks = {path.parent.name.partition(".")[0]: path for path in made.calls}
    worker = [_calls_s(made, tasks["execute"]) for _ in range(times)]
    lanes = [_calls_s(made, tasks["audit-a"], tasks["audit-b"]) for _ in range(times)]
    return statistics.median(worker) + statistics.median(lanes)


def _calls_s(made: Workshop, *tasks: Path) -> float:
    began = time.perf_counter()
    for process in [_call(made, task) for task in tasks]:
        if process.wait():
            raise subprocess.CalledProcessError(process.returncode, AGENT)
    return time.perf_counter() - began


def _call(made: Workshop, task: Path) -> "subprocess.Popen[bytes]":
    name = task.parent.name
    told = {
        "VERGER_ITEM_ID": "alone",
        "VERGER_REPORT_PATH": str(made.root / f"{name}.json"),
        "VERGER_TASK_STAGE": "audit" if name.startswith("audit") else "execute",
    }
    command = (str(AGENT), str(made.files))
    with task.open("rb") as stdin:
        return subprocess.Popen(command, cwd=made.repository, env=made.environment() | told, stdin=stdin)
