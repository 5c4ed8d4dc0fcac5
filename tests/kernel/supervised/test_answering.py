"""What a supervised kernel answers on its socket, and to whom it does not: one kernel, whose agent works all the time.

Not here: the answers over a whole run; see test_threads.py.
"""

import hmac
import os
import signal
from collections.abc import Callable, Iterator

import pytest
from tests.doubles.asking import Asker, Line, ended, run_id, socket_mode, supervised
from tests.doubles.trials import processes_of, trial
from tests.doubles.workplace import wait_until

from verger_kernel.supervised.answering import ASKS_AHEAD_MAX, CONNECTIONS_MAX
from verger_probes.identity import boottime_ns
from verger_probes.rules.probe import LINE_BYTES_MAX, PROTOCOL, Ack, answer, ask, read_answer


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asker]:
    """A kernel whose worker hangs."""
    place = trial(tmp_path_factory.mktemp("answering"), 'stage = "execute"\nsteps = [{ do = "hang" }]')
    with supervised(place) as kernel:
        line = Line(kernel.path)
        wait_until(lambda: stage_of(kernel.asked(line)) == "execute" and kernel.asked(line).journal_seq == 5)
        line.close()
        yield kernel
        os.kill(kernel.pid, signal.SIGTERM)
        assert kernel.process
        assert ended(kernel.process)[0] == 143
    assert processes_of(place) == []


@pytest.fixture
def line(kernel: Asker) -> Iterator[Line]:
    made = Line(kernel.path)
    yield made
    made.close()


@pytest.fixture(autouse=True)
def another_is_answered_all_the_time(kernel: Asker) -> Iterator[None]:
    """Whatever a peer does, somebody else is answered before and after it on one connection."""
    other = Line(kernel.path)
    kernel.asked(other)
    yield
    kernel.asked(other)
    other.close()


def stage_of(ack: Ack) -> str:
    return ack.active_stage.stage_name if ack.active_stage else ""


def test_an_answer_says_what_the_kernel_is_at(kernel: Asker, line: Line) -> None:
    ack = kernel.asked(line)
    assert ack.active_stage
    assert (ack.active_stage.item_id, ack.active_stage.attempt_number, ack.active_stage.round) == ("01", 1, 0)
    (doing,) = ack.doing
    assert doing.effect == "01/a1/r0/execute/t1"
    assert doing.began_ns < boottime_ns() < doing.deadline_ns
    # The worker may take two hours, ended in half a minute, and our own hands another half an hour.
    assert round((doing.deadline_ns - doing.began_ns) / 1e9) == 7200 + 30 + 1800
    assert socket_mode(kernel.path) == 0o600


REFUSED: dict[str, Callable[[Asker], bytes]] = {
    "another key": lambda one: ask(b"x" * 32, one.challenge()),
    "another invocation": lambda one: ask(one.key, one.challenge(invocation="e" * 32)),
    "another run": lambda one: ask(one.key, one.challenge(run_id=run_id())),
    "an epoch that is over": lambda one: ask(one.key, one.challenge(epoch=0)),
    "a short nonce": lambda one: ask(one.key, one.challenge(nonce="ab")),
    "a nonce of other digits": lambda one: ask(one.key, one.challenge(nonce="Z" * 64)),
    "a nonce with a line feed": lambda one: ask(one.key, one.challenge(nonce="a" * 64 + "\n")),
    "a bit that was turned": lambda one: ask(one.key, one.challenge()).replace(b"epoch", b"epocH"),
    "an answer": lambda one: answer(one.key, _ack(one)),
    "an empty line": lambda _: b"\n",
    "no line of ours": lambda _: b"GET / HTTP/1.1\r\n\r\n",
    "no text": lambda _: bytes(range(256)) + b"\n",
    "a line that is too long": lambda _: b"x" * (LINE_BYTES_MAX + 1) + b"\n",
    "half a line that is too long": lambda _: b"x" * (LINE_BYTES_MAX + 1),
    "a good line that is too long": lambda one: _padded(one),
    "too many at once": lambda one: b"".join(
        ask(one.key, one.challenge()) for _ in range(ASKS_AHEAD_MAX + 1)
    ),
    "a good one after a bad one": lambda one: b"bad\n" + ask(one.key, one.challenge()),
}


def _padded(kernel: Asker) -> bytes:
    body = ask(kernel.key, kernel.challenge())[65:-1].ljust(LINE_BYTES_MAX)
    said = b"%s\0ask\0%s" % (PROTOCOL.encode(), body)
    return b"%s %s\n" % (hmac.digest(kernel.key, said, "sha256").hex().encode(), body)


def _ack(kernel: Asker) -> Ack:
    line = Line(kernel.path)
    ack = kernel.asked(line)
    line.close()
    return ack


@pytest.mark.parametrize("what", REFUSED)
def test_what_proves_nothing_is_not_answered_and_ends_its_connection(
    kernel: Asker, line: Line, what: str
) -> None:
    assert kernel.is_refused(line, REFUSED[what](kernel))


def test_a_bad_line_ends_a_connection_that_was_good_before(kernel: Asker, line: Line) -> None:
    kernel.asked(line)
    assert kernel.is_refused(line, b"bad\n")


def test_a_nonce_is_answered_once_on_whatever_connection(kernel: Asker, line: Line) -> None:
    challenge = kernel.challenge()
    kernel.asked(line, challenge)
    other = Line(kernel.path)
    assert kernel.is_refused(other, ask(kernel.key, challenge))
    assert kernel.is_refused(line, ask(kernel.key, challenge))


def test_lines_come_in_any_pieces_and_several_at_once(kernel: Asker, line: Line) -> None:
    challenges = [kernel.challenge() for _ in range(ASKS_AHEAD_MAX)]
    data = b"".join(ask(kernel.key, one) for one in challenges)
    for cut in (1, 70, 400):
        line.send(data[:cut])
        data = data[cut:]
    line.send(data)
    said = [read_answer(kernel.key, line.answer()).nonce for _ in challenges]
    assert said == [one.nonce for one in challenges]


def test_half_a_line_is_waited_for_and_its_end_closes_nothing_else(kernel: Asker, line: Line) -> None:
    line.send(ask(kernel.key, kernel.challenge())[:-1])
    line.socket.settimeout(0.05)
    with pytest.raises(TimeoutError):
        line.line()
    line.close()


def test_of_many_connections_those_that_proved_nothing_go_first(kernel: Asker, line: Line) -> None:
    kernel.asked(line)
    idle = [Line(kernel.path) for _ in range(100)]
    # All of ours was accepted once the last one was: it is the newest.
    kernel.asked(idle[-1])
    kernel.asked(line)
    # The newest stay; with the one of every test, the one of this test and the last there is room for some more.
    gone = [one for one in idle if _is_closed(one)]
    assert gone == idle[: 100 - (CONNECTIONS_MAX - 2)]
    for one in idle:
        one.close()


def _is_closed(line: Line) -> bool:
    line.socket.setblocking(False)
    try:
        return line.socket.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionResetError:
        return True


def test_where_all_have_proved_themselves_a_newcomer_is_not_let_in(kernel: Asker) -> None:
    lines = [Line(kernel.path) for _ in range(CONNECTIONS_MAX - 1)]
    for one in lines:
        kernel.asked(one)
    assert Line(kernel.path).closed
    for one in lines:
        kernel.asked(one)
        one.close()
    # Once they are gone there is room again.
    wait_until(lambda: _lets_in(kernel))


def _lets_in(kernel: Asker) -> bool:
    line = Line(kernel.path)
    try:
        line.send(ask(kernel.key, kernel.challenge()))
        return line.answer() != b""
    except BrokenPipeError:
        return False
    finally:
        line.close()


def test_who_never_reads_is_dropped_and_never_waited_for(kernel: Asker, line: Line) -> None:
    deaf = Line(kernel.path)
    with pytest.raises((BrokenPipeError, ConnectionResetError)):
        for _ in range(2_000):
            deaf.send(ask(kernel.key, kernel.challenge()))
            # Once somebody else is answered, so was this one: never too many at once.
            kernel.asked(line)
    deaf.close()


def test_z_a_later_daemon_overtakes_the_one_before(kernel: Asker, line: Line) -> None:
    before = kernel.epoch
    kernel.epoch += 1
    kernel.asked(line)
    assert kernel.is_refused(Line(kernel.path), ask(kernel.key, kernel.challenge(epoch=before)))
