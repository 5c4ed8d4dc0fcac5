"""One trial of one class in a process of its own: `trial.py CLASS ROOT` prints its row as a line of JSON.

Not here: the classes (`corpus.py`) and several trials (`faults.py`). ROOT is a folder that is not there yet.
"""

import sys
from pathlib import Path

# Python is started with -P, which puts no folder of ours on its path.
sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.faults.corpus import CLASSES  # the line above finds them
from tests.faults.row import Row, encoded, row_of
from tests.faults.scene import Fault, NotHere, Stalled, scene


def tried(fault: Fault, root: Path) -> Row:
    """What one trial came to."""
    trouble = ""
    try:
        with scene(fault, root) as made:
            try:
                made.begin()
                fault.play(made)
                made.rest()
            except (Stalled, AssertionError) as stalled:
                trouble = str(stalled) or repr(stalled)
            return row_of(made, trouble)
    except NotHere as missing:
        return Row(name=fault.name, about=fault.about, left_out=str(missing))


if __name__ == "__main__":
    row = tried(CLASSES[sys.argv[1]], Path(sys.argv[2]))
    sys.stdout.buffer.write(encoded(row) + b"\n")
