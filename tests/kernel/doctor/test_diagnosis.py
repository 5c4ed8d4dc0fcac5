"""Doctor on a run's files: each file damaged alone, and the journal with a bit flipped anywhere."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.doubles.notes import PLAYBOOK, gated, item
from tests.doubles.workplace import Workplace, workplace

from verger_kernel.disk.layout import RunFolder
from verger_kernel.disk.store import load
from verger_kernel.doctor.diagnosis import frozen_checks, run_checks
from verger_kernel.home import Home, find_home
from verger_kernel.rules.ids import RunId
from verger_probes.locks import acquire

EVERY = 97


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """A run in which 01 passed and 02 waits for a person."""
    made = workplace(tmp_path_factory.mktemp("diagnosis"), rows=[item("01"), gated("02")])
    assert made.verger("run", PLAYBOOK, "--items", "01,02").code == 20
    return made


@pytest.fixture
def run(place: Workplace) -> Iterator[RunFolder]:
    """The run's folder, whose files are as before afterwards."""
    folder = place.run()
    files = [path for path in folder.root.rglob("*") if path.is_file() and "lock" not in path.name]
    before = {path: path.read_bytes() for path in files}
    yield folder
    for path, data in before.items():
        put(path, data)


def put(path: Path, data: bytes | None) -> None:
    """Makes `path` hold `data`, or be gone, as somebody does who may: sealed files and folders are read-only."""
    path.parent.chmod(0o700)
    path.unlink(missing_ok=True)
    if data is not None:
        path.write_bytes(data)


def home(place: Workplace) -> Home:
    return find_home(place.repository, place.environment())


def wrong(place: Workplace) -> dict[str, str]:
    """The checks that are not `ok`, each with its status."""
    found = run_checks(home(place), RunId(place.run().root.name))
    assert all(check.detail and check.hint for check in found if check.status != "ok")
    return {check.name: check.status for check in found if check.status != "ok"}


def test_nothing_is_wrong_with_a_good_run(place: Workplace) -> None:
    assert wrong(place) == {}


FILES = {
    "normalized_plan.json": {"normalized_plan": "error"},
    "runtime_policy.json": {"runtime_policy": "error"},
    "playbook_source_snapshot.md": {"playbook_snapshot": "error"},
    "items/01/passed.json": {"projections": "warning"},
    "items/01/attempt-1/junit.round-0.xml": {"projections": "warning"},
    "items/01/attempt-1/merged_findings.round-0.json": {"projections": "warning"},
    "items/02/attempt-1/manual_gate.json": {"projections": "warning"},
    "items/01/attempt-1/answers/audit-a.round-0.json": {"sealed_files": "error"},
    "items/01/attempt-1/verification_report.round-0.json": {"sealed_files": "error"},
    "run_state.json": {"run_state_load": "warning"},
    "journal.jsonl": {"run_state_load": "error"},
}
DAMAGE = {
    "half of it": lambda good: good[: len(good) // 2],
    "no UTF-8": lambda good: b"\xff" + good,
    "empty": lambda good: b"",
    "no JSON": lambda good: b"{",
    "deep": lambda good: b"[" * 100_000,
    "of zeros": lambda good: b"\0" * len(good),
    "gone": lambda good: None,
}


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_not_what_it_was_is_named(
    place: Workplace, run: RunFolder, name: str, damage: str
) -> None:
    file = run.root / name
    bad = DAMAGE[damage](file.read_bytes())
    put(file, bad)
    assert wrong(place) == FILES[name]


def test_a_bit_flipped_anywhere_in_the_journal_is_named(place: Workplace, run: RunFolder) -> None:
    data = run.journal.read_bytes()
    for at in range(0, len(data), EVERY):
        run.journal.write_bytes(data[:at] + bytes([data[at] ^ 1 << at % 8]) + data[at + 1 :])
        (only,) = run_checks(home(place), RunId(run.root.name))
        assert (only.name, only.status) == ("run_state_load", "error")
        assert str(run.journal) in only.detail


def test_what_is_no_record_at_the_end_is_a_warning_that_resume_settles(
    place: Workplace, run: RunFolder
) -> None:
    data = run.journal.read_bytes()
    for tail in (b"{", b"\0" * 4096, b"no record\n", data[:200]):
        run.journal.write_bytes(data + tail)
        assert wrong(place) == {"run_state_load": "warning"}
        assert run.journal.read_bytes() == data + tail


def test_a_plan_that_says_the_same_in_other_bytes_is_refused(place: Workplace, run: RunFolder) -> None:
    put(run.plan, run.plan.read_bytes() + b"\n")
    assert wrong(place) == {"normalized_plan": "error"}
    found = {check.name: check.status for check in frozen_checks(run, load(run).state)}
    assert found == {"normalized_plan": "error", "runtime_policy": "ok", "playbook_snapshot": "ok"}


def test_what_a_killed_process_left_half_made_is_named_unless_somebody_holds_the_run(
    place: Workplace, run: RunFolder
) -> None:
    left = (run.root / ".record-half", run.attempt("01", 1).index.with_name("index.lock"))
    for path in left:
        path.touch()
    run.trial.mkdir(parents=True)
    (run.attempt("02", 1).gate).unlink()
    try:
        assert wrong(place) == {"projections": "warning", "leftovers": "warning"}
        lock = acquire(run.run_lock)
        assert wrong(place) == {}
        lock.release()
    finally:
        run.trial.rmdir()
        for path in left:
            path.unlink()


def test_a_worktree_that_no_attempt_uses_is_named(place: Workplace, run: RunFolder) -> None:
    orphan = run.worktrees / "item-99-attempt-1"
    orphan.mkdir(parents=True)
    try:
        assert wrong(place) == {"orphaned_worktrees": "warning"}
    finally:
        orphan.rmdir()


@pytest.mark.parametrize("number", [4, 8])
def test_a_worktree_that_is_gone_is_made_again_by_resume(tmp_path: Path, number: int) -> None:
    cut = workplace(tmp_path, rows=[item("01")])
    assert cut.killed_at(number, "after", "run", PLAYBOOK, "--next").code == -9
    # Killed before it was saved, the last record is in the journal alone.
    assert wrong(cut) == {"run_state_load": "warning"}
    worktree = cut.run().attempt("01", 1).worktree
    worktree.rename(tmp_path / "moved away")
    assert wrong(cut) == {"run_state_load": "warning", "worktree": "warning"}
    assert cut.verger("resume").code == 0
    assert wrong(cut) == {}
