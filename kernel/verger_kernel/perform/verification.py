"""Verification: the kernel itself runs a command group in a throw-away checkout of the recorded commit.

Not here: what a result means; see `rules/verification.py`. No agent ever wrote into the tree that is used here.
"""

from pathlib import Path

from anyio import to_thread

from verger_kernel.disk.durable import make_folder
from verger_kernel.disk.layout import AttemptFolder
from verger_kernel.disk.packets import digest_of
from verger_kernel.git import removal, worktrees
from verger_kernel.perform.reports import add_group
from verger_kernel.perform.site import Site
from verger_kernel.process.environment import clean_environment
from verger_kernel.process.runner import Ended, Job, run
from verger_kernel.rules.effects import RunCommands
from verger_kernel.rules.events import CommandsReturned
from verger_kernel.rules.frame import REQUIRED
from verger_kernel.rules.ids import ObjectId
from verger_kernel.rules.plan import Item
from verger_kernel.rules.verification import (
    ArtifactResult,
    CommandResult,
    GroupReport,
    command_status,
    group_result,
)

TAIL_BYTES = 4000
"""How much of a log's end goes into report, finding and rework: enough for one failure, small enough to read."""


async def run_commands(effect: RunCommands, site: Site) -> CommandsReturned:
    """Runs setup and the group's commands on a fresh checkout, then throws the checkout away."""
    item = site.item(effect.item)
    attempt = site.attempt(effect.item, effect.attempt)
    tree = attempt.checkout(effect.round, effect.group) / "work"
    await to_thread.run_sync(_check_out, site, tree, effect.commit)
    committed = {path for path in _artifacts(item, effect.group) if _exists(tree, path)}
    setup = [await _run(effect, site, tree, n, one, True) for n, one in enumerate(site.policy.setup, start=1)]
    commands: list[CommandResult] = []
    if all(result.status == "pass" for result in setup):
        for number, command in enumerate(_commands(item, effect.group), start=1):
            commands.append(await _run(effect, site, tree, number, command, False))
    report = GroupReport(
        group=effect.group,
        required=effect.group == REQUIRED,
        commit=effect.commit,
        setup=tuple(setup),
        commands=tuple(commands),
        artifacts=tuple(_artifact(tree, path, committed, item) for path in _artifacts(item, effect.group)),
    )
    await to_thread.run_sync(removal.remove, tree.parent, site.folder.verify)
    return await to_thread.run_sync(_answer, effect, site, attempt, report)


def _commands(item: Item, group: str) -> tuple[str, ...]:
    hints = item.verification_hints
    return hints.required_commands if group == REQUIRED else hints.suggested_commands


def _artifacts(item: Item, group: str) -> tuple[str, ...]:
    return item.verification_hints.required_artifacts if group == REQUIRED else ()


def _check_out(site: Site, tree: Path, commit: str) -> None:
    make_folder(tree.parent)
    worktrees.create(site.git, tree, ObjectId(commit), tree.parent / "index", root=site.folder.verify)


def _exists(tree: Path, path: str) -> bool:
    """Whether `path` is there without leaving the tree: what a link shows from elsewhere was not delivered."""
    place, root = tree / path, tree.resolve()
    return place.exists() and place.resolve().is_relative_to(root)


def _artifact(tree: Path, path: str, committed: set[str], item: Item) -> ArtifactResult:
    if path in committed:
        return ArtifactResult(path=path, status="committed", must_be_committed=True)
    # A deliverable is what the item changes in the repository: building it on the way is not delivering it.
    must = path in item.deliverable_paths
    return ArtifactResult(
        path=path, status="built" if _exists(tree, path) else "missing", must_be_committed=must
    )


async def _run(
    effect: RunCommands, site: Site, tree: Path, number: int, command: str, setup: bool
) -> CommandResult:
    attempt = site.attempt(effect.item, effect.attempt)
    name = f"{effect.group}-{'setup-' if setup else ''}{number:02d}.log"
    log = attempt.logs(effect.round) / name
    await to_thread.run_sync(make_folder, log.parent)
    extra = {"VERGER_VERIFICATION": "1"}
    if attempt.evidence_digest.exists():
        extra["VERGER_EXTERNAL_EVIDENCE_DIR"] = str(attempt.evidence)
    job = Job(
        argv=("bash", "-c", command),
        cwd=tree,
        env=clean_environment(site.ambient, site.policy.env, extra),
        stdin=None,
        stdout=log,
        stderr=None,
        limits=site.policy.command_limits(setup=setup),
        marker=site.marker(effect.id),
        run_marker=site.frame.run_id,
        inherit=(site.tree_lock,),
    )
    ended = await run(job)
    return await to_thread.run_sync(_result, site, number, command, log, ended)


def _result(site: Site, number: int, command: str, log: Path, ended: Ended) -> CommandResult:
    return CommandResult(
        index=number,
        command=command,
        status=command_status(ended.exit_code, ended.breach.limit if ended.breach else ""),
        exit_code=ended.exit_code,
        runtime_ms=ended.runtime_ms,
        output_bytes=ended.output_bytes,
        swept=ended.swept,
        log=site.relative(log),
        tail=ended.start_error or _tail(log),
    )


def _tail(log: Path) -> str:
    with log.open("rb") as stream:
        stream.seek(max(0, log.stat().st_size - TAIL_BYTES))
        return stream.read(TAIL_BYTES).decode("utf-8", "replace")


def _answer(effect: RunCommands, site: Site, attempt: AttemptFolder, report: GroupReport) -> CommandsReturned:
    data = add_group(
        attempt,
        run_id=site.frame.run_id,
        item=effect.item,
        attempt=effect.attempt,
        round_=effect.round,
        group=report,
    )
    return CommandsReturned(effect=effect.id, result=group_result(report), report=digest_of(data))
