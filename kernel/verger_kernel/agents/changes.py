"""The steps that change files, done.

Not here: the other steps; see `playing.py`. No rule about where: a liar may leave the worktree.
"""

import shutil
from pathlib import Path
from typing import assert_never

from verger_kernel.agents.steps import Append, Change, Chmod, Delete, Mkdir, Rename, Symlink, Write
from verger_kernel.rules.packs import TaskSpecification


def change(step: Change, task: TaskSpecification) -> None:
    """Does `step`. Raises OSError, or ValueError for a path with a NUL."""
    match step:
        case Write():
            _write(_path(task, step.path), step.content(), mode="wb")
        case Append():
            _write(_path(task, step.path), step.content(), mode="ab")
        case Delete():
            _delete(_path(task, step.path))
        case Rename():
            _path(task, step.source).rename(_path(task, step.target))
        case Mkdir():
            _path(task, step.path).mkdir(parents=True, exist_ok=True)
        case Symlink():
            _path(task, step.path).symlink_to(step.target)
        case Chmod():
            _path(task, step.path).chmod(step.mode)
        case _:
            assert_never(step)


def _path(task: TaskSpecification, text: str) -> Path:
    # `{packet_dir}` and `{run_id}` let a liar reach what no agent may touch and no scenario can know.
    return Path(task.worktree, text.replace("{packet_dir}", task.packet_dir).replace("{run_id}", task.run_id))


def _write(file: Path, content: bytes, *, mode: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open(mode) as stream:
        stream.write(content)


def _delete(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()
