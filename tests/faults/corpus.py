"""Every class of faults, in the order in which they are told.

Not here: a trial of one; see `trial.py`.
"""

from tests.faults.by_agents import BY_AGENTS
from tests.faults.on_daemons import ON_DAEMONS
from tests.faults.on_files import ON_FILES
from tests.faults.on_kernels import ON_KERNELS
from tests.faults.scene import Fault

CLASSES: dict[str, Fault] = {one.name: one for one in (*ON_KERNELS, *ON_DAEMONS, *BY_AGENTS, *ON_FILES)}
"""By name."""

SHORT = ("kernel_killed", "hung_before_first_output", "grandchild_holds_pipe")
"""Those that `make test` tries, one trial each."""
