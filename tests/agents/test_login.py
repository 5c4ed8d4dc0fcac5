"""The real codex with a login in a file, which it finds by a link and leaves where it is.

Not here: keys; every other test beside has one. Run by `make test-agents`.
"""

import json
from pathlib import Path

import msgspec
import pytest
from tests.doubles.model_agents import real, table
from tests.doubles.model_server import served
from tests.doubles.model_story import demo
from tests.doubles.trials import RUN, trial

pytestmark = pytest.mark.agents


def test_codex_uses_the_login_that_the_policy_names_and_keeps_no_copy(tmp_path: Path) -> None:
    login = tmp_path / "login.json"
    login.write_text(json.dumps({"auth_mode": "apikey", "OPENAI_API_KEY": "sk-of-the-login"}))
    with served(demo) as server:
        agent = msgspec.structs.replace(real("codex", server.url), key="", login=str(login))
        place = trial(tmp_path / "place", agents={"reader-a": table(agent)})
        ran = place.verger(*RUN)
    assert ran.code == 0, ran
    assert {asked.headers["authorization"] for asked in server.asked} == {"Bearer sk-of-the-login"}
    files = [file for file in place.state.rglob("*") if file.is_file()]
    assert not [file for file in files if b"sk-of-the-login" in file.read_bytes()]
    assert json.loads(login.read_bytes())["OPENAI_API_KEY"] == "sk-of-the-login"
