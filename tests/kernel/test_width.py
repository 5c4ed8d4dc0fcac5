"""The places that letters take."""

import pytest

from verger_kernel.width import width


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("", 0),
        ("plain", 5),
        ("Größe", 5),
        ("数字", 4),
        ("ｱ", 1),
        ("Ａ", 2),
        ("e\u0301", 1),
        ("a\u200bb", 2),
        ("a\tb", 2),
        ("…", 1),
    ],
)
def test_wide_letters_take_two_places_and_marks_none(text: str, places: int) -> None:
    assert width(text) == places
