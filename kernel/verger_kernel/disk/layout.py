"""Every path of a repository's state and of a run, and nothing else.

Not here: reading or writing any of them. `docs/files.md` says who does.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from verger_kernel.rules.ids import EffectId, RunId

SOURCE_FOLDER = "plan_orchestrator"
"""The name under which the system that Verger replaces kept its runs; the links in a repository keep it."""


@dataclass(frozen=True)
class StateFolder:
    """What Verger keeps of one repository, outside of it."""

    root: Path

    @property
    def runs(self) -> Path:
        """One folder a run."""
        return self.root / "runs"

    @property
    def reports(self) -> Path:
        """What the agents answered, one folder a run."""
        return self.root / "reports" / "runs"

    @property
    def worktrees(self) -> Path:
        """The attempts' worktrees, one folder a run."""
        return self.root / "worktrees"

    def run(self, run_id: RunId) -> "RunFolder":
        """The paths of one run."""
        return RunFolder(
            self.runs / run_id,
            self.reports / run_id,
            self.worktrees / run_id,
            self.root / "verify" / run_id,
            self.root / "layers",
        )


@dataclass(frozen=True)
class RunFolder:
    """The paths of one run. `root` holds the truth; the others can be deleted when the run is over.

    `layers` is the repository's: what setup made for one run serves the next.
    """

    root: Path
    reports: Path
    worktrees: Path
    verify: Path
    layers: Path

    @property
    def run_state(self) -> Path:
        """The state as it was last saved."""
        return self.root / "run_state.json"

    @property
    def journal(self) -> Path:
        """The hash-chained log of events: the truth."""
        return self.root / "journal.jsonl"

    @property
    def plan(self) -> Path:
        """The playbook as it was read when the run began."""
        return self.root / "normalized_plan.json"

    @property
    def policy(self) -> Path:
        """The resolved policy, with where each value came from."""
        return self.root / "runtime_policy.json"

    @property
    def snapshot(self) -> Path:
        """The playbook's text as it was when the run began."""
        return self.root / "playbook_source_snapshot.md"

    @property
    def run_lock(self) -> Path:
        """Held by the one process that drives the run."""
        return self.root / "run.lock"

    @property
    def tree_lock(self) -> Path:
        """Held by everything that may touch a worktree of the run."""
        return self.root / "tree.lock"

    @property
    def registration(self) -> Path:
        """What the daemon put down about the kernel at work, and takes away when that has ended."""
        return self.root / "supervision" / "bridge_registration.json"

    @property
    def trial(self) -> Path:
        """Where a trial gets its throw-away tree: one place for all, a command must not see which one it is in."""
        return self.verify / "trial"

    def item(self, item: str) -> Path:
        """What is known of one item."""
        return self.root / "items" / item

    def attempt(self, item: str, attempt: int) -> "AttemptFolder":
        """The paths of one attempt."""
        name = f"attempt-{attempt}"
        return AttemptFolder(
            self.item(item) / name,
            self.reports / "items" / item / name,
            self.worktrees / f"item-{item}-{name}",
        )


@dataclass(frozen=True)
class AttemptFolder:
    """The paths of one attempt: its record, its agents' reports and its worktree."""

    root: Path
    reports: Path
    worktree: Path

    def sealed(self) -> Iterator[Path]:
        """The files that are there of those that the journal names by digest and nobody can make again."""
        for pattern in ("answers/*.json", "verification_report.round-*.json", "cases.round-*.json"):
            yield from self.root.glob(pattern)

    @property
    def index(self) -> Path:
        """The kernel's own git index of the worktree, where no agent can reach it."""
        return self.root / "index"

    @property
    def tripwire(self) -> Path:
        """What the worktree's repository looked like before any agent saw it."""
        return self.root / "tripwire.json"

    @property
    def evidence(self) -> Path:
        """The copy of the external evidence."""
        return self.root / "external_evidence"

    @property
    def evidence_digest(self) -> Path:
        """The digest of that copy, written when it was complete."""
        return self.root / "external_evidence.sha256"

    @property
    def gate(self) -> Path:
        """What a person is asked, and what was decided."""
        return self.root / "manual_gate.json"

    @property
    def escalation(self) -> Path:
        """Why the attempt stopped and what a person can do."""
        return self.root / "escalation_manifest.json"

    def packet(self, round_: int) -> Path:
        """What both lanes of a round read."""
        return self.root / "packet" / f"round-{round_}"

    def verification(self, round_: int) -> Path:
        """The verification report of a round."""
        return self.root / f"verification_report.round-{round_}.json"

    def surface(self, round_: int) -> Path:
        """What a round's result did to the test surface."""
        return self.root / f"test_surface.round-{round_}.json"

    def cases(self, round_: int) -> Path:
        """What the runners reported in the newest green trial, by command."""
        return self.root / f"cases.round-{round_}.json"

    def junit(self, round_: int) -> Path:
        """The verification of a round as JUnit."""
        return self.root / f"junit.round-{round_}.xml"

    def logs(self, round_: int) -> Path:
        """The commands' output of a round."""
        return self.root / "logs" / f"verification.round-{round_}"

    def answer(self, name: str, round_: int) -> Path:
        """The kernel's copy of an accepted report; `name` is worker, audit-a, audit-b or triage."""
        return self.root / "answers" / f"{name}.round-{round_}.json"

    def findings(self, round_: int) -> Path:
        """The merged findings of a round."""
        return self.root / f"merged_findings.round-{round_}.json"

    def sarif(self, round_: int) -> Path:
        """The same as SARIF."""
        return self.root / f"findings.round-{round_}.sarif"

    def patch(self, round_: int) -> Path:
        """The candidate change from the attempt's base to a round's result."""
        return self.packet(round_) / "candidate.patch"

    def call(self, effect: EffectId) -> "CallFolder":
        """The files of one agent call."""
        name = call_name(effect)
        return CallFolder(self.root / "agents" / name, self.reports / f"{name}.json")


@dataclass(frozen=True)
class CallFolder:
    """What went into an agent call and what came out of it. `report` is the agent's answer."""

    root: Path
    report: Path

    @property
    def task(self) -> Path:
        """The task specification, as it was fed to the agent."""
        return self.root / "task_specification.json"

    @property
    def stdout(self) -> Path:
        """The agent's standard output."""
        return self.root / "stdout.log"

    @property
    def stderr(self) -> Path:
        """The agent's standard error."""
        return self.root / "stderr.log"

    @property
    def agent(self) -> Path:
        """What is the agent's own while the call lasts: its home, its TMPDIR, the schema of its answer."""
        return self.root / "agent"

    @property
    def session(self) -> Path:
        """The agent's own name for the session, from when it was said to have begun."""
        return self.root / "session.json"

    @property
    def prompt(self) -> Path:
        """What the agent was fed, where that is not the task specification itself."""
        return self.root / "prompt.md"

    @property
    def boot(self) -> Path:
        """The boot in which the call began: an answer of an earlier boot was never made durable."""
        return self.root / "boot_id"


def call_name(effect: EffectId) -> str:
    """The file name of an agent call: `02/a1/r0/audit-b/t1` becomes `audit-b.round-0.try-1`."""
    _item, _attempt, round_, stage, tries = effect.split("/")
    return f"{stage}.round-{round_[1:]}.try-{tries[1:]}"
