"""The adapter for OpenAI's `codex`, driven without a terminal. Measured with codex-cli 0.169.0.

Not here: what its events mean; see `codex_events.py`.

- Start: `codex exec [resume THREAD] --json … -`, the prompt on stdin. `resume` knows neither `-s` nor `-C`, so the
  sandbox is set by `-c` and the folder by the process, for both alike.
- Events: JSON Lines; only `turn.completed` and `turn.failed` end a turn. An `error` event is a retry or a warning.
- Exit: 0 after a turn that ended well, 1 after one that failed, 2 for a flag it does not know, minus a signal.
- Answer: `-o FILE`; empty after a failure. `--output-schema` is only passed on to the model: prose ends with 0 too.
- Silent while the model writes and while a command runs: only CPU and its own files show that it lives.
- Without `--disable unbounded_connection_retries` it asks a server that refuses it for ever.
- Its sandbox keeps commands from the network and from writing elsewhere; `.git` is read-only in it. It reads all.
- Nothing is read but what stands here: `--ignore-user-config`, `--ignore-rules`, no AGENTS.md, a home of its own.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from verger_kernel.agents import codex_events, homes, programs, prompting
from verger_kernel.agents.base import Heard, Turn, is_listened_to, key_is_given, no_session
from verger_kernel.agents.lines import lines, lines_kept
from verger_kernel.agents.needs import Needs
from verger_kernel.agents.outcome import read_plain
from verger_kernel.agents.told import Told
from verger_kernel.rules.answers import answer_schema
from verger_kernel.rules.packs import ReportRefused
from verger_kernel.rules.policy import AgentDefinition
from verger_probes.decoding import decoded

KIND = "codex"
VENDOR_URL = "https://api.openai.com/v1"

_OFF = (
    "plugins",
    "apps",
    "hooks",
    "multi_agent",
    "goals",
    "image_generation",
    "unbounded_connection_retries",
)
_SETTINGS = (
    'approval_policy="never"',
    "analytics.enabled=false",
    "feedback.enabled=false",
    "check_for_update_on_startup=false",
    'web_search="disabled"',
    "project_doc_max_bytes=0",
    'history.persistence="none"',
    "allow_login_shell=false",
    'shell_environment_policy={inherit="core",ignore_default_excludes=false}',
)
_READS = ('sandbox_mode="read-only"',)
_WRITES = (
    'sandbox_mode="workspace-write"',
    # TMPDIR is the call's own folder; /tmp is everybody's.
    "sandbox_workspace_write={network_access=false,exclude_slash_tmp=true,"
    "exclude_tmpdir_env_var=false,writable_roots=[]}",
)
_RETRIES = 2


class _Login(msgspec.Struct, frozen=True):
    """As much of codex's `auth.json` as tells whether it holds a login."""

    OPENAI_API_KEY: str | None = None
    tokens: dict[str, Any] | None = None


version = programs.version
hears = is_listened_to
new_session = no_session


def missing(agent: AgentDefinition, repository_root: Path, path: str) -> str | None:
    """Why codex cannot be started and what to do; None if it can."""
    if why := programs.missing(agent, repository_root, path) or prompting.check():
        return why
    if agent.login and not Path(agent.login).expanduser().is_file():
        return f"there is no login at {agent.login}; log in with `codex login`, or name the file in `login`"
    return None


def login(agent: AgentDefinition, environment: Mapping[str, str]) -> str:
    """Why codex would not be let in, and what to do: there is no key, or no token in the file of its login."""
    if not agent.login:
        return key_is_given(agent, environment)
    try:
        held = decoded(Path(agent.login).expanduser().read_bytes(), _Login)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        held = _Login()
    if held.tokens or held.OPENAI_API_KEY:
        return ""
    return f"{agent.login} holds no login; log in with `codex login`"


def needs(agent: AgentDefinition) -> Needs:
    """Its program with what lies beside it, its login, and whom it asks."""
    own = programs.needs(agent, VENDOR_URL)
    # Its own sandbox program and its search program lie in folders beside that of the binary.
    return replace(own, folders=tuple(native.parent.parent for native in own.folders))


def can_continue(turn: Turn) -> bool:
    """Whether codex recorded the session of `turn`, its prompt included."""
    rollout = _rollout(turn)
    return rollout is not None and prompting.holds_prompt(rollout)


def lay(turn: Turn) -> None:
    """Lays the home, the schema of the answer, and a link to the login if there is one."""
    homes.make(_homes(turn))
    # They name the place where a session was recorded, and that has moved; codex makes them again from what it finds.
    for index in _homes(turn)["CODEX_HOME"].glob("*.sqlite*"):
        homes.clear(index)
    homes.clear(_answer(turn))
    homes.write(_schema(turn), msgspec.json.encode(answer_schema(turn.task.stage)))
    if turn.agent.login:
        # A link, for codex writes a login that it renewed back to where it read it: a copy would be worth nothing then.
        homes.link(_homes(turn)["CODEX_HOME"] / "auth.json", Path(turn.agent.login).expanduser())


def argv(turn: Turn) -> tuple[str, ...]:
    """`codex exec`, or `codex exec resume`, with everything that is not said here switched off."""
    native = programs.found(turn.agent, turn.repository_root, turn.path)
    start = ("exec", "resume") if turn.continues else ("exec",)
    files = ("--output-schema", str(_schema(turn)), "-o", str(_answer(turn)))
    isolated = (
        "--json",
        "--ignore-user-config",
        "--ignore-rules",
        "--strict-config",
        "--skip-git-repo-check",
    )
    return (
        str(native or KIND),
        *start,
        *isolated,
        *("-m", turn.agent.model),
        *files,
        *(word for feature in _OFF for word in ("--disable", feature)),
        *(word for setting in _settings(turn) for word in ("-c", setting)),
        *((turn.session, "-") if turn.continues else ("-",)),
    )


def _settings(turn: Turn) -> Iterator[str]:
    yield from _SETTINGS
    yield from _READS if turn.task.stage in ("audit", "triage") else _WRITES
    if turn.agent.effort:
        yield f'model_reasoning_effort="{turn.agent.effort}"'
    if turn.agent.key or turn.agent.base_url:
        yield 'model_provider="verger"'
        yield f"model_providers.verger={{{_provider(turn.agent)}}}"


def _provider(agent: AgentDefinition) -> str:
    key = f'env_key="{agent.key}",' if agent.key else "requires_openai_auth=true,"
    return (
        f'name="verger",base_url="{agent.base_url or VENDOR_URL}",{key}wire_api="responses",'
        f"request_max_retries={_RETRIES},stream_max_retries={_RETRIES}"
    )


def stdin(turn: Turn) -> bytes:
    """The prompt."""
    return prompting.prompt(turn)


def environment(turn: Turn) -> dict[str, str]:
    """Where everything of it lies. Of what is allowed from outside, HOME and TMPDIR give way."""
    return {name: str(folder) for name, folder in _homes(turn).items()} | {"NO_COLOR": "1"}


def heard(turn: Turn, line: bytes) -> Heard:
    """What one event says of session and end."""
    return codex_events.heard(line)


def read(turn: Turn, stdout: Path, exit_code: int | None) -> Told:
    """What came of the turn, by the last event, the answer file and the limits that codex recorded."""
    rollout = _rollout(turn)
    try:
        answer = read_plain(_answer(turn)) or b""
    except ReportRefused:
        # It lies where an agent can write, too; what stands there stands in the stream as well.
        answer = b""
    with stdout.open("rb") as file:
        return codex_events.read(
            lines(file),
            answer,
            model=turn.agent.model,
            windows=_windows(rollout) if rollout else None,
            local=datetime.now().astimezone(),
        )


def _windows(rollout: Path) -> codex_events.Windows | None:
    try:
        return codex_events.windows(lines_kept(rollout))
    except OSError:
        # It lies where an agent can write, and is no more than a better clock.
        return None


def _homes(turn: Turn) -> dict[str, Path]:
    # CODEX_HOME must not lie below TMPDIR: codex then refuses to make its helper programs.
    names = {"HOME": "home", "CODEX_HOME": "codex", "TMPDIR": "tmp"}
    return {variable: turn.folder / name for variable, name in names.items()}


def _schema(turn: Turn) -> Path:
    return turn.folder / "answer_schema.json"


def _answer(turn: Turn) -> Path:
    return turn.folder / "answer.json"


def _rollout(turn: Turn) -> Path | None:
    if not codex_events.SESSION.fullmatch(turn.session):
        return None
    found = _homes(turn)["CODEX_HOME"].glob(f"sessions/*/*/*/rollout-*-{turn.session}.jsonl")
    return next((file for file in sorted(found) if file.is_file()), None)
