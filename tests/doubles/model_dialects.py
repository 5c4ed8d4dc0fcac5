"""A reply as each vendor's API says it: as one message, or as the events of a stream.

Not here: connections; see `model_server.py`. Each speaks as much as codex and claude need.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from itertools import count
from typing import Any

from tests.doubles.model_words import Answer, Asked, Drop, FailInStream, Hang, Reply, Say, Use

_NUMBERS = count(1)


async def hang() -> bool:
    """Waits until it is cancelled."""
    await asyncio.Event().wait()
    return False


def _id(kind: str) -> str:
    return f"{kind}_{next(_NUMBERS):08d}"


class Messages:
    """Anthropic's dialect."""

    def __init__(self, asked: Asked) -> None:
        self.asked = asked

    def error(self, error: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "type": "error",
            "error": {"type": "api_error", "message": "the script says so"} | dict(error),
        }

    def message(self, reply: Reply) -> dict[str, Any]:
        block, stop = self._block(reply)
        return {
            "id": _id("msg"),
            "type": "message",
            "role": "assistant",
            "model": self.asked.body.get("model"),
            "content": [block] if block else [],
            "stop_reason": stop,
            "stop_sequence": None,
            "usage": _ANTHROPIC_USAGE,
        }

    def _block(self, reply: Reply) -> tuple[dict[str, Any] | None, str]:
        match reply:
            case Answer(value) if "StructuredOutput" in self.asked.tools:
                return self._block(Use("StructuredOutput", value))
            case Answer(value):
                return {"type": "text", "text": json.dumps(value)}, "end_turn"
            case Use(tool, given):
                return {"type": "tool_use", "id": _id("toolu"), "name": tool, "input": given}, "tool_use"
            case Say(text, _, stop):
                return {"type": "text", "text": text}, stop
            case _:
                return None, "end_turn"

    async def stream(self, reply: Reply) -> AsyncIterator[dict[str, Any]]:
        message = self.message(reply)
        blocks, stop = message["content"], message["stop_reason"]
        yield {"type": "message_start", "message": message | {"content": [], "stop_reason": None}}
        match reply:
            case Hang():
                await hang()
            case Drop():
                return
            case FailInStream(code, words):
                yield self.error({"type": code, "message": words})
                return
        for block in blocks:
            empty = {"input": {}} if block["type"] == "tool_use" else {"text": ""}
            yield {"type": "content_block_start", "index": 0, "content_block": block | empty}
            for delta in self._deltas(block, reply):
                yield {"type": "content_block_delta", "index": 0, "delta": delta}
                await asyncio.sleep(getattr(reply, "pause_s", 0))
            yield {"type": "content_block_stop", "index": 0}
        end = {"stop_reason": stop, "stop_sequence": None}
        yield {"type": "message_delta", "delta": end, "usage": {"output_tokens": 20}}
        yield {"type": "message_stop"}

    def _deltas(self, block: dict[str, Any], reply: Reply) -> list[dict[str, Any]]:
        if block["type"] == "tool_use":
            return [{"type": "input_json_delta", "partial_json": json.dumps(block["input"])}]
        parts = list(block["text"]) if getattr(reply, "pause_s", 0) else [block["text"]]
        return [{"type": "text_delta", "text": part} for part in parts]


_ANTHROPIC_USAGE = {
    "input_tokens": 100,
    "cache_creation_input_tokens": 30,
    "cache_read_input_tokens": 200,
    "output_tokens": 20,
}
_OPENAI_USAGE = {
    "input_tokens": 1000,
    "input_tokens_details": {"cached_tokens": 600},
    "output_tokens": 50,
    "output_tokens_details": {"reasoning_tokens": 10},
    "total_tokens": 1050,
}


class Responses:
    """OpenAI's dialect."""

    def __init__(self, asked: Asked) -> None:
        self.asked = asked
        self.id = _id("resp")

    def error(self, error: Mapping[str, Any]) -> dict[str, Any]:
        return {"error": {"type": "server_error", "message": "the script says so"} | dict(error)}

    def message(self, reply: Reply) -> dict[str, Any]:
        return self._response("completed", output=self._items(reply), usage=_OPENAI_USAGE)

    def _response(self, status: str, **more: Any) -> dict[str, Any]:
        told = {"id": self.id, "object": "response", "status": status, "model": self.asked.body.get("model")}
        return told | {"output": [], "usage": None} | more

    def _items(self, reply: Reply) -> list[dict[str, Any]]:
        match reply:
            case Answer(value):
                return self._items(Say(json.dumps(value)))
            case Say(text):
                part = {"type": "output_text", "text": text, "annotations": []}
                said = {"type": "message", "id": _id("msg"), "role": "assistant", "status": "completed"}
                return [said | {"content": [part]}]
            case Use(tool, given, custom):
                call = {"id": _id("fc"), "call_id": _id("call"), "name": tool, "status": "completed"}
                if custom:
                    return [call | {"type": "custom_tool_call", "input": given}]
                return [call | {"type": "function_call", "arguments": json.dumps(given)}]
            case _:
                return []

    async def stream(self, reply: Reply) -> AsyncIterator[dict[str, Any]]:
        yield {"type": "response.created", "response": self._response("in_progress")}
        match reply:
            case Hang():
                await hang()
            case Drop():
                return
            case FailInStream("incomplete", reason):
                cut = self._response("incomplete", incomplete_details={"reason": reason}, usage=_OPENAI_USAGE)
                yield {"type": "response.incomplete", "response": cut}
                return
            case FailInStream(code, words):
                failed = self._response("failed", error={"code": code, "message": words})
                yield {"type": "response.failed", "response": failed}
                return
        items = self._items(reply)
        for index, item in enumerate(items):
            yield {"type": "response.output_item.added", "output_index": index, "item": item}
            if isinstance(reply, Say) and reply.pause_s:
                for letter in reply.text:
                    where = {"item_id": item["id"], "output_index": index, "content_index": 0}
                    yield {"type": "response.output_text.delta", "delta": letter} | where
                    await asyncio.sleep(reply.pause_s)
            yield {"type": "response.output_item.done", "output_index": index, "item": item}
        done = self._response("completed", output=items, usage=_OPENAI_USAGE)
        yield {"type": "response.completed", "response": done}
