"""What a person reads about what is waited for, and how it is cut to the terminal."""

import pytest
from msgspec.structs import replace
from tests.doubles.walk import facts, walk

from verger_kernel.following.waiting import Wait, clock, cut, waiting
from verger_kernel.rules import state as s
from verger_kernel.rules.effects import Effect
from verger_kernel.rules.ids import next_try
from verger_kernel.width import width


def outstanding(stage: type[s.Stage]) -> tuple[Effect, ...]:
    return walk(facts("02")).until(stage).state.outstanding


def test_a_lone_agent_is_told_with_its_time_and_its_last_words() -> None:
    (effect,) = outstanding(s.Working)
    assert (
        waiting([Wait(effect, "claude", 102.4, 12.9)])
        == "02  round 0  execute: claude, 1:42, output 12 s ago"
    )


def test_both_lanes_are_one_entry_that_tells_the_longest_wait_and_the_newest_words() -> None:
    a, b = outstanding(s.Auditing)
    both = [Wait(b, "claude", 61, None), Wait(a, "claude", 60, 3)]
    assert waiting(both) == "02  round 0  audit a, b: claude, 1:01, output 3 s ago"
    assert waiting([Wait(b, "codex", 5, None)]) == "02  round 0  audit b: codex, 5 s, no output yet"


def test_commands_are_told_with_the_tree_they_run_on() -> None:
    (effect,) = outstanding(s.Verifying)
    assert waiting([Wait(effect, "", 4, 0)]) == "02  round 0  verify required: 4 s, output 0 s ago"
    again = waiting([Wait(replace(effect, nth=2), "", 4, 0)])
    assert again == "02  round 0  verify required, trial 2: 4 s, output 0 s ago"


def test_a_further_try_is_told() -> None:
    (effect,) = outstanding(s.Working)
    effect = type(effect)(
        **{name: getattr(effect, name) for name in effect.__struct_fields__} | {"id": next_try(effect.id)}
    )
    assert "claude, 1 s, try 2, no output yet" in waiting([Wait(effect, "claude", 1, None)])


def test_the_kernels_own_work_has_no_output_and_where_nothing_is_waited_for_nothing_is_said() -> None:
    (effect,) = walk().until(s.Opening).state.outstanding or outstanding(s.Preparing)
    assert waiting([Wait(effect, "", 1, None)]).endswith(": 1 s")
    assert waiting([]) == ""


def test_what_an_agent_is_called_cannot_move_the_cursor() -> None:
    (effect,) = outstanding(s.Working)
    assert "\x1b" not in waiting([Wait(effect, "\x1b[2Jclaude", 1, None)])


@pytest.mark.parametrize(("seconds", "said"), [(-1, "0 s"), (59.9, "59 s"), (60, "1:00"), (7509, "2:05:09")])
def test_a_span_is_told_as_people_say_it(seconds: float, said: str) -> None:
    assert clock(seconds) == said


@pytest.mark.parametrize("text", ["plain words", "日本語の名前", "e\u0301e\u0301e\u0301 marks", ""])
@pytest.mark.parametrize("columns", [0, 1, 2, 5, 80])
def test_a_line_is_never_wider_than_its_terminal(text: str, columns: int) -> None:
    found = cut(text, columns)
    assert width(found) <= columns
    assert found == text or columns == 0 or (found.endswith("…") and text.startswith(found[:-1]))
