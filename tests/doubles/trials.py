"""One item put to the proof: agents and commands that wait, lie or misbehave, each in a line.

Not here: the place of work itself; see `workplace.py`.
"""

import json
import os
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import psutil
from tests.doubles.notes import COLUMNS, POLICY, item, scenario, writing
from tests.doubles.workplace import Result, Workplace, workplace

from verger_kernel.disk import store
from verger_kernel.disk.layout import AttemptFolder
from verger_kernel.rules import state as s
from verger_kernel.rules.events import AgentStarted

AGENT = Path(__file__).with_name("agent.py")
MORE_COLUMNS = ("suggested_verification_commands", "required_verification_artifacts")
NO_SECOND_ROUND = "max_fix_rounds = 0\nmax_remediation_rounds = 0\n"
FEW_TRIALS = "verification_reruns = 1\n"
RUN = ("run", "playbook.md", "--item", "01")


def work(text: str = "a note", stage: str = "execute") -> str:
    """The call in which the worker of item 01 writes `text` and a newline."""
    return f'stage = "{stage}"\n{writing("01", f"{text}{chr(10)}")}'


GOOD = work()
_DOUBLE = f'{{ kind = "generic", command = {json.dumps([sys.executable, "-I", "-S", str(AGENT)])} }}'
PASSING = {"reader-a": _DOUBLE, "reader-b": _DOUBLE}
"""Two lanes that pass what they are shown."""
TOLD = dict.fromkeys(PASSING, '{ kind = "scripted", scenario = "scenario.toml" }')
"""Two lanes that are told later what to say, by `replay`."""


def trial(
    root: Path,
    *calls: str,
    policy: str = "",
    agents: Mapping[str, str] = {},
    files: Mapping[str, str] = {},
    suggested: str = "",
    artifacts: str = "",
    **cells: str,
) -> Workplace:
    """A place of work with item 01 alone; no second round and one trial more of what fails, unless `policy` says else.

    Lanes that have no call are played by the double: it starts in a third of the scripted agents' time.
    `calls` are the scenario's, `agents` replace scripted ones by name, `cells` are the item's.
    """
    row = f"{item('01', **cells)} {suggested} | {artifacts} |"
    columns = (*COLUMNS, *MORE_COLUMNS)
    table = [f"| {' | '.join(columns)} |", "|" + " --- |" * len(columns), row]
    text = "# Notes\n\n## 2. Ordered Execution Plan\n\n" + "\n".join(table) + "\n"
    settings = policy + "\n" if "max_fix_rounds" in policy else NO_SECOND_ROUND + policy + "\n"
    settings = settings if "verification_reruns" in policy else FEW_TRIALS + settings
    is_told = any('stage = "audit"' in call for call in calls)
    return workplace(
        root,
        script=scenario(*(calls or (GOOD,))),
        policy=settings + _with_agents(agents if is_told else PASSING | dict(agents)),
        files={"playbook.md": text} | dict(files),
    )


def _with_agents(agents: Mapping[str, str]) -> str:
    lanes, _, lines = POLICY.partition("[agents]\n")
    known = dict(line.split(" = ", 1) for line in lines.splitlines())
    return f"{lanes}[agents]\n" + "".join(f"{name} = {one}\n" for name, one in (known | dict(agents)).items())


def shell(script: str) -> str:
    """An agent that is a shell script; `$AGENT` in it plays the double that answers, see `agent.py`."""
    double = f'AGENT="{sys.executable} -P {AGENT}"\n'
    return f'{{ kind = "generic", command = ["bash", "-c", {json.dumps(double + script)}] }}'


def replay(place: Workplace, *calls: str) -> None:
    """Gives the scripted agents of `place` another scenario from now on."""
    (place.repository / "scenario.toml").write_text(scenario(*calls), encoding="utf-8")


def state_of(place: Workplace) -> s.RunState:
    """The newest run's state, proved to be what its journal folds to."""
    return store.load(place.run()).state


def attempt_of(place: Workplace, number: int = 1) -> AttemptFolder:
    """The folders of an attempt at item 01."""
    return place.run().attempt("01", number)


def escalated(place: Workplace, result: Result) -> s.Escalated:
    """Why the run was given up; proves that the item did not pass and the run branch did not move."""
    state = state_of(place)
    assert result.code == 22, result
    assert isinstance(state.stage, s.Escalated)
    assert state.passed == ()
    assert place.run_branch() == state.frame.base_commit
    return state.stage


def passed(place: Workplace, result: Result, path: str = "docs/01.md", text: str = "a note") -> None:
    """Asserts that item 01 passed and that the run branch holds `text` at `path`."""
    assert result.code == 0, result
    assert [entry.item for entry in state_of(place).passed] == ["01"]
    assert place.git("show", f"{place.run_branch()}:{path}") == text


def calls_of(place: Workplace) -> list[str]:
    """The calls of agents that were made, by stage, lane and try."""
    return [event.effect.partition("/r")[2] for event in place.events(AgentStarted)]


def processes_of(place: Workplace) -> list[int]:
    """Every process that bears the mark of the newest run."""
    mark = place.run().root.name
    return _pids(lambda process: process.environ().get("VERGER_RUN") == mark)


def processes_below(root: Path) -> list[int]:
    """Every process that works in a folder below `root`."""
    return _pids(lambda process: root in Path(process.cwd()).parents)


def _pids(wanted: Callable[[psutil.Process], bool]) -> list[int]:
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if wanted(process):
                found.append(process.pid)
    return found


def is_running(pid: int) -> bool:
    """Whether the process is there and no zombie."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def quarantined(place: Workplace) -> dict[str, str]:
    """What is kept under the quarantine refs: of each ref, below the run, the files that differ from its parent."""
    head = f"refs/verger/quarantine/{place.run().root.name}/"
    refs = place.git("for-each-ref", "--format=%(refname)", head).splitlines()
    return {ref.removeprefix(head): place.git("diff", "--name-only", f"{ref}^", ref) for ref in refs}


def tree_of_files(root: Path) -> dict[str, bytes]:
    """Every file and link below `root` by path, with its bytes or where it leads."""
    return {
        str(path.relative_to(root)): os.fsencode(path.readlink()) if path.is_symlink() else path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_symlink() or path.is_file()
    }
