"""The real codex and claude, cut short by a crash, a limit or a lost login: one continuation each, no turn repeated.

Not here: the same with replayed programs; see tests/journeys/test_sessions.py. Run by `make test-agents`.
"""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.doubles.model_agents import KEYS, real, table
from tests.doubles.model_server import ModelServer, served
from tests.doubles.model_words import Answer, Asked, Fail, Hang, Reply, Use
from tests.doubles.replayed_cli import ANSWERS
from tests.doubles.trials import RUN, calls_of, passed, processes_of, trial
from tests.doubles.workplace import Workplace

from verger_kernel.rules.events import EffectParked, SessionBegan

pytestmark = [pytest.mark.agents, pytest.mark.parametrize("kind", ["codex", "claude"])]
DONE = Answer({"summary": "done"} | ANSWERS["verdict"])
CONTINUED = "You were cut short"
DUMMY = dict.fromkeys(KEYS.values(), "dummy")


def _write(asked: Asked) -> Reply:
    if asked.dialect == "openai":
        return Use("exec_command", {"cmd": "echo 'a note' > docs/01.md"})
    return Use("Write", {"file_path": _cwd(asked) + "/docs/01.md", "content": "a note\n"})


def _cwd(asked: Asked) -> str:
    found = asked.text.partition('\\"worktree\\": \\"')[2].partition('\\"')[0]
    assert found.startswith("/")
    return found


def first_prompts(server: ModelServer) -> int:
    """How often a whole task was begun: requests that no tool result and no continuation stands in."""
    return sum(asked.results == 0 and CONTINUED not in asked.text for asked in server.asked)


def continuations(server: ModelServer) -> int:
    """The most often that any one conversation was told to go on."""
    return max(asked.text.count(CONTINUED) for asked in server.asked)


def place_of(root: Path, kind: str, url: str) -> Workplace:
    """One item, with the real program as its worker."""
    return trial(root / "place", agents={"worker": table(real(kind, url))})


def test_a_kernel_that_dies_in_the_midst_of_a_turn_leads_to_one_continuation(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.doubles.workplace.PATIENCE_S", 60.0)

    def script(asked: Asked) -> Reply:
        if CONTINUED in asked.text:
            return DONE
        return _write(asked) if asked.results == 0 else Hang("stream")

    with served(script) as server:
        place = place_of(tmp_path, kind, server.url)
        environment = place.environment(**DUMMY)
        patched = Workplace(place.root)
        monkeypatch.setattr(Workplace, "environment", lambda _self, **more: environment | more)
        with patched.begun(*RUN, until=lambda: any(asked.results for asked in server.asked)):
            pass
        passed(place, place.verger("resume"))
        assert (first_prompts(server), continuations(server)) == (1, 1)
    first, second = place.events(SessionBegan)
    assert first.session == second.session
    assert calls_of(place)[:2] == ["0/execute/t1", "0/execute/t2"]
    assert processes_of(place) == []


@pytest.mark.parametrize("reset_in_s", [-3600, 3600, 40 * 86400])
def test_a_limit_is_waited_out_in_the_same_session_whenever_it_ends(
    tmp_path: Path, kind: str, reset_in_s: int
) -> None:
    resets = int(time.time()) + reset_in_s
    limit = Fail(
        429,
        {"type": "usage_limit_reached", "resets_at": resets},
        {
            "x-codex-primary-used-percent": "100",
            "x-codex-primary-window-minutes": "300",
            "x-codex-primary-reset-at": str(resets),
            "anthropic-ratelimit-unified-status": "rejected",
            "anthropic-ratelimit-unified-reset": str(resets),
            "retry-after": "3600",
        },
    )

    def script(asked: Asked) -> Reply:
        if asked.results == 0:
            return _write(asked)
        return DONE if CONTINUED in asked.text else limit

    with served(script) as server:
        place = place_of(tmp_path, kind, server.url)
        assert place.verger(*RUN, **DUMMY).code == 75
        (parked,) = place.events(EffectParked)
        assert parked.cause == "limit"
        # With a key, claude is told no reset; the clock of codex's own record is taken as it stands.
        assert parked.resets_utc_ms == (resets * 1000 if kind == "codex" else None)
        passed(place, place.verger("resume", **DUMMY))
        assert (first_prompts(server), continuations(server)) == (1, 1)


def test_a_lost_login_parks_and_goes_on_once_there_is_another(tmp_path: Path, kind: str) -> None:
    def script(asked: Asked) -> Reply:
        key = asked.headers.get("authorization", "") + asked.headers.get("x-api-key", "")
        if "good" not in key:
            return Fail(401, {"type": "authentication_error", "message": "invalid x-api-key"})
        return _write(asked) if asked.results == 0 else DONE

    with served(script) as server:
        place = place_of(tmp_path, kind, server.url)
        assert place.verger(*RUN, **DUMMY).code == 75
        (parked,) = place.events(EffectParked)
        assert (parked.cause, parked.why.endswith(f"{KEYS[kind]}, then resume")) == ("auth", True)
        passed(place, place.verger("resume", **dict.fromkeys(DUMMY, "good")))
    assert len({began.session for began in place.events(SessionBegan)}) == 1


def test_two_runs_at_once_do_not_meet(tmp_path: Path, kind: str) -> None:
    def script(asked: Asked) -> Reply:
        return _write(asked) if asked.results == 0 else DONE

    with served(script) as server:
        places = [place_of(tmp_path / name, kind, server.url) for name in ("one", "two")]
        with ThreadPoolExecutor(2) as both:
            codes = both.map(lambda place: place.verger(*RUN, **DUMMY).code, places)
            assert list(codes) == [0, 0]
    sessions = [{began.session for began in place.events(SessionBegan)} for place in places]
    assert not sessions[0] & sessions[1]
