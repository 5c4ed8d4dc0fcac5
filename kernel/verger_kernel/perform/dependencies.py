"""What the policy's setup commands make for a trial: found as a sealed layer, or made once and sealed.

Not here: how a layer is kept (`disk/dependencies.py`), and what names it (`disk/layer_keys.py`).
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from anyio import to_thread

from verger_kernel.disk.dependencies import Layer, LayerFolder
from verger_kernel.disk.layer_keys import is_manifest, layer_key, toolchain
from verger_kernel.git import trees, worktrees
from verger_kernel.git.submodules import (
    INCLUDE,
    MODULES,
    MODULES_BYTES_MAX,
    bring,
    fetched,
    fill,
    included,
    links_among,
    links_of,
    marks,
)
from verger_kernel.git.trees import Held
from verger_kernel.perform.shell import Shell, run_command
from verger_kernel.perform.site import Site
from verger_kernel.process import rooms
from verger_kernel.process.environment import absolute_path
from verger_kernel.process.rooms import Room
from verger_kernel.process.sandbox import TREE
from verger_kernel.rules.effects import RunCommands
from verger_kernel.rules.ids import ObjectId
from verger_kernel.rules.trials import CommandResult, trial_name

_unkeepable: set[str] = set()
"""The keys whose setup changes what git tracks, as a fetch of large files does: it runs in every trial."""


@dataclass(frozen=True)
class Prepared:
    """How setup went where it had to run, and the layer it made; none where the policy names no setup or it failed."""

    setup: tuple[CommandResult, ...]
    layer: Path | None

    @property
    def passed(self) -> bool:
        """Whether every setup command passed."""
        return _passed(self.setup)


def _passed(results: tuple[CommandResult, ...]) -> bool:
    return all(result.status == "pass" for result in results)


def check_out(effect: RunCommands, site: Site, tree: ObjectId, work: Path) -> None:
    """Makes `work` a fresh checkout of `tree`; its HEAD looks like the commit whose product code the trial is about."""
    head = effect.commit if effect.purpose in ("green", "held-out") else effect.base
    worktrees.create(site.git, work, tree, index_of(work), root=site.folder.verify, head=head)


async def prepared(effect: RunCommands, site: Site, tree: ObjectId, work: Path) -> Prepared:
    """The layer that `tree` wants, beside `work`, its fresh checkout. Where there is none yet, setup makes it.

    Before setup the kernel itself brings what the user's repository has: submodules, and what `.worktreeinclude` names.
    """
    if not site.policy.setup and not any((work / name).is_file() for name in (MODULES, INCLUDE)):
        return Prepared((), None)
    layers = site.layers(effect.item)
    room = await to_thread.run_sync(rooms.opened, work, None, site.folder.trial / "setup")
    brought = await to_thread.run_sync(_to_bring, effect, site, work)
    key = await to_thread.run_sync(_key, site, tree, room, brought)
    found = await to_thread.run_sync(layers.find, key)
    if found:
        return Prepared((), found.files)
    # Made of the base wherever the base wants the same: a layer that no agent had a hand in serves every item.
    of_base = (
        key not in _unkeepable and await to_thread.run_sync(_key, site, effect.base, room, brought) == key
    )
    source = effect.base if of_base else tree
    results = await _set_up_on(source, effect, site, room, tree, brought)
    if source != tree and not _passed(results):
        # What the setup of the base lacked, the item may bring.
        results, source = await _set_up_on(tree, effect, site, room, source, brought), tree
    if not _passed(results):
        return Prepared(results, None)
    if await to_thread.run_sync(_is_altered, site, work):
        _unkeepable.add(key)
        again = source != tree
        return Prepared(
            await _set_up_on(tree, effect, site, room, source, brought) if again else results, None
        )
    layer = await to_thread.run_sync(_kept, layers, key, site, source, effect.base, work)
    await to_thread.run_sync(check_out, effect, site, tree, work)
    return Prepared(results, layer.files)


async def _set_up_on(
    source: ObjectId,
    effect: RunCommands,
    site: Site,
    room: Room,
    stands: ObjectId,
    brought: Mapping[str, str],
) -> tuple[CommandResult, ...]:
    """Runs setup in a checkout of `source`; `stands` is checked out already."""
    if source != stands:
        await to_thread.run_sync(check_out, effect, site, source, room.work)
    await to_thread.run_sync(_bring, site, source, room.work, brought)
    return await _set_up(effect, site, room)


def _to_bring(effect: RunCommands, site: Site, work: Path) -> dict[str, str]:
    """Digests by path. By the rules of the base: a worker that names a file of the user's gets none."""
    if not (work / INCLUDE).is_file():
        return {}
    return included(site.git, site.repository.root, effect.base, _aside(work))


def _bring(site: Site, source: ObjectId, work: Path, brought: Mapping[str, str]) -> None:
    if (work / MODULES).is_file():
        fill(site.git, work, links_of(site.git, source), _aside(work))
    bring(site.repository.root, brought, work)


def _aside(work: Path) -> Path:
    return work.with_name("aside.index")


def _is_altered(site: Site, work: Path) -> bool:
    return worktrees.altered(site.git, work, index_of(work))


def index_of(work: Path) -> Path:
    """Where the index of `work` lies, a checkout that `check_out` made."""
    return work.with_name("index")


def _key(site: Site, tree: ObjectId, room: Room, brought: Mapping[str, str]) -> str:
    setup = site.policy.setup
    held = trees.listing(site.git, tree)
    links = links_among(held)
    path = absolute_path(site.ambient.get("PATH", os.defpath))
    return layer_key(
        manifests={
            **{path: one.id for path, one in held.items() if path in links or is_manifest(path, setup)},
            **_fetched(site, held, links, _aside(room.work)),
            **brought,
        },
        setup=setup,
        toolchain=(*toolchain(setup, path), str(TREE if site.policy.sandbox == "required" else room.inside)),
    )


def _fetched(
    site: Site, held: Mapping[str, Held], links: Mapping[str, ObjectId], aside: Path
) -> dict[str, str]:
    """What is here of the submodules: a layer that lacks one serves only until it is fetched."""
    if not links or MODULES not in held:
        return {}
    modules = held[MODULES].id
    said = trees.contents(site.git, [modules], size_max=MODULES_BYTES_MAX).get(modules, b"")
    return marks(site.git, fetched(site.git, said, links, aside))


async def _set_up(effect: RunCommands, site: Site, room: Room) -> tuple[CommandResult, ...]:
    attempt = site.attempt(effect.item, effect.attempt)
    shell = Shell(
        site=site,
        attempt=attempt,
        # Opened again: what stands there now may be another checkout.
        room=await to_thread.run_sync(rooms.opened, room.work, None, room.scratch),
        index=index_of(room.work),
        scratch=site.folder.trial,
        logs=attempt.logs(effect.round),
        name=f"{trial_name(effect.group, effect.purpose, effect.nth)}-setup",
        is_setup=True,
    )
    results: list[CommandResult] = []
    for number, command in enumerate(site.policy.setup, start=1):
        result, _ = await run_command(shell, number, command)
        results.append(result)
        if result.status != "pass":
            break
    return tuple(results)


def _kept(layers: LayerFolder, key: str, site: Site, source: ObjectId, base: ObjectId, work: Path) -> Layer:
    layer = layers.keep(key, work, trees.listing(site.git, source).keys())
    if source != base:
        return layer
    layers.trust(key)
    return layers.find(key) or layer


def settle(site: Site, item: str, *, passed: bool) -> None:
    """Gives the item's own layers to all when it passed; else they go."""
    layers = site.layers(item)
    if passed:
        layers.trust_all()
    layers.drop()
