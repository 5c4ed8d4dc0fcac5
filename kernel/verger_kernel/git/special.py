"""What no tree can hold: pipes, sockets and devices.

Not here: other things that git refuses; it says so itself.
"""

import os
import stat
from pathlib import Path

from verger_kernel.git.tripwire import folders


def remove_special(target: Path) -> None:
    """Removes every pipe, socket and device from `target`: they hold nothing, and git may wait for one for ever."""
    for _folder, entries in folders(target):
        for entry in filter(_is_special, entries or ()):
            place = Path(entry.path)
            place.parent.chmod(place.parent.stat().st_mode | stat.S_IRWXU)
            place.unlink()


def _is_special(entry: "os.DirEntry[str]") -> bool:
    return not (entry.is_symlink() or entry.is_dir() or entry.is_file())
