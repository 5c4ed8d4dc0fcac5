"""What every command raises when it cannot do what was asked.

Not here: how it is printed; see `__main__.py`.
"""

from verger_probes.exits import Exit


class CommandError(Exception):
    """A command that was refused.

    `what` says what could not be done and why, `hint` the way out; `lines` are further detail.
    """

    def __init__(self, what: str, hint: str, code: Exit, lines: tuple[str, ...] = ()) -> None:
        super().__init__(what)
        self.what = what
        self.hint = hint
        self.code = code
        self.lines = lines
