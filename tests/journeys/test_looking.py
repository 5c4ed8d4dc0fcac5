"""What a run changed and where it keeps things: by names that can be typed, and exactly."""

import json
from pathlib import Path

import pytest
from tests.doubles.notes import PLAYBOOK, gated, item, scenario, writing
from tests.doubles.terminal import at_terminal
from tests.doubles.trials import RUN, trial, work
from tests.doubles.workplace import Workplace, assert_refused, untouched, workplace

from verger_kernel.arguments import PLACES
from verger_kernel.commands.where import item_places


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """A run in which 01 passed and 02 waits for a person; 03 was not begun."""
    rows = [item("01"), gated("02"), item("03")]
    script = scenario(*(f'stage = "execute"\n{writing(name)}' for name in ("01", "02", "03")))
    place = workplace(tmp_path_factory.mktemp("looking"), rows=rows, script=script)
    assert place.verger("run", PLAYBOOK, "--next", "--auto-advance").code == 20
    return place


@pytest.mark.parametrize(
    ("item_id", "path"), [((), "docs/01.md"), (("01",), "docs/01.md"), (("02",), "docs/02.md")]
)
def test_a_run_shows_its_branch_and_an_item_what_it_came_to(
    done: Workplace, item_id: tuple[str, ...], path: str
) -> None:
    assert done.verger("diff", "latest", *item_id, "--name-only").stdout == f"{path}\n"
    assert "+a note" in done.verger("diff", "latest", *item_id).stdout
    assert f" {path} | 1 +" in done.verger("diff", "latest", *item_id, "--stat").stdout
    found = done.verger("diff", "latest", *item_id, "--json").json
    assert found["files"] == [{"path": path, "kind": "added", "added": 1, "removed": 0}]
    assert done.git("diff", "--name-only", found["old"], found["new"]) == path


def test_without_a_run_the_latest_is_shown_and_nothing_is_changed(done: Workplace) -> None:
    with untouched(done):
        assert done.verger("diff").stdout == done.verger("diff", "latest").stdout
        assert done.verger("where").stdout == done.verger("where", "latest").stdout


def test_what_left_its_bounds_is_shown_as_it_was_recorded(tmp_path: Path) -> None:
    outside = (
        'stage = "execute"\nitem = "01"\nsteps = [{ do = "write", path = "elsewhere.md", text = "x\\n" }]'
    )
    place = trial(tmp_path, outside)
    assert place.verger(*RUN).code == 22
    assert place.verger("diff", "latest", "01", "--name-only").stdout == "elsewhere.md\n"
    ended = place.verger("diff", "latest")
    assert (ended.stdout, ended.stderr) == ("", "nothing was recorded yet\n")


def test_no_program_of_the_repository_is_run_to_show_a_difference(tmp_path: Path) -> None:
    place = trial(tmp_path)
    assert place.verger(*RUN).code == 0
    touch = f"touch {place.root / 'ran'}; true"
    place.git("config", "diff.external", touch)
    place.git("config", "diff.notes.command", touch)
    place.git("config", "diff.notes.textconv", touch)
    place.git("config", "core.pager", touch)
    (place.repository / ".git" / "info").mkdir(exist_ok=True)
    (place.repository / ".git" / "info" / "attributes").write_text("*.md diff=notes\n")
    assert "+a note" in place.verger("diff").stdout
    assert not (place.root / "ran").exists()


def test_a_terminal_gets_colours_and_obeys_nothing_that_a_file_holds(tmp_path: Path) -> None:
    place = trial(tmp_path, work("a\x1b[2Jnote"))
    assert place.verger(*RUN).code == 0
    with at_terminal(place, "diff", out=True) as terminal:
        assert terminal.end() == 0
    assert "\x1b[32m+a\\x1b[2Jnote\x1b[0m" in terminal.shown
    with at_terminal(place, "diff", out=True, NO_COLOR="1") as terminal:
        assert terminal.end() == 0
    assert "\x1b" not in terminal.shown
    assert "+a\x1b[2Jnote\n" in place.verger("diff").stdout


def test_an_item_that_was_not_begun_has_no_difference(done: Workplace) -> None:
    assert_refused(done.verger("diff", "latest", "03"), 4, "item 03 of run", "was not begun")
    assert_refused(done.verger("diff", "latest", "3"), 4, "has no item '3'", "did you mean 03?")


def test_one_place_is_printed_alone_so_that_a_shell_can_go_there(done: Workplace) -> None:
    for what in ("run", "journal", "state", "checkout"):
        path = Path(done.verger("where", "latest", what).stdout.removesuffix("\n"))
        assert path.is_absolute()
        assert path.exists()
    packet = Path(done.verger("where", "latest", "02", "packet").stdout.removesuffix("\n"))
    assert packet == done.run().attempt("02", 1).packet(0)
    assert Path(done.verger("where", "latest", "checkout").stdout.removesuffix("\n")) == done.repository


def test_all_places_are_listed_and_those_that_are_not_there_say_so(done: Workplace) -> None:
    text = done.verger("where", "latest", "01").stdout
    assert [line.split()[0] for line in text.splitlines()] == list(PLACES)
    assert [line.split()[0] for line in text.splitlines() if line.endswith("(not there)")] == [
        *("worktree", "gate", "escalation"),
    ]
    found = json.loads(done.verger("where", "latest", "01", "--json").stdout)
    assert {name for name, place in found.items() if not place["exists"]} == {
        "worktree",
        "gate",
        "escalation",
    }
    assert tuple(item_places(done.run(), "01")) == PLACES


def test_a_place_that_is_not_there_is_an_error(done: Workplace) -> None:
    assert_refused(done.verger("where", "latest", "01", "worktree"), 4, "the worktree is not there: /")
    assert_refused(done.verger("where", "latest", "01", "nowhere"), 4, "the places are: item, ")
    assert_refused(done.verger("where", "latest", "nowhere"), 4, "has no item 'nowhere'")


def test_c_means_the_same_before_and_after_the_command(done: Workplace) -> None:
    inside, outside = done.verger("where", "latest", "run"), Path("/")
    for argv in (
        ("-C", str(done.repository), "where", "latest", "run"),
        ("where", "latest", "run", "-C", str(done.repository)),
    ):
        assert done.verger(*argv, cwd=outside).stdout == inside.stdout


def test_a_run_that_stopped_for_a_person_is_no_error_and_resume_says_what_comes_next(tmp_path: Path) -> None:
    place = trial(tmp_path, 'stage = "execute"\nitem = "01"\nsteps = [{ do = "exit", code = 3 }]')
    assert place.verger(*RUN).code == 22
    assert "status       stopped (exit code 22)" in place.verger("status").stdout.splitlines()
    assert " stopped " in place.verger("status", "--all").stdout
    (place.repository / "scenario.toml").write_text(scenario(work()))
    assert place.verger("resume").code == 0
    again = place.verger("resume")
    assert again.code == 0
    merge = f"next        all items passed; take the result with: git merge orchestrator/run/{place.run().root.name}"
    assert merge in again.stdout.splitlines()


def test_of_a_run_without_its_state_nothing_is_counted(tmp_path: Path) -> None:
    place = trial(tmp_path)
    assert place.verger(*RUN).code == 0
    place.run().run_state.unlink()
    said = place.verger("status").stdout
    assert "passed " not in said
    assert "next         verger doctor" in said
    assert " -  " in place.verger("status", "--all").stdout.splitlines()[1]
