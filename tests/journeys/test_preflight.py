"""A world that is not ready for a run: refused in one line, before anything is made. W12."""

from pathlib import Path

import pytest
from tests.doubles.notes import PLAYBOOK, POLICY, playbook
from tests.doubles.repository import run_git
from tests.doubles.workplace import Workplace, assert_refused, refused, untouched, workplace

RUN = ("run", PLAYBOOK)
GATE = (
    *("mark-manual-gate", "latest", "--item", "02", "--decision", "approved"),
    *("--by", "Ada", "--note", "seen"),
)


def dirty(place: Workplace) -> None:
    (place.repository / "docs" / "index.md").write_text("changed\n", encoding="utf-8")


def staged(place: Workplace) -> None:
    (place.repository / "new.md").write_text("new\n", encoding="utf-8")
    place.git("add", "new.md")


def without_identity(place: Workplace) -> None:
    place.git("config", "--unset", "user.email")


def without_commits(place: Workplace) -> None:
    place.git("update-ref", "-d", "refs/heads/main")


def without_scenario(place: Workplace) -> None:
    text = POLICY.replace("scenario.toml", "nowhere.toml")
    (place.repository / "verger.toml").write_text(text, encoding="utf-8")
    place.git("commit", "-q", "-am", "another scenario")


def without_program(place: Workplace) -> None:
    text = POLICY.replace(
        'kind = "scripted", scenario = "scenario.toml"', 'kind = "generic", command = ["gone-9"]'
    )
    (place.repository / "verger.toml").write_text(text, encoding="utf-8")
    place.git("commit", "-q", "-am", "another agent")


def without_consulted_file(place: Workplace) -> None:
    place.git("rm", "-q", "docs/index.md")
    place.git("commit", "-q", "-m", "no docs")


def without_state_folder(place: Workplace) -> None:
    place.state.write_text("a file in its place\n", encoding="utf-8")


WORLDS = {
    dirty: (6, "uncommitted changes: docs/index.md"),
    staged: (6, "uncommitted changes: new.md"),
    without_identity: (6, "does not know who commits"),
    without_commits: (6, "has no commits"),
    without_scenario: (6, "agent 'worker' cannot be started", "nowhere.toml"),
    without_program: (6, "agent 'worker' cannot be started", "'gone-9' is not on PATH"),
    without_consulted_file: (4, "docs", "(missing)"),
    without_state_folder: (6, "runs cannot be kept in", "it is no folder"),
}


@pytest.mark.parametrize("world", WORLDS, ids=lambda world: world.__name__)
def test_w12_a_world_that_is_not_ready_is_refused_before_anything_is_made(tmp_path: Path, world) -> None:
    place = workplace(tmp_path)
    world(place)
    code, *words = WORLDS[world]
    refused(place, (*RUN, "--item", "01"), code, *words)


def test_without_any_policy_the_hint_is_a_whole_example(tmp_path: Path) -> None:
    place = workplace(tmp_path)
    place.git("rm", "-q", "verger.toml")
    place.git("commit", "-q", "-m", "no policy")
    refused(place, (*RUN, "--next"), 3, "no agent is named", "\n  [agents]\n")


@pytest.mark.parametrize("argv", [("run", "p.md", "--next"), ("resume",), ("status",), ("doctor",), GATE])
def test_outside_of_a_repository_every_command_says_so(tmp_path: Path, argv: tuple[str, ...]) -> None:
    place = Workplace(tmp_path)
    place.home.mkdir()
    place.repository.mkdir()
    (place.repository / "p.md").write_text(playbook(()), encoding="utf-8")
    refused(place, argv, 6, "is in no git repository")


def test_a_bare_repository_is_refused(tmp_path: Path) -> None:
    place = Workplace(tmp_path)
    place.home.mkdir()
    place.repository.mkdir()
    run_git(place.repository, "init", "-q", "--bare")
    refused(place, ("status",), 6, "is a bare repository")


def test_a_repository_whose_path_is_no_utf8_is_refused(tmp_path: Path) -> None:
    place = workplace(tmp_path / "plain")
    odd = Path(f"{tmp_path}/\udcff")
    place.root.rename(odd)
    moved = Workplace(odd)
    with untouched(moved):
        assert_refused(moved.verger("doctor"), 6, r"\udcff/repository is no UTF-8 text")
