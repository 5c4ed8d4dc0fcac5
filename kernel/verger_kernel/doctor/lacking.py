"""What no agent and no command of a run would find, because it was never fetched: submodules and large files.

Not here: bringing what was fetched; see `perform/bringing.py`.
"""

import tempfile
from pathlib import Path

from verger_kernel.doctor.checks import Check
from verger_kernel.git.checkout import Repository
from verger_kernel.git.command import Git, GitError
from verger_kernel.git.large_files import STORE, unfetched
from verger_kernel.git.submodules import MODULES, fetched, links_among, modules_in
from verger_kernel.git.trees import staged
from verger_kernel.rules.ids import ObjectId, listed
from verger_kernel.rules.scope import path_text

_NAME = "fetched"


def lacking_check(repository: Repository, object_format: str, head: ObjectId | None) -> Check:
    """Whether the submodules and large files of `head` are here, which Verger itself never fetches.

    No git process where git-lfs keeps nothing and the top folder has neither `.gitmodules` nor an attribute of it.
    """
    has_modules = (repository.root / MODULES).is_file()
    has_large = (repository.common_dir / STORE).is_dir()
    has_large |= any(b"filter=lfs" in _bytes(place) for place in _places(repository))
    if head is None or not (has_modules or has_large):
        return Check(name=_NAME)
    git = Git(repository.common_dir, object_format=object_format)
    try:
        with tempfile.TemporaryDirectory(prefix="verger-") as name:
            missing = _missing(git, repository.root, head, Path(name, "index"))
    except GitError as error:
        return Check(name=_NAME, status="warning", detail=str(error), hint=error.hint)
    if not missing:
        return Check(name=_NAME)
    return Check(
        name=_NAME,
        status="warning",
        detail=f"these were never fetched, so no agent and no command will see them: {listed(missing)}",
        hint="git submodule update --init --recursive; git lfs fetch",
    )


def _missing(git: Git, root: Path, head: ObjectId, index: Path) -> tuple[str, ...]:
    git.run("read-tree", head, index=index)
    links = links_among(staged(git, index))
    aside = index.with_name("aside.index")
    modules = sorted(links.keys() - fetched(git, modules_in(root), links, aside).keys())
    return tuple(
        path_text(path.encode(errors="surrogateescape")) for path in (*modules, *unfetched(git, index))
    )


def _places(repository: Repository) -> tuple[Path, ...]:
    return repository.root / ".gitattributes", repository.common_dir / "info/attributes"


def _bytes(place: Path) -> bytes:
    try:
        return place.read_bytes()
    except OSError:
        return b""
