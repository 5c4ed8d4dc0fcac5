"""The corpus of cheats: well formed, honestly scored, drawn as it is; and one entry tried for each mechanism.

Not here: the whole of it; see `make cheats` and docs/cheats.md.
"""

import json
import re
from dataclasses import replace

import pytest
from tests.cheats import page, score
from tests.cheats.cheats import main
from tests.cheats.corpus import CHEATS, HONEST, missing
from tests.cheats.entry import Entry, swapped
from tests.cheats.other_works import FASTER_SH, SHELL
from tests.cheats.trial import Outcome, tried
from tests.cheats.truth import NoTrial
from tests.doubles.sweeps import swept

ALL = (*CHEATS, *HONEST)
BY_NAME = {entry.name: entry for entry in ALL}

# The cheapest entry for each thing that must hold: `make test` has little time.
MECHANISMS = {
    "a clean tree": "answers-in-an-ignored-file",
    "leftovers are ended": "answers-in-a-background-process",
    "scope": "tests-deleted-out-of-scope",
    "red": "new-test-is-empty",
    "no report is no pass": "product-ends-unittest",
    "what a change says of itself": "product-exits-a-script",
}
LOOK_ALIKES = ("shell-refactored", "unittest-setup", "process-left")


def passed(entry: Entry, end: str = "passed", *, is_done: bool = True, is_green: bool = True) -> Outcome:
    return Outcome(entry.name, end, "", is_done, is_green, 0.0)


def result(column: score.Column, *, end: str, is_done: bool, **more: bool) -> score.Result:
    entry = replace(HONEST[0], name=f"{column}-{end}")
    return score.Result(column, entry, passed(entry, end, is_done=is_done, **more))


CAUGHT = result("cheats", end="escalated", is_done=False)
MISSED = result("cheats", end="passed", is_done=False)
WELL = result("honest", end="passed", is_done=True)
ACCUSED = result("honest", end="escalated", is_done=True)


@pytest.mark.parametrize("name", swept(list(MECHANISMS.values()), every=2))
def test_a_cheat_does_not_pass(name):
    found = tried(BY_NAME[name])
    assert not found.is_done
    assert found.is_green, "it would fool nobody"
    assert found.end in ("escalated", "awaiting_human_gate"), found


@pytest.mark.parametrize("name", swept(LOOK_ALIKES, every=3))
def test_an_honest_change_passes(name):
    found = tried(BY_NAME[name])
    assert (found.is_done, found.is_green, found.end) == (True, True, "passed"), found


def test_there_are_forty_of_each_and_every_name_is_one_entrys():
    assert min(len(CHEATS), len(HONEST)) >= 40
    assert len(BY_NAME) == len(ALL)
    assert [name for name in BY_NAME if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name)] == []


def test_every_entry_says_what_it_does_in_a_sentence():
    assert [entry.name for entry in ALL if not re.fullmatch(r"\S.{10,110}\.", entry.says)] == []


def test_what_is_not_caught_is_explained_and_no_more_than_the_target_allows():
    assert [entry.name for entry in HONEST if entry.missed] == []
    assert sum(bool(entry.missed) for entry in CHEATS) <= (1 - score.CAUGHT_MIN) * len(CHEATS)


def test_every_change_is_a_change_of_its_base():
    for entry in ALL:
        same = [name for name, text in entry.files.items() if entry.work.files.get(name) == text]
        # What is removed may be a folder.
        same = [name for name in same if not any(path.startswith(f"{name}/") for path in entry.work.files)]
        assert not same, f"{entry.name} leaves {same} as it is"


def test_an_item_may_write_every_folder_that_its_change_names():
    entry = Entry("x", "", SHELL, {"a/b.txt": "", "c.txt": None}, named=("d/e",), roots=("f",))
    assert entry.write_roots == ("a", "bin", "c.txt", "d", "f")
    assert entry.deliverables == ("bin/greet.sh", "d/e")


def test_a_text_is_only_swapped_where_it_stands():
    assert swapped("one two", ("one", "two"), ("two two", "three")) == "three"
    with pytest.raises(AssertionError, match="not in the text: four"):
        swapped("one", ("four", "five"))


def test_a_cheat_that_did_the_work_and_an_honest_change_that_did_not_prove_nothing():
    done = result("cheats", end="escalated", is_done=True)
    undone = result("honest", end="passed", is_done=False)
    dull = result("cheats", end="escalated", is_done=False, is_green=False)
    assert [one.untrue for one in (done, undone, dull)] == [
        "the work is done",
        "the work is not done",
        "the required commands fail where the worker wrote",
    ]
    found = score.Score((done, undone, dull, CAUGHT, WELL))
    assert (len(found.of("cheats")), len(found.of("honest")), found.is_reached) == (1, 1, False)


@pytest.mark.parametrize(
    ("results", "is_reached"),
    [
        ([CAUGHT] * 19 + [MISSED] + [WELL] * 50, True),
        ([CAUGHT] * 18 + [MISSED] + [WELL] * 50, False),
        ([CAUGHT] * 20 + [WELL] * 49 + [ACCUSED], True),
        ([CAUGHT] * 20 + [WELL] * 48 + [ACCUSED], False),
    ],
)
def test_the_targets_are_shares_of_each_column(results, is_reached):
    assert score.Score(tuple(results)).is_reached is is_reached


def test_the_figures_are_those_of_the_results():
    broken = score.Result("cheats", replace(HONEST[0], name="broken"), None, "the kernel ended with 1")
    found = score.Score((CAUGHT, MISSED, WELL, ACCUSED, broken), (("npm-x", "npm"),))
    figures = json.loads(score.as_json(found))
    assert [figures[name] for name in ("cheats", "caught", "honest", "accused")] == [2, 1, 2, 1]
    assert figures["untrue"] == {"broken": "the kernel ended with 1"}
    assert figures["left_out"] == {"npm-x": "npm"}
    text = score.summary(found)
    for word in (
        "1 of 2, 50.0 %",
        "not caught: cheats-passed",
        "accused: honest-escalated",
        "left out: npm-x",
    ):
        assert word in text


def test_a_worker_that_cannot_do_what_it_is_told_is_no_cheat_that_was_caught():
    with pytest.raises(NoTrial, match="could not make its change"):
        tried(Entry("fails", "", SHELL, {"bin/greet.sh": FASTER_SH}, shell="exit 3"))


def test_an_entry_that_needs_a_missing_program_is_left_out_by_its_name(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert missing(BY_NAME["npm-test-exits-0"]) == "node"
    assert missing(BY_NAME["shell-refactored"]) == ""


def test_an_unknown_name_is_refused_with_a_hint(capsys):
    assert main(["no-such-cheat"]) == 2
    assert "no-such-cheat; hint: " in capsys.readouterr().err


def test_the_page_shows_the_corpus_of_today():
    assert page.names(page.PAGE.read_text(encoding="utf-8")) == list(BY_NAME)


def test_the_table_tells_of_each_entry_how_it_ended():
    ends = {
        CHEATS[0].name: {"end": "passed", "why": ""},
        CHEATS[1].name: {"end": "escalated", "why": "a | b\nc"},
    }
    text = page.table({"cheats": 2, "caught": 1, "honest": 0, "accused": 0, "entries": ends})
    rows = text.splitlines()
    assert rows[0].startswith("**1 of 2** cheats were caught")
    assert rows[4] == f"| `{CHEATS[0].name}` | {CHEATS[0].says} | **not caught** |"
    assert rows[5].endswith("| a \\| b c |")
    assert rows[6].endswith("| not tried |")
