"""What a run leaves behind: its record, its branch, and nothing else; the user's own things are never touched.

Not here: what is left after a kill; see test_kill.py and test_interrupt.py.
"""

import re
import stat
from pathlib import Path

import pytest
from tests.doubles.notes import item, scenario, writing
from tests.doubles.repository import write_files
from tests.doubles.sweeps import swept
from tests.doubles.trials import GOOD, RUN, passed, processes_below, processes_of, trial
from tests.doubles.workplace import Workplace, workplace

from verger_kernel.disk.store import load
from verger_kernel.rules.events import ItemClosed
from verger_probes.locks import acquire

IDS = tuple(f"{number:02}" for number in range(1, 13))


def belongings(place: Workplace) -> dict[str, str]:
    """Every file of the user's by path, mode, time and content; of git all but what a run may add to."""
    found = {}
    for path in sorted(place.repository.rglob("*")):
        name = path.relative_to(place.repository).as_posix()
        if name.startswith((".local", ".git/objects", ".git/refs", ".git/logs", ".git/verger")):
            continue
        info = path.lstat()
        if stat.S_ISREG(info.st_mode):
            found[name] = f"{info.st_mode:o} {info.st_mtime_ns} {path.read_bytes()!r}"
        elif path.is_symlink():
            found[name] = f"link to {path.readlink()}"
    return found


def refs(place: Workplace) -> dict[str, str]:
    lines = place.git("for-each-ref", "--format=%(refname) %(objectname)").splitlines()
    return dict(line.split() for line in lines)


def files_left(place: Workplace) -> set[str]:
    """Every file that the run left, outside of git's objects, by a name without the run's id."""
    run = place.run()
    roots = (run.root, run.reports, run.worktrees, run.verify)
    names = {f"{root.parent.name}/{path.relative_to(root)}" for root in roots for path in root.rglob("*")}
    return {re.sub(r"/[0-9a-f]{32}\b", "/RANDOM", name) for name in names}


def assert_nothing_left(place: Workplace) -> None:
    """No worktree, no verification tree, no process, no lock that is held, no temporary file, nothing half-made."""
    run = place.run()
    for folder in (run.worktrees, run.verify):
        assert not folder.exists() or list(folder.iterdir()) == []
    assert processes_of(place) == processes_below(place.root) == []
    for lock in (run.run_lock, run.tree_lock):
        acquire(lock).release()
    odd = (".record-*", ".new-*", "*.lock", "*.part", "*.tmp", ".going-*", "*.quarantine", "tmp_obj_*")
    names = [path.name for pattern in odd for path in place.root.rglob(pattern)]
    assert sorted(names) == ["driver.lock", "run.lock", "tree.lock"]


def test_w19_after_a_passed_run_nothing_is_left_and_the_users_things_are_as_they_were(tmp_path: Path) -> None:
    place = trial(tmp_path, GOOD, suggested="`false`", files={".gitignore": ".local/\n*.log\n"})
    write_files(place.repository, {"untracked.txt": "mine\n", "ignored.log": "mine too\n"})
    (place.repository / "link").symlink_to("untracked.txt")
    place.git("update-index", "--refresh")
    place.git("stash", "push", "-q", "-u", "--", "link")
    place.git("tag", "v1")
    head, before, own = place.git("symbolic-ref", "HEAD"), belongings(place), refs(place)
    passed(place, place.verger(*RUN))
    assert belongings(place) == before
    assert place.git("symbolic-ref", "HEAD") == head
    assert {name: at for name, at in refs(place).items() if name in own} == own
    added = set(refs(place)) - set(own)
    assert {name for name in added if not name.startswith("refs/verger/")} == {
        f"refs/heads/orchestrator/run/{place.run().root.name}"
    }
    assert place.git("status", "--porcelain") == "?? untracked.txt"
    assert place.git("worktree", "list").count("\n") == 0
    assert_nothing_left(place)


@pytest.mark.parametrize("count", swept([3, 12], every=2))
def test_w27_many_items_leave_no_more_than_many_times_one(tmp_path: Path, count: int) -> None:
    ids = IDS[:count]
    rows = [item(name) for name in ids]
    script = scenario(*(f'stage = "execute"\n{writing(name)}' for name in ids))
    place = workplace(tmp_path, rows=rows, script=script)
    assert place.verger("run", "playbook.md", "--item", "01").code == 0
    one, state_bytes, refs_of_one = files_left(place), place.run().run_state.stat().st_size, len(refs(place))
    assert place.verger("resume", "--auto-advance").code == 0
    assert len(load(place.run()).state.passed) == count
    everything = files_left(place)
    per_item = {name for name in one if "/items/01" in name or "items/01/" in name}
    assert len(everything) == len(one) + (count - 1) * len(per_item)
    assert everything == one | {
        name.replace("items/01", f"items/{other}") for name in per_item for other in ids
    }
    assert len(refs(place)) - refs_of_one < count
    assert [event.quarantine for event in place.events(ItemClosed)] == [""] * count
    # The digits of counters grow, and what is said of the playbook's end.
    assert place.run().run_state.stat().st_size <= state_bytes + 100
    assert_nothing_left(place)
