"""Tests known to be flaky: how an entry is written, resolved and told, and until when it counts.

Not here: what a quarantined flake may do; see tests/kernel/rules/test_verification.py.
"""

import pytest
from tests.doubles.policy_files import BASE, PolicyFiles, above

from verger_kernel.rules.policy import Quarantined
from verger_probes.exits import Exit

ENTRY = '{ test = "tests/a.py::slow", owner = "Ada", expires = "2026-12-31" }'
SLOW = Quarantined(test="tests/a.py::slow", owner="Ada", expires="2026-12-31")


@pytest.fixture
def files(tmp_path):
    return PolicyFiles(tmp_path)


def table(**entry):
    """A file with one `[[quarantine]]`, its values as TOML writes them."""
    return f"{BASE}\n[[quarantine]]\n" + "\n".join(f"{name} = {value}" for name, value in entry.items())


def written(**changed):
    return table(**({"test": '"a"', "owner": '"Ada"', "expires": '"2026-12-31"'} | changed))


def test_entries_are_tables_of_the_file(files):
    second = '[[quarantine]]\ntest = "make lint"\nowner = "Grace"\nexpires = "2027-01-31"\nreason = "network"'
    resolved = files.resolve(f"{written()}\n{second}")
    assert resolved.policy.quarantine == (
        Quarantined(test="a", owner="Ada", expires="2026-12-31"),
        Quarantined(test="make lint", owner="Grace", expires="2027-01-31", reason="network"),
    )
    assert resolved.sources["quarantine"] == "repository"


def test_the_list_is_taken_whole_from_the_last_place_that_holds_one(files):
    repository = above(f"quarantine = [{ENTRY}, {ENTRY}]")
    assert files.resolve(repository).policy.quarantine == (SLOW, SLOW)
    resolved = files.resolve(repository, f"quarantine = [{ENTRY}]")
    assert (resolved.policy.quarantine, resolved.sources["quarantine"]) == ((SLOW,), "config")
    json = '[{"test": "b", "owner": "Ada", "expires": "2026-12-31"}]'
    resolved = files.resolve(repository, environ={"VERGER_QUARANTINE": json})
    assert [entry.test for entry in resolved.policy.quarantine] == ["b"]
    assert resolved.sources["quarantine"] == "env"
    emptied = files.resolve(repository, environ={"VERGER_QUARANTINE": "[]"})
    assert (emptied.policy.quarantine, emptied.sources["quarantine"]) == ((), "env")


def test_a_date_needs_no_quotes(files):
    assert files.resolve(written(expires="2026-12-31")).policy.quarantine[0].expires == "2026-12-31"


@pytest.mark.parametrize(
    ("entry", "what", "hint"),
    [
        ({"expires": '"2026-02-30"'}, "quarantine[0].expires is '2026-02-30': it is no date", "YYYY-MM-DD"),
        ({"expires": '"20261231"'}, "quarantine[0].expires is '20261231'", "YYYY-MM-DD"),
        ({"expires": '"never"'}, "quarantine[0].expires is 'never'", "YYYY-MM-DD"),
        ({"expires": "2026-12-31T10:00:00"}, "quarantine[0].expires is '2026-12-31 10:00:00'", "YYYY-MM-DD"),
        ({"test": '" "'}, "quarantine[0].test is ' '", "a case as its runner names it"),
        ({"owner": '""'}, "quarantine[0].owner is ''", "a name, not empty"),
        ({"ownr": '"Ada"'}, "quarantine[0].ownr is no setting", "did you mean owner?"),
        (
            {"until": '"2026"'},
            "quarantine[0].until is no setting",
            "known here: test, owner, expires, reason",
        ),
        ({"max_items": "3"}, "quarantine[0].max_items is no setting", "above the first [table]"),
    ],
)
def test_a_wrong_entry_is_told_with_its_place_and_mend(files, entry, what, hint):
    error = files.refusal(written(**entry))
    assert error.code is Exit.INPUT
    assert what in error.what
    assert hint in error.hint


@pytest.mark.parametrize("missing", ["test", "owner", "expires"])
def test_an_entry_says_what_who_and_until_when(files, missing):
    entry = {"test": '"a"', "owner": '"Ada"', "expires": '"2026-12-31"'}
    del entry[missing]
    assert f"quarantine[0].{missing} is missing" in files.refusal(table(**entry)).what


def test_an_entry_counts_for_runs_that_begin_up_to_its_last_day(files):
    soon = ENTRY.replace("tests/a.py::slow", "b").replace("2026-12-31", "2026-06-30")
    policy = files.resolve(above(f"quarantine = [{ENTRY.replace('tests/a.py::slow', 'a')}, {soon}]")).policy
    assert policy.flake_rules("2026-06-30").quarantined == ("a", "b")
    assert policy.flake_rules("2026-07-01").quarantined == ("a",)
    assert policy.flake_rules("2026-12-31").quarantined == ("a",)
    assert policy.flake_rules("2027-01-01").quarantined == ()


def test_the_rules_for_flakes_come_from_the_policy(files):
    by_default = files.resolve().policy.flake_rules("2026-01-01")
    assert (by_default.reruns, by_default.accepted, by_default.quarantined) == (4, False, ())
    told = files.resolve(
        above(f'verification_reruns = 1\nflaky_pass = "accept"\nquarantine = [{ENTRY}, {ENTRY}]')
    )
    rules = told.policy.flake_rules("2026-01-01")
    assert (rules.reruns, rules.accepted, rules.quarantined) == (1, True, ("tests/a.py::slow",))
