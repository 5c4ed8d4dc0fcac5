"""What docs/architecture.md quotes is what a run of the demo's own repository holds, and its map is the house.

Not here: that its links lead somewhere; see tests/test_house.py.
"""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from tests.doubles.sessions import Fence, fences
from tests.doubles.workplace import Workplace
from tests.house_modules import FLOORS

from verger_kernel.demo.show import PLAYBOOK, build

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
QUOTED = [fence for fence in fences(PAGE) if fence.language == "json"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run in which items 01 and 02 of the demo passed."""
    place = Workplace(tmp_path_factory.mktemp("architecture"))
    place.home.mkdir()
    build(place.repository)
    ended = place.verger("run", PLAYBOOK, "--items", "01,02")
    assert ended.code == 0, ended
    return place.run().root


@pytest.mark.parametrize("fence", QUOTED, ids=lambda fence: f"line {fence.line}")
def test_what_is_quoted_stands_in_the_file_that_is_named(run: Path, fence: Fence) -> None:
    text = (run / fence.about).read_text(encoding="utf-8")
    if fence.about.endswith(".jsonl"):
        there = [json.loads(line) for line in text.splitlines()]
        for line in fence.text.splitlines():
            assert any(holds(record, json.loads(line)) for record in there), line
    else:
        assert holds(json.loads(text), json.loads(fence.text))


def holds(real: Any, quoted: Any) -> bool:
    """Whether `real` is what was quoted: keys may be left out, and `…` is anything, in a list any number of things."""
    match quoted:
        case dict():
            return isinstance(real, dict) and all(
                key in real and holds(real[key], value) for key, value in quoted.items()
            )
        case ["…", *rest]:
            return any(holds(real[at:], rest) for at in range(len(real) + 1))
        case [first, *rest]:
            return bool(real) and holds(real[0], first) and holds(real[1:], rest)
        case str() if "…" in quoted:
            return bool(re.fullmatch(re.escape(quoted).replace("…", ".*"), str(real)))
        case _:
            return bool(real == quoted)


def test_the_row_is_the_one_of_the_demo() -> None:
    playbook = (ROOT / "kernel" / "verger_kernel" / "demo" / "files" / PLAYBOOK).read_text(encoding="utf-8")
    assert row_02(PAGE).items() <= row_02(playbook).items()


def row_02(text: str) -> dict[str, str]:
    """The cells of row 02 by the names of their columns."""
    header, row = re.findall(r"^\| (?:step_id|02) .*", text, re.MULTILINE)
    return dict(
        zip(*([cell.strip() for cell in line.strip("|").split("|")] for line in (header, row)), strict=True)
    )


def test_the_page_has_the_floors_in_their_order() -> None:
    shown = re.findall(r"^\| \[(\w+)\]", PAGE, re.MULTILINE)
    assert shown == list(reversed(FLOORS))
    assert " ──▶ ".join(shown) in PAGE


def test_a_quotation_that_is_not_there_is_found_out() -> None:
    real = {"item": "02", "files": [{"path": "a"}, {"path": "b"}]}
    assert holds(real, {"files": ["…", {"path": "b"}]})
    assert not holds(real, {"files": [{"path": "a"}]})
    assert not holds(real, {"file": "…"})
    assert not holds(real, {"item": "03"})
