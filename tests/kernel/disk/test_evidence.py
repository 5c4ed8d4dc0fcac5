"""External evidence: only plain files, copied whole, named by a digest that moves with any of them.

Not here: when an item needs evidence, and what an agent sees of it; see tests/journeys/test_evidence.py.
"""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.doubles.trials import tree_of_files

from verger_kernel.disk import evidence
from verger_kernel.disk.layout import AttemptFolder, RunFolder
from verger_kernel.errors import CommandError


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A folder of evidence."""
    folder = tmp_path / "evidence"
    (folder / "deep").mkdir(parents=True)
    (folder / "status.txt").write_bytes(b"ok\n")
    (folder / "deep" / "ünïque name.bin").write_bytes(bytes(range(256)))
    return folder


@pytest.fixture
def attempt(tmp_path: Path) -> AttemptFolder:
    """Where the copy goes."""
    run = RunFolder(
        tmp_path / "run",
        tmp_path / "reports",
        tmp_path / "worktrees",
        tmp_path / "verify",
        tmp_path / "layers",
    )
    return run.attempt("03", 1)


ODD: dict[str, Callable[[Path], object]] = {
    "a link to a file": lambda folder: (folder / "odd").symlink_to("status.txt"),
    "a link out of the folder": lambda folder: (folder / "odd").symlink_to("/etc/passwd"),
    "a link to a folder": lambda folder: (folder / "deep" / "odd").symlink_to(folder.parent),
    "a broken link": lambda folder: (folder / "odd").symlink_to("nowhere"),
    "a pipe": lambda folder: os.mkfifo(folder / "odd"),
    "a name that is no Unicode": lambda folder: (folder / os.fsdecode(b"\xe9odd")).write_text("x"),
}


@pytest.mark.parametrize("kind", ODD)
def test_evidence_that_is_no_plain_file_is_refused_by_name(source: Path, kind: str) -> None:
    ODD[kind](source)
    with pytest.raises(CommandError, match=r"odd is no regular file"):
        evidence.check(source)


@pytest.mark.parametrize("kind", ODD)
def test_evidence_that_became_something_else_after_it_was_checked_is_not_taken(
    source: Path, attempt: AttemptFolder, kind: str
) -> None:
    evidence.check(source)
    ODD[kind](source)
    with pytest.raises(OSError, match="odd"):
        evidence.take(source, attempt)
    assert not attempt.evidence_digest.exists()


def test_evidence_is_copied_whole_and_its_digest_kept(source: Path, attempt: AttemptFolder) -> None:
    evidence.check(source)
    digest = evidence.take(source, attempt)
    assert tree_of_files(attempt.evidence) == tree_of_files(source)
    assert attempt.evidence_digest.read_text() == f"{digest}\n"
    assert evidence.digest_folder(source) == digest


def test_taking_it_again_replaces_a_half_made_copy_and_gives_the_same_digest(
    source: Path, attempt: AttemptFolder
) -> None:
    digest = evidence.take(source, attempt)
    (attempt.evidence / "status.txt").write_bytes(b"o")
    (attempt.evidence / "stray.txt").write_bytes(b"of a copy before\n")
    assert evidence.take(source, attempt) == digest
    assert tree_of_files(attempt.evidence) == tree_of_files(source)


CHANGES: dict[str, Callable[[Path], object]] = {
    "a byte": lambda folder: (folder / "status.txt").write_bytes(b"oK\n"),
    "a name": lambda folder: (folder / "status.txt").rename(folder / "status.md"),
    "a place": lambda folder: (folder / "status.txt").rename(folder / "deep" / "status.txt"),
    "a file more": lambda folder: (folder / "empty").write_bytes(b""),
    "a file less": lambda folder: (folder / "status.txt").unlink(),
}


@pytest.mark.parametrize("change", CHANGES)
def test_the_digest_moves_with_every_file(source: Path, change: str) -> None:
    before = evidence.digest_folder(source)
    os.utime(source / "status.txt", (1, 1))
    (source / "status.txt").chmod(0o400)
    assert evidence.digest_folder(source) == before
    (source / "status.txt").chmod(0o600)
    CHANGES[change](source)
    assert evidence.digest_folder(source) != before
