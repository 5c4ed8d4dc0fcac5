"""Runs git: one environment made from nothing, one time limit, one error.

Not here: what is asked of git; see the other modules of this package. No other module starts git.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from threading import Lock, Timer
from types import ModuleType
from typing import IO

from verger_kernel.git.own_folder import own_folder
from verger_kernel.git.program import git_program, search_path
from verger_kernel.git.settings import FIXED, NO_USER_CONFIG, NO_USER_FILES, SETTINGS, USER_CONFIG

_STDERR_CHARS_MAX = 2000
_ARGUMENT_CHARS_MAX = 60
_LAST_WORDS_S = 5.0

_HINTS = (
    (
        "promisor",
        "this is a partial clone: fetch what is missing first, with git fetch --refetch",
    ),
    ("transport", "the repository wants to fetch; Verger never does: fetch what is missing first"),
    (".lock': File exists", "another git process may be at work: wait for it, or remove the lock it left"),
    ("No space left", "free disk space, then resume"),
    ("Permission denied", "make the named path readable and writable for this user"),
    ("unable to auto-detect", "set user.name and user.email with git config"),
)


_WORLD = (
    "No space left",
    "Disk quota exceeded",
    "Input/output error",
    "Read-only file system",
    "Cannot allocate memory",
    "out of memory",
    "Too many open files",
    ".lock': File exists",
)


class GitError(Exception):
    """A git command that failed or hung. `what` shows its arguments, `hint` the way out."""

    def __init__(self, what: str, exit_code: int, stderr: str, hint: str = "") -> None:
        super().__init__(f"{what} failed with exit code {exit_code}: {stderr or 'it said nothing'}")
        self.what = what
        self.exit_code = exit_code
        self.stderr = stderr
        self.hint = hint or _hint(stderr)

    def is_of_the_world(self) -> bool:
        """Whether disk, memory, a lock or a hang is to blame, so that trying again can help; not what was asked."""
        return self.exit_code < 0 or any(words in self.stderr for words in _WORLD)


@dataclass(frozen=True)
class Identity:
    """Who commits."""

    name: str
    email: str


@dataclass(frozen=True)
class Git:
    """Git bound to one git directory; nothing is discovered and nothing ambient applies.

    `settings` come after SETTINGS and win; `inherit` are descriptors that every git keeps open, such as a lock's.
    `user_config` lets the user's own configuration apply: for questions about the user's checkout. `object_format`
    is the repository's.
    """

    git_dir: Path
    settings: tuple[tuple[str, str], ...] = ()
    identity: Identity | None = None
    inherit: tuple[int, ...] = ()
    user_config: bool = False
    object_format: str = "sha1"

    def run(
        self,
        *args: str,
        work_tree: Path | None = None,
        index: Path | None = None,
        stdin: bytes = b"",
        timeout_s: float = 120.0,
        dates_utc_ms: int | None = None,
        ok: tuple[int, ...] = (0,),
    ) -> bytes:
        """The bytes that `git ARGS` writes to stdout. Raises GitError when it ends with a code not in `ok`.

        With an `index` of its own, git reads no configuration of the repository at all: an agent that finds the
        user's git directory could name a filter there, and `git add` would run it. A git still running after
        `timeout_s` is killed with its process group and named in the GitError.
        """
        if index is None:
            environment = self._environment(work_tree, dates_utc_ms)
            return self._run(args, environment, work_tree, stdin, timeout_s, ok)
        environment = self._environment(work_tree, dates_utc_ms) | {
            "GIT_DIR": str(own_folder(index, self.git_dir, self.object_format)),
            "GIT_OBJECT_DIRECTORY": str(self.git_dir / "objects"),
            "GIT_INDEX_FILE": str(index),
        }
        return self._run(args, environment, work_tree, stdin, timeout_s, ok)

    @contextmanager
    def reading(self, *args: str, stdin: bytes, timeout_s: float = 120.0) -> Iterator[IO[bytes]]:
        """What `git ARGS` writes to stdout, to be read bit by bit: for answers too large for memory.

        Raises GitError at the end of the block when git failed or hung; nothing that was read counts then.
        """
        command = self._command(self._environment(None, None), args)
        with TemporaryFile() as words:
            words.write(stdin)
            words.seek(0)
            process = self._start(command, self.git_dir, words)
        clock = Timer(timeout_s, _end_group, (process,))
        clock.start()
        try:
            assert process.stdout is not None
            yield process.stdout
            _, err = process.communicate()
        finally:
            clock.cancel()
            _end(process)
        if process.returncode != 0:
            raise GitError(_shown(args), process.returncode, _said(err))

    def _run(
        self,
        args: tuple[str, ...],
        environment: dict[str, str],
        work_tree: Path | None,
        stdin: bytes,
        timeout_s: float,
        ok: tuple[int, ...],
    ) -> bytes:
        what = _shown(args)
        process = self._start(self._command(environment, args), work_tree or self.git_dir)
        try:
            out, err = process.communicate(stdin, timeout=timeout_s)
        except subprocess.TimeoutExpired:
            _end(process)
            hint = "look at the disk and for a lock that is held, then resume"
            raise GitError(what, -signal.SIGKILL, f"ended after {timeout_s:g} s", hint) from None
        except BaseException:
            _end(process)
            raise
        if process.returncode not in ok:
            raise GitError(what, process.returncode, _said(err))
        return out

    def _command(self, environment: dict[str, str], args: tuple[str, ...]) -> tuple[str, ...]:
        # GitPython adds to the ambient environment and cannot take away from it; `env -i` can.
        values = (f"{name}={value}" for name, value in environment.items())
        program = git_program()
        if program is None:
            raise GitError("git", 127, "no git was found on PATH", "install git 2.36 or newer")
        return ("/usr/bin/env", "-i", *values, program, *args)

    def _start(
        self, command: tuple[str, ...], folder: Path, stdin: IO[bytes] | int = subprocess.PIPE
    ) -> subprocess.Popen[bytes]:
        git = _library()
        wrapper = git.Git(str(folder)).execute(
            command,
            istream=stdin,
            as_process=True,
            # No session of its own: to the sweep after a job that would look like an orphan of the agent's.
            process_group=0,
            pass_fds=self.inherit,
        )
        # Taken out of its wrapper, which ends the process and closes its pipes when it goes out of scope.
        process: subprocess.Popen[bytes] | None = wrapper.proc
        wrapper.proc = None
        assert process is not None
        return process

    def _environment(self, work_tree: Path | None, dates_utc_ms: int | None) -> dict[str, str]:
        environment = {"PATH": search_path(), "HOME": os.environ.get("HOME", "/"), **FIXED}
        environment |= {"GIT_DIR": str(self.git_dir)}
        if self.user_config:
            environment |= {name: os.environ[name] for name in USER_CONFIG if name in os.environ}
        else:
            environment |= NO_USER_CONFIG
        if work_tree is not None:
            environment["GIT_WORK_TREE"] = str(work_tree)
        environment |= dict(self._who_and_when(dates_utc_ms))
        return environment | dict(_numbered(self._all_settings()))

    def _all_settings(self) -> tuple[tuple[str, str], ...]:
        return SETTINGS + (() if self.user_config else NO_USER_FILES) + self.settings

    def _who_and_when(self, dates_utc_ms: int | None) -> Iterator[tuple[str, str]]:
        for role in ("AUTHOR", "COMMITTER"):
            if self.identity is not None:
                yield f"GIT_{role}_NAME", self.identity.name
                yield f"GIT_{role}_EMAIL", self.identity.email
            if dates_utc_ms is not None:
                yield f"GIT_{role}_DATE", f"@{dates_utc_ms // 1000} +0000"


_LIBRARY = Lock()
_UNASKED = {"GIT_PYTHON_REFRESH": "quiet", "GIT_PYTHON_GIT_EXECUTABLE": "/dev/null"}
"""With these GitPython starts no git when it is imported: it would ask twice how to read what `fetch` prints."""


def _library() -> ModuleType:
    # Imported here: it costs a tenth of a second, which commands that ask nothing of git need not pay.
    # One thread at a time: another could find it half imported.
    with _LIBRARY:
        if "git" not in sys.modules:
            before = {name: os.environ[name] for name in _UNASKED.keys() & os.environ.keys()}
            os.environ.update(_UNASKED)
            try:
                import git  # noqa: F401 - for who asks from here on
            finally:
                for name in _UNASKED:
                    del os.environ[name]
                os.environ.update(before)
        return sys.modules["git"]


def _numbered(settings: tuple[tuple[str, str], ...]) -> Iterator[tuple[str, str]]:
    yield "GIT_CONFIG_COUNT", str(len(settings))
    for number, (key, value) in enumerate(settings):
        yield f"GIT_CONFIG_KEY_{number}", key
        yield f"GIT_CONFIG_VALUE_{number}", value


def _end_group(process: subprocess.Popen[bytes]) -> None:
    # Once it was waited for, its number can belong to another; until then the group keeps it, leader or not.
    if process.returncode is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def _end(process: subprocess.Popen[bytes]) -> None:
    _end_group(process)
    # A grandchild in a session of its own can hold the pipes open; its words are not waited for.
    with suppress(subprocess.TimeoutExpired):
        process.communicate(timeout=_LAST_WORDS_S)
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()


def _shown(args: tuple[str, ...]) -> str:
    short = (argument[:_ARGUMENT_CHARS_MAX] for argument in args[:8])
    more = f" … ({len(args)} arguments)" if len(args) > 8 else ""
    return ascii("git " + " ".join(short) + more)[1:-1]


def _said(stderr: bytes) -> str:
    text = stderr.decode("utf-8", "backslashreplace").strip()
    if len(text) <= _STDERR_CHARS_MAX:
        return text
    return f"{text[:_STDERR_CHARS_MAX]}… ({len(text)} characters)"


def _hint(stderr: str) -> str:
    for words, hint in _HINTS:
        if words in stderr:
            return hint
    return "check the repository with git fsck"
