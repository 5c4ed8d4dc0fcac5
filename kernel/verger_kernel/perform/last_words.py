"""What a program said last before it ended badly: often the whole reason.

Not here: what its end is worth; see `agents/outcome.py`.
"""

from pathlib import Path

from verger_kernel.rules.ids import shown

_LAST_BYTES = 4096
_LAST_CHARACTERS = 200


def last_words(stderr: Path) -> str:
    """The last line that an agent wrote on standard error, ready to follow what became of it; empty without one."""
    try:
        with stderr.open("rb") as file:
            file.seek(max(0, stderr.stat().st_size - _LAST_BYTES))
            lines = file.read(_LAST_BYTES).decode("utf-8", "replace").split("\n")
    except OSError:
        return ""
    said = next((line.strip() for line in reversed(lines) if line.strip()), "")
    return f"; its last words: {shown(said, _LAST_CHARACTERS)}" if said else ""
