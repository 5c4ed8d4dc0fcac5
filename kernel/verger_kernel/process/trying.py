"""Whether a sandbox can be made here, what else can be made in it, and whether tools are the same inside.

Not here: what comes of it; see `doctor/sandboxes.py`. Everything is found out by trying it.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from verger_kernel.process.enclosed import Enclosure
from verger_kernel.process.sandbox import Sandbox, environment
from verger_kernel.process.toolchains import is_system

_WITHIN_S = 20.0
_BYTES = 64 << 20
_TOOLS = ("python", "python3", "node", "npm", "git", "cargo", "rustc", "go", "java", "ruby", "uv", "bash")
# As an agent would that closes a sandbox of its own around its commands.
_NEST = "unshare --user --map-current-user --pid --net --mount --fork"
_ASK = 'for tool; do printf "%s\\t%s\\n" "$tool" "$("$tool" --version 2>&1 </dev/null | head -n 1)"; done'


@dataclass(frozen=True)
class Tried:
    """What a command in a sandbox came to. `failure` says why there was none; else `output` is what it said."""

    code: int | None
    output: str
    failure: str = ""


@dataclass(frozen=True)
class Nesting:
    """What a job can make inside of its sandbox: namespaces of its own, and a /proc in them."""

    namespaces: bool
    proc: bool


def tried(sandbox: Sandbox, argv: tuple[str, ...], env: Mapping[str, str]) -> Tried:
    """What `argv` in `sandbox` comes to, within 20 s. Never raises OSError."""
    enclosure = Enclosure(sandbox, _BYTES)
    try:
        with tempfile.TemporaryFile() as said, Path(os.devnull).open("rb") as nothing:
            wanted = {**env, **environment(sandbox)}
            process = enclosure.start(argv, wanted, (), nothing, said.fileno(), said.fileno())
            try:
                process.wait(_WITHIN_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            enclosure.hear()
            said.seek(0)
            output = said.read().decode(errors="replace")
    except (OSError, ValueError) as error:
        return Tried(None, "", str(error))
    finally:
        enclosure.close()
    failure = "" if enclosure.entered else enclosure.failure or "it ended before it was made"
    return Tried(process.returncode, output, failure)


@cache
def why_not() -> str:
    """Why no sandbox can be made here, in words; empty where one can."""
    found = tried(_bare(), ("true",), {"PATH": os.defpath})
    return found.failure or (
        "" if found.code == 0 else f"true ended in it with {found.code}: {found.output[:200]}"
    )


@cache
def nesting() -> Nesting:
    """What can be made inside of a sandbox here."""
    env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
    return Nesting(
        namespaces=tried(_bare(), (*_NEST.split(), "true"), env).code == 0,
        proc=tried(_bare(), (*_NEST.split(), "--mount-proc", "true"), env).code == 0,
    )


def _bare() -> Sandbox:
    return Sandbox(folder=Path("/"), home=Path("/tmp/home"))


def differing(sandbox: Sandbox, env: Mapping[str, str]) -> tuple[str, ...]:
    """The tools on PATH that say another version inside than outside, a sentence each; empty if none.

    A tool that the whole system shares is the same file, and is not asked.
    """
    names = tuple(_own_tools(env.get("PATH", os.defpath)))
    if not names:
        return ()
    argv = ("bash", "-c", _ASK, "ask", *names)
    try:
        outside = subprocess.run(
            argv,
            env=dict(env),
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_WITHIN_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return (f"one of {', '.join(names)} does not say its version in {_WITHIN_S:.0f} s",)
    except OSError:
        # Without bash nothing runs at all, and that is told by others.
        return ()
    told, seen = (
        _versions(outside.stdout.decode(errors="replace")),
        _versions(tried(sandbox, argv, env).output),
    )
    return tuple(
        f"{name} says {told[name]!r} outside and {seen.get(name, '')!r} inside"
        for name in names
        if name in told and told[name] != seen.get(name)
    )


def _own_tools(path: str) -> Iterator[str]:
    for name in _TOOLS:
        found = shutil.which(name, path=path)
        if found and not is_system(Path(found).resolve()):
            yield name


def _versions(text: str) -> dict[str, str]:
    return dict(line.split("\t", 1) for line in text.splitlines() if "\t" in line)
