"""The adapter for Anthropic's `claude`, driven without a terminal. Measured with Claude Code 2.1.329.

Not here: what its events mean; see `claude_events.py`.

- Start: `claude -p --output-format stream-json --verbose … --session-id UUID` (or `--resume UUID`), the prompt on
  stdin. The id is ours, chosen before the start; to take one twice is refused.
- Events: JSON Lines; only `result` ends a call. `is_error` counts, `subtype` does not.
- Exit: 0 well, 1 after an error, 143 after SIGTERM, 0 after SIGINT, which is why nobody sends it that.
- Answer: `structured_output` of the result; it may be missing after an end that is called a success.
- It may stay after its result while a background task lives; background tasks are switched off, and it is ended.
- `--setting-sources ""` keeps out all of a repository's settings, hooks, servers and CLAUDE.md.
- Tools are named one by one. A worker has Bash only in a sandbox of ours: a list of forbidden commands is no wall.
  Without one `Edit` and `Read` with a path pattern confine it; the patterns hold for Write, Grep and Glob too.
- `--include-partial-messages` prints a line for each bit of an answer: by that it is seen to live.
- A stream that opens and then says nothing is waited for without end; the limit on silence ends it.
"""

import uuid
from pathlib import Path

import msgspec

from verger_kernel.agents import claude_events, homes, programs, prompting
from verger_kernel.agents.base import Heard, Turn, is_listened_to, key_is_given
from verger_kernel.agents.lines import lines
from verger_kernel.agents.needs import Needs
from verger_kernel.agents.told import Told
from verger_kernel.rules.answers import answer_schema
from verger_kernel.rules.policy import AgentDefinition

KIND = "claude"
VENDOR_URL = "https://api.anthropic.com"

_LOOKING = ("Read", "Grep", "Glob")
_WRITING = (*_LOOKING, "Edit", "Write")
_SHELL = "Bash"
_ALLOWED = {"Edit": "Edit(./**)", _SHELL: _SHELL}
_QUIET = {
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    "CLAUDE_CODE_DISABLE_BACKGROUND_TASKS": "1",
    "DISABLE_AUTOUPDATER": "1",
    "DISABLE_TELEMETRY": "1",
    "DISABLE_ERROR_REPORTING": "1",
    "CLAUDE_CODE_MAX_RETRIES": "2",
    # It asks git for the status, and git would write the index of the worktree.
    "GIT_OPTIONAL_LOCKS": "0",
    "NO_COLOR": "1",
}

version = programs.version
hears = is_listened_to
login = key_is_given


def missing(agent: AgentDefinition, repository_root: Path, path: str) -> str | None:
    """Why claude cannot be started and what to do; None if it can."""
    return programs.missing(agent, repository_root, path) or prompting.check()


def needs(agent: AgentDefinition) -> Needs:
    """Its program, and whom it asks."""
    return programs.needs(agent, VENDOR_URL)


def new_session() -> str:
    """A new UUID."""
    return str(uuid.uuid4())


def can_continue(turn: Turn) -> bool:
    """Whether claude recorded the session of `turn`, its prompt included."""
    if not turn.session:
        return False
    found = _homes(turn)["CLAUDE_CONFIG_DIR"].glob(f"projects/*/{turn.session}.jsonl")
    return any(map(prompting.holds_prompt, found))


def lay(turn: Turn) -> None:
    """Lays the home."""
    homes.make(_homes(turn))


def argv(turn: Turn) -> tuple[str, ...]:
    """`claude -p` with everything that is not said here switched off."""
    native = programs.found(turn.agent, turn.repository_root, turn.path)
    effort = ("--effort", turn.agent.effort) if turn.agent.effort else ()
    return (
        str(native or KIND),
        "-p",
        *("--output-format", "stream-json", "--verbose", "--include-partial-messages"),
        *("--model", turn.agent.model),
        *effort,
        *("--setting-sources", "", "--strict-mcp-config", "--disable-slash-commands"),
        *("--permission-mode", "dontAsk", "--permission-prompts", "none"),
        *("--tools", ",".join(_tools(turn))),
        *("--allowedTools", ",".join(_allowed(turn))),
        *("--disallowedTools", "Edit(./.git),Edit(./.git/**)"),
        *("--json-schema", msgspec.json.encode(answer_schema(turn.task.stage)).decode()),
        *("--resume" if turn.continues else "--session-id", turn.session),
    )


def _tools(turn: Turn) -> tuple[str, ...]:
    if turn.task.stage in ("audit", "triage"):
        return _LOOKING
    return (*_WRITING, _SHELL) if turn.is_enclosed else _WRITING


def _allowed(turn: Turn) -> list[str]:
    # Two slashes begin an absolute path there. Read alone bounds Grep and Glob as well: named, they would reach far.
    places = ("packet_dir", "evidence_dir")
    outside = [getattr(turn.task, name) for name in places if getattr(turn.task, name)]
    looking = ["Read(./**)", *(f"Read(/{folder}/**)" for folder in outside)]
    return [*looking, *(_ALLOWED[tool] for tool in _tools(turn) if tool in _ALLOWED)]


def stdin(turn: Turn) -> bytes:
    """The prompt."""
    return prompting.prompt(turn)


def environment(turn: Turn) -> dict[str, str]:
    """Where everything of it lies, and what it must leave alone."""
    asked = {"ANTHROPIC_BASE_URL": turn.agent.base_url} if turn.agent.base_url else {}
    return {name: str(folder) for name, folder in _homes(turn).items()} | _QUIET | asked


def heard(turn: Turn, line: bytes) -> Heard:
    """What one event says of session and end."""
    return claude_events.heard(line)


def read(turn: Turn, stdout: Path, exit_code: int | None) -> Told:
    """What came of the call, by its result."""
    with stdout.open("rb") as file:
        return claude_events.read(lines(file), model=turn.agent.model, tools=frozenset(_tools(turn)))


def _homes(turn: Turn) -> dict[str, Path]:
    names = {"HOME": "home", "CLAUDE_CONFIG_DIR": "claude", "TMPDIR": "tmp"}
    return {variable: turn.folder / name for variable, name in names.items()}
