"""A stand-in for a model's API on loopback: OpenAI Responses and Anthropic Messages, as a script tells it.

Not here: what can be told (`model_words.py`), how it is said (`model_dialects.py`), and any story.
"""

import asyncio
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

from tests.doubles.model_dialects import Messages, Responses, hang
from tests.doubles.model_words import Asked, Drop, Fail, FailInStream, Hang, Reply, Say, Script

_REASONS = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found"}


class ModelServer:
    """Where it listens, and what it was asked."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.asked: list[Asked] = []
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, one request at a time."""
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while await self._one(reader, writer):
                pass
        writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, path, _ = head[0].split(" ")
        pairs = (line.partition(":") for line in head[1:] if line)
        headers = {name.lower(): value.strip() for name, _, value in pairs}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        where = path.partition("?")[0]
        dialects = {"/responses": "openai", "/messages": "anthropic"}
        dialect = next((one for end, one in dialects.items() if where.endswith(end)), "")
        if method != "POST" or not dialect:
            listed = {"object": "list", "data": [], "models": [], "input_tokens": 1}
            return await _whole(writer, 200 if "models" in where or "count_tokens" in where else 404, listed)
        asked = Asked(dialect, json.loads(body), headers)
        if dialect == "anthropic" and not asked.tools:
            # Titles and summaries, for people who look on.
            return await _whole(writer, 200, Messages(asked).message(Say("aside")))
        self.asked.append(asked)
        return await self._answer(asked, self.script(asked), writer)

    async def _answer(self, asked: Asked, reply: Reply, writer: asyncio.StreamWriter) -> bool:
        speaker: Messages | Responses = Messages(asked) if asked.dialect == "anthropic" else Responses(asked)
        match reply:
            case Fail(status, error, headers):
                return await _whole(writer, status, speaker.error(error), headers)
            case Hang("headers"):
                return await hang()
            case Drop() if not asked.body.get("stream"):
                return False
            case _ if not asked.body.get("stream") and isinstance(reply, FailInStream):
                return await _whole(
                    writer, 529, speaker.error({"type": reply.code, "message": reply.message})
                )
            case _ if not asked.body.get("stream") and not isinstance(reply, Hang):
                return await _whole(writer, 200, speaker.message(reply))
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n")
        async for event in speaker.stream(reply):
            writer.write(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode())
            await writer.drain()
        return False


async def _whole(
    writer: asyncio.StreamWriter, status: int, value: object, headers: Mapping[str, str] = {}
) -> bool:
    data = json.dumps(value).encode()
    lines = [f"HTTP/1.1 {status} {_REASONS.get(status, 'Error')}", "content-type: application/json"]
    lines += [f"content-length: {len(data)}", *(f"{name}: {text}" for name, text in headers.items())]
    writer.write("\r\n".join([*lines, "", ""]).encode() + data)
    await writer.drain()
    return True


@contextmanager
def served(script: Script) -> Iterator[ModelServer]:
    """A server on loopback that answers as `script` says, in a thread of its own, until the end."""
    server, loop = ModelServer(script), asyncio.new_event_loop()
    listening: threading.Event = threading.Event()

    async def listen() -> None:
        listener = await asyncio.start_server(server.serve, "127.0.0.1", 0, limit=64 << 20)
        server.url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
        listening.set()

    def live() -> None:
        asyncio.set_event_loop(loop)
        loop.create_task(listen())
        loop.run_forever()
        for task in (left := asyncio.all_tasks(loop)):
            task.cancel()
        loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        loop.close()

    thread = threading.Thread(target=live, daemon=True)
    thread.start()
    assert listening.wait(10)
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
