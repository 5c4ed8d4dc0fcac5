"""What agents do: some look dead and are healthy, some look healthy and must be ended.

Not here: their programs; see `agents.py`.
"""

import re

from tests.faults.scene import Fault, Scene

from verger_kernel.rules.events import WorkerReturned

QUIET = {"silence_s_max": 2}
MEMORY_MB = 400
OUTPUT_BYTES = 64 << 20


def nothing_more(scene: Scene) -> None:
    """No harm but the agent's own."""


def stopped_near_64mb(scene: Scene) -> list[str]:
    """What the flood wrote until it was stopped is little more than it might."""
    [problem] = [one.problem for one in scene.seat.place.events(WorkerReturned)]
    written = int(re.search(r"wrote (\d+) bytes", problem)[1])
    return [] if written < 2 * OUTPUT_BYTES else [f"{written} bytes were written before it was stopped"]


BY_AGENTS = (
    Fault("spins", "uses CPU for ever and says nothing: healthy until its time is over", nothing_more,
          agent="spins", policy=QUIET | {"execution_timeout_s": 6}, demands="timeout", after_s=6, passed=0),
    Fault("slow_lines", "says a line each second", nothing_more, agent="slow_lines", policy=QUIET),
    Fault("quiet_cpu", "computes and says nothing", nothing_more, agent="quiet_cpu", policy=QUIET),
    Fault("quiet_writer", "writes a file and says nothing", nothing_more, agent="quiet_writer", policy=QUIET),
    Fault("quiet_sleep", "said a word and then does nothing at all", nothing_more,
          agent="quiet_sleep", policy=QUIET, demands="silent", after_s=2, passed=0),
    Fault("one_byte_each_2s", "says one byte each two seconds", nothing_more,
          agent="trickle", policy={"silence_s_max": 3}),
    Fault("hung_before_first_output", "never said a word", nothing_more,
          agent="never_speaks", policy={"first_output_s_max": 2}, demands="silent", after_s=2, passed=0),
    Fault("done_but_stays", "wrote its report and does not leave", nothing_more,
          agent="stays_when_done", policy=QUIET, demands="gone", after_s=2),
    Fault("grandchild_holds_pipe", "left, and a grandchild keeps its streams open", nothing_more,
          agent="leaves_a_reader", demands="gone"),
    Fault("fork_storm", "200 processes where 64 are allowed", nothing_more,
          agent="storm", policy={"processes_max": 64}, demands="processes", passed=0),
    Fault("many_small", "40 processes of 20 MB where 400 MB are allowed", nothing_more,
          agent="many_small", policy={"memory_mb_max": MEMORY_MB}, demands="memory", passed=0),
    Fault("forked_untouched", "250 MB shared with four children where 400 MB are allowed", nothing_more,
          agent="shares_pages", policy={"memory_mb_max": MEMORY_MB}),
    Fault("spike_in_grandchild", "600 MB at once in a grandchild where 400 MB are allowed", nothing_more,
          agent="spikes", policy={"memory_mb_max": MEMORY_MB}, demands="memory", passed=0),
    Fault("output_2gb", "2 GB of output where 64 MB are allowed", nothing_more,
          agent="floods", demands="output", passed=0, also=stopped_near_64mb),
)  # fmt: skip
