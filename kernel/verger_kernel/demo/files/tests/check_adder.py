"""Ends with zero when the adder adds."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "src"))

from adder import add

assert add(1, 2) == 3
