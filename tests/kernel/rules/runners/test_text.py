"""Lines that no pattern can choke on, and groups that cost little however deep they are.

Not here: what the lines mean.
"""

from verger_kernel.rules.runners.text import GROUP_MAX, LINE_MAX, Levels, lines_of, plain


def test_colours_titles_and_line_ends_are_taken_off() -> None:
    assert lines_of(plain("\x1b[1;32mok\x1b[0m  \r\n\x1b]0;title\x07  kept\n")) == ["ok", "  kept", ""]


def test_what_is_too_long_is_an_empty_line_and_of_several_one_is_left() -> None:
    long = "x" * LINE_MAX
    assert lines_of(f"a\n{long}\nb\n\n \n{long}x\nc") == ["a", long, "b", "", "c"]


def test_a_group_ends_where_the_indentation_does() -> None:
    levels = Levels(" > ")
    levels.enter(0, "a")
    levels.enter(2, "b")
    assert levels.name(4, "c") == "a > b > c"
    assert levels.is_open(2, "b")
    assert levels.name(2, "d") == "a > d"
    assert not levels.is_open(2, "b")
    assert levels.name(0, "e") == "e"


def test_groups_stay_short_however_deep() -> None:
    levels = Levels(" > ")
    for depth in range(1000):
        levels.enter(depth, "a" * 1000)
    assert len(levels.name(1000, "b")) <= GROUP_MAX + len(" > b")
