"""What stops a command about a run that stands, each thing provoked on a real place of work by the real command.

Not here: what stops a run while it works; see `troubled_runs.py`.
"""

import re
import shutil
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.doubles.notes import PLAYBOOK, evidenced, gated, item
from tests.doubles.troubles import Case
from tests.doubles.workplace import Result, Workplace, workplace

from verger_probes.locks import acquire

DECIDE = ("mark-manual-gate", "--decision", "approved", "--by", "Ada", "--note", "read", "--item")


@cache
def _original(*rows: str) -> tuple[TemporaryDirectory[str], Path]:
    """A place with a run of `rows` that moved away, so that a copy of it is that place and not its double."""
    kept = TemporaryDirectory()
    place = workplace(Path(kept.name) / "place", rows=rows)
    assert place.verger("run", PLAYBOOK, "--next").code in (0, 20)
    return kept, place.root.rename(place.root.with_name("moved"))


def _copied(root: Path, *rows: str) -> Workplace:
    return Workplace(shutil.copytree(_original(*rows)[1], root / "place", symlinks=True))


def _waiting(root: Path) -> Workplace:
    return _copied(root, gated("02"))


def _passed(root: Path) -> Workplace:
    return _copied(root, item("01"), item("04", prerequisites="01"))


def at_a_gate(root: Path) -> Result:
    return _waiting(root).verger("resume")


def at_a_gate_that_is_refreshed(root: Path) -> Result:
    return _waiting(root).verger("refresh-run", "--retarget-run-branch-to", "main")


def still_without_evidence(root: Path) -> Result:
    place = workplace(root, rows=[evidenced("03")])
    assert place.verger("run", PLAYBOOK, "--next").code == 21
    return place.verger("resume")


def with_a_decision_that_nobody_asked_for(root: Path) -> Result:
    return _passed(root).verger(*DECIDE, "01")


def with_a_decision_about_something_else(root: Path) -> Result:
    return _waiting(root).verger(*DECIDE, "02", "--gate-nonce", "0123abcd")


def with_an_unknown_run(root: Path) -> Result:
    return _waiting(root).verger("status", "RUN_2019")


def with_the_beginning_of_two_runs(root: Path) -> Result:
    place = _waiting(root)
    assert place.verger("run", PLAYBOOK, "--next").code == 20
    return place.verger("status", "RUN_")


def while_another_process_drives(root: Path) -> Result:
    place = _passed(root)
    lock = acquire(place.repository / ".git" / "verger" / "driver.lock")
    try:
        return place.verger("resume")
    finally:
        lock.release()


def after_a_kill(root: Path) -> Result:
    place = workplace(root, rows=[item("01")])
    assert place.killed_at(8, "after", "run", PLAYBOOK, "--next").code == -9
    return place.verger("status")


def refreshed_after_a_kill(root: Path) -> Result:
    place = workplace(root, rows=[item("01")])
    assert place.killed_at(8, "after", "run", PLAYBOOK, "--next").code == -9
    return place.verger("refresh-run", "--retarget-run-branch-to", "main")


def refreshed_to_a_commit_without_what_passed(root: Path) -> Result:
    return _passed(root).verger("refresh-run", "--retarget-run-branch-to", "main")


def refreshed_to_nothing(root: Path) -> Result:
    return _passed(root).verger("refresh-run", "--retarget-run-branch-to", "nowhere")


def with_a_run_branch_that_was_moved(root: Path) -> Result:
    place = _passed(root)
    place.git("update-ref", f"refs/heads/orchestrator/run/{place.run().root.name}", "main")
    return place.verger("resume")


def with_a_run_branch_that_is_checked_out(root: Path) -> Result:
    place = _passed(root)
    place.git("checkout", "-q", f"orchestrator/run/{place.run().root.name}")
    return place.verger("resume")


def with_a_journal_that_was_changed(root: Path) -> Result:
    place = _passed(root)
    journal = place.run().journal
    journal.write_bytes(journal.read_bytes().replace(b'"01"', b'"02"', 1))
    return place.verger("resume")


def without_the_snapshot(root: Path) -> Result:
    place = _passed(root)
    place.run().snapshot.unlink()
    return place.verger("doctor", "latest")


def without_the_plan(root: Path) -> Result:
    place = _passed(root)
    place.run().plan.unlink()
    return place.verger("resume")


def without_the_policy_of_the_run(root: Path) -> Result:
    place = _passed(root)
    place.run().policy.unlink()
    return place.verger("resume")


def after_all_passed(root: Path) -> Result:
    place = _passed(root)
    return place.verger("resume")


def with_a_budget_where_none_was(root: Path) -> Result:
    return _copied(root, item("01"), item("02")).verger("resume", "--budget-usd", "5")


def with_a_clock_that_was_set_back(root: Path) -> Result:
    place = _copied(root, item("01"))
    state = place.run().run_state
    state.write_text(re.sub(r'"updated_utc_ms": \d+', '"updated_utc_ms": 4102444800000', state.read_text()))
    return place.verger("run", PLAYBOOK, "--next")


STANDING_TROUBLES: dict[str, Case] = {
    "or was never bounded there": with_a_budget_where_none_was,
    "behind the newest record": with_a_clock_that_was_set_back,
    "`no run … in …`": with_an_unknown_run,
    "begins 2 run ids": with_the_beginning_of_two_runs,
    "a run of … is held by pid": while_another_process_drives,
    "interrupted (exit code 75)": after_a_kill,
    "cannot resume run …: item … awaits a human gate": at_a_gate,
    "item … waits for evidence": still_without_evidence,
    "awaits no decision": with_a_decision_that_nobody_asked_for,
    "the decision is stale": with_a_decision_about_something_else,
    "all items passed": after_all_passed,
    "by somebody else": with_a_run_branch_that_was_moved,
    "so it cannot move": with_a_run_branch_that_is_checked_out,
    "which is about its old branch": at_a_gate_that_is_refreshed,
    "it was cut short": refreshed_after_a_kill,
    "passed work would be lost": refreshed_to_a_commit_without_what_passed,
    "names no commit": refreshed_to_nothing,
    "holds no run": with_a_journal_that_was_changed,
    "playbook_snapshot": without_the_snapshot,
    "No such file or directory: …`": without_the_plan,
    "cannot go on with run": without_the_policy_of_the_run,
}
"""By words that one row of the page alone holds: what provokes it."""
