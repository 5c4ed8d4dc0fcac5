"""The published protocol is that of the types, and what its page tells people to type is a call.

Not here: that each line works on a real daemon.
"""

import json
import re
import subprocess
from pathlib import Path

import pytest
from docs.write_protocol import PAGE, SCHEMA, line, page, schema

from verger_daemon.protocol.methods import METHODS
from verger_daemon.protocol.session import Call, Session


def test_the_page_is_the_one_of_today() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run `python docs/write_protocol.py`"


def test_the_schema_is_the_one_of_today() -> None:
    assert SCHEMA.read_bytes() == schema(), "run `python docs/write_protocol.py`"


def test_every_name_in_the_schema_leads_somewhere() -> None:
    document = json.loads(schema())
    names = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(document)))
    assert names <= set(document["components"]["schemas"])
    assert [method["name"] for method in document["methods"]] == list(METHODS)


def test_every_field_on_the_page_has_a_meaning() -> None:
    assert not re.findall(
        r"^.*\| *\|$", PAGE.read_text(encoding="utf-8").split("## Methods")[1], re.MULTILINE
    )


@pytest.mark.parametrize("name", METHODS)
def test_the_line_of_a_method_is_a_call_of_it(name: str, tmp_path: Path) -> None:
    typed = line(METHODS[name])
    assert f"```sh\n{typed}\n```" in page()
    said, bar, to = typed.rpartition(" | ")
    assert bar and to == 'socat -t 5 - "UNIX-CONNECT:$XDG_RUNTIME_DIR/verger/vergerd.sock"'
    shown = subprocess.run(("sh", "-c", said), cwd=tmp_path, capture_output=True, check=True).stdout
    session = Session()
    session.feed(shown)
    call = session.take()
    assert isinstance(call, Call)
    assert call.method.name == name
    assert getattr(call.params, "directory", None) in (None, str(tmp_path))
