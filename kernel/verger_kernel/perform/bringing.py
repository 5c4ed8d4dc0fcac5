"""What a job is shown of the user's repository that git does not check out: submodules and large files, to be read.

They are mounted where they belong, so the tree stays as it is recorded. Not here: what setup is given, in whose layer
submodules may be built (`dependencies.py`), and what else a sandbox shows (`enclosing.py`).
"""

import os
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from threading import Lock

from verger_kernel.disk.dependencies import Layer, LayerFolder
from verger_kernel.disk.layer_keys import layer_key
from verger_kernel.disk.packets import digest_of
from verger_kernel.git.large_files import large_files
from verger_kernel.git.submodules import (
    MODULES,
    fetched,
    fill,
    is_plain,
    leads_over_links,
    links_among,
    marks,
    modules_in,
)
from verger_kernel.git.trees import staged
from verger_kernel.perform.site import Site
from verger_kernel.process.sandbox import Shown
from verger_kernel.rules.ids import ObjectId

LARGE_FILES_MAX = 50_000
"""How many of them a job is shown: a mount each, and Linux allows 100,000."""
_MAKING = Lock()


def into_worktree(site: Site, item: str, attempt: int) -> tuple[Shown, ...]:
    """The submodules and large files of an attempt's worktree, for its agents; nothing without a sandbox.

    Raises GitError and OSError.
    """
    if site.policy.sandbox == "none":
        return ()
    folder = site.attempt(item, attempt)
    # Both lanes may want them at the same moment, and git works in a folder beside its index.
    with _MAKING:
        large = into_tree(site, folder.index, folder.worktree, folder.worktree)
        return (*large, *_submodules(site, site.layers(item), folder.index, folder.worktree))


def into_tree(site: Site, index: Path, work: Path, at: Path) -> tuple[Shown, ...]:
    """The large files of `work`, a checkout whose index is `index` and that a job sees at `at`, the first of very many.

    None without a sandbox. Raises GitError.
    """
    if site.policy.sandbox == "none":
        return ()
    found = sorted(large_files(site.git, index).items())[:LARGE_FILES_MAX]
    return tuple(Shown(place, at / path) for path, place in found if is_plain(work, path))


def _submodules(site: Site, layers: LayerFolder, index: Path, worktree: Path) -> tuple[Shown, ...]:
    modules = modules_in(worktree)
    if not modules:
        return ()
    links = links_among(staged(site.git, index))
    found = fetched(site.git, modules, links, _aside(index))
    key = layer_key(manifests={**marks(site.git, found), MODULES: digest_of(modules)}, setup=(), toolchain=())
    links = {path: commit for path, commit in links.items() if path in found}
    layer = layers.find(key) or _checked_out(site, layers, key, modules, links, index)
    return tuple(
        Shown((layer.files / path).resolve(), worktree / path)
        for path in sorted(links)
        if (layer.files / path).is_dir() and _is_hollow(worktree, path)
    )


def _checked_out(
    site: Site, layers: LayerFolder, key: str, modules: bytes, links: Mapping[str, ObjectId], index: Path
) -> Layer:
    with layers.workshop() as work:
        (work / MODULES).write_bytes(modules)
        for path in links:
            (work / path).mkdir(parents=True, exist_ok=True)
        fill(site.git, work, links, _aside(index))
        return layers.keep(key, work, (MODULES,))


def _aside(index: Path) -> Path:
    return index.with_name("aside.index")


def _is_hollow(worktree: Path, path: str) -> bool:
    """Whether `path` is an empty folder to which no link leads; false where that cannot be seen."""
    place = worktree / path
    try:
        if leads_over_links(worktree, PurePosixPath(path)) or not place.is_dir():
            return False
        with os.scandir(place) as entries:
            return next(entries, None) is None
    except OSError:
        return False
