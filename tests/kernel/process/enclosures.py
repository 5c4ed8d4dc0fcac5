"""Sandboxes for the tests: around jobs, and tried by hand as an ordinary user.

Not here: the fixture that makes such jobs; see conftest.py.
"""

import marshal
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import anyio

from verger_kernel.process import inside
from verger_kernel.process.runner import Ended, Job, run
from verger_kernel.process.sandbox import Sandbox, plan, shown

NOBODY = 65534
SYSTEM_PYTHON = "/usr/bin/python3"
HOME = Path("/home/somebody")


def as_nobody(
    sandbox: Sandbox, command: str, folder: Path, monkeypatch
) -> "subprocess.CompletedProcess[bytes]":
    """What `command` in `sandbox` comes to for a user without any right; `folder` must be one that it can read.

    Python of the system alone is needed: the program that makes sandboxes imports nothing else.
    """
    packages = folder / "packages"
    target = packages / "verger_kernel" / "process"
    target.mkdir(parents=True, exist_ok=True)
    for file in ("__init__.py", "inside.py", "inner_root.py", "linux.py"):
        shutil.copy(Path(inside.__file__).with_name(file), target / file)
    (packages / "verger_kernel" / "__init__.py").touch()
    monkeypatch.setattr(os, "geteuid", lambda: NOBODY)
    told = plan(sandbox, ("bash", "-c", command), {"PATH": os.defpath}, (), 64 << 20)
    monkeypatch.undo()
    near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with near, far, os.fdopen(os.memfd_create("plan"), "wb+") as file:
        marshal.dump(told, file)
        file.seek(0)
        start = f"import sys; sys.path.insert(0, {str(packages)!r}); import verger_kernel.process.inside as i; i.main()"
        fds = (file.fileno(), far.fileno())
        return subprocess.run(
            (SYSTEM_PYTHON if os.geteuid() == 0 else sys.executable, "-I", "-S", "-c", start, *map(str, fds)),
            user=NOBODY if os.geteuid() == 0 else None,
            group=NOBODY if os.geteuid() == 0 else None,
            extra_groups=[] if os.geteuid() == 0 else None,
            pass_fds=fds,
            cwd="/",
            capture_output=True,
            timeout=30,
            check=False,
        )


def closed(folder: Path, **more: object) -> Sandbox:
    """A sandbox in which `folder` alone may be written."""
    return Sandbox(**{"folder": folder, "home": HOME, "shown": shown([folder], writable=True)} | more)  # type: ignore[arg-type]


def said(job: Job) -> tuple[Ended, str]:
    """How `job` ended, and its standard output."""
    ended = anyio.run(run, job)
    return ended, job.stdout.read_text()
