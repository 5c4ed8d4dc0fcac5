"""What every hand needs to know of its run: where it lies, whose repository it is, what the plan and policy say.

Not here: anything that changes while the run goes on; that is the state's.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import anyio

from verger_kernel.disk.dependencies import LayerFolder
from verger_kernel.disk.durable import Unsynced
from verger_kernel.disk.layout import AttemptFolder, RunFolder
from verger_kernel.git.command import Git
from verger_kernel.git.repository import Repository
from verger_kernel.rules.frame import Frame
from verger_kernel.rules.ids import Digest, EffectId
from verger_kernel.rules.plan import Item, NormalizedPlan
from verger_kernel.rules.policy import Policy


@dataclass(frozen=True)
class Site:
    """One run's constants. `tree_lock` is the descriptor that every child inherits.

    `unsynced` takes the files that must be durable before the next record that lasts.
    """

    folder: RunFolder
    repository: Repository
    git: Git
    frame: Frame
    plan: NormalizedPlan
    policy: Policy
    ambient: Mapping[str, str]
    tree_lock: int
    unsynced: Unsynced

    @cached_property
    def at_work(self) -> anyio.Semaphore:
        """Held while an agent or command is at work: as many of them as the policy lets work at once."""
        return anyio.Semaphore(self.policy.parallel_steps_max)

    @cached_property
    def _seals(self) -> dict[Path, Digest]:
        return {}

    def layers(self, item: str) -> LayerFolder:
        """The layers that trials and agents of `item` may use.

        What this process saw sealed is known: a seal that is written anew together with its files is not believed.
        """
        return LayerFolder(self.folder.layers, self.frame.run_id, item, self._seals)

    def item(self, item_id: str) -> Item:
        """The playbook's row of `item_id`. Raises KeyError when there is none."""
        for item in self.plan.items:
            if item.item_id == item_id:
                return item
        raise KeyError(item_id)

    def attempt(self, item_id: str, attempt: int) -> AttemptFolder:
        """The paths of one attempt."""
        return self.folder.attempt(item_id, attempt)

    def attempt_ref(self, item_id: str, attempt: int) -> str:
        """The ref that keeps an attempt's checkpoints until they are on the run branch."""
        return f"refs/verger/attempt/{self.frame.run_id}/{item_id}/{attempt}"

    def quarantine_ref(self, item_id: str, attempt: int, name: str) -> str:
        """The ref under which work that nobody asked for is kept."""
        return f"refs/verger/quarantine/{self.frame.run_id}/{item_id}/{attempt}/{name}"

    def marker(self, effect: EffectId) -> str:
        """What every process of an effect carries in its environment; no other run on this machine has the same."""
        return f"{self.frame.run_id}/{effect}"

    @property
    def run_ref(self) -> str:
        """The run branch as a ref."""
        return f"refs/heads/{self.frame.run_branch}"

    def relative(self, path: Path) -> str:
        """`path` as it is written into reports: from the run's folder."""
        return str(path.relative_to(self.folder.root))
