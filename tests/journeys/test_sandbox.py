"""Whole runs in the sandbox: setup, trials, evidence and agents work; without one that is said everywhere.

Not here: attempts to get out; see tests/test_escapes.py. Other journeys run without, for they look at their home.
"""

import json
import sys
from pathlib import Path

import pytest
from tests.doubles.notes import evidenced, scenario
from tests.doubles.repository import make_repository
from tests.doubles.trials import AGENT, RUN, escalated, passed, state_of, trial, work
from tests.doubles.workplace import Result, Workplace, untouched, workplace

PATHS = f"sandbox_paths = {json.dumps([sys.prefix, sys.base_prefix, str(AGENT.parent)])}\n"


def closed(place: Workplace, *argv: str, **more: str) -> Result:
    return place.verger(*argv, VERGER_SANDBOX="required", **more)


def reports(place: Workplace) -> list[dict[str, object]]:
    return [
        json.loads(file.read_text()) for file in place.run().root.rglob("verification_report.round-*.json")
    ]


def test_what_setup_makes_serves_the_trials_and_no_layer_changes(tmp_path: Path) -> None:
    first = "`grep -q made deps/lib && echo worse >> deps/lib && touch ~/note /tmp/note`"
    second = "`grep -q worse deps/lib && test -f ~/note && test -f /tmp/note && test ! -e ~/of-setup`"
    place = trial(
        tmp_path,
        policy=PATHS + 'setup = ["mkdir deps; echo made > deps/lib; touch ~/of-setup"]',
        files={".gitignore": ".local/\ndeps/\n", "requirements.txt": "lib\n"},
        required_verification_commands=f"{first}; {second}",
    )
    passed(place, closed(place, *RUN))
    (layer,) = (place.state / "verger").glob("*/layers/**/deps/lib")
    assert layer.read_text() == "made\n"
    (report,) = reports(place)
    assert {one["room"] for one in report["trials"]} == {"sandbox"}  # type: ignore[index, attr-defined]
    assert not (place.home / "note").exists()


@pytest.mark.sweep
def test_scripted_agents_and_evidence_work_in_it(tmp_path: Path) -> None:
    place = workplace(tmp_path, rows=[evidenced("01")], script=scenario(work()))
    evidence = str(place.evidence())
    result = closed(place, "run", "playbook.md", "--item", "01", "--external-evidence-dir", evidence)
    assert result.code == 0, result


def test_a_lane_cannot_change_what_it_reads(tmp_path: Path) -> None:
    lane = f"touch docs/by-a-lane 2>/dev/null && exit 9; exec {sys.executable} -P {AGENT}"
    place = trial(
        tmp_path,
        policy=PATHS,
        agents={"reader-a": f'{{ kind = "generic", command = ["bash", "-c", {json.dumps(lane)}] }}'},
    )
    passed(place, closed(place, *RUN))


def test_a_command_sees_no_checkout_and_has_its_tree_where_nothing_lies_above(tmp_path: Path) -> None:
    looks = f"`test ! -e {tmp_path}/repository/docs && test $PWD = /verger/tree && git status && git log -1`"
    place = trial(tmp_path, policy=PATHS, required_verification_commands=looks)
    passed(place, closed(place, *RUN))
    shown = json.loads(place.run().policy.read_text())["sandbox_shows"]
    assert {f"{place.repository}/.git/objects", sys.prefix} <= {*shown}


@pytest.mark.sweep
def test_a_command_that_fails_only_in_it_is_told_as_any_other(tmp_path: Path) -> None:
    place = trial(tmp_path, policy=PATHS, required_verification_commands="`test -e ~/.netrc`")
    (place.home / ".netrc").touch()
    assert escalated(place, closed(place, *RUN)).why.startswith("required verification failed")


def test_submodules_and_included_files_are_brought_from_what_the_user_has(tmp_path: Path) -> None:
    place = trial(
        tmp_path,
        policy=PATHS,
        files={".worktreeinclude": "*.env\nlinked\n/secret/\n", ".gitignore": ".local/\n*.env\nlinked\n"},
        required_verification_commands="`test $(cat sub/lib)$(cat test.env) = codekey && test ! -e linked`",
    )
    other = make_repository(tmp_path / "other", {"lib": "code"})
    place.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(other), "sub")
    place.git("commit", "-qm", "a submodule")
    (place.repository / "test.env").write_text("key")
    (place.repository / "linked").symlink_to("/etc/passwd")
    passed(place, closed(place, *RUN))
    assert {file.read_text() for file in (place.state / "verger").glob("*/layers/**/sub/lib")} == {"code"}
    # And so it is without a sandbox.
    passed(place, place.verger("run", "playbook.md", "--item", "01"))


def test_a_worker_that_includes_more_gets_no_more(tmp_path: Path) -> None:
    agent = f"echo .secret > .worktreeinclude; exec {sys.executable} -P {AGENT} write docs/01.md 'a note'"
    place = trial(
        tmp_path,
        policy=PATHS,
        agents={"worker": f'{{ kind = "generic", command = ["bash", "-c", {json.dumps(agent)}] }}'},
        files={".worktreeinclude": "", ".gitignore": ".local/\n.secret\n"},
        allowed_write_roots="docs; .worktreeinclude",
        required_verification_commands="`test ! -e .secret`",
    )
    (place.repository / ".secret").write_text("key")
    passed(place, closed(place, *RUN))


def test_without_one_run_status_doctor_and_the_snapshot_say_so(tmp_path: Path) -> None:
    place = trial(tmp_path)
    result = place.verger(*RUN)
    passed(place, result)
    assert "warning: agents and commands run without a sandbox" in result.stderr
    assert "sandbox      none: " in place.verger("status", "latest").stdout
    assert place.verger("status", "latest", "--json").json["sandbox"] == "none"
    assert "warning  sandbox: agents and commands run without a sandbox" in place.verger("doctor").stdout
    snapshot = json.loads(place.run().policy.read_text())
    assert (snapshot["policy"]["sandbox"], snapshot["sources"]["sandbox"]) == ("none", "env")
    assert {one["room"] for one in reports(place)[0]["trials"]} <= {"mounted", "in place"}  # type: ignore[index, attr-defined]
    assert state_of(place).passed


def test_with_one_doctor_says_what_can_be_made_in_it(tmp_path: Path) -> None:
    place = trial(tmp_path, policy=PATHS)
    assert "ok       sandbox: made; what runs in it can make namespaces" in closed(place, "doctor").stdout


def test_a_tool_that_is_another_one_inside_refuses_the_run_before_anything_is_made(tmp_path: Path) -> None:
    place = trial(tmp_path, policy=PATHS)
    result = broken_tool(place)
    assert (result.code, result.stdout) == (6, "")
    assert "error: a tool is another one inside the sandbox: node says 'v1' outside" in result.stderr
    assert not place.has_run()


def broken_tool(place: Workplace) -> Result:
    """`run` where PATH gives a node that reads a place which is not shown."""
    folder = place.home / "bin"
    folder.mkdir()
    (place.home / "version").write_text("v1\n")
    (folder / "node").write_text(f"#!/bin/bash\ncat {place.home}/version\n")
    (folder / "node").chmod(0o755)
    with untouched(place):
        return closed(place, *RUN, PATH=f"{folder}:/usr/bin:/bin")
