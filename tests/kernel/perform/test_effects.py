"""What the world refuses while an effect is performed: on record, shown, and done again by resume.

Not here: what the driver's own files refuse; see tests/kernel/test_driver.py.
"""

from pathlib import Path

import pytest
from tests.doubles.trials import RUN, calls_of, passed, processes_of, shell, state_of, trial

from verger_kernel.rules.events import EffectFailed
from verger_kernel.rules.state import Freezing, Verifying

WORK = "exec $AGENT write docs/01.md 'a note'"
# Folders of the run are reached from the worktree; what stands in their place is taken away before the resume.
OBSTACLES = {
    "where commands would run": ("../../../verify", Verifying, "RunCommands"),
    "where the packet would lie": (
        "../../../runs/$VERGER_RUN/items/01/attempt-1/packet",
        Freezing,
        "FreezePacket",
    ),
}


@pytest.mark.parametrize("obstacle", OBSTACLES)
def test_an_effect_that_the_world_refuses_is_shown_and_done_again_without_paying_twice(
    tmp_path: Path, obstacle: str
) -> None:
    path, stage, effect = OBSTACLES[obstacle]
    place = trial(tmp_path, agents={"worker": shell(f'rm -rf "{path}"; touch "{path}"; {WORK}')})
    result = place.verger(*RUN)
    assert result.code == 6, result
    (failed,) = place.events(EffectFailed)
    state = state_of(place)
    assert isinstance(state.stage, stage)
    assert [type(one).__name__ for one in state.outstanding] == [effect]
    assert state.trouble == failed.what
    assert failed.what.startswith(("NotADirectoryError", "FileExistsError"))
    status = place.verger("status", "--json", "--exit-code")
    assert (status.code, status.json["why"]) == (75, failed.what)
    assert processes_of(place) == []
    resolved = path.replace("$VERGER_RUN", place.run().root.name)
    (place.run().worktrees / "item-01-attempt-1" / resolved).resolve().unlink()
    passed(place, place.verger("resume"))
    assert [call for call in calls_of(place) if "execute" in call] == ["0/execute/t1"]
    assert state_of(place).trouble == ""
