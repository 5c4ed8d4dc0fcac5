"""Text on its way to a terminal: whatever a file or an agent put into it, it stays one line of text.

Not here: what is said; see `commands/`.
"""


def printable(text: str) -> str:
    """`text` with every character that a terminal would obey or could not show written as its escape."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)
