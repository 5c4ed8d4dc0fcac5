"""How many agents of a run may be at work at once, as its policy says.

Not here: that two lanes work side by side where they may; see test_lanes.py.
"""

from pathlib import Path

from tests.doubles.trials import RUN, passed, shell, trial

# Fails where another is at work: the folder can be made once only.
ALONE = 'mkdir "$HOME/busy" || exit 3; $AGENT; code=$?; sleep 0.1; rmdir "$HOME/busy"; exit $code'


def test_with_one_step_at_once_the_audits_follow_each_other(tmp_path: Path) -> None:
    place = trial(
        tmp_path,
        policy="parallel_steps_max = 1",
        agents={"reader-a": shell(ALONE), "reader-b": shell(ALONE)},
    )
    passed(place, place.verger(*RUN))
