"""All attempts, in the order in which they are shown.

Not here: what each does; see the modules named below.
"""

from tests.escapes.attempt import Attempt
from tests.escapes.on_files import FILES
from tests.escapes.on_git import GIT
from tests.escapes.on_machine import MACHINE
from tests.escapes.on_network import NETWORK
from tests.escapes.on_processes import PROCESSES

ATTEMPTS: tuple[Attempt, ...] = (*FILES, *GIT, *PROCESSES, *NETWORK, *MACHINE)
