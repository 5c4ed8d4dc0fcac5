"""Making the daemon a unit, as a user types it: what is written, what is said, what is refused, and the way back."""

import os
from pathlib import Path

import pytest
from tests.doubles.daemons import Seat, seated
from tests.doubles.systemd import Systemd, managed
from tests.journeys.test_systemd import typed


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory):
    with seated(tmp_path_factory.mktemp("install")) as made:
        yield made


@pytest.fixture
def seat(place: Seat):
    """A user without any unit."""
    for path in units(place).glob("*"):
        path.unlink()
    return place


def units(seat: Seat) -> Path:
    return seat.place.home / ".config" / "systemd" / "user"


@pytest.fixture
def systemd(seat: Seat):
    with managed(seat.runtime, units(seat), seat.environment()) as made:
        made.programs(seat.place.root / "bin")
        yield made
    for name in ("notify", "manager"):
        (seat.runtime / name).unlink()


def names(systemd: Systemd) -> list[str]:
    return sorted(path.name for path in systemd.folder.glob("*"))


def test_installing_writes_two_files_and_says_what_to_do_next(seat: Seat, systemd: Systemd):
    done = typed(seat, "daemon", "install")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        str(systemd.folder / f"vergerd.{kind}") for kind in ("socket", "service")
    ]
    assert "next: systemctl --user enable --now vergerd.socket vergerd.service\n" in done.stderr
    assert "warning: lingering is off" in done.stderr
    assert "hint: loginctl enable-linger " in done.stderr
    assert ["systemctl", "--user", "--no-pager", "daemon-reload"] in systemd.asked
    assert systemd.main is None
    again = typed(seat, "daemon", "install", "--now")
    assert again.returncode == 0, again.stderr
    assert systemd.main is not None
    assert typed(seat, "daemon", "status").stdout.startswith(
        "unit          vergerd.service, active (running)\n"
    )


def test_uninstalling_takes_away_what_installing_wrote_and_no_more(seat: Seat, systemd: Systemd):
    assert typed(seat, "daemon", "install", "--now").returncode == 0
    beside = systemd.folder / "other.service"
    beside.touch()
    refused = typed(seat, "daemon", "uninstall")
    assert (refused.returncode, refused.stderr) == (
        3,
        "error: vergerd.service is at work; hint: verger daemon stop\n",
    )
    assert typed(seat, "daemon", "stop").returncode == 0
    gone = typed(seat, "daemon", "uninstall")
    assert gone.returncode == 0, gone.stderr
    assert names(systemd) == ["other.service"]
    assert systemd.asked[-1][-1] == "daemon-reload"
    assert typed(seat, "daemon", "uninstall").returncode == 4


def test_what_was_changed_is_neither_replaced_nor_removed(seat: Seat, systemd: Systemd):
    assert typed(seat, "daemon", "install").returncode == 0
    service = systemd.folder / "vergerd.service"
    changed = service.read_text() + "# mine\n"
    service.write_text(changed)
    for verb in ("install", "uninstall"):
        refused = typed(seat, "daemon", verb)
        assert (refused.returncode, refused.stdout) == (3, "")
        assert f"{service} is not as verger daemon install wrote it; hint: " in refused.stderr
    assert service.read_text() == changed
    assert typed(seat, "daemon", "install", "--force").returncode == 0
    assert service.read_text() != changed


def test_looking_writes_nothing_and_needs_no_manager(seat: Seat):
    before = seat.place.everything()
    shown = seat.verger("daemon", "install", "--print", PATH="/nowhere")
    assert shown.returncode == 0, shown.stderr
    assert "\n[Service]\n" in shown.stdout
    assert "\n[Socket]\n" in shown.stdout
    of_machine = seat.verger("daemon", "install", "--system", "daemon", "--print")
    assert "# /etc/systemd/system/vergerd@daemon.service\n" in of_machine.stdout
    assert "\nUser=%i\n" in of_machine.stdout
    assert f"HOME={seat.place.home}" not in of_machine.stdout
    assert seat.place.everything() == before


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("install", "--system", "nobody of this name"), 4, "is no user of this machine"),
        (("install", "--system"), 2, "--system needs the name of a user"),
        (("install", "--json"), 2, "is no command about the daemon"),
        (("instal",), 2, "is no command about the daemon"),
        (("install",), 6, "systemctl is not here"),
        (("logs",), 4, "no daemon wrote to"),
        (("restart", "now"), 2, "is no command about the daemon"),
    ],
)
def test_what_cannot_be_done_is_refused_in_a_line(seat: Seat, words: tuple[str, ...], code: int, said: str):
    done = seat.verger("daemon", *words, PATH="/nowhere")
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr
    assert "; hint: " in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_manager_that_refuses_is_quoted(seat: Seat):
    programs = seat.place.root / "refusing"
    programs.mkdir()
    (programs / "systemctl").write_text(
        '#!/bin/sh\ncase "$1" in --version) echo systemd 252;; *) echo No bus >&2; exit 1;; esac\n'
    )
    (programs / "systemctl").chmod(0o755)
    config = seat.place.root / "config"
    done = seat.verger(
        "daemon",
        "install",
        PATH=f"{programs}{os.pathsep}{os.environ['PATH']}",
        XDG_CONFIG_HOME=str(config),
    )
    assert done.returncode == 6
    assert "error: systemctl --user --no-pager show --property=Version failed: No bus; hint: " in done.stderr
    assert "log in as that user, not with su" in done.stderr
    assert not config.exists()
