"""The probe: a challenge with a nonce that is used once, and the answer that only a living kernel can give to it.

Not here: sockets and clocks (`prober.py` asks, the kernel answers), and what an answer proves (`liveness.py`). Both
lines are a MAC of 64 hexadecimal digits, a blank, one JSON object, a line feed; the MAC covers the protocol, the
direction and every byte of the object, under the key of one invocation.
"""

import hmac
from typing import Literal, TypeVar

import msgspec

from verger_probes.decoding import Decoder, decoder

PROTOCOL = "verger-probe/1"
KEY_BYTES = 32
LINE_BYTES_MAX = 64 * 1024
"""What neither side reads beyond: an answer holds one stage and a few effects."""

_MAC_DIGITS = 64
_Direction = Literal["ask", "answer"]
_Said = TypeVar("_Said")


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One part of what is said."""


class Identity(_Part, frozen=True):
    """A process, never to be taken for a later one that got its number; `pid_namespace` is where `pid` counts."""

    pid: int
    start_ticks: int
    boot_id: str
    pid_namespace: int


class Doing(_Part, frozen=True):
    """An effect under way. Past `deadline_ns` (boottime) it is stuck: its own limits should have ended it before."""

    effect: str
    began_ns: int
    deadline_ns: int


class ActiveStage(_Part, frozen=True):
    """What the run is at, in the words of its state."""

    stage_name: str
    item_id: str
    attempt_number: int
    round: int


class Challenge(_Part, frozen=True):
    """A question to one invocation of the kernel; `nonce` is 64 hexadecimal digits, drawn for it alone."""

    run_id: str
    invocation: str
    epoch: int
    nonce: str


class Ack(_Part, frozen=True):
    """The answer to a challenge, as the kernel's own event loop gave it.

    `run_root`, `run_state_sha256` and `journal_head` are empty and `journal_seq` is 0 until there is a run.
    """

    run_id: str
    invocation: str
    epoch: int
    nonce: str
    identity: Identity
    run_root: str
    run_state_sha256: str
    journal_seq: int
    journal_head: str
    active_stage: ActiveStage | None
    doing: tuple[Doing, ...]


class ProbeRefused(Exception):
    """A line that proves nothing. The text is the reason, in the words that heartbeats and status give."""


_CHALLENGES, _ACKS = decoder(Challenge), decoder(Ack)


def ask(key: bytes, challenge: Challenge) -> bytes:
    """The line that puts `challenge`."""
    return _sealed(key, "ask", msgspec.json.encode(challenge))


def read_ask(key: bytes, line: bytes) -> Challenge:
    """The challenge in `line`. Raises ProbeRefused."""
    return _opened(key, "ask", line, _CHALLENGES)


def answer(key: bytes, ack: Ack) -> bytes:
    """The line that answers with `ack`."""
    return _sealed(key, "answer", msgspec.json.encode(ack))


def read_answer(key: bytes, line: bytes) -> Ack:
    """The answer in `line`. Raises ProbeRefused."""
    return _opened(key, "answer", line, _ACKS)


def mismatch(ack: Ack, challenge: Challenge, identity: Identity) -> str:
    """The first field in which `ack` does not answer `challenge` as the process `identity`; empty when it does."""
    for name in ("nonce", "run_id", "invocation", "epoch"):
        if getattr(ack, name) != getattr(challenge, name):
            return f"probe_ack_mismatch:{name}"
    return "" if ack.identity == identity else "probe_ack_mismatch:identity"


def _sealed(key: bytes, direction: _Direction, body: bytes) -> bytes:
    return b"%s %s\n" % (_mac(key, direction, body), body)


def _opened(key: bytes, direction: _Direction, line: bytes, decoder: Decoder[_Said]) -> _Said:
    body = line[_MAC_DIGITS + 1 :].removesuffix(b"\n")
    is_right = hmac.compare_digest(line[:_MAC_DIGITS], _mac(key, direction, body))
    if not is_right or line[_MAC_DIGITS : _MAC_DIGITS + 1] != b" ":
        raise ProbeRefused("probe_mac_invalid")
    try:
        return decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        # Under a MAC that is right: the other side is of another version.
        raise ProbeRefused("probe_fields_invalid") from None


def _mac(key: bytes, direction: _Direction, body: bytes) -> bytes:
    said = b"%s\0%s\0%s" % (PROTOCOL.encode(), direction.encode(), body)
    return hmac.digest(key, said, "sha256").hex().encode()
