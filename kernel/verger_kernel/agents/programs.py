"""Where the program of codex or claude lies, behind what npm puts on PATH, and which version it is.

Not here: starting it for a call; see `perform/calls.py`.
"""

import os
import shutil
from pathlib import Path
from urllib.parse import urlsplit

from verger_kernel.agents.base import program_missing
from verger_kernel.agents.needs import Needs
from verger_kernel.process.versions import version_said
from verger_kernel.rules.ids import shown
from verger_kernel.rules.policy import AgentDefinition

# The wrapper needs node, and SIGKILL on it leaves the real program behind; seen with codex 0.169.0.
_BEHIND = {
    "codex.js": "@openai/codex-*/vendor/*/bin/codex",
    "cli-wrapper.cjs": "@anthropic-ai/claude-code-*/claude",
    # The program itself once npm ran the package's install script, else a text that says so.
    "claude.exe": "@anthropic-ai/claude-code-*/claude",
}


def found(agent: AgentDefinition, repository_root: Path, path: str) -> Path | None:
    """The native program that `agent` means, with every link followed; None if there is none."""
    name = agent.program or agent.kind
    place = str(repository_root / Path(name).expanduser()) if "/" in name else shutil.which(name, path=path)
    if place is None or not Path(place).is_file():
        return None
    real = Path(place).resolve()
    pattern = _BEHIND.get(real.name)
    return real if pattern is None else _native(real, pattern)


def _native(wrapper: Path, pattern: str) -> Path | None:
    # npm puts it beside the wrapper's package, or into that package's own node_modules.
    package = next(
        (folder for folder in wrapper.parents if folder.parent.name.startswith("@")), wrapper.parent
    )
    for folder in (package.parent.parent, package / "node_modules"):
        for native in sorted(folder.glob(pattern)):
            if native.is_file():
                return native
    return None


def missing(agent: AgentDefinition, repository_root: Path, path: str) -> str | None:
    """Why the program of `agent` cannot be started and what to do; None if it can."""
    name = agent.program or agent.kind
    if not agent.program and (why := program_missing(name, repository_root, path)):
        return why
    native = found(agent, repository_root, path)
    if native is None:
        if agent.program and (why := program_missing(str(Path(name).expanduser()), repository_root, path)):
            return why
        return (
            f"{shown(name)} is npm's wrapper, and the program behind it is not installed; "
            "install the package again, with its optional dependencies"
        )
    if why := program_missing(str(native), repository_root, path):
        return why
    return _other_version(agent, native)


def _other_version(agent: AgentDefinition, native: Path) -> str | None:
    if not agent.version:
        return None
    said = version_said(native)
    if said == agent.version:
        return None
    return (
        f"{native} is version {said or 'unknown'}, the policy says {agent.version}; "
        "install that one, or change version once you have read what is new"
    )


def needs(agent: AgentDefinition, vendor_url: str) -> Needs:
    """What the program of `agent` needs of the outside: itself, its vendor or where the policy says, and its key."""
    url = urlsplit(agent.base_url or vendor_url)
    port = url.port or (443 if url.scheme == "https" else 80)
    native = found(agent, Path("/"), os.environ.get("PATH", os.defpath))
    login = (Path(agent.login).expanduser(),) if agent.login else ()
    return Needs(
        hosts=(f"{url.hostname}:{port}",),
        folders=(native,) if native else (),
        writable=login,
        variables=agent.variables(),
    )


def version(agent: AgentDefinition, repository_root: Path, path: str) -> str:
    """The version that the program of `agent` says it is, empty if it says none."""
    native = found(agent, repository_root, path)
    return version_said(native) if native else ""
