"""Every error that the daemon answers with: its code, when it comes, and whether the connection ends with it.

Not here: when the protocol's own are raised; see `session.py`. The codes below -32000 are those of JSON-RPC 2.0.
"""

from typing import NamedTuple

import msgspec


class Kind(NamedTuple):
    """One kind of error. `exit_code` is what a command ends with that was told it; `closes` ends the connection."""

    code: int
    name: str
    when: str
    exit_code: int
    closes: bool = False


PARSE_ERROR = Kind(-32700, "parse_error", "the line is no JSON in UTF-8, or none that is read here", 2, True)
INVALID_REQUEST = Kind(-32600, "invalid_request", "the line is JSON, and no request", 2)
NO_BATCHES = Kind(-32600, "no_batches", "the line is an array: several requests are several lines", 2, True)
METHOD_NOT_FOUND = Kind(-32601, "method_not_found", "the daemon has no such method", 2)
INVALID_PARAMS = Kind(-32602, "invalid_params", "a field of the params is missing, unknown or wrong", 2)
INTERNAL_ERROR = Kind(-32603, "internal_error", "the daemon itself failed", 1)
TOO_MANY = Kind(-32000, "too_many", "all places for connections are taken", 75, True)
FOREIGN_PEER = Kind(-32001, "foreign_peer", "the peer is another user", 3, True)
SUPERVISED_PEER = Kind(
    -32002, "supervised_peer", "the peer belongs to a run, or cannot prove that it does not", 3
)
OTHER_PROTOCOL = Kind(-32003, "other_protocol", "the client asks for a version that is not spoken here", 6)
TOO_LARGE = Kind(-32004, "too_large", "the answer does not fit into a line", 1)
REFUSED = Kind(
    -32010, "refused", "what was asked cannot be done; `data.exit_code` says of which sort it is", 1
)

KINDS = (
    PARSE_ERROR,
    INVALID_REQUEST,
    NO_BATCHES,
    METHOD_NOT_FOUND,
    INVALID_PARAMS,
    INTERNAL_ERROR,
    TOO_MANY,
    FOREIGN_PEER,
    SUPERVISED_PEER,
    OTHER_PROTOCOL,
    TOO_LARGE,
    REFUSED,
)


class ErrorDetails(msgspec.Struct, frozen=True, kw_only=True):
    """What stands under `data` of an error: its name, the way out, the exit code, and the field that is wrong."""

    name: str
    hint: str
    exit_code: int
    field: str = ""


class ErrorObject(msgspec.Struct, frozen=True, kw_only=True):
    """The `error` of a reply; `message` says what could not be done, and why."""

    code: int
    message: str
    data: ErrorDetails


class RpcError(Exception):
    """A request that is answered with an error. What is raised by the protocol and what methods may raise."""

    def __init__(
        self, kind: Kind, what: str, hint: str, *, field: str = "", exit_code: int | None = None
    ) -> None:
        super().__init__(what)
        self.kind = kind
        self.what = what
        self.hint = hint
        self.field = field
        self.exit_code = kind.exit_code if exit_code is None else exit_code

    def told(self) -> ErrorObject:
        """The error as it is sent."""
        data = ErrorDetails(name=self.kind.name, hint=self.hint, exit_code=self.exit_code, field=self.field)
        return ErrorObject(code=self.kind.code, message=self.what, data=data)
