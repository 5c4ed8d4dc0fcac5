"""An adapter that stumbles ends no run: what came of the call is malformed, and the fault is named.

Not here: streams that real adapters read without stumbling; see tests/fuzz/test_agent_streams.py.
"""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from tests.doubles.tasks import task, turn

from verger_kernel.agents import reading
from verger_kernel.agents.base import NOTHING, Adapter, Heard
from verger_kernel.agents.outcome import Unanswered
from verger_kernel.agents.reading import Came, came_of
from verger_kernel.agents.told import Told
from verger_kernel.rules.policy import AgentDefinition
from verger_kernel.rules.usage import Usage

CODEX = AgentDefinition(kind="codex", model="m", key="KEY")
USED = Usage(model="m", input_tokens=3, cached_tokens=1, cache_write_tokens=0, output_tokens=2)


def adapter(says: object) -> Adapter:
    """One that hears and reads `says`, raised if it is an exception."""

    def answered(*_given: object) -> Any:
        if isinstance(says, BaseException):
            raise says
        return says

    return cast(Adapter, SimpleNamespace(heard=answered, read=answered))


def came(says: object, folder: Path, *, reopened: bool | None = False, fault: str = "") -> Came | None:
    (folder / "reports").mkdir()
    asked = task(folder=folder)
    start = turn(CODEX, asked)
    place = Path(asked.report_path)
    return came_of(
        adapter(says),
        start,
        folder / "stdout",
        place,
        exit_code=0,
        breach=None,
        reopened=reopened,
        fault=fault,
    )


@pytest.mark.parametrize(
    "fault", [KeyError("usage"), RecursionError("too deep"), MemoryError(), ValueError("\ud800\n")]
)
def test_one_that_stumbles_is_no_answer_and_the_fault_is_named(tmp_path: Path, fault: Exception) -> None:
    found = came(fault, tmp_path)
    assert found and isinstance(found.outcome, Unanswered) and not found.is_sure
    assert found.outcome.kind == "malformed" and found.outcome.why.isprintable()
    assert f"cannot be read: {type(fault).__name__} in test_reading.py, line " in found.outcome.why


def test_a_disk_that_fails_is_not_the_agents_fault(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="no such device"):
        came(OSError("no such device"), tmp_path)


def test_a_kernel_that_is_told_to_end_ends(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        came(KeyboardInterrupt(), tmp_path)


def test_where_only_the_report_tells_nothing_came_of_what_was_printed(tmp_path: Path) -> None:
    assert came(None, tmp_path, reopened=True) is None


@pytest.mark.parametrize("kind", ["answered", "usage_limit", "failed", "auth"])
def test_a_stream_that_another_wrote_to_proves_nothing(tmp_path: Path, kind: Any) -> None:
    found = came(Told(kind=kind, why="so it says", usage=USED), tmp_path, reopened=True)
    assert found == Came(Unanswered("malformed", reading.REOPENED, USED), is_sure=False)


def test_one_without_an_end_is_cut_all_the_same(tmp_path: Path) -> None:
    found = came(Told(kind="cut"), tmp_path, reopened=True)
    assert found and "without an answer" in cast(Unanswered, found.outcome).why


def test_one_that_nobody_could_watch_counts_but_may_have_cost_more(tmp_path: Path) -> None:
    found = came(Told(kind="failed", why="no", usage=USED), tmp_path, reopened=None)
    assert found == Came(Unanswered("failed", "no", USED), is_sure=False)


@pytest.mark.parametrize(
    ("says", "expected"),
    [
        (Heard("s-1", True), Heard("s-1", True)),
        (Heard("s\n1", True), Heard("", True)),
        (Heard("x" * 257), NOTHING),
    ],
)
def test_an_odd_name_is_none(says: object, expected: Heard) -> None:
    assert reading.heard(adapter(says), turn(CODEX, task()), b"{}") == expected


def test_a_line_that_is_stumbled_over_while_the_agent_works_is_told_of_at_the_end(tmp_path: Path) -> None:
    heard = reading.heard(adapter(KeyError("type")), turn(CODEX, task()), b"{}")
    assert (heard.session, heard.is_last) == ("", False)
    found = came(Told(kind="failed", why="no"), tmp_path, fault=heard.fault)
    assert found and "KeyError in test_reading.py" in cast(Unanswered, found.outcome).why
