"""What agents and commands wrote: in order, below who wrote it, harmless on a terminal, and as it comes."""

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from tests.doubles.followers import running
from tests.doubles.terminal import at_terminal
from tests.doubles.trials import RUN, processes_below, shell, trial
from tests.doubles.workplace import Workplace, assert_refused

ESCAPE = "\x1b[2J"
SAYS = f"""printf 'a{ESCAPE}b\\n'; echo aside >&2; exec $AGENT write docs/01.md "a note" """
WAITS = 'until test -e "$HOME/{0}"; do sleep 0.01; done'


@pytest.fixture(autouse=True)
def nobody_outlives_a_failed_test(tmp_path: Path) -> Iterator[None]:
    yield
    for pid in processes_below(tmp_path):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """A run whose item 01 passed; its worker and its command wrote something."""
    place = trial(
        tmp_path_factory.mktemp("logs"),
        agents={"worker": shell(SAYS)},
        required_verification_commands="`echo looked && test -s docs/01.md`",
    )
    assert place.verger(*RUN).code == 0
    return place


def titles(text: str) -> list[str]:
    return [line[4:-4] for line in text.splitlines() if line.startswith("==> ")]


COMMAND = "verify green-required, round 0: echo looked && test -s docs/01.md"


def test_every_output_stands_below_who_wrote_it_in_the_order_of_the_work(done: Workplace) -> None:
    result = done.verger("logs", "latest", "01")
    assert result.code == 0
    *worker, command = titles(result.stdout)[:3]
    assert worker == ["execute, round 0: worker (stdout)", "execute, round 0: worker (stderr)"]
    assert command == COMMAND
    lanes = {"reader-a": "audit-a", "reader-b": "audit-b"}
    audits = titles(result.stdout)[3:]
    assert sorted(audits) == sorted(
        f"{stage}, round 0: {name} ({stream})"
        for name, stage in lanes.items()
        for stream in ("stdout", "stderr")
    )
    assert f"==> {COMMAND} <==\nlooked\n" in result.stdout


@pytest.mark.parametrize(
    ("argv", "count"),
    [
        (("execute",), 2),
        (("verify",), 1),
        (("audit",), 4),
        (("audit-b",), 2),
        (("audit", "--stream", "stdout"), 2),
    ],
)
def test_a_stage_or_a_stream_can_be_had_alone(done: Workplace, argv: tuple[str, ...], count: int) -> None:
    assert len(titles(done.verger("logs", "latest", "01", *argv).stdout)) == count


def test_programs_get_the_files(done: Workplace) -> None:
    found = done.verger("logs", "latest", "01", "verify", "--json").json
    (one,) = found
    assert (one["stage"], one["trial"], one["round"], one["try"]) == ("verify", "green-required", 0, 1)
    assert Path(one["path"]).read_text() == "looked\n"
    assert one["bytes"] == 7


def test_a_terminal_is_told_what_it_would_have_obeyed(done: Workplace) -> None:
    raw = done.verger("logs", "latest", "01", "execute").stdout
    assert f"a{ESCAPE}b" in raw
    with at_terminal(done, "logs", "latest", "01", "execute", out=True) as terminal:
        assert terminal.end() == 0
    assert "\x1b" not in terminal.shown
    assert r"a\x1b[2Jb" in terminal.shown


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (("02",), "has no item '02'; hint: its items are: 01"),
        (("011",), "did you mean 01?"),
        (("01", "fix"), "attempt 1 at item 01 has no such output"),
        (("01", "--attempt", "2"), "attempt 2 at item 01 of run"),
    ],
)
def test_what_is_not_there_is_named(done: Workplace, argv: tuple[str, ...], words: str) -> None:
    assert_refused(done.verger("logs", "latest", *argv), 4, words)


def test_what_is_written_now_is_followed_until_the_item_ends(tmp_path: Path) -> None:
    worker = f'echo first; {WAITS.format("one")}; echo second; exec $AGENT write docs/01.md "a note"'
    script = f"echo third; {WAITS.format('two')}; echo fourth\n"
    place = trial(
        tmp_path,
        agents={"worker": shell(worker)},
        files={"look.sh": script},
        required_verification_commands="`sh look.sh`",
    )

    def wrote() -> bool:
        return place.has_run() and any(place.run().root.glob("items/01/attempt-1/agents/*/stdout.log"))

    with place.begun(*RUN, until=wrote) as kernel:
        with running(place, "logs", "latest", "01", "--follow") as follower:
            assert follower.stdout
            told = (line.decode() for line in follower.stdout)
            seen = [next(told), next(told)]
            assert seen == ["==> execute, round 0: worker (stdout) <==\n", "first\n"]
            (place.home / "one").touch()
            while "third\n" not in seen:
                seen.append(next(told))
            (place.home / "two").touch()
            seen += told
            assert follower.wait(20) == 0
        assert kernel.wait(20) == 0
    words = [line for line in seen if line.strip() in ("first", "second", "third", "fourth")]
    assert words == ["first\n", "second\n", "third\n", "fourth\n"]
    assert titles("".join(seen)).count("verify green-required, round 0: sh look.sh") == 1
