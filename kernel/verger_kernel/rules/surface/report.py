"""The report of what a change did to the test surface, and what of it somebody must answer.

Not here: which trials follow from it; see `mark.py`. Everything is judged from the contents before and after alone.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterable
from typing import Literal, NamedTuple

import msgspec

from verger_kernel.rules.findings import Finding, merge
from verger_kernel.rules.pattern import lazy
from verger_kernel.rules.surface.answers import AS_BEFORE, answers, asserts_nothing
from verger_kernel.rules.surface.changed import is_source, kind_of_change
from verger_kernel.rules.surface.commands import NO_COMMANDS, CommandFiles
from verger_kernel.rules.surface.configured import configured
from verger_kernel.rules.surface.kinds import SurfaceKind, is_mixed, kind_of
from verger_kernel.rules.surface.losses import losses
from verger_kernel.rules.surface.mixed import composed
from verger_kernel.rules.surface.suspects import Suspect, sniffing, tampering, works_with_a_runner


class SurfaceFile(msgspec.Struct, frozen=True, kw_only=True):
    """One path that the change touched, product or surface, with its contents before and after.

    Contents are None where the path is absent, is no regular file, or is larger than the reader takes.
    """

    path: str
    status: Literal["A", "M", "D", "T"]
    old: bytes | None
    new: bytes | None
    unread: tuple[bool, bool] = (False, False)
    """Of the contents before and after: whether there are some that nobody read. Of a source, they are too large."""


class SurfaceReport(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a change did to the test surface. Paths are sorted; entries begin with the path that they speak of.

    Tests, assertions and skips are counted over the changed test files, as they stand in the text. `weakened`,
    `newly_skipped` and `newly_excluded` leave out what only moved from one changed file to another.
    `sniffing` and `tampering` are of lines that the change brought; `unread` are sources too large to be searched.
    """

    changed: bool = False
    added: tuple[str, ...] = ()
    modified: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()
    tests_before: int = 0
    tests_after: int = 0
    assertions_before: int = 0
    assertions_after: int = 0
    skips_before: int = 0
    skips_after: int = 0
    weakened: tuple[str, ...] = ()
    newly_skipped: tuple[str, ...] = ()
    newly_excluded: tuple[str, ...] = ()
    runner_configuration: tuple[str, ...] = ()
    shadowing: tuple[str, ...] = ()
    startup: tuple[str, ...] = ()
    package_scripts: tuple[str, ...] = ()
    ci: tuple[str, ...] = ()
    snapshots: tuple[str, ...] = ()
    bytecode: tuple[str, ...] = ()
    sniffing: tuple[str, ...] = ()
    tampering: tuple[str, ...] = ()
    command_files: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()


_STATUS = {"A": "added", "M": "changed", "D": "deleted", "T": "another kind of file"}


_LARGE, _AS_LARGE = "too large to be read", f"too large to be read, {AS_BEFORE}"
_IMPORTS = lazy(rb"^import[ \t]", re.MULTILINE)


def surface_report(files: Iterable[SurfaceFile], commands: CommandFiles = NO_COMMANDS) -> SurfaceReport:
    """What the change did to the test surface; `commands` are the files that the item's commands name.

    The order of `files` does not matter; any bytes give a report.
    """
    ordered = sorted(files, key=lambda file: file.path)
    kinds = {
        file.path: kind_of_change(file.path, is_new=file.status == "A", commands=commands) for file in ordered
    }
    touched = [file for file in ordered if kinds[file.path] or _mixed_half_changed(file)]
    tests = [file for file in touched if kinds[file.path] in ("test", "support")]
    lost = losses((file.path, file.old, file.new) for file in tests)
    settled = configured((file.path, file.old, file.new) for file in ordered)
    asked, patched = _new_suspects(ordered)
    (tests_before, tests_after), (assertions_before, assertions_after), (skips_before, skips_after) = (
        lost.totals
    )
    return SurfaceReport(
        changed=bool(touched),
        added=_paths(touched, "A"),
        modified=_paths(touched, "MT"),
        deleted=_paths(touched, "D"),
        tests_before=tests_before,
        tests_after=tests_after,
        assertions_before=assertions_before,
        assertions_after=assertions_after,
        skips_before=skips_before,
        skips_after=skips_after,
        weakened=lost.weakened,
        newly_skipped=lost.skipped,
        newly_excluded=tuple(sorted((*lost.excluded, *settled.excluded))),
        runner_configuration=settled.configuration,
        package_scripts=settled.scripts,
        shadowing=_present(touched, kinds, "shadowing"),
        startup=tuple(sorted({*_present(touched, kinds, "startup"), *_path_files(ordered)})),
        bytecode=_present(touched, kinds, "bytecode"),
        ci=_listed(file for file in touched if kinds[file.path] == "ci"),
        snapshots=_listed(file for file in touched if kinds[file.path] == "snapshot"),
        sniffing=asked,
        tampering=patched,
        command_files=_listed(file for file in touched if kinds[file.path] == "command"),
        unread=_unread(ordered),
    )


def surface_findings(
    report: SurfaceReport, approved: Collection[str], *, needs_red: bool = False
) -> tuple[Finding, ...]:
    """What of the report somebody must answer, most severe first.

    Where the item `needs_red`, its tests must assert something: one that only calls a new name is red for want of it.

    `approved` are the paths that the item's deliverable names, which a person reviewed: a change of one is not asked
    about. A product file may still not ask whether a test runs, approved or not, unless it is named for testing.
    """
    found = answers(msgspec.structs.asdict(report), approved)
    is_idle = report.tests_after > report.tests_before and report.assertions_after <= report.assertions_before
    return (
        merge((*found, asserts_nothing(report.added + report.modified))) if needs_red and is_idle else found
    )


def _mixed_half_changed(file: SurfaceFile) -> bool:
    if not is_mixed(file.path):
        return False
    if any(file.unread):
        return True
    if file.new is None or file.old is None:
        there = file.old if file.new is None else file.new
        return there is None or composed(file.path, product=there, surface=None) != there
    return composed(file.path, product=file.new, surface=file.old) != file.new


def _paths(files: list[SurfaceFile], statuses: str) -> tuple[str, ...]:
    return tuple(file.path for file in files if file.status in statuses)


def _present(
    files: list[SurfaceFile], kinds: dict[str, SurfaceKind | None], kind: SurfaceKind
) -> tuple[str, ...]:
    """The changes of a kind that leave something there; a path file that is no text is somebody's data."""
    there = [file for file in files if kinds[file.path] == kind and file.status != "D"]
    return _listed(file for file in there if not (file.path.endswith(".pth") and b"\0" in (file.new or b"")))


def _path_files(files: list[SurfaceFile]) -> tuple[str, ...]:
    """The path files with a line that Python runs, wherever they lie: a variable can make any folder a site."""
    return _listed(file for file in files if file.path.endswith(".pth") and _IMPORTS.search(file.new or b""))


def _listed(files: Iterable[SurfaceFile]) -> tuple[str, ...]:
    return tuple(f"{file.path}: {_STATUS[file.status]}" for file in files)


def _unread(files: list[SurfaceFile]) -> tuple[str, ...]:
    """The sources that nobody read as they are now."""
    sources = [file for file in files if file.unread[1] and is_source(file.path)]
    return tuple(f"{file.path}: {_AS_LARGE if file.unread[0] else _LARGE}" for file in sources)


def _new_suspects(files: list[SurfaceFile]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Where product asks for a test run, and where anything reaches into a runner, as the change brought it.

    What stood before the change, in whatever file, is not brought by it.
    """
    seen = [_suspects_of(file) for file in files]
    asked, patched = zip(*seen, strict=True) if seen else ((), ())
    return _brought(asked), _brought(patched)


class _Seen(NamedTuple):
    """The suspects of a file, before and after."""

    path: str
    old: tuple[Suspect, ...]
    new: tuple[Suspect, ...]


def _suspects_of(file: SurfaceFile) -> tuple[_Seen, _Seen]:
    path, is_product = file.path, kind_of(file.path) is None
    is_about_tests = is_product and works_with_a_runner(path, file.old)
    asked, patched = [], []
    for data in (file.old, file.new):
        is_free = data is None or (is_about_tests and data is file.new)
        asked.append(() if is_free or not is_product else tuple(sniffing(path, data)))
        patched.append(() if is_free else tuple(tampering(path, data, is_product=is_product)))
    return _Seen(path, *asked), _Seen(path, *patched)


def _brought(files: Iterable[_Seen]) -> tuple[str, ...]:
    files = tuple(files)
    known = Counter(suspect.what for file in files for suspect in file.old)
    found = []
    for file in files:
        for suspect in file.new:
            if known[suspect.what] > 0:
                known[suspect.what] -= 1
            else:
                found.append(f"{file.path}:{suspect.line}: {_printable(suspect.text)}")
    return tuple(dict.fromkeys(found))


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text)[:200]
