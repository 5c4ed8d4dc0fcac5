"""What an agent's events are worth: the report made of an answer, or why there is none.

Not here: reading the events (`codex_events.py`, `claude_events.py`), and reports that agents write themselves
(`outcome.py`).

Events come first, the exit code second: a program that answered and then ended badly, or had to be ended, has answered.
"""

import hashlib
import os
from pathlib import Path
from typing import assert_never

from verger_kernel.agents.outcome import (
    Answered,
    Outcome,
    Parked,
    Unanswered,
    ended_without,
    one_line,
    stopped,
)
from verger_kernel.agents.told import Told
from verger_kernel.rules.answers import report_of
from verger_kernel.rules.ids import Digest
from verger_kernel.rules.limits import Breach
from verger_kernel.rules.packs import ReportRefused, TaskSpecification, read_report
from verger_kernel.rules.policy import AgentDefinition
from verger_probes.exits import SIGNALLED
from verger_probes.records import write_record


def judged(
    told: Told,
    agent: AgentDefinition,
    task: TaskSpecification,
    report_path: Path,
    *,
    exit_code: int | None,
    breach: Breach | None,
) -> Outcome:
    """What came of a call that its events tell of. An answer is written to `report_path`, as its agent would have.

    `exit_code` is None where the program was ended by us, or nobody knows it any more.
    """
    match told.kind:
        case "answered":
            return _answered(told, task, report_path)
        case "cut":
            return _cut(told, exit_code, breach)
        case "usage_limit":
            return Parked("limit", one_line(told.why), told.resets_utc_ms, told.usage)
        case "quota":
            # No clock ends it: somebody must pay, as for a budget of ours.
            why = f"{told.why}; pay or choose another plan at the vendor, then resume"
            return Parked("budget", one_line(why), None, told.usage)
        case "auth":
            return Parked("auth", one_line(f"{told.why}; {_way_in(agent)}, then resume"), None, told.usage)
        case "transient":
            return Parked("outage", one_line(told.why), None, told.usage)
        case "doubtful":
            return Unanswered("malformed", one_line(told.why), told.usage)
        case "schema_bad" | "refused" | "context_full" | "failed":
            return Unanswered(told.kind, one_line(told.why), told.usage)
        case _:
            assert_never(told.kind)


def _answered(told: Told, task: TaskSpecification, report_path: Path) -> Outcome:
    if os.path.lexists(report_path):
        why = "something was put where its report belongs, and it does not write one"
        return Unanswered("malformed", why, told.usage)
    try:
        data = report_of(task, told.answer)
        report = read_report(data, task)
    except ReportRefused as refusal:
        return Unanswered("schema_bad", one_line(str(refusal)), told.usage)
    write_record(report_path, data, durable=False)
    return Answered(report, Digest(hashlib.sha256(data).hexdigest()), told.usage)


def _cut(told: Told, exit_code: int | None, breach: Breach | None) -> Unanswered:
    if breach:
        return stopped(breach)
    code = exit_code or 0
    if code > SIGNALLED:
        code = SIGNALLED - code
    found = ended_without(code)
    return Unanswered(found.kind, found.why.replace("a report", "an answer"), told.usage)


def _way_in(agent: AgentDefinition) -> str:
    if agent.login:
        return f"log in again, so that {agent.login} holds a login that counts"
    return f"put a key that counts into {agent.key}"
