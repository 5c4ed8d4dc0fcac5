"""A secret that an agent is given by reference: it has it, and nothing that is kept of the run does.

Not here: what a secret can look like; see tests/kernel/process/test_redaction.py.
"""

import base64
import json
from pathlib import Path

from tests.doubles.daemons import seated
from tests.doubles.notes import POLICY
from tests.doubles.trials import RUN, calls_of, escalated, shell, state_of, trial
from tests.doubles.workplace import Workplace

from verger_kernel.rules.events import AgentStarted

VALUE = "s3cret/of-the+night=Zq"
TELLS = 'echo "my key is $CODER_KEY"; printf %s "$CODER_KEY" | base64 >&2; printf "half %s" "$CODER_KEY"; '
DONE = """$AGENT write docs/01.md 'a note' lie summary "\\"I have $CODER_KEY\\"" """


def worker(script: str, reference: str) -> dict[str, str]:
    """A worker that is a shell script with one secret."""
    return {
        "worker": shell(script).removesuffix(" }")
        + f", secrets = {{ CODER_KEY = {json.dumps(reference)} }} }}"
    }


def key_file(root: Path, mode: int = 0o600) -> Path:
    path = root / "key"
    path.write_text(f"{VALUE}\n")
    path.chmod(mode)
    return path


def forms() -> tuple[bytes, ...]:
    data = VALUE.encode()
    return data, base64.b64encode(data).rstrip(b"=")[:-1], data[:12]


def files_that_hold_it(*roots: Path) -> list[str]:
    paths = [path for root in roots for path in root.rglob("*") if path.is_file() and not path.is_symlink()]
    assert len(paths) > 10
    return [str(path) for path in paths if any(form in path.read_bytes() for form in forms())]


def objects_hold_it(place: Workplace) -> bool:
    said = place.git("cat-file", "--batch-all-objects", "--batch", "--unordered")
    return any(form.decode() in said for form in forms())


def test_nothing_that_is_kept_of_a_run_holds_the_secret_that_its_agent_had(tmp_path: Path) -> None:
    path = key_file(tmp_path)
    place = trial(tmp_path / "place", agents=worker(TELLS + DONE, f"file:{path}"))
    ended = place.verger(*RUN, "--json")
    assert ended.code == 0, ended
    (call,) = (event for event in place.events(AgentStarted) if event.agent == "worker")
    said = (place.run().root / call.files / "stdout.log").read_text()
    assert said == "my key is [redacted: CODER_KEY]\nhalf [redacted: CODER_KEY]"
    answer = place.run().attempt("01", 1).answer("worker", 0).read_text()
    assert "I have [redacted: CODER_KEY]" in answer
    assert files_that_hold_it(place.root) == []
    assert not objects_hold_it(place)
    assert VALUE not in ended.stdout + ended.stderr
    assert f"file:{path}" in place.run().policy.read_text()


def test_a_daemon_keeps_it_no_more_than_a_kernel_does(tmp_path: Path) -> None:
    policy = POLICY.replace(
        'worker = { kind = "scripted", scenario = "scenario.toml" }',
        f"worker = {worker('echo $CODER_KEY; echo $CODER_KEY >&2;' + DONE, 'env:MY_OWN')['worker']}",
    )
    with seated(tmp_path, policy=policy) as seat:
        seat.release.touch()
        seat.start()
        ended = seat.verger("supervise", "run", "playbook.md", "--item", "01", MY_OWN=VALUE)
        assert ended.returncode == 0, ended.stderr
        assert VALUE not in ended.stdout + ended.stderr
        assert files_that_hold_it(seat.place.root) == []


def test_a_secret_in_the_change_is_a_matter_for_a_person_and_becomes_no_git_object(tmp_path: Path) -> None:
    path = key_file(tmp_path)
    script = (
        'mkdir -p docs; echo "*.env" > docs/.gitignore; printf %s "$CODER_KEY" | base64 > docs/01.env;' + DONE
    )
    place = trial(tmp_path / "place", agents=worker(script, f"file:{path}"))
    stage = escalated(place, place.verger(*RUN))
    assert stage.details == ("docs/01.env holds the secret CODER_KEY, which the agent was given",)
    assert not objects_hold_it(place)


def test_not_even_a_place_that_is_told_tells_it(tmp_path: Path) -> None:
    path = key_file(tmp_path)
    place = trial(tmp_path / "place", agents=worker('git init -q "docs/$CODER_KEY"; ' + DONE, f"file:{path}"))
    (found,) = escalated(place, place.verger(*RUN)).details
    assert "docs/[redacted: CODER_KEY]" in found
    assert files_that_hold_it(place.run().root) == []


def test_a_secret_of_a_try_that_was_killed_is_no_git_object_either(tmp_path: Path) -> None:
    path = key_file(tmp_path)
    met = tmp_path / "met"
    leaves = f"[ -e {met} ] || {{ : > {met}; kill -9 $PPID; sleep 60; }}"
    script = f'{TELLS} mkdir -p docs; echo "$CODER_KEY" > docs/01.md; {leaves}; ' + DONE
    place = trial(tmp_path / "place", agents=worker(script, f"file:{path}"))
    assert place.verger(*RUN).code < 0
    assert files_that_hold_it(place.run().root)
    assert place.verger("resume").code == 22
    assert not objects_hold_it(place)
    assert files_that_hold_it(place.run().root, place.repository) == []


def test_a_secret_that_is_gone_parks_the_run_and_spends_nothing(tmp_path: Path) -> None:
    path = key_file(tmp_path, 0o644)
    place = trial(tmp_path / "place", agents=worker(DONE, f"file:{path}"))
    refused = place.verger(*RUN)
    assert (refused.code, place.has_run()) == (6, False)
    assert "run `chmod 600` on it" in refused.stderr
    path.chmod(0o600)
    place.killed_at(4, "after", *RUN)
    path.rename(tmp_path / "elsewhere")
    parked = place.verger("resume")
    assert parked.code == 75, parked
    park = state_of(place).park
    assert park and (park.cause, calls_of(place)) == ("auth", [])
    assert park.why == f"secret CODER_KEY is missing: {path}: No such file or directory; put it there"
    (tmp_path / "elsewhere").rename(path)
    assert place.verger("resume").code == 0
