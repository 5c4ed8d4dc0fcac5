"""Which module serves which kind of agent.

Not here: which agents there are; the policy names them.
"""

from verger_kernel.agents import generic, scripted
from verger_kernel.agents.base import Adapter

ADAPTERS: dict[str, Adapter] = {"generic": generic, "scripted": scripted}
