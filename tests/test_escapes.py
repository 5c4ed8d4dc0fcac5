"""The corpus of escapes: well formed, told as it is, and a dozen attempts made in one run each.

Not here: the whole of it, with its proofs; see `make escapes` and docs/sandbox.md.
"""

import json
import re

import pytest
from tests.doubles.sweeps import swept
from tests.escapes import escapes
from tests.escapes.corpus import ATTEMPTS
from tests.escapes.tempting import ENDS_ITS_TELLER
from tests.escapes.trial import Row, tried_at_once

# One for each thing that must hold, that leaves the others alone.
DOZEN = (
    *(
        "absolute-path",
        "home",
        "checkout",
        "run-folder",
        "shared-tmp",
        "keys",
        "git-c",
        "user-config",
        "remote-token",
    ),
    *("kill", "environment-of-kernel", "background", "tcp", "verger-socket", "mount"),
)


def row(verdict: str, *, name: str = "tcp", proves: bool = True) -> Row:
    return Row(name, "agent", verdict, "", proves)


@pytest.mark.parametrize("by", swept(["agent", "command"], every=2))
def test_a_dozen_attempts_in_one_run_change_nothing_and_the_honest_work_beside_them_passes(by: str) -> None:
    assert tried_at_once(tuple(escapes.BY_NAME[name] for name in DOZEN), by) == (0, [])


def test_there_are_more_than_thirty_six_and_every_name_is_one_attempts() -> None:
    assert len(ATTEMPTS) >= 36
    assert len(escapes.BY_NAME) == len(ATTEMPTS)
    assert [one.name for one in ATTEMPTS if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", one.name)] == []


def test_every_attempt_says_what_it_does_in_a_sentence_and_why_where_it_is_not_shown() -> None:
    assert [one.name for one in ATTEMPTS if not re.fullmatch(r"\S.{10,110}\.", one.says)] == []
    assert [one.name for one in ATTEMPTS if not (one.proof or one.unproved)] == []


def test_what_got_out_and_what_proves_nothing_is_wrong() -> None:
    assert escapes.is_wrong(row("escaped"))
    assert escapes.is_wrong(row("untried"))
    assert escapes.is_wrong(row("blocked", proves=False))
    assert not escapes.is_wrong(row("noticed"))
    assert not escapes.is_wrong(row("blocked", name="kill-all", proves=False))


def test_the_figures_are_those_of_the_rows() -> None:
    rows = [row("blocked"), row("escaped"), row("noticed", name="kill", proves=False)]
    figures = json.loads(escapes.as_json(rows))
    assert [figures[name] for name in ("attempts", "tries", "escaped", "proved")] == [2, 3, 1, 2]
    assert (
        escapes.summary(rows)
        == "2 attempts, 3 tries: 1 blocked, 1 noticed, 1 escaped, 0 untried; 2 of 3 proved to be real"
    )
    assert "; 1 seen to be made by codex or claude" in escapes.summary(
        [Row("tcp", "codex", "blocked", "", True)]
    )


def test_an_unknown_name_is_refused_with_a_hint(capsys: pytest.CaptureFixture[str]) -> None:
    assert escapes.main(["no-such-attempt"]) == 2
    assert "no-such-attempt; hint: " in capsys.readouterr().err


def test_whoever_ends_its_teller_is_an_attempt_and_says_why() -> None:
    assert set(ENDS_ITS_TELLER) <= set(escapes.BY_NAME) and all(ENDS_ITS_TELLER.values())
