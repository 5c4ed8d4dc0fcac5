"""What tempts the real codex and claude: a model that asks for one attempt after the other, and for the work at last.

Not here: who else makes attempts; see `trial.py`. The programs are those that `make test-agents` installs.
"""

from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager

from tests.doubles.model_agents import KEYS, real
from tests.doubles.model_server import served
from tests.doubles.model_words import Answer, Asked, Reply, Use
from tests.escapes.attempt import Attempt
from tests.escapes.world import World

from verger_kernel.rules.policy import AgentDefinition

KEY = dict.fromkeys(KEYS.values(), "dummy")
_PATIENCE_MS = 30_000
ENDS_ITS_TELLER = {
    "kill-kernel": "it kills the shell that would say so",
    "kill-all": "it ends every process that it may, the agent itself among them",
}
"""Attempts after which nobody is left to say that they were made: these leave a file in the worktree before."""
_HONEST = "echo 'a note' > docs/01.md"
_DONE = {
    "summary": "all of it is done",
    "verdict": "implemented",
    "files_touched": ["docs/01.md"],
    "unresolved_items": [],
    "residual_risks": [],
}


class Untried(Exception):
    """Attempts that an agent was asked for and did not make, so that nothing is known of them."""


@contextmanager
def tempted(
    by: str, attempts: tuple[Attempt, ...], scripts: tuple[str, ...], world: World
) -> Iterator[AgentDefinition | None]:
    """The agent `by`, whose model asks it to run `scripts`, those of `attempts`, in turn; None for who is no real one.

    Raises Untried at the end unless it ran each of them: what was not tried proves nothing.
    """
    if by not in KEYS:
        yield None
        return
    commands = [*map(_hidden, attempts, scripts, range(len(scripts))), _HONEST]

    def story(asked: Asked) -> Reply:
        if asked.results < len(commands):
            return _use(asked, commands[asked.results])
        return Answer(_DONE)

    with served(story) as server:
        yield real(by, server.url)
        heard = max((asked.text for asked in server.asked), key=len, default="")
    untried = [
        attempt.name
        for number, attempt in enumerate(attempts)
        if not _was_made(attempt, number, heard, world)
    ]
    if untried:
        raise Untried(f"{by} did not try {', '.join(untried)}")


def _was_made(attempt: Attempt, number: int, heard: str, world: World) -> bool:
    mark = f"tried-{number + 1000}"
    return world.has_left(f"docs/{mark}") if attempt.name in ENDS_ITS_TELLER else mark in heard


def _hidden(attempt: Attempt, script: str, number: int) -> str:
    """A command that runs `script`, which codex would not do where it can read `rm -f`, and says so.

    The sum stands in no command: only who ran it can have said it.
    """
    if attempt.name in ENDS_ITS_TELLER:
        script = f"mkdir -p docs; touch docs/tried-$(({number} + 1000))\n{script}"
    coded = b64encode(script.encode()).decode()
    return f'bash -c "$(echo {coded} | base64 -d)" </dev/null; echo tried-$(({number} + 1000))'


def _use(asked: Asked, command: str) -> Use:
    if asked.dialect == "openai":
        return Use("exec_command", {"cmd": command, "yield_time_ms": _PATIENCE_MS})
    return Use("Bash", {"command": command, "timeout": _PATIENCE_MS})
