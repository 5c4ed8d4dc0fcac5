"""Workers, lanes and repositories that once broke a promise, each held by a test.

Not here: workers that only lie about what they did; see test_worker.py.
"""

import json
import os
import shutil
import signal
from pathlib import Path

import pytest
from tests.doubles.trials import (
    GOOD,
    RUN,
    attempt_of,
    calls_of,
    escalated,
    passed,
    processes_below,
    processes_of,
    quarantined,
    shell,
    state_of,
    trial,
)
from tests.doubles.workplace import assert_refused, wait_until

ANSWER = "exec $AGENT write docs/01.md 'a note'"
"""What an honest worker does in the end."""


@pytest.mark.parametrize(
    "script",
    [
        'rm -r docs; mkdir "$HOME/out"; ln -s "$HOME/out" docs; echo x > docs/01.md; exec $AGENT',
        'echo x > "$HOME/note"; rm -f docs/01.md; ln -s "$HOME/note" docs/01.md; exec $AGENT',
        "ln -s ../../../01.md docs/01.md; exec $AGENT",
        "ln -s ../.git/HEAD docs/01.md; exec $AGENT",
    ],
    ids=["the root itself", "an absolute path", "up and out", "into .git"],
)
def test_a_link_that_leads_out_of_the_tree_delivers_nothing(tmp_path: Path, script: str) -> None:
    place = trial(tmp_path, agents={"worker": shell(script)}, required_verification_commands="`true`")
    assert "outside allowed_write_roots" in escalated(place, place.verger(*RUN)).why


def test_a_link_that_stays_in_the_tree_is_an_honest_change(tmp_path: Path) -> None:
    script = "echo 'a note' > docs/01.md; ln -s 01.md docs/latest.md; exec $AGENT"
    place = trial(tmp_path, agents={"worker": shell(script)})
    passed(place, place.verger(*RUN))
    assert place.git("show", f"{place.run_branch()}:docs/latest.md") == "01.md"


@pytest.mark.parametrize(
    "script",
    [
        "echo x > 'docs/git~1'",
        "ln -s nowhere docs/.gitmodules",
        "printf '*.md working-tree-encoding=UTF-16\\n' > docs/.gitattributes; echo x > docs/x.md",
        'place=$PWD; cd ..; rm -rf "$place"; echo x > "$place"',
    ],
    ids=["a short name of .git", "a link as .gitmodules", "an encoding it is not in", "a file as worktree"],
)
def test_what_git_cannot_record_escalates_and_the_next_attempt_goes_on(tmp_path: Path, script: str) -> None:
    once = f'test -e "$HOME/go" || {{ {script}; $AGENT; exit; }}\n{ANSWER}'
    place = trial(tmp_path, agents={"worker": shell(once)})
    escalated(place, place.verger(*RUN))
    (place.home / "go").touch()
    passed(place, place.verger("resume"))


def test_a_worker_that_forges_the_evidence_is_escalated(tmp_path: Path) -> None:
    forge = "cd ../../../runs/*/items/01/attempt-1/external_evidence && chmod -R u+w . && echo forged > status.txt"
    place = trial(
        tmp_path,
        agents={"worker": shell(f"({forge})\n$AGENT write docs/01.md 'forged'")},
        external_check="human_supplied_evidence_required",
        external_dependencies="vendor status",
        required_verification_commands='`cmp docs/01.md "$VERGER_EXTERNAL_EVIDENCE_DIR/status.txt"`',
    )
    told = place.evidence("evidence", "everything burns\n")
    stage = escalated(place, place.verger(*RUN, "--external-evidence-dir", str(told)))
    assert "the external evidence was changed" in stage.details


def test_a_filter_that_the_worker_plants_in_the_repository_is_named_and_never_runs(tmp_path: Path) -> None:
    plant = (
        'config="$(dirname "$(tr -d \'"\' < .git/objects/info/alternates)")/config"\n'
        'printf \'[filter "evil"]\\n\\tclean = touch %s/ran; cat\\n\' "$HOME" >> "$config"\n'
        "echo '* filter=evil' > docs/.gitattributes\n"
    )
    place = trial(tmp_path, agents={"worker": shell(plant + ANSWER)})
    stage = escalated(place, place.verger(*RUN))
    assert any("filter.evil" in words for words in stage.details)
    assert not (place.home / "ran").exists()


def test_what_a_lane_writes_into_the_worktree_is_not_the_workers(tmp_path: Path) -> None:
    finding = '[{"title": "too short", "severity": "high", "category": "other", "is_blocking": true}]'
    planted = (
        "input=$(cat); echo planted > docs/planted.md\n"
        'case "$input" in *\'"round": 0\'*) lies="lie overall_verdict \\"issues_found\\" lie findings '
        f'{json.dumps(finding)[1:-1].replace(" ", "")}";; esac\n'
        'echo "$input" | $AGENT ${lies:-}'
    )
    place = trial(
        tmp_path,
        GOOD,
        'stage = "fix"\nsteps = [{ do = "append", path = "docs/01.md", text = "more\\n" }]',
        agents={"reader-a": shell(planted.replace("too short", "short"))},
        policy="max_fix_rounds = 1\nmax_remediation_rounds = 0",
    )
    result = place.verger(*RUN)
    assert result.code == 0, result
    assert [entry.round for entry in state_of(place).passed] == [1]
    assert place.git("diff", "--name-only", "main", place.run_branch()) == "docs/01.md"
    assert "docs/planted.md" in " ".join(quarantined(place).values())


def test_a_relative_entry_of_path_never_leads_to_the_workers_own_programs(tmp_path: Path) -> None:
    steps = ['{ do = "write", path = "docs/01.md", text = "a note\\n" }']
    for name in ("docs/bash", "docs/grep"):
        steps.append(f'{{ do = "write", path = "{name}", text = "#!/bin/sh\\n" }}')
        steps.append(f'{{ do = "chmod", path = "{name}", mode = 0o755 }}')
    work = f'stage = "execute"\nsteps = [{", ".join(steps)}]'
    place = trial(tmp_path, work, required_verification_commands="`cd docs && grep -q never 01.md`")
    escalated(place, place.verger(*RUN, PATH=f"docs::{place.environment()['PATH']}"))


def test_a_closed_terminal_ends_agents_and_kernel_and_the_run_goes_on(tmp_path: Path) -> None:
    place = trial(tmp_path, agents={"worker": shell(f'test -e "$HOME/go" || sleep 300\n{ANSWER}')})
    with place.begun(*RUN, until=lambda: place.has_run() and bool(processes_of(place))) as kernel:
        kernel.send_signal(signal.SIGHUP)
        assert kernel.wait(timeout=30) == 143
    assert processes_of(place) == []
    (place.home / "go").touch()
    passed(place, place.verger("resume"))


def test_a_daemon_that_a_lane_leaves_behind_is_ended(tmp_path: Path) -> None:
    daemon = (
        'env -i PATH="$PATH" setsid sh -c "sleep 300 & exit" < /dev/null > /dev/null 2>&1 9>&-\nexec $AGENT'
    )
    place = trial(tmp_path, GOOD, agents={"reader-a": shell(daemon), "reader-b": shell(daemon)})
    passed(place, place.verger(*RUN))
    wait_until(lambda: processes_below(place.root) == [])


def test_a_file_too_large_to_be_recorded_is_named_and_the_next_attempt_goes_on(tmp_path: Path) -> None:
    script = f'test -e "$HOME/go" || {{ truncate -s 2T docs/big; touch "$HOME/go"; }}; {ANSWER}'
    place = trial(tmp_path, agents={"worker": shell(script)})
    stage = escalated(place, place.verger(*RUN))
    assert stage.details == ("'docs/big' is larger than 1024 MiB",)
    passed(place, place.verger("resume"))


def test_a_lock_that_a_killed_git_left_beside_the_run_branch_goes(tmp_path: Path) -> None:
    place = trial(tmp_path, GOOD)
    assert place.killed_at(6, "after", *RUN).code == -signal.SIGKILL
    branch = place.repository / ".git" / "refs" / "heads" / state_of(place).frame.run_branch
    branch.with_name(branch.name + ".lock").touch()
    passed(place, place.verger("resume"))


def test_a_tree_that_git_pruned_before_it_had_a_name_is_recorded_again(tmp_path: Path) -> None:
    place = trial(tmp_path, GOOD)
    # The record that the worker returned; its tree has no commit yet.
    assert place.killed_at(6, "after", *RUN).code == -signal.SIGKILL
    # An index that is newer than every file has seen them all, and git trusts what it has seen.
    index = attempt_of(place).index
    os.utime(index, (index.stat().st_mtime + 60,) * 2)
    place.git("prune", "--expire=now")
    passed(place, place.verger("resume"))
    assert calls_of(place).count("0/execute/t1") <= 1


def test_a_copied_run_is_not_driven_as_the_one_it_was_copied_from(tmp_path: Path) -> None:
    place = trial(tmp_path, GOOD)
    place.killed_at(5, "after", *RUN)
    run = place.run().root
    copy = run.with_name(run.name[:-32] + "0" * 32)
    copy.mkdir()
    for path in run.iterdir():
        if path.is_file():
            (copy / path.name).write_bytes(path.read_bytes())
    assert_refused(place.verger("resume", copy.name), 4, f"is a copy of run {run.name}")


@pytest.mark.parametrize("name", ["orchestrator", "orchestrator/run"])
def test_a_branch_in_the_way_of_run_branches_is_told_before_anything_is_made(
    tmp_path: Path, name: str
) -> None:
    place = trial(tmp_path, GOOD)
    place.git("branch", name)
    assert_refused(place.verger(*RUN), 6, f"a branch named {name}", "git branch -m")
    assert not place.state.exists()


def test_a_name_that_git_would_not_commit_under_is_told_before_anything_is_made(tmp_path: Path) -> None:
    place = trial(tmp_path, GOOD)
    place.git("config", "user.name", "<>")
    assert_refused(place.verger(*RUN), 6, "git does not know who commits here")
    assert not place.state.exists()


def test_a_umask_that_takes_rights_from_the_owner_blames_nobody(tmp_path: Path) -> None:
    place = trial(tmp_path, GOOD, files={"tool": "#!/bin/sh\n"})
    (place.repository / "tool").chmod(0o755)
    place.git("commit", "-qam", "a tool")
    umask = os.umask(0o777)
    try:
        result = place.verger(*RUN)
    finally:
        os.umask(umask)
    passed(place, result)


def test_a_run_folder_that_was_tampered_with_never_becomes_a_traceback(tmp_path: Path) -> None:
    spoil = 'for f in ../../../runs/*/items/01/attempt-1/verification_report*.json; do echo {} > "$f"; done\n'
    place = trial(tmp_path, GOOD, agents={"reader-a": shell(spoil + "exec $AGENT")})
    result = place.verger(*RUN)
    assert "Traceback" not in result.stderr
    assert attempt_of(place).root.exists()


@pytest.mark.sweep
def test_an_answer_about_a_worktree_that_is_gone_is_never_used_for_another(tmp_path: Path) -> None:
    slow = 'echo half > docs/01.md; test -e "$HOME/slow" && { touch "$HOME/began"; sleep 300; }\n'
    place = trial(tmp_path, agents={"worker": shell(slow + ANSWER)})
    # Dead with the answer on disk and before its record; then the worktree goes, and the next try is cut short.
    assert place.killed_at(6, "before", *RUN).code == -signal.SIGKILL
    shutil.rmtree(attempt_of(place).worktree)
    (place.home / "slow").touch()
    with place.begun("resume", until=(place.home / "began").exists) as kernel:
        kernel.kill()
        kernel.wait(timeout=30)
    (place.home / "slow").unlink()
    passed(place, place.verger("resume"))
