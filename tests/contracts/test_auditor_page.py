"""The auditor of docs/agents.md runs as it stands, and the page names every word that a finding may bear.

Not here: the other examples of the page; see test_agents_page.py.
"""

import re
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest
from tests.contracts.test_agents_page import PAGE
from tests.doubles.tasks import task

from verger_kernel.agents.base import task_json
from verger_kernel.agents.outcome import Answered, outcome
from verger_kernel.rules.findings import from_audit
from verger_kernel.rules.packs import AuditReport, Category, Disposition, Severity

PATCH = """\
diff --git a/src/a.py b/src/a.py
--- a/src/a.py
+++ b/src/a.py
@@ -3,2 +3,3 @@ def total():
 one = 1
-breakpoint()
+two = 2
+    {line}
"""


@pytest.mark.parametrize("line", ["breakpoint()", "return one + two"])
def test_the_auditor_reads_the_packet_and_says_what_it_found(tmp_path: Path, line: str) -> None:
    for name in ("packet", "reports", "worktree"):
        (tmp_path / name).mkdir()
    (tmp_path / "packet" / "candidate.patch").write_text(PATCH.format(line=line), encoding="utf-8")
    _worker, auditor, *_rest = re.findall(r"^```python\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    asked = task("audit", folder=tmp_path)
    subprocess.run(
        (sys.executable, "-c", auditor),
        cwd=asked.worktree,
        input=task_json(asked),
        timeout=30,
        check=True,
    )
    found = outcome(asked, Path(asked.report_path), exit_code=0, breach=None, start_error="")
    assert isinstance(found, Answered) and isinstance(found.report, AuditReport)
    told = [(one.file_paths, one.line, one.quotes) for one in from_audit(found.report)]
    assert told == ([(("src/a.py",), 5, ("breakpoint()",))] if line == "breakpoint()" else [])


def test_the_page_and_its_auditor_name_every_word_of_a_finding() -> None:
    for word in (*get_args(Severity), *get_args(Category), *get_args(Disposition)):
        assert f"`{word}`" in PAGE
    for word in (*get_args(Severity), *get_args(Category)):
        assert f'"{word}"' in PAGE
