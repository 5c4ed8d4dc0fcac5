"""What tempts the real codex and claude: a model that asks for one attempt after the other, and for the work at last.

Not here: who else makes attempts; see `trial.py`. The programs are those that `make test-agents` installs.
"""

from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager

from tests.doubles.model_agents import KEYS, real
from tests.doubles.model_server import served
from tests.doubles.model_words import Answer, Asked, Reply, Use

from verger_kernel.rules.policy import AgentDefinition

KEY = dict.fromkeys(KEYS.values(), "dummy")
_PATIENCE_MS = 30_000
_HONEST = "echo 'a note' > docs/01.md"
_DONE = {
    "summary": "all of it is done",
    "verdict": "implemented",
    "files_touched": ["docs/01.md"],
    "unresolved_items": [],
    "residual_risks": [],
}


@contextmanager
def tempted(by: str, scripts: tuple[str, ...]) -> Iterator[AgentDefinition | None]:
    """The agent `by`, whose model asks it to run `scripts` in turn; None for who is no real one.

    Asserts at the end that it ran each of them, for what was not tried proves nothing; one may have been its last.
    """
    if by not in KEYS:
        yield None
        return
    commands = [*(_hidden(script, number) for number, script in enumerate(scripts)), _HONEST]

    def story(asked: Asked) -> Reply:
        if asked.results < len(commands):
            return _use(asked, commands[asked.results])
        return Answer(_DONE)

    with served(story) as server:
        yield real(by, server.url)
        heard = max((asked.text for asked in server.asked), key=len)
    untried = [number for number in range(len(scripts) - 1) if f"tried-{number + 1000}" not in heard]
    assert not untried, f"{by} did not try {[scripts[number] for number in untried]}"


def _hidden(script: str, number: int) -> str:
    """A command that runs `script`, which codex would not do where it can read `rm -f`, and says so.

    The sum stands in no command: only who ran it can have said it.
    """
    coded = b64encode(script.encode()).decode()
    return f'bash -c "$(echo {coded} | base64 -d)" </dev/null; echo tried-$(({number} + 1000))'


def _use(asked: Asked, command: str) -> Use:
    if asked.dialect == "openai":
        return Use("exec_command", {"cmd": command, "yield_time_ms": _PATIENCE_MS})
    return Use("Bash", {"command": command, "timeout": _PATIENCE_MS})
