"""What is fixed when a run begins and never changes: identity, budgets, and what the machine must know of each item.

Not here: the rest of the plan and policy, which lie beside the state under the digests named here.
"""

import msgspec

from verger_kernel.rules.ids import Digest, ObjectId, RunId
from verger_kernel.rules.plan import Item, NormalizedPlan

REQUIRED = "required"
SUGGESTED = "suggested"


class Identity(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Whose name the run's commits bear."""

    name: str
    email: str


class ItemFacts(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What decides the course of one item. `groups` are its command groups, in the order they run."""

    item_id: str
    prerequisites: tuple[str, ...]
    gate: bool
    evidence: bool
    groups: tuple[str, ...]


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
    items: tuple[ItemFacts, ...]

    def item(self, item_id: str) -> ItemFacts:
        """The facts of `item_id`. Raises KeyError when the plan has no such item."""
        for facts in self.items:
            if facts.item_id == item_id:
                return facts
        raise KeyError(item_id)


def item_facts(plan: NormalizedPlan) -> tuple[ItemFacts, ...]:
    """What the machine must know of each item of `plan`."""
    return tuple(_facts(item) for item in plan.items)


def _facts(item: Item) -> ItemFacts:
    # The required group also looks for the artifacts, so it exists even without a command.
    groups = (REQUIRED, SUGGESTED) if item.verification_hints.suggested_commands else (REQUIRED,)
    return ItemFacts(
        item_id=item.item_id,
        prerequisites=item.prerequisite_item_ids,
        gate=item.manual_gate.required,
        evidence=item.external_check.required,
        groups=groups,
    )
