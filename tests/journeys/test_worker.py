"""A worker that lies, misbehaves or leaves its bounds, and one that is only unusual.

Not here: the audit lanes' lies; see test_lanes.py.
"""

from pathlib import Path

import pytest
from tests.doubles.trials import (
    GOOD,
    RUN,
    attempt_of,
    calls_of,
    escalated,
    is_running,
    passed,
    processes_of,
    quarantined,
    replay,
    shell,
    state_of,
    trial,
)
from tests.doubles.workplace import Workplace

FILES = {"docs/old.md": "old\n", "src/main.py": "print()\n", ".gitignore": ".local/\n*.flag\n"}
LIMITS = "silence_s_max = 1\nagent_output_mb_max = 1"


def call(*steps: str, report: str = "") -> str:
    """The call of a worker that does `steps`, each the inside of a table."""
    done = ", ".join(f"{{ {step} }}" for step in steps)
    return f'stage = "execute"\nsteps = [{done}]' + (f"\nreport = {{ {report} }}" if report else "")


NOTE = 'do = "write", path = "docs/01.md", text = "a note\\n"'
LIES = {
    "another item": ('item_id = "02"', "item_id is '02', asked was '01'"),
    "another attempt": ("attempt = 9", "attempt is 9, asked was 1"),
    "another round": ("round = 3", "round is 3, asked was 0"),
    "another stage": ('stage = "fix"', "stage is 'fix', asked was 'execute'"),
    "another agent": ('agent = "reader-a"', "agent is 'reader-a'"),
    "an unknown verdict": ('verdict = "great"', "verdict"),
    "an added key": ("is_root = true", "is_root"),
}
SILENT = call(NOTE, 'do = "spawn"', 'do = "hang"')
FAILURES = {
    "garbage": (
        call(NOTE, 'do = "garbage", text = "I am done!"'),
        "malformed: no valid verger.worker_report.v1",
    ),
    "silence": (SILENT, "silent: said nothing, used no CPU and wrote nothing for 1 s, 1 s are allowed"),
    "a crash": (call(NOTE, 'do = "crash"'), "killed: ended by SIGKILL, without a report"),
    "an exit without a report": (call(NOTE, 'do = "exit", code = 0'), "malformed: ended with exit code 0"),
    "a failure without a report": (call(NOTE, 'do = "exit", code = 7'), "failed: ended with exit code 7"),
    "a failure that says why": (
        call(NOTE, r'do = "whisper", text = "no key\n\u001b[1mset API_KEY"', 'do = "exit", code = 7'),
        r"without a report; its last words: '\x1b[1mset API_KEY'",
    ),
    "a flood": (call(NOTE, 'do = "flood", mib = 2000'), "bytes to its streams, 1048576 are allowed"),
}


def assert_no_answer(place: Workplace, why: str) -> None:
    """The run ends with a person who is told `why`; nobody verified or audited anything, nobody is left."""
    stage = escalated(place, place.verger(*RUN))
    assert stage.why.startswith("the worker gave no answer: ")
    assert why in stage.why
    assert calls_of(place) == ["0/execute/t1"]
    assert processes_of(place) == []


@pytest.mark.parametrize("lie", LIES)
def test_w8_a_report_that_is_not_the_answer_to_its_call_never_passes(tmp_path: Path, lie: str) -> None:
    report, why = LIES[lie]
    assert_no_answer(trial(tmp_path, call(NOTE, report=report)), why)


@pytest.mark.parametrize("failure", FAILURES)
def test_w20_a_worker_without_an_answer_is_ended_and_told_why(tmp_path: Path, failure: str) -> None:
    script, why = FAILURES[failure]
    place = trial(tmp_path, script, policy=LIMITS)
    assert_no_answer(place, why)
    stdout = (attempt_of(place).root / "agents" / "execute.round-0.try-1" / "stdout.log").read_bytes()
    assert len(stdout) <= 1 << 20
    for pid in stdout.partition(b"left process ")[2].split()[:1]:
        assert not is_running(int(pid))


def test_w20_a_report_of_five_megabytes_is_not_read(tmp_path: Path) -> None:
    place = trial(tmp_path, agents={"worker": shell(LARGE)})
    assert_no_answer(place, "malformed: the report is larger than 4194304 bytes")


LARGE = """
$AGENT write docs/01.md x
python3 - "$VERGER_REPORT_PATH" <<'END'
import json, sys
report = json.load(open(sys.argv[1]))
json.dump(report | {"summary": "x" * 5_000_000}, open(sys.argv[1], "w"))
END
"""

ESCAPES = {
    "a write": ('do = "write", path = "src/main.py", text = "import os\\n"', ("src/main.py",)),
    "a new file": ('do = "write", path = "README.md", text = "hi\\n"', ("README.md",)),
    "a rename out of the roots": (
        'do = "rename", source = "docs/old.md", target = "src/new.md"',
        ("src/new.md",),
    ),
    "a rename into the roots": (
        'do = "rename", source = "src/main.py", target = "docs/m.py"',
        ("src/main.py",),
    ),
    "a delete": ('do = "delete", path = "src/main.py"', ("src/main.py",)),
    "a mode": ('do = "chmod", path = "src/main.py", mode = 0o755', ("src/main.py",)),
    "a link": ('do = "symlink", path = "elsewhere", target = "docs"', ("elsewhere",)),
    "a sibling of a root": ('do = "write", path = "docs2/a.md", text = "x"', ("docs2/a.md",)),
}


@pytest.mark.parametrize("escape", ESCAPES)
def test_w6_a_change_outside_of_the_roots_escalates_with_its_path(tmp_path: Path, escape: str) -> None:
    step, paths = ESCAPES[escape]
    place = trial(tmp_path, call(NOTE, step), files=FILES)
    stage = escalated(place, place.verger(*RUN))
    assert stage.why == f"{len(paths)} path(s) outside allowed_write_roots were changed"
    assert stage.details == paths
    assert calls_of(place) == ["0/execute/t1"]


GIT_TRICKS = {
    "a commit": ("git add -A && git -c user.name=A -c user.email=a@b commit -qm mine", "'.git/HEAD' changed"),
    "a branch": ("git branch mine", "'.git/refs/heads/mine' changed"),
    "a branch switch": ("git checkout -qb mine", "'.git/HEAD' changed"),
    "a hook": (
        "mkdir .git/hooks && echo 'exit 1' > .git/hooks/pre-commit",
        "'.git/hooks/pre-commit' changed",
    ),
    "a repository inside": ("git init -q docs/inner", "'docs/inner/.git' is a git repository"),
}


@pytest.mark.parametrize("trick", GIT_TRICKS)
def test_w25_an_agent_that_reaches_for_git_escalates_and_is_named(tmp_path: Path, trick: str) -> None:
    script, words = GIT_TRICKS[trick]
    script = f"unset GIT_DIR; mkdir -p docs; echo a note > docs/01.md; {script} >&2; exec $AGENT write docs/01.md x"
    place = trial(tmp_path, agents={"worker": shell(script)})
    stage = escalated(place, place.verger(*RUN))
    assert stage.why == "the worker left its bounds"
    assert words in "\n".join(stage.details)


ODD_NAMES = ("docs/a b.md", "docs/Grüße aus Köln.md", "docs/new\\nline.md", 'docs/quo\\"te.md', "docs/-x")


def test_w7_unusual_names_and_bytes_inside_the_roots_pass(tmp_path: Path) -> None:
    steps = [f'do = "write", path = "{name}", text = "odd\\n"' for name in ODD_NAMES]
    binary = 'do = "write", path = "docs/bin", hex = "00ff0afe"'
    place = trial(tmp_path, call(NOTE, *steps, binary), required_verification_commands="`test -f docs/bin`")
    passed(place, place.verger(*RUN))
    found = set(place.git("ls-tree", "-r", "-z", "--name-only", place.run_branch(), "docs").split("\0"))
    assert {name.encode().decode("unicode_escape") if "\\" in name else name for name in ODD_NAMES} <= found


def test_w7_folders_that_others_ignore_are_ordinary(tmp_path: Path) -> None:
    names = [f"{folder}/deep/made.txt" for folder in ("out", "cache", "venv", "node_modules")]
    steps = [f'do = "write", path = "{name}", text = "made\\n"' for name in names]
    place = trial(tmp_path, call(NOTE, *steps), allowed_write_roots="docs; out; cache; venv; node_modules")
    passed(place, place.verger(*RUN))
    assert place.git("diff", "--name-only", "main", place.run_branch()).split() == sorted(
        [*names, "docs/01.md"]
    )


def test_w7_what_checks_leave_behind_does_not_escalate(tmp_path: Path) -> None:
    messy = "mkdir -p src/__pycache__ .pytest_cache && touch src/__pycache__/a.pyc .pytest_cache/x top.txt"
    place = trial(tmp_path, GOOD, files=FILES, required_verification_commands=f"`{messy}`")
    passed(place, place.verger(*RUN))
    assert place.git("diff", "--name-only", "main", place.run_branch()) == "docs/01.md"


def test_w6_what_an_escalated_attempt_left_is_kept_when_the_next_one_begins(tmp_path: Path) -> None:
    place = trial(tmp_path, call(NOTE, ESCAPES["a write"][0]), files=FILES)
    stage = escalated(place, place.verger(*RUN))
    worktree = attempt_of(place).worktree
    assert (worktree / "src" / "main.py").read_text() == "import os\n"
    assert quarantined(place) == {}
    replay(place, GOOD)
    passed(place, place.verger("resume"))
    assert state_of(place).passed[0].attempt == stage.spot.attempt + 1 == 2
    assert not worktree.exists()
    assert quarantined(place) == {"01/1/left-behind": "docs/01.md\nsrc/main.py"}
    ref = f"refs/verger/quarantine/{place.run().root.name}/01/1/left-behind"
    assert place.git("show", f"{ref}:src/main.py") == "import os"


def test_w6_what_an_attempt_with_a_repository_inside_left_is_kept_as_files(tmp_path: Path) -> None:
    script = f"{GIT_TRICKS['a repository inside'][0]}; echo deep > docs/inner/deep.md; exec $AGENT write docs/01.md x"
    place = trial(tmp_path, agents={"worker": shell(f'test -e "$HOME/go" || {{ {script}; }}\n{ANSWER}')})
    escalated(place, place.verger(*RUN))
    (place.home / "go").touch()
    passed(place, place.verger("resume"))
    kept = quarantined(place)["01/1/left-behind"].split()
    assert {"docs/01.md", "docs/inner/deep.md", "docs/inner/.git-put-aside/HEAD"} <= set(kept)


ANSWER = "exec $AGENT write docs/01.md 'a note'"


def test_w22_an_agent_and_a_command_see_no_secret_and_nothing_of_verger_but_what_is_documented(
    tmp_path: Path,
) -> None:
    dump = f'env > "$HOME/worker.env"; {ANSWER}'
    place = trial(
        tmp_path,
        agents={"worker": shell(dump)},
        policy='env = ["CI"]',
        required_verification_commands="`env > $HOME/command.env`",
    )
    secrets = {name: f"secret {name}" for name in ("AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN", "SSH_AUTH_SOCK")}
    secrets |= {"VERGER_RUN_ID_OVERRIDE": "secret", "VERGER_FIX_TIMEOUT_S": "77"}
    passed(place, place.verger(*RUN, **secrets, CI="yes"))
    for name, documented in (
        (
            "worker",
            {"VERGER_EFFECT", "VERGER_RUN", "VERGER_ITEM_ID", "VERGER_REPORT_PATH", "VERGER_TASK_STAGE"},
        ),
        ("command", {"VERGER_EFFECT", "VERGER_RUN", "VERGER_VERIFICATION", "VERGER_REPORT_DIR"}),
    ):
        text = (place.home / f"{name}.env").read_text()
        seen = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
        assert "secret" not in text
        assert {key for key in seen if key.startswith("VERGER_")} == documented
        assert (seen["CI"], seen["HOME"]) == ("yes", str(place.home))
        asked_for_reports = {"PYTEST_ADDOPTS", "GOFLAGS"} if name == "command" else set()
        known = (
            {"PATH", "HOME", "CI", "PWD", "OLDPWD", "SHLVL", "_", "LC_CTYPE"} | documented | asked_for_reports
        )
        assert set(seen) <= known, set(seen) - known
