"""The typed model of a playbook: what `normalized_plan.json` holds, field for field.

Not here: how it is read from markdown; see `playbook.py`. Source: playbook-contract, "The normalized plan".
"""

from typing import Literal

import msgspec


class _Model(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One object of the plan: immutable, every key required, no other key allowed."""


GateType = Literal[
    "none",
    "signoff",
    "approval",
    "operator_confirmation",
    "security_review",
    "presenter_review",
    "custom",
]
ChangeProfile = Literal["docs_only", "behavioral_code", "mixed"]
SectionKind = Literal["global_context", "phase_detail", "shared_guidance", "risk_register", "informational"]


class ManualGate(_Model, frozen=True, kw_only=True):
    """Whether a person must decide before the item passes, why, and what evidence is asked for."""

    required: bool
    gate_type: GateType
    gate_reason: str
    required_evidence: tuple[str, ...]


class ExternalCheck(_Model, frozen=True, kw_only=True):
    """Whether evidence from outside must be supplied before the item can begin."""

    required: bool
    mode: Literal["none", "human_supplied_evidence_required"]
    dependencies: tuple[str, ...]


class VerificationHints(_Model, frozen=True, kw_only=True):
    """What the kernel itself will run and look for."""

    required_artifacts: tuple[str, ...]
    required_commands: tuple[str, ...]
    suggested_commands: tuple[str, ...]


class SourceRow(_Model, frozen=True, kw_only=True):
    """Where in the playbook the item stands; lines count from 1."""

    section_title: str
    row_index: int
    line_start: int
    line_end: int
    raw_row_markdown: str


class Item(_Model, frozen=True, kw_only=True):
    """One row of the playbook, normalized."""

    item_id: str
    order: int
    phase: str
    phase_slug: str
    action: str
    why_now: str
    owner_type: str
    prerequisites_raw: str
    prerequisite_item_ids: tuple[str, ...]
    repo_surfaces_raw: tuple[str, ...]
    repo_surface_paths: tuple[str, ...]
    external_dependencies_raw: tuple[str, ...]
    deliverable: str
    deliverable_paths: tuple[str, ...]
    exit_criteria: str
    change_profile: ChangeProfile
    execution_mode: Literal["codex"]
    host_commands: tuple[str, ...]
    requires_red_green: bool
    manual_gate: ManualGate
    external_check: ExternalCheck
    verification_hints: VerificationHints
    source_row: SourceRow
    support_section_ids: tuple[str, ...]
    consult_paths: tuple[str, ...]
    allowed_write_roots: tuple[str, ...]
    notes: tuple[str, ...]


class SupportSection(_Model, frozen=True, kw_only=True):
    """A part of the playbook around the table that agents are given to read."""

    section_id: str
    title: str
    section_kind: SectionKind
    body_markdown: str
    applies_to_phase_slugs: tuple[str, ...]


class DefaultRuntimeProfile(_Model, frozen=True, kw_only=True):
    """What a run of this plan assumes unless policy says otherwise."""

    offline_default: bool
    auto_advance_default: bool
    max_fix_rounds_default: int
    max_remediation_rounds_default: int


class GlobalContext(_Model, frozen=True, kw_only=True):
    """What holds for every item of the plan."""

    primary_goal: str
    immediate_target: str
    default_runtime_profile: DefaultRuntimeProfile
    global_support_section_ids: tuple[str, ...]
    notes: tuple[str, ...]


class PlanSource(_Model, frozen=True, kw_only=True):
    """The file the plan was read from; `sha256` is that of its bytes."""

    path: str
    source_kind: Literal["markdown_playbook_v1"]
    sha256: str
    title: str


class NormalizedPlan(_Model, frozen=True, kw_only=True):
    """A whole playbook, items in table order."""

    schema_version: Literal["plan_orchestrator.normalized_plan.v1"]
    adapter_id: Literal["markdown_playbook_v1"]
    generated_at_utc: str
    plan_source: PlanSource
    global_context: GlobalContext
    support_sections: tuple[SupportSection, ...]
    items: tuple[Item, ...]
