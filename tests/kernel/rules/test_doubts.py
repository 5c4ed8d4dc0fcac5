"""Which trial comes next: no failure is believed at once, and nothing is tried that decides nothing.

Not here: what the trials prove; see test_verification.py.
"""

from typing import Any

import pytest
from msgspec.structs import replace
from tests.doubles.marks import COMMAND, FLAKES, command, exits, need, purposes, showing, trial, verified

from verger_kernel.rules.doubts import next_trial
from verger_kernel.rules.trials import SETUP, Unmade
from verger_kernel.rules.verification import Need

KNOWN = trial(command(), purpose="base", nth=0)
SHARED = need(shared=(COMMAND,))
HELD = need(held_out=True, known=KNOWN)
RED = need(red=True, known=KNOWN)
ACCEPTED = need(flakes=replace(FLAKES, accepted=True))
ONCE = replace(FLAKES, reruns=0)
A, B, OK, TURNED = command("a"), command("b"), command(), command("a", turned=("a",))
FAILS, SLOW, GONE = exits("fail"), exits("timeout"), exits("not_started")
LETTERS = {"green": "G", "base": "B", "held-out": "H", "red": "R", "suggested": "S"}

ORDERS: dict[str, tuple[Need, dict[str, Any], str]] = {
    "a pass without names needs nothing more": (need(), {"green": exits()}, "G"),
    "a runner that counts asks the base how many there were": (need(), {}, "GB"),
    "a base that broke its limit has counted nothing": (need(), {"base": SLOW}, "GBB"),
    "what is known of the base spares its trial": (need(known=KNOWN), {}, "G"),
    "a failure is tried five times, then on the base": (need(), {"green": A}, "GGGGGB"),
    "what is known of the base decides no failure": (need(known=KNOWN), {"green": A}, "GGGGGB"),
    "what the base fails too is tried five times there": (need(), {"green": A, "base": A}, "GGGGGBBBBB"),
    "a base that passes at last ends the doubt": (need(), {"green": A, "base": [A, A, OK]}, "GGGGGBBB"),
    "a crash of the base tells nothing of a case": (need(), {"green": A, "base": [FAILS, OK]}, "GGGGGBB"),
    "a flake ends with its first pass": (need(), {"green": [A, A, OK]}, "GGG"),
    "each time another case is tried until all pass": (need(), {"green": [A, B, OK]}, "GGG"),
    "an accepted flake is proved like a pass": (ACCEPTED, {"green": [A, OK]}, "GGB"),
    "without reruns each is tried once": (need(flakes=ONCE), {"green": A, "base": A}, "GB"),
    "a base that cannot excuse a command is not asked": (need(), {"green": FAILS, "base": FAILS}, "GGGGG"),
    "a command of several items asks the base": (SHARED, {"green": FAILS, "base": FAILS}, "GGGGGBBBBB"),
    "a broken limit is tried once more": (SHARED, {"green": SLOW, "base": exits()}, "GGB"),
    "a broken limit is tried once more on the base": (SHARED, {"green": SLOW, "base": SLOW}, "GGBB"),
    "what cannot be started is not tried again": (SHARED, {"green": GONE, "base": GONE}, "GB"),
    "tests that were changed are held out": (HELD, {}, "GH"),
    "a held-out failure asks the base": (HELD, {"held_out": A}, "GHHHHHB"),
    "a held-out failure without names asks it too": (
        need(held_out=True),
        {"green": exits(), "held_out": FAILS, "base": exits()},
        "GHHHHHB",
    ),
    "a held-out flake is let go": (HELD, {"held_out": [A, OK]}, "GHH"),
    "a base may fail what is held out": (need(held_out=True), {"held_out": A, "base": A}, "GBHHHHHBBBB"),
    "red by a test must show itself four times": (RED, {"red": TURNED}, "GRRRR"),
    "red by exit must show itself four times": (need(red=True), {"green": exits(), "red": FAILS}, "GRRRR"),
    "red by collection shows itself once": (RED, {"red": command("t", vanished=("t",))}, "GR"),
    "what is not red is not asked again": (RED, {"red": OK}, "GR"),
    "a red that is gone the second time was a flake": (RED, {"red": [TURNED, OK]}, "GRR"),
    "a red that broke a limit is tried once more": (RED, {"red": SLOW}, "GRR"),
    "without reruns red shows itself once": (replace(RED, flakes=ONCE), {"red": TURNED}, "GR"),
    "nobody asks for red of what fails": (need(red=True), {"green": A}, "GGGGGB"),
    "red is the alibi where the base was broken": (
        RED,
        {"green": A, "base": A, "red": TURNED},
        "GGGGGBBBBBR",
    ),
    "suggested commands come last": (replace(HELD, suggested=True), {}, "GHS"),
    "suggested commands fail once": (need(suggested=True, known=KNOWN), {"suggested": A}, "GS"),
    "nobody suggests anything to what fails": (need(suggested=True), {"green": FAILS}, "GGGGG"),
}


@pytest.mark.parametrize(("asked", "told", "order"), ORDERS.values(), ids=ORDERS)
def test_trials_come_in_order(asked: Need, told: dict[str, Any], order: str) -> None:
    made, _ = verified(asked, showing(**told))
    assert "".join(LETTERS[name] for name in purposes(made)) == order


def test_a_setup_that_fails_on_the_base_leaves_the_doubt() -> None:
    greens = tuple(trial(exits(number=SETUP), command("a"), nth=nth) for nth in range(1, 6))
    unprepared = trial(exits("fail", number=SETUP), purpose="base")
    for count in range(5):
        asked = next_trial(need(), greens + (unprepared,) * count)
        assert asked and (asked.purpose, asked.nth) == ("base", count + 1)
    assert next_trial(need(), greens + (unprepared,) * 5) is None


def test_a_setup_that_fails_on_the_base_counts_nothing() -> None:
    unprepared = trial(exits("fail", number=SETUP), purpose="base")
    asked = next_trial(need(), (trial(command()), unprepared))
    assert asked and (asked.purpose, asked.nth) == ("base", 2)


def test_a_setup_that_fails_in_red_is_tried_again() -> None:
    unprepared = trial(exits("fail", number=SETUP), purpose="red")
    for count in range(1, 5):
        asked = next_trial(need(red=True), (trial(), *(unprepared,) * count))
        assert asked and (asked.purpose, asked.nth) == ("red", count + 1)
    assert next_trial(need(red=True), (trial(), *(unprepared,) * 5)) is None


def test_a_missing_artifact_needs_no_further_proof() -> None:
    missing = trial(command(), unmade=(Unmade(path="docs/a.md", why="does not exist"),))
    assert next_trial(need(held_out=True, red=True, suggested=True), (missing,)) is None
