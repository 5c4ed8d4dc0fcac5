"""What an agent needs of the outside of its sandbox, as plain data that its adapter says.

Not here: who gives it; see `perform/enclosing.py`.
"""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Needs:
    """`hosts` are `host:port` that it must reach; `folders` are shown read-only, `writable` may be written; `variables`
    are names that it must get of the environment.

    A file may stand for a folder. What is not there is passed over.
    """

    hosts: tuple[str, ...] = ()
    folders: tuple[Path, ...] = ()
    writable: tuple[Path, ...] = ()
    variables: tuple[str, ...] = ()
