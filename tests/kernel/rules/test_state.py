"""The state, its ledger and the bytes of it that are saved.

Not here: how it changes; see test_machine.py.
"""

import hashlib
import json
import re

import msgspec
import pytest
from msgspec.structs import replace
from tests.doubles.walk import Walk, facts, frame, walk

from verger_kernel.rules import state as s
from verger_kernel.rules.chain import read
from verger_kernel.rules.machine import fold
from verger_kernel.rules.saved import SCHEMA, SavedState, encode, saved


def hundred(items: int) -> Walk:
    """A run of a hundred items of which this many passed."""
    plan = tuple(facts(f"{number:03}") for number in range(1, 101))
    made = Walk(frame(*plan))
    made.start(*(one.item_id for one in plan[:items]))
    made.rest().end()
    return made


def without_digits(data: bytes) -> bytes:
    """The bytes with each digest as one letter and each number as one digit."""
    return re.sub(rb"\d+", b"0", re.sub(rb"[0-9a-f]{40,64}", b"x", data))


def test_the_saved_state_does_not_grow_with_finished_items() -> None:
    one, many = hundred(1), hundred(100)
    assert (len(one.passed), len(many.passed)) == (1, 100)
    assert without_digits(encode(many.state)) == without_digits(encode(one.state))
    assert len(encode(many.state)) - len(encode(one.state)) < 12


def test_a_state_in_the_midst_of_an_item_does_not_grow_either() -> None:
    first = hundred(1)
    first.start("002", kind="resume")
    last = hundred(99)
    last.start("100", kind="resume")
    assert without_digits(encode(last.until(s.Auditing).state)) == without_digits(
        encode(first.until(s.Auditing).state)
    )


def test_equal_states_give_equal_bytes() -> None:
    left, right = (walk(facts(gate=True)).until(s.AwaitingGate) for _ in range(2))
    assert left.state == right.state
    assert encode(left.state) == encode(right.state)
    assert encode(fold(read(left.journal).records)) == encode(left.state)


def test_saved_bytes_say_first_what_they_are_and_end_in_a_line() -> None:
    data = encode(walk().rest().state)
    assert data.endswith(b"}\n")
    told = json.loads(data)
    assert tuple(told) == SavedState.__struct_fields__
    assert next(iter(told.items())) == ("schema_version", SCHEMA)


@pytest.mark.parametrize("stage", [s.Idle, s.Working, s.Verifying, s.Auditing, s.AwaitingGate, s.Closing])
def test_a_saved_state_is_read_back_as_it_was(stage: type[s.Stage]) -> None:
    made = walk(facts(gate=stage is s.AwaitingGate)).until(stage)
    assert msgspec.json.decode(encode(made.state), type=SavedState) == saved(made.state)


def test_a_saved_state_with_a_key_too_many_is_refused() -> None:
    told = json.loads(encode(walk().until(s.Auditing).state))
    for place in (told, told["passed"], told["stage"], told["stage"]["spot"], told["outstanding"][0]):
        place["surprise"] = 1
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(told, SavedState)
        del place["surprise"]
    assert msgspec.convert(told, SavedState)


def test_a_saved_state_with_a_key_too_few_is_refused() -> None:
    told = json.loads(encode(walk().until(s.Auditing).state))
    for key in told:
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert({name: value for name, value in told.items() if name != key}, SavedState)


def test_the_ledger_names_what_passed_with_the_round_that_passed_it() -> None:
    made = walk(facts("01"), facts("02")).until(s.Working)
    made.answer(unresolved=1)
    made.rest()
    first, second = made.state.passed
    assert (first.ordinal, first.item, first.attempt, first.round) == (1, "01", 1, 1)
    assert (second.ordinal, second.item, second.attempt, second.round) == (2, "02", 1, 0)
    assert second.commit == made.state.tip
    assert made.state.passed_ids() == {"01", "02"}


def test_the_chain_of_the_ledger_can_be_proved_by_hand() -> None:
    made = walk(facts("01"), facts("02", gate=True)).until(s.AwaitingGate)
    made.decide()
    chain = "0" * 64
    for entry in made.rest().state.passed:
        body = json.dumps(msgspec.to_builtins(entry), separators=(",", ":"))
        chain = hashlib.sha256((chain + body).encode()).hexdigest()
    assert made.state.passed_chain == chain
    assert saved(made.state).passed.count == 2


def test_the_chain_knows_each_word_of_an_entry() -> None:
    entry = walk().rest().state.passed[0]
    chain = s.chained(s.ZERO, entry)
    for field, other in (("ordinal", 2), ("item", "02"), ("commit", "0"), ("tree", "0"), ("round", 1)):
        assert s.chained(s.ZERO, replace(entry, **{field: other})) != chain
