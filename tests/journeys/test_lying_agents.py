"""Lines that an agent or its shell can print, and files that it can leave: none ends a run, none is free of charge.

Not here: lanes that lie in their reports; see test_hostile_lanes.py.
"""

import os
import sys
from pathlib import Path

import pytest
from tests.doubles.model_agents import replaying, table
from tests.doubles.trials import RUN, escalated, shell, state_of, trial
from tests.doubles.workplace import Workplace
from tests.journeys.test_secrets import DONE, files_that_hold_it, key_file, worker

from verger_kernel.rules.events import EffectParked, WorkerReturned

BUDGET = "budget_usd = 20.00\nbudget_tokens = 40_000_000"
ANSWER = (
    '"structured_output":{"summary":"did","verdict":"implemented","files_touched":[],'
    '"unresolved_items":[],"residual_risks":[]}'
)
LIMIT = (
    '{"type":"rate_limit_event","rate_limit_info":{"status":"rejected","resetsAt":%s}}\n'
    '{"type":"result","is_error":true,"api_error_status":429}'
)


def saying(root: Path, kind: str, script: str) -> Workplace:
    """A place whose worker is of `kind`, and whose program does `script` when it is asked."""
    agent = replaying(root, kind, "play", "ok")
    program = Path(agent.program)
    asked = f'[ "$1" = --version ] || {{\n{script}\nexit\n}}\nexec '
    program.write_text(program.read_text().replace("exec ", asked, 1))
    return trial(root / "place", agents={"worker": table(agent)}, policy=BUDGET)


@pytest.mark.parametrize(
    ("kind", "line"),
    [
        ("claude", '{"type":"result","total_cost_usd":1e305,"modelUsage":{"a":{}}}'),
        ("claude", LIMIT % "1e307"),
        ("codex", '{"type":"thread.started","thread_id":"**"}'),
        ("codex", '{"type":"thread.started","thread_id":"--oss"}'),
    ],
)
def test_no_line_ends_the_kernel(tmp_path: Path, kind: str, line: str) -> None:
    place = saying(tmp_path, kind, f"cat > /dev/null; echo '{line}'")
    ended = place.verger(*RUN)
    assert ended.code in (22, 75), ended
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("kind", ["codex", "claude"])
def test_no_line_however_long_hides_the_last_word(tmp_path: Path, kind: str) -> None:
    long = "head -c 20000000 /dev/zero | tr '\\0' '['; echo"
    last = {"codex": '{"type":"turn.failed","error":{"message":"x is nonsense"}}', "claude": LIMIT % "2e9"}[
        kind
    ]
    place = saying(tmp_path, kind, f"cat > /dev/null; {long}; echo '{last}'")
    assert place.verger(*RUN).code == (22 if kind == "codex" else 75)


def test_a_moment_beyond_every_calendar_does_not_hide_the_run(tmp_path: Path) -> None:
    place = saying(tmp_path, "claude", f"cat > /dev/null; echo '{LIMIT % '1e20'}'")
    assert place.verger(*RUN).code == 75
    assert place.events(EffectParked)[0].resets_utc_ms is None
    assert "cannot be read" not in place.verger("status").stdout


NEGATIVE = (
    f'{{"type":"result","total_cost_usd":-1000,"modelUsage":{{"m":{{"inputTokens":-1000000000}}}},{ANSWER}}}'
)
NOTHING = f'{{"type":"result","total_cost_usd":0,"modelUsage":{{"m":{{}}}},{ANSWER}}}'
BY_ITS_SHELL = f"export F='{NOTHING}'; sh -c 'echo \"$F\" > /proc/'$$'/fd/1; kill -9 '$$; sleep 5"


@pytest.mark.parametrize(
    ("script", "code"), [(f"echo '{NEGATIVE}'", 0), (BY_ITS_SHELL, 22), (f"echo '{NOTHING}'; sleep 60", 0)]
)
def test_no_forged_line_makes_a_call_free(tmp_path: Path, script: str, code: int) -> None:
    place = saying(
        tmp_path, "claude", f"cat > /dev/null; mkdir -p docs; echo 'a note' > docs/01.md; {script}"
    )
    assert place.verger(*RUN, VERGER_SANDBOX="required").code == code
    (execute,) = (one.spent for one in state_of(place).spending.stages if one.stage == "execute")
    assert (execute.tokens, execute.microusd) >= (2_000_000, 2_000_000)


def test_one_that_answered_and_was_killed_counts_as_what_was_held_back(tmp_path: Path) -> None:
    used = '{"schema_version":"verger.usage.v1","model":"m","input_tokens":1,"output_tokens":0,"cost_usd":"0.000001"}'
    script = f"echo '{used}'; $AGENT write docs/01.md 'a note'; kill -9 $$"
    place = trial(tmp_path, agents={"worker": shell(script)}, policy=BUDGET)
    assert place.verger(*RUN).code == 0
    (returned,) = place.events(WorkerReturned)
    assert returned.bill and not returned.bill.whole
    (execute,) = (one.spent for one in state_of(place).spending.stages if one.stage == "execute")
    assert (execute.tokens, execute.microusd) == (2_000_000, 2_000_000)


def test_no_secret_stays_in_what_lies_beside_a_report(tmp_path: Path) -> None:
    leaves = (
        'd=$(dirname "$VERGER_REPORT_PATH"); '
        'for f in notes.txt task_specification.json; do printf %s "$CODER_KEY" > $d/$f; done; '
    )
    script = f"cat > {tmp_path}/task; {leaves} {DONE} < {tmp_path}/task"
    place = trial(tmp_path / "place", agents=worker(script, f"file:{key_file(tmp_path)}"))
    assert place.verger(*RUN).code == 0
    assert files_that_hold_it(place.root) == []


def test_no_path_that_is_too_long_and_no_lock_ends_the_run(tmp_path: Path) -> None:
    # Some level ends just where its folder can be named and its file cannot.
    level = "os.mkdir('d' * 250), os.chdir('d' * 250), open('n' * 250, 'w').close()"
    deep = f"import os; os.chdir(os.environ['D']); [({level}) for _ in range(20)]"
    script = (
        f'cat > {tmp_path}/task; export D=$(dirname "$VERGER_REPORT_PATH"); mkdir "$D/shut"; '
        f'printf %s "$CODER_KEY" > "$D/shut/f"; chmod 0 "$D/shut/f" "$D/shut"; '
        f'{sys.executable} -c "{deep}"; {DONE} < {tmp_path}/task'
    )
    key = key_file(tmp_path)
    place = trial(tmp_path / "place", agents=worker(script, f"file:{key}"))
    ended = place.verger(*RUN)
    assert ended.code == 0, ended
    locked = [Path(around, "f") for around, _, names in os.walk(place.root) if "f" in names]
    assert [path.read_bytes() for path in locked if key.read_bytes() in path.read_bytes()] == []


@pytest.mark.parametrize("sandbox", ["required", "none"])
def test_nor_in_the_prompt_nor_in_the_folder_of_a_call(tmp_path: Path, sandbox: str) -> None:
    script = 'cat > /dev/null; for f in "$CODEX_HOME"/../note.txt /proc/self/fd/0; do printf %s "$STUB_KEY" > $f; done'
    place = saying(tmp_path, "codex", script)
    place.verger(*RUN, VERGER_SANDBOX=sandbox)
    held = [
        path
        for path in place.root.rglob("*")
        if path.is_file() and b"of no worth to any" in path.read_bytes()
    ]
    assert held == []


TWICE = "spoke on after its last word"
REOPENED = "standard output was opened a second time"


@pytest.mark.parametrize(
    ("kind", "words", "why"),
    [
        ("codex", ("play", "404", "play", "ok"), TWICE),
        ("claude", ("play", "404", "play", "ok"), TWICE),
        ("claude", ("play", "refusal", "forge", "ok"), REOPENED),
        ("codex", ("play", "404", "rewrite", "ok"), REOPENED),
        ("claude", ("rewrite", "ok"), REOPENED),
        # It would go on for long, but by the forged word it stays after its last one, and is ended.
        ("claude", ("forge", "ok", "hang"), REOPENED),
    ],
)
def test_a_last_word_that_may_be_anothers_makes_no_answer_and_is_not_free(
    tmp_path: Path, kind: str, words: tuple[str, ...], why: str
) -> None:
    agent = table(replaying(tmp_path, kind, "write", "docs/01.md", "a note", *words))
    place = trial(tmp_path / "place", agents={"worker": agent}, policy=BUDGET)
    ended = place.verger(*RUN)
    assert why in escalated(place, ended).why and "malformed: it" in escalated(place, ended).why
    assert state_of(place).spending.spent.assumed_microusd > 0
