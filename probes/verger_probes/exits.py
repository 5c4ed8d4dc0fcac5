"""Every exit code of every Verger command, once.

Not here: who decides which code applies; see the command. `docs/exit-codes.md` is checked against this table.
"""

from enum import IntEnum


class Exit(IntEnum):
    """A process exit code with the meaning it has in every Verger command."""

    DONE = 0
    UNEXPECTED = 1
    USAGE = 2
    REFUSED = 3
    INPUT = 4
    HELD = 5
    ENVIRONMENT = 6
    AWAITING_HUMAN_GATE = 20
    BLOCKED_EXTERNAL = 21
    ESCALATED = 22
    PARKED = 75
    INTERRUPTED = 130
    TERMINATED = 143


SIGNALLED = 128
"""Above it a program says by its exit code which signal ended it: a shell does, and claude."""

MEANINGS: dict[Exit, str] = {
    Exit.DONE: "done, or every requested item passed",
    Exit.UNEXPECTED: "an unexpected failure inside Verger",
    Exit.USAGE: "the command line was used wrongly",
    Exit.REFUSED: "refused by policy or by the plan, for example an unmet prerequisite",
    Exit.INPUT: "an input is missing or invalid: playbook, item, run id, evidence folder, corrupt run",
    Exit.HELD: "another process holds the run",
    Exit.ENVIRONMENT: "the environment is not ready: repository, git, identity, agents, disk",
    Exit.AWAITING_HUMAN_GATE: "an item awaits a human gate",
    Exit.BLOCKED_EXTERNAL: "an item waits for something outside",
    Exit.ESCALATED: "an item was escalated: a person must take over",
    Exit.PARKED: "parked by a limit, an outage, a login or a budget; or interrupted: resume later",
    Exit.INTERRUPTED: "ended by SIGINT",
    Exit.TERMINATED: "ended by SIGTERM, or because its terminal was closed",
}
