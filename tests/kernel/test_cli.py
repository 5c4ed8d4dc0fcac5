"""The command line as a process: its help, its streams when nobody reads them, and how an error looks."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.doubles.notes import PLAYBOOK, item
from tests.doubles.workplace import Workplace, assert_refused, workplace

from verger_kernel.arguments import EXAMPLES
from verger_kernel.cli import COMMANDS, parser
from verger_kernel.errors import CommandError
from verger_kernel.terminal import printable
from verger_probes.exits import Exit
from verger_probes.version import VERSION

KERNEL = (sys.executable, "-P", "-m", "verger_kernel")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """A repository with one run that passed."""
    made = workplace(tmp_path_factory.mktemp("cli"), rows=[item("01")])
    assert made.verger("run", PLAYBOOK, "--next").code == 0
    return made


def typed(place: Workplace, *argv: str, **streams: object) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        (*KERNEL, *argv),
        **{
            "cwd": place.repository,
            "env": place.environment(),
            "stdin": subprocess.DEVNULL,
            "stderr": subprocess.PIPE,
            "text": True,
            "timeout": 60,
        }
        | streams,
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        parser().parse_args([command, "--help"])
    text = capsys.readouterr().out
    assert left.value.code == 0
    assert text.startswith(f"usage: verger {command} ")
    assert "--format" in text


def test_help_and_version_need_no_repository(place: Workplace) -> None:
    help_, version = place.verger("--help", cwd=Path("/")), place.verger("--version", cwd=Path("/"))
    assert (help_.code, help_.stderr) == (version.code, version.stderr) == (0, "")
    assert all(command in help_.stdout for command in COMMANDS)
    assert version.stdout == f"verger {VERSION}\n"


@pytest.mark.parametrize("argv", [["status", "--xyz"], ["run"], [], ["run", "--max-items", "x"]])
def test_a_usage_error_is_an_error_like_every_other(argv: list[str]) -> None:
    with pytest.raises(CommandError) as caught:
        parser().parse_args(argv)
    assert caught.value.code is Exit.USAGE
    assert caught.value.hint.startswith("see: verger")


def test_a_usage_error_ends_with_how_the_command_is_written() -> None:
    with pytest.raises(CommandError) as caught:
        parser().parse_args(["logs", "latest"])
    assert caught.value.what == "the following arguments are required: ITEM"
    assert caught.value.hint == f"see: verger logs --help; example: {EXAMPLES['logs']}"
    with pytest.raises(CommandError) as verbless:
        parser().parse_args(["playbook"])
    assert verbless.value.hint == "see: verger playbook --help"


@pytest.mark.parametrize("argv", [("status",), ("--help",), ("playbook", "lint", PLAYBOOK)])
def test_a_reader_that_leaves_is_no_error(place: Workplace, argv: tuple[str, ...]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = typed(place, *argv, stdout=writing)
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("argv", [("status",), ("--help",)])
def test_a_full_disk_under_the_output_is_told(place: Workplace, argv: tuple[str, ...]) -> None:
    with Path("/dev/full").open("w") as full:
        done = typed(place, *argv, stdout=full)
    assert done.returncode == 6
    assert done.stderr.startswith("error: the system refused: [Errno 28] No space left on device; hint: ")
    assert len(done.stderr.splitlines()) == 1


def test_a_full_pipe_that_does_not_wait_is_told(place: Workplace) -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    try:
        while True:
            os.write(writing, b"x" * 4096)
    except BlockingIOError:
        done = typed(place, "status", stdout=writing)
    finally:
        os.close(reading)
        os.close(writing)
    assert done.returncode == 6
    assert done.stderr.startswith("error: the system refused: ")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("closed", [">&-", "<&- >&- 2>&-"])
def test_closed_streams_harm_nobody(tmp_path: Path, closed: str) -> None:
    place = workplace(tmp_path, rows=[item("01")])
    script = f'exec "$@" run {PLAYBOOK} --next {closed}'
    command = ("sh", "-c", script, "sh", *KERNEL)
    done = subprocess.run(
        command, cwd=place.repository, env=place.environment(), capture_output=True, check=False, timeout=60
    )
    assert done.returncode == 0, done
    # No file of the run was opened under the number of a stream and written to by mistake.
    assert place.verger("doctor", "latest").code == 0


def test_a_run_goes_on_when_nobody_reads_its_progress(tmp_path: Path) -> None:
    place = workplace(tmp_path, rows=[item("01")])
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = typed(place, "run", PLAYBOOK, "--next", "--json", stdout=subprocess.PIPE, stderr=writing)
    finally:
        os.close(writing)
    assert done.returncode == 0
    assert place.verger("status", "--json").json["passed"] == 1


def test_a_terminal_that_lacks_a_letter_gets_its_escape(tmp_path: Path) -> None:
    place = workplace(tmp_path, rows=[item("01", phase="Größe")])
    done = place.verger("list-items", PLAYBOOK, PYTHONIOENCODING="ascii")
    assert (done.code, done.stderr) == (0, "")
    assert r"Gr\xf6\xdfe" in done.stdout


@pytest.mark.parametrize("state", ["/proc/version/below", "/proc/nowhere/state"])
def test_a_state_home_that_cannot_be_made_is_refused_and_leaves_nothing(tmp_path: Path, state: str) -> None:
    place = workplace(tmp_path, rows=[item("01")])
    before = place.everything()
    assert_refused(place.verger("run", PLAYBOOK, "--next", XDG_STATE_HOME=state), 6)
    assert place.everything() == before


def test_a_working_folder_that_is_gone_is_told(tmp_path: Path, place: Workplace) -> None:
    script = f'cd "{tmp_path}" && mkdir gone && cd gone && rmdir "{tmp_path}/gone" && exec "$@" status'
    done = subprocess.run(
        ("sh", "-c", script, "sh", *KERNEL),
        env=place.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 6
    assert done.stderr.startswith("error: cannot work in .: No such file or directory; hint: ")


DEFECT = """
import sys
from verger_kernel import __main__, cli
def broken(argv):
    raise KeyError("two\\nlines")
cli.dispatch = broken
sys.exit(__main__.main())
"""


def test_a_defect_is_one_error_line_with_its_trace_indented_below(place: Workplace) -> None:
    done = subprocess.run(
        (sys.executable, "-P", "-c", DEFECT),
        env=place.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    first, *lines = done.stderr.splitlines()
    assert done.returncode == Exit.UNEXPECTED
    assert first.startswith("error: unexpected KeyError: 'two")
    assert "hint: this is a defect of Verger" in first
    assert all(line.startswith("  ") for line in lines)
    assert "KeyError" in lines[-1]


def test_text_for_a_terminal_cannot_steer_it() -> None:
    assert printable("a\x1b[2J\nb\u202e\udcff") == r"a\x1b[2J\nb\u202e\udcff"
    assert printable("Größe | 数字 …") == "Größe | 数字 …"
