"""The hash chain of a journal: how a record is written, and how far a file of records can be believed.

Not here: files; see `disk/journal.py`. Source: files.md, "journal.jsonl".

A record is one line of JSON. Its last key, `hash`, is the SHA-256 of the line up to it, closed with a brace;
`prev` repeats the `hash` of the record before. So `jq -cj 'del(.hash)' | sha256sum` proves a record by hand.
"""

import hashlib
from typing import NamedTuple

import msgspec

from verger_kernel.rules.events import Event
from verger_kernel.rules.ids import Digest
from verger_kernel.rules.now import Now
from verger_probes.decoding import decoder

MACHINE_VERSION = 5
GENESIS = Digest("0" * 64)
_HASH_KEY = b',"hash":"'
_TAIL = len(_HASH_KEY) + 64 + len(b'"}')


class Record(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One line of the journal."""

    seq: int
    prev: Digest
    now: Now
    machine_version: int
    event: Event
    hash: Digest


class Reading(NamedTuple):
    """The believed beginning of a journal: its records, where each ends in bytes, and why no more is believed.

    `flaw` is empty when the whole file is believed.
    """

    records: list[Record]
    ends: list[int]
    flaw: str

    @property
    def length(self) -> int:
        """How many bytes are believed."""
        return self.ends[-1] if self.ends else 0


class _Body(msgspec.Struct, frozen=True, kw_only=True):
    seq: int
    prev: Digest
    now: Now
    machine_version: int
    event: Event


_decoder = decoder(Record)


def line(seq: int, prev: Digest, now: Now, event: Event) -> tuple[bytes, Digest]:
    """The bytes of one record, newline included, and its hash."""
    body = msgspec.json.encode(
        _Body(seq=seq, prev=prev, now=now, machine_version=MACHINE_VERSION, event=event),
        order="deterministic",
    )
    digest = Digest(hashlib.sha256(body).hexdigest())
    return body[:-1] + _HASH_KEY + digest.encode() + b'"}\n', digest


def read(data: bytes) -> Reading:
    """The longest beginning of `data` that is an unbroken chain of whole, valid records."""
    records: list[Record] = []
    ends: list[int] = []
    start, prev = 0, GENESIS
    while start < len(data):
        end = data.find(b"\n", start)
        if end < 0:
            return Reading(records, ends, f"record {len(records) + 1} is cut short")
        record, flaw = _record(data[start:end], len(records) + 1, prev)
        if record is None:
            return Reading(records, ends, flaw)
        records.append(record)
        ends.append(end + 1)
        start, prev = end + 1, record.hash
    return Reading(records, ends, "")


def _record(text: bytes, seq: int, prev: Digest) -> tuple[Record | None, str]:
    if hashlib.sha256(text[:-_TAIL] + b"}").hexdigest().encode() != text[-_TAIL:][len(_HASH_KEY) : -2]:
        return None, f"record {seq} does not have the hash it names"
    try:
        record = _decoder.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return None, f"record {seq} is no record: {error}"
    if record.seq != seq or record.prev != prev:
        return None, f"record {seq} does not follow the record before it"
    return record, ""
