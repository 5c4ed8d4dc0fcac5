"""`supervise` from odd places, with odd words and in odd environments: one clear error each."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

import pytest
from tests.doubles.daemons import Seat, seated
from tests.doubles.notes import item


@pytest.fixture(scope="module")
def seat(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seat]:
    with seated(tmp_path_factory.mktemp("odd"), rows=(item("01"),)) as made:
        made.start()
        yield made


def typed(
    seat: Seat,
    *argv: str | bytes,
    cwd: Path,
    less: tuple[str, ...] = (),
    more: Mapping[bytes, bytes] = MappingProxyType({}),
) -> "subprocess.CompletedProcess[bytes]":
    environment = {os.fsencode(name): os.fsencode(value) for name, value in seat.environment().items()}
    for name in less:
        del environment[os.fsencode(name)]
    return subprocess.run(
        (sys.executable, "-P", "-m", "verger_client", *argv),
        cwd=cwd,
        env=environment | dict(more),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=False,
    )


def refused(done: "subprocess.CompletedProcess[bytes]", code: int, *words: str) -> None:
    said = done.stderr.decode()
    (line,) = said.splitlines()
    assert (done.returncode, done.stdout) == (code, b"")
    assert line.startswith("error: ")
    assert "; hint: " in line
    assert all(word in line for word in words), line


def test_a_playbook_counts_from_the_folder_that_is_named_and_a_name_may_look_like_an_option(seat: Seat):
    elsewhere = seat.place.root / "home"
    (seat.place.repository / "docs" / "-p.md").write_bytes(
        (seat.place.repository / "playbook.md").read_bytes()
    )
    folder = ("-C", "../repository", "supervise", "run", "--item", "01", "-C", "docs")
    done = typed(seat, *folder, "--", "-p.md", cwd=elsewhere, more={b"ODD": b"\xff"})
    assert done.returncode == 0, done.stderr
    assert b"the kernel will be without 'ODD', which is no UTF-8\n" in done.stderr
    assert f"playbook     {seat.place.repository}/docs/-p.md" in seat.verger("status").stdout


@pytest.mark.parametrize(
    ("argv", "code", "word"),
    [
        (("-C", "nowhere", "supervise", "run", "playbook.md"), 2, "'nowhere': it is no folder"),
        (("-C", "docs/index.md", "supervise", "list"), 2, "it is no folder"),
        (("-C", "/", "supervise", "run", "playbook.md", "--next"), 6, "/ is in no git repository"),
        (("-C", "/", "supervise", "list"), 6, "no git repository"),
        (("supervise", "run", b"\xff.md", "--next"), 2, "in UTF-8"),
        (("supervise", "status", b"\xff"), 2, "in UTF-8"),
        (("supervise", "status", "../../etc"), 4, "run"),
        (("supervise", "logs", "RUN_2020"), 4, "run"),
        (("supervise", "resume", "nobodys"), 4, "run"),
        (("supervise", "stop", "a", "b"), 2, "name one run"),
        (("daemon", "stops"), 2, "daemon stops"),
    ],
)
def test_each_is_refused_in_one_line(seat: Seat, argv: tuple[str | bytes, ...], code: int, word: str):
    refused(typed(seat, *argv, cwd=seat.place.repository), code, word)


def test_a_client_that_means_another_state_folder_is_told_which_is_which(seat: Seat):
    other = {b"XDG_STATE_HOME": b"/elsewhere"}
    for argv in (("run", "playbook.md", "--next"), ("status",), ("list",), ("resume",), ("stop",)):
        done = typed(seat, "supervise", *argv, cwd=seat.place.repository, more=other)
        refused(
            done,
            3,
            f"this daemon keeps runs below {seat.place.state}/verger, and you below /elsewhere/verger",
        )


def test_without_a_home_the_state_that_is_named_is_enough_and_none_is_an_error(seat: Seat):
    done = typed(seat, "supervise", "list", cwd=seat.place.repository, less=("HOME",))
    assert done.returncode == 0, done.stderr
    less = ("HOME", "XDG_STATE_HOME")
    done = typed(seat, "supervise", "run", "playbook.md", "--next", cwd=seat.place.repository, less=less)
    refused(done, 3, "HOME")
