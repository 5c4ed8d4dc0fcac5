"""Redaction: no secret that was passed survives in any form, token shapes go, and ordinary text stays as it is.

Not here: the files of a whole run; see tests/journeys/test_secrets.py.
"""

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verger_kernel.process import redaction
from verger_kernel.process.redaction import redacted
from verger_kernel.process.streams import streams_opened
from verger_kernel.rules.events import EffectFailed
from verger_kernel.rules.ids import EffectId

SECRET = 'pa55 w/rd+é"\\$&=%x'
DATA = SECRET.encode()
MARK = b"[redacted: CODER_KEY]"


@pytest.fixture(autouse=True)
def nothing_passed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(redaction, "_passed", {})
    yield


@pytest.fixture
def passed() -> None:
    redaction.remember("CODER_KEY", SECRET)


FORMS = {
    "plain": DATA,
    "json": json.dumps(SECRET)[1:-1].encode(),
    "json in utf-8": json.dumps(SECRET, ensure_ascii=False)[1:-1].encode(),
    "url": quote(SECRET, safe="").encode(),
    "url with slashes": quote(SECRET).encode(),
    "form": quote_plus(SECRET).encode(),
    "url in small letters": quote(SECRET, safe="").lower().encode(),
    "base64": base64.b64encode(DATA),
    "base64 for urls": base64.urlsafe_b64encode(DATA).rstrip(b"="),
    "base64 in lines": base64.encodebytes(DATA * 1)[:10] + b"\n" + base64.encodebytes(DATA)[10:-1],
    "base64 in lines in json": base64.b64encode(DATA)[:9] + b"\\n" + base64.b64encode(DATA)[9:],
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.usefixtures("passed")
def test_a_passed_value_is_kept_in_no_form(form: str) -> None:
    clean = redacted(b"before " + FORMS[form] + b" after")
    assert clean.startswith(b"before " + MARK)
    # Of base64 a letter may stay that its neighbour decides: less than a byte of the value.
    assert re.fullmatch(rb"[A-Za-z0-9]?=*", clean.removeprefix(b"before " + MARK).removesuffix(b" after"))
    assert redaction.names_in(FORMS[form]) == ("CODER_KEY",)


@given(st.binary(max_size=20), st.binary(max_size=20))
def test_wherever_it_stands_in_what_was_encoded_it_is_found(before: bytes, after: bytes) -> None:
    redaction.remember("CODER_KEY", SECRET)
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        encoded = encode(before + DATA + after)
        clean = redacted(encoded)
        assert MARK in clean
        # All but the letters that bytes before and after decide with it.
        assert len(clean.replace(MARK, b"")) <= len(encoded) - (len(DATA) * 8 // 6 - 2)


def test_a_second_secret_inside_of_the_first_does_not_hide_it() -> None:
    redaction.remember("SHORT_KEY", "abcdefgh")
    redaction.remember("LONG_KEY", "abcdefghijklmnop")
    assert b"ijklmnop" not in redacted(b"x abcdefghijklmnop y")


@pytest.mark.parametrize("value", ["", "short", "x" * (redaction.VALUE_BYTES_MAX + 1)])
def test_what_cannot_be_told_from_ordinary_text_is_passed_over(value: str) -> None:
    redaction.remember("CODER_KEY", value)
    assert not redaction.is_any_passed()


def test_variables_are_secrets_by_their_names() -> None:
    redaction.remember_named(
        {"OPENAI_API_KEY": "a" * 9, "MY_TOKEN_2": "b" * 9, "KEYBOARD": "c" * 9, "PATH": "d" * 9}
    )
    text = b" ".join(letter * 9 for letter in (b"a", b"b", b"c", b"d"))
    assert redacted(text) == b"[redacted: OPENAI_API_KEY] [redacted: MY_TOKEN_2] ccccccccc ddddddddd"


PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA7\n+/abc==\n-----END RSA PRIVATE KEY-----"
TOKENS = {
    "openai": "sk-proj-" + "Ab1_" * 12,
    "anthropic": "sk-ant-api03-" + "Ab1-" * 20,
    "github": "ghp_" + "a1B2" * 9,
    "github, fine": "github_pat_" + "11AAA_" * 10,
    "gitlab": "glpat-" + "a1B2c3D4e5" * 2,
    "aws": "AKIA" + "Z1Y2X3W4V5U6T7S8",
    "slack": "xoxb-" + "1234567890-abc",
    "slack hook": "hooks.slack.com/services/T00000000/B00000000/abcdefgh",
    "google": "AIza" + "a1B2c" * 7,
    "google login": "ya29." + "a0AfH6_" * 5,
    "stripe": "sk_live_" + "a1B2" * 6,
    "npm": "npm_" + "a1B2" * 9,
    "hugging face": "hf_" + "aBcDe" * 7,
    "jwt": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P",
    "private key": PEM,
    "private key in json": json.dumps(PEM)[1:-1],
    "private key, cut off": PEM.partition("-----END")[0],
}


@pytest.mark.parametrize("name", TOKENS)
def test_what_looks_like_a_token_is_not_kept(name: str) -> None:
    clean = redacted(json.dumps({"a": "x", "b": "y"}).encode() + b' "' + TOKENS[name].encode() + b'" end')
    assert clean.startswith(b'{"a": "x", "b": "y"} "[redacted: ')
    assert clean.endswith(b']" end')


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_of_a_bearer_header_stays(scheme: str) -> None:
    said = f'"Authorization": "{scheme} abcdefghij0123456789.-_~+/==", more'
    assert redacted(said.encode()) == f'"Authorization": "{scheme} [redacted: bearer token]", more'.encode()


@pytest.mark.parametrize(
    "text",
    [
        ".sk-toggleable__label-arrow:before { content: 'x' }",
        "task-0123456789-ABCDEFGHIJKLMNOP-long-name",
        "the bearer of this authentication certificate",
        "commit 9f2c0a7be1c5d46f1f0cb0b2fd2fb3dcd3d5b1aa",
        "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "AKIA is how such keys begin, and ghp_ is another beginning",
        "eyJhbGciOiJIUzI1NiJ9 alone",
        "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A\n-----END PUBLIC KEY-----",
        "hf_hub_download(repo_id)",
        "RUN_20260101T000000Z_0123456789abcdef0123456789abcdef/01/a1/r0/audit-b/t1",
    ],
)
@pytest.mark.usefixtures("passed")
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert redacted(text.encode()) == text.encode()


@pytest.mark.usefixtures("passed")
def test_an_event_holds_no_passed_value_and_keeps_all_else() -> None:
    event = EffectFailed(
        effect=EffectId("01/a1/r0/execute/t1"), what=f"cannot open {SECRET}: {TOKENS['github']}"
    )
    clean = redaction.record(event)
    assert clean.effect == event.effect
    assert clean.what == f"cannot open [redacted: CODER_KEY]: {TOKENS['github']}"
    assert redaction.record(clean) is clean


@pytest.mark.usefixtures("passed")
def test_streams_are_cleaned_though_the_value_came_in_pieces(tmp_path: Path) -> None:
    out, err, kept = tmp_path / "out", tmp_path / "err", tmp_path / "kept"
    with streams_opened(out, err) as streams:
        for place, path in ((0, out), (5, err), (9, out)):
            with path.open("ab") as file:
                file.write(b"say " + DATA[:place])
                file.flush()
                file.write(DATA[place:] + b"\n")
        streams.settle(1 << 20, kept)
    assert out.read_bytes() == kept.read_bytes() == b"say " + MARK + b"\nsay " + MARK + b"\n"
    assert err.read_bytes() == b"say " + MARK + b"\n"


@pytest.mark.parametrize("cut", range(95, 95 + len(DATA) + 5))
@pytest.mark.usefixtures("passed")
def test_no_cut_leaves_a_piece_of_a_value(tmp_path: Path, cut: int) -> None:
    out = tmp_path / "out"
    with streams_opened(out, None) as streams:
        out.write_bytes(b"x" * 100 + DATA + b"y" * 1000)
        streams.settle(cut)
    left = out.read_bytes()
    assert len(left) <= cut
    assert DATA[:3] not in left
    assert left[:95] == b"x" * 95


@pytest.mark.parametrize("length", [20, 50, 1000])
def test_of_a_flood_nothing_is_kept_that_was_not_looked_at(tmp_path: Path, length: int) -> None:
    value = ("Zq7" * length)[:length]
    redaction.remember("CODER_KEY", value)
    out, room = tmp_path / "out", redaction.LOOKAHEAD_BYTES
    with streams_opened(out, None) as streams:
        out.write_bytes(f"{value}\n".encode() * (room * 3 // (length + 1)))
        streams.settle(room)
    left = out.read_bytes()
    assert 0 < len(left) <= room
    assert b"Zq7" not in left
