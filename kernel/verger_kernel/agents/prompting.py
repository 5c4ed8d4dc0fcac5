"""What a model is told: the prompt of a stage, with the task as data in a block that nobody can end early.

Not here: the words; they are files in `prompts/`, which a manifest names by digest.
"""

import hashlib
import secrets
from functools import lru_cache
from pathlib import Path
from string import Template

import msgspec

from verger_kernel.agents.base import Turn
from verger_kernel.agents.lines import lines_kept
from verger_kernel.rules.packs import Stage, TaskSpecification
from verger_probes.decoding import decoded

FOLDER = Path(__file__).with_name("prompts")
CONTINUE = "continue.md"
_PROMPTS: dict[Stage, str] = {
    "execute": "worker.md",
    "fix": "worker.md",
    "remediate": "worker.md",
    "audit": "audit.md",
    "triage": "triage.md",
}
_BEGIN = "===== BEGIN "
_UNTOLD = ("schema_version", "report_path", "report_schema", "packet_sha256", "agent")
"""What of a task no model needs: where its report belongs is the kernel's business."""


class PromptsChanged(OSError):
    """A prompt that is not the one that was shipped: the world is at fault, and no agent."""


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The SHA-256 of every prompt, by file name."""

    schema_version: str
    prompts: dict[str, str]


def first_prompt(task: TaskSpecification, mark: str) -> bytes:
    """What begins a session about `task`. `mark` bounds the task: a name that nobody who wrote of it can know.

    Raises PromptsChanged.
    """
    told = {name: value for name, value in msgspec.to_builtins(task).items() if name not in _UNTOLD}
    data = msgspec.json.format(msgspec.json.encode(told), indent=2).decode()
    assert mark not in data
    words = Template(_shipped(_PROMPTS[task.stage]))
    lines = {"mark": mark, "begin": f"{_BEGIN}{mark} =====", "end": f"===== END {mark} ====="}
    return words.substitute(lines, task=data).encode()


def prompt(turn: Turn) -> bytes:
    """What `turn` is fed: the first prompt of its session, or the word to go on. Raises PromptsChanged."""
    return next_prompt(turn.task) if turn.continues else first_prompt(turn.task, secrets.token_hex(16))


def next_prompt(task: TaskSpecification) -> bytes:
    """What a session that was cut short is told. Raises PromptsChanged."""
    # Its copy of the packet was thrown away when it was cut, and lies at another place now.
    where = f" The packet lies in {task.packet_dir} now." if task.packet_dir else ""
    return Template(_shipped(CONTINUE)).substitute(packet=where).encode()


def holds_prompt(record: Path) -> bool:
    """Whether the first prompt stands in `record`, where an agent keeps its session.

    It names a session before it keeps anything of it: cut in between, it would go on with nothing.
    """
    try:
        return any(_BEGIN.encode() in line for line in lines_kept(record))
    except OSError:
        return False


def check() -> str | None:
    """Why no prompt can be sent and what to do; None if all are what was shipped."""
    try:
        for name in {*_PROMPTS.values(), CONTINUE}:
            _shipped(name)
    except PromptsChanged as changed:
        return str(changed)
    return None


@lru_cache(maxsize=8)
def _shipped(name: str) -> str:
    try:
        known = decoded((FOLDER / "manifest.json").read_bytes(), Manifest).prompts
        data = (FOLDER / name).read_bytes()
    except (OSError, msgspec.MsgspecError) as error:
        raise PromptsChanged(f"prompt {name} cannot be read ({error}); install Verger again") from None
    if known.get(name) != hashlib.sha256(data).hexdigest():
        raise PromptsChanged(f"prompt {name} is not the one that was shipped; install Verger again")
    return data.decode()
