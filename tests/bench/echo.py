"""A server that answers every read with the same bytes and knows nothing else: what this machine takes for an answer.

Not here: measuring it; see `many_runs_figures.py`. `python -P echo.py SOCKET BYTES` says `ready`, and ends with its
stdin.
"""

import asyncio
import sys

_READ = memoryview(bytearray(1 << 16))


class Echo(asyncio.BufferedProtocol):
    """One connection, made as the daemon's are."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def get_buffer(self, sizehint: int) -> memoryview:
        return _READ

    def buffer_updated(self, nbytes: int) -> None:
        self._transport.write(self._answer)


async def main(path: str, size: int) -> None:
    """Answers with `size` bytes until stdin ends."""
    loop = asyncio.get_running_loop()
    answer = b'{"jsonrpc":"2.0","id":1,"result"'.ljust(size - 2) + b"}\n"
    await loop.create_unix_server(lambda: Echo(answer), path)
    print("ready", flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
