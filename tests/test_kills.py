"""Whatever of a run is killed, daemon or kernel, it comes to its end as if nothing had been.

Not here: 200 kills; see `make kills`.
"""

from pathlib import Path

from tests.faults.killing import Kill, course, drawn
from tests.faults.kills import is_wrong

# The daemon alone comes last: while the next one begins, the run goes on, and may be over.
KILLS = [Kill("kernel", 4, 0.0), Kill("both", 4, 0.01), Kill("daemon", 4, 0.0)]


def test_a_run_whose_daemon_and_kernel_are_killed_again_and_again_ends_as_one_that_was_left_alone(
    tmp_path: Path,
):
    _, undisturbed = course(tmp_path / "alone", 0, [])
    row, end = course(tmp_path / "shot", 1, KILLS)
    assert end == undisturbed
    assert end.startswith("idle, 3 passed in 3 attempts")
    assert row.killed["kernel"] == 2
    assert row.killed["daemon"] >= 1
    assert (row.orphans, row.doubled_kernels, row.fallen_daemons, row.not_resumed) == (0, 0, 0, 0)
    assert row.other_end == ""


def test_the_same_seed_draws_the_same_kills_and_another_draws_others():
    assert drawn(1, 2, 9) == drawn(1, 2, 9)
    assert drawn(1, 2, 9) != drawn(2, 2, 9)


def test_each_thing_that_must_not_be_makes_the_whole_wrong():
    names = ("orphans", "doubled_kernels", "fallen_daemons", "not_resumed", "other_ends")
    nothing = dict.fromkeys(names, 0)
    assert not is_wrong(nothing)
    assert all(is_wrong(nothing | {name: 1}) for name in nothing)
