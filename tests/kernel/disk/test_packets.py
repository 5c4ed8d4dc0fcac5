"""A frozen packet: equal for equal contents, and nothing done to it goes unnoticed.

Not here: that both lanes are asked about the same packet; see tests/journeys/test_lanes.py.
"""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.doubles.trials import tree_of_files

from verger_kernel.disk import packets
from verger_kernel.rules.ids import Digest

CONTENTS = {
    "candidate.patch": b"+\0\xff\n",
    "empty.json": b"",
    "external_evidence/deep/status.txt": b"ok\n",
    "plan.json": b"{}\n",
}
STRANGER = Digest("0" * 64)


def freeze(folder: Path, contents: dict[str, bytes] = CONTENTS) -> Digest:
    sealed = packets.manifest(contents, run_id="RUN", item="01", attempt=1, round_=0)
    packets.write(folder, contents, sealed)
    return packets.digest_of(sealed)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the packet lies."""
    return tmp_path / "items" / "01" / "packet"


def test_a_packet_that_nobody_touched_is_intact_and_read_only(folder: Path) -> None:
    assert packets.is_intact(folder, freeze(folder))
    assert tree_of_files(folder).keys() == CONTENTS.keys() | {"manifest.json"}
    modes = {(path.is_dir(), path.stat().st_mode & 0o777) for path in folder.rglob("*")}
    assert modes == {(True, 0o500), (False, 0o400)}
    assert folder.stat().st_mode & 0o777 == 0o500


def test_freezing_twice_gives_the_same_digest_and_bytes(folder: Path) -> None:
    first, before = freeze(folder), tree_of_files(folder)
    assert freeze(folder, dict(reversed(CONTENTS.items()))) == first
    assert tree_of_files(folder) == before


def test_any_other_content_or_call_has_another_digest(folder: Path) -> None:
    digests = {freeze(folder), freeze(folder, CONTENTS | {"plan.json": b"[]\n"})}
    for attempt, round_ in ((1, 1), (2, 0)):
        sealed = packets.manifest(CONTENTS, run_id="RUN", item="01", attempt=attempt, round_=round_)
        digests.add(packets.digest_of(sealed))
    assert len(digests) == 4


def plain_files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]


def thawed(spoil: Callable[[Path], object]) -> Callable[[Path], None]:
    """What somebody does who may write: the modes are put back afterwards."""

    def act(folder: Path) -> None:
        packets.thaw(folder)
        for path in plain_files(folder):
            path.chmod(0o600)
        spoil(folder)
        for path in plain_files(folder):
            path.chmod(0o400)
        folder.chmod(0o500)

    return act


def changed_in_secret(folder: Path) -> None:
    plan = folder / "plan.json"
    times = plan.stat()
    plan.write_bytes(b"[]\n")
    os.utime(plan, ns=(times.st_atime_ns, times.st_mtime_ns))


def linked(folder: Path) -> None:
    twin = folder.parent / "twin.json"
    shutil.copyfile(folder / "plan.json", twin)
    (folder / "plan.json").unlink()
    (folder / "plan.json").symlink_to(twin)


def linked_folder(folder: Path) -> None:
    (folder / "external_evidence").rename(folder.parent / "twin")
    (folder / "external_evidence").symlink_to(folder.parent / "twin")


def piped(folder: Path) -> None:
    (folder / "plan.json").unlink()
    os.mkfifo(folder / "plan.json")


def swapped(folder: Path) -> None:
    (folder / "plan.json").rename(folder / "third")
    (folder / "empty.json").rename(folder / "plan.json")
    (folder / "third").rename(folder / "empty.json")


TRICKS = {
    "changed": lambda folder: (folder / "plan.json").write_bytes(b"{} "),
    "changed, its times put back": changed_in_secret,
    "appended to": lambda folder: (folder / "plan.json").open("ab").write(b"\n"),
    "cut": lambda folder: (folder / "plan.json").write_bytes(b""),
    "removed": lambda folder: (folder / "plan.json").unlink(),
    "renamed": lambda folder: (folder / "plan.json").rename(folder / "plan2.json"),
    "two swapped": swapped,
    "a file added": lambda folder: (folder / "note.txt").write_bytes(b"pass it"),
    "a hidden file added": lambda folder: (folder / "external_evidence" / ".hint").write_bytes(b""),
    "an empty folder added": lambda folder: (folder / "new").mkdir(),
    "a link added": lambda folder: (folder / "new").symlink_to("plan.json"),
    "a link to a folder added": lambda folder: (folder / "new").symlink_to(folder.parent),
    "a broken link added": lambda folder: (folder / "new").symlink_to("nowhere"),
    "a file made a link to an equal one": linked,
    "a folder made a link to an equal one": linked_folder,
    "a file made a pipe": piped,
    "a file made a folder": lambda folder: ((folder / "plan.json").unlink(), (folder / "plan.json").mkdir()),
    "the manifest changed": lambda folder: (folder / "manifest.json").write_bytes(b"{}"),
    "the manifest removed": lambda folder: (folder / "manifest.json").unlink(),
}


@pytest.mark.parametrize("trick", TRICKS)
def test_w9_nothing_that_is_done_to_a_packet_goes_unnoticed(folder: Path, trick: str) -> None:
    packet = freeze(folder)
    thawed(TRICKS[trick])(folder)
    assert not packets.is_intact(folder, packet)
    assert freeze(folder) == packet
    assert packets.is_intact(folder, packet)


def test_w9_a_packet_with_a_manifest_to_match_is_still_not_the_one_that_was_frozen(folder: Path) -> None:
    packet = freeze(folder)
    other = freeze(folder, CONTENTS | {"plan.json": b"[]\n"})
    assert packets.is_intact(folder, other)
    assert not packets.is_intact(folder, packet)
    packets.thaw(folder)
    shutil.rmtree(folder.parent)
    assert not packets.is_intact(folder, packet)


CHANGES = {
    "changed": ("plan.json",),
    "removed": ("plan.json",),
    "two swapped": ("empty.json", "plan.json"),
    "a file added": ("note.txt",),
    "a hidden file added": ("external_evidence/.hint",),
    "a file made a folder": ("plan.json",),
    "the manifest changed": ("manifest.json",),
}


@pytest.mark.parametrize("trick", CHANGES)
def test_w9_it_is_said_what_was_done_to_a_packet(folder: Path, trick: str) -> None:
    packet = freeze(folder)
    thawed(TRICKS[trick])(folder)
    assert packets.changed(folder, packet) == CHANGES[trick]


def test_a_file_that_was_blown_up_is_named_and_not_read_into_memory(folder: Path) -> None:
    packet = freeze(folder)
    thawed(lambda there: os.truncate(there / "plan.json", 3 << 40))(folder)
    assert packets.changed(folder, packet) == ("plan.json",)


def test_a_copy_is_the_packet_read_only_and_goes_without_a_trace(folder: Path, tmp_path: Path) -> None:
    packet = freeze(folder)
    copy = tmp_path / "copy"
    packets.lay_copy(copy, packets.contents(folder, packet))
    assert packets.changed(copy, packet) == ()
    assert tree_of_files(copy) == tree_of_files(folder)
    assert {path.stat().st_mode & 0o222 for path in (copy, *copy.rglob("*"))} == {0}
    assert not {path.stat().st_ino for path in copy.rglob("*")} & {
        path.stat().st_ino for path in folder.rglob("*")
    }
    packets.remove_copy(copy)
    assert not copy.exists() and packets.is_intact(folder, packet)


def half_written(folder: Path) -> None:
    packets.thaw(folder)
    (folder / "manifest.json").unlink()
    (folder / "plan.json").unlink()
    (folder / "candidate.patch").chmod(0o600)
    (folder / "candidate.patch").write_bytes(b"+")


def with_files_of_another(folder: Path) -> None:
    half_written(folder)
    (folder / "external_evidence" / "old.txt").write_bytes(b"of the try before\n")
    (folder / "stray").mkdir()


@pytest.mark.parametrize("spoil", [half_written, with_files_of_another])
def test_a_half_written_packet_is_replaced_whole(folder: Path, spoil: Callable[[Path], None]) -> None:
    packet, before = freeze(folder), tree_of_files(folder)
    spoil(folder)
    assert freeze(folder) == packet
    assert packets.is_intact(folder, packet)
    assert tree_of_files(folder) == before


def test_a_file_that_the_run_keeps_is_linked_and_one_that_cannot_be_is_written(folder: Path) -> None:
    folder.parent.mkdir(parents=True)
    kept = folder.parent / "kept.json"
    kept.write_bytes(CONTENTS["plan.json"])
    other = next(name for name in CONTENTS if name != "plan.json")
    sealed = packets.manifest(CONTENTS, run_id="RUN", item="01", attempt=1, round_=0)
    packets.write(folder, CONTENTS, sealed, {"plan.json": kept, other: folder.parent / "gone"})
    assert packets.is_intact(folder, packets.digest_of(sealed))
    assert (folder / "plan.json").samefile(kept)
    kept.chmod(0o600)
    kept.write_bytes(b"[]\n")
    assert packets.changed(folder, packets.digest_of(sealed)) == ("plan.json",)
