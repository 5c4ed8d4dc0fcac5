"""Doctor, as a user asks it: everything that is wrong at once, each with its way out, and the code."""

import os
import shutil
from pathlib import Path

import pytest
from tests.doubles.notes import PLAYBOOK, item
from tests.doubles.workplace import Workplace, assert_refused, workplace


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """A repository in which 02 waits for a person."""
    place = workplace(tmp_path_factory.mktemp("done"))
    assert place.verger("run", PLAYBOOK, "--item", "02").code == 20
    return place


def checks(place: Workplace, *argv: str, code: int, **environment: str) -> dict[str, dict[str, str]]:
    """Doctor's checks that are not `ok`, by name."""
    ended = place.verger("doctor", "--json", *argv, **environment)
    assert ended.stderr == "", ended
    assert (ended.code, ended.json["exit_code"], ended.json["ok"]) == (code, code, code == 0), ended
    # The place goes without a sandbox, which is a warning everywhere.
    others = [check for check in ended.json["checks"] if check["name"] != "sandbox"]
    found = {check["name"]: check for check in others if check["status"] != "ok"}
    assert all(check["detail"] and check["hint"] for check in found.values())
    return found


def test_doctor_finds_nothing_wrong_with_a_good_place(done: Workplace) -> None:
    assert checks(done, "latest", "--playbook", PLAYBOOK, code=0) == {}
    text = done.verger("doctor").stdout.splitlines()
    assert text[0] == f"repository {done.repository}"
    assert text[-1] == "result   ok (exit code 0)"


@pytest.fixture
def place(tmp_path: Path) -> Workplace:
    """A place in which nothing was run yet."""
    return workplace(tmp_path)


def test_doctor_names_everything_that_is_wrong_with_the_environment_at_once(place: Workplace) -> None:
    place.git("config", "--unset", "user.name")
    (place.repository / "docs" / "index.md").write_text("changed\n", encoding="utf-8")
    other = place.repository / "overlay.toml"
    other.write_text('disk_floor_mb = 1048576\n[agents.worker]\nkind = "generic"\ncommand = ["gone-9"]\n')
    (place.home / ".claude").mkdir()
    (place.home / ".claude" / "settings.json").write_text("{}", encoding="utf-8")
    place.state.write_text("a file in its place\n", encoding="utf-8")
    found = checks(place, "--config", str(other), code=6)
    wrong = {
        "clean_tracked_checkout",
        "git_identity",
        "agents",
        "agent_environment",
        "state_folder",
        "disk_floor",
    }
    assert set(found) == wrong
    assert {check["status"] for check in found.values()} == {"error"}
    lines = place.verger("doctor", "--config", str(other)).stdout.splitlines()
    assert (
        sum(line.startswith("error ") for line in lines)
        == sum("hint: " in line for line in lines) - 1
        == len(wrong)
    )


def test_doctor_sees_a_repository_without_commits(place: Workplace) -> None:
    place.git("update-ref", "-d", "refs/heads/main")
    assert "commits" in checks(place, code=6)


def test_doctor_sees_missing_programs(place: Workplace, tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    found = checks(place, code=6, PATH=str(tools))
    assert found["required_commands"]["detail"] == "git and bash not found on PATH"
    assert "git_answers" in found
    (tools / "git").symlink_to(shutil.which("git") or "")
    assert set(checks(place, code=6, PATH=str(tools))) == {"required_commands"}


def test_doctor_sees_a_git_that_is_too_old_or_broken(place: Workplace, tmp_path: Path) -> None:
    git = tmp_path / "tools" / "git"
    git.parent.mkdir()
    real = shutil.which("git")
    git.write_text(
        f'#!/bin/sh\ncase "$*" in version) echo git version 2.30.2 ;; *) exec {real} "$@" ;; esac\n'
    )
    git.chmod(0o755)
    path = f"{git.parent}{os.pathsep}{os.environ['PATH']}"
    assert checks(place, code=6, PATH=path)["git_version"]["detail"].startswith("git 2.30.2 is too old")
    git.write_text("#!/bin/sh\necho broken >&2; exit 3\n")
    assert "broken" in checks(place, code=6, PATH=path)["git_answers"]["detail"]


def test_doctor_sees_what_is_wrong_with_a_playbook_and_a_policy(place: Workplace) -> None:
    found = checks(place, "--playbook", "verger.toml", code=4)
    assert set(found) == {"playbook_parse"}
    bad = place.repository / "bad.toml"
    bad.write_text("max_fix_rounds = -1\nfrobnicate = 1\n")
    assert "frobnicate" in checks(place, "--config", str(bad), code=6)["policy"]["detail"]
    assert checks(place, "--agents", "worker=nobody", code=0)["policy"]["status"] == "warning"


def test_doctor_answers_with_4_for_a_run_whose_journal_is_damaged(tmp_path: Path) -> None:
    place = workplace(tmp_path, rows=[item("01")])
    assert place.verger("run", PLAYBOOK, "--next").code == 0
    journal = place.run().journal
    data = journal.read_bytes()
    journal.write_bytes(data.replace(b'"01"', b'"02"', 1))
    found = checks(place, "latest", code=4)
    assert set(found) == {"run_state_load"}
    assert str(journal) in found["run_state_load"]["detail"]
    before = place.everything()
    assert_refused(place.verger("resume"), 4, str(journal), "nothing was changed")
    assert place.everything() == before


def test_doctor_sees_a_moved_branch_a_lost_link_and_a_worktree_of_nobody(done: Workplace) -> None:
    branch = f"refs/heads/orchestrator/run/{done.run().root.name}"
    tip = done.run_branch()
    link = done.repository / ".local" / "automation" / "plan_orchestrator" / "runs"
    orphan = done.run().worktrees / "item-99-attempt-1"
    try:
        done.git("update-ref", "-d", branch)
        link.unlink()
        orphan.mkdir(parents=True)
        found = checks(done, "latest", code=4)
        assert {name: check["status"] for name, check in found.items()} == {
            "run_branch": "error",
            "links": "warning",
            "orphaned_worktrees": "warning",
        }
        assert found["run_branch"]["hint"] == f"git update-ref {branch} {tip}"
        done.git("symbolic-ref", branch, "HEAD")
        assert "no object id" in checks(done, "latest", code=4)["run_branch"]["detail"]
    finally:
        done.git("update-ref", "--no-deref", branch, tip)
        orphan.rmdir()
        link.symlink_to(done.run().root.parent)
