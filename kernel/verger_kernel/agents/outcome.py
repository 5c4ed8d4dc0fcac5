"""What came of an agent call: an answer, or why there is none.

Not here: what the answer leads to; see `rules/machine.py`.

The report file decides, not the exit code: a program that answered and then ended badly has answered, even when it
was a broken limit that ended it. Written last, a report says that the agent was done.
"""

import errno
import hashlib
import os
import signal
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from verger_kernel.rules.bills import Bill
from verger_kernel.rules.ids import Digest
from verger_kernel.rules.limits import Breach, in_words
from verger_kernel.rules.packs import Report, ReportRefused, TaskSpecification, read_report
from verger_kernel.rules.parks import Cause
from verger_kernel.rules.usage import Usage

REPORT_BYTES_MAX = 4 << 20
WHY_CHARACTERS_MAX = 400
"""An agent chooses the words of a flawed report, and `why` goes into the journal and onto a terminal."""

Failure = Literal[
    "malformed",
    "schema_bad",
    "refused",
    "context_full",
    "tampered",
    "silent",
    "timeout",
    "output",
    "memory",
    "processes",
    "disk",
    "killed",
    "failed",
    "not_started",
]


@dataclass(frozen=True)
class Answered:
    """A valid report that answers this call; `sha256` is that of its bytes as they lay on disk."""

    report: Report
    sha256: Digest
    usage: Usage | None = None
    bill: Bill | None = None


@dataclass(frozen=True)
class Unanswered:
    """No answer that can be used. `why` is one printable line."""

    kind: Failure
    why: str
    usage: Usage | None = None
    bill: Bill | None = None


@dataclass(frozen=True)
class Parked:
    """No answer for now, and nobody's fault; `resets_utc_ms` is when the agent says it is over, None if it does not."""

    kind: ClassVar[str] = "parked"
    cause: Cause
    why: str
    resets_utc_ms: int | None
    usage: Usage | None = None
    bill: Bill | None = None


Outcome = Answered | Unanswered | Parked
"""Each with what the call used, None while that is unknown, and the bill that is made of it once the call is over."""


class CallParked(Exception):
    """An agent call that came to nothing because it was parked."""

    def __init__(self, parked: Parked) -> None:
        super().__init__(parked.why)
        self.parked = parked


_BREACHES: dict[str, tuple[Failure, str]] = {
    "timeout": ("timeout", "ran {used} s, {allowed} s are allowed"),
    "silence": (
        "silent",
        "said nothing, used no CPU and wrote nothing for {used} s, {allowed} s are allowed",
    ),
    "first_output": (
        "silent",
        "never said a word, used no CPU and wrote nothing for {used} s, {allowed} s are allowed",
    ),
    "output": ("output", "wrote {used} bytes to its streams, {allowed} are allowed"),
    "memory": ("memory", "used {used} bytes of memory, {allowed} are allowed"),
    "processes": ("processes", "had {used} processes, {allowed} are allowed"),
    "disk": ("disk", "was stopped because {used} bytes are free on the disk and {allowed} must stay free"),
}


def outcome(
    task: TaskSpecification,
    report_path: Path,
    *,
    exit_code: int | None,
    breach: Breach | None,
    start_error: str,
) -> Outcome:
    """What came of the call. `exit_code` is minus the signal that ended it, None if it was never started."""
    if start_error or exit_code is None:
        return Unanswered("not_started", one_line(start_error or "the program was never started"))
    flaw: ReportRefused | None = None
    try:
        data = read_plain(report_path)
        if data is not None:
            return _answered(data, task)
    except ReportRefused as refusal:
        flaw = refusal
    if breach:
        return stopped(breach)
    return Unanswered("malformed", one_line(str(flaw))) if flaw else ended_without(exit_code)


def stopped(breach: Breach) -> Unanswered:
    """No answer, because a limit was broken."""
    kind, words = _BREACHES[breach.limit]
    why = words.format(used=breach.used, allowed=breach.allowed)
    return Unanswered(kind, f"{why} ({in_words(breach.evidence)})" if breach.evidence else why)


def complete_answer(task: TaskSpecification, report_path: Path) -> Answered | None:
    """The answer that an earlier try of this call left on disk, None if none of it can be used."""
    try:
        data = read_plain(report_path)
        return None if data is None else _answered(data, task)
    except ReportRefused:
        return None


def _answered(data: bytes, task: TaskSpecification) -> Answered:
    return Answered(read_report(data, task), Digest(hashlib.sha256(data).hexdigest()))


def ended_without(exit_code: int) -> Unanswered:
    """No answer, because the program ended without one."""
    if exit_code < 0:
        return Unanswered("killed", f"ended by {_signal_name(-exit_code)}, without a report")
    if exit_code > 0:
        return Unanswered("failed", f"ended with exit code {exit_code}, without a report")
    return Unanswered("malformed", "ended with exit code 0, but without a report")


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def read_plain(path: Path) -> bytes | None:
    """The report's bytes, None if there is none. Raises ReportRefused if it is no plain, readable file."""
    try:
        # Not blocking: a named pipe in the report's place must be refused, not waited for.
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        why = "is a symbolic link" if error.errno == errno.ELOOP else f"cannot be opened: {error.strerror}"
        raise ReportRefused(f"the report {why}") from error
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise ReportRefused("the report is no regular file")
    with os.fdopen(fd, "rb") as file:
        data = file.read(REPORT_BYTES_MAX + 1)
    if len(data) > REPORT_BYTES_MAX:
        raise ReportRefused(f"the report is larger than {REPORT_BYTES_MAX} bytes")
    return data


def one_line(text: str) -> str:
    """`text` as one printable line that is not too long for a record."""
    shown = "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text[:WHY_CHARACTERS_MAX])
    return shown if len(text) <= WHY_CHARACTERS_MAX else f"{shown}… ({len(text)} characters)"
