"""What is heard of an agent while it works: its session once, its last word, and what its adapter stumbled over.

Not here: agents that stay, or are cut, in a run; see tests/journeys/test_sessions.py.
"""

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import anyio
from tests.doubles.tasks import task, turn

from verger_kernel.agents.base import Adapter, Heard
from verger_kernel.perform.listening import Listener
from verger_kernel.rules.policy import AgentDefinition

CODEX = AgentDefinition(kind="codex", model="m", key="KEY")


def heard(_turn: object, line: bytes) -> Heard:
    """Stumbles over what it does not know."""
    known = {b"began": Heard("s-1"), b"again": Heard("s-2"), b"over": Heard(is_last=True), b"": Heard()}
    return known[line]


def listened(folder: Path, *said: bytes) -> tuple[Listener, list[str]]:
    """One that heard `said`, a look for each, and the sessions that it told of."""
    told: list[str] = []
    stdout = folder / "stdout"

    async def began(session: str) -> None:
        told.append(session)

    async def listening() -> Listener:
        adapter = cast(Adapter, SimpleNamespace(hears=lambda _agent: True, heard=heard))
        listener = Listener(adapter, turn(CODEX, task(folder=folder)), stdout, began)
        for part in said:
            with stdout.open("ab") as file:
                file.write(part)
            await listener.catch_up()
        return listener

    return anyio.run(listening), told


def test_a_session_is_told_once(tmp_path: Path) -> None:
    listener, told = listened(tmp_path, b"began\nagain\nover\n")
    assert (listener.session, told, listener.fault) == ("s-1", ["s-1"], "")


def test_a_line_that_is_stumbled_over_is_kept_and_the_others_are_heard(tmp_path: Path) -> None:
    listener, told = listened(tmp_path, b"odd\nbegan\nodder\n")
    assert told == ["s-1"]
    assert listener.fault.startswith("KeyError in test_listening.py") and "odd'" in listener.fault


def test_half_a_line_waits_for_its_end(tmp_path: Path) -> None:
    assert listened(tmp_path, b"beg")[1] == []
    assert listened(tmp_path, b"an\nbeg", b"an\n")[1] == ["s-1"]
