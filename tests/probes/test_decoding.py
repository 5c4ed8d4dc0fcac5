"""Types are decoded from many threads at once, and the process outlives the first time."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MANY = """
import sys, threading
sys.path.insert(0, {probes!r})
import msgspec
from verger_probes.decoding import converted, decoded
sys.setswitchinterval(1e-6)
# Of a type that holds another one, less is known for longer.
inner = [msgspec.defstruct(f"I{{n}}", [("i", int)]) for n in range({types})]
kinds = [msgspec.defstruct(f"K{{n}}", [("a", one), ("b", list[one])]) for n, one in enumerate(inner)]
data = b'{{"a": {{"i": 1}}, "b": [{{"i": 2}}]}}'
start = threading.Barrier(4)
def read():
    for kind in kinds:
        start.wait()
        {call}
threads = [threading.Thread(target=read) for _ in range(4)]
[one.start() for one in threads]
[one.join() for one in threads]
print("read")
"""


def ended(call: str, types: int) -> "subprocess.CompletedProcess[str]":
    words = MANY.format(probes=str(ROOT / "probes"), types=types, call=call)
    return subprocess.run(
        (sys.executable, "-c", words), capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize("call", ["decoded(data, kind)", "converted(msgspec.json.decode(data), kind)"])
def test_a_type_that_many_threads_read_for_the_first_time_is_read_by_all(call: str) -> None:
    found = ended(call, 150)
    assert (found.returncode, found.stdout) == (0, "read\n"), found.stderr
