"""Trials: the result, the base, and the two mixed trees, run by the real kernel; who is blamed for what.

Not here: the rules of it (tests/kernel/rules/test_verification.py), and the many ways to cheat (tests/cheats).
"""

import sys
from pathlib import Path

import msgspec
import pytest
from tests.doubles.trials import GOOD, RUN, attempt_of, escalated, passed, shell, state_of, trial
from tests.doubles.workplace import Workplace

from verger_kernel.perform.reports import VerificationReport

# The plugins of this environment take half of pytest's time.
PLUGINS = " ".join(f"-p no:{name}" for name in ("anyio", "hypothesispytest", "xdist", "xdist.looponfail"))
PYTEST = f"`{sys.executable} -m pytest -q -p no:cacheprovider {PLUGINS} tests`"
ADDER = "def add(a, b):\n    return abs(a) + abs(b)\n"
MENDED = "def add(a, b):\n    return a + b\n"
TEST = "from adder import add\n\n\ndef test_add():\n    assert add(1, 2) == 3\n"
NEW_TEST = "from adder import add\n\n\ndef test_negative():\n    assert add(-1, 2) == 1\n"
FILES = {"adder.py": ADDER, "tests/test_adder.py": TEST, "pytest.ini": "[pytest]\npythonpath = .\n"}
ROOTS = {"allowed_write_roots": "adder.py; tests", "deliverable": "`./adder.py`"}


def report_of(place: Workplace, round_: int = 0) -> VerificationReport:
    data = attempt_of(place).verification(round_).read_bytes()
    return msgspec.json.decode(data, type=VerificationReport)


def purposes(place: Workplace, round_: int = 0) -> list[str]:
    return [one.purpose for one in report_of(place, round_).trials]


def writes(*files: tuple[str, str]) -> str:
    """A worker that writes files and answers."""
    words = " ".join(f"write {path} '{text}'" for path, text in files)
    return shell(f"exec $AGENT {words}")


def adder(root: Path, *files: tuple[str, str], command: str = PYTEST, **more: str) -> Workplace:
    """An item about the adder: the worker writes `files`."""
    return trial(
        root,
        agents={"worker": writes(*files)},
        files=FILES,
        required_verification_commands=command,
        **(ROOTS | more),
    )


def test_a_case_that_fails_before_the_change_and_passes_after_it_is_red_by_test(tmp_path: Path) -> None:
    files = (("adder.py", MENDED), ("tests/test_negative.py", NEW_TEST))
    place = adder(tmp_path, *files, requires_red_green="yes")
    assert place.verger(*RUN).code == 0
    assert report_of(place).judgement.red_grade == "by_test"
    assert {"green", "base", "held-out", "red"} == set(purposes(place))


@pytest.mark.sweep
def test_a_test_of_a_module_that_is_new_is_red_by_collection(tmp_path: Path) -> None:
    new_test = NEW_TEST.replace("adder", "adder_two")
    files = (("adder_two.py", MENDED), ("tests/test_two.py", new_test))
    place = adder(
        tmp_path,
        *files,
        requires_red_green="yes",
        deliverable="`./adder_two.py`",
        allowed_write_roots="adder_two.py; tests",
    )
    assert place.verger(*RUN).code == 0
    assert report_of(place).judgement.red_grade == "by_collection"


def test_a_command_that_names_no_case_is_red_by_exit(tmp_path: Path) -> None:
    check = f"`{sys.executable} -c 'from adder import add\\; assert add(-1, 2) == 1'`"
    place = adder(tmp_path, ("adder.py", MENDED), command=check, requires_red_green="yes")
    assert place.verger(*RUN).code == 0
    assert report_of(place).judgement.red_grade == "by_exit"


def test_a_test_that_passes_without_the_change_shows_no_red(tmp_path: Path) -> None:
    files = (("adder.py", MENDED), ("tests/test_empty.py", "def test_empty():\n    pass\n"))
    place = adder(tmp_path, *files, requires_red_green="yes")
    escalated(place, place.verger(*RUN))
    assert [one.title for one in report_of(place).judgement.final] == [
        "no required command fails without the change"
    ]


BROKEN = "def add(a, b):\n    return 4\n"
WEAKENED = TEST.replace("== 3", "== 4")


def test_a_test_of_the_base_that_fails_on_the_result_blocks(tmp_path: Path) -> None:
    place = adder(tmp_path, ("adder.py", BROKEN), ("tests/test_adder.py", WEAKENED))
    stage = escalated(place, place.verger(*RUN))
    assert stage.why.startswith("verification found what blocks")
    (found,) = report_of(place).judgement.dismissible
    assert found.title.startswith("tests of the base fail on the result")
    assert any("test_adder" in words for words in found.evidence)


@pytest.mark.sweep
def test_a_test_that_the_deliverable_names_may_be_changed(tmp_path: Path) -> None:
    files = (("adder.py", BROKEN), ("tests/test_adder.py", WEAKENED))
    place = adder(tmp_path, *files, deliverable="`./adder.py`; `tests/test_adder.py`")
    assert place.verger(*RUN).code == 0
    assert "held-out" not in purposes(place)


FLAKY = 'test -e "$HOME/once" || { touch "$HOME/once"; exit 1; }\n'
FLAKY_COMMAND = "`bash check.sh`"


def flaky(root: Path, policy: str = "") -> Workplace:
    """An honest item whose command fails once."""
    return trial(
        root, GOOD, policy=policy, files={"check.sh": FLAKY}, required_verification_commands=FLAKY_COMMAND
    )


def test_a_flake_blames_nobody_and_passes_nothing(tmp_path: Path) -> None:
    place = flaky(tmp_path)
    stage = escalated(place, place.verger(*RUN))
    assert "failed and passed on the same result" in stage.why
    assert stage.details[0].startswith("bash check.sh")
    assert state_of(place).agent_calls == 1
    (verdict,) = report_of(place).judgement.verdicts
    assert (verdict.verdict, verdict.attempts) == ("flaky_pass", 2)


@pytest.mark.parametrize(
    "policy",
    [
        'flaky_pass = "accept"',
        'quarantine = [{ test = "bash check.sh", owner = "Ada", expires = "2999-12-31" }]',
    ],
    ids=["accepted", "in quarantine"],
)
def test_a_flake_passes_only_where_the_policy_says_so(tmp_path: Path, policy: str) -> None:
    place = flaky(tmp_path, policy)
    passed(place, place.verger(*RUN))
    assert [one.title for one in report_of(place).judgement.dismissible] == [
        "required command 1 is flaky: it failed and passed in 2 attempts"
    ]


def test_a_quarantine_that_expired_counts_no_more(tmp_path: Path) -> None:
    place = flaky(
        tmp_path, 'quarantine = [{ test = "bash check.sh", owner = "Ada", expires = "2020-12-31" }]'
    )
    result = place.verger(*RUN)
    escalated(place, result)
    told = "warning: 1 entry(ies) of the quarantine have expired and let nothing through: 'bash check.sh' of 'Ada'"
    assert result.stderr.startswith(told)


def test_a_base_that_is_broken_is_named_and_the_worker_is_not_asked_again(tmp_path: Path) -> None:
    files = FILES | {"tests/test_broken.py": "def test_broken():\n    assert False\n"}
    place = trial(
        tmp_path,
        agents={"worker": writes(("adder.py", MENDED))},
        files=files,
        policy="max_fix_rounds = 1\nverification_reruns = 1",
        required_verification_commands=PYTEST,
        **ROOTS,
    )
    stage = escalated(place, place.verger(*RUN))
    assert stage.why == "a required command fails on the base as well, without the change"
    assert "test_broken" in stage.details[0]
    assert state_of(place).agent_calls == 1
    assert purposes(place) == ["green", "green", "base", "base"]


SPY = """\
{ pwd; readlink /proc/self/fd/1; env | sort | grep -v -e ^VERGER_EFFECT= -e ^_=; } >> "$HOME/seen"
echo end >> "$HOME/seen"
grep -q mended adder.py
"""


def test_a_command_cannot_see_in_which_trial_it_runs(tmp_path: Path) -> None:
    place = trial(
        tmp_path,
        agents={"worker": writes(("adder.py", "mended"), ("tests/test_new.py", ""))},
        files={"check.sh": SPY, "adder.py": "broken", "tests/test_old.py": ""},
        required_verification_commands="`bash check.sh`",
        requires_red_green="yes",
        **ROOTS,
    )
    assert place.verger(*RUN).code == 0
    seen = (place.home / "seen").read_text().split("end\n")[:-1]
    assert len(seen) == len(purposes(place)) >= 3
    assert set(seen) == {seen[0]}


SPOILING = """\
report=$(ls -d "$VERGER_REPORT_DIR"/../../../../runs/*/items/01/attempt-1/verification_report.round-0.json) || exit 1
$EDIT
exit 1
"""


@pytest.mark.parametrize(
    "edit",
    ['echo "{}" > "$report"', 'rm "$report"', 'sed -i s/fail/pass/ "$report"'],
    ids=["spoiled", "gone", "rewritten"],
)
def test_a_command_that_changes_what_earlier_trials_told_is_noticed_at_once(
    tmp_path: Path, edit: str
) -> None:
    place = trial(
        tmp_path,
        GOOD,
        files={"check.sh": SPOILING.replace("$EDIT", edit)},
        required_verification_commands="`bash check.sh`",
    )
    stage = escalated(place, place.verger(*RUN))
    assert stage.why == "what the kernel kept of this round was changed"
    assert stage.details == ("verification_report.json",)
