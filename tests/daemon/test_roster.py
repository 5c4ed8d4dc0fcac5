"""What the daemon must not forget."""

from pathlib import Path

from msgspec.structs import replace

from verger_daemon.roster import OnRecord, Roster
from verger_kernel.rules.ids import RunId
from verger_probes.rules.probe import Identity

KEPT = OnRecord(
    run_id=RunId("RUN_20260325T101112Z_0123456789abcdef0123456789abcdef"),
    directory="/repository",
    run_root="",
    words=("run", "playbook.md"),
    phase="at_work",
    epoch=3,
    invocation="abc",
    identity=Identity(pid=1, start_ticks=2, boot_id="b", pid_namespace=4),
    session=1,
    key="00",
    probe_socket="/s",
    began_utc_ms=5,
    began_boottime_ns=6,
)


def test_what_was_kept_last_is_read_again(tmp_path: Path) -> None:
    roster = Roster(tmp_path)
    roster.keep(KEPT)
    ended = replace(KEPT, phase="ended", key="", exit_code=20)
    roster.keep(ended)
    assert list(Roster(tmp_path).read()) == [ended]
    roster.forget(KEPT.run_id)
    assert list(roster.read()) == []


def test_keys_are_for_nobody_else(tmp_path: Path) -> None:
    roster = Roster(tmp_path)
    roster.keep(KEPT)
    modes = {path.stat().st_mode & 0o777 for path in (tmp_path / "runs").iterdir()}
    assert (modes, (tmp_path / "runs").stat().st_mode & 0o777) == ({0o600}, 0o700)


def test_a_record_that_cannot_be_read_hides_no_other_and_is_told(tmp_path: Path) -> None:
    roster = Roster(tmp_path)
    roster.keep(KEPT)
    for name, text in (("RUN_a", b""), ("RUN_b", b"{"), ("RUN_z", b'{"run_id": 1}')):
        (tmp_path / "runs" / f"{name}.json").write_bytes(text)
    assert list(roster.read()) == [KEPT]
    assert [why.partition(":")[0].rpartition("/")[2] for why in roster.unreadable] == [
        "RUN_a.json",
        "RUN_b.json",
        "RUN_z.json",
    ]


def test_streams_of_kernels_that_made_no_run_go_and_those_at_work_stay(tmp_path: Path) -> None:
    roster = Roster(tmp_path)
    for name in ("abc", "def"):
        for path in roster.streams(name):
            path.touch()
    roster.sweep({"abc"})
    assert sorted(path.name for path in (tmp_path / "starting").iterdir()) == [
        "abc.stderr.log",
        "abc.stdout.log",
    ]
