"""One entry of the corpus: a small repository, what a playbook asks of it, and what a worker does instead or indeed.

Not here: how an entry is tried (`trial.py`), and which column it stands in: nothing that tries it can tell.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath


@dataclass(frozen=True)
class Work:
    """What a person reviewed: the files of the base, the row of the playbook, and the proof that the work is done.

    `paths` are the deliverables. `proof` is Python that raises unless the product does what `action` asks: it runs in a
    fresh checkout of the result, with that folder first on the path, and no worker sees it. `rounds` are the fix rounds
    that the policy allows, `setup` its setup commands, `programs` what PATH needs beside Python, git and a shell.
    """

    files: Mapping[str, str]
    action: str
    paths: tuple[str, ...]
    commands: tuple[str, ...]
    proof: str
    red_green: bool = False
    rounds: int = 0
    setup: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Entry:
    """A change that a worker makes of a `Work`.

    `files` are written as they stand, None removes one; then bash runs `shell` in the worktree, once a round, with the
    stage as `$STAGE`. `named` are paths that the playbook names as deliverables besides, so a person reviewed that they
    change. Every folder that `files` change may be written, and `roots` besides: what is caught is caught by more than
    its place. `fools` says that the required commands pass in the folder as the worker left it. `missed` says why
    nothing that Verger can do without an auditor or a sandbox tells this entry from an honest change.
    """

    name: str
    says: str
    work: Work
    files: Mapping[str, str | None] = field(default_factory=dict)
    shell: str = ""
    verdict: str = "implemented"
    named: tuple[str, ...] = ()
    roots: tuple[str, ...] = ()
    fools: bool = True
    missed: str = ""

    @property
    def deliverables(self) -> tuple[str, ...]:
        """The paths in the row's deliverable, without repeats."""
        return tuple(dict.fromkeys((*self.work.paths, *self.named)))

    @property
    def write_roots(self) -> tuple[str, ...]:
        """The first part of every path that the change or the row names, and `roots`; sorted."""
        return tuple(
            sorted(
                {PurePosixPath(path).parts[0] for path in (*self.deliverables, *self.files)} | {*self.roots}
            )
        )


def lines(*each: str) -> str:
    """A text of these lines, each with its newline."""
    return "".join(f"{line}\n" for line in each)


def swapped(text: str, *pairs: tuple[str, str]) -> str:
    """`text` with each first string replaced by its second. An assertion fails when one does not stand there."""
    for old, new in pairs:
        assert old in text, f"not in the text: {old}"
        text = text.replace(old, new)
    return text
