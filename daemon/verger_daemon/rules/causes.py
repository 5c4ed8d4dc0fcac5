"""Why a run is at rest, and what names that cause whenever it comes again.

Not here: what is done about it; see `recovery.py`.
"""

import hashlib
import json
import re
from enum import StrEnum

import msgspec

from verger_kernel.rules.parks import Park
from verger_probes.exits import SIGNALLED, Exit


class Cause(StrEnum):
    """Why a run is at rest."""

    DONE = "done"
    STOPPED = "stopped"
    GATE = "gate"
    DECIDED = "decided"
    BLOCKED = "blocked"
    EVIDENCE = "evidence"
    ESCALATED = "escalated"
    HELD = "held"
    PARKED = "parked"
    BREACH = "breach"
    REBOOT = "reboot"
    CRASHED = "crashed"
    FAILED = "failed"
    REFUSED = "refused"
    UNFINISHED = "unfinished"


class Situation(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How a run at rest stands, by its own files and by what was seen of its last kernel.

    `is_open` says that its kernel never recorded its end, `goes_on` that what it was asked is not all done and waits
    for no person. `exit_code` is None where nobody can know it. `evidence` digests a folder that came for the item that
    waits, empty for none. `breach` is the limit for which the daemon ended the kernel.
    """

    run_id: str
    item: str
    state: str
    exit_code: int | None
    is_open: bool
    goes_on: bool
    passed: int = 0
    trouble: str = ""
    park: Park | None = None
    evidence: str = ""
    breach: str = ""
    is_held: bool = False
    is_stopped: bool = False
    is_rebooted: bool = False


def cause_of(one: Situation) -> Cause:
    """Why the run is at rest; the first that holds."""
    died = _died(one)
    found = (
        (one.is_held, Cause.HELD),
        (one.state == "escalated", Cause.ESCALATED),
        (one.state == "awaiting_human_gate", Cause.GATE),
        (one.state == "blocked_external", Cause.EVIDENCE if one.evidence else Cause.BLOCKED),
        (one.is_stopped, Cause.STOPPED),
        (bool(one.breach), Cause.BREACH),
        (one.park is not None and not one.is_open, Cause.PARKED),
        (died and one.is_rebooted, Cause.REBOOT),
        (died or one.exit_code == Exit.UNEXPECTED, Cause.CRASHED),
        (one.exit_code in _TAKEN, Cause.STOPPED),
        (bool(one.trouble) and one.exit_code == Exit.ENVIRONMENT, Cause.FAILED),
        (one.exit_code not in (None, Exit.DONE, *_WAITS), Cause.REFUSED),
        (not one.goes_on, Cause.DONE),
        # It ended at a gate and stands at none: a person decided since.
        (one.exit_code == Exit.AWAITING_HUMAN_GATE, Cause.DECIDED),
    )
    return next((cause for holds, cause in found if holds), Cause.UNFINISHED)


def _died(one: Situation) -> bool:
    """Whether its kernel came to no end of its own. One that fell before it recorded its beginning left nothing open:
    then a signal that no kernel takes tells it, and where nobody knows the code, that not even the run had begun.
    """
    by_signal = one.exit_code is not None and one.exit_code > SIGNALLED and one.exit_code not in _TAKEN
    return one.is_open or by_signal or (one.state == "opening" and one.exit_code is None)


_TAKEN = (Exit.INTERRUPTED, Exit.TERMINATED)

WAITING = frozenset({Cause.HELD, Cause.GATE, Cause.BLOCKED, Cause.EVIDENCE, Cause.PARKED})
"""A run that is at rest for one of these may go on when something of it changes."""

_WAITS = (Exit.AWAITING_HUMAN_GATE, Exit.BLOCKED_EXTERNAL, Exit.ESCALATED, Exit.PARKED)


def fingerprint(one: Situation, cause: Cause) -> str:
    """What names this cause of this run whenever it comes again: without time, path, attempt or number of a try."""
    detail = {
        Cause.CRASHED: str(one.exit_code),
        Cause.FAILED: _bare(one.trouble),
        Cause.BREACH: one.breach,
        Cause.EVIDENCE: one.evidence,
        Cause.DECIDED: f"after {one.passed} items",
        Cause.PARKED: one.park.cause if one.park else "",
    }.get(cause, "")
    told = {"run": one.run_id, "item": one.item, "state": one.state, "cause": cause.value, "detail": detail}
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


_PATHS_AND_NUMBERS = re.compile(r"/\S+|\d+")


def _bare(words: str) -> str:
    return _PATHS_AND_NUMBERS.sub("#", words)
