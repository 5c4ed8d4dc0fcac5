"""The units of the daemon as they are written for one user: the sources below `systemd/`, filled in.

Not here: where they are written, and by whom (`installing.py`). In the repository that folder is a link to `systemd/`.
"""

import hashlib
import os
import re
from typing import NamedTuple

PROGRAMS = ("codex", "claude", "node", "git", "bash", "ssh", "python3")
"""What runs need and a unit would not find: a manager of units knows no ~/.local/bin."""
KINDS = ("socket", "service")

_SOURCES = os.path.join(os.path.dirname(__file__), "systemd")
_SYSTEM_FOLDERS = ("/usr/local/bin", "/usr/bin", "/bin")
_KEPT = ("XDG_STATE_HOME", "XDG_CONFIG_HOME")
"""What decides where the daemon finds its own, and what a manager of units would not know."""
_SUBGROUP = 254
"""The first systemd that can put the daemon into a group of its own."""
_SEAL = "# sha256 of all below: "
_SAFE_NAME = re.compile(r"[a-z_][a-z0-9_.-]{0,30}\$?")


class Site(NamedTuple):
    """For whom units are made. `user` is empty for the user's own manager; `version` is that of systemd."""

    python: str
    environ: dict[str, str]
    user: str = ""
    uid: int = 0
    version: int = 0

    @property
    def name(self) -> str:
        """The units' name, without what kind they are."""
        return f"vergerd@{self.user}" if self.user else "vergerd"


class Unwritable(ValueError):
    """Something that no unit can hold: what."""


def unit(kind: str, site: Site) -> str:
    """The unit of one of KINDS, sealed. Raises Unwritable."""
    scope = "@system " if site.user else "@user "
    with open(os.path.join(_SOURCES, f"vergerd.{kind}"), encoding="utf-8") as file:
        kept = (_of_scope(line, scope) for line in file)
        text = "".join(line for line in kept if line is not None)
    return sealed(_filled(text, site))


def sealed(body: str) -> str:
    """`body` below the lines that say who wrote it, and prove that nobody changed it since."""
    head = "# Written by: verger daemon install. Changes belong into a file beside it: systemctl edit.\n"
    return f"{head}{_SEAL}{_digest(body)}\n{body}"


def is_sealed(text: str) -> bool:
    """Whether `text` is as `sealed` made it."""
    _, seal, rest = text.partition(_SEAL)
    digest, _, body = rest.partition("\n")
    return bool(seal) and digest == _digest(body)


def found(environ: dict[str, str]) -> dict[str, str]:
    """Where each of PROGRAMS is, by PATH and below the user's home; empty for one that is nowhere."""
    folders = [folder for folder in environ.get("PATH", "").split(os.pathsep) if folder.startswith("/")]
    folders += [os.path.join(environ.get("HOME", "/"), ".local", "bin"), *_SYSTEM_FOLDERS]
    return {name: _which(name, folders) for name in PROGRAMS}


def is_name(user: str) -> bool:
    """Whether `user` can be part of the name of a unit as it is."""
    return bool(_SAFE_NAME.fullmatch(user))


def quoted(word: str) -> str:
    """`word` as it stands in a unit: one word, with nothing in it that systemd would replace."""
    if not word.isprintable():
        raise Unwritable(f"{word!a} cannot stand in a unit")
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"' if re.search(r"[^\w@%+=:,./-]", escaped) else escaped


def _of_scope(line: str, scope: str) -> str | None:
    """A line of a source without its mark; None when it is for the other manager."""
    if not line.startswith(("@system ", "@user ")):
        return line
    return line.removeprefix(scope) if line.startswith(scope) else None


def _filled(text: str, site: Site) -> str:
    folder = f"/run/user/{site.uid}/verger" if site.user else "%t/verger"
    # In a command a dollar begins a variable, elsewhere it does not.
    command = " ".join(quoted(word).replace("$", "$$") for word in (site.python, "-P", "-m", "verger_daemon"))
    values = {
        "@VERGERD@": command,
        "@ENVIRONMENT@": "\n".join(_environment(site)),
        "@SUBGROUP@": _subgroup(site.version),
        "@WANTED@": "multi-user.target" if site.user else "default.target",
        "@NAME@": "vergerd@%i" if site.user else "vergerd",
        "@SOCKET@": f"{folder}/vergerd.sock",
        "@FOLDER@": folder,
        "@UID@": str(site.uid),
    }
    return re.sub("|".join(values), lambda match: values[match[0]], text)


def _environment(site: Site) -> list[str]:
    """The lines that give the daemon what it needs of the environment in which it is installed."""
    places = found(site.environ)
    lines = ["# Where agents and tools were found when this was written; install again when they move."]
    lines += [f"# {name}: {place or 'not found'}" for name, place in places.items()]
    folders = [os.path.dirname(place) for place in places.values() if place]
    path = os.pathsep.join(dict.fromkeys([*folders, *_SYSTEM_FOLDERS]))
    lines.append(f"Environment={quoted(f'PATH={path}')}")
    kept = ((name, site.environ.get(name, "")) for name in _KEPT)
    return lines + [f"Environment={quoted(f'{name}={value}')}" for name, value in kept if value[:1] == "/"]


def _subgroup(version: int) -> str:
    if version >= _SUBGROUP:
        return (
            "# The daemon in a group of its own, beside those of jobs: a group has processes or limits below it.\n"
            + ("DelegateSubgroup=supervisor")
        )
    return "# DelegateSubgroup=supervisor belongs here from systemd 254 on; install again after an upgrade."


def _which(name: str, folders: list[str]) -> str:
    paths = (os.path.join(folder, name) for folder in folders)
    return next((path for path in paths if os.path.isfile(path) and os.access(path, os.X_OK)), "")


def _digest(body: str) -> str:
    return hashlib.sha256(body.encode()).hexdigest()
