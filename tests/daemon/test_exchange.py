"""The sockets of all kernels: what goes out together, what is read together, and who may be gone meanwhile."""

import asyncio
import socket
from collections.abc import Callable

from verger_daemon.exchange import Exchange

MANY = 20


class End:
    """Our end of one connection, and the other one."""

    def __init__(self, exchange: Exchange) -> None:
        self.ours, self.theirs = socket.socketpair()
        self.ours.setblocking(False)
        self.exchange = exchange
        self.said: list[bytes] = []
        self.on_read: Callable[[], None] = lambda: None
        self.is_open = True
        exchange.join(self.ours.fileno(), self)

    def read(self) -> None:
        self.said.append(self.ours.recv(100))
        self.on_read()

    def send(self, line: bytes) -> None:
        if self.is_open:
            self.ours.send(line)

    def close(self) -> None:
        self.is_open = False
        self.exchange.leave(self.ours.fileno())
        self.ours.close()
        self.theirs.close()


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not is_so():
            await asyncio.sleep(0)


def ends(exchange: Exchange, count: int) -> list[End]:
    return [End(exchange) for _ in range(count)]


def test_what_is_to_be_sent_in_one_turn_goes_out_after_it() -> None:
    async def exchanged() -> None:
        exchange = Exchange()
        few = ends(exchange, 3)
        for number, end in enumerate(few):
            exchange.send_soon(end, b"%d" % number)
            end.theirs.setblocking(False)
        for end in few:
            try:
                end.theirs.recv(1)
            except BlockingIOError:
                continue
            raise AssertionError("it was sent before the turn was over")
        await asyncio.sleep(0)
        assert [end.theirs.recv(1) for end in few] == [b"0", b"1", b"2"]
        for end in few:
            end.close()

    asyncio.run(exchanged())


def test_every_answer_to_many_questions_is_read_and_who_says_something_else_meanwhile_too() -> None:
    async def exchanged() -> None:
        exchange = Exchange()
        many = ends(exchange, MANY)
        for _ in range(2):
            for end in many:
                exchange.send_soon(end, b"?")
            await asyncio.sleep(0)
            for end in many:
                end.theirs.send(b"!")
            await until(lambda: all(end.said for end in many))
            assert [end.said for end in many] == [[b"!"]] * MANY
            for end in many:
                end.said.clear()
        for end in many:
            end.close()

    asyncio.run(exchanged())


def test_those_who_never_answer_keep_nobody_from_being_heard() -> None:
    async def exchanged() -> None:
        exchange = Exchange()
        silent, late = ends(exchange, MANY), End(exchange)
        for end in silent:
            exchange.send_soon(end, b"?")
        await asyncio.sleep(0)
        late.theirs.send(b"moved 1\n")
        await until(lambda: bool(late.said))
        # Long after everybody was given up it is heard at once again.
        await until(lambda: not exchange._gatherings)
        late.theirs.send(b"moved 2\n")
        await until(lambda: len(late.said) == 2)
        for end in (*silent, late):
            end.close()

    asyncio.run(exchanged())


def test_one_that_is_ended_while_another_is_read_is_not_read_and_not_sent_to() -> None:
    async def exchanged() -> None:
        exchange = Exchange()
        one, other = ends(exchange, 2)
        one.on_read = other.close
        other.on_read = one.close
        exchange.send_soon(one, b"?")
        exchange.send_soon(other, b"?")
        one.theirs.send(b"!")
        other.theirs.send(b"!")
        await until(lambda: bool(one.said or other.said))
        await asyncio.sleep(0)
        assert len(one.said) + len(other.said) == 1
        (one if one.is_open else other).close()
        exchange.close()

    asyncio.run(exchanged())
