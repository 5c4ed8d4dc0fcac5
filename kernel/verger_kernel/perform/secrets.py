"""Secrets by reference: the policy says where one lies, and its value goes into the environment of one agent.

Not here: what is kept of it, which is nothing; see `process/redaction.py`.

A value is read when an agent is about to start. It stands in no record, in no command line and in no other environment.
"""

import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from verger_kernel.agents.outcome import Answered, CallParked, Outcome, Parked, read_plain
from verger_kernel.disk import report_places
from verger_kernel.disk.durable import read_file
from verger_kernel.disk.layout import AttemptFolder
from verger_kernel.perform.site import Site
from verger_kernel.process import redaction
from verger_kernel.rules.packs import ReportRefused
from verger_kernel.rules.policy import AgentDefinition, Policy
from verger_kernel.rules.scope import lies_within, path_text
from verger_probes.decoding import decoded
from verger_probes.records import write_record

_FILE_BYTES_MAX = 8 << 20
_TOKEN_CHARACTERS_MIN = 20
_LEFT_BYTES_MAX = 64 << 20
"""Larger than anything that an agent keeps of a session."""

Found = TypeVar("Found", bound=Outcome)


class SecretMissing(Exception):
    """A secret that cannot be had: which, why, and what to do. Never its value."""


def given(agent: AgentDefinition, ambient: Mapping[str, str]) -> dict[str, str]:
    """The secrets of `agent` by variable, from now on kept nowhere. Raises SecretMissing."""
    found = {name: _value(name, reference, ambient) for name, reference in agent.secrets.items()}
    for name, value in found.items():
        redaction.remember(name, value)
    return found


def for_call(agent: AgentDefinition, ambient: Mapping[str, str]) -> dict[str, str]:
    """The same for a call. Raises CallParked where one cannot be had, which only a person can mend."""
    try:
        return given(agent, ambient)
    except SecretMissing as missing:
        raise CallParked(Parked("auth", str(missing), None)) from None


def cleaned(found: Found, report: Path) -> Found:
    """`found` without secrets, and the file `report` as well, whatever became of it."""
    try:
        data = read_plain(report)
    except ReportRefused:
        data = None
    if data and (clean := redaction.redacted(data)) != data:
        write_record(report, clean, durable=False)
    if isinstance(found, Answered):
        return replace(found, report=redaction.record(found.report, shapes=True))
    return replace(found, why=redaction.text(found.why))


def clean_left(*folders: Path) -> None:
    """Cleans every plain file that an agent left below `folders`; one that cannot be goes. No link is followed."""
    for folder in folders:
        for around, below, names in os.walk(folder):
            for name in below:
                inner = Path(around, name)
                # An agent may have locked it, which must not keep a secret in it.
                with suppress(OSError):
                    if not inner.is_symlink():
                        inner.chmod(0o700)
            for name in names:
                _clean_file(Path(around, name))


def _clean_file(path: Path) -> None:
    try:
        if path.is_symlink() or not path.is_file():
            return
        if path.stat().st_size <= _LEFT_BYTES_MAX:
            data = path.read_bytes()
            if (clean := redaction.redacted(data)) != data:
                write_record(path, clean, durable=False)
            return
    except OSError:
        # Locked, or at the end of a path that is longer than any can be: no agent ends a run by that.
        pass
    with suppress(OSError):
        path.unlink()


def clean_cut_off(site: Site, item: str, attempt: int) -> None:
    """Cleans what the calls of a process that was killed left in the folders of an attempt. Raises OSError."""
    folder = site.attempt(item, attempt)
    for around in folder.reports.glob("*"):
        if around.is_dir() and not around.is_symlink():
            report_places.show(around)
    for path in (*folder.root.glob("agents/*/*.log"), *folder.reports.glob("*/*/report.json")):
        try:
            data = read_file(path)
        except OSError:
            # Somebody put another thing there: what it is, is judged where it is read.
            continue
        if (clean := redaction.redacted(data)) != data:
            write_record(path, clean, durable=False)


def remember(policy: Policy, ambient: Mapping[str, str]) -> None:
    """Has nothing kept that agents or commands are given: secrets, and variables whose names say that they are one."""
    for agent in policy.agents.values():
        with suppress(SecretMissing):
            given(agent, ambient)
        named = {name: ambient[name] for name in (*policy.env, *agent.env) if name in ambient}
        redaction.remember_named(named)
        redaction.remember(agent.key, ambient.get(agent.key, ""))
        for token in _tokens(agent.login):
            redaction.remember("login", token)


def _tokens(login: str) -> Iterator[str]:
    """The texts in the file of a login that are long enough to let somebody in."""
    found: list[Any] = []
    if login:
        with suppress(OSError, msgspec.DecodeError, UnicodeDecodeError):
            found.append(decoded(Path(login).expanduser().read_bytes(), dict[str, Any]))
    while found:
        one = found.pop()
        if isinstance(one, str) and len(one) >= _TOKEN_CHARACTERS_MIN:
            yield one
        elif isinstance(one, dict | list):
            found += one.values() if isinstance(one, dict) else one


def written(site: Site, item: str, attempt: int) -> tuple[str, ...]:
    """The changed and new files of a worktree that hold a secret that was passed, each as a line; git keeps none yet.

    Of ignored files those count that lie where the item may write: they could be recorded. Raises GitError.
    """
    folder = site.attempt(item, attempt)
    if not redaction.is_any_passed() or not folder.worktree.is_dir():
        return ()
    found = []
    for path in _changed(site, item, folder):
        names = redaction.names_in(path + b"\n" + _content(os.fsencode(folder.worktree) + b"/" + path))
        if names:
            shown = redaction.text(path_text(path))
            found.append(f"{shown} holds the secret {' and '.join(names)}, which the agent was given")
    return tuple(found)


def _changed(site: Site, item: str, folder: AttemptFolder) -> list[bytes]:
    def listed(*words: str) -> set[bytes]:
        listing = site.git.run("ls-files", "-z", *words, work_tree=folder.worktree, index=folder.index)
        return set(listing.split(b"\0")[:-1])

    roots = site.item(item).allowed_write_roots
    ignored = {path for path in listed("--others") if lies_within(path_text(path), roots)}
    return sorted(ignored | listed("--modified", "--others", "--exclude-standard"))


def _content(path: bytes) -> bytes:
    """What a file holds, or where a link leads; of a large one the beginning."""
    try:
        info = os.lstat(path)
        if stat.S_ISLNK(info.st_mode):
            return os.fsencode(Path(os.fsdecode(path)).readlink())
        if not stat.S_ISREG(info.st_mode):
            return b""
        with open(path, "rb") as file:  # noqa: PTH123 - a path of bytes
            return file.read(_FILE_BYTES_MAX)
    except OSError:
        return b""


def _value(name: str, reference: str, ambient: Mapping[str, str]) -> str:
    kind, _, where = reference.partition(":")
    value = _of_variable(name, where, ambient) if kind == "env" else _of_file(name, Path(where))
    if "\0" in value:
        raise SecretMissing(f"secret {name} cannot be passed on: it holds a NUL; mend {reference}")
    if (
        not redaction.VALUE_BYTES_MIN
        <= len(value.encode("utf-8", "surrogateescape"))
        <= redaction.VALUE_BYTES_MAX
    ):
        why = f"it has not {redaction.VALUE_BYTES_MIN} to {redaction.VALUE_BYTES_MAX} bytes"
        raise SecretMissing(f"secret {name} cannot be kept out of logs: {why}; mend {reference}")
    return value


def _of_variable(name: str, variable: str, ambient: Mapping[str, str]) -> str:
    if variable not in ambient:
        raise SecretMissing(
            f"secret {name} is missing: the variable {variable} is not set; set it, then resume"
        )
    return ambient[variable]


def _of_file(name: str, path: Path) -> str:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise SecretMissing(f"secret {name} is missing: {path}: {error.strerror}; put it there") from None
    info = os.fstat(fd)
    if not stat.S_ISREG(info.st_mode) or info.st_uid != os.geteuid() or info.st_mode & 0o077:
        os.close(fd)
        why = "is no plain file of yours that nobody else may read"
        raise SecretMissing(f"secret {name} is not private: {path} {why}; run `chmod 600` on it")
    with os.fdopen(fd, "rb") as file:
        data = file.read(redaction.VALUE_BYTES_MAX + 2)
    try:
        return data.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise SecretMissing(f"secret {name} cannot be passed on: {path} is no UTF-8 text") from None
