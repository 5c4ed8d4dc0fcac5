"""The drawn machines are those of today, and what a stage asks for is what the table says that it does.

Not here: that every way of the map is walked; see tests/kernel/rules/test_transitions.py.
"""

from collections.abc import Iterator

import pytest
from docs.draw_machines import FOLDER, PAGES
from docs.observe_watch import watched
from tests.doubles.simulation import Simulation
from tests.kernel.rules.test_transitions import WALKS

from verger_kernel.rules import effects as f
from verger_kernel.rules import state as s
from verger_kernel.rules.chain import read
from verger_kernel.rules.machine import advance
from verger_kernel.rules.transitions import ASKS


@pytest.mark.parametrize("name", sorted(PAGES))
def test_the_drawn_machine_is_the_one_of_today(name: str) -> None:
    published = (FOLDER / f"{name}.md").read_text(encoding="utf-8")
    assert published == PAGES[name](), "run `python docs/draw_machines.py`"


def test_no_page_of_a_machine_is_left_that_nobody_draws() -> None:
    assert {path.stem for path in FOLDER.glob("*.md")} == set(PAGES)


def test_the_watch_ends_a_kernel_only_when_somebody_asks_and_starts_none() -> None:
    causes = watched().causes
    assert causes["Stop"] == {"StopAsked"}
    assert not [name for name in causes if "Start" in name or "Kill" in name]


def test_every_effect_is_asked_for_by_one_stage() -> None:
    assert sorted(kind.__name__ for kind in ASKS.values()) == sorted(
        kind.__name__ for kind in f.Effect.__args__
    )


def test_a_stage_asks_for_the_effect_that_the_table_names_and_for_no_other() -> None:
    journals = [take().journal for take in WALKS]
    for seed in range(30):
        simulation = Simulation(seed)
        simulation.run()
        journals.append(simulation.journal)
    assert {pair for journal in journals for pair in asked_for(journal)} == set(ASKS.items())


def asked_for(journal: bytes) -> Iterator[tuple[type[s.Stage], type[f.Effect]]]:
    """Each stage of the run with what is outstanding in it."""
    state = None
    for record in read(journal).records:
        state, _ = advance(state, record.event, record.now)
        yield from ((type(state.stage), type(effect)) for effect in state.outstanding)
