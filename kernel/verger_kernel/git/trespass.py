"""What an attacker would change in the user's own repository, watched while an agent is at work: read, never run.

Not here: the worktree's own `.git` (`tripwire.py`). What the user does there meanwhile is left in peace: edits,
commits, branches, remotes, fetches.
"""

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path

import msgspec

from verger_kernel.git.checkout import Repository
from verger_kernel.git.config_file import Unreadable, entries
from verger_kernel.git.settings import LFS
from verger_kernel.git.standing import Reader
from verger_kernel.rules.ids import shown
from verger_kernel.rules.scope import path_text

# Keys with which a configuration makes git run a program, read another file, or ask another server.
_DANGEROUS = (
    "alias.*",
    "browser.*.cmd",
    "core.alternaterefscommand",
    "core.askpass",
    "core.attributesfile",
    "core.editor",
    "core.fsmonitor",
    "core.gitproxy",
    "core.hookspath",
    "core.pager",
    "core.sshcommand",
    "core.worktree",
    "credential.*helper",
    "diff.*.command",
    "diff.*.textconv",
    "diff.external",
    "*tool.*.cmd",
    "*tool.*.path",
    "extensions.partialclone",
    "filter.*",
    "gpg.*program",
    "hook.*",
    "include.path",
    "includeif.*.path",
    "init.templatedir",
    "interactive.difffilter",
    "man.*.cmd",
    "merge.*.driver",
    "pager.*",
    "protocol.*allow",
    "remote.*.promisor",
    "remote.*.receivepack",
    "remote.*.uploadpack",
    "remote.*.vcs",
    "sendemail.*cmd",
    "sequence.editor",
    "tar.*.command",
    "trailer.*.cmd",
    "trailer.*.command",
    "uploadpack.packobjectshook",
    "url.*.insteadof",
    "url.*.pushinsteadof",
    "web.browser",
)
_FILES = (
    "info/attributes",
    "info/grafts",
    "objects/info/alternates",
    "objects/info/http-alternates",
    "verger/repository-id",
)
_OWN_REFS = ("refs/verger/", "refs/heads/orchestrator/")
_INCLUDES_MAX = 10
_SHOWN_CHARS_MAX = 200


class Watch(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What stands in the user's repository now, to compare with later.

    `settings` are the dangerous entries of every configuration file, `files` what else git obeys, hooks among
    them, each by its place with a digest; `refs` are those that only Verger moves, with where they stand.
    """

    settings: dict[str, str]
    files: dict[str, str]
    refs: dict[str, str]


def watch(repository: Repository) -> Watch:
    """What to compare with later by `trespasses`. No git process."""
    return Watch(
        settings=dict(_settings(repository)),
        files=dict(_files(repository)),
        refs=dict(_refs(repository.common_dir)),
    )


def trespasses(repository: Repository, before: Watch) -> tuple[str, ...]:
    """What somebody did since `before` that no user at work does, a sentence each; empty if nothing.

    A dangerous setting that is gone does not count. Who did it cannot be told: a user may have.
    """
    now = watch(repository)
    said = [
        f"{_quoted(place)} was set in the user's git configuration"
        for place in sorted(now.settings)
        if before.settings.get(place) != now.settings[place]
    ]
    for was, found, what in (
        (before.files, now.files, "was changed: git obeys it in the user's repository"),
        (before.refs, now.refs, "was moved by somebody else"),
    ):
        places = sorted(was.keys() | found.keys())
        said += [f"{_quoted(place)} {what}" for place in places if was.get(place) != found.get(place)]
    return tuple(said)


def _settings(repository: Repository) -> Iterator[tuple[str, str]]:
    seen: set[Path] = set()
    for file in _configurations(repository):
        values: dict[str, list[str]] = {}
        for place, key, value in _entries(file, seen, _INCLUDES_MAX):
            if _is_dangerous(key, value):
                values.setdefault(f"{_text(place)}: {_named(key)}", []).append(f"{key}\n{value}")
        for name, found in values.items():
            yield name, _sha256("\0".join(found).encode("utf-8", "surrogateescape"))


def _configurations(repository: Repository) -> tuple[Path, ...]:
    home = Path(os.environ.get("HOME", "/"))
    own = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config")
    named = os.environ.get("GIT_CONFIG_GLOBAL")
    return (
        repository.common_dir / "config",
        repository.common_dir / "config.worktree",
        repository.git_dir / "config.worktree",
        *((Path(named),) if named else (own / "git" / "config", home / ".gitconfig")),
    )


def _entries(file: Path, seen: set[Path], depth: int) -> Iterator[tuple[Path, str, str]]:
    """The entries of `file` and of what it includes, whether or not the condition of an include holds."""
    if file in seen or not file.is_file():
        return
    seen.add(file)
    try:
        found = _read_once(_content(file))
    except (OSError, Unreadable) as error:
        # Git refuses it, too; that it came to this is worth a word.
        yield file, "include.path", f"unreadable: {error}"
        return
    for key, value in found:
        yield file, key, value
        if depth and (key == "include.path" or fnmatchcase(key, "includeif.*.path")):
            yield from _entries(file.parent / Path(value).expanduser(), seen, depth - 1)


# The same few files are read before and after every call and trial.
_content = Reader()
_read_once = lru_cache(maxsize=16)(entries)


@lru_cache(maxsize=4096)
def _is_dangerous(key: str, value: str) -> bool:
    if fnmatchcase(key, "submodule.*.update"):
        return value.startswith("!")
    return (key, value) not in LFS and any(fnmatchcase(key, pattern) for pattern in _DANGEROUS)


def _named(key: str) -> str:
    """The key, without the middle if that is an address: there are passwords in some."""
    section, _, rest = key.partition(".")
    return f"{section}.*.{rest.rpartition('.')[2]}" if section in ("url", "credential") else _text(key)


def _files(repository: Repository) -> Iterator[tuple[str, str]]:
    common = repository.common_dir
    watched = [*(common / name for name in _FILES), repository.git_dir / "commondir"]
    if not (repository.root / ".git").is_dir():
        watched.append(repository.root / ".git")
    with suppress(OSError), os.scandir(common / "hooks") as hooks:
        watched += [Path(hook.path) for hook in hooks if not hook.name.endswith(".sample")]
    for place in watched:
        found = _seen(place)
        if found:
            yield _text(place), found


def _seen(place: Path) -> str:
    try:
        mode = place.lstat().st_mode
        if stat.S_ISLNK(mode):
            return f"link to {_text(place.readlink())}"
        if stat.S_ISREG(mode):
            return f"{mode & 0o111:o} {_sha256(_content(place))}"
    except FileNotFoundError:
        return ""
    except OSError:
        return "unreadable"
    return "neither file nor link"


def _refs(common_dir: Path) -> Iterator[tuple[str, str]]:
    packed = common_dir / "packed-refs"
    if packed.is_file():
        yield from _packed(_content(packed))
    for prefix in _OWN_REFS:
        for folder, _, names in os.walk(common_dir / prefix):
            # A lock is a move that is not over, or one that will never be.
            for place in (Path(folder, name) for name in names if not name.endswith(".lock")):
                if place.is_file():
                    yield _text(place.relative_to(common_dir)), path_text(_content(place).strip())


@lru_cache(maxsize=2)
def _packed(data: bytes) -> tuple[tuple[str, str], ...]:
    lines = (os.fsdecode(line).partition(" ") for line in data.splitlines())
    return tuple((_text(name), value) for value, _, name in lines if name.startswith(_OWN_REFS))


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _text(place: Path | str) -> str:
    return path_text(os.fsencode(place))


def _quoted(text: str) -> str:
    return shown(text, _SHOWN_CHARS_MAX)
