"""One small record on disk, whole or not at all."""

import errno
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from verger_probes.records import RecordRefused, read_record, write_record


@pytest.fixture
def record(tmp_path: Path) -> Path:
    return tmp_path / "record.json"


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


@pytest.mark.parametrize("durable", [False, True])
def test_what_was_written_is_read_back(record, durable):
    write_record(record, b'{"a":1}', durable=durable)
    assert read_record(record) == b'{"a":1}'
    assert names(record.parent) == ["record.json"]


def test_a_record_is_private(record):
    record.write_bytes(b"old")
    record.chmod(0o644)
    write_record(record, b"{}", durable=False)
    assert record.stat().st_mode & 0o7777 == 0o600


def test_a_reader_never_sees_a_mixture(record):
    old, new = b"a" * 200_000, b"b" * 200_000
    write_record(record, old, durable=False)
    writer = threading.Thread(
        target=lambda: [write_record(record, new if n % 2 else old, durable=False) for n in range(200)]
    )
    writer.start()
    while writer.is_alive():
        assert read_record(record) in (old, new)
    writer.join()


def test_two_writers_at_once_leave_one_whole_record(record):
    bodies = [bytes([letter]) * 100_000 for letter in b"abcd"]

    def write_often(body: bytes) -> None:
        for _ in range(50):
            write_record(record, body, durable=False)

    writers = [threading.Thread(target=write_often, args=(body,)) for body in bodies]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert read_record(record) in bodies
    assert names(record.parent) == ["record.json"]


def test_a_link_is_replaced_and_what_it_led_to_is_left_alone(record, tmp_path):
    target = tmp_path / "target"
    target.write_bytes(b"theirs")
    record.symlink_to(target)
    write_record(record, b"ours", durable=False)
    assert not record.is_symlink()
    assert (read_record(record), target.read_bytes()) == (b"ours", b"theirs")


def test_a_full_disk_leaves_the_old_record_and_no_temporary_file(record):
    write_record(record, b"old", durable=False)
    body = f"""
import resource, signal, sys
sys.path[:0] = {sys.path!r}
from pathlib import Path
from verger_probes.records import write_record
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
write_record(Path({str(record)!r}), b"n" * 100_000, durable=True)
"""
    result = subprocess.run([sys.executable, "-c", body], capture_output=True, text=True)
    assert result.returncode == 1
    assert f"cannot write record {record}: File too large" in result.stderr
    assert read_record(record) == b"old"
    assert names(record.parent) == ["record.json"]


def test_a_missing_folder_is_named_and_keeps_its_kind_of_error(tmp_path):
    record = tmp_path / "gone" / "record.json"
    with pytest.raises(FileNotFoundError, match=f"cannot write record {record}") as caught:
        write_record(record, b"{}", durable=True)
    assert caught.value.errno == errno.ENOENT


def test_a_record_that_is_not_there_is_no_refusal(record):
    with pytest.raises(FileNotFoundError):
        read_record(record)


@pytest.mark.parametrize(
    ("content", "why"),
    [(b"", "it is empty"), (b'{"a":\0\0\0', "NUL bytes"), (b"x" * 11, "larger than 10 bytes")],
)
def test_a_record_that_is_not_whole_is_refused_with_a_way_out(record, content, why):
    record.write_bytes(content)
    with pytest.raises(RecordRefused, match=why) as caught:
        read_record(record, bytes_max=10)
    assert str(record) in str(caught.value)
    assert "Hint: " in str(caught.value)


def test_a_record_of_just_the_largest_size_is_read(record):
    record.write_bytes(b"x" * 10)
    assert read_record(record, bytes_max=10) == b"x" * 10


def test_a_link_and_a_folder_are_refused_and_nothing_stays_open(tmp_path):
    (tmp_path / "real").write_bytes(b"{}")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    (tmp_path / "folder").mkdir()
    before = len(names(Path("/proc/self/fd")))
    for name, why in (("link", "symbolic link"), ("folder", "no regular file")):
        with pytest.raises(RecordRefused, match=why):
            read_record(tmp_path / name)
    assert len(names(Path("/proc/self/fd"))) == before


def test_a_pipe_is_refused_and_not_waited_for(record):
    os.mkfifo(record)
    body = f"""
import sys
sys.path[:0] = {sys.path!r}
from pathlib import Path
from verger_probes.records import read_record
read_record(Path({str(record)!r}))
"""
    result = subprocess.run([sys.executable, "-c", body], capture_output=True, text=True, timeout=20)
    assert "no regular file" in result.stderr


def test_a_writer_killed_at_any_moment_leaves_a_whole_record(record):
    body = f"""
import sys
sys.path[:0] = {sys.path!r}
from pathlib import Path
from verger_probes.records import write_record
print("ready", flush=True)
while True:
    for letter in (b"a", b"b"):
        write_record(Path({str(record)!r}), letter * 300_000, durable=False)
"""
    write_record(record, b"a" * 300_000, durable=False)
    for _ in range(5):
        with subprocess.Popen([sys.executable, "-c", body], stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            writer.send_signal(signal.SIGKILL)
        assert read_record(record) in (b"a" * 300_000, b"b" * 300_000)


def test_durable_means_that_file_and_folder_are_synced_in_this_order(record):
    trace = _synced(record, durable=True)
    assert trace == ["file", "replaced", "folder"]
    assert _synced(record, durable=False) == ["replaced"]


def _synced(record: Path, *, durable: bool) -> list[str]:
    """What a process of its own, watched by an audit hook and a wrapped fsync, did for one record."""
    body = f"""
import os, stat, sys
sys.path[:0] = {sys.path!r}
from pathlib import Path
from verger_probes.records import write_record
real = os.fsync
def fsync(fd):
    print("folder" if stat.S_ISDIR(os.fstat(fd).st_mode) else "file")
    real(fd)
os.fsync = fsync
sys.addaudithook(lambda name, args: print("replaced") if name == "os.rename" else None)
write_record(Path({str(record)!r}), b"{{}}", durable={durable})
"""
    result = subprocess.run([sys.executable, "-c", body], capture_output=True, text=True, check=True)
    return result.stdout.split()
