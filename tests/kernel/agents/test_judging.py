"""What an agent's events are worth: each kind of end becomes an answer, a park or a failure.

Not here: reading the events; see test_codex_events.py and test_claude_events.py.
"""

from pathlib import Path

import pytest
from tests.doubles.tasks import STAGES, answer_to, task

from verger_kernel.agents.judging import judged
from verger_kernel.agents.outcome import Answered, Outcome, Parked, Unanswered, complete_answer
from verger_kernel.agents.told import Kind, Told
from verger_kernel.rules.answers import BOUND
from verger_kernel.rules.limits import Breach
from verger_kernel.rules.packs import Stage, TaskSpecification
from verger_kernel.rules.parks import Cause
from verger_kernel.rules.policy import AgentDefinition
from verger_kernel.rules.usage import Usage

CODEX = AgentDefinition(kind="codex", model="m", key="STUB_KEY")
USED = Usage(model="m", input_tokens=3, cached_tokens=1, cache_write_tokens=0, output_tokens=2)
SILENCE = Breach(limit="silence", used=61, allowed=60)


def answer(asked: TaskSpecification, **changed: object) -> dict[str, object]:
    """What a model answers: a report without what binds it."""
    return {key: value for key, value in answer_to(asked).items() if key not in BOUND} | changed


def judge(
    told: Told,
    folder: Path,
    stage: Stage = "execute",
    exit_code: int | None = 0,
    breach: Breach | None = None,
) -> Outcome:
    (folder / "reports").mkdir(exist_ok=True)
    asked = task(stage, folder=folder)
    return judged(told, CODEX, asked, Path(asked.report_path), exit_code=exit_code, breach=breach)


@pytest.mark.parametrize("stage", STAGES)
def test_an_answer_becomes_a_report_that_is_bound_to_its_call(tmp_path: Path, stage: Stage) -> None:
    asked = task(stage, folder=tmp_path)
    found = judge(Told(kind="answered", answer=answer(asked), usage=USED), tmp_path, stage)
    assert isinstance(found, Answered)
    assert (found.report.run_id, found.report.agent, found.usage) == (asked.run_id, "painter", USED)
    again = complete_answer(asked, Path(asked.report_path))
    assert again and (again.report, again.sha256) == (found.report, found.sha256)


@pytest.mark.parametrize("exit_code", [0, 1, -15, None])
def test_an_answer_stands_whatever_the_exit_code_and_the_limit(tmp_path: Path, exit_code: int | None) -> None:
    told = Told(kind="answered", answer=answer(task()))
    assert isinstance(judge(told, tmp_path, exit_code=exit_code, breach=SILENCE), Answered)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ([], "the answer is no object"),
        ({"verdict": "implemented"}, "missing required field `summary`"),
        ({"summary": "", "verdict": "done"}, "Invalid enum value 'done'"),
        ({"summary": "", "verdict": "blocked", "item_id": "99"}, "keys that nobody asked for: item_id"),
        ({"summary": "", "verdict": "blocked", "more": 1}, "unknown field `more`"),
    ],
)
def test_an_answer_that_does_not_keep_the_schema_is_none(tmp_path: Path, said: object, words: str) -> None:
    found = judge(Told(kind="answered", answer=said, usage=USED), tmp_path)
    assert isinstance(found, Unanswered) and found.kind == "schema_bad" and found.usage == USED
    assert words in found.why


def test_a_report_that_somebody_else_put_there_is_no_answer(tmp_path: Path) -> None:
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / "report.json").symlink_to("/dev/null")
    found = judge(Told(kind="answered", answer=answer(task())), tmp_path)
    assert isinstance(found, Unanswered) and found.kind == "malformed"


@pytest.mark.parametrize(
    ("kind", "cause", "words"),
    [
        ("usage_limit", "limit", "why"),
        ("quota", "budget", "why; pay or choose another plan at the vendor, then resume"),
        ("auth", "auth", "why; put a key that counts into STUB_KEY, then resume"),
        ("transient", "outage", "why"),
    ],
)
def test_what_nobody_is_to_blame_for_parks(tmp_path: Path, kind: Kind, cause: Cause, words: str) -> None:
    found = judge(Told(kind=kind, why="why", usage=USED), tmp_path, exit_code=1)
    assert found == Parked(cause, words, None, USED)


def test_a_limit_parks_until_it_is_over(tmp_path: Path) -> None:
    found = judge(Told(kind="usage_limit", why="why", resets_utc_ms=17), tmp_path, exit_code=1)
    assert found == Parked("limit", "why", 17)


@pytest.mark.parametrize("kind", ["schema_bad", "refused", "context_full", "failed"])
def test_what_another_try_would_not_mend_is_no_answer(tmp_path: Path, kind: Kind) -> None:
    found = judge(Told(kind=kind, why="two\nlines", usage=USED), tmp_path, exit_code=1)
    assert isinstance(found, Unanswered)
    assert (found.kind, found.why, found.usage) == (kind, "two\\nlines", USED)


@pytest.mark.parametrize(
    ("exit_code", "breach", "kind", "words"),
    [
        (-9, None, "killed", "ended by SIGKILL, without an answer"),
        (143, None, "killed", "ended by SIGTERM, without an answer"),
        (2, None, "failed", "ended with exit code 2, without an answer"),
        (0, None, "malformed", "ended with exit code 0, but without an answer"),
        (-15, SILENCE, "silent", "said nothing, used no CPU and wrote nothing for 61 s, 60 s are allowed"),
    ],
)
def test_without_a_last_event_the_limit_and_the_exit_tell(
    tmp_path: Path, exit_code: int, breach: Breach | None, kind: str, words: str
) -> None:
    found = judge(Told(kind="cut"), tmp_path, exit_code=exit_code, breach=breach)
    assert isinstance(found, Unanswered)
    assert (found.kind, found.why) == (kind, words)


def test_a_doubtful_stream_is_no_answer_and_says_why(tmp_path: Path) -> None:
    found = judge(Told(kind="doubtful", why="it spoke on", answer=answer(task()), usage=USED), tmp_path)
    assert found == Unanswered("malformed", "it spoke on", USED)
