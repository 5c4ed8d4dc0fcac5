"""The scripted agent itself: from a scenario and the task on stdin to what was done and an exit code.

Not here: its process (`player.py`), and what a scenario can say (`scenario.py`, `steps.py`). Every step of every demo
and test starts it anew, so it imports little.
"""

import os
import signal
import sys
import time
from pathlib import Path
from typing import assert_never

import msgspec

from verger_kernel.agents import steps as s
from verger_kernel.agents.answer import answer
from verger_kernel.agents.changes import change
from verger_kernel.agents.scenario import Call, ScenarioRefused, load_scenario
from verger_kernel.agents.usage_lines import UsageLine
from verger_kernel.rules.ids import EFFECT, EffectId, tries_of
from verger_kernel.rules.now import iso
from verger_kernel.rules.packs import ParkNote, TaskSpecification
from verger_probes.decoding import decoded
from verger_probes.exits import Exit
from verger_probes.records import write_record

_SLEEPER = "import time; time.sleep(600)"
_MIB_OF_LINES = (b"." * 63 + b"\n") * (1 << 14)


class Unplayable(Exception):
    """A step that could not be done in this worktree: which, for which call, and why."""


def main(arguments: list[str]) -> int:
    """Plays the call that the task on stdin matches; answers with the exit code."""
    if len(arguments) != 1:
        return _refused(Exit.USAGE, "one argument is needed: the scenario file, with a task on stdin")
    try:
        scenario = load_scenario(Path(arguments[0]))
        task = decoded(sys.stdin.buffer.read(), TaskSpecification)
        play(scenario.call_for(task), task)
    except (ScenarioRefused, Unplayable) as error:
        return _refused(Exit.INPUT, str(error))
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        return _refused(Exit.INPUT, f"stdin holds no task specification: {error}")
    return Exit.DONE


def _refused(code: Exit, why: str) -> int:
    print(f"scripted agent: {why}", file=sys.stderr)
    return code


def play(call: Call, task: TaskSpecification) -> None:
    """Does each step in order, and writes the report after the last one unless a step stands for that."""
    answers = any(isinstance(step, s.Report | s.Garbage) for step in call.steps)
    steps = tuple(step for step in call.steps if not _is_past(step))
    for number, step in enumerate(steps if answers else (*steps, s.Report()), start=1):
        try:
            _do(step, call, task)
        except (OSError, ValueError) as error:
            name = type(step).__name__.lower()
            where = f"step {number} ({name}) of item {task.item_id}, {task.stage}"
            raise Unplayable(f"cannot play {where}: {error}; mend the scenario") from error


def _do(step: s.Step, call: Call, task: TaskSpecification) -> None:
    match step:
        case s.Say() | s.Whisper():
            print(step.text, file=sys.stdout if isinstance(step, s.Say) else sys.stderr, flush=True)
        case s.Use():
            line = UsageLine(schema_version="verger.usage.v1", **msgspec.structs.asdict(step))
            print(msgspec.json.encode(line).decode(), flush=True)
        case s.Flood():
            _flood(step.mib)
        case s.Sleep():
            time.sleep(step.seconds)
        case s.Hang():
            _hang()
        case s.Exit():
            sys.exit(step.code)
        case s.Crash():
            os.kill(os.getpid(), signal.SIGKILL)
        case s.Spawn():
            _spawn()
        case s.Report():
            _report(task, answer(task, call))
        case s.Garbage():
            _report(task, step.content())
        case s.Park():
            _report(task, _note(step))
            raise SystemExit(Exit.PARKED)
        case s.Write() | s.Append() | s.Delete() | s.Rename() | s.Mkdir() | s.Symlink() | s.Chmod():
            change(step, task)
        case _:
            assert_never(step)


def _flood(mib: int) -> None:
    for _ in range(mib):
        sys.stdout.buffer.write(_MIB_OF_LINES)
    sys.stdout.buffer.flush()


def _hang() -> None:
    while True:
        signal.pause()


def _spawn() -> None:
    # Its streams lead nowhere: what is left behind must be found as a process, not by a pipe that stays open.
    argv = (sys.executable, "-I", "-S", "-c", _SLEEPER)
    nowhere = [(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_RDWR, 0) for fd in range(3)]
    pid = os.posix_spawn(argv[0], argv, os.environ, file_actions=nowhere, setsid=True)
    print(f"left process {pid} behind", flush=True)


def _is_past(step: s.Step) -> bool:
    return isinstance(step, s.Park) and tries_of(EffectId(os.environ.get(EFFECT, "/t1"))) > step.tries


def _note(step: s.Park) -> bytes:
    resets = "" if step.resets_in_s is None else iso(round((time.time() + step.resets_in_s) * 1000))
    note = ParkNote(schema_version="verger.park.v1", cause=step.cause, why=step.why, resets_at_utc=resets)
    return msgspec.json.encode(note)


def _report(task: TaskSpecification, data: bytes) -> None:
    write_record(Path(task.report_path), data, durable=False)
