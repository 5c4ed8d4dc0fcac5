"""What every kind of agent keeps, seen from outside: the same checks on codex, claude, generic and scripted.

Not here: what only those keep that write their own report; see test_reporting_agents.py.

Codex and claude replay what was recorded of them; in `make test-agents` they are the real ones, and a model answers.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from tests.doubles import agent as double
from tests.doubles.model_agents import KEYS, REAL, real, replaying
from tests.doubles.model_server import served
from tests.doubles.model_words import Answer, Asked, Fail, FailInStream, Hang, Reply, Say
from tests.doubles.replayed_cli import answer
from tests.doubles.tasks import STAGES, task, turn

from verger_kernel.agents.base import Adapter, Turn
from verger_kernel.agents.judging import judged
from verger_kernel.agents.outcome import Answered, Outcome, Parked, Unanswered, complete_answer, outcome
from verger_kernel.agents.parking import parked
from verger_kernel.agents.registry import KINDS, adapter_of
from verger_kernel.rules.limits import Breach
from verger_kernel.rules.packs import Stage
from verger_kernel.rules.policy import AgentDefinition

WRITERS = ("generic", "scripted")
SILENCE = Breach(limit="silence", used=61, allowed=60)
PATIENCE_S = 30.0


@dataclass(frozen=True)
class Behaviour:
    """One way to behave: as words for the double, as a step of a scenario, as recordings, and as a model's reply."""

    words: tuple[str, ...]
    step: str
    codex: tuple[str, ...]
    claude: tuple[str, ...]
    replies: Callable[[Asked], Reply]


def _answer(asked: Asked) -> Reply:
    offered = {tool.get("name"): tool.get("input_schema") for tool in asked.body.get("tools") or ()}
    schema: Any = offered.get("StructuredOutput") or asked.body["text"]["format"]["schema"]
    return Answer(answer(schema))


def _refusal(asked: Asked) -> Reply:
    if asked.dialect == "openai":
        return FailInStream("incomplete", "content_filter")
    return Say("I will not.", stop="refusal")


def _limit(asked: Asked) -> Reply:
    return Fail(429, {"type": "usage_limit_reached" if asked.dialect == "openai" else "rate_limit_error"})


BEHAVIOURS = {
    "answering": Behaviour((), "", ("play", "ok"), ("play", "ok"), _answer),
    "refusing": Behaviour(
        ("lie", "verdict", '"blocked"'),
        "",
        ("play", "content_filter"),
        ("play", "refusal"),
        _refusal,
    ),
    "hanging": Behaviour(
        ("say", '{"session_id": "s-1"}', "hang"),
        '{ do = "say", text = "here" }, { do = "hang" }',
        ("play", "hang", "hang", "then", "play", "ok"),
        ("play", "kill", "hang", "then", "play", "ok"),
        lambda asked: _answer(asked) if "You were cut short" in asked.text else Hang("stream"),
    ),
    "limited": Behaviour(
        ("park", "limit"),
        '{ do = "park", cause = "limit" }',
        ("play", "limit_text"),
        ("play", "429_long"),
        _limit,
    ),
    "locked out": Behaviour(
        ("park", "auth"),
        '{ do = "park", cause = "auth" }',
        ("play", "401"),
        ("play", "401"),
        lambda _: Fail(401, {"type": "authentication_error"}),
    ),
    "cut off": Behaviour(
        ("park", "outage"),
        '{ do = "park", cause = "outage" }',
        ("play", "503"),
        ("play", "529"),
        lambda asked: Fail(503 if asked.dialect == "openai" else 529),
    ),
}


@dataclass(frozen=True)
class Stand:
    """An agent of one kind that behaves in one way, and what there is around it."""

    adapter: Adapter
    definition: AgentDefinition
    root: Path

    @property
    def writes_reports(self) -> bool:
        """Whether it writes its report itself."""
        return self.definition.kind in WRITERS

    def start(self, stage: Stage = "execute") -> Turn:
        """A first start."""
        begun = turn(self.definition, task(stage, folder=self.root), self.root / "repository")
        return replace(begun, session=self.adapter.new_session())

    def begun(self, start: Turn) -> "subprocess.Popen[bytes]":
        """The process of a start, fed; what it prints goes to `stdout.log`."""
        self.adapter.lay(start)
        (self.root / "fed").write_bytes(self.adapter.stdin(start))
        environment = {"PATH": os.environ["PATH"], **dict.fromkeys(KEYS.values(), "dummy")}
        with (self.root / "fed").open("rb") as fed, (self.root / "stdout.log").open("wb") as out:
            return subprocess.Popen(
                self.adapter.argv(start),
                cwd=start.task.worktree,
                env=environment | self.adapter.environment(start),
                stdin=fed,
                stdout=out,
                start_new_session=True,
            )

    def ended(self, start: Turn, code: int, breach: Breach | None = None) -> Outcome:
        """What came of it."""
        report = Path(start.task.report_path)
        told = self.adapter.read(start, self.root / "stdout.log", code)
        if told:
            return judged(told, self.definition, start.task, report, exit_code=code, breach=breach)
        found = outcome(start.task, report, exit_code=code, breach=breach, start_error="")
        return parked(report) or found

    def run(self, start: Turn) -> Outcome:
        """What came of a start that was left alone."""
        with self.begun(start) as process:
            code = process.wait(PATIENCE_S)
        return self.ended(replace(start, session=self.session(start)), code)

    def cut(self, start: Turn, by: signal.Signals) -> int:
        """The exit code of a start that was ended once it was seen to live."""
        with self.begun(start) as process:
            deadline = time.monotonic() + PATIENCE_S
            while not self._can_be_cut(start):
                assert time.monotonic() < deadline and process.poll() is None
                time.sleep(0.02)
            os.killpg(process.pid, by)
            return process.wait(PATIENCE_S)

    def _can_be_cut(self, start: Turn) -> bool:
        if not self.adapter.hears(self.definition):
            return bool(self._said())
        return self.adapter.can_continue(replace(start, session=self.session(start)))

    def session(self, start: Turn) -> str:
        """The session that it named."""
        heard = (self.adapter.heard(start, line) for line in self._said().splitlines())
        return next((one.session for one in heard if one.session), "")

    def _said(self) -> bytes:
        log = self.root / "stdout.log"
        return log.read_bytes() if log.exists() else b""


Make = Callable[[str], Stand]


@pytest.fixture(params=KINDS)
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Make]:
    for name in ("worktree", "reports", "repository"):
        (tmp_path / name).mkdir()
    with ExitStack() as servers:

        def made(behaviour: str) -> Stand:
            one, kind = BEHAVIOURS[behaviour], request.param
            if kind in WRITERS:
                definition = _writer(kind, one, tmp_path / "repository")
            elif REAL:
                definition = real(kind, servers.enter_context(served(one.replies)).url)
            else:
                definition = replaying(tmp_path, kind, *getattr(one, kind))
            return Stand(adapter_of(kind), definition, tmp_path)

        yield made


def _writer(kind: str, one: Behaviour, root: Path) -> AgentDefinition:
    if kind == "generic":
        command = (sys.executable, double.__file__ or "")
        resume = command if "session_id" in " ".join(one.words) else ()
        return AgentDefinition(kind="generic", command=(*command, *one.words), resume=resume)
    verdict = '[call.report]\nverdict = "blocked"\n' if "blocked" in " ".join(one.words) else ""
    scenario = f'schema_version = "verger.scenario.v1"\n[[call]]\nsteps = [{one.step}]\n{verdict}'
    (root / "scenario.toml").write_text(scenario, encoding="utf-8")
    return AgentDefinition(kind="scripted", scenario="scenario.toml")


def test_it_can_be_started_and_says_so(make: Make) -> None:
    stand = make("answering")
    assert stand.adapter.missing(stand.definition, stand.root / "repository", os.environ["PATH"]) is None


@pytest.mark.parametrize("stage", STAGES)
def test_it_answers_every_stage_with_a_report_that_is_bound_to_the_call(make: Make, stage: Stage) -> None:
    stand = make("answering")
    start = stand.start(stage)
    found = stand.run(start)
    assert isinstance(found, Answered)
    again = complete_answer(start.task, Path(start.task.report_path))
    assert again and (again.report, again.sha256) == (found.report, found.sha256)


def test_it_says_what_it_used_or_nothing(make: Make) -> None:
    stand = make("answering")
    found = stand.run(stand.start())
    assert (found.usage is None) is stand.writes_reports
    if found.usage:
        assert found.usage.model == stand.definition.model
        assert found.usage.input_tokens > found.usage.cached_tokens > 0
        assert (found.usage.cost_microusd is None) is (stand.definition.kind == "codex")


def test_a_refusal_is_no_answer_that_changes_anything(make: Make) -> None:
    stand = make("refusing")
    found = stand.run(stand.start())
    if stand.writes_reports:
        assert isinstance(found, Answered) and getattr(found.report, "verdict", "") == "blocked"
    else:
        assert isinstance(found, Unanswered) and found.kind == "refused"


@pytest.mark.parametrize(
    ("behaviour", "cause"), [("limited", "limit"), ("locked out", "auth"), ("cut off", "outage")]
)
def test_what_nobody_is_to_blame_for_parks(make: Make, behaviour: str, cause: str) -> None:
    stand = make(behaviour)
    found = stand.run(stand.start())
    assert isinstance(found, Parked) and found.cause == cause
    assert found.why


def test_one_that_is_ended_for_its_silence_is_silent(make: Make) -> None:
    stand = make("hanging")
    start = stand.start()
    code = stand.cut(start, signal.SIGTERM)
    found = stand.ended(start, code, SILENCE)
    assert isinstance(found, Unanswered) and found.kind == "silent"


def test_one_that_is_killed_is_killed(make: Make) -> None:
    stand = make("hanging")
    start = stand.start()
    found = stand.ended(start, stand.cut(start, signal.SIGKILL))
    assert isinstance(found, Unanswered) and found.kind == "killed"


def test_one_with_sessions_goes_on_in_the_one_that_was_cut(make: Make) -> None:
    stand = make("hanging")
    start = stand.start()
    stand.cut(start, signal.SIGKILL)
    session = stand.session(start)
    assert bool(session) is (stand.definition.kind != "scripted")
    again = replace(start, session=session, continues=True)
    assert stand.adapter.can_continue(again) is bool(session)
    if session:
        found = stand.run(again)
        assert isinstance(found, Answered)
        assert stand.session(again) in (session, "")


def test_no_session_goes_on_that_was_never_begun(make: Make) -> None:
    stand = make("answering")
    unknown = replace(stand.start(), session="c8a1d2f4-1111-4222-8333-444455556666", continues=True)
    assert not stand.adapter.can_continue(unknown)
