"""The units are what systemd understands, say what they hold and why, and never take the place of what others wrote."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from verger_client import installing
from verger_client.systemctl import Scope, lingers
from verger_client.units import (
    KINDS,
    PROGRAMS,
    Site,
    Unwritable,
    found,
    is_name,
    is_sealed,
    quoted,
    sealed,
    unit,
)
from verger_client.wire import Refused
from verger_daemon.app import STOP_SIGNAL

ROOT = Path(__file__).parents[2]
ANALYZE = shutil.which("systemd-analyze")
EXPOSURE = {"": 78, "daemon": 38}
"""The most that `systemd-analyze security` may find, in tenths: without rights a manager can take few away."""
PYTHON = sys.executable


def site(user: str = "", **more: str) -> Site:
    environ = {"PATH": os.environ["PATH"], "HOME": "/home/somebody", **more}
    return Site(PYTHON, environ, user, 1 if user else 0, 252)


def directives(text: str) -> list[str]:
    return re.findall(r"^(\w+)=", text, re.MULTILINE)


def written(folder: Path, made: Site) -> list[str]:
    paths = [folder / f"{made.name}.{kind}" for kind in KINDS]
    for path, kind in zip(paths, KINDS, strict=True):
        path.write_text(unit(kind, made))
    return [str(path) for path in paths]


def analyzed(folder: Path, made: Site, *words: str) -> "subprocess.CompletedProcess[str]":
    manager = () if made.user else ("--user",)
    return subprocess.run(
        (str(ANALYZE), *manager, *words),
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "XDG_RUNTIME_DIR": str(folder)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.skipif(not ANALYZE, reason="systemd-analyze is not installed: nothing here can judge the units")
@pytest.mark.parametrize("user", ["", "daemon"])
def test_systemd_understands_every_line_and_finds_no_more_exposed_than_is_known(
    tmp_path: Path, user: str
) -> None:
    made = site(user)
    paths = written(tmp_path, made)
    # Its exit code is 0 for a key that it does not know.
    checked = analyzed(tmp_path, made, "--man=no", "verify", *paths)
    assert (checked.returncode, checked.stderr) == (0, "")
    judged = analyzed(
        tmp_path, made, "security", "--no-pager", "--offline=true", f"--threshold={EXPOSURE[user]}", paths[1]
    )
    assert judged.returncode == 0, judged.stdout


@pytest.mark.skipif(not ANALYZE, reason="systemd-analyze is not installed: nothing here can judge the units")
def test_that_judge_would_notice(tmp_path: Path) -> None:
    made = site()
    paths = written(tmp_path, made)
    broken = Path(paths[1])
    broken.write_text(broken.read_text().replace("WatchdogSec", "WatchdogSex"))
    assert "WatchdogSex" in analyzed(tmp_path, made, "--man=no", "verify", *paths).stderr


@pytest.mark.parametrize("user", ["", "daemon"])
def test_every_placeholder_is_filled_and_every_mark_is_gone(user: str) -> None:
    for kind in KINDS:
        text = unit(kind, site(user))
        assert not re.findall(r"@[A-Z]+@|^@", text, re.MULTILINE)
        assert ("User=%i" in text) is bool(user)


def test_a_stop_and_a_restart_send_what_the_daemon_knows() -> None:
    text = unit("service", site())
    assert f"KillSignal={STOP_SIGNAL.name}\n" in text
    assert "RestartKillSignal=SIGTERM\n" in text
    assert "KillMode=process\n" in text


def test_every_line_that_hardens_has_its_reason_above_it() -> None:
    lines = unit("service", site("daemon")).splitlines()
    begin, end = lines.index("NoNewPrivileges=yes"), lines.index("# Left out on purpose:")
    for number in range(begin, end):
        if re.match(r"\w+=", lines[number]):
            name = lines[number].partition("=")[0]
            above = next(line for line in reversed(lines[:number]) if not re.match(r"\w+=", line))
            assert above.startswith("# "), name


@pytest.mark.parametrize("user", ["", "daemon"])
@pytest.mark.parametrize(
    "name", ["MemoryDenyWriteExecute", "RestrictNamespaces", "PrivateNetwork", "ProtectProc", "PrivateTmp"]
)
def test_what_would_break_agents_or_the_daemon_is_named_and_left_out(user: str, name: str) -> None:
    text = unit("service", site(user))
    assert name not in directives(text)
    assert re.search(rf"^# .*\b{name}\b", text, re.MULTILINE)


def test_a_manager_of_a_user_is_asked_for_nothing_that_it_cannot_do() -> None:
    asked = directives(unit("service", site()))
    assert not {"CapabilityBoundingSet", "ProtectSystem", "PrivateDevices", "ProtectClock", "User"} & set(
        asked
    )


def test_where_agents_were_found_is_recorded_and_on_the_path(tmp_path: Path) -> None:
    tools, local = tmp_path / "tools", tmp_path / ".local" / "bin"
    for path in (tools / "codex", local / "claude", local / "codex"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("#!/bin/sh\n")
        path.chmod(0o755)
    (tools / "node").write_text("not executable")
    environ = {"PATH": f"relative:{tools}:/bin", "HOME": str(tmp_path)}
    places = found(environ)
    assert list(places) == list(PROGRAMS)
    assert (places["codex"], places["claude"]) == (str(tools / "codex"), str(local / "claude"))
    text = unit("service", Site(PYTHON, environ))
    assert f"# codex: {tools / 'codex'}\n# claude: {local / 'claude'}\n" in text
    path = re.findall(r"^Environment=PATH=(.*)$", text, re.MULTILINE)[0].split(":")
    assert path[:2] == [str(tools), str(local)]
    assert {"/usr/local/bin", "/usr/bin", "/bin"} <= set(path)
    assert all(folder.startswith("/") for folder in path)


def test_what_decides_where_the_daemon_keeps_its_own_is_taken_along() -> None:
    text = unit("service", site(XDG_STATE_HOME="/srv/a state", XDG_CONFIG_HOME="relative"))
    assert 'Environment="XDG_STATE_HOME=/srv/a state"\n' in text
    assert "XDG_CONFIG_HOME" not in text


@pytest.mark.parametrize(
    ("word", "stands"),
    [
        ("/opt/verger/bin/python", "/opt/verger/bin/python"),
        ("/a b/python", '"/a b/python"'),
        ("/100%/python", "/100%%/python"),
        ('/a"b\\c', '"/a\\"b\\\\c"'),
        ("/a;b", '"/a;b"'),
    ],
)
def test_a_word_stands_in_a_unit_as_the_one_that_it_is(word: str, stands: str) -> None:
    assert quoted(word) == stands


def test_a_dollar_in_the_command_is_no_variable_and_a_line_feed_is_no_line() -> None:
    made = site()._replace(python="/a$b/python")
    assert '\nExecStart="/a$$b/python" -P -m verger_daemon\n' in unit("service", made)
    with pytest.raises(Unwritable, match="cannot stand in a unit"):
        unit("service", site()._replace(python="/a\nUser=root"))


def test_from_systemd_254_on_the_daemon_has_a_group_of_its_own() -> None:
    old, new = (unit("service", site()._replace(version=number)) for number in (252, 254))
    assert "DelegateSubgroup" not in directives(old)
    assert "DelegateSubgroup" in directives(new)


def test_a_seal_breaks_with_any_change() -> None:
    text = sealed("[Unit]\nA=1\n")
    assert is_sealed(text)
    for changed in (text.replace("A=1", "A=2"), text + "B=1\n", "[Unit]\nA=1\n", ""):
        assert not is_sealed(changed)


def test_what_others_wrote_or_changed_stays_unless_forced(tmp_path: Path) -> None:
    scope = Scope(str(tmp_path / "units"))
    texts = {kind: sealed(f"{kind}\n") for kind in KINDS}
    installing.write(scope, texts, force=False)
    service = Path(scope.path("service"))
    assert service.stat().st_mode & 0o777 == 0o644
    # Our own, of another version, gives way.
    installing.write(scope, texts | {"service": sealed("newer\n")}, force=False)
    assert "newer" in service.read_text()
    changed = service.read_text() + "Nice=5\n"
    service.write_text(changed)
    with pytest.raises(Refused, match="is not as verger daemon install wrote it"):
        installing.write(scope, texts | {"socket": sealed("newer\n")}, force=False)
    # Neither was written.
    assert (service.read_text(), "newer" in Path(scope.path("socket")).read_text()) == (changed, False)
    installing.write(scope, texts, force=True)
    assert is_sealed(service.read_text())
    assert sorted(path.name for path in service.parent.iterdir()) == ["vergerd.service", "vergerd.socket"]


def test_a_unit_that_is_masked_or_linked_is_no_file_of_ours(tmp_path: Path) -> None:
    scope = Scope(str(tmp_path / "units"))
    service = Path(scope.path("service"))
    service.parent.mkdir()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text(sealed("kept by somebody\n"))
    for target in ("/dev/null", str(elsewhere)):
        service.symlink_to(target)
        with pytest.raises(Refused, match="is not as"):
            installing.write(scope, {"service": sealed("a\n")}, force=False)
        assert str(service.readlink()) == target
        service.unlink()


@pytest.mark.parametrize(
    ("user", "fits"), [("alice", True), ("a-b.c_1", True), ("a b", False), ("../a", False), ("%i", False)]
)
def test_a_name_that_no_unit_can_bear_is_known(user: str, fits: bool) -> None:
    assert is_name(user) is fits


def test_lingering_is_what_systemd_keeps_a_file_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert not lingers("somebody", str(tmp_path))
    (tmp_path / "somebody").touch()
    assert lingers("somebody", str(tmp_path))


def test_the_sources_of_the_repository_are_those_of_the_package() -> None:
    package = ROOT / "client" / "verger_client" / "systemd"
    assert package.resolve() == ROOT / "systemd"


def test_the_page_names_every_line_that_hardens_and_where_it_stands() -> None:
    page = (ROOT / "docs" / "systemd.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`[A-Z].*`) \| (yes|no)[^|]* \| yes \|$", page, re.MULTILINE)
    named = {
        said: {name for row, own in rows if own == said for name in re.findall(r"`(\w+)`", row)}
        for said in ("yes", "no")
    }
    lines = {
        user: set(directives(unit("service", site(user)).partition("# Everything below is inherited")[2]))
        - {"SystemCallErrorNumber", "WantedBy", "Also"}
        for user in EXPOSURE
    }
    assert named["yes"] == lines[""]
    assert named["no"] == lines["daemon"] - lines[""]
    exposure = [
        float(number) for number in re.findall(r"finds ([\d.]+) for the user's unit and ([\d.]+)", page)[0]
    ]
    assert [round(number * 10) for number in exposure] == [EXPOSURE[""] - 1, EXPOSURE["daemon"]]
