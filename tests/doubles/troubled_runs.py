"""What stops a run while it works, each thing provoked on a real place of work by the real command.

Not here: what is refused before it begins (`troubles.py`), and once it stands (`standing_troubles.py`).
"""

from pathlib import Path

from tests.doubles.model_agents import replaying, table
from tests.doubles.notes import PLAYBOOK, POLICY, evidenced, item, writing
from tests.doubles.trials import FEW_TRIALS, GOOD, RUN, shell, trial
from tests.doubles.troubles import Case
from tests.doubles.workplace import Result, workplace

FLAKY = 'test -e "$HOME/once" || { touch "$HOME/once"; exit 1; }\n'
BROKEN = "`grep -q sense docs/index.md`"


def _worker(root: Path, script: str, policy: str = "") -> Result:
    return trial(root, agents={"worker": shell(script)}, policy=policy).verger(*RUN)


def _scripted(root: Path, *calls: str, policy: str = "", **cells: str) -> Result:
    return trial(root, *(calls or (GOOD,)), policy=policy, **cells).verger(*RUN)


def by_a_worker_that_says_nothing(root: Path) -> Result:
    return _scripted(root, 'steps = [{ do = "hang" }]', policy="silence_s_max = 1")


def by_a_worker_that_runs_too_long(root: Path) -> Result:
    return _worker(root, "while sleep 0.1; do echo busy; done", policy="execution_timeout_s = 1")


def _codex(root: Path, case: str) -> Result:
    root.mkdir(exist_ok=True)
    worker = table(replaying(root, "codex", "play", case))
    return trial(root / "place", agents={"worker": worker}).verger(*RUN)


def by_a_model_that_answers_in_prose(root: Path) -> Result:
    return _codex(root, "prose")


def by_a_model_that_refuses(root: Path) -> Result:
    return _codex(root, "content_filter")


def by_a_task_that_does_not_fit(root: Path) -> Result:
    return _codex(root, "context")


def by_a_key_that_does_not_count(root: Path) -> Result:
    return _codex(root, "401")


def by_an_empty_balance(root: Path) -> Result:
    return _codex(root, "quota")


def by_a_worker_that_fails(root: Path) -> Result:
    return _worker(root, "echo API_KEY is not set >&2; exit 7")


def by_a_worker_that_reports_nothing(root: Path) -> Result:
    return _worker(root, "exit 0")


def by_a_worker_whose_report_is_none(root: Path) -> Result:
    return _scripted(root, 'steps = [{ do = "garbage", text = "I am done!" }]')


def by_a_write_outside_of_the_roots(root: Path) -> Result:
    return _scripted(root, 'steps = [{ do = "write", path = "src/main.py", text = "pass" }]')


def by_a_worker_that_commits(root: Path) -> Result:
    return _worker(
        root, "unset GIT_DIR; git -c user.name=A -c user.email=a@b commit --allow-empty -qm mine; exec $AGENT"
    )


def by_a_worker_that_is_blocked(root: Path) -> Result:
    return _scripted(root, 'stage = "execute"\nreport = { verdict = "blocked" }')


def by_a_worker_that_needs_something_outside(root: Path) -> Result:
    return _scripted(root, 'stage = "execute"\nreport = { verdict = "blocked_external" }')


def by_a_command_that_fails(root: Path) -> Result:
    return _scripted(root, required_verification_commands="`test -s docs/other.md`")


def by_a_command_that_is_not_there(root: Path) -> Result:
    place = trial(root, required_verification_commands="`no-such-command`")
    ended = place.verger(*RUN)
    logs = place.run().attempt("01", 1).logs(0)
    return Result(ended.code, "".join(path.read_text() for path in sorted(logs.glob("*"))), ended.stderr)


def by_a_command_that_takes_too_long(root: Path) -> Result:
    return _scripted(
        root,
        policy="verification_timeout_s = 1\nverification_reruns = 0",
        required_verification_commands="`sleep 60`",
    )


def by_a_base_that_is_broken(root: Path) -> Result:
    rows = [item(name, required_verification_commands=BROKEN) for name in ("01", "02")]
    place = workplace(root, rows=rows, policy=FEW_TRIALS + POLICY)
    return place.verger(*RUN)


def by_a_setup_that_fails(root: Path) -> Result:
    return _scripted(root, policy='setup = ["exit 4"]')


def by_a_command_that_is_flaky(root: Path) -> Result:
    place = trial(root, files={"check.sh": FLAKY}, required_verification_commands="`bash check.sh`")
    return place.verger(*RUN)


def by_tests_that_need_no_change(root: Path) -> Result:
    return _scripted(root, requires_red_green="yes", required_verification_commands="`test -e docs/index.md`")


def by_a_changed_test(root: Path) -> Result:
    softened = ', { do = "write", path = "tests/check.sh", text = "exit 0" }'
    place = trial(
        root,
        f'stage = "execute"\n{writing("01", more=softened)}',
        files={"tests/check.sh": "grep -q sense docs/01.md\n"},
        required_verification_commands="`bash tests/check.sh`",
        allowed_write_roots="docs; tests",
    )
    return place.verger(*RUN)


def by_a_lane_that_cannot_say(root: Path) -> Result:
    return _scripted(root, GOOD, 'stage = "audit"\nlane = "a"\nreport = { overall_verdict = "inconclusive" }')


def with_too_small_a_budget(root: Path) -> Result:
    return _scripted(root, GOOD, policy='budget_usd = 1\nreserve_usd = "0.6"')


def by_a_worker_that_writes_its_secret(root: Path) -> Result:
    key = root.with_name("key")
    key.write_text("a long enough key")
    key.chmod(0o600)
    worker = shell('mkdir -p docs; echo "$KEY" > docs/01.md; exec $AGENT').removesuffix(" }")
    agents = {"worker": f'{worker}, secrets = {{ KEY = "file:{key}" }} }}'}
    return trial(root, agents=agents).verger(*RUN)


def without_evidence(root: Path) -> Result:
    return workplace(root, rows=[evidenced("03")]).verger("run", PLAYBOOK, "--next")


TROUBLED_RUNS: dict[str, Case] = {
    "with exit code …, without a report": by_a_worker_that_fails,
    "with exit code 0, but without": by_a_worker_that_reports_nothing,
    "no valid verger.worker_report": by_a_worker_whose_report_is_none,
    "schema_bad: …": by_a_model_that_answers_in_prose,
    "refused: …": by_a_model_that_refuses,
    "context_full: …": by_a_task_that_does_not_fit,
    "put a key that counts": by_a_key_that_does_not_count,
    "pay or choose another plan": by_an_empty_balance,
    "silent: said nothing": by_a_worker_that_says_nothing,
    "timeout: ran": by_a_worker_that_runs_too_long,
    "verdict is blocked`": by_a_worker_that_is_blocked,
    "the worker says that something outside": by_a_worker_that_needs_something_outside,
    "outside allowed_write_roots": by_a_write_outside_of_the_roots,
    "the worker left its bounds": by_a_worker_that_commits,
    "`verify required: 1 failed: … (fail)`": by_a_command_that_fails,
    "command not found": by_a_command_that_is_not_there,
    "(timeout)": by_a_command_that_takes_too_long,
    "though it should fail": by_tests_that_need_no_change,
    "on the result with the base's tests": by_a_changed_test,
    "the budget of rounds is used up": by_a_command_that_fails,
    "a required command fails on the base": by_a_base_that_is_broken,
    "setup fails on the base": by_a_setup_that_fails,
    "failed and passed on the same result": by_a_command_that_is_flaky,
    "parked, budget: the run may spend": with_too_small_a_budget,
    "holds the secret": by_a_worker_that_writes_its_secret,
    "an audit is inconclusive": by_a_lane_that_cannot_say,
    "asks for evidence from outside": without_evidence,
}
"""By words that one row of the page alone holds: what provokes it."""
