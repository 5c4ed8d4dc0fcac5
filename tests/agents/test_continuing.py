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
from tests.doubles.sweeps import swept
from tests.doubles.trials import RUN, calls_of, passed, processes_of, trial
from tests.doubles.workplace import Workplace

from verger_kernel.rules.events import EffectParked, SessionBegan

pytestmark = [pytest.mark.agents, pytest.mark.parametrize("kind", ["codex", "claude"])]
DONE = Answer({"summary": "done"} | ANSWERS["verdict"])
CONTINUED = "You were cut short"
RESETS_IN_S = (3600, -3600, 40 * 86400)
"""Soon, before it was said by the clock of this machine, and later than any limit lasts."""
DUMMY = dict.fromkeys(KEYS.values(), "dummy")


def limit_until(resets: int) -> Fail:
    """What both vendors say of a limit that is over at `resets`, seconds since 1970."""
    return Fail(
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


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """The real programs start slowly."""
    monkeypatch.setattr("tests.doubles.workplace.PATIENCE_S", 60.0)


def test_a_kernel_that_dies_in_the_midst_of_a_turn_leads_to_one_continuation(
    tmp_path: Path, kind: str
) -> None:
    def script(asked: Asked) -> Reply:
        if CONTINUED in asked.text:
            return DONE
        return _write(asked) if asked.results == 0 else Hang("stream")

    with served(script) as server:
        place = place_of(tmp_path, kind, server.url)
        with place.begun(*RUN, until=lambda: any(asked.results for asked in server.asked), **DUMMY):
            pass
        passed(place, place.verger("resume", **DUMMY))
        assert (first_prompts(server), continuations(server)) == (1, 1)
    first, second = place.events(SessionBegan)
    assert first.session == second.session
    assert calls_of(place)[:2] == ["0/execute/t1", "0/execute/t2"]
    assert processes_of(place) == []


@pytest.mark.parametrize("reset_in_s", swept(RESETS_IN_S, every=3))
def test_a_limit_is_waited_out_in_the_same_session_whenever_it_ends(
    tmp_path: Path, kind: str, reset_in_s: int
) -> None:
    resets = int(time.time()) + reset_in_s
    limit = limit_until(resets)

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


def bad_night(root: Path, kind: str, *, dies: bool, reset_in_s: int, logged_out: bool) -> list[str]:
    """The calls of a run whose agent met a limit, and before or after that what else is said; asserts its end."""
    resets, answers = int(time.time()) + reset_in_s, 0

    def script(asked: Asked) -> Reply:
        nonlocal answers
        if "lost" in asked.headers.get("authorization", "") + asked.headers.get("x-api-key", ""):
            return Fail(401, {"type": "authentication_error", "message": "invalid x-api-key"})
        if asked.results == 0:
            return _write(asked)
        continued = asked.text.count(CONTINUED)
        if continued > dies:
            answers += 1
            return DONE
        return Hang("stream") if continued < dies else limit_until(resets)

    with served(script) as server:
        place = place_of(root, kind, server.url)
        if dies:
            with place.begun(*RUN, until=lambda: any(asked.results for asked in server.asked), **DUMMY):
                pass
        assert place.verger(*(("resume",) if dies else RUN), **DUMMY).code == 75
        if logged_out:
            assert place.verger("resume", **dict.fromkeys(DUMMY, "lost")).code == 75
        passed(place, place.verger("resume", **DUMMY))
        assert (first_prompts(server), answers) == (1, 1)
        assert continuations(server) == dies + 1 + logged_out
    assert len({began.session for began in place.events(SessionBegan)}) == 1
    causes = [parked.cause for parked in place.events(EffectParked)]
    assert causes == ["limit", "auth"][: 1 + logged_out]
    assert processes_of(place) == []
    return [call for call in calls_of(place) if "execute" in call]


NIGHTS = [
    (dies, reset_in_s, logged_out)
    for dies in (True, False)
    for reset_in_s in RESETS_IN_S
    for logged_out in (True, False)
]


@pytest.mark.parametrize(("dies", "reset_in_s", "logged_out"), swept(NIGHTS, every=12))
def test_of_two_runs_each_goes_on_once_after_each_thing_that_stopped_it(
    tmp_path: Path, kind: str, dies: bool, reset_in_s: int, logged_out: bool
) -> None:
    def lived(name: str) -> list[str]:
        return bad_night(tmp_path / name, kind, dies=dies, reset_in_s=reset_in_s, logged_out=logged_out)

    with ThreadPoolExecutor(2) as both:
        calls = list(both.map(lived, ("one", "two")))
    tries = 2 + dies + logged_out
    assert calls == [[f"0/execute/t{number}" for number in range(1, tries + 1)]] * 2
