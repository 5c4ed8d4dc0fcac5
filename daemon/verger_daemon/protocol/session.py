"""The daemon's side of one connection, without the connection: bytes in, calls out; results in, bytes out.

Not here: reading and writing a socket, carrying a call out, and how many may be under way; see `server.py`.
"""

import re
from collections.abc import Iterable
from typing import Annotated, Any, ClassVar, Literal, NoReturn, Union, cast

import msgspec
from msgspec import UNSET, Meta, UnsetType

from verger_daemon.protocol import errors
from verger_daemon.protocol.errors import ErrorObject, Kind, RpcError
from verger_daemon.protocol.framing import LINE_BYTES_MAX, Lines, LineTooLong
from verger_daemon.protocol.messages import PROTOCOL, InitializeParams, InitializeResult, Message
from verger_daemon.protocol.methods import METHODS, Method
from verger_daemon.protocol.nesting import DEPTH_MAX, excess
from verger_probes.decoding import Decoder, decoded, decoder

Id = (
    Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
    | float
    | Annotated[str, Meta(max_length=128)]
    | None
    | UnsetType
)
"""What names a request; UNSET is a notification, which is never answered."""


class Call(msgspec.Struct):
    """A request that is to be carried out."""

    method: ClassVar[Method]
    jsonrpc: Literal["2.0"]
    id: Id
    params: Message


class _Envelope(msgspec.Struct):
    """A request of which only the outside is read."""

    jsonrpc: Literal["2.0"]
    method: str
    id: Id = UNSET
    params: msgspec.Raw = msgspec.Raw(b"{}")


class _Named(msgspec.Struct):
    id: Id = UNSET


class _Failure(msgspec.Struct):
    jsonrpc: Literal["2.0"]
    id: Id
    error: ErrorObject


def _call_of(method: Method) -> type[Call]:
    is_needed = any(field.required for field in msgspec.structs.fields(method.params))
    params = () if is_needed else (msgspec.field(default_factory=method.params),)
    made = msgspec.defstruct(
        f"Call_{method.name}",
        [("params", method.params, *params), ("id", Id, UNSET)],
        bases=(Call,),
        namespace={"method": method},
        tag_field="method",
        tag=method.name,
        kw_only=True,
    )
    return cast(type[Call], made)


_KINDS = {method.name: _call_of(method) for method in METHODS.values()}
_CALLS: Decoder[Call] = decoder(cast(Any, Union[tuple(_KINDS.values())]))  # noqa: UP007
_ENVELOPES = decoder(_Envelope)
_ENCODER = msgspec.json.Encoder()
_RESULT_BYTES_MAX = LINE_BYTES_MAX - 1024
"""An id and the words around it take the rest."""
_FIELD = re.compile(r"field `(\w+)`|`\$\.(\w+)")


class Session:
    """One connection that is served `methods`. Feed it, and take until None.

    Each call is answered once: before the next is taken, or whenever it may be if it was postponed. The answers are
    the same however the bytes were cut. It never raises for what a peer sent.
    """

    def __init__(self, methods: Iterable[str] = METHODS) -> None:
        self._methods = dict.fromkeys(methods)
        self._lines = Lines()
        self._postponed: set[Id] = set()
        self.is_closed = False
        """Whether the peer said what cannot be gone on from: no more is read, and what is under way is answered."""

    def feed(self, data: bytes) -> None:
        """Adds what the peer sent."""
        if not self.is_closed:
            self._lines.feed(data)

    def take(self) -> Call | bytes | None:
        """The next call, or what is to be sent instead of one; None until there is more."""
        while not self.is_closed:
            try:
                line = self._lines.take()
            except LineTooLong:
                what = f"Cannot read the line: it is longer than {LINE_BYTES_MAX} bytes"
                hint = "send less, and a line feed after each message"
                return self.failed(UNSET, RpcError(errors.PARSE_ERROR, what, hint))
            if line is None:
                return None
            try:
                # Most lines are plain, short and right: they are read in one go.
                if line.isascii() and b"[" not in line and line.count(b"{") <= DEPTH_MAX:
                    call = _CALLS.decode(line)
                    if call.id not in self._postponed and call.method.name in self._methods:
                        return call
            except msgspec.DecodeError:
                pass
            # A line may end as they do elsewhere, with CR LF: JSON has it for a blank.
            found = self._read(line) if line and not line.isspace() else b""
            if found:
                return found
        return None

    def end(self) -> bytes:
        """What is to be sent when the peer has sent its last byte."""
        begun = not self.is_closed and not self._lines.is_empty
        self.is_closed = True
        if not begun:
            return b""
        what, hint = "Cannot read the last line: no line feed came after it", "end each message with one"
        return self.failed(UNSET, RpcError(errors.PARSE_ERROR, what, hint))

    def postpone(self, call: Call) -> None:
        """Says that `call` is answered later; until then its id names no other."""
        if call.id is not UNSET:
            self._postponed.add(call.id)

    def replied(self, call: Call, result: Message | bytes) -> bytes:
        """What is to be sent for the result of `call`, which may be encoded already; nothing for a notification."""
        id_ = call.id
        if id_ is UNSET:
            return b""
        if type(result) is not bytes:
            result = _ENCODER.encode(result)
        if len(result) > _RESULT_BYTES_MAX:
            what = f"Cannot send the result of {call.method.name}: it is longer than a line may be"
            return self.refused(call, RpcError(errors.TOO_LARGE, what, "ask for less of it"))
        self._postponed.discard(id_)
        name = b"%d" % id_ if type(id_) is int else _ENCODER.encode(id_)
        return b"".join((b'{"jsonrpc":"2.0","id":', name, b',"result":', result, b"}\n"))

    def refused(self, call: Call, error: RpcError) -> bytes:
        """What is to be sent when `call` cannot be carried out; nothing for a notification."""
        self._postponed.discard(call.id)
        return b"" if call.id is UNSET else self.failed(call.id, error)

    def failed(self, id_: Id, error: RpcError) -> bytes:
        """What is to be sent for what is no call, or ends the connection; UNSET when it bears no id."""
        if error.kind.closes:
            self.is_closed = True
        return _ENCODER.encode(_Failure("2.0", None if id_ is UNSET else id_, error.told())) + b"\n"

    def _read(self, line: bytes) -> Call | bytes:
        """The call in a line that is not plain, or not right: as slow as it takes to say what is wrong."""
        id_: Id = UNSET
        try:
            line.decode()
            if why := excess(line):
                raise _parse_error(why)
            try:
                envelope = _ENVELOPES.decode(line)
            except msgspec.ValidationError as error:
                id_ = _id_of(line)
                _refuse(errors.INVALID_REQUEST, str(error))
            if envelope.id in self._postponed:
                _refuse(
                    errors.INVALID_REQUEST, f"the request with the id {envelope.id!r} is not answered yet"
                )
            id_ = envelope.id
            return self._call(envelope)
        except RpcError as error:
            # A notification is a request without an id, and never answered; what is no request has no id to miss.
            unanswered = id_ is UNSET and error.kind in (errors.METHOD_NOT_FOUND, errors.INVALID_PARAMS)
            return b"" if unanswered else self.failed(id_, error)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            return self.failed(UNSET, _parse_error(str(error)))

    def _call(self, envelope: _Envelope) -> Call:
        params = bytes(envelope.params)
        if params[0] not in b"{[":
            _refuse(errors.INVALID_REQUEST, "params are an object, or an array in the order of its fields")
        if envelope.method not in self._methods:
            what = f"Cannot call {envelope.method[:64]!r}: there is no such method"
            raise RpcError(errors.METHOD_NOT_FOUND, what, f"the methods are {', '.join(self._methods)}")
        method = METHODS[envelope.method]
        try:
            if params[0] == ord("["):
                params = _by_name(method, params)
            read = decoded(params, method.params)
            return _KINDS[method.name](jsonrpc="2.0", params=read, id=envelope.id)
        except msgspec.ValidationError as error:
            what, hint = (
                f"Cannot call {method.name}: {error}",
                "docs/protocol.md lists the params of each method",
            )
            raise RpcError(errors.INVALID_PARAMS, what, hint, field=_field(str(error))) from None


def greet(params: InitializeParams, methods: Iterable[str], version: str) -> InitializeResult:
    """The answer to `initialize`. Raises RpcError for a version that is not spoken here."""
    if params.protocol_version != PROTOCOL:
        what = f"Cannot speak {params.protocol_version[:64]!r}: this daemon, version {version}, speaks {PROTOCOL!r}"
        raise RpcError(
            errors.OTHER_PROTOCOL, what, "use a client of the same version", field="protocol_version"
        )
    return InitializeResult(
        protocol_version=PROTOCOL,
        version=version,
        capabilities=tuple(methods),
        line_bytes_max=LINE_BYTES_MAX,
    )


def _parse_error(why: str) -> RpcError:
    hint = "send one JSON object a line, in UTF-8, and nothing else"
    return RpcError(errors.PARSE_ERROR, f"Cannot read the line: {why}", hint)


def _refuse(kind: Kind, why: str) -> NoReturn:
    hint = 'a request is {"jsonrpc":"2.0","id":1,"method":"daemon.ping","params":{}}'
    raise RpcError(kind, f"Cannot answer what is no request: {why}", hint)


def _id_of(line: bytes) -> Id:
    """The id in JSON that is no request; UNSET when it has none that can be repeated. Raises DecodeError, RpcError."""
    if line.lstrip()[:1] == b"[":
        decoded(line, list[msgspec.Raw])
        _refuse(
            errors.NO_BATCHES, "it is an array, and batches are not supported; send each request in a line"
        )
    decoded(line, msgspec.Raw)
    try:
        return decoded(line, _Named).id
    except msgspec.ValidationError:
        return UNSET


def _by_name(method: Method, params: bytes) -> bytes:
    values = decoded(params, list[msgspec.Raw])
    names = method.params.__struct_fields__
    if len(values) > len(names):
        raise msgspec.ValidationError(f"Expected at most {len(names)} params, got {len(values)}")
    return _ENCODER.encode(dict(zip(names, values, strict=False)))


def _field(why: str) -> str:
    found = _FIELD.search(why)
    return (found[1] or found[2]) if found else ""
