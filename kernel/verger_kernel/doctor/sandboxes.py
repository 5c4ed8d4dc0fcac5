"""Whether agents and commands of a policy can be closed in: tried before a run begins, told by doctor.

Not here: the trying (`process/trying.py`), and what a job is shown (`perform/enclosing.py`).
"""

from collections.abc import Mapping
from pathlib import Path

from verger_kernel.doctor.checks import Check
from verger_kernel.git.repository import Repository
from verger_kernel.perform.enclosing import common, hidden_from, home_of
from verger_kernel.process import trying
from verger_kernel.process.environment import clean_environment
from verger_kernel.process.sandbox import Sandbox
from verger_kernel.rules.policy import Policy

_NAME = "sandbox"
NONE = "agents and commands run without a sandbox, as the policy says: they see and write whatever you can"


def sandbox_check(repository: Repository, policy: Policy, environ: Mapping[str, str], state: Path) -> Check:
    """Whether the policy's sandbox can be made and its tools are the same inside; what can be made in it is told.

    An agent may bring a sandbox of its own, which is made inside.
    """
    if policy.sandbox == "none":
        return Check(name=_NAME, status="warning", detail=NONE, hint="docs/sandbox.md says what that means")
    if why := trying.why_not():
        return Check(
            name=_NAME,
            status="error",
            detail=f"no sandbox can be made here: {why}",
            hint='allow user namespaces (docs/sandbox.md), or say that there is none: sandbox = "none"',
        )
    sandbox = Sandbox(
        folder=Path("/"),
        home=home_of(environ),
        shown=common(policy, environ, repository, state),
        hidden=hidden_from(environ, repository, state),
    )
    differing = trying.differing(sandbox, clean_environment(environ, policy.env, {}))
    if differing:
        return Check(
            name=_NAME,
            status="error",
            detail=f"a tool is another one inside the sandbox: {'; '.join(differing)}",
            hint="show what it is made of with sandbox_paths, or put its real folder on PATH",
        )
    return Check(name=_NAME, detail=f"made; what runs in it can make {_nesting()}")


def places_shown(
    repository: Repository, policy: Policy, environ: Mapping[str, str], state: Path
) -> tuple[str, ...]:
    """The places that every sandbox of a run shows beside the system, sorted; none where there is no sandbox."""
    if policy.sandbox == "none":
        return ()
    # A file name may be no Unicode; what is kept of it must be.
    names = (str(one.at) for one in common(policy, environ, repository, state))
    return tuple(sorted(name.encode(errors="backslashreplace").decode() for name in names))


def _nesting() -> str:
    can = trying.nesting()
    if not can.namespaces:
        return "no namespaces of its own"
    return (
        "namespaces of its own, with a /proc" if can.proc else "namespaces of its own, but no /proc in them"
    )
