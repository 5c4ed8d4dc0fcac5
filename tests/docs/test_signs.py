"""The signs of the house point to what is there: the index, the glossary, the way in for who changes something.

Not here: that links lead to files; see tests/test_house.py. That commands work; see test_commands.py.
"""

import re
from pathlib import Path
from typing import get_args

import pytest
from tests.doubles.notes import PLAYBOOK, POLICY, item
from tests.doubles.sessions import fences
from tests.doubles.workplace import workplace

from verger_kernel.rules.gates import Assurance
from verger_kernel.rules.packs import Stage
from verger_kernel.rules.triage import Ruling
from verger_kernel.rules.trials import Purpose
from verger_kernel.rules.verification import Verdict

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
GLOSSARY = re.findall(
    r"^\*\*(.+?)\*\*: (.+)$", (DOCS / "glossary.md").read_text(encoding="utf-8"), re.MULTILINE
)


def test_the_index_leads_to_every_page() -> None:
    index = (DOCS / "index.md").read_text(encoding="utf-8")
    pages = [*DOCS.glob("*.md"), *DOCS.glob("machines/*.md")]
    missing = [str(path.relative_to(DOCS)) for path in pages if f"({path.relative_to(DOCS)})" not in index]
    assert missing == ["index.md"]


def test_the_glossary_is_in_order_and_says_each_word_once() -> None:
    words = [word for word, _ in GLOSSARY]
    assert words == sorted(set(words))
    assert len(words) >= 50


@pytest.mark.parametrize(
    ("word", "names"),
    [
        ("stage", get_args(Stage)),
        ("trial", get_args(Purpose)),
        ("verdict", get_args(Verdict)),
        ("assurance", get_args(Assurance)),
        ("ruling", get_args(Ruling.__annotations__["kind"])),
    ],
)
def test_what_the_glossary_enumerates_is_what_the_code_knows(word: str, names: tuple[str, ...]) -> None:
    meaning = dict(GLOSSARY)[word]
    assert [name for name in names if not re.search(rf"\b{re.escape(name)}\b", meaning)] == []


def test_contributing_has_five_commands_and_a_first_file_for_each_folder() -> None:
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    (commands,) = (fence for fence in fences(page) if fence.language == "sh")
    assert len(commands.text.splitlines()) == 5
    first = dict(re.findall(r"^\| \[`(\w+)/`\]\(.*\) \| .* \| `(.+)` \|$", page, re.MULTILINE))
    assert set(first) == {sign.parent.name for sign in ROOT.glob("[a-z]*/README.md")} | {"docs", "tests"}
    assert [name for folder, name in first.items() if not (ROOT / folder / name).is_file()] == []


def test_a_sign_names_a_first_file_that_is_there() -> None:
    for sign in ROOT.glob("[a-z]*/README.md"):
        for line in re.findall(r"^\*\*Read first\*\*: (.*)$", sign.read_text(encoding="utf-8"), re.MULTILINE):
            (named, *_) = re.findall(r"`([\w/]+\.py)`", line)
            assert (sign.parent / named).is_file(), f"{sign} names {named}"


def test_a_worker_may_audit_too_as_the_page_says(tmp_path: Path) -> None:
    place = workplace(tmp_path, rows=[item("01")], policy=POLICY.replace('"worker"', '"reader-a"', 1))
    assert place.verger("run", PLAYBOOK, "--next").code == 0
    assert "worker reader-a (scripted), audit_a reader-a (scripted)" in place.verger("status").stdout
