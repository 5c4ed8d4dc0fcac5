"""An agent that cannot go on for now: the run waits where it stands, and goes on from there.

Not here: who wakes it; see the supervised journeys.
"""

from pathlib import Path

from tests.doubles.trials import RUN, calls_of, processes_of, state_of, trial
from tests.doubles.workplace import Workplace

NOTE = '{ do = "write", path = "docs/01.md", text = "a note\\n" }'


def park(conditions: str, *steps: str, more: str = "") -> str:
    done = ", ".join((*steps, '{ do = "park", cause = "limit", resets_in_s = 3600' + more + " }"))
    return f"{conditions}\nsteps = [{done}]"


def parked(place: Workplace) -> None:
    """The run waits for the limit, and says until when."""
    ended = place.verger(*RUN)
    assert ended.code == 75, ended
    assert "parked, limit: the scenario says so" in ended.stderr
    assert processes_of(place) == []
    shown = place.verger("status", "--format", "json", "--exit-code")
    assert (shown.code, shown.json["status_level"]) == (75, "waiting")
    assert shown.json["why"] == "the scenario says so"
    assert shown.json["pending_action"].startswith("after 20")


def test_a_parked_worker_begins_again_in_the_worktree_as_it_was(tmp_path: Path) -> None:
    half = '{ do = "write", path = "docs/half.md", text = "half\\n" }'
    place = trial(tmp_path, park('stage = "execute"', half, NOTE))
    parked(place)
    assert place.verger("resume").code == 0
    assert calls_of(place)[:2] == ["0/execute/t1", "0/execute/t2"]
    assert "docs/half.md" in place.git("ls-tree", "-r", "--name-only", place.run_branch())


def test_a_parked_lane_keeps_what_the_other_one_found(tmp_path: Path) -> None:
    place = trial(tmp_path, f'stage = "execute"\nsteps = [{NOTE}]', park('stage = "audit"\nlane = "a"'))
    parked(place)
    assert place.verger("resume").code == 0
    assert sorted(calls_of(place)) == ["0/audit-a/t1", "0/audit-a/t2", "0/audit-b/t1", "0/execute/t1"]


def test_a_limit_that_lasts_parks_again(tmp_path: Path) -> None:
    place = trial(tmp_path, park('stage = "execute"', NOTE, more=", tries = 2"))
    parked(place)
    assert place.verger("resume").code == 75
    assert place.verger("resume").code == 0
    assert state_of(place).park is None


def test_who_broke_out_and_then_parked_has_broken_out(tmp_path: Path) -> None:
    weapon = '{ do = "write", path = ".git", text = "gitdir: /tmp/elsewhere\\n" }'
    place = trial(tmp_path, park('stage = "execute"', weapon))
    assert place.verger(*RUN).code == 22
