"""What a process asks of the system for itself: to hide its memory, and to be the parent of orphans below it.

Not here: who must ask. Standard library only; nothing where the system is no Linux.
"""

import sys

_SET_DUMPABLE, _SET_CHILD_SUBREAPER = 4, 36


def hide_memory() -> bool:
    """Keeps other processes of the same user from reading this one through /proc or a debugger. False if it cannot."""
    return _asked(_SET_DUMPABLE, 0)


def become_subreaper() -> bool:
    """Makes orphans of our descendants our children, instead of init's. False where the system cannot."""
    return _asked(_SET_CHILD_SUBREAPER, 1)


def _asked(option: int, value: int) -> bool:
    if sys.platform != "linux":
        return False
    import ctypes  # here, because few commands ask for anything

    return bool(ctypes.CDLL(None).prctl(option, value, 0, 0, 0) == 0)
