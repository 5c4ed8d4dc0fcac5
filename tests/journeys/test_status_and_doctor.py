"""What can be seen of a run: while it goes on, when it was cut short, when its files are damaged."""

import json
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from tests.doubles.workplace import (
    PLAYBOOK,
    POLICY,
    WRITTEN,
    Workplace,
    assert_refused,
    item,
    scenario,
    workplace,
)

HANGING = scenario('item = "01"\nsteps = [{ do = "say", text = "here" }, { do = "hang" }]')
DAMAGE = (b"", b"[" * 100_000)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """A repository with two runs: 01 passed in the first, 02 waits for a person in the second."""
    place = workplace(tmp_path_factory.mktemp("done"))
    assert place.verger("run", PLAYBOOK, "--item", "01").code == 0
    assert place.verger("run", PLAYBOOK, "--item", "02").code == 20
    return place


def runs(place: Workplace) -> list[dict[str, object]]:
    return place.verger("status", "--all", "--json").json


def test_status_says_where_a_run_stands(done: Workplace) -> None:
    text = done.verger("status").stdout
    for line in (
        "status       waiting (exit code 20)",
        "state        awaiting_human_gate",
        "passed       0 of 4",
    ):
        assert line in text.splitlines()
    view = done.verger("status", "--json").json
    assert (view["current_item_id"], view["held"], view["agent_calls"]) == ("02", False, 3)
    assert Path(view["run_state_path"]) == done.run().run_state


def test_a_run_is_found_by_its_id_by_a_unique_beginning_and_as_the_latest(done: Workplace) -> None:
    newest, oldest = (str(view["run_id"]) for view in runs(done))
    for text, expected in ((oldest, oldest), (newest[:-8], newest), ("latest", newest)):
        assert done.verger("status", text, "--json").json["run_id"] == expected
    assert_refused(done.verger("status", "RUN_"), 4, "begins 2 run ids")


def test_status_of_all_is_newest_first_and_answers_with_the_worst_code(done: Workplace) -> None:
    views = runs(done)
    assert [view["exit_code"] for view in views] == [20, 0]
    assert views == sorted(views, key=lambda view: view["updated_at_utc"], reverse=True)
    table = done.verger("status", "--all").stdout.splitlines()
    assert [row.split()[0] for row in table] == ["RUN", *(str(view["run_id"]) for view in views)]
    assert done.verger("status", "--all").code == 0
    assert done.verger("status", "--all", "--exit-code").code == 20
    assert done.verger("status", str(views[1]["run_id"]), "--exit-code").code == 0


def test_looking_changes_nothing(done: Workplace) -> None:
    before = done.everything()
    assert done.verger("status", "--all").code == done.verger("doctor", "latest").code == 0
    assert done.verger("list-items", PLAYBOOK).code == 0
    assert done.everything() == before


def test_of_no_runs_there_is_nothing_to_say(tmp_path: Path) -> None:
    place = workplace(tmp_path)
    ended = place.verger("status", "--all", "--exit-code")
    assert (ended.code, ended.stdout) == (0, "no runs\n")
    assert runs(place) == []


@pytest.fixture
def hanging(tmp_path: Path) -> Iterator[Workplace]:
    """A place whose worker never ends; what a killed kernel left running is gone afterwards."""
    place = workplace(tmp_path, rows=[item("01")], script=HANGING)
    yield place
    for process in psutil.process_iter():
        try:
            if process.environ().get("HOME") == str(place.home):
                process.kill()
        except psutil.Error:
            continue


def worker_speaks(place: Workplace) -> bool:
    logs = list(place.run().root.glob("items/01/*/agents/*/stdout.log")) if place.has_run() else []
    return any(log.read_bytes() for log in logs)


def test_w1_a_run_that_was_killed_is_called_interrupted_and_goes_on(hanging: Workplace) -> None:
    with hanging.begun("run", PLAYBOOK, "--next", until=lambda: worker_speaks(hanging)):
        view = hanging.verger("status", "--json").json
        assert (view["held"], view["status_level"], view["exit_code"]) == (True, "ok", 0)
        assert (view["current_state"], view["current_item_id"]) == ("execute", "01")
        assert "execute (a process holds the run)" in hanging.verger("status").stdout
        assert_refused(hanging.verger("resume"), 5, "is held by pid")
    ended = hanging.verger("status", "--exit-code", "--json")
    assert (ended.code, ended.json["status_level"], ended.json["held"]) == (75, "interrupted", False)
    assert ended.json["pending_action"] == f"verger resume {ended.json['run_id']}"
    assert hanging.verger("doctor", "latest").code == 0
    (hanging.repository / "scenario.toml").write_text(WRITTEN, encoding="utf-8")
    resumed = hanging.verger("resume", "--json")
    assert (resumed.code, resumed.json["passed"]) == (0, ["01"])
    assert "ended 1 process(es) that an earlier invocation left running" in resumed.stderr
    # A crash is no attempt: the item passed in its first one.
    assert (hanging.run().attempt("01", 1).root / "answers").is_dir()
    assert not hanging.run().attempt("01", 2).root.exists()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_w1_a_signal_ends_a_run_with_its_code_and_its_agents(
    hanging: Workplace, number: signal.Signals, code: int
) -> None:
    with hanging.begun("run", PLAYBOOK, "--next", until=lambda: worker_speaks(hanging)) as process:
        process.send_signal(number)
        assert process.wait(timeout=20) == code
    assert hanging.verger("status", "--exit-code").code == 75
    left = [one for one in psutil.process_iter() if _is_of(one, hanging)]
    assert left == []


def _is_of(process: psutil.Process, place: Workplace) -> bool:
    try:
        return process.environ().get("HOME") == str(place.home) and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def test_a_state_that_cannot_be_read_is_named_and_doctor_says_what_stands(tmp_path: Path) -> None:
    place = workplace(tmp_path, rows=[item("01")])
    assert place.verger("run", PLAYBOOK, "--next").code == 0
    good = place.run().run_state.read_bytes()
    for damage in DAMAGE:
        place.run().run_state.write_bytes(damage)
        ended = place.verger("status", "--exit-code", "--json")
        assert (ended.code, ended.json["status_level"]) == (4, "error")
        assert str(place.run().run_state) in ended.json["error"]
    # The journal has it all: the state is written again, byte for byte.
    assert "run_state.json could not be read" in place.verger("doctor", "latest").stdout
    assert place.verger("resume").code == 0
    again = json.loads(place.run().run_state.read_bytes())
    assert again["passed"] == json.loads(good)["passed"]


def checks(place: Workplace, *argv: str, code: int, **environment: str) -> dict[str, dict[str, str]]:
    """Doctor's checks that are not `ok`, by name."""
    ended = place.verger("doctor", "--json", *argv, **environment)
    assert ended.stderr == "", ended
    assert (ended.code, ended.json["exit_code"], ended.json["ok"]) == (code, code, code == 0), ended
    found = {check["name"]: check for check in ended.json["checks"] if check["status"] != "ok"}
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
        == sum("hint: " in line for line in lines)
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


SHADOWS = {
    "json.py": "raise SystemExit('json of the folder')\n",
    "msgspec.py": "raise SystemExit('msgspec of the folder')\n",
    "verger_kernel.py": "raise SystemExit('kernel of the folder')\n",
    "verger_probes/__init__.py": "raise SystemExit('probes of the folder')\n",
    "sitecustomize.py": "raise SystemExit('site of the folder')\n",
    "run_state.schema.json": "{}",
    "verger.run_state.v1.json": "{}",
    "conftest.py": "raise SystemExit('conftest of the folder')\n",
}


def test_w24_what_lies_in_the_working_folder_has_no_effect(tmp_path: Path) -> None:
    place = workplace(tmp_path, rows=[item("01")], files=SHADOWS)
    assert place.verger("run", PLAYBOOK, "--next").code == 0
    assert place.verger("status").code == place.verger("doctor", "latest").code == 0
    # A permissive schema beside it makes no bogus state good.
    place.run().run_state.write_bytes(b'{"schema_version": "verger.run_state.v1"}')
    assert place.verger("status", "--exit-code").code == 4
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    assert place.verger("-C", "../repository", "status", cwd=elsewhere).code == 0


def test_a_policy_of_another_folder_has_no_effect(tmp_path: Path) -> None:
    place = workplace(tmp_path, rows=[item("01")])
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "verger.toml").write_text(POLICY.replace("scenario.toml", "nowhere.toml"), encoding="utf-8")
    ended = place.verger("-C", str(place.repository), "run", PLAYBOOK, "--next", cwd=elsewhere)
    assert ended.code == 0, ended
