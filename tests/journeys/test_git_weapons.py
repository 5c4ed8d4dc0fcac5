"""What an agent does to git, in its worktree and in the user's repository, is named or does nothing.

Not here: commits, branches, hooks and repositories of its own in the worktree (test_worker.py), and each key and
file that is watched (tests/kernel/git/test_trespass.py and test_tripwire.py).
"""

from pathlib import Path

import pytest
from tests.doubles.trials import (
    RUN,
    escalated,
    passed,
    processes_below,
    quarantined,
    shell,
    state_of,
    tree_of_files,
    trial,
)
from tests.doubles.workplace import Workplace, wait_until

from verger_kernel.rules.state import Escalated

ANSWER = "exec $AGENT write docs/01.md 'a note'"
USERS = 'repository="$(dirname "$(tr -d \'"\' < .git/objects/info/alternates)")"\nunset GIT_DIR\n'
"""Names the user's git directory, which an agent finds where its objects come from."""


def weapon(script: str) -> dict[str, str]:
    """A worker that does `script` before its honest work, the first time."""
    once = f'test -e "$HOME/go" || {{ touch "$HOME/go"; {script}; }}'
    return {"worker": shell(f"{USERS}{once}\n{ANSWER}")}


PLANTED = {
    'git config -f "$repository/config" filter.evil.clean "touch $HOME/ran; cat"': "filter.evil.clean",
    'git config -f "$repository/config" core.fsmonitor "touch $HOME/ran; false"': "core.fsmonitor",
    'git config --global filter.evil.process "touch $HOME/ran"': "filter.evil.process",
    'mkdir -p "$repository/hooks" "$repository/info"': "",
    'printf "#!/bin/sh\\ntouch $HOME/ran" > "$repository/hooks/post-index-change"': "hooks/post-index-change",
    'chmod +x "$repository/hooks/post-index-change"': "",
    'echo "* filter=evil" > "$repository/info/attributes"': "info/attributes",
    'rm "$repository"/refs/heads/orchestrator/run/*': "refs/heads/orchestrator/run/",
}
"""What a worker can do to the user's repository, and the words that tell of it."""


def test_what_is_planted_in_the_users_repository_escalates_and_never_runs(tmp_path: Path) -> None:
    place = trial(
        tmp_path, agents=weapon("; ".join(PLANTED)), files={".gitattributes": "docs/* filter=evil\n"}
    )
    result = place.verger(*RUN)
    assert result.code == 22, result
    stage = state_of(place).stage
    assert isinstance(stage, Escalated)
    assert stage.why == "the worker left its bounds"
    for words in filter(None, PLANTED.values()):
        assert any(words in line for line in stage.details), words
    assert len(stage.details) == 6
    # What preflight and doctor ask of git, they ask with the user's configuration.
    (place.repository / "docs/index.md").touch()
    place.verger("doctor")
    place.verger("resume")
    assert not (place.home / "ran").exists()


def test_what_a_worker_planted_before_its_kernel_was_killed_is_told_by_the_resume(tmp_path: Path) -> None:
    plant = 'git config -f "$repository/config" core.fsmonitor "touch $HOME/ran; false"'
    place = trial(tmp_path, agents=weapon(f'{plant}; touch "$HOME/planted"; sleep 60'))
    with place.begun(*RUN, until=(place.home / "planted").exists) as kernel:
        kernel.kill()
    stage = escalated(place, place.verger("resume"))
    assert stage.why == "the worker left its bounds"
    (told,) = stage.details
    assert "core.fsmonitor" in told
    assert not (place.home / "ran").exists()
    # Who looked at it and goes on has accepted it.
    passed(place, place.verger("resume"))


def test_what_a_verification_command_plants_is_told_and_nothing_passes(tmp_path: Path) -> None:
    plant = f'{USERS}git config -f "$repository/config" core.fsmonitor "touch $HOME/ran; false"\n'
    place = trial(
        tmp_path,
        agents={"worker": shell(ANSWER)},
        files={"check.sh": plant},
        required_verification_commands="`bash check.sh`",
    )
    stage = escalated(place, place.verger(*RUN))
    assert stage.why == "a command left its bounds"
    (told,) = stage.details
    assert "core.fsmonitor" in told


def test_a_user_at_work_meanwhile_is_never_blamed(tmp_path: Path) -> None:
    work = (
        'cd "$repository/.."; git config user.email other@example.org; git remote add origin .; git fetch -q origin; '
        "git checkout -q -b topic; echo mine > mine; git add mine; git commit -qm mine; echo more >> mine; git gc -q"
    )
    place = trial(tmp_path, agents=weapon(f"({work})"))
    passed(place, place.verger(*RUN))
    assert place.git("status", "--porcelain") == " M mine"


def test_a_change_out_of_scope_is_seen_however_it_is_hidden(tmp_path: Path) -> None:
    script = (
        "git update-index --assume-unchanged src/a; git update-index --skip-worktree src/b; touch -r src/c old; "
        "for name in a b c; do echo evil > src/$name; done; touch -r old src/c; rm old; "
        "printf 'src/new\\n' > .gitignore; echo evil > src/new"
    )
    files = {f"src/{name}": "good\n" for name in "abc"}
    place = trial(tmp_path, agents=weapon(script), files=files)
    stage = escalated(place, place.verger(*RUN))
    assert stage.details == (".gitignore", "src/a", "src/b", "src/c")


def test_links_that_lead_out_only_together_are_named(tmp_path: Path) -> None:
    script = "mkdir -p docs/a; ln -s .. docs/a/up; ln -s a/up/../../etc docs/out"
    place = trial(tmp_path, agents=weapon(script))
    assert escalated(place, place.verger(*RUN)).details == ("docs/out",)


PIPES = {
    "in place of a tracked file": "rm docs/index.md; mkfifo docs/index.md",
    "as ignore rules": "mkfifo docs/.gitignore",
}


@pytest.mark.parametrize("pipe", PIPES)
def test_a_pipe_that_git_would_wait_for_escalates_and_the_next_attempt_goes_on(
    tmp_path: Path, pipe: str
) -> None:
    place = trial(tmp_path, agents=weapon(f"echo half > docs/half.md; {PIPES[pipe]}"))
    escalated(place, place.verger(*RUN))
    passed(place, place.verger("resume"))
    assert "docs/half.md" in quarantined(place)["01/1/left-behind"]


def test_pipes_sockets_and_a_file_that_is_in_two_places_are_no_harm(tmp_path: Path) -> None:
    script = (
        'mkfifo docs/pipe; ln "$repository/../docs/index.md" docs/twin; '
        "python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind(\"docs/s\")'"
    )
    place = trial(tmp_path, agents=weapon(script))
    passed(place, place.verger(*RUN))
    changed = place.git("diff", "--name-only", "main", place.run_branch()).split()
    assert changed == ["docs/01.md", "docs/twin"]


def test_what_an_agent_goes_on_writing_is_not_in_the_result_that_is_judged(tmp_path: Path) -> None:
    writer = "while :; do date +%N > docs/01.md; done"
    daemon = f"env -i PATH=\"$PATH\" setsid bash -c '{writer}' < /dev/null > /dev/null 2>&1 9>&- &"
    place = trial(
        tmp_path,
        agents={"worker": shell(f"{daemon}\n$AGENT write docs/01.md x")},
        required_verification_commands="`cp docs/01.md $HOME/seen`",
    )
    result = place.verger(*RUN)
    passed(place, result, text=(place.home / "seen").read_text().rstrip("\n"))
    wait_until(lambda: processes_below(place.root) == [])


def taken(place: Workplace) -> dict[str, bytes]:
    """What the user gets who checks the result out."""
    target = place.root / "taken"
    place.git("worktree", "add", "-q", "--detach", str(target), place.run_branch())
    return {path: data for path, data in tree_of_files(target).items() if path.startswith("docs/")}


def test_verification_sees_the_bytes_that_a_checkout_of_the_result_gives(tmp_path: Path) -> None:
    rules = "*.crlf text eol=crlf\\n*.u16 text working-tree-encoding=UTF-16BE\\n*.id ident\\n*.out export-ignore\\n"
    script = (
        f"printf '{rules}' > docs/.gitattributes; printf 'a\\nb\\n' > docs/x.crlf; printf '\\0a\\0\\n' > docs/x.u16; "
        "printf '$Id$' > docs/x.id; printf kept > docs/x.out"
    )
    place = trial(tmp_path, agents=weapon(script), required_verification_commands="`cp -a docs $HOME/docs`")
    passed(place, place.verger(*RUN))
    seen = {f"docs/{path}": data for path, data in tree_of_files(place.home / "docs").items()}
    assert seen == taken(place)
    assert seen["docs/x.crlf"] == b"a\r\nb\r\n"
    assert set(seen) >= {"docs/x.out", "docs/x.id", "docs/x.u16"}


def test_a_submodule_that_the_worker_moves_or_fills_is_named(tmp_path: Path) -> None:
    place = trial(
        tmp_path, agents=weapon("echo x > sub/x; printf '[submodule \"sub\"]\\n' > docs/.gitmodules")
    )
    place.git("update-index", "--add", "--cacheinfo", f"160000,{place.git('rev-parse', 'HEAD')},sub")
    place.git("commit", "-qm", "a submodule")
    (place.repository / "sub").mkdir()
    stage = escalated(place, place.verger(*RUN))
    assert stage.details == ("'sub/' is the folder of a submodule and was filled",)


def test_many_files_are_recorded_and_those_out_of_scope_counted(tmp_path: Path) -> None:
    place = trial(tmp_path, agents=weapon("mkdir many; for n in {1..1000}; do echo $n > many/$n; done"))
    stage = escalated(place, place.verger(*RUN))
    assert stage.why == "1000 path(s) outside allowed_write_roots were changed"
    assert len(stage.details) == 50
