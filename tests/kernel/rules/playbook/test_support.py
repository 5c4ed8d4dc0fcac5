"""The sections around the table."""

from verger_kernel.rules.plan import NormalizedPlan
from verger_kernel.rules.playbook.reader import read_playbook

TABLE = """## 2 Any title

| step_id | prerequisites | phase | action | why_now | owner_type | repo_surfaces | deliverable \
| exit_criteria | allowed_write_roots | requires_red_green |
| 01 | | One | Do. | Now. | dev | `a/b` | `a/b` | Done. | a | no |
| 02 | | Part Two | Do. | Now. | dev | `a/b` | `a/b` | Done. | a | no |
"""


def read(sections: str) -> NormalizedPlan:
    return read_playbook(f"{TABLE}\n{sections}".encode(), path="docs/plan.md", generated_at_utc="")


def test_each_phase_gets_its_own_detail_and_what_applies_to_all() -> None:
    plan = read(
        "## 3. Phases\n\nLost.\n\n### 3.2 Part Two\n\nTwo.\n\n"
        "## 4. Guidance\n\nAll.\n\n## 6. Next\n\nReaders.\n"
    )
    assert [item.support_section_ids for item in plan.items] == [
        ("sec4_guidance",),
        ("sec3_part-two", "sec4_guidance"),
    ]
    assert plan.global_context.global_support_section_ids == ("sec4_guidance",)
    assert [section.section_id for section in plan.support_sections][-1] == "sec6_next"


def test_guidance_is_one_section_for_each_subsection() -> None:
    plan = read("## 4. Guidance\n\n### 4.1 Style\n\nPlain.\n\n### Tests\n\nReal.\n\n### Empty\n")
    assert [(section.section_id, section.title) for section in plan.support_sections] == [
        ("sec4_style", "Style"),
        ("sec4_tests", "Tests"),
    ]


def test_the_goal_is_the_first_line_of_section_one() -> None:
    assert read("## 1. Context\n\nGoal.\nMore.\n").global_context.primary_goal == "Goal."
    assert read("## 1. Context\n\n\n").global_context.primary_goal.startswith("Carry out")


def test_the_first_section_of_a_number_counts_and_other_numbers_are_ignored() -> None:
    plan = read("## 5. Risks\n\nFirst.\n\n## 5. Risks\n\nSecond.\n\n## 7. More\n\nX.\n\n## Risks\n\nY.\n")
    assert [section.body_markdown for section in plan.support_sections] == ["First."]


def test_subsections_of_global_sections_stay_in_their_body() -> None:
    (section,) = read("## 5. Risks\n\n### One\n\nText.\n").support_sections
    assert section.body_markdown == "### One\n\nText."
