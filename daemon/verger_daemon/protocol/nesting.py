"""How a line of JSON is nested, told before it is read: a reader that recurses has no room for every depth.

Not here: whether it is JSON at all; see `session.py`.
"""

DEPTH_MAX = 32
"""Levels of arrays and objects. What is asked here has four."""
PARTS_MAX = 1000
"""Arrays and objects of one line. What is asked here has four of them as well."""

_LEVELS = bytes.maketrans(b"{}", b"[]")
_OTHER = bytes(byte for byte in range(256) if byte not in b'[]{}"')


def excess(line: bytes) -> str:
    """Why `line` is not read, as it is nested; empty when it is. Takes milliseconds for the longest line."""
    if line.count(b"[") + line.count(b"{") <= DEPTH_MAX:
        return ""
    levels = _levels(line)
    if len(levels) > 2 * PARTS_MAX:
        return f"it holds more than {PARTS_MAX} arrays and objects"
    for _ in range(DEPTH_MAX):
        # Each turn takes the innermost level away.
        levels = levels.replace(b"[]", b"")
    return f"it is nested deeper than {DEPTH_MAX} levels" if b"[" in levels else ""


def _levels(line: bytes) -> bytes:
    """The brackets of `line` that stand in no text, all of one kind. Made of whole passes: a pattern is too slow."""
    if b"\\" in line:
        line = line.replace(b"\\\\", b"").replace(b'\\"', b"")
    # Texts that hold no bracket are two quotes now. Between two texts that touch, nothing stands outside.
    kept = line.translate(_LEVELS, _OTHER).replace(b'""', b"")
    return b"".join(kept.split(b'"')[::2])
