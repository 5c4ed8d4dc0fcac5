"""Which item comes next.

Not here: how it begins; see test_pipeline.py.
"""

from tests.doubles.walk import facts

from verger_kernel.rules.intake import (
    Choice,
    choose,
    first_ready,
    first_unmet,
    unmet_prerequisites,
    with_prerequisites,
)

ITEMS = (facts("01"), facts("02", prerequisites=("01",)), facts("03", prerequisites=("01", "02")))


def chosen(*queue: str, passed: tuple[str, ...] = (), auto_advance: bool = False) -> Choice:
    return choose(ITEMS, passed=passed, queue=queue, auto_advance=auto_advance)


def test_the_head_of_the_queue_comes_next() -> None:
    assert chosen("01", "02") == Choice("01", ("02",), "")


def test_what_passed_is_not_done_again() -> None:
    assert chosen("01", "02", "01", passed=("01",)) == Choice("02", (), "")


def test_an_empty_queue_is_the_end_without_auto_advance() -> None:
    assert chosen() == Choice("", (), "")
    assert chosen("01", passed=("01",)) == Choice("", (), "")


def test_auto_advance_takes_the_first_item_of_the_plan_that_is_ready() -> None:
    assert chosen(passed=("01",), auto_advance=True) == Choice("02", (), "")
    assert chosen("03", passed=("01", "02"), auto_advance=True).item == "03"
    assert chosen(passed=("01", "02", "03"), auto_advance=True).item == ""


def test_an_item_that_waits_for_others_names_them() -> None:
    assert chosen("03", "01") == Choice("", (), "item 03 waits for 01, 02")
    assert chosen("03", passed=("02",)).why == "item 03 waits for 01"


def test_prerequisites_are_met_by_what_passed() -> None:
    assert unmet_prerequisites(ITEMS[2], ()) == ("01", "02")
    assert unmet_prerequisites(ITEMS[2], ("02", "01")) == ()


def test_an_item_that_waits_for_a_later_one_is_passed_over() -> None:
    items = (facts("01", prerequisites=("02",)), facts("02"))
    assert first_ready(items, ()) == "02"
    assert first_ready(items, ("02",)) == "01"
    assert first_ready(items, ("01", "02")) == ""


def test_a_list_of_items_can_meet_its_own_prerequisites() -> None:
    assert first_unmet(ITEMS, ("01", "02", "03"), ()) is None
    assert first_unmet(ITEMS, ("02", "03"), ("01",)) is None


def test_a_list_in_the_wrong_order_is_told_what_is_missing() -> None:
    assert first_unmet(ITEMS, ("02", "01"), ()) == ("02", ("01",))
    assert first_unmet(ITEMS, ("01", "03"), ()) == ("03", ("02",))


def test_an_item_is_named_with_everything_it_rests_on_in_an_order_that_works() -> None:
    chain = [facts(f"{n}", prerequisites=(f"{n - 1}",) if n else ()) for n in range(2000)]
    assert with_prerequisites(chain, "1999") == tuple(str(n) for n in range(2000))
    both = (facts("b", prerequisites=("a",)), facts("c", prerequisites=("a",)))
    assert with_prerequisites((facts("d", prerequisites=("b", "c")), *both, facts("a")), "d") == tuple("abcd")
