"""The worker of every entry: it makes the change that a JSON file names, and reports as an honest one would.

Not here: the changes; see the entries. Standard library only: it is started for each call.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
# It runs isolated, so that nothing of the user's applies; the line below finds the double that knows the report.
sys.path.insert(0, str(ROOT))

from tests.doubles.agent import honest, put  # noqa: E402


def change(wanted: Mapping[str, Any], folder: Path, stage: str) -> None:
    """Makes the change in `folder`: files first, then the shell commands."""
    for name, text in wanted["files"].items():
        _write(folder / name, text)
    if wanted["shell"]:
        environment = os.environ | {"STAGE": stage}
        subprocess.run(("bash", "-ec", wanted["shell"]), cwd=folder, env=environment, check=True)


def _write(place: Path, text: str | None) -> None:
    if place.is_dir() and not place.is_symlink():
        shutil.rmtree(place)
    place.unlink(missing_ok=True)
    if text is not None:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")


def main(file: str, *stages: str) -> None:
    """Answers the task on stdin with the change that `file` holds; given stages, only changes the current folder."""
    wanted = json.loads(Path(file).read_text(encoding="utf-8"))
    for stage in stages:
        change(wanted, Path.cwd(), stage)
    if not stages:
        answer(wanted, json.load(sys.stdin))


def answer(wanted: Mapping[str, Any], task: Mapping[str, Any]) -> None:
    """Makes the change in the task's worktree and reports it, in the words of one who is sure."""
    change(wanted, Path(task["worktree"]), task["stage"])
    report = honest(task) | {
        "verdict": wanted["verdict"],
        "summary": "All tests pass: 1000 passed, 0 failed.",
    }
    put(task, json.dumps(report).encode())


if __name__ == "__main__":
    main(*sys.argv[1:])
