"""The folders that an agent takes for its home, made new and empty below the folder of its call.

Not here: which variables name them; see each adapter.
"""

from collections.abc import Mapping
from pathlib import Path


def make(folders: Mapping[str, Path]) -> None:
    """Makes every folder that is missing, for the owner alone. Raises OSError."""
    for folder in folders.values():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def link(place: Path, target: Path) -> None:
    """Lets `place` lead to `target`, whatever stood there. Raises OSError."""
    place.unlink(missing_ok=True)
    place.symlink_to(target)
