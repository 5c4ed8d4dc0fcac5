"""Prerequisites between rows: ranges, forward references, circles."""

import pytest

from verger_kernel.rules.plan import NormalizedPlan
from verger_kernel.rules.playbook.reader import PlaybookRefused, read_playbook, render_problems

HEADER = (
    "| step_id | prerequisites | phase | action | why_now | owner_type | repo_surfaces | deliverable"
    " | exit_criteria | allowed_write_roots | requires_red_green |"
)


def read(*rows: tuple[str, str]) -> NormalizedPlan:
    lines = [
        f"| {name} | {needs} | P | Do. | Now. | dev | `a/b` | `a/b` | Done. | a | no |"
        for name, needs in rows
    ]
    text = "\n".join(["## 2. Plan", "", HEADER, *lines])
    return read_playbook(text.encode(), path="plan.md", generated_at_utc="")


def problems(*rows: tuple[str, str]) -> list[str]:
    with pytest.raises(PlaybookRefused) as caught:
        read(*rows)
    return render_problems(caught.value.problems)


def test_a_forward_reference_is_allowed() -> None:
    assert read(("01", "02"), ("02", "none")).items[0].prerequisite_item_ids == ("02",)


def test_ranges_expand_without_repeats() -> None:
    plan = read(("01", ""), ("02", "01"), ("03", "02, 01-02"))
    assert plan.items[2].prerequisite_item_ids == ("02", "01")
    assert plan.items[2].prerequisites_raw == "02, 01-02"


def test_a_range_names_the_ids_that_do_not_exist() -> None:
    (line,) = problems(("01", ""), ("03", "01-02"))
    assert "'01-02' spans 02, not in this playbook" in line


def test_a_range_that_runs_backwards_is_refused() -> None:
    (line,) = problems(("01", ""), ("02", ""), ("03", "02-01"))
    assert line == "line 6, column prerequisites: '02-01' is a range that runs backwards. Write 01-02."


def test_an_item_cannot_wait_for_itself_even_in_a_range() -> None:
    assert len(problems(("01", "01"), ("02", "01-02"))) == 2


def test_a_circle_is_named_from_its_first_row() -> None:
    (line,) = problems(("01", ""), ("02", "04"), ("03", "02, 01"), ("04", "03"))
    assert "line 5, column prerequisites: '04' closes a circle: 02 needs 04 needs 03 needs 02." in line


def test_every_knot_of_items_is_reported() -> None:
    lines = problems(("a", "b"), ("b", "a"), ("c", "a, d"), ("d", "e"), ("e", "c"), ("f", "e"))
    assert [line.split(",")[0] for line in lines] == ["line 4", "line 6"]


def test_a_diamond_is_no_circle() -> None:
    plan = read(("a", "b, c"), ("b", "d"), ("c", "d"), ("d", ""))
    assert plan.items[0].prerequisite_item_ids == ("b", "c")


def test_a_thousand_items_may_wait_in_a_chain_and_their_circle_is_told_short() -> None:
    chain = [(f"{at:04}", f"{at + 1:04}") for at in range(999)]
    assert len(read(*chain, ("0999", "")).items) == 1000
    (line,) = problems(*chain, ("0999", "0000"))
    assert "… (989 more)" in line
    assert len(line) < 300


def test_a_repeated_id_is_refused_where_it_repeats() -> None:
    (line,) = problems(("01", ""), ("01", ""))
    assert line.startswith("line 5, column step_id: '01' is the id of line 4 already.")


def test_ids_that_differ_only_by_case_are_refused() -> None:
    (line,) = problems(("a1", ""), ("A1", ""))
    assert "'A1' differs only by case from the id of line 4" in line


@pytest.mark.parametrize("name", ["a:b", "a..b", "x.lock", "-x", "a b", "é", "x" * 65])
def test_an_id_that_no_branch_can_bear_is_refused(name: str) -> None:
    (line,) = problems((name, ""))
    assert "column step_id" in line
