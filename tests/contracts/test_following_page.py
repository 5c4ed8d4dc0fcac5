"""docs/following.md names every type of line with its fields, and every field with its meaning.

Not here: that each line is one of these types; see tests/journeys/test_following.py.
"""

import re
from pathlib import Path

from verger_kernel.following.kinds import KINDS, PER_RECORD, Line

PAGE = (Path(__file__).parents[2] / "docs" / "following.md").read_text(encoding="utf-8")
COMMON = Line.__struct_encode_fields__


def row(kind: type[Line]) -> str:
    fields = [f"`{name}`" for name in kind.__struct_encode_fields__ if name not in COMMON]
    said = (kind.__doc__ or "").strip().rstrip(".")
    return f"| `{kind.__struct_config__.tag}` | {said} | {', '.join(fields)} |"


def section(title: str) -> list[str]:
    found = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE)
    assert found
    return [line for line in found[1].splitlines() if line.startswith("| `")]


def test_the_table_of_types_is_what_is_written() -> None:
    assert section("Types") == [row(kind) for kind in KINDS]


def test_every_field_has_a_meaning_and_none_is_there_that_no_line_has() -> None:
    fields = {name for kind in KINDS for name in kind.__struct_encode_fields__} - set(COMMON)
    assert [line.split("`")[1] for line in section("Fields")] == sorted(fields)


def test_how_seq_is_made_is_told_as_it_is() -> None:
    assert PER_RECORD == 10
    assert "ten times the number of the record" in PAGE
