"""`doctor --fix-safe`: what can be made again is, what cannot is named, and nothing else is touched.

Not here: the naming alone; see tests/kernel/doctor/test_diagnosis.py.
"""

import os
import shutil
import subprocess
from collections.abc import Callable
from contextlib import suppress
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import anyio
import pytest
from tests.doubles.notes import PLAYBOOK, evidenced, gated, item
from tests.doubles.repository import commit_files
from tests.doubles.sweeps import swept
from tests.doubles.trials import GOOD, RUN, is_running, quarantined, trial
from tests.doubles.workplace import Workplace, assert_refused, workplace

from verger_kernel.doctor import repair
from verger_kernel.doctor.diagnosis import run_checks
from verger_kernel.doctor.repair import repair_run
from verger_kernel.home import find_home, settle
from verger_kernel.rules.chain import read
from verger_kernel.rules.events import CommandsReturned
from verger_kernel.rules.ids import RunId
from verger_probes.locks import acquire

ROWS = (item("01"), evidenced("02"), gated("03"))
DAMAGE: dict[str, Callable[[bytes], bytes | None]] = {
    "gone": lambda good: None,
    "half": lambda good: good[: len(good) // 2],
    "garbled": lambda good: bytes(byte ^ 1 for byte in good) or b"?",
}
# Of every file of a run what doctor does about it; a new kind of file has to be put into one of the three.
MENDED = {
    "run_state.json": "fold_run_state",
    "normalized_plan.json": "rebuild_normalized_plan",
    "items/*/passed.json": "redraw_projections",
    "items/*/attempt-1/junit.round-0.xml": "redraw_projections",
    "items/*/attempt-1/test_surface.round-0.json": "redraw_projections",
    "items/*/attempt-1/merged_findings.round-0.json": "redraw_projections",
    "items/*/attempt-1/findings.round-0.sarif": "redraw_projections",
    "items/*/attempt-1/external_evidence.sha256": "redraw_projections",
    "items/*/attempt-1/manual_gate.json": "redraw_projections",
    "items/*/attempt-1/packet/*": "freeze_packets_again",
}
NAMED = {
    "journal.jsonl": ("run_state_load", "settle_run"),
    "runtime_policy.json": ("runtime_policy", "restore_runtime_policy"),
    "playbook_source_snapshot.md": ("playbook_snapshot", "restore_playbook_snapshot"),
    "items/*/attempt-1/answers/*.json": ("sealed_files", "restore_sealed_files"),
    "items/*/attempt-1/verification_report.round-0.json": ("sealed_files", "restore_sealed_files"),
    "items/*/attempt-1/external_evidence/*": ("sealed_files", "restore_sealed_files"),
}
HARMLESS = (
    "run.lock",
    "tree.lock",
    "items/*/attempt-1/agents/*",
    "items/*/attempt-1/logs/*",
)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folders of a place that moved away, so that a copy of them is that place and not its double."""
    root = tmp_path_factory.mktemp("fix")
    place = workplace(root / "place", rows=ROWS)
    folder = str(place.evidence())
    assert place.verger("run", PLAYBOOK, "--items", "01").code == 0
    assert place.verger("resume", "--external-evidence-dir", folder, "--auto-advance").code == 20
    return (root / "place").rename(root / "moved")


@pytest.fixture
def place(original: Path, tmp_path: Path) -> Workplace:
    """A run in which 01 and, with evidence, 02 passed and 03 waits for a person."""
    made = Workplace(shutil.copytree(original, tmp_path / "place", symlinks=True))
    # The links still lead to where the folders were.
    settle(find_home(made.repository, made.environment()))
    return made


def wrong(place: Workplace) -> dict[str, str]:
    """The run's checks that are not `ok`."""
    home = find_home(place.repository, place.environment())
    return {
        one.name: one.status for one in run_checks(home, RunId(place.run().root.name)) if one.status != "ok"
    }


def repaired(place: Workplace) -> dict[str, str]:
    """The repairs that were not unneeded."""
    home = find_home(place.repository, place.environment())
    done = anyio.run(repair_run, home, RunId(place.run().root.name))
    return {one.name: one.status for one in done if one.status != "not_needed"}


def fix(place: Workplace, code: int) -> dict[str, Any]:
    """The repairs of the command itself that were not unneeded, by name."""
    ended = place.verger("doctor", "latest", "--fix-safe", "--json")
    assert ended.code == code, ended
    assert all(one["detail"] for one in ended.json["repairs"] if one["status"] != "not_needed")
    return {one["name"]: one for one in ended.json["repairs"] if one["status"] != "not_needed"}


def decide(place: Workplace) -> int:
    named = ("mark-manual-gate", "latest", "--item", "03", "--decision", "approved")
    return place.verger(*named, "--by", "Ada", "--note", "read").code


def damage(path: Path, how: str) -> None:
    path.parent.chmod(0o700)
    bad = DAMAGE[how](path.read_bytes())
    path.unlink()
    if bad is not None:
        path.write_bytes(bad)


def files(place: Workplace) -> dict[str, list[Path]]:
    """Every file of the run, by the one pattern that it matches."""
    found: dict[str, list[Path]] = {pattern: [] for pattern in (*MENDED, *NAMED, *HARMLESS)}
    for path in place.run().root.rglob("*"):
        if path.is_file():
            name = str(path.relative_to(place.run().root))
            (pattern,) = [pattern for pattern in found if fnmatch(name, pattern)]
            found[pattern].append(path)
    assert all(found.values())
    return found


def test_a_sound_run_needs_no_repair(place: Workplace) -> None:
    before = place.everything()
    assert (wrong(place), repaired(place)) == ({}, {})
    assert place.everything() == before


@pytest.mark.parametrize("how", swept(tuple(DAMAGE), every=2))
def test_what_is_drawn_from_the_journal_is_mended_byte_for_byte(place: Workplace, how: str) -> None:
    sound = place.everything()
    for pattern, paths in files(place).items():
        if pattern in MENDED:
            damage(paths[0], how)
            assert wrong(place), paths[0]
    assert repaired(place) == dict.fromkeys(MENDED.values(), "applied")
    assert place.everything() == sound


def test_what_the_journal_only_digests_is_named_and_never_made_up(place: Workplace) -> None:
    kinds = {path.name: (path, pattern) for pattern, paths in files(place).items() for path in paths}
    for number, (path, pattern) in enumerate(kinds.values()):
        if pattern in NAMED:
            good, mode = path.read_bytes(), path.stat().st_mode
            damage(path, list(DAMAGE)[number % len(DAMAGE)])
            before = place.everything()
            check, mend = NAMED[pattern]
            assert wrong(place)[check] == "error", path
            assert repaired(place) == {mend: "skipped"}, path
            assert place.everything() == before
            path.unlink(missing_ok=True)
            path.write_bytes(good)
            path.chmod(mode)
    assert wrong(place) == {}


def test_nothing_is_drawn_from_an_answer_that_is_gone(tmp_path: Path) -> None:
    finding = '{ title = "odd", severity = "low", category = "correctness", is_blocking = false }'
    said = f'stage = "audit"\nlane = "a"\nsteps = []\nreport = {{ findings = [{finding}] }}'
    place = trial(tmp_path, said, GOOD)
    assert place.verger(*RUN).code == 0
    attempt = place.run().attempt("01", 1)
    told = attempt.findings(0).read_bytes()
    assert b'"odd"' in told
    attempt.answer("audit-a", 0).unlink()
    assert repaired(place) == {"restore_sealed_files": "skipped"}
    assert attempt.findings(0).read_bytes() == told


@pytest.mark.parametrize("how", swept(tuple(DAMAGE), every=2))
def test_what_is_no_longer_needed_is_not_missed(place: Workplace, how: str) -> None:
    for pattern, paths in files(place).items():
        for path in paths if pattern in HARMLESS else ():
            damage(path, how)
    before = place.everything()
    assert (wrong(place), repaired(place)) == ({}, {})
    assert {name for name, nature in place.everything().items() if before.get(name) != nature} <= {
        str(lock.relative_to(place.root)) for lock in (place.run().run_lock, place.run().tree_lock)
    }
    assert decide(place) == 0


@pytest.mark.sweep
def test_after_all_that_can_be_mended_was_mended_the_run_ends_like_any_other(place: Workplace) -> None:
    run, sound = place.run(), place.everything()
    links = [path for path in (place.repository / ".local").rglob("*") if path.is_symlink()]
    for path in [*run.root.rglob("*")]:
        if path.is_file() and any(fnmatch(str(path.relative_to(run.root)), one) for one in MENDED):
            path.parent.chmod(0o700)
            path.unlink()
    for link in links:
        link.unlink()
    links[0].symlink_to("/nowhere")
    with run.journal.open("ab") as journal:
        journal.write(b'{"seq":999,"prev":"')
    (run.root / "items" / ".record-half").touch()
    (run.verify / "trial" / "work").mkdir(parents=True)
    (run.root.parent / ".new-half").mkdir()
    assert set(wrong(place)) >= {"run_state_load", "normalized_plan", "leftovers", "links"}
    done = fix(place, 0)
    assert set(done) == {*MENDED.values(), "cut_journal_tail", "restore_links", "remove_leftovers"}
    assert {one["status"] for one in done.values()} == {"applied"}
    assert place.everything() == sound
    # Done again, there is nothing to do.
    assert fix(place, 0) == {}
    assert place.everything() == sound
    assert decide(place) == 0
    assert place.verger("status", "--json").json["passed"] == 3
    assert place.git("show", f"{place.run_branch()}:docs/03.md") == "a note"


def test_what_stands_in_a_links_place_and_is_none_is_left_alone(place: Workplace) -> None:
    link = place.repository / ".local" / "automation" / "plan_orchestrator" / "runs"
    link.unlink()
    link.mkdir()
    (link / "mine.txt").write_text("mine\n", encoding="utf-8")
    before = place.everything()
    done = fix(place, 0)
    assert (done["restore_links"]["status"], str(link) in done["restore_links"]["detail"]) == (
        "skipped",
        True,
    )
    assert place.everything() == before


def test_without_a_run_only_the_links_are_restored(place: Workplace) -> None:
    sound = place.everything()
    (place.repository / ".local" / "ai" / "plan_orchestrator" / "runs").unlink()
    ended = place.verger("doctor", "--fix-safe")
    assert (ended.code, "applied  restore_links: made " in ended.stdout) == (0, True)
    assert place.everything() == sound
    fresh = workplace(place.root / "fresh")
    assert fresh.verger("doctor", "--fix-safe", "--json").json["repairs"] == []


def test_w16_a_run_that_another_process_holds_is_not_touched(place: Workplace) -> None:
    place.run().plan.unlink()
    before = place.everything()
    for path in (place.run().run_lock, place.repository / ".git" / "verger" / "driver.lock"):
        lock = acquire(path)
        try:
            ended = place.verger("doctor", "latest", "--fix-safe")
            assert_refused(ended, 5, f"is held by pid {os.getpid()}")
        finally:
            lock.release()
    path.touch()
    assert {name for name, nature in place.everything().items() if before.get(name) != nature} <= {
        "repository/.git/verger/driver.lock"
    }


def test_what_a_dead_kernel_left_running_is_ended(place: Workplace) -> None:
    mark = {"PATH": os.environ["PATH"], "VERGER_RUN": place.run().root.name}
    left = subprocess.Popen(["sleep", "60"], env=mark, start_new_session=True)
    try:
        assert fix(place, 0)["end_survivors"]["detail"].startswith("1 process(es)")
        assert not is_running(left.pid)
    finally:
        with suppress(OSError):
            left.kill()
        left.wait()


def test_git_locks_beside_the_runs_own_references_go_and_those_of_others_stay(place: Workplace) -> None:
    branch = place.repository / ".git" / "refs" / "heads" / "orchestrator" / "run" / place.run().root.name
    own, other = (
        branch.with_name(f"{branch.name}.lock"),
        place.repository / ".git" / "refs" / "heads" / "main.lock",
    )
    index = place.run().attempt("01", 1).index
    for lock in (own, other, index.with_name("index.lock")):
        lock.touch()
    assert set(fix(place, 0)) == {"remove_git_locks", "remove_leftovers"}
    assert (own.exists(), index.with_name("index.lock").exists(), other.exists()) == (False, False, True)


def orphan(place: Workplace, dirt: dict[str, str], tip: str = "") -> Path:
    """The worktree of item 01's attempt, which is over, as if its removal had been cut short; at `tip` if named."""
    attempt = place.run().attempt("01", 1)
    passed = f"orchestrator/run/{place.run().root.name}~1"
    place.git("worktree", "add", "-q", "--detach", str(attempt.worktree), tip or passed)
    own = place.git("-C", str(attempt.worktree), "rev-parse", "--git-path", "index")
    shutil.copyfile(own, attempt.index)
    (attempt.worktree / ".git").unlink()
    place.git("worktree", "prune")
    for name, text in dirt.items():
        (attempt.worktree / name).write_text(text, encoding="utf-8")
    return attempt.worktree


@pytest.mark.sweep
def test_the_worktree_of_an_attempt_that_is_over_is_kept_under_a_ref_and_removed(place: Workplace) -> None:
    tree = orphan(place, {"docs/unrecorded.md": "not lost\n"})
    done = fix(place, 0)["put_away_orphaned_worktrees"]
    assert (done["status"], done["path"]) == ("applied", str(tree))
    assert not tree.exists()
    assert quarantined(place) == {"01/1/left-behind": "docs/unrecorded.md"}
    assert fix(place, 0) == {}


def test_a_worktree_whose_checkpoint_no_ref_keeps_any_more_is_kept_too(place: Workplace) -> None:
    passed = f"orchestrator/run/{place.run().root.name}~1"
    lost = place.git("commit-tree", "-p", passed, "-m", "nobody names it", "HEAD^{tree}")
    orphan(place, {}, lost)
    assert "kept as refs/verger/quarantine/" in fix(place, 0)["put_away_orphaned_worktrees"]["detail"]
    assert quarantined(place) == {"01/1/left-behind": "docs/01.md"}


def test_a_worktree_that_no_ref_could_keep_whole_is_left_for_a_person(place: Workplace) -> None:
    commit_files(place.repository, {".gitignore": ".local/\n*.log\n"}, "ignore")
    tree = orphan(place, {".gitignore": "*.log\n", "build.log": "a day of building\n"})
    stranger = tree.with_name("somebody's own")
    stranger.mkdir()
    before = place.everything()
    ended = place.verger("doctor", "latest", "--fix-safe", "--json")
    found = [one for one in ended.json["repairs"] if one["name"] == "put_away_orphaned_worktrees"]
    assert [(one["status"], one["path"]) for one in found] == [
        ("skipped", str(tree)),
        ("skipped", str(stranger)),
    ]
    assert "files that git ignores" in found[0]["detail"]
    # The folder that git works in stays beside the index as long as that does.
    after = {name: nature for name, nature in place.everything().items() if "/index.git" not in name}
    assert after == before
    stranger.rmdir()
    place.run().attempt("01", 1).index.unlink()
    assert "its index is gone" in fix(place, 0)["put_away_orphaned_worktrees"]["detail"]
    assert (tree / "build.log").exists()


def test_a_plan_that_would_not_be_the_runs_own_is_not_put_in_its_place(
    place: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.run().plan.unlink()
    # As a Verger would make it that reads a playbook otherwise.
    monkeypatch.setattr(repair, "begun_utc", lambda _run_id: "2026-01-01T00:00:00.000Z")
    assert repaired(place) == {"rebuild_normalized_plan": "skipped", "redraw_projections": "skipped"}
    assert not place.run().plan.exists()
    monkeypatch.undo()
    assert repaired(place) == {"rebuild_normalized_plan": "applied"}


@pytest.mark.sweep
def test_a_report_that_grew_right_before_a_kill_is_no_damage(tmp_path: Path) -> None:
    sound = trial(tmp_path / "sound", GOOD, suggested="`false`")
    assert sound.verger(*RUN).code == 0
    records = read(sound.run().journal.read_bytes()).records
    number = [one.seq for one in records if isinstance(one.event, CommandsReturned)][1]
    place = trial(tmp_path / "cut", GOOD, suggested="`false`")
    assert place.killed_at(number, "before", *RUN).code == -9
    before = place.run().attempt("01", 1).verification(0).read_bytes()
    assert (wrong(place), repaired(place)) == ({}, {})
    assert place.run().attempt("01", 1).verification(0).read_bytes() == before
    assert place.verger("resume", "--json").json["passed"] == ["01"]
    assert wrong(place) == {}


def test_a_run_cut_short_is_settled_and_its_resume_ends_it(tmp_path: Path) -> None:
    place = workplace(tmp_path, rows=[item("01")])
    assert place.killed_at(8, "after", "run", PLAYBOOK, "--next").code == -9
    assert wrong(place)["run_state_load"] == "warning"
    assert fix(place, 0)["fold_run_state"]["status"] == "applied"
    assert wrong(place) == {}
    assert place.verger("resume", "--json").json["passed"] == ["01"]
    assert wrong(place) == {}


def test_a_worktree_whose_record_is_lost_is_named_with_the_way_out(tmp_path: Path) -> None:
    place = workplace(tmp_path, rows=[item("01")])
    # Right after the worker was started: the worktree is in use.
    assert place.killed_at(5, "after", "run", PLAYBOOK, "--next").code == -9
    attempt = place.run().attempt("01", 1)
    attempt.tripwire.unlink()
    assert wrong(place)["worktree"] == "error"
    fix(place, 4)
    attempt.worktree.rename(tmp_path / "moved away")
    assert place.verger("resume", "--json").json["passed"] == ["01"]
