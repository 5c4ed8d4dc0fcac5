"""The sandbox of an agent call and of a command: what of the run, the repository and the account each is shown.

Not here: what every sandbox shows (`process/sandbox.py`), and whether it can be made (`process/trying.py`).
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from verger_kernel.agents.needs import Needs
from verger_kernel.git.repository import Repository
from verger_kernel.perform.site import Site
from verger_kernel.process.environment import absolute_path
from verger_kernel.process.rooms import Room
from verger_kernel.process.sandbox import TREE, Layers, Sandbox, Shown, real_place, shown
from verger_kernel.process.toolchains import installation, toolchains
from verger_kernel.rules.policy import Policy

_WRITERS = frozenset({"execute", "fix", "remediate"})
_NO_HOME = Path("/tmp/home")
# A folder that holds one of these holds more than a tool.
_SHARED = tuple(map(Path, ("/tmp", "/run", "/var/tmp", "/dev", "/etc", "/home", "/opt", "/srv", "/root")))
# Where keys lie, below the home, for a policy that shows more of it.
_KEYS = (
    *(".ssh", ".gnupg", ".aws", ".azure", ".kube", ".docker", ".claude", ".codex", ".gemini", ".config"),
    *(".password-store", ".mozilla", ".local/share/keyrings", ".local/state", ".netrc", ".git-credentials"),
    *(".npmrc", ".pypirc", ".cargo/credentials.toml", ".cargo/credentials"),
)
_ALTERNATES_MAX = 10


def home_of(ambient: Mapping[str, str]) -> Path:
    """The home that a job is told of: the user's path, with nothing of the user's in it."""
    home = Path(ambient.get("HOME", ""))
    return home if home.is_absolute() and home != Path("/") else _NO_HOME


def common(
    policy: Policy, ambient: Mapping[str, str], repository: Repository, state: Path
) -> tuple[Shown, ...]:
    """What agents and commands see alike: the tools, what the policy shows, the objects that their trees borrow."""
    barred = barred_by(ambient, repository, state)
    tools = toolchains(absolute_path(ambient.get("PATH", os.defpath)), barred)
    named = (_expanded(path, ambient) for path in policy.sandbox_paths)
    return shown((*tools, *named, *_objects(repository.common_dir / "objects")))


def barred_by(ambient: Mapping[str, str], repository: Repository, state: Path) -> tuple[Path, ...]:
    """What no folder of tools may hold."""
    home = home_of(ambient)
    return (*_SHARED, home, home / ".local", home / ".config", repository.root, repository.common_dir, state)


def hidden_from(ambient: Mapping[str, str], repository: Repository, state: Path) -> tuple[Path, ...]:
    """What stays out of sight even in a folder that is shown: state and sockets, git folders, keys; what is there."""
    home = Path(ambient.get("HOME", "/nonexistent"))
    runtime = ambient.get("XDG_RUNTIME_DIR", "")
    places = [state, repository.git_dir, repository.common_dir, *(home / name for name in _KEYS)]
    found = map(real_place, (*places, *([Path(runtime)] if runtime else [])))
    return tuple(dict.fromkeys(place for place in found if place))


def _expanded(path: str, ambient: Mapping[str, str]) -> Path:
    return home_of(ambient) / path[2:] if path.startswith("~/") else Path(path)


def _objects(folder: Path) -> Iterator[Path]:
    """The folder of a repository's objects, and those that it borrows from."""
    pending = [folder]
    for _ in range(_ALTERNATES_MAX):
        if not pending:
            return
        place = pending.pop()
        yield place
        with suppress(OSError):
            lines = (place / "info" / "alternates").read_text(errors="surrogateescape").splitlines()
            pending += [place / line for line in lines if line and not line.startswith("#")]


def of_agent(
    site: Site,
    needs: Needs,
    *,
    stage: str,
    worktree: Path,
    brought: Iterable[Shown],
    own: Iterable[Path],
    evidence: Path,
    home: str,
) -> Sandbox | None:
    """The sandbox of one call, None where the policy wants none.

    `brought` lies in the worktree; `own` are the folders of its report and of what it keeps for itself. `home` is where
    its home lies, empty for the user's path with nothing in it.
    """
    if site.policy.sandbox == "none":
        return None
    state = state_of(site)
    barred = barred_by(site.ambient, site.repository, state)
    writable = [*own, *needs.writable]
    readable = [site.repository.root, evidence, *_programs(needs.folders, barred)]
    (writable if stage in _WRITERS else readable).append(worktree)
    return Sandbox(
        folder=worktree,
        home=Path(home) if home.startswith("/") else home_of(site.ambient),
        shown=_merged(
            common(site.policy, site.ambient, site.repository, state),
            shown(readable),
            shown(writable, writable=True),
            tuple(brought),
        ),
        hidden=hidden_from(site.ambient, site.repository, state),
        hosts=tuple(dict.fromkeys((*site.policy.sandbox_hosts, *needs.hosts))),
    )


def _programs(places: Iterable[Path], barred: tuple[Path, ...]) -> Iterator[Path]:
    for place in places:
        yield from installation(place, barred) if place.is_file() else (place,)


def of_command(
    site: Site, room: Room, brought: Iterable[Shown], own_places: Path, reports: Path, evidence: Path
) -> Sandbox | None:
    """The sandbox of one command in `room`, None where the policy wants none.

    `brought` lies in its tree. Home and /tmp lie in `own_places`, so that a command finds there what the one before it
    put there.
    """
    if site.policy.sandbox == "none":
        return None
    state = state_of(site)
    own = []
    for name, at in (("home", home_of(site.ambient)), ("tmp", Path("/tmp"))):
        (own_places / name).mkdir(mode=0o700, parents=True, exist_ok=True)
        own.append(Shown((own_places / name).resolve(), at, is_writable=True))
    return Sandbox(
        folder=TREE,
        home=home_of(site.ambient),
        shown=_merged(
            common(site.policy, site.ambient, site.repository, state),
            shown((evidence,)),
            (*own, *shown((reports,), writable=True), *brought),
        ),
        hidden=hidden_from(site.ambient, site.repository, state),
        layers=layers_of(room),
        hosts=site.policy.verification_hosts,
    )


def layers_of(room: Room) -> Layers:
    """The room's tree, as a sandbox mounts it."""
    if room.entry is None or room.layer is None:
        return Layers(room.work.resolve(), None, room.scratch, "")
    places = (room.layer.resolve(), (room.scratch / "overlay").resolve())
    return Layers(room.work.resolve(), *places, room.entry.overlay_options)


def state_of(site: Site) -> Path:
    """The folder that holds all state of all repositories of this user."""
    return site.folder.layers.parent.parent


def _merged(*groups: tuple[Shown, ...]) -> tuple[Shown, ...]:
    """All of them, the last one winning where two are shown at one place."""
    return tuple({one.at: one for group in groups for one in group}.values())
