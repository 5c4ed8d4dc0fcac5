"""What must not be kept: token shapes, and every value that was passed as a secret, wherever it was written.

Not here: where secrets come from (`perform/secrets.py`), and the files that are cleaned (`streams.py`).

The values are this process's: whatever is kept by it is cleaned of them, without anybody handing them on.
"""

import base64
import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple, TypeVar
from urllib.parse import quote, quote_plus

import msgspec

from verger_probes.decoding import decoded

VALUE_BYTES_MIN = 8
"""What is shorter stands in ordinary text, too."""
VALUE_BYTES_MAX = 16 << 10
LOOKAHEAD_BYTES = 8 * VALUE_BYTES_MAX
"""More than any secret can fill in any of its forms: what is cut is read so much further first."""

_SECRET_NAME = re.compile(r"(KEY|TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|CREDENTIALS?)(_|$)", re.IGNORECASE)


class _Shape(NamedTuple):
    """What a token looks like. Where none of `signs` stands, nothing is searched; the group `kept` stays."""

    kind: str
    signs: tuple[bytes, ...]
    pattern: re.Pattern[bytes]


def _shape(kind: str, signs: tuple[bytes, ...], pattern: bytes) -> _Shape:
    return _Shape(kind, signs, re.compile(pattern))


_FREE = rb"(?<![A-Za-z0-9_-])"
_BASE64 = rb"[A-Za-z0-9_-]"
_PEM = rb"(?:[A-Z0-9]+ ){0,4}PRIVATE KEY(?: BLOCK)?-----"
_SHAPES = (
    # A digit and a capital: names of CSS classes begin with sk- too.
    _shape("api key", (b"sk-",), _FREE + rb"sk-(?=[\w-]*[0-9])(?=[\w-]*[A-Z])[A-Za-z0-9_-]{20,}"),
    _shape("stripe key", (b"k_live_", b"k_test_"), _FREE + rb"[sr]k_(?:live|test)_[A-Za-z0-9]{16,}"),
    _shape(
        "github token", (b"ghp_", b"gho_", b"ghu_", b"ghs_", b"ghr_"), _FREE + rb"gh[pousr]_[A-Za-z0-9]{36,}"
    ),
    _shape("github token", (b"github_pat_",), _FREE + rb"github_pat_[A-Za-z0-9_]{22,}"),
    _shape("gitlab token", (b"glpat-",), _FREE + rb"glpat-[A-Za-z0-9_-]{20,}"),
    _shape("aws key", (b"AKIA", b"ASIA"), _FREE + rb"(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Za-z0-9])"),
    _shape("slack token", (b"xox",), _FREE + rb"xox[abeoprs]-[A-Za-z0-9-]{10,}"),
    _shape("slack hook", (b"hooks.slack.com",), rb"hooks\.slack\.com/services/[A-Za-z0-9/]{20,}"),
    _shape("google key", (b"AIza",), _FREE + rb"AIza[A-Za-z0-9_-]{35}"),
    _shape("google token", (b"ya29.",), _FREE + rb"ya29\.[A-Za-z0-9_-]{20,}"),
    _shape("npm token", (b"npm_",), _FREE + rb"npm_[A-Za-z0-9]{36}"),
    _shape("pypi token", (b"pypi-AgE",), _FREE + rb"pypi-AgE[A-Za-z0-9_-]{50,}"),
    _shape("hugging face token", (b"hf_",), _FREE + rb"hf_[A-Za-z0-9]{30,}"),
    _shape("jwt", (b"eyJ",), _FREE + rb"eyJ%b{8,}\.eyJ%b{8,}\.%b{8,}" % (_BASE64, _BASE64, _BASE64)),
    _shape(
        "private key",
        (b"PRIVATE KEY",),
        # Whole; else, cut off, as far as it looks like one. In JSON its lines end in a backslash and an n.
        rb"-----BEGIN "
        + _PEM
        + rb'(?:(?:[^-"]|-(?!----)){0,32768}?-----END '
        + _PEM
        + rb"|[A-Za-z0-9+/=\s\\]*)",
    ),
    _shape(
        "bearer token",
        (b"earer ", b"EARER "),
        rb"(?P<kept>(?i:bearer)[ \t]+)(?=[A-Za-z0-9._~+/-]*[0-9])[A-Za-z0-9._~+/-]{20,}=*",
    ),
)


class _Passed(NamedTuple):
    """A secret that was passed on: its name and all that it may look like, the longest first.

    Of what base64 makes of it, `encoded`, the pattern finds the beginning.
    """

    name: str
    plain: tuple[bytes, ...]
    encoded: tuple[tuple[re.Pattern[bytes], bytes], ...]


_passed: dict[bytes, _Passed] = {}


def remember(name: str, value: str) -> None:
    """From now on no value like this is kept. One too short to be told from ordinary text is passed over."""
    data = value.encode("utf-8", "surrogateescape")
    if data not in _passed and VALUE_BYTES_MIN <= len(data) <= VALUE_BYTES_MAX:
        plain = sorted(set(_plain_forms(value, data)), key=len, reverse=True)
        encoded = tuple((_beginning(form), form) for form in sorted(set(_base64_forms(data))))
        _passed[data] = _Passed(name, tuple(plain), encoded)


def remember_named(environment: Mapping[str, str]) -> None:
    """The same for every variable whose name says that it holds a secret."""
    for name, value in environment.items():
        if _SECRET_NAME.search(name):
            remember(name, value)


def redacted(data: bytes) -> bytes:
    """`data` without passed values and token shapes; what stands for them in it says what it was."""
    data = without_passed(data)
    for kind, signs, pattern in _SHAPES:
        if any(sign in data for sign in signs):
            data = pattern.sub(_stand_in(kind), data)
    return data


def without_passed(data: bytes) -> bytes:
    """`data` without the values that were passed as secrets."""
    # The longest first: one that stands in another must not leave the rest of it.
    for name, plain, encoded in sorted(_passed.values(), key=lambda one: -len(one.plain[0])):
        mark = _mark(name)
        for form in plain:
            data = data.replace(form, mark)
        for beginning, form in encoded:
            for start, end in reversed(list(_places(beginning, form, data))):
                data = data[:start] + mark + data[end:]
    return data


def names_in(data: bytes) -> tuple[str, ...]:
    """Which of the secrets that were passed stand in `data`, by name."""
    return tuple(sorted({one.name for one in _passed.values() if _stands_in(one, data)}))


def _stands_in(one: _Passed, data: bytes) -> bool:
    return any(form in data for form in one.plain) or any(
        any(_places(beginning, form, data)) for beginning, form in one.encoded
    )


def is_any_passed() -> bool:
    """Whether there is anything to look for beside shapes."""
    return bool(_passed)


def text(said: str) -> str:
    """The same for text."""
    return redacted(said.encode("utf-8", "surrogateescape")).decode("utf-8", "surrogateescape")


Told = TypeVar("Told", bound=msgspec.Struct)


def record(told: Told, *, shapes: bool = False) -> Told:
    """`told` without passed values in any of its words, with `shapes` without those too."""
    if not (shapes or _passed):
        return told
    data = msgspec.json.encode(told)
    clean = redacted(data) if shapes else without_passed(data)
    return told if clean == data else decoded(clean, type(told))


def _stand_in(kind: str) -> Callable[[re.Match[bytes]], bytes]:
    mark = _mark(kind)
    return lambda found: (found.groupdict().get("kept") or b"") + mark


def _mark(name: str) -> bytes:
    return f"[redacted: {name}]".encode()


def _plain_forms(value: str, data: bytes) -> Iterator[bytes]:
    yield data
    for ascii_only in (True, False):
        yield json.dumps(value, ensure_ascii=ascii_only)[1:-1].encode("utf-8", "surrogateescape")
    for encoded in (quote(data, safe=""), quote(data), quote_plus(data)):
        yield encoded.encode()
        yield re.sub("%[0-9A-F]{2}", lambda found: found[0].lower(), encoded).encode()


def _base64_forms(data: bytes) -> Iterator[bytes]:
    """What `data` is in base64 wherever in a longer text it stands: without what its neighbours decide."""
    for before in range(3):
        whole = base64.b64encode(b"\0" * before + data)
        first = (0, 2, 3)[before]
        last = (before + len(data)) % 3
        form = whole[first : len(whole) - (0, 3, 2)[last]]
        yield form
        yield form.translate(bytes.maketrans(b"+/", b"-_"))


_BEGINNING = 12
# Tools break lines of base64, in JSON with a backslash and an n.
_BREAKS = re.compile(rb"(?:\s|\\n|\\r)*")


def _beginning(form: bytes) -> re.Pattern[bytes]:
    head = (re.escape(form[at : at + 1]) for at in range(min(len(form), _BEGINNING)))
    return re.compile(_BREAKS.pattern.join(head))


def _places(beginning: re.Pattern[bytes], form: bytes, data: bytes) -> Iterator[tuple[int, int]]:
    """Where `form` stands in `data`, lines broken or not: no two places overlap."""
    over = 0
    for found in beginning.finditer(data):
        end = _end(data, found.end(), form[_BEGINNING:])
        if end is not None and found.start() >= over:
            over = end
            yield found.start(), end


def _end(data: bytes, at: int, rest: bytes) -> int | None:
    """Where `rest` ends that begins at `at`, breaks passed over; None where something else stands."""
    for place in range(len(rest)):
        found = _BREAKS.match(data, at)
        at = found.end() if found else at
        if data[at : at + 1] != rest[place : place + 1]:
            return None
        at += 1
    return at
