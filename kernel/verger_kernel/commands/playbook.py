"""Looking at a playbook without running it: `list-items`, `show-item` and `playbook lint`.

Not here: what makes a playbook valid; see `rules/playbook/reader.py`.
"""

import argparse
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import Literal

import msgspec

from verger_kernel.clock import now
from verger_kernel.errors import CommandError
from verger_kernel.git.checkout import NoRepository, Repository, find
from verger_kernel.remembered import look, remember
from verger_kernel.rules.ids import shown
from verger_kernel.rules.now import iso
from verger_kernel.rules.plan import Item, NormalizedPlan
from verger_kernel.rules.playbook.document import BYTES_MAX
from verger_kernel.rules.playbook.reader import PlaybookRefused, Problem, read_playbook, render_problems
from verger_kernel.terminal import printable
from verger_probes.exits import Exit

Format = Literal["text", "json"]

_HEADER = ("STEP", "PHASE", "PROFILE", "R/G", "MANUAL_GATE", "EXTERNAL")


class LintReport(msgspec.Struct, frozen=True):
    """What `lint` says in JSON; `items` is 0 when the playbook cannot be read."""

    ok: bool
    items: int
    problems: tuple[Problem, ...]


def load_playbook(path: Path, now_iso: str) -> NormalizedPlan:
    """The plan in the file at `path`, read at `now_iso`. Raises CommandError, one line for each problem."""
    try:
        return read_playbook(read_source(path), path=name_of(path), generated_at_utc=now_iso)
    except PlaybookRefused as refused:
        raise refusal(path, refused) from None


def refusal(path: Path, refused: PlaybookRefused) -> CommandError:
    """The error that a command ends with when the file at `path` is no valid playbook."""
    return CommandError(
        f"cannot use playbook {name_of(path)}: {refused}",
        "mend the lines named, then check with: verger playbook lint FILE",
        Exit.INPUT,
        tuple(render_problems(refused.problems)),
    )


def list_items(plan: NormalizedPlan, fmt: Format) -> str:
    """All items in table order: an aligned table, or a JSON array of whole items."""
    if fmt == "json":
        return as_json(plan.items)
    rows = [_HEADER, *(_summary(item) for item in plan.items)]
    widths = [max(len(row[at]) for row in rows) for at in range(len(_HEADER))]
    return "\n".join(_aligned(row, widths) for row in rows)


def show_item(plan: NormalizedPlan, item_id: str, fmt: Format) -> str:
    """One whole item: labelled text, or its JSON object. Raises CommandError if the plan has no such item."""
    item = item_of(plan, item_id, "show")
    return as_json(item) if fmt == "json" else "\n".join(printable(line) for line in _item_lines(item))


def item_of(plan: NormalizedPlan, item_id: str, verb: str) -> Item:
    """The item of that id. Raises CommandError if the plan has none, which names what could not be done with it."""
    items = {item.item_id: item for item in plan.items}
    if item_id in items:
        return items[item_id]
    # Imported here: `list-items` need not pay for it.
    from difflib import get_close_matches

    near = get_close_matches(item_id, items)
    raise CommandError(
        f"cannot {verb} item {shown(item_id)}: {plan.plan_source.path} has no such item",
        (f"did you mean {' or '.join(near)}? " if near else "")
        + f"list its items: verger list-items {plan.plan_source.path}",
        Exit.INPUT,
    )


def lint(path: Path, fmt: Format, repository: Repository | None = None) -> tuple[str, Exit]:
    """What is wrong with the file at `path`, and the exit code. Raises CommandError if it cannot be read.

    With a `repository` that includes paths which `run` would refuse there, because no agent would find them.
    """
    items = 0
    try:
        plan = read_playbook(read_source(path), path=name_of(path), generated_at_utc="")
        items = len(plan.items)
        problems = _unseen(plan, repository) if repository else ()
    except PlaybookRefused as refused:
        problems = refused.problems
    code = Exit.INPUT if problems else Exit.DONE
    if fmt == "json":
        return as_json(LintReport(ok=not problems, items=items, problems=problems)), code
    if problems:
        return "\n".join(f"{name_of(path)}: {line}" for line in render_problems(problems)), code
    return f"{name_of(path)}: {items} item{'s' if items != 1 else ''}, no problems", code


def _unseen(plan: NormalizedPlan, repository: Repository) -> tuple[Problem, ...]:
    # Imported here: to look at a playbook asks nothing of git.
    from verger_kernel.doctor.consulted import consult_paths_unseen

    found = ((item, consult_paths_unseen(repository, plan, (item,))) for item in plan.items)
    return tuple(
        Problem(
            line=item.source_row.line_start,
            column="",
            value=shown(path),
            why=f"is {why} in {repository.root}, so no agent would find it",
            mend="Commit it, or correct repo_surfaces and consult_paths.",
        )
        for item, unseen in found
        for path, why in sorted(unseen.items())
    )


def read_source(path: Path) -> bytes:
    """The bytes of the file at `path`, as many as a playbook may have and one more. Raises CommandError."""
    try:
        with path.open("rb") as file:
            # One byte more than is allowed: the reader refuses it by size, however much follows.
            return file.read(BYTES_MAX + 1)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        what = f"cannot read playbook {name_of(path)}: {why}"
        raise CommandError(what, "name a readable markdown file with --playbook FILE", Exit.INPUT) from None


def name_of(path: Path) -> str:
    """`path` as it is shown and recorded."""
    # A file name may hold bytes that are no UTF-8; the plan is UTF-8.
    return printable(str(path).encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace"))


def as_json(value: object) -> str:
    """`value` as JSON that people can read, too."""
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()


def _summary(item: Item) -> tuple[str, ...]:
    return (
        item.item_id,
        printable(item.phase),
        item.change_profile,
        "yes" if item.requires_red_green else "no",
        item.manual_gate.gate_type,
        "yes" if item.external_check.required else "no",
    )


def _aligned(row: tuple[str, ...], widths: list[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _item_lines(item: Item) -> list[str]:
    hints = item.verification_hints
    lines = [f"{label}: {value}" for label, value in _labels(item)]
    lines += bullets("Allowed write roots", item.allowed_write_roots)
    lines += bullets("Repo surfaces", item.repo_surface_paths)
    lines += bullets("Consult paths", item.consult_paths)
    lines += bullets("Deliverable paths", item.deliverable_paths)
    lines += bullets("Support sections", item.support_section_ids)
    if item.manual_gate.required:
        lines += bullets("Manual gate evidence", item.manual_gate.required_evidence)
    if item.external_dependencies_raw:
        lines += bullets("External dependencies", item.external_dependencies_raw)
    lines += bullets("Required verification commands", hints.required_commands)
    lines += bullets("Suggested verification commands", hints.suggested_commands)
    lines += bullets("Required verification artifacts", hints.required_artifacts)
    return lines + bullets("Notes", item.notes)


def _labels(item: Item) -> tuple[tuple[str, str], ...]:
    gate = item.manual_gate
    return (
        ("Item", item.item_id),
        ("Phase", item.phase),
        ("Action", item.action),
        ("Why now", item.why_now),
        ("Owner type", item.owner_type),
        ("Prerequisites", ", ".join(item.prerequisite_item_ids) or "none"),
        ("Deliverable", item.deliverable),
        ("Exit criteria", item.exit_criteria),
        ("Change profile", item.change_profile),
        ("Red/green", "required" if item.requires_red_green else "not required"),
        ("Manual gate", f"{gate.gate_type} ({gate.gate_reason})" if gate.required else "none"),
        ("External check", item.external_check.mode),
        ("Playbook line", str(item.source_row.line_start)),
    )


def bullets(label: str, entries: Iterable[str]) -> list[str]:
    """The lines of a list below an empty line and its label; one that is empty says `none`."""
    return ["", f"{label}:", *(f"- {entry}" for entry in tuple(entries) or ("none",))]


def list_items_command(args: argparse.Namespace) -> int:
    """Runs `list-items`; answers with the exit code."""
    plan = load_playbook(args.playbook, iso(now().utc_ms))
    words = list_items(plan, args.format)
    print(words)
    seen = look([("file", str(args.playbook))])
    # Only if it is still the text that was read.
    if sha256(str(seen[0][2]).encode(errors="surrogateescape")).hexdigest() == plan.plan_source.sha256:
        remember(args.typed, seen, words)
    return int(Exit.DONE)


def show_item_command(args: argparse.Namespace) -> int:
    """Runs `show-item`; answers with the exit code."""
    print(show_item(load_playbook(args.playbook, iso(now().utc_ms)), args.item, args.format))
    return int(Exit.DONE)


def lint_command(args: argparse.Namespace) -> int:
    """Runs `playbook lint`; answers with the exit code."""
    from verger_kernel.git.command import GitError

    try:
        text, code = lint(args.playbook, args.format, find(args.directory))
    except (NoRepository, GitError):
        # A playbook can be written anywhere; where there is a repository, it is also held against that.
        text, code = lint(args.playbook, args.format)
    print(text)
    return int(code)
