"""Whether the saved run agrees with what its kernel answers. A claim rests on an answer and a reading that agree.

Not here: reading; a hand does it. An answer is worth nothing until the files are known to hold a link of the chain that
is the answered one or follows it; while they are read, the claim rests on the answer before.
"""

from msgspec.structs import replace

from verger_daemon.rules import watch as w
from verger_daemon.rules import watch_effects as f
from verger_daemon.rules import watch_events as e
from verger_kernel.rules.now import Now
from verger_probes.rules.probe import Ack

HEAD = "journal_head_mismatch"
STATE = "run_state_sha256_mismatch"
UNSTEADY = "run_state_unsteady"
"""What a hand says that read the files again and again and never found them as they were before."""

Step = tuple[w.Watch, tuple[f.Effect, ...]]


def weighed(watch: w.Watch, answer: w.Answer, files: str) -> Step:
    """The watch after a right answer: proved if the files are those that agreed with it, else they are to be read."""
    link, known = link_of(answer.ack), watch.known
    if known.acked and (link.seq < known.acked.seq or _is_fork(link, known.acked)):
        # One kernel's journal only grows: whatever answers so has lost what was answered before.
        return unproven(watch, HEAD), ()
    if known.agreed and _is_outrun(link, known.agreed, answer.challenge.sent_ns - watch.pace.deadline_ns):
        watch = unproven(watch, STATE, doubt=STATE)
        known = watch.known
    furthest = known.known if known.known and known.known.seq > link.seq else link
    known = replace(known, acked=link, known=furthest, answer=answer)
    watch = replace(watch, known=known)
    if link.seq == 0:
        return _proved(watch, answer), ()
    agreed = known.agreed
    if not known.doubt and agreed and (agreed.link, agreed.files) == (link, files):
        return _proved(watch, answer), ()
    return begin(watch)


def begin(watch: w.Watch) -> Step:
    """The watch with a reading under way for the last answer, or with another one due as soon as this one is done."""
    known = watch.known
    if known.reading is not None:
        return replace(watch, known=replace(known, reading=replace(known.reading, again=True))), ()
    links = {link.seq: link for link in (known.known, known.acked) if link is not None and link.seq}
    reading = w.Reading(
        number=known.readings + 1,
        links=tuple(links[seq] for seq in sorted(links)),
        answer=known.answer,
    )
    invocation = watch.invocation.invocation if watch.invocation else ""
    effect = f.ReadRun(number=reading.number, seqs=tuple(sorted(links)), invocation=invocation)
    return replace(watch, known=replace(known, reading=reading, readings=reading.number)), (effect,)


def touched(watch: w.Watch, event: e.Touched) -> Step:
    """The watch that looks whether files which are others than those that agreed still agree."""
    agreed, acked = watch.known.agreed, watch.known.acked
    if watch.seen.at_work and not (acked and acked.seq):
        # The kernel has promised nothing of these files yet.
        return watch, ()
    return (watch, ()) if agreed and agreed.files == event.files else begin(watch)


def read(watch: w.Watch, reading: w.Reading, event: e.RunRead, now: Now) -> Step:
    """The watch after the reading that was waited for, and once more a reading if one became due meanwhile."""
    watch = replace(watch, known=replace(watch.known, reading=None))
    if event.flaw == UNSTEADY and watch.seen.at_work:
        # It says nothing against the kernel: the next answer asks again, and until then time alone ends the claim.
        watch = refuse(watch, UNSTEADY)
        return begin(watch) if reading.again else (watch, ())
    why = _flaw(reading, event) or _doubt(watch, reading, event)
    watch = unproven(watch, why, doubt=why) if why else _agreed(watch, reading, event, now)
    if not watch.seen.at_work:
        # Where nothing answers, the files need only agree with what was known of them.
        watch = replace(watch, known=replace(watch.known, doubt=why))
        watch = replace(watch, seen=replace(watch.seen, rest="" if why else event.rest, refused=why))
    return begin(watch) if reading.again else (watch, ())


def refuse(watch: w.Watch, reason: str) -> w.Watch:
    """The watch that knows why the last answer proved nothing; a doubt about the run's files is the better reason."""
    return replace(watch, seen=replace(watch.seen, refused=watch.known.doubt or reason))


def unproven(watch: w.Watch, reason: str, *, doubt: str = "") -> w.Watch:
    """The watch that claims nothing, at once, until a new answer proves it; after a `doubt`, and a new reading."""
    known = without_answer(watch.known)
    if doubt:
        # What only a reading said is doubted with it; at rest nothing else is left to compare the next one with.
        furthest = known.acked if watch.seen.at_work else known.known
        known = replace(known, doubt=doubt, agreed=None, known=furthest)
    watch = replace(watch, known=known)
    return refuse(replace(watch, seen=replace(watch.seen, asked_ns=None, stuck_ns=None, stuck="")), reason)


def without_answer(known: w.Known) -> w.Known:
    """What is known without an answer that a reading could still prove: one under way began too early for the next."""
    return replace(known, answer=None, reading=None)


def link_of(ack: Ack) -> w.Link:
    """The link of the run's chain that the kernel says it has saved."""
    return w.Link(seq=ack.journal_seq, head=ack.journal_head, run_state_sha256=ack.run_state_sha256)


def _agreed(watch: w.Watch, reading: w.Reading, event: e.RunRead, now: Now) -> w.Watch:
    link = w.Link(seq=event.state_seq, head=event.state_head, run_state_sha256=event.run_state_sha256)
    known = watch.known
    furthest = known.known if known.known and known.known.seq > link.seq else link
    known = replace(
        known, agreed=w.Agreed(link=link, files=event.files, at_ns=now.boottime_ns), known=furthest
    )
    if reading.answer is None:
        return replace(watch, known=known)
    return _proved(replace(watch, known=replace(known, doubt="")), reading.answer)


def _flaw(reading: w.Reading, event: e.RunRead) -> str:
    if event.flaw:
        return event.flaw
    if event.journal_head != event.state_head:
        return HEAD
    for link, head in zip(reading.links, event.heads, strict=True):
        if event.state_seq < link.seq:
            return STATE
        if head != link.head:
            return HEAD
        if event.state_seq == link.seq and event.run_state_sha256 != link.run_state_sha256:
            return STATE
    return ""


def _doubt(watch: w.Watch, reading: w.Reading, event: e.RunRead) -> str:
    # Once in doubt, only the very link that was answered is believed: a later one could be anybody's.
    ahead = reading.answer is not None and event.state_seq > reading.answer.ack.journal_seq
    return watch.known.doubt if ahead else ""


def _is_outrun(link: w.Link, agreed: w.Agreed, asked_ns: int) -> bool:
    # What was saved long before the kernel was asked and is ahead of what it answers was not saved by it.
    return agreed.link.seq > link.seq and agreed.at_ns < asked_ns


def _is_fork(link: w.Link, other: w.Link) -> bool:
    return link.seq == other.seq and link.head != other.head


def _proved(watch: w.Watch, answer: w.Answer) -> w.Watch:
    seen = watch.seen
    if seen.asked_ns is not None and answer.challenge.sent_ns < seen.asked_ns:
        return watch
    first = min(answer.ack.doing, key=lambda one: one.deadline_ns, default=None)
    seen = replace(
        seen,
        asked_ns=answer.challenge.sent_ns,
        refused="",
        stuck_ns=first.deadline_ns if first else None,
        stuck=first.effect if first else "",
    )
    return replace(watch, seen=seen)
