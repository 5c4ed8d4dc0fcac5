"""Ends with zero when the divider divides."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "src"))

from divider import divide

assert divide(6, 3) == 2
