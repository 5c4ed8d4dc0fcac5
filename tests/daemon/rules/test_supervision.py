"""The watch over one run, step by step: what is asked, what is believed, what is written.

Not here: thousands of drawn stories; see tests/simulation/test_supervision.py.
"""

from collections.abc import Iterable
from itertools import pairwise
from typing import Any, TypeVar

import pytest
from msgspec.structs import replace

from verger_daemon.rules import watch as w
from verger_daemon.rules import watch_effects as f
from verger_daemon.rules import watch_events as e
from verger_daemon.rules.supervision import advance
from verger_kernel.rules.now import Now
from verger_probes.rules.liveness import Claim, judge
from verger_probes.rules.probe import Ack, ActiveStage, Doing, Identity

MS = 1_000_000
KERNEL = Identity(pid=7, start_ticks=99, boot_id="b", pid_namespace=4)
STARTED = e.Started(invocation="i", identity=KERNEL, probe_socket="/s")
ADOPTED = e.Adopted(invocation="i", identity=KERNEL, epoch=1, probe_socket="/s")
FILES = "inode 5"
EFFECT = Doing(effect="01/a1/r0/execute/t1", began_ns=0, deadline_ns=10**15)
_Effect = TypeVar("_Effect")


class Hands:
    """A watch, its clock, and what it asked for last."""

    def __init__(self) -> None:
        self.at_ms, self.boot = 10_000, "b"
        self.watch = w.opened("RUN_x", 3, self.now(), run_root="/run")
        self.effects: tuple[f.Effect, ...] = ()
        self.beats: list[int] = []
        self.nonces = 0

    def now(self) -> Now:
        return Now(self.at_ms + 10**12, self.boot, self.at_ms * MS, self.at_ms * MS)

    def on(self, event: e.Event, *, after_ms: int = 0) -> tuple[f.Effect, ...]:
        self.at_ms += after_ms
        self.watch, self.effects = advance(self.watch, event, self.now())
        self.beats += [self.at_ms for _ in self.asked(f.WriteHeartbeat)]
        return self.effects

    def asked(self, kind: type[_Effect]) -> list[_Effect]:
        return [one for one in self.effects if isinstance(one, kind)]

    def ask(self, *, after_ms: int = 0) -> str:
        self.at_ms += after_ms
        self.nonces += 1
        nonce = f"{self.nonces:064x}"
        self.on(e.Asked(nonce=nonce, sent_ns=self.at_ms * MS))
        return nonce

    def answer(self, *, after_ms: int = 1, files: str = FILES, **fields: Any) -> tuple[f.Effect, ...]:
        return self.on(e.Answered(ack=self.ack(**fields), files=files), after_ms=after_ms)

    def ack(self, **fields: Any) -> Ack:
        said = {
            "run_id": "RUN_x",
            "invocation": "i",
            "epoch": self.watch.invocation.epoch if self.watch.invocation else 3,
            "nonce": f"{self.nonces:064x}",
            "identity": KERNEL,
            "run_root": "/run",
            "run_state_sha256": "state5",
            "journal_seq": 5,
            "journal_head": "head5",
            "active_stage": ActiveStage(stage_name="execute", item_id="01", attempt_number=1, round=0),
            "doing": (EFFECT,),
        }
        return Ack(**(said | fields))

    def read(self, *, after_ms: int = 1, number: int | None = None, **fields: Any) -> tuple[f.Effect, ...]:
        known = self.watch.known
        said = {
            "number": known.readings if number is None else number,
            "state_seq": 5,
            "state_head": "head5",
            "run_state_sha256": "state5",
            "journal_head": "head5",
            "heads": tuple(one.head for one in known.reading.links) if known.reading else (),
            "files": FILES,
        }
        return self.on(e.RunRead(**(said | fields)), after_ms=after_ms)

    def claim(self, *, after_ms: int = 0) -> tuple[Claim, str]:
        now = self.now()
        at_ns = now.boottime_ns + after_ms * MS
        return judge(self.watch.seen, boot_id=now.boot_id, at_ns=at_ns, fresh_ns=1000 * MS)[:2]

    def lives(self, *, after_ms: int = 0) -> bool:
        return self.claim(after_ms=after_ms)[0] is Claim.LIVE_ATTACHED


def started(event: e.Event = STARTED) -> Hands:
    hands = Hands()
    hands.on(event)
    hands.on(e.Reachable())
    return hands


def living(event: e.Event = STARTED) -> Hands:
    hands = started(event)
    hands.ask()
    hands.answer()
    hands.read()
    assert hands.lives()
    return hands


def kinds(effects: Iterable[f.Effect]) -> list[str]:
    return [type(one).__name__ for one in effects]


def test_a_kernel_is_put_on_record_before_it_is_asked_anything() -> None:
    hands = Hands()
    assert kinds(hands.on(STARTED)) == [
        "WriteRegistration",
        "WriteIntervention",
        "Connect",
        "WriteHeartbeat",
        "Announce",
        "Wake",
    ]
    (record,) = hands.asked(f.WriteIntervention)
    assert (record.record.action_kind, record.record.intervention_sequence) == ("attach_kernel", 1)
    assert kinds(hands.on(e.Reachable())) == ["Ask", "Wake"]


def test_an_adopted_kernel_is_asked_under_the_epoch_that_it_knows() -> None:
    hands = started(ADOPTED)
    assert hands.asked(f.Ask) == [f.Ask(run_id="RUN_x", invocation="i", epoch=1)]


def test_nothing_lives_before_its_answer_agrees_with_the_saved_run() -> None:
    hands = started()
    assert hands.claim() == (Claim.ATTACHMENT_UNPROVEN, "no answer yet")
    hands.ask()
    hands.answer()
    assert hands.asked(f.ReadRun) == [f.ReadRun(number=1, seqs=(5,), invocation="i")]
    assert not hands.lives()
    hands.read()
    assert hands.lives()


def test_a_kernel_that_has_no_run_yet_lives_by_its_answer_alone() -> None:
    hands = started()
    hands.ask()
    hands.answer(journal_seq=0, journal_head="", run_state_sha256="", run_root="")
    assert hands.lives()


def test_a_claim_counts_from_before_its_nonce_was_drawn() -> None:
    hands = started()
    sent_ns = hands.at_ms * MS
    hands.nonces = 1
    # The daemon stood still between looking at the clock and sending.
    hands.on(e.Asked(nonce=f"{1:064x}", sent_ns=sent_ns), after_ms=200)
    hands.answer()
    hands.read()
    assert hands.watch.seen.asked_ns == sent_ns


def test_the_next_question_comes_a_deadline_before_the_claim_lapses_or_a_little_earlier() -> None:
    hands = living()
    sent_ns = hands.watch.seen.asked_ns
    assert sent_ns is not None
    (wake,) = hands.asked(f.Wake)
    assert isinstance(wake, f.Wake) and wake.at_ns is not None
    assert 703 * MS <= wake.at_ns - sent_ns <= 750 * MS
    wait_ms = -(-(wake.at_ns - hands.at_ms * MS) // MS)
    assert kinds(hands.on(e.Tick(), after_ms=wait_ms - 1)) == ["Wake"]
    assert kinds(hands.on(e.Tick(), after_ms=1)) == ["Ask", "Wake"]


@pytest.mark.parametrize("pace", [w.Pace(), w.Pace(probe_interval_ms=2, ack_deadline_ms=1)])
def test_kernels_that_were_asked_about_the_same_time_are_asked_at_one_moment_next_time(pace: w.Pace) -> None:
    every_ns = pace.ask_every_ns
    nexts = [pace.next_ask_ns(at_ns) for at_ns in range(8 * every_ns, 9 * every_ns, every_ns // 400)]
    assert len(set(nexts)) <= 17
    # They stay together, and at the same pace.
    assert {pace.next_ask_ns(at_ns + every_ns // 100) - at_ns for at_ns in nexts} == {every_ns}


def test_while_nothing_changes_an_answer_is_enough() -> None:
    hands = living()
    hands.ask(after_ms=748)
    assert kinds(hands.answer()) == ["Wake"]
    assert hands.watch.seen.asked_ns == 10_750 * MS


def test_while_the_new_state_is_read_the_claim_rests_on_the_answer_before() -> None:
    hands = living()
    hands.ask(after_ms=748)
    hands.answer(journal_seq=6, journal_head="head6", run_state_sha256="state6", files="inode 6")
    assert hands.watch.seen.asked_ns == 10_000 * MS
    hands.read(
        state_seq=6, state_head="head6", journal_head="head6", run_state_sha256="state6", files="inode 6"
    )
    assert hands.watch.seen.asked_ns == 10_750 * MS


def test_files_that_did_not_move_with_their_kernel_are_no_proof() -> None:
    hands = living()
    for changed in (
        {"run_state_sha256": "other"},
        {"journal_seq": 6, "journal_head": "head6", "run_state_sha256": "state6"},
    ):
        hands.ask(after_ms=600)
        hands.answer(**changed)
        assert hands.watch.seen.asked_ns in (10_000 * MS, None)
        hands.read()
        assert hands.claim() == (Claim.ATTACHMENT_UNPROVEN, "run_state_sha256_mismatch")


def test_a_run_that_moved_on_while_it_was_read_agrees() -> None:
    hands = started()
    hands.ask()
    hands.answer()
    hands.read(state_seq=9, state_head="head9", journal_head="head9", run_state_sha256="state9")
    assert hands.lives()


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        ({"state_seq": 4, "state_head": "head4", "journal_head": "head4"}, "run_state_sha256_mismatch"),
        ({"run_state_sha256": "other"}, "run_state_sha256_mismatch"),
        ({"state_head": "other", "journal_head": "other", "heads": ("other",)}, "journal_head_mismatch"),
        ({"state_head": "other"}, "journal_head_mismatch"),
        ({"state_seq": 9, "heads": ("other",)}, "journal_head_mismatch"),
        ({"state_seq": 9, "heads": ("",)}, "journal_head_mismatch"),
        ({"flaw": "run_state_missing"}, "run_state_missing"),
    ],
)
def test_a_saved_run_that_does_not_follow_from_the_answer_ends_the_claim(
    found: dict[str, Any], reason: str
) -> None:
    hands = living()
    hands.ask(after_ms=748)
    hands.answer(files="inode 6")
    assert hands.lives()
    hands.read(files="inode 6", **found)
    assert hands.claim() == (Claim.ATTACHMENT_UNPROVEN, reason)
    assert hands.asked(f.Announce) == [f.Announce(claim=Claim.ATTACHMENT_UNPROVEN, reason=reason)]
    # An answer alone does not mend it, nor does a reading: the two must agree.
    hands.on(e.Touched(files="inode 7"))
    hands.read(files="inode 7")
    assert hands.claim()[1] == reason
    hands.ask(after_ms=748)
    hands.answer(files="inode 7")
    assert hands.claim()[1] == reason
    hands.read(files="inode 7")
    assert hands.lives()


def test_a_state_that_was_saved_before_the_kernel_was_asked_and_is_ahead_of_it_is_not_its_own() -> None:
    hands = started()
    hands.ask()
    hands.answer()
    ahead = {"state_seq": 9, "state_head": "head9", "journal_head": "head9", "run_state_sha256": "state9"}
    hands.read(**ahead)
    hands.ask(after_ms=748)
    hands.answer()
    assert hands.claim() == (Claim.ATTACHMENT_UNPROVEN, "run_state_sha256_mismatch")
    hands.read(**ahead)
    assert not hands.lives()
    hands.ask(after_ms=748)
    hands.answer()
    hands.read()
    assert hands.lives()


def test_files_that_were_touched_are_read_though_the_kernel_did_not_move() -> None:
    hands = living()
    assert hands.on(e.Touched(files=FILES)) == hands.effects[-1:]
    assert kinds(hands.on(e.Touched(files="inode 6"))) == ["ReadRun", "Wake"]
    hands.on(e.Touched(files="inode 7"))
    assert hands.asked(f.ReadRun) == []
    assert kinds(hands.read()) == ["ReadRun", "Wake"]


def test_files_that_never_stood_still_prove_nothing_and_end_nothing() -> None:
    hands = living()
    hands.ask(after_ms=748)
    hands.answer(files="inode 6")
    hands.read(flaw="run_state_unsteady")
    assert hands.lives()
    assert hands.watch.seen.asked_ns == 10_000 * MS
    hands.on(e.Touched(files="inode 7"))
    hands.read(files="inode 7")
    assert hands.watch.seen.asked_ns == 10_750 * MS


def test_a_reading_that_began_before_the_answer_proves_nothing_for_it() -> None:
    hands = started()
    hands.ask()
    hands.answer()
    hands.on(e.Ended(invocation="i", code=0))
    hands.read(number=1, rest="terminal")
    assert hands.claim()[0] is Claim.SNAPSHOT_ONLY
    hands.read(number=2, rest="terminal")
    assert hands.claim()[0] is Claim.TERMINAL_OBSERVED


@pytest.mark.parametrize("seq", [4, 5])
def test_a_kernel_that_denies_its_own_journal_is_not_believed(seq: int) -> None:
    hands = living()
    hands.ask(after_ms=748)
    hands.answer(journal_seq=seq, journal_head="other")
    assert hands.claim() == (Claim.ATTACHMENT_UNPROVEN, "journal_head_mismatch")


def test_an_answer_in_time_to_the_nanosecond_counts_and_one_later_does_not() -> None:
    for late_ms, lives in ((250, True), (251, False)):
        hands = started()
        hands.ask()
        hands.answer(after_ms=late_ms)
        if hands.watch.known.reading:
            hands.read()
        assert hands.lives() is lives
        assert hands.watch.connection.late == (0 if lives else 1)


def test_each_nonce_counts_once() -> None:
    hands = living()
    before = hands.watch.seen
    hands.answer(after_ms=100)
    assert hands.watch.seen == before
    hands.ask()
    hands.answer(nonce=f"{1:064x}")
    assert hands.watch.seen == before
    assert hands.watch.connection.late == 2
    hands.on(e.Tick(), after_ms=1000)
    assert hands.claim()[1].endswith("then: probe_ack_mismatch:nonce")


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"run_id": "RUN_y"}, "run_id"),
        ({"invocation": "j"}, "invocation"),
        ({"epoch": 9}, "epoch"),
        ({"identity": replace(KERNEL, start_ticks=1)}, "identity"),
        ({"run_root": "/elsewhere"}, "run_root"),
    ],
)
def test_who_has_the_key_and_says_anything_wrong_ends_the_claim(wrong: dict[str, Any], field: str) -> None:
    hands = living()
    hands.ask(after_ms=748)
    hands.answer(**wrong)
    assert hands.claim() == (Claim.ATTACHMENT_UNPROVEN, f"probe_ack_mismatch:{field}")
    hands.answer()
    assert not hands.lives()


def test_time_never_goes_back() -> None:
    hands = living()
    hands.nonces = 2
    hands.on(e.Asked(nonce=f"{2:064x}", sent_ns=9_990 * MS))
    hands.answer()
    assert hands.watch.seen.asked_ns == 10_000 * MS


def test_a_miss_is_told_when_the_claim_lapses_and_kills_nothing() -> None:
    hands = living()
    hands.ask(after_ms=748)
    assert kinds(hands.on(e.Tick(), after_ms=250)) == ["Wake"]
    hands.on(e.Tick(), after_ms=1)
    assert kinds(hands.effects) == ["Ask", "WriteHeartbeat", "Announce", "Wake"]
    assert hands.claim() == (
        Claim.ATTACHMENT_UNPROVEN,
        "the last answer is 1001 ms old, then: probe_ack_missing",
    )
    for _ in range(20):
        hands.ask()
        hands.on(e.Tick(), after_ms=251)
        assert not {"Stop", "DropKey", "WriteIntervention"} & set(kinds(hands.effects))
    assert hands.watch.phase is w.Phase.AT_WORK


def test_after_some_misses_the_connection_is_made_anew() -> None:
    hands = started()
    for _ in range(4):
        hands.ask()
        hands.on(e.Tick(), after_ms=800)
    assert hands.asked(f.Connect) == [f.Connect(probe_socket="/s")]


def test_connecting_again_waits_longer_each_time_and_ends_with_an_answer() -> None:
    hands = living()
    waits = []
    for _ in range(8):
        hands.on(e.Unreachable(reason="refused"))
        (wake,) = hands.asked(f.Wake)
        assert wake.at_ns is not None
        while not hands.asked(f.Connect):
            hands.on(e.Tick(), after_ms=10)
        waits.append(hands.at_ms)
        hands.on(e.Reachable())
    gaps = [later - earlier for earlier, later in pairwise(waits)]
    assert gaps == [100, 200, 400, 800, 1600, 2000, 2000]
    hands.ask()
    hands.answer()
    assert hands.watch.connection.failures == 0


def test_that_nobody_can_be_reached_says_nothing_until_the_claim_lapses() -> None:
    hands = living()
    assert kinds(hands.on(e.Unreachable(reason="it closed the connection"))) == ["Wake"]
    assert hands.lives(after_ms=990)
    assert not hands.lives(after_ms=1000)
    hands.on(e.Tick(), after_ms=1000)
    assert hands.claim()[1].endswith("probe_unreachable: it closed the connection")


def test_a_line_that_no_key_opens_leads_to_another_connection() -> None:
    hands = living()
    hands.on(e.AnswerRefused(reason="probe_mac_invalid"))
    assert hands.lives()
    assert not hands.watch.connection.is_open
    assert hands.watch.seen.refused == "probe_mac_invalid"


def test_a_hint_is_asked_about_at_once_but_not_more_often_than_the_gap() -> None:
    hands = living()
    assert kinds(hands.on(e.Hinted(seq=5), after_ms=60)) == ["Wake"]
    assert kinds(hands.on(e.Hinted(seq=6))) == ["Ask", "Wake"]
    hands.ask()
    hands.answer(journal_seq=6, journal_head="head6", run_state_sha256="state6")
    assert hands.asked(f.Ask) == []
    assert kinds(hands.on(e.Hinted(seq=7), after_ms=10)) == ["Wake"]
    assert hands.asked(f.Wake) == [f.Wake(at_ns=(10_062 + 50) * MS)]


def test_a_death_ends_the_claim_at_once_and_what_it_left_is_read() -> None:
    hands = living()
    assert kinds(hands.on(e.Ended(invocation="i", code=20)))[:2] == ["DropKey", "ReadRun"]
    assert hands.claim()[0] is Claim.SNAPSHOT_ONLY
    hands.read(rest="waiting", ended_code=0)
    assert hands.claim()[0] is Claim.WAITING_STATE_OBSERVED
    assert hands.asked(f.AnnounceEnd) == [f.AnnounceEnd(invocation="i", exit_code=20, rest="waiting")]
    assert hands.asked(f.Wake) == [f.Wake(at_ns=None)]


@pytest.mark.parametrize("told", [None, 21])
def test_how_an_adopted_kernel_ended_is_what_its_journal_says_or_unknown(told: int | None) -> None:
    hands = living(ADOPTED)
    hands.on(e.Ended(invocation="i", code=None))
    hands.read(ended_code=told)
    (end,) = hands.asked(f.AnnounceEnd)
    assert end.exit_code is told


def test_an_older_state_put_back_at_rest_takes_the_end_back() -> None:
    hands = living()
    hands.on(e.Ended(invocation="i", code=0))
    hands.read(state_seq=7, state_head="head7", journal_head="head7", rest="terminal")
    assert hands.claim()[0] is Claim.TERMINAL_OBSERVED
    for _ in range(2):
        hands.on(e.Touched(files="inode 6"))
        hands.read(rest="terminal", files="inode 6")
        assert hands.claim()[0] is Claim.SNAPSHOT_ONLY
        assert hands.watch.seen.refused == "run_state_sha256_mismatch"


def test_the_end_of_an_earlier_kernel_says_nothing_of_this_one() -> None:
    hands = living()
    hands.on(e.Ended(invocation="earlier", code=0))
    assert hands.lives()


def test_a_second_kernel_beside_a_living_one_is_a_defect() -> None:
    hands = living()
    with pytest.raises(e.IllegalEvent):
        hands.on(ADOPTED)


def test_the_next_kernel_has_nothing_of_the_one_before() -> None:
    hands = living()
    recorded = hands.ack()
    hands.on(e.Ended(invocation="i", code=75))
    hands.read()
    hands.on(replace(STARTED, invocation="j"))
    hands.on(e.Reachable())
    hands.ask()
    hands.on(e.Answered(ack=replace(recorded, nonce=f"{hands.nonces:064x}"), files=FILES))
    assert hands.claim() == (Claim.ATTACHMENT_UNPROVEN, "probe_ack_mismatch:invocation")


def test_the_next_kernel_may_begin_where_a_person_put_the_run_back_to() -> None:
    hands = living()
    hands.on(e.Ended(invocation="i", code=75))
    hands.read()
    hands.on(STARTED)
    hands.on(e.Reachable())
    hands.ask()
    earlier = {"journal_head": "head3", "run_state_sha256": "state3"}
    hands.answer(journal_seq=3, **earlier)
    hands.read(state_seq=3, state_head="head3", **earlier)
    assert hands.lives()


def test_the_next_boot_has_nothing_of_the_one_before() -> None:
    hands = living()
    hands.boot = "later"
    assert hands.claim() == (Claim.ATTACHMENT_UNPROVEN, "the machine went down since")
    assert kinds(hands.on(e.Tick()))[-2:] == ["Announce", "Wake"]
    assert hands.asked(f.Wake) == [f.Wake(at_ns=None)]
    hands.boot = "b"
    assert not hands.lives()


def test_without_the_lock_nothing_is_asked_written_or_said_to_live() -> None:
    hands = living()
    assert kinds(hands.on(e.LockLost())) == ["Announce", "Wake"]
    assert hands.claim() == (Claim.ATTACHMENT_UNPROVEN, "the lock on the run was lost")
    for event in (
        e.Tick(), e.Reachable(), e.Hinted(seq=9), e.Ended(invocation="i", code=0), e.Touched(files="x"), STARTED,
        e.StopAsked(reason="x"), e.Answered(ack=hands.ack(), files=FILES),
    ):  # fmt: skip
        assert hands.on(event, after_ms=2000) == (f.Wake(at_ns=None),)


def test_an_effect_past_its_deadline_is_stuck_to_the_nanosecond() -> None:
    hands = started()
    hands.ask()
    soon = replace(EFFECT, effect="01/a1/r0/audit-a/t1", deadline_ns=10_500 * MS)
    hands.answer(doing=(EFFECT, soon))
    hands.read()
    assert hands.asked(f.Wake) == [f.Wake(at_ns=10_500 * MS + 1)]
    assert hands.lives(after_ms=498)
    assert hands.claim(after_ms=499) == (Claim.ATTACHMENT_UNPROVEN, "stuck in 01/a1/r0/audit-a/t1")


def test_the_files_of_the_probe_are_written_when_what_was_answered_changed() -> None:
    hands = started()
    hands.ask()
    hands.answer()
    (written,) = hands.asked(f.WriteAck)
    assert written.probe_request.probe_nonce == written.probe_ack.probe_nonce == f"{1:064x}"
    assert written.active_stage and written.active_stage.stage.stage_name == "execute"
    hands.read()
    hands.ask(after_ms=748)
    hands.answer()
    assert not hands.asked(f.WriteAck)
    hands.ask(after_ms=748)
    hands.answer(active_stage=None)
    (written,) = hands.asked(f.WriteAck)
    assert written.active_stage is None


def test_a_stop_is_on_record_before_it_is_done() -> None:
    hands = living()
    assert kinds(hands.on(e.StopAsked(reason="asked over the socket")))[:2] == ["WriteIntervention", "Stop"]
    (record,) = hands.asked(f.WriteIntervention)
    assert (record.record.action_kind, record.record.intervention_sequence) == ("stop_kernel", 2)
    hands.on(e.Ended(invocation="i", code=143))
    assert "Stop" not in kinds(hands.on(e.StopAsked(reason="again")))


def test_a_pace_that_could_not_keep_a_claim_is_refused() -> None:
    with pytest.raises(ValueError, match="shorter"):
        w.Pace(probe_interval_ms=100, ack_deadline_ms=100)
