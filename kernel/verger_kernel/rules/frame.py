"""What is fixed when a run begins and never changes: identity, budgets, and what the machine must know of each item.

Not here: the rest of the plan and policy, which lie beside the state under the digests named here.
"""

from collections import Counter

import msgspec

from verger_kernel.rules.budgets import Budget
from verger_kernel.rules.ids import Digest, ObjectId, RunId
from verger_kernel.rules.plan import Item, NormalizedPlan

REQUIRED = "required"
SUGGESTED = "suggested"


class Identity(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Whose name the run's commits bear."""

    name: str
    email: str


class FlakeRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How a required command that fails is tried again, `reruns` times at most, and which flakes may pass.

    `quarantined` are the commands and cases whose entry had not expired when the run began.
    """

    reruns: int
    accepted: bool
    quarantined: tuple[str, ...]


class ItemFacts(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What decides the course of one item. `shared` are required commands that other items require too."""

    item_id: str
    prerequisites: tuple[str, ...]
    gate: bool
    evidence: bool
    required: tuple[str, ...]
    suggested: bool
    red: bool
    shared: tuple[str, ...]


class Frame(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The constants of a run, items in plan order. `git_settings` say how files are written to a checkout."""

    run_id: RunId
    repository_id: str
    repository_root: str
    base_commit: ObjectId
    run_branch: str
    playbook_path: str
    playbook_sha256: Digest
    snapshot_sha256: Digest
    plan_sha256: Digest
    policy_sha256: Digest
    identity: Identity
    git_settings: tuple[tuple[str, str], ...]
    max_fix_rounds: int
    max_remediation_rounds: int
    triage_agent: bool
    flakes: FlakeRules
    items: tuple[ItemFacts, ...]
    budget: Budget = Budget()

    def item(self, item_id: str) -> ItemFacts:
        """The facts of `item_id`. Raises KeyError when the plan has no such item."""
        for facts in self.items:
            if facts.item_id == item_id:
                return facts
        raise KeyError(item_id)


def item_facts(plan: NormalizedPlan) -> tuple[ItemFacts, ...]:
    """What the machine must know of each item of `plan`."""
    uses = Counter(
        command for item in plan.items for command in set(item.verification_hints.required_commands)
    )
    return tuple(_facts(item, uses) for item in plan.items)


def _facts(item: Item, uses: Counter[str]) -> ItemFacts:
    required = item.verification_hints.required_commands
    return ItemFacts(
        item_id=item.item_id,
        prerequisites=item.prerequisite_item_ids,
        gate=item.manual_gate.required,
        evidence=item.external_check.required,
        required=required,
        suggested=bool(item.verification_hints.suggested_commands),
        red=item.requires_red_green,
        shared=tuple(command for command in required if uses[command] > 1),
    )
