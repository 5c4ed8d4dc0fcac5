"""Jobs that are run for real: how they end, which limit they break, what they leave."""

import errno
import os
import signal
from collections.abc import Callable
from pathlib import Path

import anyio
import pytest
from tests.kernel.process.jobs import limits, python

from verger_kernel.process.runner import Job, run

MakeJob = Callable[..., Job]


def test_the_exit_code_and_both_streams_come_back(make_job: MakeJob) -> None:
    job = make_job("sh", "-c", "echo said; echo whispered >&2; exit 7")
    ended = anyio.run(run, job)
    assert (ended.exit_code, ended.breach, ended.start_error, ended.swept) == (7, None, "", 0)
    assert (job.stdout.read_text(), job.stderr and job.stderr.read_text()) == ("said\n", "whispered\n")
    assert ended.output_bytes == len("said\nwhispered\n")


def test_a_job_killed_by_a_signal_has_its_negative_number(make_job: MakeJob) -> None:
    assert anyio.run(run, make_job("sh", "-c", "kill -SEGV $$")).exit_code == -signal.SIGSEGV


def test_both_streams_may_go_to_one_private_file_that_begins_empty(make_job: MakeJob) -> None:
    job = make_job("sh", "-c", "echo one; echo two >&2; echo three > /dev/null", stderr=None)
    job.stdout.write_text("of an earlier try")
    job.stdout.chmod(0o600)
    assert anyio.run(run, job).output_bytes == 8
    assert job.stdout.read_text() == "one\ntwo\n"
    assert job.stdout.stat().st_mode & 0o777 == 0o600


def test_a_second_open_of_the_stream_does_not_overwrite(make_job: MakeJob) -> None:
    job = make_job("sh", "-c", "echo first; echo again >> /dev/stdout; echo last")
    anyio.run(run, job)
    assert job.stdout.read_text() == "first\nagain\nlast\n"


def test_without_stdin_a_reader_is_at_the_end_at_once(make_job: MakeJob) -> None:
    job = make_job("cat")
    assert anyio.run(run, job).exit_code == 0
    assert job.stdout.read_bytes() == b""


def test_stdin_comes_from_the_file(make_job: MakeJob, tmp_path: Path) -> None:
    (tmp_path / "task.json").write_bytes(b"{}\n")
    job = make_job("cat", stdin=tmp_path / "task.json")
    anyio.run(run, job)
    assert job.stdout.read_bytes() == b"{}\n"


def test_a_program_that_cannot_start_is_an_answer_and_no_exception(make_job: MakeJob, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no program")
    (tmp_path / "orphaned").write_text("#!/no/such/interpreter\n")
    (tmp_path / "orphaned").chmod(0o755)
    for job, reason in (
        (make_job("no-such-program-anywhere"), "no such program"),
        (make_job(str(tmp_path / "text")), "not executable"),
        (make_job(str(tmp_path / "orphaned")), "no interpreter"),
        (make_job("true", cwd=tmp_path / "gone"), "its folder"),
        (make_job("echo", "a\0b"), "null byte"),
        (make_job("echo", "x" * (1 << 20)), "too long"),
    ):
        ended = anyio.run(run, job)
        assert ended.exit_code is None and ended.breach is None
        assert ended.start_error.startswith("Cannot start ") and reason in ended.start_error


def test_output_that_cannot_be_kept_is_an_error_of_ours(make_job: MakeJob, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        anyio.run(run, make_job("true", stdout=tmp_path / "gone" / "out"))
    (tmp_path / "link").symlink_to(tmp_path / "target")
    with pytest.raises(OSError):
        anyio.run(run, make_job("true", stdout=tmp_path / "link"))
    assert not (tmp_path / "target").exists()


def test_a_job_gets_only_the_descriptors_that_it_inherits(make_job: MakeJob, tmp_path: Path) -> None:
    lock = os.open(tmp_path / "tree.lock", os.O_RDWR | os.O_CREAT, 0o600)
    other = os.open(tmp_path / "run.lock", os.O_RDWR | os.O_CREAT, 0o600)
    code = """
    import os
    for number in range(3, 256):
        if os.path.exists(f'/proc/self/fd/{number}'):
            print(os.readlink(f'/proc/self/fd/{number}'))
    """
    try:
        job = make_job(*python(code), inherit=(lock,))
        anyio.run(run, job)
    finally:
        os.close(lock)
        os.close(other)
    assert job.stdout.read_text() == f"{tmp_path}/tree.lock\n"


def test_a_job_leads_a_session_of_its_own(make_job: MakeJob) -> None:
    job = make_job(*python("import os; print(os.getsid(0) == os.getpid())"))
    anyio.run(run, job)
    assert job.stdout.read_text() == "True\n"


def test_a_quiet_job_breaks_the_silence_limit(make_job: MakeJob) -> None:
    ended = anyio.run(run, make_job("sleep", "300", limits=limits(silence_s_max=1)))
    assert ended.breach and ended.breach.limit == "silence"
    assert ended.exit_code == -signal.SIGTERM
    assert 1000 <= ended.runtime_ms < 5000


def test_a_chatty_job_may_take_longer_than_the_silence_limit(make_job: MakeJob) -> None:
    # Each stream alone is silent for longer than the limit.
    code = """
    import os, time
    for turn in range(13):
        os.write(1 if turn < 6 else 2, b'.')
        time.sleep(0.1)
    """
    ended = anyio.run(run, make_job(*python(code), limits=limits(silence_s_max=1)))
    assert (ended.breach, ended.exit_code, ended.output_bytes) == (None, 0, 13)
    assert ended.runtime_ms > 1000


def test_w20_a_flood_is_stopped_and_cut_to_the_limit(make_job: MakeJob) -> None:
    job = make_job("sh", "-c", "echo reason >&2; exec yes", limits=limits(output_bytes_max=1 << 20))
    ended = anyio.run(run, job)
    assert ended.breach and (ended.breach.limit, ended.breach.allowed) == ("output", 1 << 20)
    assert ended.output_bytes > 1 << 20
    assert job.stderr and job.stderr.read_text() == "reason\n"
    assert job.stdout.stat().st_size == (1 << 20) - len("reason\n")


def test_w20_a_flood_that_is_over_before_anyone_looked_breaks_the_limit_too(make_job: MakeJob) -> None:
    job = make_job("head", "-c", "3000000", "/dev/zero", limits=limits(output_bytes_max=1000))
    ended = anyio.run(run, job)
    assert ended.breach and ended.breach.limit == "output"
    assert ended.output_bytes >= 1000 and job.stdout.stat().st_size == 1000


def test_w20_memory_counts_for_the_whole_tree(make_job: MakeJob) -> None:
    # The first process is small; what it started in another session takes 200 MB.
    eater = "import time; held = bytearray(b'x') * (200 << 20); time.sleep(300)"
    code = """
    import subprocess, sys
    subprocess.Popen([sys.executable, '-I', '-S', '-c', sys.argv[1]], start_new_session=True).wait()
    """
    job = make_job(*python(code, eater), limits=limits(memory_bytes_max=64 << 20))
    ended = anyio.run(run, job)
    assert ended.breach and ended.breach.limit == "memory"
    assert ended.breach.used > 64 << 20
    assert ended.swept == 1


def test_a_system_without_pidfd_is_served_as_well(make_job: MakeJob, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(pid: int) -> int:
        raise OSError(errno.ENOSYS, "not implemented")

    monkeypatch.setattr(os, "pidfd_open", refused)
    ended = anyio.run(run, make_job("sh", "-c", "setsid sleep 300 & exit 3"))
    assert (ended.exit_code, ended.swept) == (3, 1)
