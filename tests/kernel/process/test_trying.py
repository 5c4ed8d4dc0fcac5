"""What trying finds out: whether a sandbox can be made, what nests in it, whether tools are the same inside.

Not here: what preflight and doctor make of it; see tests/journeys/test_sandbox.py.
"""

import os
from pathlib import Path

from verger_kernel.process import trying
from verger_kernel.process.sandbox import Sandbox, Shown, shown

HOME = Path("/home/somebody")


def tool(folder: Path, name: str, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(f"#!/bin/bash\n{text}\n")
    (folder / name).chmod(0o755)
    return folder


def test_what_a_command_says_and_how_it_ends_comes_back() -> None:
    box = Sandbox(folder=Path("/"), home=HOME)
    found = trying.tried(box, ("bash", "-c", "echo $HOME; exit 3"), {"PATH": os.defpath})
    assert (found.code, found.output, found.failure) == (3, f"{HOME}\n", "")


def test_why_there_is_no_sandbox_is_told() -> None:
    gone = Sandbox(folder=Path("/"), home=HOME, shown=(Shown(Path("/gone"), Path("/gone")),))
    assert "No such file" in trying.tried(gone, ("true",), {"PATH": os.defpath}).failure
    assert trying.why_not() == ""


def test_namespaces_nest_and_root_alone_gets_no_proc_of_its_own() -> None:
    found = trying.nesting()
    assert (found.namespaces, found.proc) == (True, os.geteuid() != 0)


def test_a_tool_that_reads_what_is_not_shown_is_another_one_inside(tmp_path: Path) -> None:
    (tmp_path / "version").write_text("v1")
    folder = tool(tmp_path / "bin", "node", f"cat {tmp_path}/version")
    tool(folder, "go", "echo go 1.2")
    env = {"PATH": f"{folder}:{os.defpath}"}
    box = Sandbox(folder=Path("/"), home=HOME, shown=shown([folder]))
    (said,) = trying.differing(box, env)
    assert said.startswith("node says 'v1' outside and 'cat: ")
    whole = Sandbox(folder=Path("/"), home=HOME, shown=shown([folder, tmp_path / "version"]))
    assert trying.differing(whole, env) == ()


def test_tools_that_the_whole_system_shares_are_not_asked(tmp_path: Path) -> None:
    broken = Sandbox(folder=Path("/gone"), home=HOME)
    assert trying.differing(broken, {"PATH": "/usr/bin:/bin"}) == ()
