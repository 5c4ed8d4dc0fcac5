"""Writes docs/protocol.md and docs/schemas/verger.daemon.v1.json from the types: `python docs/write_protocol.py`.

Not here: the types; see `verger_daemon.protocol`.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "protocol.md"
SCHEMA = ROOT / "docs" / "schemas" / "verger.daemon.v1.json"
sys.path[:0] = [str(ROOT / "daemon"), str(ROOT / "kernel"), str(ROOT / "probes")]

from verger_daemon.connections import Limits  # noqa: E402  # found by the line above
from verger_daemon.events import KEPT, KEPT_BYTES  # noqa: E402
from verger_daemon.protocol import messages as m  # noqa: E402
from verger_daemon.protocol.errors import KINDS, ErrorObject  # noqa: E402
from verger_daemon.protocol.framing import LINE_BYTES_MAX  # noqa: E402
from verger_daemon.protocol.methods import METHODS, PING, Method  # noqa: E402
from verger_daemon.protocol.nesting import DEPTH_MAX, PARTS_MAX  # noqa: E402
from verger_daemon.protocol.notices import EVENTS, Event  # noqa: E402

Schema = Mapping[str, Any]
_TOLD = {kind.__name__ for kind in (Event, *EVENTS.values())}
LIMITS = Limits()
_REF = "#/components/schemas/"
SOCKET = '"UNIX-CONNECT:$XDG_RUNTIME_DIR/verger/vergerd.sock"'


def components() -> dict[str, Schema]:
    """The JSON schema of each message, part, error and notification, by name."""
    used = [kind for method in METHODS.values() for kind in (method.params, method.result)]
    used += [ErrorObject, Event, *EVENTS.values()]
    _, found = msgspec.json.schema_components(used, ref_template=_REF + "{name}")
    return dict(sorted(found.items()))


def schema() -> bytes:
    """The OpenRPC document of the daemon."""
    parts = components()
    document = {
        "openrpc": "1.3.2",
        "info": {"title": "The daemon of Verger", "version": m.PROTOCOL},
        "methods": [_described(method, parts) for method in METHODS.values()],
        "components": {"schemas": parts},
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"


def _described(method: Method, parts: Mapping[str, Schema]) -> Schema:
    params = parts[method.params.__name__]
    return {
        "name": method.name,
        "summary": method.about,
        "paramStructure": "either",
        "params": [
            {"name": name, "required": name in params["required"], "schema": field}
            for name, field in params["properties"].items()
        ],
        "result": {"name": "result", "schema": {"$ref": _REF + method.result.__name__}},
    }


def page() -> str:
    """The page for people."""
    parts = components()
    blocks = [_HEAD, *_errors(), *_methods(parts), *_events(parts), *_shared(parts)]
    return "\n\n".join(blocks) + "\n"


_HEAD = f"""\
# The protocol of the daemon

JSON-RPC 2.0 over a Unix socket, one message a line. Version `{m.PROTOCOL}`. For programs there is an OpenRPC document,
[verger.daemon.v1.json](schemas/verger.daemon.v1.json). Both are written from the types by `docs/write_protocol.py`.

- The socket is `$XDG_RUNTIME_DIR/verger/vergerd.sock`; without that variable `/run/user/UID/verger/vergerd.sock` if
  `/run/user/UID` is yours, else `daemon/vergerd.sock` below Verger's state folder.
- A message is a JSON object in UTF-8 and a line feed, {LINE_BYTES_MAX} bytes at most either way. CR LF and blank lines
  are read too. It is nested {DEPTH_MAX} levels deep at most, and holds at most {PARTS_MAX} arrays and objects.
- Requests may be sent without waiting. Answers bear the `id` of their request and may come in another order. An `id`
  is a text of at most 128 characters, a number of at most 64 bits, or null, and names one request until that is
  answered: a second one with the same is answered with `invalid_request` and the id null.
- A request without `id` is a notification: it is carried out and never answered, whatever comes of it.
- Params are an object, or an array in the order of the fields below. Unknown and missing fields are refused by name.
- Several requests are several lines. An array of requests is answered by one error, and the connection is closed.
- Nothing needs to be said first. `initialize` tells whether both sides speak the same version.
- Only processes of the same user are let in. One of a run, however far from its kernel, may only call `{PING}`.
- {LIMITS.connections} connections are served. When all are taken, one that asked for nothing for {LIMITS.idle_s} s
  makes place; else the new one is told `too_many`.
- Of one connection {LIMITS.under_way} requests are carried out at once, and it gets its turn among the others. A peer
  that does not read gets nothing more; after {LIMITS.stalled_s} s of that it is dropped. Whoever sends all it has to
  say and closes its side is answered, then the connection ends.
- New methods, new fields in results and new types of events may come. What is here keeps its name and its meaning.

No method records a decision. A gate is shown here, and opened by a person, at a terminal."""


_EVENTS = f"""\
After `events.subscribe` or `run.watch` notifications come: `{{"jsonrpc":"2.0","method":"event","params":{{…}}}}`. A
connection has one subscription; a later one takes its place. The daemon keeps the last {KEPT} events, and
{KEPT_BYTES >> 20} MiB of them at most. A subscriber that falls further behind is dropped. Come back with the last `seq`
and `epoch` that you have: what is kept is sent again, and what is not is told first, with an event `events.gap`.
Another epoch is another daemon, whose events begin at 1; `from` is 0 then."""

_TYPES = """\
Types are those of [following.md](following.md), told when the daemon has read them in the journal of a run, with
`record` and `at` in the place of `seq` and `time`, and where a person should read of it, with a `text`; and these:"""


def _errors() -> Iterator[str]:
    yield "## Errors"
    yield (
        "`message` says what could not be done, and why. `data` has `name`, `hint` (the way out), `exit_code` (what a "
        "command ends\nwith that was told it) and `field` (the param that is wrong, or empty). After some the daemon "
        "closes the connection: what follows\ncannot be told from what was wrong."
    )
    rows = (
        (str(kind.code), f"`{kind.name}`", kind.when, str(kind.exit_code), "yes" if kind.closes else "")
        for kind in KINDS
    )
    yield _table(("code", "name", "when", "exit code", "closes"), rows)


def _methods(parts: Mapping[str, Schema]) -> Iterator[str]:
    yield "## Methods"
    yield (
        "Each can be tried with `socat` (`apt install socat`), in a folder of the repository, while the daemon runs\n"
        "and `XDG_RUNTIME_DIR` is set."
    )
    for method in METHODS.values():
        yield f"### {method.name}"
        yield method.about
        yield f"```sh\n{line(method)}\n```"
        params = parts[method.params.__name__]
        if params["properties"]:
            yield _table(("param", "type", "default", "meaning"), _fields(params, parts, defaults=True))
        yield _table(("result", "type", "meaning"), _fields(parts[method.result.__name__], parts))


def line(method: Method) -> str:
    """What a person types to call the method as its example says; events are shown for a second."""
    asked = {"jsonrpc": "2.0", "id": 1, "method": method.name, "params": dict(method.example)}
    said = json.dumps(asked, separators=(",", ":")).replace('"DIRECTORY"', '"\'"$PWD"\'"')
    says = f"printf '{said}\\n'"
    if method.subscribes:
        says = f"{{ {says}; sleep 1; }}"
    return f"{says} | socat -t 5 - {SOCKET}"


def _events(parts: Mapping[str, Schema]) -> Iterator[str]:
    yield "## Events"
    yield _EVENTS
    yield _table(("field", "type", "meaning"), _fields(parts["Event"], parts))
    yield _TYPES
    known = parts["Event"]["properties"]
    for name, kind in EVENTS.items():
        part = parts[kind.__name__]
        yield f"`{name}`: {part['description']}"
        own = [row for row in _fields(part, parts) if row[0][1:-1] not in known]
        if own:
            yield _table(("field", "type", "meaning"), own)


def _shared(parts: Mapping[str, Schema]) -> Iterator[str]:
    yield "## Parts"
    tops = {kind.__name__ for method in METHODS.values() for kind in (method.params, method.result)}
    for name, part in parts.items():
        if name not in tops | _TOLD | {"ErrorObject", "ErrorDetails"}:
            yield f"### {name}"
            yield part["description"]
            yield _table(("field", "type", "meaning"), _fields(part, parts))


def _fields(
    part: Schema, parts: Mapping[str, Schema], *, defaults: bool = False
) -> Iterator[tuple[str, ...]]:
    for name, field in part["properties"].items():
        default = f"`{json.dumps(field['default'])}`" if "default" in field else ""
        yield f"`{name}`", _type(field), *((default,) if defaults else ()), _meaning(field, parts)


def _meaning(field: Schema, parts: Mapping[str, Schema]) -> str:
    inner = (field, *field.get("anyOf", ()), field.get("items", {}))
    own = (one.get("description", "") for one in inner)
    said = (parts[one["$ref"].removeprefix(_REF)]["description"] for one in inner if "$ref" in one)
    return next(filter(None, (*own, *said)), "")


def _type(field: Schema) -> str:
    if "anyOf" in field:
        return " or ".join(map(_type, field["anyOf"]))
    if "$ref" in field:
        name = field["$ref"].removeprefix(_REF)
        return f"[{name}](#{name.lower()})"
    if "enum" in field:
        return ", ".join(f"`{one}`" for one in field["enum"])
    if field["type"] == "array":
        return f"array of {_type(field['items'])}"
    words = {"string": "text", "integer": "number", "boolean": "true or false"}
    return words.get(field["type"], field["type"])


def _table(head: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    SCHEMA.write_bytes(schema())
