"""A run on disk after any harm: put right from its journal, or refused by name with nothing written.

Not here: how far a journal is believed as bytes; see tests/kernel/rules/test_chain.py.
"""

import hashlib
import re
from pathlib import Path

import pytest
from msgspec.structs import replace
from tests.doubles.saved_run import WALK, save_run, state_bytes
from tests.doubles.trials import tree_of_files
from tests.doubles.walk import facts, walk

from verger_kernel.disk import store
from verger_kernel.disk.layout import RunFolder
from verger_kernel.rules.chain import GENESIS, MACHINE_VERSION, line, read
from verger_kernel.rules.events import InvocationEnded
from verger_kernel.rules.machine import fold
from verger_kernel.rules.saved import encode

LINES = WALK.journal.splitlines(keepends=True)
LEFT = InvocationEnded(invocation="x", code=20)
NEXT, _ = line(WALK.seq + 1, WALK.head, WALK.now, LEFT)
OTHER = walk(facts("07"))

TAILS = {
    "a record cut short": NEXT[: len(NEXT) // 2],
    "a record without its newline": NEXT[:-1],
    "one byte": b"{",
    "a newline": b"\n",
    "NULs": b"\0" * 4096,
    "NULs and a newline": b"\0" * 4096 + b"\n",
    "a record and NULs in its second half": NEXT[:100] + b"\0" * (len(NEXT) - 101) + b"\n",
    "a record with a wrong hash": NEXT.replace(b'"code":20', b'"code":22'),
    "a record that is there already": LINES[-1],
    "a record of another chain": OTHER.journal.splitlines(keepends=True)[-1],
    "a first record": line(1, GENESIS, WALK.now, LEFT)[0],
    "a record with a gap before it": line(
        WALK.seq + 2, WALK.head, WALK.now, InvocationEnded(invocation="x", code=0)
    )[0],
    "garbage": bytes(range(256)) * 5,
    "garbage, then a right record": b"?\n" + NEXT,
}


def settled(folder: RunFolder) -> store.Loaded:
    loaded = store.load(folder)
    store.settle(folder, loaded)
    return loaded


def assert_at_rest(folder: RunFolder) -> None:
    """Journal and state are as they were before any harm, and nothing else lies there."""
    assert folder.journal.read_bytes() == WALK.journal
    assert folder.run_state.read_bytes() == encode(WALK.state)
    assert {path.name for path in folder.root.iterdir()} == {"journal.jsonl", "run_state.json"}
    assert store.load(folder).cut == 0


@pytest.mark.parametrize("shape", TAILS)
@pytest.mark.parametrize("behind", [0, 3])
def test_a_tail_that_is_no_record_is_cut_and_nothing_else(tmp_path: Path, shape: str, behind: int) -> None:
    folder = save_run(tmp_path, WALK.seq - behind, tail=TAILS[shape])
    loaded = settled(folder)
    assert (loaded.cut, loaded.redone, loaded.state) == (len(TAILS[shape]), behind, WALK.state)
    assert_at_rest(folder)


def test_a_whole_record_at_the_end_is_no_tail(tmp_path: Path) -> None:
    # It only looks like those above: the next record of this chain, which the state does not count yet.
    ended, _ = line(
        WALK.seq + 1, WALK.head, WALK.now, InvocationEnded(invocation=WALK.state.invocation, code=20)
    )
    loaded = settled(save_run(tmp_path, tail=ended))
    assert (loaded.cut, loaded.redone, loaded.state.journal_seq) == (0, 1, WALK.seq + 1)


@pytest.mark.parametrize("missing", range(WALK.seq))
def test_records_beyond_the_state_are_done_again_to_the_same_bytes(tmp_path: Path, missing: int) -> None:
    folder = save_run(tmp_path, WALK.seq - missing)
    loaded = settled(folder)
    assert (loaded.redone, loaded.state, loaded.rebuilt) == (missing, WALK.state, "")
    assert loaded.before == fold(read(WALK.journal).records[:-1])
    assert_at_rest(folder)


def damaged(number: int) -> dict[str, bytes]:
    """The journal with record `number` harmed in every way, all others as they were."""
    before, record, after = LINES[: number - 1], LINES[number - 1], LINES[number:]
    bad = {
        "missing": b"",
        "cut short": record[: len(record) // 2],
        "NULs": b"\0" * (len(record) - 1) + b"\n",
        "one byte changed": bytes([record[0] ^ 1]) + record[1:],
        "twice": record * 2,
        "of another chain": OTHER.journal.splitlines(keepends=True)[1],
    }
    if number == WALK.seq:
        del bad["twice"]  # That is a tail.
    return {name: b"".join(before) + text + b"".join(after) for name, text in bad.items()}


@pytest.mark.parametrize("number", [1, 2, WALK.seq // 2, WALK.seq - 1, WALK.seq])
def test_a_journal_that_is_damaged_where_the_state_counts_it_is_refused_untouched(
    tmp_path: Path, number: int
) -> None:
    for name, journal in damaged(number).items():
        folder = save_run(tmp_path, journal=journal)
        before = tree_of_files(folder.root)
        with pytest.raises(store.CorruptRun) as caught:
            store.load(folder)
        assert str(folder.journal) in str(caught.value), name
        assert re.search(r"damaged: run_state.json counts|holds no run", str(caught.value)), name
        assert tree_of_files(folder.root) == before, name


UNREADABLE = {
    "missing": None,
    "empty": b"",
    "NULs": b"\0" * 900,
    "no JSON": b"lost\n",
    "no UTF-8": b'{"run_id": "\xff\xfe"}',
    "a list": b"[]\n",
    "nested deeply": b"[" * 100_000,
}


@pytest.mark.parametrize("shape", UNREADABLE)
def test_a_state_that_cannot_be_read_is_rebuilt_from_the_journal(tmp_path: Path, shape: str) -> None:
    folder = save_run(tmp_path)
    data = UNREADABLE[shape]
    folder.run_state.unlink() if data is None else folder.run_state.write_bytes(data)
    loaded = settled(folder)
    assert loaded.rebuilt.startswith("run_state.json ")
    assert loaded.state == WALK.state
    assert_at_rest(folder)


def test_a_state_cut_anywhere_is_rebuilt_from_the_journal(tmp_path: Path) -> None:
    folder = save_run(tmp_path)
    whole = folder.run_state.read_bytes()
    for length in range(0, len(whole) - 2, 97):
        folder.run_state.write_bytes(whole[:length])
        assert settled(folder).rebuilt
        assert_at_rest(folder)


@pytest.mark.parametrize("number", range(1, WALK.seq))
def test_without_a_state_a_journal_that_is_damaged_in_the_middle_is_refused_untouched(
    tmp_path: Path, number: int
) -> None:
    for name in ("NULs", "one byte changed", "of another chain"):
        folder = save_run(tmp_path, journal=damaged(number)[name])
        folder.run_state.unlink()
        before = tree_of_files(folder.root)
        with pytest.raises(store.CorruptRun, match=r"damaged|holds no run"):
            store.load(folder)
        assert tree_of_files(folder.root) == before, name


@pytest.mark.parametrize("shape", [name for name in TAILS if name != "garbage, then a right record"])
def test_without_a_state_a_tail_that_is_no_record_is_still_cut(tmp_path: Path, shape: str) -> None:
    folder = save_run(tmp_path, tail=TAILS[shape])
    folder.run_state.unlink()
    assert settled(folder).cut == len(TAILS[shape])
    assert_at_rest(folder)


def test_a_state_of_another_run_is_refused_untouched(tmp_path: Path) -> None:
    for other in (OTHER, walk(facts("01"), facts("02")).rest()):
        folder = save_run(tmp_path)
        folder.run_state.write_bytes(encode(other.state))
        before = tree_of_files(folder.root)
        with pytest.raises(store.CorruptRun, match="run_state"):
            store.load(folder)
        assert tree_of_files(folder.root) == before


def test_a_state_with_one_byte_changed_is_put_right_or_refused_but_never_believed(tmp_path: Path) -> None:
    folder = save_run(tmp_path)
    whole = folder.run_state.read_bytes()
    outcomes = set()
    # Each byte of the first 200, then a sample: every key, digit, quote, brace and blank is met.
    for position in [*range(200), *range(200, len(whole), 7)]:
        harmed = bytearray(whole)
        harmed[position] ^= 0x01
        folder.run_state.write_bytes(bytes(harmed))
        outcomes.add(put_right(folder, bytes(harmed)))
    assert outcomes == {"rebuilt", "refused"}


def put_right(folder: RunFolder, harmed: bytes) -> str:
    try:
        loaded = settled(folder)
    except store.CorruptRun:
        assert folder.run_state.read_bytes() == harmed
        assert folder.journal.read_bytes() == WALK.journal
        return "refused"
    assert loaded.rebuilt
    assert_at_rest(folder)
    return "rebuilt"


def test_a_state_beside_a_journal_of_another_version_is_refused_by_version(tmp_path: Path) -> None:
    known, other = (b'"machine_version":%d' % number for number in (MACHINE_VERSION, MACHINE_VERSION + 1))
    body = LINES[-1].rpartition(b',"hash":"')[0].replace(known, other) + b"}"
    newer = body[:-1] + b',"hash":"' + hashlib.sha256(body).hexdigest().encode() + b'"}\n'
    folder = save_run(tmp_path, WALK.seq - 1, journal=b"".join(LINES[:-1]) + newer)
    with pytest.raises(
        store.CorruptRun, match=f"record {WALK.seq} is of machine version {MACHINE_VERSION + 1}"
    ):
        store.load(folder)


def test_where_no_journal_is_there_is_no_run(tmp_path: Path) -> None:
    folder = save_run(tmp_path)
    folder.journal.unlink()
    with pytest.raises(store.CorruptRun, match="holds no run: it is empty or absent"):
        store.load(folder)
    assert not folder.journal.exists()


def test_a_state_is_replaced_whole_and_leaves_no_other_file(tmp_path: Path) -> None:
    folder = save_run(tmp_path)
    reader = folder.run_state.open("rb")
    with reader:
        store.save(folder, fold(read(WALK.journal).records[:3]), durable=False)
        assert reader.read() == encode(WALK.state)
    assert folder.run_state.read_bytes() == state_bytes(3)
    assert {path.name for path in folder.root.iterdir()} == {"journal.jsonl", "run_state.json"}


def test_w27_a_save_does_not_grow_with_finished_items() -> None:
    long = walk(*(facts(f"{number:03}") for number in range(1, 101)))
    largest: dict[int, int] = {}
    while long.state.outstanding:
        long.answer()
        # Of what is still to be done there is less and less: only the rest is compared.
        size = len(encode(replace(long.state, queue=())))
        largest[len(long.passed)] = max(size, largest.get(len(long.passed), 0))
    assert len(long.passed) == 100
    # The digits of the counters grow, nothing else does.
    assert max(largest.values()) <= largest[1] + 40
