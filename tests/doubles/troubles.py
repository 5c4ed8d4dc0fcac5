"""What goes wrong before a run begins, each thing provoked on a real place of work by the real command.

Not here: what stops a run (`troubled_runs.py`), and a command about one (`standing_troubles.py`). The words are
those of docs/troubleshooting.md.
"""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
from tests.doubles.model_agents import replaying, table
from tests.doubles.notes import PLAYBOOK, POLICY, item, playbook
from tests.doubles.repository import make_repository
from tests.doubles.trials import trial
from tests.doubles.workplace import Result, Workplace, workplace

Case = Callable[[Path], Result]
NEXT = ("run", PLAYBOOK, "--next")


def _bare(root: Path) -> Workplace:
    place = Workplace(root)
    place.home.mkdir()
    place.repository.mkdir()
    return place


def outside(root: Path) -> Result:
    return _bare(root).verger("status")


def without_commits(root: Path) -> Result:
    place = workplace(root)
    place.git("update-ref", "-d", "refs/heads/main")
    return place.verger(*NEXT)


def without_identity(root: Path) -> Result:
    place = workplace(root)
    place.git("config", "--unset", "user.email")
    return place.verger(*NEXT)


def with_changes(root: Path) -> Result:
    place = workplace(root)
    (place.repository / "docs" / "index.md").write_text("changed\n", encoding="utf-8")
    return place.verger(*NEXT)


def where_nobody_makes_namespaces(root: Path) -> Result:
    place = trial(root)
    # In a user namespace of its own whoever is root there may forbid more of them, and nobody else notices.
    forbid = 'echo 0 > /proc/sys/user/max_pid_namespaces && exec "$0" -P -m verger_kernel run playbook.md --item 01'
    done = subprocess.run(
        ("unshare", "--user", "--map-root-user", "bash", "-c", forbid, sys.executable),
        cwd=place.repository,
        env=place.environment(VERGER_SANDBOX="required"),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return Result(done.returncode, done.stdout, done.stderr)


def with_a_tool_that_reads_the_home(root: Path) -> Result:
    place = trial(root)
    tool = place.home / "bin" / "node"
    tool.parent.mkdir()
    tool.write_text(f"#!/bin/bash\ncat {place.home}/version || echo none\n")
    tool.chmod(0o755)
    (place.home / "version").write_text("v1\n")
    path = f"{tool.parent}:/usr/bin:/bin"
    return place.verger("run", "playbook.md", "--item", "01", VERGER_SANDBOX="required", PATH=path)


def without_a_policy(root: Path) -> Result:
    place = _bare(root)
    make_repository(place.repository, {PLAYBOOK: playbook([item("01")]), "docs/index.md": "# Notes\n"})
    return place.verger(*NEXT)


def _with_policy(root: Path, policy: str) -> Result:
    return workplace(root, policy=policy).verger(*NEXT)


def with_an_unknown_setting(root: Path) -> Result:
    return _with_policy(root, "max_fix_round = 1\n" + POLICY)


def with_one_agent_for_both_lanes(root: Path) -> Result:
    return _with_policy(root, POLICY.replace('"reader-b"', '"reader-a"', 1))


def with_an_agent_that_nobody_defines(root: Path) -> Result:
    return _with_policy(root, POLICY.replace('"worker"', '"wroker"', 1))


def _generic(command: str) -> str:
    return POLICY.replace(
        'kind = "scripted", scenario = "scenario.toml"', f'kind = "generic", command = ["{command}"]'
    )


def without_the_agents_program(root: Path) -> Result:
    return _with_policy(root, _generic("no-such-agent"))


def with_another_version_of_a_program(root: Path) -> Result:
    root.mkdir(exist_ok=True)
    agent = table(msgspec.structs.replace(replaying(root, "codex"), version="0.1.0"))
    return _with_policy(root / "place", _with_worker(agent))


def without_a_way_in(root: Path) -> Result:
    return _with_policy(root, _with_worker('{ kind = "codex", model = "gpt-5.5" }'))


def with_an_idle_setting(root: Path) -> Result:
    return _with_policy(root, _with_worker('{ kind = "generic", command = ["true"], model = "m" }'))


def _with_worker(agent: str) -> str:
    return POLICY.replace('worker = { kind = "scripted", scenario = "scenario.toml" }', f"worker = {agent}")


def with_configuration_of_an_agent(root: Path) -> Result:
    place = workplace(root, policy=_generic("true"))
    (place.home / ".claude").mkdir()
    (place.home / ".claude" / "settings.json").write_text("{}\n", encoding="utf-8")
    return place.verger(*NEXT)


def on_a_full_disk(root: Path) -> Result:
    return _with_policy(root, "disk_floor_mb = 1048576\n" + POLICY)


def below_somebody_elses_tests(root: Path) -> Result:
    place = workplace(root)
    place.state.mkdir()
    (place.state / "conftest.py").write_text("", encoding="utf-8")
    # A machine without the programs that mount.
    tools = root / "tools"
    tools.mkdir()
    for name in ("git", "bash"):
        (tools / name).symlink_to(shutil.which(name) or name)
    return place.verger(*NEXT, PATH=str(tools))


def without_the_playbook(root: Path) -> Result:
    return workplace(root).verger("run", "notes.md", "--next")


def _with_rows(root: Path, *rows: str) -> Result:
    return workplace(root, rows=rows).verger(*NEXT)


def without_a_table(root: Path) -> Result:
    return workplace(root, files={PLAYBOOK: "# Notes\n"}).verger(*NEXT)


def without_a_column(root: Path) -> Result:
    text = playbook([item("01")]).replace("exit_criteria", "criteria")
    return workplace(root, files={PLAYBOOK: text}).verger(*NEXT)


def with_a_cell_too_many(root: Path) -> Result:
    return _with_rows(root, item("01", required_verification_commands="`cat a | grep b`"))


def with_a_wish_to_write_git(root: Path) -> Result:
    return _with_rows(root, item("01", allowed_write_roots=".git"))


def with_an_unknown_prerequisite(root: Path) -> Result:
    return _with_rows(root, item("01", prerequisites="07"))


def with_a_path_that_git_does_not_know(root: Path) -> Result:
    return _with_rows(root, item("01", repo_surfaces="`src/main.py`"))


def with_an_unknown_item(root: Path) -> Result:
    return workplace(root).verger("run", PLAYBOOK, "--item", "99")


def with_an_item_that_must_wait(root: Path) -> Result:
    return workplace(root).verger("run", PLAYBOOK, "--item", "04")


def with_an_empty_folder_of_evidence(root: Path) -> Result:
    place = workplace(root)
    (place.repository / "empty").mkdir()
    return place.verger(*NEXT, "--external-evidence-dir", "empty")


def without_any_run(root: Path) -> Result:
    return workplace(root).verger("status")


def with_a_budget_for_no_call(root: Path) -> Result:
    return workplace(root, policy=f"budget_usd = 1\n{POLICY}").verger(*NEXT)


def _with_a_secret(root: Path, reference: str) -> Result:
    scripted = 'worker = { kind = "scripted", scenario = "scenario.toml"'
    secret = f'{scripted}, secrets = {{ KEY = "{reference}" }}'
    return workplace(root, policy=POLICY.replace(scripted, secret)).verger(*NEXT)


def without_a_secret(root: Path) -> Result:
    return _with_a_secret(root, "env:NOBODY_SET_IT")


def with_a_secret_for_all(root: Path) -> Result:
    root.with_name("key").write_text("a long enough key")
    root.with_name("key").chmod(0o644)
    return _with_a_secret(root, f"file:{root.with_name('key')}")


TROUBLES: dict[str, Case] = {
    "budget_usd is less than": with_a_budget_for_no_call,
    "is missing: the variable": without_a_secret,
    "is not private": with_a_secret_for_all,
    "is in no git repository": outside,
    "has no commits": without_commits,
    "does not know who commits": without_identity,
    "have uncommitted changes": with_changes,
    "MiB are free": on_a_full_disk,
    "no sandbox can be made": where_nobody_makes_namespaces,
    "a tool is another one": with_a_tool_that_reads_the_home,
    "verification would not be clean": below_somebody_elses_tests,
    "no agent is named": without_a_policy,
    "policy: …: … is no setting": with_an_unknown_setting,
    "is in a lane but is not defined": with_an_agent_that_nobody_defines,
    "must come from two agents": with_one_agent_for_both_lanes,
    "is not on PATH": without_the_agents_program,
    "is version …, the policy says": with_another_version_of_a_program,
    "needs either key or login": without_a_way_in,
    "does not use": with_an_idle_setting,
    "that nobody reviewed": with_configuration_of_an_agent,
    "cannot read playbook": without_the_playbook,
    "has no section 2": without_a_table,
    "has no such column": without_a_column,
    "follows the last column": with_a_cell_too_many,
    "no item may write": with_a_wish_to_write_git,
    "names no item": with_an_unknown_prerequisite,
    "no agent would find": with_a_path_that_git_does_not_know,
    "the playbook has no item": with_an_unknown_item,
    "would not have done before": with_an_item_that_must_wait,
    "is empty": with_an_empty_folder_of_evidence,
    "no run was ever made": without_any_run,
}
"""By words that one row of the page alone holds: what provokes it."""
