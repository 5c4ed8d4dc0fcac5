"""Why a run is at rest, by its files and by how its kernel ended."""

import pytest
from msgspec.structs import replace

from verger_daemon.rules.causes import Cause, Situation, cause_of
from verger_kernel.rules.parks import Park

HALF = Situation(run_id="RUN_1", item="01", state="execute", exit_code=137, is_open=True, goes_on=True)
ENDED = replace(HALF, is_open=False)
PARK = Park(cause="limit", why="so", resets_utc_ms=None, since_utc_ms=0)

ROWS = {
    "killed": (HALF, Cause.CRASHED),
    "in other hands": (replace(HALF, is_held=True), Cause.HELD),
    "killed, and nobody knows how": (replace(HALF, exit_code=None), Cause.CRASHED),
    "killed before it recorded its beginning": (replace(HALF, is_open=False, state="idle"), Cause.CRASHED),
    "the same, and nobody knows how": (
        replace(HALF, is_open=False, state="opening", exit_code=None),
        Cause.CRASHED,
    ),
    "the same, and the machine went down": (
        replace(HALF, is_open=False, state="opening", exit_code=None, is_rebooted=True),
        Cause.REBOOT,
    ),
    "a defect of its own": (replace(ENDED, exit_code=1), Cause.CRASHED),
    "killed while it was parked": (replace(HALF, park=PARK), Cause.CRASHED),
    "parked": (replace(ENDED, exit_code=75, park=PARK), Cause.PARKED),
    "ended by a signal that it took": (replace(ENDED, exit_code=143), Cause.STOPPED),
    "ended by Ctrl-C": (replace(ENDED, exit_code=130), Cause.STOPPED),
    "stopped, and killed after the grace": (replace(HALF, is_stopped=True), Cause.STOPPED),
    "the world refused": (replace(ENDED, exit_code=6, trouble="disk full"), Cause.FAILED),
    "the environment was not ready": (replace(ENDED, exit_code=6), Cause.REFUSED),
    "refused by policy": (replace(ENDED, exit_code=3), Cause.REFUSED),
    "held by another": (replace(ENDED, exit_code=5), Cause.REFUSED),
    "all done": (replace(ENDED, exit_code=0, state="idle", goes_on=False), Cause.DONE),
    "items left": (replace(ENDED, exit_code=0, state="idle"), Cause.UNFINISHED),
    "at a gate": (replace(ENDED, exit_code=20, state="awaiting_human_gate", goes_on=False), Cause.GATE),
    "past a gate": (replace(ENDED, exit_code=20, state="idle"), Cause.DECIDED),
    "past the last gate": (replace(ENDED, exit_code=20, state="idle", goes_on=False), Cause.DONE),
    "blocked": (replace(ENDED, exit_code=21, state="blocked_external", goes_on=False), Cause.BLOCKED),
    "evidence came": (replace(ENDED, exit_code=21, state="blocked_external", evidence="e"), Cause.EVIDENCE),
    "escalated": (replace(ENDED, exit_code=22, state="escalated", goes_on=False), Cause.ESCALATED),
    "escalated, then killed": (replace(HALF, state="escalated"), Cause.ESCALATED),
    "a limit of the daemon": (replace(HALF, breach="max_runtime_s"), Cause.BREACH),
    "the machine went down": (replace(HALF, is_rebooted=True, exit_code=None), Cause.REBOOT),
    "the machine went down while it was parked": (
        replace(ENDED, is_rebooted=True, exit_code=75, park=PARK),
        Cause.PARKED,
    ),
}


@pytest.mark.parametrize("row", ROWS)
def test_the_cause_is_told(row: str) -> None:
    one, cause = ROWS[row]
    assert cause_of(one) is cause
