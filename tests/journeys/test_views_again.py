"""`status` and `list-items` say again what they said, and never anything else than a fresh look would say."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.doubles.notes import PLAYBOOK, item
from tests.doubles.workplace import Result, Workplace, workplace

VIEWS = (("status",), ("status", "--json"), ("list-items", PLAYBOOK), ("list-items", PLAYBOOK, "--json"))


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A place whose run waits for a person. It moved away, so that a copy of it is that place and not its double."""
    made = workplace(tmp_path_factory.mktemp("views") / "place")
    assert made.verger("run", PLAYBOOK, "--item", "02").code == 20
    return made.root.rename(made.root.with_name("moved"))


@pytest.fixture
def place(tmp_path: Path, original: Path) -> Workplace:
    """A copy of it, whose views were all asked for once."""
    made = Workplace(shutil.copytree(original, tmp_path / "place", symlinks=True))
    for argv in VIEWS:
        assert made.verger(*argv).code == 0
    return made


def fresh(place: Workplace, *argv: str, cwd: Path | None = None) -> Result:
    return place.verger(*argv, cwd=cwd, XDG_CACHE_HOME=str(place.root / "nothing" / "here"))


def views(place: Workplace) -> list[Path]:
    return sorted((place.home / ".cache/verger/views").iterdir())


def test_what_nothing_changed_is_said_again_and_not_drawn(place: Workplace) -> None:
    assert views(place)
    for view in views(place):
        sum_, _, text = view.read_bytes().partition(b"\n")
        assert json.loads(text)["asked"][0] == str(place.repository)
        assert len(sum_) == 8
    for argv in VIEWS:
        # Two of them may share a slot.
        assert place.verger(*argv).code == 0
        before = [view.stat().st_mtime_ns for view in views(place)]
        again, anew = place.verger(*argv), fresh(place, *argv)
        assert (again.code, again.stdout, again.stderr) == (anew.code, anew.stdout, anew.stderr)
        assert [view.stat().st_mtime_ns for view in views(place)] == before


def rewritten(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def gate(place: Workplace) -> Path:
    return place.run().attempt("02", 1).gate


def planted(place: Workplace) -> None:
    folder = place.run().attempt("09", 1)
    folder.root.mkdir(parents=True)
    shutil.copy(gate(place), folder.gate)


CHANGES: dict[str, Callable[[Workplace], object]] = {
    "the state": lambda place: rewritten(place.run().run_state, '"agent_calls": ', '"agent_calls": 1'),
    "a damaged state": lambda place: place.run().run_state.write_bytes(b"{"),
    "no state": lambda place: place.run().run_state.unlink(),
    "the policy": lambda place: place.run().policy.unlink(),
    "a gate": lambda place: rewritten(gate(place), '"status": "pending"', '"status": "approved"'),
    "a damaged gate": lambda place: gate(place).write_bytes(b"{"),
    "a planted gate": planted,
    "a run that is gone": lambda place: place.run().root.rename(place.root / "gone"),
    "another run": lambda place: place.verger("run", PLAYBOOK, "--item", "01"),
    "the name of the repository": lambda place: (place.repository / ".git/verger/repository-id").write_bytes(
        b"{"
    ),
    "a repository that is none": lambda place: (place.repository / ".git/HEAD").unlink(),
    "a gap in the table": lambda place: rewritten(place.repository / PLAYBOOK, "| 02 |", "| 0 2 |"),
    "another word": lambda place: rewritten(place.repository / PLAYBOOK, "| 02 |", "| 07 |"),
    "no playbook": lambda place: (place.repository / PLAYBOOK).unlink(),
}


@pytest.mark.parametrize("name", CHANGES)
def test_after_any_change_every_view_says_what_a_fresh_look_says(place: Workplace, name: str) -> None:
    CHANGES[name](place)
    for argv in VIEWS[1:3]:
        anew = fresh(place, *argv)
        for _ in range(2):
            again = place.verger(*argv)
            assert (again.code, again.stdout, again.stderr) == (anew.code, anew.stdout, anew.stderr), argv


HOLDER = """
import sys
from pathlib import Path
from verger_probes.locks import acquire
lock = acquire(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


def test_a_run_that_a_process_holds_is_looked_at_each_time(place: Workplace) -> None:
    holder = subprocess.Popen(
        (sys.executable, "-P", "-c", HOLDER, str(place.run().run_lock)),
        env=place.environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with holder:
        assert holder.stdout and holder.stdout.readline() == b"held\n"
        assert place.verger("status", "--json").json["held"] is True
        # Killed, it leaves the lock's text as it is: no file says that it is gone.
        holder.kill()
    assert place.verger("status", "--json").json["held"] is False


def test_a_repository_that_appears_nearer_is_the_one_that_is_meant(place: Workplace) -> None:
    inner = place.repository / "inner"
    inner.mkdir()
    assert place.verger("status", cwd=inner).code == 0
    place.git("init", "-q", str(inner))
    assert place.verger("status", cwd=inner).stderr == fresh(place, "status", cwd=inner).stderr
    assert place.verger("status", cwd=inner).code == 4


def test_a_copy_that_had_the_name_gives_it_back_when_the_original_is_there_again(tmp_path: Path) -> None:
    place = workplace(tmp_path)
    assert place.verger("run", PLAYBOOK, "--item", "02").code == 20
    copy, away = place.root / "copy", place.root / "away"
    shutil.copytree(place.repository, copy, symlinks=True)
    place.repository.rename(away)
    assert place.verger("status", cwd=copy).code == 0
    away.rename(place.repository)
    assert fresh(place, "status", cwd=copy).code == 4
    assert place.verger("status", cwd=copy).code == 4


def test_another_state_home_is_another_answer(place: Workplace) -> None:
    assert place.verger("status").code == 0
    assert place.verger("status", XDG_STATE_HOME=str(place.root / "other")).code == 4


def test_a_playbook_of_the_same_name_in_another_folder_is_another_one(tmp_path: Path) -> None:
    place = workplace(tmp_path, rows=[item("01")])
    other = tmp_path / "other"
    other.mkdir()
    (other / PLAYBOOK).write_text("# Nothing\n", encoding="utf-8")
    assert place.verger("list-items", PLAYBOOK).code == 0
    assert place.verger("list-items", PLAYBOOK, cwd=other).code == 4
