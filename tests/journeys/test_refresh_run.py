"""A run that goes on from another commit: what is asked of that commit, what stays, and through a kill."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.doubles.notes import PLAYBOOK, evidenced, gated, item
from tests.doubles.repository import commit_files
from tests.doubles.sweeps import swept
from tests.doubles.workplace import Result, Workplace, assert_refused, refused, workplace

from verger_kernel.disk.store import load
from verger_kernel.rules.events import RunRetargeted
from verger_probes.locks import acquire

ROWS = (item("01"), item("02", prerequisites="01"), gated("03"), evidenced("04"))


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folders of a place that moved away, so that a copy of them is that place and not its double."""
    root = tmp_path_factory.mktemp("refresh")
    place = workplace(root / "place", rows=ROWS)
    assert place.verger("run", PLAYBOOK, "--item", "01").code == 0
    return (root / "place").rename(root / "moved")


@pytest.fixture
def place(original: Path, tmp_path: Path) -> Workplace:
    """An idle run in which item 01 passed, and a branch `next` that holds its result and more."""
    made = Workplace(shutil.copytree(original, tmp_path / "place", symlinks=True))
    made.git("checkout", "-q", "-b", "next")
    made.git("merge", "-q", "--no-edit", f"orchestrator/run/{made.run().root.name}")
    commit_files(made.repository, {"docs/more.md": "more\n"}, "more")
    return made


def refresh(place: Workplace, ref: str = "next") -> Result:
    return place.verger(*argv(ref))


def argv(ref: str = "next") -> tuple[str, ...]:
    return ("refresh-run", "latest", "--retarget-run-branch-to", ref, "--json")


def branches(place: Workplace) -> list[str]:
    """The run's branches that a refresh made, by number."""
    head = f"refs/heads/orchestrator/run-refresh/{place.run().root.name}/"
    listing = place.git("for-each-ref", "--format=%(refname)", "refs/heads/orchestrator/run-refresh")
    return [ref.removeprefix(head) for ref in listing.splitlines()]


def branch_of(place: Workplace) -> str:
    return place.verger("status", "--json").json["run_branch"]


def test_a_refreshed_run_goes_on_from_the_target_and_keeps_what_passed(place: Workplace) -> None:
    target, run = place.git("rev-parse", "next"), place.run().root.name
    old_tip = place.run_branch()
    ended = refresh(place)
    branch = f"orchestrator/run-refresh/{run}/1"
    assert (ended.code, ended.json) == (
        0,
        {
            "run_id": run,
            "current_state": "idle",
            "current_item_id": "",
            "run_branch_name": branch,
            "run_state_path": str(place.run().run_state),
            "normalized_plan_path": str(place.run().plan),
            "pending_action": f"verger resume {place.run().root.name}",
        },
    )
    assert place.git("rev-parse", branch) == target
    assert f"run branch   {branch}" in place.verger("status").stdout
    assert place.verger("doctor", "latest").code == 0
    resumed = place.verger("resume", "--json")
    assert (resumed.code, resumed.json["passed"]) == (0, ["01", "02"])
    assert resumed.json["run_branch_name"] == branch
    assert place.git("rev-parse", f"{branch}^") == target
    assert place.git("show", f"{branch}:docs/more.md") == "more"
    # The old branch stays where it was: nobody moves it any more.
    assert place.run_branch() == old_tip
    # Evidence and gate after it work on the new branch.
    assert place.verger("resume").code == 20
    decided = place.verger(
        *("mark-manual-gate", "--item", "03", "--decision", "approved", "--by", "Ada", "--note", "read")
    )
    assert decided.code == 0
    assert place.git("show", f"{branch}:docs/03.md") == "a note"


@pytest.mark.sweep
def test_a_run_can_be_refreshed_again_and_each_time_gets_the_next_branch(place: Workplace) -> None:
    assert refresh(place).code == 0
    commit_files(place.repository, {"docs/again.md": "again\n"}, "again")
    ended = place.verger("refresh-run", "--run-id", "latest", "--retarget-run-branch-to", "HEAD")
    run = place.run().root.name
    assert (ended.code, f"branch      orchestrator/run-refresh/{run}/2" in ended.stdout) == (0, True)
    assert branches(place) == ["1", "2"]
    assert place.verger("resume").code == 0
    # A run that stands there already is left as it is.
    tip = place.git("rev-parse", branch_of(place))
    assert refresh(place, tip).code == 0
    assert branches(place) == ["1", "2"]
    assert len(place.events(RunRetargeted)) == 2


# Of a refresh: the invocation's start, the refresh, the invocation's end. The branch is made before the first.
@pytest.mark.parametrize(
    ("number", "when"), swept([(1, "before"), (2, "before"), (2, "after"), (3, "before")], every=2)
)
def test_w18_a_refresh_that_is_killed_is_finished_by_the_next_one_with_one_branch(
    place: Workplace, number: int, when: str
) -> None:
    assert place.killed_at(number, when, *argv()).code == -9
    assert branches(place) == ["1"]
    assert refresh(place).code == 0
    assert branches(place) == ["1"]
    assert len(place.events(RunRetargeted)) == 1
    assert place.verger("doctor", "latest").code == 0
    assert place.verger("resume", "--json").json["passed"] == ["01", "02"]


def of_a_tag_of_a_tree(place: Workplace) -> str:
    place.git("tag", "only-a-tree", "HEAD^{tree}")
    return "only-a-tree"


def of_a_branch_and_a_tag(place: Workplace) -> str:
    place.git("branch", "twice", "main")
    place.git("tag", "twice", "next")
    return "twice~0"


def of_a_branch_and_an_object(place: Workplace) -> str:
    short = place.git("rev-parse", "--short=8", "next")
    place.git("branch", short, "next")
    return short


def of_an_option(place: Workplace) -> str:
    return "--all"


def of_nothing(place: Workplace) -> str:
    return "nowhere"


def of_an_empty_name(place: Workplace) -> str:
    return ""


NAMES: dict[Callable[[Workplace], str], tuple[int, str]] = {
    of_nothing: (4, "'nowhere' names no commit"),
    of_a_tag_of_a_tree: (4, "'only-a-tree' names no commit"),
    of_a_branch_and_a_tag: (4, "is ambiguous: refs/heads/twice, refs/tags/twice"),
    of_a_branch_and_an_object: (4, "is ambiguous: refs/heads/"),
    of_an_option: (4, "'--all' names no commit"),
    of_an_empty_name: (4, "'' names no commit"),
}


def test_a_name_that_means_no_commit_or_several_is_refused(place: Workplace) -> None:
    for name, (code, words) in NAMES.items():
        ref = name(place)
        refused(place, ("refresh-run", "latest", f"--retarget-run-branch-to={ref}"), code, words)


def test_an_annotated_tag_of_a_commit_is_a_target(place: Workplace) -> None:
    place.git("tag", "-a", "-m", "annotated", "v1", "next")
    assert refresh(place, "v1").code == 0
    assert place.git("rev-parse", branch_of(place)) == place.git("rev-parse", "next")


def test_a_target_that_would_lose_passed_work_is_refused(place: Workplace) -> None:
    commit = place.git("commit-tree", "-m", "apart", "next^{tree}")
    for ref in ("main", commit):
        refused(place, argv(ref), 3, "does not descend from", "git merge orchestrator/run/")


def test_a_target_without_the_paths_that_are_left_to_consult_is_refused(place: Workplace) -> None:
    place.git("rm", "-q", "-r", "docs")
    place.git("commit", "-q", "-m", "no docs")
    refused(place, argv(), 4, "consult paths that", "docs")


def test_a_run_branch_that_somebody_moved_is_refused(place: Workplace) -> None:
    branch = f"refs/heads/orchestrator/run/{place.run().root.name}"
    for spoil in (("update-ref", branch, "next"), ("update-ref", "-d", branch)):
        place.git(*spoil)
        refused(place, argv(), 3, "was moved to", "move it back: git update-ref")


def test_a_new_branch_that_is_checked_out_or_taken_by_another_name_is_refused(place: Workplace) -> None:
    folder = f"orchestrator/run-refresh/{place.run().root.name}"
    # A branch that a refresh made and did not record is taken, but not from under somebody's checkout.
    place.git("checkout", "-q", "-b", f"{folder}/1")
    refused(place, argv(), 3, "is checked out at", "switch --detach")
    place.git("checkout", "-q", "next")
    place.git("branch", "-D", f"{folder}/1")
    place.git("branch", "orchestrator/run-refresh", "next")
    refused(place, argv(), 3, "cannot move refs/heads/orchestrator/run-refresh/")
    place.git("branch", "-D", "orchestrator/run-refresh")
    place.git("branch", f"{folder}/1", "main")
    assert refresh(place).code == 0
    assert branch_of(place) == f"{folder}/2"


def test_an_item_at_its_gate_is_decided_first(tmp_path: Path) -> None:
    place = workplace(tmp_path, rows=[gated("02")])
    assert place.verger("run", PLAYBOOK, "--next").code == 20
    refused(place, argv("main"), 20, "awaits a human gate", "decide first: verger mark-manual-gate")


@pytest.mark.sweep
def test_a_run_that_was_cut_short_is_resumed_first(tmp_path: Path) -> None:
    place = workplace(tmp_path, rows=[item("01")])
    assert place.killed_at(8, "after", "run", PLAYBOOK, "--next").code == -9
    load(place.run())
    ended = refresh(place, "main")
    assert_refused(ended, 75, "cut short in the middle of a stage", "resume first: verger resume")
    assert branches(place) == []
    assert place.verger("resume").code == 0


@pytest.mark.sweep
def test_an_item_that_waits_or_was_escalated_begins_its_next_attempt_at_the_target(tmp_path: Path) -> None:
    place = workplace(tmp_path, rows=[evidenced("04")])
    assert place.verger("run", PLAYBOOK, "--next").code == 21
    commit_files(place.repository, {"docs/more.md": "more\n"}, "more")
    assert refresh(place, "main").json["current_state"] == "blocked_external"
    wrong, right = place.evidence("wrong", "other\n"), place.evidence("right")
    settings = {"VERGER_MAX_FIX_ROUNDS": "0", "VERGER_MAX_REMEDIATION_ROUNDS": "0"}
    assert place.verger("resume", "--external-evidence-dir", str(wrong), **settings).code == 22
    escalated = load(place.run()).state.stage
    commit_files(place.repository, {"docs/again.md": "again\n"}, "again")
    assert refresh(place, "main").json["current_state"] == "escalated"
    # What the attempt came to is untouched.
    assert load(place.run()).state.stage == escalated
    assert place.verger("resume", "--external-evidence-dir", str(right)).code == 0
    assert place.git("rev-parse", f"{branch_of(place)}^") == place.git("rev-parse", "main")
    assert branches(place) == ["1", "2"]


def test_a_plan_that_is_gone_or_damaged_is_made_again_byte_for_byte(place: Workplace) -> None:
    plan = place.run().plan
    good = plan.read_bytes()
    for bad in (b"{", good.replace(b"Write note", b"Erase note"), None):
        plan.unlink()
        if bad is not None:
            plan.write_bytes(bad)
        assert_refused(place.verger("resume"), 4, "normalized_plan.json", "--fix-safe")
        commit_files(place.repository, {f"docs/{len(bad or b'')}.md": "more\n"}, "more")
        ended = refresh(place)
        assert (ended.code, "made again from the snapshot" in ended.stderr) == (0, True)
        assert plan.read_bytes() == good
    assert place.verger("resume").code == 0


def test_a_plan_is_never_made_from_a_snapshot_that_was_changed(place: Workplace) -> None:
    folder = place.run()
    good = folder.snapshot.read_bytes()
    folder.snapshot.chmod(0o600)
    folder.snapshot.write_bytes(good.replace(b"Write note", b"Erase note"))
    folder.plan.unlink()
    refused(place, argv(), 4, "playbook_source_snapshot.md")
    assert not folder.plan.exists()


def test_a_run_that_another_process_holds_is_left_alone(place: Workplace) -> None:
    lock = acquire(place.run().run_lock)
    try:
        refused(place, argv(), 5, "is held by pid ")
    finally:
        lock.release()
