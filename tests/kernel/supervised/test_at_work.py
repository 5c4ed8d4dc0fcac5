"""What a kernel writes down of its work: one standing, whole, and each effect with a deadline that no sleep shortens.

Not here: who is answered with it; see test_answering.py.
"""

import pytest

from verger_kernel.supervised import at_work as module
from verger_kernel.supervised.at_work import AtWork, Standing
from verger_probes.rules.probe import Challenge, Doing, Identity

SECOND = 1_000_000_000
WHO = Identity(pid=1, start_ticks=2, boot_id="boot", pid_namespace=3)
ASKED = Challenge(run_id="run", invocation="one", epoch=7, nonce="a" * 64)


class Clocks:
    """Both clocks, which only this test turns."""

    def __init__(self) -> None:
        self.boottime = 100 * SECOND
        self.monotonic = 40 * SECOND

    def pass_(self, seconds: int, *, asleep: bool = False) -> None:
        """Lets time go by."""
        self.boottime += seconds * SECOND
        self.monotonic += 0 if asleep else seconds * SECOND


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch) -> Clocks:
    made = Clocks()
    monkeypatch.setattr(module, "boottime_ns", lambda: made.boottime)
    monkeypatch.setattr("time.monotonic_ns", lambda: made.monotonic)
    return made


def test_before_there_is_a_run_it_says_so_and_names_whom_it_answers() -> None:
    ack = AtWork().ack(ASKED, WHO)
    assert (ack.run_id, ack.invocation, ack.epoch, ack.nonce, ack.identity) == (
        "run",
        "one",
        7,
        "a" * 64,
        WHO,
    )
    assert (ack.run_root, ack.run_state_sha256, ack.journal_seq, ack.journal_head) == ("", "", 0, "")
    assert (ack.active_stage, ack.doing) == (None, ())


def test_each_standing_is_told_once_and_replaces_the_one_before_as_a_whole() -> None:
    at_work = AtWork()
    moved: list[int] = []
    at_work.moved = moved.append
    for seq in (1, 2):
        at_work.stands(Standing("root", f"state {seq}", seq, f"head {seq}"))
    ack = at_work.ack(ASKED, WHO)
    assert (ack.run_state_sha256, ack.journal_seq, ack.journal_head) == ("state 2", 2, "head 2")
    assert moved == [1, 2]


def test_effects_side_by_side_are_told_for_as_long_as_they_last(clocks: Clocks) -> None:
    at_work = AtWork()
    with at_work.doing("a", 10):
        clocks.pass_(3)
        with pytest.raises(ZeroDivisionError), at_work.doing("b", 20):
            assert at_work.ack(ASKED, WHO).doing == (
                Doing(effect="a", began_ns=100 * SECOND, deadline_ns=110 * SECOND),
                Doing(effect="b", began_ns=103 * SECOND, deadline_ns=123 * SECOND),
            )
            raise ZeroDivisionError
        assert [one.effect for one in at_work.ack(ASKED, WHO).doing] == ["a"]
    assert at_work.ack(ASKED, WHO).doing == ()


def test_a_record_is_told_once_it_is_slow_beside_the_effects_and_no_longer_than_it_lasts(
    clocks: Clocks,
) -> None:
    at_work = AtWork()
    with at_work.doing("a", 10), at_work.recording(5):
        clocks.pass_(1)
        assert [one.effect for one in at_work.ack(ASKED, WHO).doing] == ["a"]
        clocks.pass_(1)
        slow = Doing(effect="record", began_ns=100 * SECOND, deadline_ns=105 * SECOND)
        assert at_work.ack(ASKED, WHO).doing[1:] == (slow,)
    assert at_work.ack(ASKED, WHO).doing == ()


def test_a_night_asleep_makes_no_effect_late(clocks: Clocks) -> None:
    at_work = AtWork()
    with at_work.doing("a", 10):
        clocks.pass_(4)
        clocks.pass_(30_000, asleep=True)
        clocks.pass_(5)
        (doing,) = at_work.ack(ASKED, WHO).doing
    assert doing.deadline_ns == clocks.boottime + SECOND
