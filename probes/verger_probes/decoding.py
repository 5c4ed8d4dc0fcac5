"""JSON into types, from any thread.

Not here: what is read. msgspec learns what it must know of a type when that is first decoded, and a second thread that
decodes it meanwhile finds it half made and ends the process; so it is done here, by one thread at a time.
"""

import threading
from typing import Any, TypeVar

import msgspec

Decoder = msgspec.json.Decoder
_Read = TypeVar("_Read")
_MAKING = threading.Lock()
_MADE: dict[Any, Decoder[Any]] = {}


def decoder(kind: type[_Read]) -> Decoder[_Read]:
    """The decoder of `kind`, the same one each time."""
    known = _MADE.get(kind)
    if known is None:
        with _MAKING:
            known = _MADE.setdefault(kind, Decoder(kind))
    return known


def decoded(data: bytes | str, kind: type[_Read]) -> _Read:
    """The `kind` that `data` holds as JSON. Raises msgspec.DecodeError, and UnicodeDecodeError for what is no text."""
    return decoder(kind).decode(data)


def converted(tree: object, kind: type[_Read]) -> _Read:
    """The `kind` that plain values make up. Raises msgspec.ValidationError."""
    decoder(kind)
    return msgspec.convert(tree, kind)
