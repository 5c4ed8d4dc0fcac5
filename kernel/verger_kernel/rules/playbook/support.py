"""What stands around the table of a playbook: the sections that agents are given to read.

Not here: the table; see `table.py`. Source: playbook-contract, "Support sections".
"""

from collections.abc import Iterator

from verger_kernel.rules.plan import (
    DefaultRuntimeProfile,
    GlobalContext,
    Item,
    SectionKind,
    SupportSection,
)
from verger_kernel.rules.playbook.cells import slug
from verger_kernel.rules.playbook.document import Section

_GLOBAL_KINDS = ("global_context", "shared_guidance", "risk_register")
_GOAL = "Carry out the items of the playbook in order, one reviewed change at a time."
_NOTES = (
    "The playbook was frozen by digest when the run began; later edits of the file change nothing.",
    "Items are taken in table order; an item begins when all its prerequisites have passed.",
    "An item writes only inside its allowed write roots.",
    "The kernel runs the verification commands itself; what a worker reports is a claim.",
    "Two independent audits read the same frozen packet before an item can pass.",
    "Only a person opens a gate or supplies external evidence.",
)


def read_support(sections: tuple[Section, ...], phase_slugs: tuple[str, ...]) -> list[SupportSection]:
    """The support sections that are not empty, by number; of a repeated number the first counts."""
    numbered = {section.number: section for section in reversed(sections)}
    found = [
        support
        for number in ("1", "3", "4", "5", "6")
        if number in numbered
        for support in _supports(numbered[number], phase_slugs)
    ]
    return [support for support in found if support.body_markdown]


def global_context(support: list[SupportSection], first: Item) -> GlobalContext:
    """What holds for every item: the goal is the first line of section 1."""
    contexts = [section.body_markdown for section in support if section.section_kind == "global_context"]
    return GlobalContext(
        primary_goal=contexts[0].splitlines()[0].strip() if contexts else _GOAL,
        immediate_target=f"Item {first.item_id}: {first.action}",
        default_runtime_profile=DefaultRuntimeProfile(
            offline_default=True,
            auto_advance_default=False,
            max_fix_rounds_default=2,
            max_remediation_rounds_default=1,
        ),
        global_support_section_ids=tuple(
            section.section_id for section in support if section.section_kind in _GLOBAL_KINDS
        ),
        notes=_NOTES,
    )


def _supports(section: Section, phases: tuple[str, ...]) -> Iterator[SupportSection]:
    match section.number:
        case "1":
            yield _support(section, "global_context", phases, section_id="sec1_plan-context")
        case "3":
            for part in section.parts():
                own = tuple(phase for phase in phases if phase == slug(part.title))
                yield _support(part, "phase_detail", own, section_id=f"sec3_{slug(part.title)}")
        case "4":
            for part in section.parts() or (section,):
                yield _support(part, "shared_guidance", phases, section_id=f"sec4_{slug(part.title)}")
        case "5":
            yield _support(section, "risk_register", phases, section_id=f"sec5_{slug(section.title)}")
        case _:
            yield _support(section, "informational", (), section_id=f"sec6_{slug(section.title)}")


def _support(
    section: Section, kind: SectionKind, phases: tuple[str, ...], *, section_id: str
) -> SupportSection:
    return SupportSection(
        section_id=section_id,
        title=section.title,
        section_kind=kind,
        body_markdown=section.text(),
        applies_to_phase_slugs=phases,
    )
