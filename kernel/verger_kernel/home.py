"""Where the runs of a repository live: its state folder, and the links to it inside the checkout.

Not here: the paths inside that folder; see `disk/layout.py`.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from verger_kernel.disk.durable import make_folder
from verger_kernel.disk.layout import SOURCE_FOLDER, StateFolder
from verger_kernel.errors import CommandError
from verger_kernel.git.checkout import NoRepository, Repository, find
from verger_kernel.git.repository_id import repository_id
from verger_kernel.remembered import Source
from verger_kernel.rules.ids import InvalidId, RunId, run_id, run_id_prefix, shown
from verger_probes.exits import Exit
from verger_probes.locks import Held, acquire
from verger_probes.places import state_home
from verger_probes.records import write_record

_CANDIDATES_SHOWN = 10


@dataclass(frozen=True)
class Home:
    """A repository and the folder that keeps its runs; None while Verger has never run in it."""

    repository: Repository
    state: Path
    folder: StateFolder | None

    def require(self) -> StateFolder:
        """The state folder. Raises CommandError when the repository has no runs."""
        if self.folder is None:
            raise CommandError(
                f"no run was ever made in {self.repository.root}",
                "begin one: verger run PLAYBOOK --next",
                Exit.INPUT,
            )
        return self.folder


def find_home(start: Path, environ: Mapping[str, str]) -> Home:
    """The repository around `start` and its state folder; makes nothing. Raises CommandError for none."""
    try:
        repository = find(start)
        name = repository_id(repository, create=False)
    except NoRepository as missing:
        raise CommandError(missing.what, missing.hint, Exit.ENVIRONMENT) from None
    state = state_home(environ, Path(environ.get("HOME", "")))
    if not state.is_absolute():
        what = "there is no place for runs: HOME is not set to an absolute path"
        raise CommandError(what, "set HOME, or XDG_STATE_HOME", Exit.ENVIRONMENT)
    _refuse_other_than_text(repository.root, state)
    folder = StateFolder(state / name) if name else None
    return Home(repository, state, folder if folder and folder.root.is_dir() else None)


def sources(home: Home, start: Path) -> list[Source] | None:
    """What `find_home` from `start` and `run_ids` rest on; None for what is too odd to keep an eye on."""
    root, git_dir = home.repository.root, home.repository.git_dir
    folder = home.folder
    if folder is None or git_dir != root / ".git" or home.repository.common_dir != git_dir:
        return None
    record = git_dir / "verger" / "repository-id"
    below = [place for place in (start, *start.parents) if place.is_relative_to(root)]
    return [
        *(("variable", name) for name in ("HOME", "XDG_STATE_HOME")),
        # The nearest repository is the one that counts, and a bare one is refused.
        *(("kind", f"{place}/{name}") for place in below for name in (".git", "HEAD", "objects", "refs")),
        *(("kind", f"{git_dir}/{name}") for name in ("HEAD", "commondir")),
        ("file", str(record)),
        # In a copy of the repository the name still leads to the original.
        *(("identity", place) for place in (str(git_dir), json.loads(record.read_bytes())["common_dir"])),
        ("names", str(folder.runs)),
        *(("stamp", str(folder.run(name).plan)) for name in _of_one_second(run_ids(folder))),
    ]


def _of_one_second(names: tuple[RunId, ...]) -> list[RunId]:
    seconds = Counter(name.rpartition("_")[0] for name in names)
    return [name for name in names if seconds[name.rpartition("_")[0]] > 1]


def _refuse_other_than_text(*places: Path) -> None:
    for place in places:
        try:
            str(place).encode()
        except UnicodeEncodeError:
            # Both stand in records, which are JSON.
            raise CommandError(
                f"the path {place} is no UTF-8 text", "give its folders names in UTF-8", Exit.ENVIRONMENT
            ) from None


def settle(home: Home) -> StateFolder:
    """The state folder, made with its links when it was not there."""
    # First, because it is what can be refused: then the repository was given no name for nothing.
    make_folder(home.state)
    name = repository_id(home.repository, create=True)
    assert name
    folder = StateFolder(home.state / name)
    for place in (folder.runs, folder.reports, folder.worktrees):
        make_folder(place)
    link(home.repository.root, folder)
    return folder


@contextmanager
def driven(repository: Repository) -> Iterator[None]:
    """While it lasts, this process alone drives a run of the repository, whatever state home others use.

    Raises CommandError when another one does.
    """
    path = repository.common_dir / "verger" / "driver.lock"
    try:
        lock = acquire(path)
    except Held as held:
        what = f"a run of {repository.root} is held by {held.holder}"
        raise CommandError(what, "wait until it is done, or stop that process", Exit.HELD) from None
    try:
        yield
    finally:
        lock.release()


def link(root: Path, folder: StateFolder) -> tuple[Path, ...]:
    """Makes links that are missing or lead elsewhere, in folders that git ignores; answers with those made.

    Where one cannot be made there is none: a run does not need them, and doctor names those that are missing.
    """
    made = []
    for path, target in links(root, folder).items():
        if path.is_symlink() and path.readlink() == target:
            continue
        if path.exists() and not path.is_symlink():
            # A folder of the system that Verger replaces, or somebody's own: it is theirs.
            continue
        with suppress(OSError):
            _link(path, target, root / ".local" / path.relative_to(root / ".local").parts[0])
            made.append(path)
    return tuple(made)


def _link(path: Path, target: Path, ignored: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    _ignore_itself(ignored)
    path.unlink(missing_ok=True)
    path.symlink_to(target)


def links(root: Path, folder: StateFolder) -> dict[Path, Path]:
    """Where the checkout shows runs, reports and worktrees, and where they lie."""
    local = root / ".local"
    return {
        local / "automation" / SOURCE_FOLDER / "runs": folder.runs,
        local / "automation" / SOURCE_FOLDER / "worktrees": folder.worktrees,
        local / "ai" / SOURCE_FOLDER / "runs": folder.reports,
    }


def _ignore_itself(folder: Path) -> None:
    ignore = folder / ".gitignore"
    if not ignore.exists():
        write_record(ignore, b"*\n", durable=False)


def run_ids(folder: StateFolder) -> tuple[RunId, ...]:
    """Every run of the repository, oldest first."""
    if not folder.runs.is_dir():
        return ()
    names = [RunId(path.name) for path in folder.runs.iterdir() if path.is_dir() and _is_run_id(path.name)]
    return tuple(sorted(names, key=lambda name: _age(folder, name)))


def _age(folder: StateFolder, name: RunId) -> tuple[str, int]:
    # An id tells the second; the plan, written once when the run was made, tells two runs of one second apart.
    second = name.rpartition("_")[0]
    try:
        return second, folder.run(name).plan.stat().st_mtime_ns
    except OSError:
        return second, 0


def _is_run_id(name: str) -> bool:
    try:
        run_id(name)
    except InvalidId:
        return False
    return True


def find_run(home: Home, text: str) -> RunId:
    """The run that `text` means: an id, a unique beginning of one, or `latest`; else raises CommandError."""
    try:
        prefix = "RUN_" if text == "latest" else run_id_prefix(text)
    except InvalidId as error:
        raise CommandError(f"{error}", "list the runs with: verger status --all", Exit.INPUT) from None
    matches = [name for name in run_ids(home.require()) if name.startswith(prefix)]
    if not matches:
        raise CommandError(
            f"no run {shown(text)} in {home.repository.root}",
            "list the runs with: verger status --all",
            Exit.INPUT,
        )
    if len(matches) > 1 and text != "latest":
        raise CommandError(
            f"{shown(text)} begins {len(matches)} run ids",
            "write more of the id, or latest",
            Exit.INPUT,
            tuple(reversed(matches))[:_CANDIDATES_SHOWN],
        )
    return matches[-1]
