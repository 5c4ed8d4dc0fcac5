"""What else is installed beside Verger has no say in how a policy is read."""

import os
import subprocess
import sys
from pathlib import Path

import verger_kernel
import verger_probes


def test_no_plugin_of_another_distribution_reads_a_policy(tmp_path: Path) -> None:
    about = tmp_path / "stranger-1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: stranger\nVersion: 1\n", encoding="utf-8")
    (about / "entry_points.txt").write_text("[pydantic]\nstranger = stranger:plugin\n", encoding="utf-8")
    (tmp_path / "stranger.py").write_text("raise SystemExit('a stranger ran')\n", encoding="utf-8")
    packages = [str(Path(package.__path__[0]).parent) for package in (verger_kernel, verger_probes)]
    path = os.pathsep.join((str(tmp_path), *packages))
    for module, code in (("pydantic.main", 1), ("verger_kernel.settings.resolved", 0)):
        # The first shows that the trap is one.
        body = f"import {module}\nclass Any({module}.BaseModel): a: int" if code else f"import {module}"
        done = subprocess.run(
            (sys.executable, "-P", "-c", body), env={"PYTHONPATH": path}, capture_output=True, check=False
        )
        assert (done.returncode, b"a stranger ran" in done.stderr) == (code, bool(code)), done.stderr
