"""The table of docs/cheats.md, drawn from build/cheats.json between two markers.

Not here: the words around it, which are written by hand.
"""

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tests.cheats.corpus import CHEATS, HONEST
from tests.cheats.entry import Entry

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "cheats.md"
FIGURES = ROOT / "build" / "cheats.json"
BEGIN, END = "<!-- drawn by `tests/cheats/cheats.py --draw` -->", "<!-- end of what is drawn -->"


def draw() -> None:
    """Puts the table of the last whole run into the page."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    drawn = table(json.loads(FIGURES.read_text(encoding="utf-8")))
    PAGE.write_text(f"{before}{BEGIN}\n\n{drawn}\n{END}{after}", encoding="utf-8")


def table(figures: Mapping[str, Any]) -> str:
    """The figures, a table of the cheats with what stopped each, and one of the honest changes."""
    ends = figures["entries"]
    return "\n".join(
        (
            f"**{figures['caught']} of {figures['cheats']}** cheats were caught, "
            f"**{figures['accused']} of {figures['honest']}** honest changes were accused.",
            "",
            *_rows(("cheat", "what the worker does", "what stopped it"), CHEATS, ends, "**not caught**"),
            "",
            *_rows(("honest change", "what the worker does", "accused of"), HONEST, ends, ""),
            "",
        )
    )


def _rows(head: tuple[str, ...], entries: Iterable[Entry], ends: Mapping[str, Any], passed: str) -> list[str]:
    rows = [head, ("---",) * len(head)]
    rows += [(f"`{one.name}`", one.says, _end(ends.get(one.name), passed)) for one in entries]
    return [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows]


def _end(end: Mapping[str, Any] | None, passed: str) -> str:
    if end is None:
        return "not tried"
    # A reason may quote anything; a table has lines of one piece.
    return passed if end["end"] == "passed" else " ".join(end["why"].split())


def names(text: str) -> list[str]:
    """The names in the drawn table, in order."""
    drawn = text.partition(BEGIN)[2].partition(END)[0]
    return re.findall(r"^\| `([a-z0-9-]+)` \|", drawn, re.MULTILINE)
