"""What `status` says of a run, from its files alone: every stage, and files of every damaged kind."""

from pathlib import Path

import msgspec
import pytest
from tests.doubles.marks import COMMAND
from tests.doubles.walk import Walk, broken_before, facts, walk

from verger_kernel.disk.layout import RunFolder, StateFolder
from verger_kernel.disk.store import save
from verger_kernel.rules import state as s
from verger_kernel.rules.ids import RunId
from verger_kernel.rules.state import RunState
from verger_kernel.snapshot import listed, table_of, take
from verger_probes.locks import acquire


def saved(root: Path, state: RunState) -> RunFolder:
    folder = StateFolder(root).run(RunId(state.frame.run_id))
    folder.root.mkdir(parents=True, exist_ok=True)
    save(folder, state, durable=False)
    return folder


def gate() -> Walk:
    return walk(facts(gate=True)).until(s.AwaitingGate)


def blocked() -> Walk:
    return walk(facts(evidence=True)).rest()


def passed() -> Walk:
    return walk(facts()).rest()


def half() -> Walk:
    made = walk(facts("01"))
    return made.until(s.Auditing)


ENDS = {
    "gate": (gate, "waiting", 20, "awaiting_human_gate", "verger mark-manual-gate"),
    "blocked": (blocked, "waiting", 21, "blocked_external", "--external-evidence-dir DIR"),
    "passed": (passed, "ok", 0, "idle", "git merge orchestrator/run/"),
    "half": (half, "interrupted", 75, "audit", "verger resume RUN_"),
}


@pytest.mark.parametrize("name", ENDS)
def test_a_saved_run_is_shown_with_its_level_code_and_way_on(tmp_path: Path, name: str) -> None:
    make, level, code, state, action = ENDS[name]
    view = take(saved(tmp_path, make().state))
    assert (view.status_level, view.exit_code, view.current_state) == (level, code, state)
    assert action in view.pending_action


def test_a_run_that_a_process_holds_is_not_interrupted(tmp_path: Path) -> None:
    folder = saved(tmp_path, half().state)
    lock = acquire(folder.run_lock)
    try:
        assert (take(folder).status_level, take(folder).held) == ("ok", True)
    finally:
        lock.release()
    assert (take(folder).status_level, take(folder).held) == ("interrupted", False)


def test_a_run_that_was_escalated_says_what_led_there_and_where_to_read_on(tmp_path: Path) -> None:
    made = walk(facts(shared=(COMMAND,))).rest(broken_before)
    folder = saved(tmp_path, made.state)
    assert take(folder).details == (COMMAND,)
    manifest = folder.attempt("01", 1).escalation
    manifest.parent.mkdir(parents=True)
    findings = [{"title": f"f{n}", "mark": {"is_blocking": n > 0}} for n in range(7)]
    manifest.write_bytes(msgspec.json.encode({"details": [COMMAND], "findings": findings}))
    view = take(folder)
    assert (view.details, view.report) == ((COMMAND, *(f"f{n}" for n in range(1, 7))), str(manifest))
    assert listed(view.details) == "make test; f1; f2; f3; f4; and 2 more"
    manifest.write_bytes(b"{")
    assert (take(folder).details, take(folder).report) == ((COMMAND,), "")


@pytest.mark.parametrize(
    ("shared", "way_on"),
    [((COMMAND,), "verger refresh-run RUN_"), ((), "look at it, then: verger resume RUN_")],
    ids=["the base", "the worker"],
)
def test_the_way_on_depends_on_whose_fault_it_is(
    tmp_path: Path, shared: tuple[str, ...], way_on: str
) -> None:
    made = walk(facts(shared=shared), fixes=0, remediations=0).rest(broken_before)
    assert way_on in take(saved(tmp_path, made.state)).pending_action


def test_every_stage_has_a_name(tmp_path: Path) -> None:
    names = set()
    made = walk(facts(gate=True))
    while not isinstance(made.stage, s.AwaitingGate):
        names.add(take(saved(tmp_path, made.state)).current_state)
        made.answer()
    assert names == {"opening", "prepare", "execute", "checkpoint", "verify", "freeze", "audit", "gate"}
    made.decide()
    assert take(saved(tmp_path, made.state)).current_state == "close"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"null",
        b"[]",
        b"\xff",
        b"[" * 100_000,
        b"\0" * 9,
        b'{"schema_version": "verger.run_state.v1"}',
    ],
)
def test_what_is_no_state_is_an_error_that_names_the_file(tmp_path: Path, data: bytes) -> None:
    folder = saved(tmp_path, gate().state)
    folder.run_state.write_bytes(data)
    view = take(folder)
    assert (view.status_level, view.exit_code) == ("error", 4)
    assert str(folder.run_state) in view.error
    assert view.pending_action.startswith("verger doctor")


def test_a_state_that_is_missing_or_a_folder_is_an_error_too(tmp_path: Path) -> None:
    folder = saved(tmp_path, gate().state)
    folder.run_state.unlink()
    assert take(folder).exit_code == 4
    folder.run_state.mkdir()
    assert take(folder).exit_code == 4


def test_the_state_of_another_run_is_an_error(tmp_path: Path) -> None:
    folder = saved(tmp_path, gate().state)
    folder.run_state.write_bytes(folder.run_state.read_bytes().replace(b"RUN_2026", b"RUN_2027"))
    assert "it is the state of 'RUN_2027" in take(folder).error


def test_a_time_beyond_all_calendars_is_an_error(tmp_path: Path) -> None:
    folder = saved(tmp_path, gate().state)
    state = msgspec.json.decode(folder.run_state.read_bytes())
    for moment in (10**17, -(10**17), 2**63 - 1):
        folder.run_state.write_bytes(msgspec.json.encode(state | {"updated_utc_ms": moment}))
        assert take(folder).exit_code == 4


def test_no_flipped_bit_in_a_saved_state_is_more_than_an_error(tmp_path: Path) -> None:
    folder = saved(tmp_path, gate().state)
    data = folder.run_state.read_bytes()
    for at in range(0, len(data), 13):
        for bit in (1, 4, 16, 128):
            folder.run_state.write_bytes(data[:at] + bytes([data[at] ^ bit]) + data[at + 1 :])
            assert take(folder).run_id == folder.root.name


def test_looking_takes_no_lock_and_writes_nothing(tmp_path: Path) -> None:
    folder = saved(tmp_path, half().state)
    before = sorted(folder.root.iterdir())
    take(folder)
    assert sorted(folder.root.iterdir()) == before


def test_a_table_is_aligned_and_has_no_trailing_space() -> None:
    assert table_of([("A", "LONG", "B"), ("xx", "y", "")]) == "A   LONG  B\nxx  y"
