"""What a peer says is answered as JSON-RPC 2.0 says it shall be, and nothing it says is an exception."""

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verger_daemon.protocol import errors
from verger_daemon.protocol.errors import KINDS, RpcError
from verger_daemon.protocol.framing import LINE_BYTES_MAX
from verger_daemon.protocol.messages import (
    PROTOCOL,
    InitializeParams,
    ListParams,
    PingParams,
    RunParams,
    StatusParams,
    TextResult,
)
from verger_daemon.protocol.methods import METHODS
from verger_daemon.protocol.session import Call, Session, greet

DONE = TextResult(text="done")


def said(method: object = "daemon.ping", **members: object) -> bytes:
    """A line as a client sends it."""
    return json.dumps({"jsonrpc": "2.0", "method": method, **members}).encode() + b"\n"


def answers(session: Session) -> bytes:
    """What a session says when each call succeeds at once."""
    out = b""
    while (found := session.take()) is not None:
        out += found if isinstance(found, bytes) else session.replied(found, DONE)
    return out


def answered(*chunks: bytes) -> list[Any]:
    """The answers to all that was sent, the end included."""
    session, out = Session(), b""
    for chunk in chunks:
        session.feed(chunk)
        out += answers(session)
    out += session.end()
    return [json.loads(line) for line in out.splitlines()]


def error_of(*chunks: bytes) -> tuple[Any, int, str]:
    """Id, code and name of the only answer, which is an error with a reason and a way out."""
    (answer,) = answered(*chunks)
    assert set(answer) == {"jsonrpc", "id", "error"}
    error = answer["error"]
    assert error["message"] and error["data"]["hint"] and error["data"]["exit_code"]
    return answer["id"], error["code"], error["data"]["name"]


def call(line: bytes) -> Call:
    """The call that a line is."""
    session = Session()
    session.feed(line)
    found = session.take()
    assert isinstance(found, Call), found
    return found


def test_a_request_is_answered_with_its_own_id() -> None:
    for id_ in (1, 0, -1, 2**63 - 1, -(2**63), 1.5, "", "a", 'ü"\\', None):
        assert answered(said(id=id_)) == [{"jsonrpc": "2.0", "id": id_, "result": {"text": "done"}}]


def test_params_come_as_their_type_with_what_was_left_out() -> None:
    assert call(said()).params == PingParams()
    assert call(said("run.status", params={"directory": "/a"})).params == StatusParams(directory="/a")


# From section 7 of the specification, with methods that are there.
SPECIFIED = {
    "named parameters": (
        b'{"jsonrpc": "2.0", "method": "daemon.ping", "params": {"nonce": "23"}, "id": 3}',
        [{"jsonrpc": "2.0", "result": {"text": "done"}, "id": 3}],
    ),
    "a notification": (b'{"jsonrpc": "2.0", "method": "daemon.ping", "params": ["1"]}', []),
    "a notification of what is not there": (b'{"jsonrpc": "2.0", "method": "foobar"}', []),
    "a method that is not there": (b'{"jsonrpc": "2.0", "method": "foobar", "id": "1"}', ("1", -32601)),
    "invalid JSON": (b'{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]', (None, -32700)),
    "an invalid request": (b'{"jsonrpc": "2.0", "method": 1, "params": "bar"}', (None, -32600)),
    "a batch of invalid JSON": (
        b'[{"jsonrpc": "2.0", "method": "daemon.ping", "id": "1"},{"jsonrpc": "2.0", "method"]',
        (None, -32700),
    ),
    "an empty array": (b"[]", (None, -32600)),
    "an array of no requests": (b"[1,2,3]", (None, -32600)),
}


@pytest.mark.parametrize("case", SPECIFIED)
def test_it_answers_as_the_specification_says(case: str) -> None:
    line, expected = SPECIFIED[case]
    if isinstance(expected, tuple):
        assert error_of(line + b"\n")[:2] == expected
    else:
        assert answered(line + b"\n") == expected


def test_params_may_come_in_the_order_of_the_fields() -> None:
    assert call(said("run.stop", params=["/a", "R_1"])).params == RunParams(directory="/a", run="R_1")
    assert call(said("run.list", params=[])).params == ListParams()
    too_many = error_of(said("run.stop", params=["/a", "b", "c", "d"], id=1))
    assert too_many == (1, -32602, "invalid_params")


def test_a_batch_is_answered_by_one_error_and_nothing_after_it_is_read() -> None:
    batch = b"[" + said(id=1)[:-1] + b"," + said(id=2)[:-1] + b"]\n"
    assert error_of(batch, said(id=3)) == (None, -32600, "no_batches")


WRONG_BYTES = {
    "no JSON": b"hello",
    "half": b'{"jsonrpc":"2.0","id":1,"method":',
    "more behind": b'{"jsonrpc":"2.0","id":1,"method":"daemon.ping"} {}',
    "no UTF-8": b'{"jsonrpc":"2.0","id":"\xff","method":"daemon.ping"}',
    "no UTF-8 where nobody looks": b'{"jsonrpc":"2.0","id":1,"method":"daemon.ping","\xff":1}',
    "NaN": b'{"jsonrpc":"2.0","id":NaN,"method":"daemon.ping"}',
    "infinite": b'{"jsonrpc":"2.0","id":1,"method":"daemon.ping","params":{"nonce":-Infinity}}',
    "a byte order mark": b'\xef\xbb\xbf{"jsonrpc":"2.0","id":1,"method":"daemon.ping"}',
    "half a pair of surrogates": b'{"jsonrpc":"2.0","id":"\\ud800","method":"daemon.ping"}',
    "NUL": b"\0",
    "deep arrays": b'{"jsonrpc":"2.0","id":1,"method":"daemon.ping","params":' + b"[" * 33 + b"]" * 33 + b"}",
    "deep objects": b'{"a":' * 40 + b"1" + b"}" * 40,
    "very deep": b"[" * 500_000,
    "too many": b"[" + b"[]," * 2_000 + b"[]]",
    "too long": b'"' + b"a" * LINE_BYTES_MAX,
}


@pytest.mark.parametrize("case", WRONG_BYTES)
def test_bytes_that_are_no_json_are_told_and_nothing_after_them_is_read(case: str) -> None:
    assert error_of(WRONG_BYTES[case] + b"\n", said(id=2)) == (None, -32700, "parse_error")


NO_REQUESTS = {
    "a number": b"1",
    "nothing": b"null",
    "an answer": b'{"jsonrpc":"2.0","id":7,"result":1}',
    "no version": b'{"id":7,"method":"daemon.ping"}',
    "another version": b'{"jsonrpc":"1.0","id":7,"method":"daemon.ping"}',
    "params that are a text": b'{"jsonrpc":"2.0","id":7,"method":"daemon.ping","params":"a"}',
    "params that are null": b'{"jsonrpc":"2.0","id":7,"method":"daemon.ping","params":null}',
    "an id that is true": b'{"jsonrpc":"2.0","id":true,"method":"daemon.ping"}',
    "an id that is a list": b'{"jsonrpc":"2.0","id":[7],"method":"daemon.ping"}',
    "an id without end": b'{"jsonrpc":"2.0","id":"' + b"a" * 200 + b'","method":"daemon.ping"}',
    "an id beyond numbers": b'{"jsonrpc":"2.0","id":1e999,"method":"daemon.ping"}',
    "a large id": b'{"jsonrpc":"2.0","id":1' + b"0" * 5000 + b',"method":"daemon.ping"}',
}


@pytest.mark.parametrize("case", NO_REQUESTS)
def test_json_that_is_no_request_is_told_and_the_next_line_is_read(case: str) -> None:
    refused, answer = answered(NO_REQUESTS[case] + b"\n" + said(id=8))
    assert refused["error"]["code"] == -32600
    assert refused["id"] == (7 if b'"id":7' in NO_REQUESTS[case] else None)
    assert answer["id"] == 8 and "result" in answer


WRONG_PARAMS = {
    "missing": ("run.status", {}, "directory"),
    "of another type": ("run.status", {"directory": 1}, "directory"),
    "unknown": ("run.status", {"directory": "/a", "directry": "/b"}, "directry"),
    "out of bounds": ("run.logs", {"directory": "/a", "offset": -1}, "offset"),
    "none of its words": ("run.logs", {"directory": "/a", "stream": "stdin"}, "stream"),
    "in a list": ("run.start", {"directory": "/a", "words": ["a", 1]}, "words"),
    "in a table": ("run.start", {"directory": "/a", "words": [], "environment": {"A": 1}}, "environment"),
    "in order": ("run.status", [1], "directory"),
}


@pytest.mark.parametrize("case", WRONG_PARAMS)
def test_wrong_params_are_told_by_the_name_of_their_field(case: str) -> None:
    method, params, field = WRONG_PARAMS[case]
    refused, answer = answered(said(method, params=params, id=7), said(id=8))
    assert (refused["id"], refused["error"]["code"]) == (7, -32602)
    assert refused["error"]["data"]["field"] == field
    assert answer["id"] == 8
    assert answered(said(method, params=params)) == []


def test_a_thousand_wrong_notifications_are_passed_over() -> None:
    assert [one["id"] for one in answered(said("foobar") * 5_000 + said(id=1))] == [1]


def test_a_line_may_end_with_cr_lf_and_blank_lines_say_nothing() -> None:
    assert len(answered(b"\r\n\n  \n" + said(id=1)[:-1] + b"\r\n")) == 1


def test_brackets_in_texts_nest_nothing() -> None:
    words = ["[" * 100, '"' + "{" * 100, "\\", '\\"[', "ü" + "]" * 50]
    params = {"directory": "/a", "words": words, "environment": {str(number): "{[" for number in range(99)}}
    found = call(said("run.start", params=params)).params
    assert found.words == tuple(words)  # type: ignore[attr-defined]


def test_an_id_names_one_request_at_a_time() -> None:
    session = Session()
    session.feed(said(id=1) * 2 + said(id=2))
    first = session.take()
    assert isinstance(first, Call)
    session.postpone(first)
    refused = session.take()
    assert isinstance(refused, bytes)
    assert json.loads(refused)["id"] is None
    assert b"not answered yet" in refused
    assert isinstance(session.take(), Call)
    assert session.replied(first, DONE)
    session.feed(said(id=1))
    assert isinstance(session.take(), Call)


def test_notifications_that_take_their_time_are_not_taken_for_one() -> None:
    session = Session()
    session.feed(said() * 2)
    for _ in range(2):
        found = session.take()
        assert isinstance(found, Call)
        session.postpone(found)
        assert session.refused(found, RpcError(errors.REFUSED, "no", "other")) == b""


def test_a_last_line_without_its_end_is_told_and_not_carried_out() -> None:
    assert error_of(said(id=1)[:-1]) == (None, -32700, "parse_error")


def test_a_result_that_fits_into_no_line_is_an_error() -> None:
    session = Session()
    session.feed(said(id=1))
    found = session.take()
    assert isinstance(found, Call)
    answer = json.loads(session.replied(found, b'"' + b"a" * LINE_BYTES_MAX + b'"'))
    assert (answer["id"], answer["error"]["data"]["name"]) == (1, "too_large")


def test_methods_that_are_not_served_are_not_there() -> None:
    session = Session(["daemon.status"])
    session.feed(said(id=1))
    answer = session.take()
    assert isinstance(answer, bytes)
    assert json.loads(answer)["error"]["data"]["hint"] == "the methods are daemon.status"


def test_a_client_of_another_version_is_told_which_one_is_spoken() -> None:
    assert greet(InitializeParams(), METHODS, "1").protocol_version == PROTOCOL
    with pytest.raises(RpcError, match=PROTOCOL) as refused:
        greet(InitializeParams(protocol_version="verger-daemon/99"), METHODS, "1")
    assert refused.value.kind is errors.OTHER_PROTOCOL


def test_every_kind_of_error_has_a_name_and_an_exit_code_of_its_own_words() -> None:
    assert len({kind.name for kind in KINDS}) == len(KINDS)
    assert all(kind.exit_code for kind in KINDS)


LINES = st.one_of(
    st.sampled_from([*WRONG_BYTES.values(), *NO_REQUESTS.values()]).filter(lambda line: len(line) < 1_000),
    st.sampled_from([line for line, _ in SPECIFIED.values()]),
    st.binary(max_size=80),
    st.builds(
        lambda id_, method: said(method, id=id_)[:-1],
        st.one_of(st.integers(), st.text(max_size=5), st.none(), st.floats()),
        st.sampled_from(["daemon.ping", "run.status", "x"]),
    ),
)


@given(st.lists(LINES, max_size=8), st.lists(st.integers(0, 600), max_size=10))
def test_the_answers_are_the_same_whatever_the_cuts(lines: list[bytes], cuts: list[int]) -> None:
    whole = b"\n".join(lines)
    places = [0, *sorted(cut for cut in cuts if cut < len(whole)), len(whole)]
    pieces = [whole[start:end] for start, end in pairwise(places)]
    assert answered(*pieces) == answered(whole)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_any_json_is_answered_with_an_error_or_is_a_request(value: object) -> None:
    for found in answered(json.dumps(value).encode() + b"\n"):
        assert found["error"]["code"] in (-32600, -32700)
