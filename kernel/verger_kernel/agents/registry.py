"""Which module serves which kind of agent.

Not here: which agents there are; the policy names them.
"""

from typing import get_args

from verger_kernel.agents import generic, scripted
from verger_kernel.agents.base import Adapter
from verger_kernel.rules.policy import AgentKind

KINDS: tuple[AgentKind, ...] = get_args(AgentKind)


def adapter_of(kind: AgentKind) -> Adapter:
    """The adapter for agents of `kind`."""
    # Imported here: who has no such agent does not pay for it at each start.
    if kind == "codex":
        from verger_kernel.agents import codex

        return codex
    if kind == "claude":
        from verger_kernel.agents import claude

        return claude
    return generic if kind == "generic" else scripted
