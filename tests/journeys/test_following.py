"""A run that is followed: by whoever started it and by others, to its end, through kills, undisturbed."""

import fcntl
import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.doubles.followers import running
from tests.doubles.notes import PLAYBOOK, gated, item, scenario, writing
from tests.doubles.trials import RUN, processes_below, shell, state_of, trial
from tests.doubles.workplace import Workplace, assert_refused, wait_until, workplace

from verger_kernel.following.kinds import KINDS
from verger_kernel.rules.events import InvocationEnded

WAITING = 'touch "$HOME/there"; until test -e "$HOME/go"; do sleep 0.01; done; exec $AGENT write docs/01.md "a note"'


@pytest.fixture(autouse=True)
def nobody_outlives_a_failed_test(tmp_path: Path) -> Iterator[None]:
    yield
    for pid in processes_below(tmp_path):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workplace, list[dict[str, Any]], int]:
    """A run that was followed from its start: item 01 passed, 02 waits for a person."""
    rows = [item("01"), gated("02")]
    script = scenario(*(f'stage = "execute"\n{writing(name)}' for name in ("01", "02")))
    place = workplace(tmp_path_factory.mktemp("followed"), rows=rows, script=script)
    result = place.verger("run", PLAYBOOK, "--next", "--auto-advance", "--follow")
    return place, lines_of(result.stdout), result.code


def lines_of(text: str) -> list[dict[str, Any]]:
    """The lines of `text`, each proved to be one of the documented kinds, in order, with a result at the end alone."""
    kinds = {kind.__struct_config__.tag: kind for kind in KINDS}
    found = [json.loads(line) for line in text.splitlines()]
    for line in found:
        known = msgspec.convert(line, type=kinds[line["type"]], strict=True)
        assert json.loads(msgspec.json.encode(known)) == line
    seqs = [line["seq"] for line in found]
    assert seqs == sorted(set(seqs))
    assert [line["type"] for line in found].index("result") == len(found) - 1
    return found


def waits(root: Path) -> Workplace:
    """A place whose worker waits until it may go on."""
    return trial(root, agents={"worker": shell(WAITING)})


def test_who_runs_and_who_looks_on_read_the_same_lines(done: tuple[Workplace, list[Any], int]) -> None:
    place, followed, code = done
    assert code == 20
    assert lines_of(place.verger("status", "--follow").stdout) == followed


def test_the_result_says_how_each_item_ended_and_what_comes_next(
    done: tuple[Workplace, list[Any], int],
) -> None:
    place, followed, _ = done
    result = followed[-1]
    assert (result["exit_code"], result["state"], result["driver"]) == (20, "awaiting_human_gate", "left")
    assert [(one["item"], one["end"]) for one in result["items"]] == [
        ("01", "passed"),
        ("02", "awaiting_human_gate"),
    ]
    assert result["items"][0]["commit"] == place.run_branch()
    assert result["next"].startswith("verger mark-manual-gate ")
    assert result["error"] is None


def test_a_follow_is_taken_up_again_where_it_was_left(done: tuple[Workplace, list[Any], int]) -> None:
    place, followed, _ = done
    middle = len(followed) // 2
    again = place.verger("status", "--follow", "--from", str(followed[middle]["seq"]))
    assert lines_of(again.stdout) == followed[middle:]


def test_a_place_in_a_follow_without_a_follow_is_refused(done: tuple[Workplace, list[Any], int]) -> None:
    assert_refused(done[0].verger("status", "--from", "10"), 2, "--from goes with --follow")


def test_the_code_of_the_run_is_answered_where_it_is_asked_for(
    done: tuple[Workplace, list[Any], int],
) -> None:
    place, _, _ = done
    assert place.verger("status", "--follow").code == 0
    assert place.verger("status", "--follow", "--exit-code").code == 20


def test_a_run_that_another_process_drives_is_followed_to_its_end(tmp_path: Path) -> None:
    place = waits(tmp_path)
    with place.begun(*RUN, until=(place.home / "there").exists) as kernel:
        with running(place, "status", "--follow") as follower:
            assert follower.stdout
            early = [follower.stdout.readline() for _ in range(6)]
            assert json.loads(early[-1])["type"] == "agent.started"
            (place.home / "go").touch()
            found = b"".join((*early, *follower.stdout))
        assert kernel.wait(20) == 0
    lines = lines_of(found.decode())
    assert (lines[-1]["driver"], lines[-1]["exit_code"]) == ("left", 0)
    assert lines == lines_of(place.verger("status", "--follow").stdout)


def test_a_driver_that_is_gone_ends_the_follow_and_is_named(tmp_path: Path) -> None:
    place = waits(tmp_path)
    with (
        place.begun(*RUN, until=(place.home / "there").exists) as kernel,
        running(place, "status", "--follow") as follower,
    ):
        assert follower.stdout
        follower.stdout.readline()
        kernel.kill()
        kernel.wait()
        result = json.loads(list(follower.stdout)[-1])
    assert (result["type"], result["driver"], result["exit_code"]) == ("result", "gone", 75)
    assert result["items"][0]["end"] == "unfinished"
    assert result["next"].startswith("verger resume ")


def test_who_stops_following_leaves_a_result_and_the_run_alone(tmp_path: Path) -> None:
    place = waits(tmp_path)
    with place.begun(*RUN, until=(place.home / "there").exists) as kernel:
        with running(place, "status", "--follow") as follower:
            assert follower.stdout
            follower.stdout.readline()
            follower.send_signal(signal.SIGINT)
            result = json.loads(list(follower.stdout)[-1])
            assert follower.wait(20) == 130
        assert (result["type"], result["driver"]) == ("result", "at work")
        assert kernel.poll() is None


@pytest.mark.sweep
def test_a_run_that_is_told_to_leave_says_so_in_its_last_line(tmp_path: Path) -> None:
    place = waits(tmp_path)
    with running(place, *RUN, "--follow") as kernel:
        wait_until((place.home / "there").exists)
        kernel.send_signal(signal.SIGTERM)
        out, _ = kernel.communicate(timeout=20)
        assert kernel.returncode == 143
    result = lines_of(out.decode())[-1]
    assert (result["exit_code"], result["driver"], result["items"][0]["end"]) == (143, "left", "unfinished")
    assert lines_of(place.verger("status", "--follow").stdout)[-1] == result


def test_resume_prints_the_lines_of_what_it_does_alone(tmp_path: Path) -> None:
    place = waits(tmp_path)
    (place.home / "go").touch()
    assert place.killed_at(4, "after", *RUN).code == -signal.SIGKILL
    resumed = lines_of(place.verger("resume", "--follow").stdout)
    assert resumed[0]["type"] == "invocation.started"
    assert resumed[-1]["items"][0]["end"] == "passed"
    assert resumed == lines_of(place.verger("status", "--follow").stdout)[-len(resumed) :]


def test_a_refused_run_ends_in_a_result_as_well(tmp_path: Path) -> None:
    place = trial(tmp_path)
    (place.repository / "docs" / "index.md").write_text("changed\n")
    refused = place.verger(*RUN, "--follow")
    (result,) = lines_of(refused.stdout)
    assert (result["exit_code"], result["seq"], result["run"]) == (refused.code, 0, "")
    assert result["error"]["what"] in refused.stderr
    assert result["error"]["hint"] in refused.stderr


@pytest.mark.parametrize("argv", [(*RUN, "--follow"), ("status", "--follow")])
def test_a_reader_that_leaves_ends_the_output_and_not_the_run(tmp_path: Path, argv: tuple[str, ...]) -> None:
    place = trial(tmp_path)
    if argv[0] == "status":
        assert place.verger(*RUN).code == 0
    reading, writing_ = os.pipe()
    os.close(reading)
    with running(place, *argv, stdout=writing_, stderr=subprocess.PIPE) as kernel:
        os.close(writing_)
        _, err = kernel.communicate(timeout=20)
        assert kernel.returncode == 0
    assert b"could not be written" not in err
    assert [entry.item for entry in state_of(place).passed] == ["01"]


def test_a_reader_that_does_not_read_holds_no_run_up(tmp_path: Path) -> None:
    place = trial(tmp_path)
    reading, writing_ = os.pipe()
    # Smaller than what is to be told.
    fcntl.fcntl(writing_, fcntl.F_SETPIPE_SZ, 4096)
    with running(place, *RUN, "--follow", stdout=writing_) as kernel:
        os.close(writing_)
        wait_until(lambda: place.has_run() and bool(place.events(InvocationEnded)))
        assert kernel.poll() is None
        with os.fdopen(reading, "rb") as rest:
            assert lines_of(rest.read().decode())[-1]["exit_code"] == 0
        assert kernel.wait(20) == 0


def test_a_journal_that_cannot_be_followed_is_told_in_the_result(tmp_path: Path) -> None:
    place = trial(tmp_path)
    assert place.verger(*RUN).code == 0
    journal = place.run().journal
    records = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join((*records[:3], b"{}\n", *records[4:])))
    ended = place.verger("status", "--follow")
    result = lines_of(ended.stdout)[-1]
    assert ended.code == 4
    assert "record 4 cannot be followed" in result["error"]["what"]
    journal.write_bytes(b"")
    assert_refused(place.verger("status", "--follow"), 4, "its journal is empty")
