"""Whether the environment is ready: each check alone, with what it says and the way out."""

import shutil
from pathlib import Path

import pytest
from msgspec.structs import replace
from tests.doubles.repository import make_repository, run_git, write_files

from verger_kernel.doctor import checks
from verger_kernel.doctor.checks import Check
from verger_kernel.errors import CommandError
from verger_kernel.git.repository import Repository, find
from verger_kernel.process import rooms
from verger_kernel.rules.policy import AgentDefinition, Lanes, Policy, Quarantined
from verger_probes.exits import Exit

GENERIC = {name: AgentDefinition(kind="generic", command=("true",)) for name in ("w", "a", "b")}
POLICY = Policy(agents=GENERIC, lanes=Lanes(worker="w", audit_a="a", audit_b="b"), disk_floor_mb=1)
OPEN = replace(POLICY, sandbox="none")


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """A clean repository with one commit and an identity."""
    return find(make_repository(tmp_path / "repository", {f"{n}.md": "a\n" for n in range(7)}))


def environment(repository: Repository, **more: str) -> dict[str, Check]:
    path = {"PATH": "/usr/local/bin:/usr/bin:/bin"}
    return {check.name: check for check in checks.environment(repository, path | more)[0]}


def policy(repository: Repository, root: Path, chosen: Policy = POLICY) -> dict[str, Check]:
    environ = {"PATH": "/usr/bin:/bin", "HOME": str(root / "home")}
    found = checks.policy_checks(repository, chosen, environ, root / "state" / "verger")
    return {check.name: check for check in found}


def test_all_is_well_in_a_good_place(repository: Repository, tmp_path: Path) -> None:
    found = environment(repository) | policy(repository, tmp_path)
    assert {check.status for check in found.values()} == {"ok"}
    assert all(not check.detail and not check.hint for check in found.values())


def test_files_with_changes_are_named_and_the_rest_counted(repository: Repository) -> None:
    write_files(repository.root, {f"{n}.md": "changed\n" for n in range(7)} | {"untracked.md": "new\n"})
    check = environment(repository)["clean_tracked_checkout"]
    assert check.detail == ("tracked files have uncommitted changes: 0.md, 1.md, 2.md, 3.md, 4.md and 2 more")


@pytest.mark.parametrize("key", ["user.name", "user.email"])
def test_half_an_identity_is_none(repository: Repository, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/nonexistent")
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    run_git(repository.root, "config", key, " ")
    assert environment(repository)["git_identity"].status == "error"


def test_a_git_that_does_not_answer_is_one_error_and_no_facts(repository: Repository) -> None:
    (repository.git_dir / "config").write_text("[broken\n", encoding="utf-8")
    found, facts = checks.environment(repository, {"PATH": "/usr/bin:/bin"})
    assert facts is None
    assert [(check.name, check.status) for check in found if check.status != "ok"] == [
        ("git_answers", "error")
    ]


def test_agent_configuration_that_nobody_reviewed_is_refused_or_acknowledged(
    repository: Repository, tmp_path: Path
) -> None:
    write_files(tmp_path / "home", {".codex/config.toml": ""})
    write_files(repository.root, {".mcp.json": "{}"})
    check = policy(repository, tmp_path)["agent_environment"]
    assert check.status == "error"
    assert str(tmp_path / "home" / ".codex" / "config.toml") in check.detail
    assert str(repository.root / ".mcp.json") in check.detail
    acknowledged = replace(POLICY, ambient_agent_config="acknowledged")
    assert policy(repository, tmp_path, acknowledged)["agent_environment"].status == "ok"
    # A scripted agent reads none of them.
    (tmp_path / "scenario.toml").write_text('schema_version = "verger.scenario.v1"\n')
    agent = AgentDefinition(kind="scripted", scenario=str(tmp_path / "scenario.toml"))
    played = replace(POLICY, agents=dict.fromkeys(GENERIC, agent))
    assert policy(repository, tmp_path, played)["agent_environment"].status == "ok"


def test_the_first_agent_that_cannot_be_started_is_named(repository: Repository, tmp_path: Path) -> None:
    broken = replace(POLICY, agents=GENERIC | {"b": AgentDefinition(kind="generic", command=("./gone",))})
    check = policy(repository, tmp_path, broken)["agents"]
    assert check.detail.startswith("agent 'b' cannot be started: program ")
    assert check.hint.startswith("mend [agents.b] in verger.toml")


def test_the_disk_floor_counts_what_is_free_where_the_runs_will_lie(
    repository: Repository, tmp_path: Path
) -> None:
    free_mb = shutil.disk_usage(tmp_path).free >> 20
    check = policy(repository, tmp_path, replace(POLICY, disk_floor_mb=free_mb * 2))["disk_floor"]
    assert check.detail.endswith(f"the floor is {free_mb * 2} MiB")
    assert str(tmp_path) in check.detail


def test_a_state_folder_behind_a_file_or_a_broken_link_is_refused(
    repository: Repository, tmp_path: Path
) -> None:
    for spoil in ((tmp_path / "state").touch, lambda: (tmp_path / "state").symlink_to("nowhere")):
        spoil()
        check = policy(repository, tmp_path)["state_folder"]
        assert (check.status, check.detail.endswith("it is no folder")) == ("error", True)
        (tmp_path / "state").unlink()


def test_what_lies_above_the_verification_trees_is_named_where_no_room_can_be_mounted(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_files(tmp_path / "state", {"conftest.py": "", "node_modules/x": ""})
    assert policy(repository, tmp_path, OPEN)["verification_ancestors"].status == (
        "ok" if rooms.can_mount(tmp_path) else "error"
    )
    # A machine without the programs that mount.
    monkeypatch.setattr(rooms, "known_entries", lambda: ())
    monkeypatch.setattr(rooms, "_entries", {})
    check = policy(repository, tmp_path, OPEN)["verification_ancestors"]
    assert check.status == "error"
    assert f"{tmp_path}/state/conftest.py, {tmp_path}/state/node_modules" in check.detail
    assert check.hint.startswith("move it, set XDG_STATE_HOME")
    acknowledged = replace(OPEN, verification_ancestors="acknowledged")
    assert policy(repository, tmp_path, acknowledged)["verification_ancestors"].status == "ok"


def test_what_lies_beside_the_mount_point_of_a_room_is_named_as_well(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_files(tmp_path / "root", {"package.json": "{}"})
    monkeypatch.setattr(rooms, "inside", lambda work: tmp_path / "root" / "mnt")
    check = policy(repository, tmp_path, OPEN)["verification_ancestors"]
    assert (check.status, f"{tmp_path}/root/package.json" in check.detail) == ("error", True)
    assert check.hint.startswith("move it, or set verification_ancestors")


def test_a_quarantine_that_expired_is_named_with_its_owner(repository: Repository, tmp_path: Path) -> None:
    entries = [Quarantined(test=f"t{n}", owner="ann", expires="2020-01-01") for n in range(6)]
    lasting = Quarantined(test="lasting", owner="bob", expires="9999-12-31")
    chosen = replace(POLICY, quarantine=(lasting, *entries))
    check = policy(repository, tmp_path, chosen)["quarantine"]
    assert check.status == "warning"
    assert "6 entry(ies)" in check.detail
    assert "'t0' of 'ann', until 2020-01-01" in check.detail
    assert check.detail.endswith("; and 1 more")
    assert "lasting" not in check.detail
    assert policy(repository, tmp_path, replace(POLICY, quarantine=(lasting,)))["quarantine"].status == "ok"


def test_the_first_error_refuses_and_warnings_do_not() -> None:
    warning = Check(name="w", status="warning", detail="odd", hint="look")
    checks.refuse([Check(name="fine"), warning])
    errors = [Check(name=name, status="error", detail=name, hint=f"mend {name}") for name in "xy"]
    with pytest.raises(CommandError) as caught:
        checks.refuse([warning, *errors], Exit.INPUT)
    assert (caught.value.what, caught.value.hint, caught.value.code) == ("x", "mend x", Exit.INPUT)
