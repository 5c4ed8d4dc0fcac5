"""The greeting of a supervised kernel: who it says it is, whom it believes, and that it makes nothing before.

Not here: what it answers afterwards; see test_answering.py.
"""

import os
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.doubles.asking import Asker, asker, encoded, ended, run_id, started, supervised
from tests.doubles.notes import item
from tests.doubles.trials import PASSING, passed, shell, trial
from tests.doubles.workplace import Result, Workplace, assert_refused, untouched, workplace

from verger_kernel.supervised.greeting import Greeting
from verger_probes.identity import boot_id, pid_namespace, start_ticks
from verger_probes.version import VERSION

IMPATIENT = """
import sys
from verger_kernel.supervised import greeting
greeting.PATIENCE_S = 0.3
from verger_kernel.__main__ import main
sys.exit(main())
"""
TELLS_WHETHER_DUMPABLE = """
import atexit, ctypes, pathlib, os, sys
from verger_kernel.__main__ import main
told = pathlib.Path(os.environ["HOME"], "dumpable")
atexit.register(lambda: told.write_text(str(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))))
sys.exit(main())
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """A place of work in which nothing ever is begun."""
    return workplace(tmp_path_factory.mktemp("greeting"), rows=[item("01")])


@pytest.fixture
def orders() -> Iterator[Asker]:
    with asker() as made:
        yield made


def refused(process: "subprocess.Popen[bytes]", *words: str, code: int = 6) -> None:
    found, err = ended(process)
    assert_refused(Result(found, "", err), code, *words)


def test_it_says_who_it_is_before_it_is_told_anything(place: Workplace) -> None:
    with supervised(place, "run", "--help") as kernel:
        assert kernel.hello["hello"] == "verger-kernel/1"
        assert kernel.hello["version"] == VERSION
        said = kernel.identity
        assert (said.pid, said.boot_id, said.pid_namespace) == (kernel.pid, boot_id(), pid_namespace())
        assert said.start_ticks == (start_ticks(kernel.pid) or said.start_ticks)
        assert kernel.process
        assert ended(kernel.process)[0] == 0


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (lambda one: b"no json\n", "cannot be read"),
        (lambda one: b"[]\n", "cannot be read"),
        (lambda one: b"\xff\xfe\n", "cannot be read"),
        (lambda one: encoded({"run_id": one.run_id}), "cannot be read"),
        (lambda one: one.orders(more="1"), "cannot be read"),
        (lambda one: one.orders(key="zz" * 32), "cannot be read"),
        (lambda one: one.orders(key="00" * 31), "no key"),
        (lambda one: one.orders(key=" ".join(["00"] * 32)), "no key"),
        (lambda one: one.orders(epoch=0), "no epoch"),
        (lambda one: one.orders(run_id=""), "no run"),
        (lambda one: one.orders(invocation=""), "no invocation"),
        (lambda one: one.orders(probe_socket="probe.sock"), "no socket"),
        (lambda one: b"x" * 20_000, "longer than 16384 bytes"),
        (lambda one: b"", "went away before it gave the key"),
        (lambda one: one.orders()[:-5], "went away before it gave the key"),
    ],
)
def test_orders_that_make_no_sense_end_it_before_it_makes_anything(
    place: Workplace, orders: Asker, line: Callable[[Asker], bytes], words: str
) -> None:
    with untouched(place), started(place, orders.words) as (process, greeting):
        greeting.sendall(line(orders))
        greeting.shutdown(1)
        refused(process, "cannot be supervised", words)
    assert list(orders.place.iterdir()) == []


@pytest.mark.parametrize("drip", [b"", b" "])
def test_a_daemon_that_says_nothing_or_drips_is_not_waited_for_long(
    place: Workplace, orders: Asker, drip: bytes
) -> None:
    with untouched(place), started(place, orders.words, ("-c", IMPATIENT)) as (process, greeting):
        while process.poll() is None:
            try:
                greeting.sendall(drip)
                process.wait(0.02)
            except (subprocess.TimeoutExpired, BrokenPipeError):
                continue
        refused(process, "the daemon said nothing: timed out")


@pytest.mark.parametrize("words", [(), ("",), ("x",), ("-1",), ("99",), ("9" * 40,), ("1",)])
def test_what_is_no_socket_is_refused(place: Workplace, words: tuple[str, ...]) -> None:
    with untouched(place):
        assert_refused(place.verger("--supervised", *words), 6, "cannot be supervised")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("run", "playbook.md", "--next"), 2, "no run id"),
        (("run", "playbook.md", "--next", "--run-id", "RUN_1"), 2, "no run id"),
        (("run", "playbook.md", "--next", "--run-id", run_id()), 2, "the daemon means run"),
        (("doctor",), 2, "doctor is never supervised"),
        (("nonsense",), 2, "nonsense"),
        (("resume", "latest"), 4, "no run was ever made"),
    ],
)
def test_it_carries_on_nothing_but_the_run_that_the_daemon_means(
    place: Workplace, words: tuple[str, ...], code: int, said: str
) -> None:
    with untouched(place), supervised(place, *words) as kernel:
        assert kernel.process
        refused(kernel.process, said, code=code)
        assert not kernel.path.exists()


def test_only_a_daemon_draws_ids(place: Workplace, orders: Asker) -> None:
    with untouched(place):
        assert_refused(place.verger(*orders.words), 2, "--run-id is for the daemon alone")
    assert "--run-id" not in place.verger("run", "--help").stdout


def test_its_descriptor_is_closed_in_every_program_that_it_becomes_or_starts() -> None:
    ours, theirs = socket.socketpair()
    with ours:
        number = theirs.detach()
        os.set_inheritable(number, True)
        kept = Greeting(str(number))
        assert not os.get_inheritable(number)
        del kept


def test_nobody_else_can_look_into_it_and_no_child_has_its_descriptor(tmp_path: Path) -> None:
    looks = 'ls -l /proc/self/fd >"$HOME/descriptors"; exec $AGENT write docs/01.md "a note"'
    place = trial(tmp_path, agents=PASSING | {"worker": shell(looks)})
    with supervised(place, program=("-c", TELLS_WHETHER_DUMPABLE)) as kernel:
        assert kernel.process
        code, err = ended(kernel.process)
    passed(place, Result(code, "", err))
    assert "socket:" not in (place.home / "descriptors").read_text()
    assert (place.home / "dumpable").read_text() == "0"


def test_a_daemon_that_dies_after_the_greeting_means_nothing_to_it(tmp_path: Path, orders: Asker) -> None:
    place = trial(tmp_path)
    with started(place, orders.words) as (process, greeting):
        assert greeting.recv(1)
        greeting.sendall(orders.orders())
        greeting.close()
        code, err = ended(process)
        passed(place, Result(code, "", err))
        assert list(orders.place.iterdir()) == []
