"""What an adapter makes of its agent's words, so that no word of an agent ends the run: who stumbles is told of.

Not here: what the words mean; see the adapters. What they are worth; see `judging.py`.

An agent can print anything, and an adapter can have a fault that only such a line shows. Asked again by each resume it
would stumble over it for ever. So a stream over which an adapter stumbles is no answer, and the outcome names the
fault; it is caught here and nowhere else.
"""

import traceback
from pathlib import Path
from typing import NamedTuple

from verger_kernel.agents.base import Adapter, Heard, Turn
from verger_kernel.agents.judging import judged
from verger_kernel.agents.outcome import Outcome, Unanswered, one_line
from verger_kernel.agents.told import Told
from verger_kernel.rules.limits import Breach

SESSION_CHARACTERS_MAX = 256
REOPENED = "its standard output was opened a second time, and written to, so nothing in it proves anything"


class Came(NamedTuple):
    """What came of a call, and whether what it used is all that it can have used."""

    outcome: Outcome
    is_sure: bool


def heard(adapter: Adapter, turn: Turn, line: bytes) -> Heard:
    """What one line says while the agent works. The name of a session is short and printable, else it is none."""
    try:
        found = adapter.heard(turn, line)
    except Exception as error:
        return Heard(fault=_fault(error))
    is_name = len(found.session) <= SESSION_CHARACTERS_MAX and found.session.isprintable()
    return found if is_name else found._replace(session="")


def came_of(
    adapter: Adapter,
    turn: Turn,
    stdout: Path,
    report_path: Path,
    *,
    exit_code: int | None,
    breach: Breach | None,
    reopened: bool | None = False,
    fault: str = "",
) -> Came | None:
    """What came of the call by what its agent printed; None where only the report tells.

    An answer is written to `report_path`. A stream that was `reopened` proves nothing; None: not known. `fault`
    is one that was heard already. Raises OSError.
    """
    if fault:
        return _unreadable(fault)
    try:
        told = adapter.read(turn, stdout, exit_code)
        if told is None:
            return None
        if reopened and told.kind != "cut":
            told = Told(kind="doubtful", why=REOPENED, usage=told.usage)
        found = judged(told, turn.agent, turn.task, report_path, exit_code=exit_code, breach=breach)
    except OSError:
        raise
    except Exception as error:
        return _unreadable(_fault(error))
    return Came(found, is_sure=told.kind != "doubtful" and reopened is not None)


def _unreadable(fault: str) -> Came:
    return Came(Unanswered("malformed", f"what it printed cannot be read: {fault}"), is_sure=False)


def _fault(error: Exception) -> str:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{Path(frame.filename).name}, line {frame.lineno}"
    return one_line(f"{type(error).__name__} in {place}: {error}")
