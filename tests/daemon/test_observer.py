"""Reading a run as its supervisor does: what is there, and every way in which it can be something else."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.doubles.notes import WRITTEN, gated, item
from tests.doubles.workplace import Workplace, workplace

from verger_daemon.observer import Observer
from verger_kernel.rules.chain import read


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """A run that waits at the gate of its second item."""
    made = workplace(tmp_path_factory.mktemp("observer"), rows=(item("01"), gated("02")), script=WRITTEN)
    assert made.verger("run", "playbook.md", "--next", "--auto-advance").code == 20
    return made


@pytest.fixture
def root(place: Workplace) -> Iterator[Path]:
    """Its folder; what a test writes there is put back."""
    folder = place.run().root
    kept = {name: (folder / name).read_bytes() for name in ("run_state.json", "journal.jsonl")}
    yield folder
    for name, data in kept.items():
        (folder / name).write_bytes(data)


def test_a_reading_names_the_state_the_chain_and_why_the_run_rests(place: Workplace, root: Path) -> None:
    observer = Observer(root)
    records = read((root / "journal.jsonl").read_bytes()).records
    found = observer.read(3, (1, 4, 10_000), records[1].event.invocation)
    assert (found.number, found.flaw, found.rest, found.ended_code) == (3, "", "waiting", 20)
    assert (found.state_seq, found.state_head, found.journal_head) == (len(records), *[records[-1].hash] * 2)
    assert found.heads == (records[0].hash, records[3].hash, "")
    assert found.files == observer.files()
    assert [step.after.journal_seq for step in observer.steps()] == list(range(1, len(records) + 1))
    assert observer.steps() == []


def test_what_was_touched_has_another_name(root: Path) -> None:
    observer = Observer(root)
    before = observer.files()
    (root / "run_state.json").write_bytes((root / "run_state.json").read_bytes())
    assert observer.files() != before


@pytest.mark.parametrize(
    ("name", "data", "flaw"),
    [
        ("run_state.json", None, "run_state_missing"),
        ("run_state.json", b"", "run_state_unreadable"),
        ("run_state.json", b"{}", "run_state_unreadable"),
        ("journal.jsonl", None, "journal_missing"),
    ],
)
def test_what_cannot_be_read_is_named(root: Path, name: str, data: bytes | None, flaw: str) -> None:
    (root / name).unlink()
    if data is not None:
        (root / name).write_bytes(data)
    assert Observer(root).read(1, (), "").flaw == flaw


def test_the_state_of_another_run_is_none_of_this(root: Path) -> None:
    state = root / "run_state.json"
    text = state.read_text().replace(root.name, root.name[:-1] + ("0" if root.name[-1] != "0" else "1"))
    state.write_text(text)
    assert Observer(root).read(1, (), "").flaw == "run_state_of_another_run"


def test_a_journal_that_is_shorter_than_it_was_is_flawed(root: Path) -> None:
    observer = Observer(root)
    assert observer.read(1, (), "").flaw == ""
    journal = root / "journal.jsonl"
    journal.write_bytes(journal.read_bytes()[:-200])
    assert observer.read(2, (), "").flaw == "journal_flawed"


def test_a_journal_whose_past_was_rewritten_is_noticed(root: Path) -> None:
    observer = Observer(root)
    assert observer.read(1, (), "").flaw == ""
    journal = root / "journal.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    # As long as it was, and a whole record of its own kind.
    lines[1] = lines[1].replace(b'"swept":0', b'"swept":1')
    journal.write_bytes(b"".join(lines))
    assert observer.read(2, (), "").flaw == "journal_flawed"
