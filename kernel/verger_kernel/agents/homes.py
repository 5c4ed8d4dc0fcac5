"""The folder of a call that its agent has for itself: homes, files and links, made in the place of whatever lies there.

An agent that goes on in a session left that folder as it liked: no link of its own is followed. Not here: which
variables name the homes; see each adapter.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from verger_kernel.git.removal import remove_entry


def make(folders: Mapping[str, Path]) -> None:
    """Makes every folder that is missing, for the owner alone; what is no folder there goes. Raises OSError."""
    for folder in folders.values():
        if folder.is_symlink() or not folder.is_dir():
            clear(folder)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)


def link(place: Path, target: Path) -> None:
    """Lets `place` lead to `target`, whatever stood there. Raises OSError."""
    clear(place)
    place.symlink_to(target)


def write(place: Path, content: bytes) -> None:
    """Makes `place` a file of `content`, whatever stood there. Raises OSError."""
    clear(place)
    with place.open("xb") as file:
        file.write(content)


def clear(place: Path) -> None:
    """Removes what stands at `place`: a file, a link or a whole folder. Raises OSError."""
    if os.path.lexists(place):
        remove_entry(place)
