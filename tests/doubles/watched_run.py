"""A kernel, its run's files and a daemon's hands under virtual time; see Schedule.

Not here: what can go wrong, see watched_faults.py; what must hold of every schedule: test_supervision.py.
"""

import hashlib
import heapq
import random
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from msgspec.structs import replace

from verger_daemon.rules import watch as w
from verger_daemon.rules import watch_effects as f
from verger_daemon.rules import watch_events as e
from verger_daemon.rules.supervision import advance
from verger_kernel.rules.now import Now
from verger_probes.rules.liveness import Claim, judge
from verger_probes.rules.probe import Ack, ActiveStage, Doing, Identity

MS = 1_000_000
S = 1000 * MS
RUN, OTHER_RUN = "RUN_a", "RUN_b"
WRITES = (f.WriteAck, f.WriteHeartbeat, f.WriteIntervention, f.WriteRegistration, f.DropKey)


def digest(*of: object) -> str:
    return hashlib.sha256(repr(of).encode()).hexdigest()


NOWHERE = w.Link(seq=0, head="", run_state_sha256="")
Faults = Mapping[str, Callable[["Schedule", "Kernel"], None]]


@dataclass
class Files:
    """The saved run as it lies on disk; `right_at` is since when it is what the kernel made of it, None while not.

    `heads` are the hashes in the journal and `unbroken` how many records of it are a chain.
    """

    heads: list[str] = field(default_factory=list)
    unbroken: int = 0
    seq: int = 0
    state_head: str = ""
    sha: str = ""
    touched: int = 0
    right_at: int | None = 0
    right_until: int = 0
    gone: bool = False

    def name(self) -> str:
        return f"inode-{self.touched}"

    def head(self, seq: int) -> str:
        return self.heads[seq - 1] if 0 < seq <= self.unbroken else ""

    def write(self, heads: list[str]) -> None:
        self.heads, self.unbroken = heads, len(heads)

    def hold(self, link: w.Link) -> None:
        self.seq, self.state_head, self.sha = link.seq, link.head, link.run_state_sha256
        self.touched, self.gone = self.touched + 1, False

    def spoil(self, at: int) -> None:
        self.touched += 1
        if self.right_at is not None:
            self.right_at, self.right_until = None, at

    def mend(self, at: int) -> None:
        self.touched += 1
        self.right_at = at if self.right_at is None else self.right_at

    def were_right_since(self, at: int) -> bool:
        return self.right_at is not None or self.right_until >= at


@dataclass
class Kernel:
    """One process. `chain` is the journal that it wrote, `saved` what it saved last, `standing` what it says it did."""

    invocation: str
    epoch: int
    identity: Identity
    chain: list[str]
    standing: w.Link = NOWHERE
    saved: w.Link = NOWHERE
    alive: bool = True
    mute: bool = False
    stopped_until: int = 0
    stage: str = "execute"
    deadline_ns: int | None = None
    lies: str = ""
    forked: bool = False


@dataclass
class Proof:
    """A nonce that was truly sent at `sent_at` and truly answered by a living kernel at `at`."""

    sent_at: int
    at: int
    boot: int
    invocation: str
    stuck_ns: int | None
    link: w.Link


class Schedule:
    """One drawn story of some ten seconds, in which nothing goes wrong but drawn ones of `faults`.

    `Schedule(seed, FAULTS).run()` replays it.
    """

    def __init__(self, seed: int, faults: Faults) -> None:
        self.dice = random.Random(seed)
        self.seed, self.faults, self.honest = seed, faults, not faults
        self.at, self.count, self.boot, self.booted_at = 10 * S, 0, 0, 0
        self.utc_offset = 0
        self.queue: list[tuple[int, int, int, Callable[[], None], bool]] = []
        self.daemon, self.stalled_until = 0, 0
        self.wake, self.epoch = 0, 1
        self.files = Files()
        self.proofs: deque[Proof] = deque(maxlen=64)
        self.sent: dict[str, int] = {}
        self.recorded: list[Ack] = []
        self.tally: Counter[str] = Counter()
        self.trouble = ""
        self.impostor = False
        self.lost, self.lost_connection = False, True
        self.kernel: Kernel | None = None
        self.watch = w.opened(RUN, 1, self.now(), run_root="/run")
        self.announced: Claim | None = None
        self.beats = 0
        self.end_at = self.at + self.dice.randint(4, 12) * S
        self.calm = False

    # --- time

    def now(self) -> Now:
        boottime = self.at - self.booted_at
        return Now(self.at // MS + self.utc_offset, f"boot-{self.boot}", boottime, boottime)

    def after(self, wait: int, do: Callable[[], None], *, daemons: bool = False) -> None:
        self.count += 1
        heapq.heappush(self.queue, (self.at + max(wait, 0), self.count, self.daemon, do, daemons))

    def report(self, event: e.Event, wait: int = 0) -> None:
        """The daemon's loop will take `event` up; a daemon that is stopped does so later, one that died never."""
        self.after(wait, lambda: self.take(event), daemons=True)

    def run(self) -> Counter[str]:
        """The tally; raises AssertionError at the first instant at which something was said that is not so."""
        self.prepare()
        while self.queue and self.queue[0][0] <= self.end_at + 5 * S:
            at, count, daemon, do, daemons = heapq.heappop(self.queue)
            if daemons and daemon != self.daemon:
                continue
            if daemons and at < self.stalled_until:
                heapq.heappush(self.queue, (self.stalled_until, count, daemon, do, daemons))
                continue
            self.judge_until(at)
            do()
            self.judge()
        self.check_end()
        return self.tally

    def judge_until(self, at: int) -> None:
        """Asks what may be said at the edges and at random instants from here to `at`, and leaves the time there."""
        # Between events only time passes, and of time only the edges matter: the rest is looked at now and then.
        drawn = self.dice.random()
        instants = [int(self.at + (at - self.at) * drawn * 5)] if drawn < 0.2 else []
        edges = (self.watch.seen.asked_ns, self.watch.seen.stuck_ns)
        for edge, fresh in zip(edges, (S, 0), strict=True):
            if edge is not None:
                instants += [edge + self.booted_at + fresh + more for more in (0, 1)]
        for instant in sorted(instants):
            if self.at <= instant <= at:
                self.at = instant
                self.judge()
        self.at = at
        self.judge()

    # --- truth

    def judge(self) -> None:
        now = self.now()
        said = judge(self.watch.seen, boot_id=now.boot_id, at_ns=now.boottime_ns, fresh_ns=S)
        lives = said.claim is Claim.LIVE_ATTACHED
        self.tally["judged"] += 1
        self.tally["live"] += lives
        if lives and not self.is_true():
            self.tally["said_alive_was_dead"] += 1
            raise AssertionError(f"said alive at {self.at}: {self.watch.seen} after {self.trouble}")
        if self.honest and self.tally["live"] and not lives and self.kernel and self.kernel.alive:
            self.tally["said_dead_was_alive"] += 1
            raise AssertionError(f"said {said} at {self.at}, but nothing was wrong")

    def is_true(self) -> bool:
        kernel = self.kernel
        if kernel is None or self.lost:
            return False
        return any(
            proof.sent_at >= self.at - S
            and proof.at <= self.at
            and proof.invocation == kernel.invocation
            and proof.boot == self.boot
            and (proof.stuck_ns is None or proof.stuck_ns >= self.at - self.booted_at)
            and (proof.link.seq == 0 or self.files.were_right_since(proof.sent_at))
            for proof in reversed(self.proofs)
        )

    def check_end(self) -> None:
        """Once all is well for a while, a kernel that lives is said to."""
        kernel = self.kernel
        # A kernel that denies what it said of its journal is not believed until it has gone further than that.
        if kernel and kernel.alive and not self.lost and not kernel.forked:
            assert self.announced is Claim.LIVE_ATTACHED, f"{self.watch} after {self.trouble}"
            self.tally["ended_live"] += 1

    # --- the daemon's hands

    def take(self, event: e.Event) -> None:
        was_lost = self.watch.phase is w.Phase.LOST
        self.watch, effects = advance(self.watch, event, self.now())
        assert [type(one) is f.Wake for one in effects] == [False] * (len(effects) - 1) + [True]
        assert not ((was_lost or self.lost) and any(isinstance(one, WRITES) for one in effects))
        for effect in effects:
            self.tally[type(effect).__name__] += 1
            self.perform(effect)
        now = self.now()
        said = judge(self.watch.seen, boot_id=now.boot_id, at_ns=now.boottime_ns, fresh_ns=S)
        assert said.claim is self.announced, f"announced {self.announced}, and it is {said}"

    def perform(self, effect: f.Effect) -> None:
        match effect:
            case f.Connect():
                self.after(self.draw(0, 3), self.connect, daemons=True)
            case f.Ask():
                self.ask(effect)
            case f.ReadRun():
                self.after(self.draw(0, 20), lambda: self.read(effect), daemons=True)
            case f.Announce():
                self.announced = effect.claim
            case f.WriteHeartbeat():
                self.beats += 1
                assert effect.record.heartbeat_sequence == self.beats
            case f.AnnounceEnd():
                self.after(self.draw(0, 1500), self.begin, daemons=True)
            case f.Wake() if effect.at_ns is not None:
                assert effect.at_ns > self.now().boottime_ns
                self.wake += 1
                mine, boot = self.wake, self.boot
                late = self.draw(0, 10)
                wait = effect.at_ns + self.booted_at - self.at + late
                self.after(wait, lambda: self.tick(mine, boot), daemons=True)
            case f.Wake():
                self.wake += 1
            case _:
                pass

    def tick(self, wake: int, boot: int) -> None:
        if (wake, boot) == (self.wake, self.boot):
            self.take(e.Tick())

    def connect(self) -> None:
        listens = (self.kernel and self.kernel.alive) or self.impostor
        self.lost_connection = not listens
        self.take(e.Reachable() if listens else e.Unreachable(reason="nobody listens"))

    def ask(self, effect: f.Ask) -> None:
        assert self.watch.seen.at_work
        sent_ns, kernel = self.now().boottime_ns, self.kernel
        if self.lost_connection:
            self.report(e.Unreachable(reason="it closed the connection"))
            return
        gap = self.draw(1, 4000) if self.trouble == "stop_in_ask" else 0
        self.stalled_until = max(self.stalled_until, self.at + gap)
        nonce = digest(self.seed, self.count)
        assert nonce not in self.sent
        self.sent[nonce] = self.at
        self.after(gap, lambda: self.take(e.Asked(nonce=nonce, sent_ns=sent_ns)), daemons=True)
        if self.impostor:
            self.after(gap + self.draw(1, 40), self.play_kernel)
        elif kernel:
            self.after(gap + self.draw(0, 20), lambda: self.hear(kernel, effect, nonce))

    def read(self, effect: f.ReadRun) -> None:
        files = self.files
        if files.gone:
            found = e.RunRead(number=effect.number, flaw="run_state_missing")
        else:
            over = self.kernel is None or not self.kernel.alive
            found = e.RunRead(
                number=effect.number,
                state_seq=files.seq,
                state_head=files.state_head,
                run_state_sha256=files.sha,
                journal_head=files.head(files.seq),
                heads=tuple(files.head(seq) for seq in effect.seqs),
                files=files.name(),
                rest=self.dice.choice(("", "waiting", "terminal")) if over and files.seq else "",
            )
        self.report(found, self.draw(0, 20))

    def draw(self, least_ms: int, most_ms: int) -> int:
        """A while, in nanoseconds."""
        return self.dice.randint(least_ms * MS, most_ms * MS)

    # --- the kernel

    def prepare(self) -> None:
        self.report(e.Touched(files=self.files.name()))
        self.after(10 * MS, self.begin, daemons=True)
        for _ in range(self.dice.randint(0, 6) if self.faults else 0):
            name = self.dice.choice(sorted(self.faults))
            self.after(self.dice.randint(0, self.end_at - self.at), partial(self.strike, name))
        self.after(self.end_at - self.at, self.settle)

    def begin(self) -> None:
        """A kernel starts, with a number that an earlier one may have had."""
        if self.lost or self.watch.invocation is not None or (self.kernel and self.kernel.alive):
            return
        pid, ticks = self.dice.choice((7, 8)), self.at // (10 * MS)
        identity = Identity(pid=pid, start_ticks=ticks, boot_id=f"boot-{self.boot}", pid_namespace=4)
        kernel = Kernel(digest("i", self.count), self.epoch, identity, list(self.files.heads))
        self.kernel, self.impostor = kernel, False
        # What lies there is what it begins with, whatever it was before.
        self.files.write(self.files.heads)
        self.files.mend(self.at)
        self.take(e.Started(invocation=kernel.invocation, identity=identity, probe_socket="/s"))
        self.after(self.draw(0, 300), lambda: self.work(kernel))

    def work(self, kernel: Kernel) -> None:
        """The kernel appends a record and saves the state a little later; then it says that it moved."""
        if not kernel.alive:
            return
        if self.at < kernel.stopped_until:
            self.after(kernel.stopped_until - self.at, lambda: self.work(kernel))
            return
        files, seq = self.files, len(kernel.chain) + 1
        kernel.chain.append(digest(kernel.invocation, seq, kernel.chain[-1:]))
        if len(files.heads) == seq - 1:
            # On top of what it did not write, a record is no link of the chain.
            files.unbroken += files.unbroken == seq - 1 and files.heads == kernel.chain[:-1]
            files.heads.append(kernel.chain[-1])
            files.touched += 1
        self.after(self.draw(0, 4), lambda: self.save(kernel, seq))

    def save(self, kernel: Kernel, seq: int) -> None:
        if not kernel.alive:
            return
        files, head = self.files, kernel.chain[seq - 1]
        kernel.saved = link = w.Link(seq=seq, head=head, run_state_sha256=digest("state", head))
        files.hold(link)
        if files.heads[:seq] == kernel.chain[:seq]:
            # The state that was put in its place is written over, and the journal was never another.
            files.mend(self.at)
        else:
            files.spoil(self.at)
        self.after(self.draw(0, 2), lambda: self.stand(kernel, link))
        self.after(self.dice.choice((self.draw(1, 150), self.draw(100, 5000))), lambda: self.work(kernel))

    def stand(self, kernel: Kernel, link: w.Link) -> None:
        kernel.standing = link
        kernel.stage = self.dice.choice(("execute", "verify", "audit"))
        if kernel.alive and not kernel.mute and not self.impostor and not self.lost_connection:
            self.report(e.Hinted(seq=link.seq), self.draw(0, 5))

    def hear(self, kernel: Kernel, asked: f.Ask, nonce: str) -> None:
        """A challenge reaches the kernel, which answers as soon as it runs, if it does."""
        if not kernel.alive or kernel.mute or self.drops("lose"):
            return
        if self.at < kernel.stopped_until:
            self.after(kernel.stopped_until - self.at, lambda: self.hear(kernel, asked, nonce))
            return
        ack = self.ack(kernel, asked, nonce)
        if kernel.lies:
            ack = self.lie(kernel, ack)
        if kernel.lies in ("", "sha"):
            # Of a state that was saved over since, nobody can tell whether it was as it is said to have been.
            stuck = min((one.deadline_ns for one in ack.doing), default=None)
            link = kernel.standing
            self.proofs.append(Proof(self.sent[nonce], self.at, self.boot, kernel.invocation, stuck, link))
        self.recorded.append(ack)
        if self.drops("lose"):
            return
        late = self.draw(100, 3000) if self.drops("delay") else self.draw(0, 20)
        for _ in range(2 if self.drops("double") else 1):
            self.after(late, lambda: self.hand_over(ack), daemons=True)

    def hand_over(self, ack: Ack) -> None:
        self.take(e.Answered(ack=ack, files=self.files.name()))

    def ack(self, kernel: Kernel, asked: f.Ask, nonce: str) -> Ack:
        now_ns = self.now().boottime_ns
        deadline_ns = now_ns + 600 * S if kernel.deadline_ns is None else kernel.deadline_ns
        link = kernel.standing
        return Ack(
            run_id=asked.run_id,
            invocation=kernel.invocation,
            epoch=kernel.epoch,
            nonce=nonce,
            identity=kernel.identity,
            run_root="/run" if link.seq else "",
            run_state_sha256=link.run_state_sha256,
            journal_seq=link.seq,
            journal_head=link.head,
            active_stage=ActiveStage(stage_name=kernel.stage, item_id="01", attempt_number=1, round=0),
            doing=(Doing(effect="01/a1/r0/execute/t1", began_ns=now_ns, deadline_ns=deadline_ns),),
        )

    def lie(self, kernel: Kernel, ack: Ack) -> Ack:
        wrong = {
            "run": {"run_id": OTHER_RUN},
            "root": {"run_root": "/elsewhere"},
            "invocation": {"invocation": "other"},
            "epoch": {"epoch": ack.epoch + 1},
            "pid": {"identity": replace(kernel.identity, pid=9)},
            "ticks": {"identity": replace(kernel.identity, start_ticks=1)},
            "boot": {"identity": replace(kernel.identity, boot_id="boot-9")},
            "namespace": {"identity": replace(kernel.identity, pid_namespace=5)},
            "head": {"journal_head": digest("lie"), "journal_seq": max(1, ack.journal_seq)},
            "sha": {"run_state_sha256": digest("lie")},
            "ahead": {"journal_seq": ack.journal_seq + 50, "journal_head": digest("lie")},
        }
        kernel.forked |= kernel.lies in ("head", "ahead")
        return replace(ack, **wrong[kernel.lies])

    def play_kernel(self) -> None:
        """Somebody in the kernel's place says what they recorded, or what they made up."""
        kind = self.dice.choice(("replay", "forge", "hint", "nothing"))
        if kind == "replay" and self.recorded:
            ack = self.dice.choice(self.recorded)
            self.after(0, lambda: self.hand_over(ack), daemons=True)
        elif kind == "forge":
            self.report(e.AnswerRefused(reason="probe_mac_invalid"))
        elif kind == "hint":
            self.report(e.Hinted(seq=self.dice.randint(0, 10**6)))

    def drops(self, trouble: str) -> bool:
        return self.trouble == trouble and self.dice.random() < 0.5

    # --- faults

    def strike(self, name: str) -> None:
        """One fault begins; most of them end with the next one, or with the calm at the end."""
        kernel = self.kernel
        if self.calm or kernel is None or self.lost:
            return
        self.trouble = name
        self.tally[f"fault {name}"] += 1
        self.faults[name](self, kernel)

    def settle(self) -> None:
        """Everything that was wrong is put right; what is dead stays dead."""
        self.calm, self.trouble, self.impostor = True, f"calm after {self.trouble}", False
        kernel = self.kernel
        self.stalled_until = min(self.stalled_until, self.at)
        if kernel is None:
            return
        kernel.mute, kernel.lies, kernel.stopped_until, kernel.deadline_ns = False, "", self.at, None
        self.cut()
        self.mend()

    def cut(self) -> None:
        """The connection breaks; whoever listens now is who is met next."""
        self.lost_connection = True
        self.report(e.Unreachable(reason="it closed the connection"))

    def mend(self) -> None:
        """The run's files are again what the kernel made of them."""
        files, kernel = self.files, self.kernel
        if kernel and kernel.alive and kernel.saved.seq:
            files.write(list(kernel.chain))
            files.hold(kernel.saved)
            files.mend(self.at)
