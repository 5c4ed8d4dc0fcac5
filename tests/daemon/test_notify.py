"""What systemd is told arrives as it is meant, over either kind of address; where nobody listens, nothing happens."""

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.doubles.systemd import Listener
from tests.doubles.workplace import wait_until

from verger_daemon.notify import VARIABLES, Notices, taken

PID = 4711


@pytest.fixture(params=["path", "abstract"])
def systemd(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Listener]:
    name = f"@verger-{secrets.token_hex(8)}" if request.param == "abstract" else str(tmp_path / "notify")
    made = Listener(name)
    yield made
    made.close()


def notices(systemd: Listener, **more: str) -> Notices:
    return taken({"NOTIFY_SOCKET": systemd.address, **more}, PID)


def test_each_notice_is_a_datagram_of_its_own(systemd: Listener) -> None:
    told = notices(systemd)
    told.ready()
    told.well()
    told.leaving()
    told.leaving(within_s=45)
    wait_until(lambda: len(systemd.heard) == 4)
    assert [dict(one.fields) for one in systemd.heard] == [
        {"READY": "1"},
        {"WATCHDOG": "1"},
        {"STOPPING": "1"},
        {"STOPPING": "1", "EXTEND_TIMEOUT_USEC": "45000000"},
    ]


def test_a_status_is_one_line_and_said_once(systemd: Listener) -> None:
    told = notices(systemd)
    for words in ("runs: 1", "runs: 1", "a\nWATCHDOG=1", "runs: 1"):
        told.status(words)
    wait_until(lambda: len(systemd.heard) == 3)
    assert systemd.values("STATUS") == ["runs: 1", "a WATCHDOG=1", "runs: 1"]
    assert systemd.times("WATCHDOG") == []


def test_a_manager_that_went_away_or_never_was_hurts_nobody(tmp_path: Path) -> None:
    for address in ("", str(tmp_path / "gone"), "relative", f"/{'a' * 200}", "@"):
        told = Notices(address)
        told.ready()
        told.status("words")
        told.leaving(within_s=1)


@pytest.mark.parametrize(
    ("given", "meant", "watchdog_s"),
    [("30000000", "", 30.0), ("1500000", str(PID), 1.5), ("30000000", "1", 0), ("soon", "", 0), ("²", "", 0)],
)
def test_the_watchdog_is_that_of_this_very_process(given: str, meant: str, watchdog_s: float) -> None:
    environ = {"NOTIFY_SOCKET": "@somewhere", "WATCHDOG_USEC": given, "WATCHDOG_PID": meant}
    assert taken(environ, PID).watchdog_s == watchdog_s


def test_a_watchdog_needs_somebody_to_tell() -> None:
    assert taken({"WATCHDOG_USEC": "30000000"}, PID).watchdog_s == 0


def test_nothing_of_it_is_inherited() -> None:
    environ = dict.fromkeys(VARIABLES, "1") | {"NOTIFY_SOCKET": "@somewhere", "PATH": "/bin"}
    assert taken(environ, PID).is_heard
    assert environ == {"PATH": "/bin"}
