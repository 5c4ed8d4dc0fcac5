"""The table of methods: what there is, what there must never be, and words that other floors have too."""

from typing import get_args

import msgspec

from verger_daemon.protocol.methods import METHODS
from verger_daemon.protocol.words import ClaimName
from verger_probes.rules.liveness import Claim

DECIDES = ("approve", "reject", "decide", "decision", "open", "sign", "mark", "grant", "record")


def test_no_method_records_a_decision() -> None:
    gates = {name for name in METHODS if name.startswith("gate.")}
    assert gates == {"gate.list", "gate.show"}
    for method in METHODS.values():
        fields = msgspec.structs.fields(method.params)
        for word in (method.name, *(field.name for field in fields)):
            assert not any(part.startswith(DECIDES) for part in word.replace(".", "_").split("_")), word


def test_a_method_is_a_verb_on_a_noun() -> None:
    for name, method in METHODS.items():
        assert name == method.name
        assert name == "initialize" or name.count(".") == 1


def test_claims_have_the_names_that_the_probes_give_them() -> None:
    assert set(get_args(ClaimName)) == set(Claim)


def test_whatever_is_shown_to_people_comes_ready_to_print() -> None:
    silent = {"initialize", "daemon.ping", "run.logs", "run.watch", "events.subscribe"}
    for name, method in METHODS.items():
        assert ("text" in method.result.__struct_fields__) is (name not in silent)


def test_every_field_says_what_it_means_and_every_example_is_right() -> None:
    for method in METHODS.values():
        assert msgspec.convert(method.example, method.params)
