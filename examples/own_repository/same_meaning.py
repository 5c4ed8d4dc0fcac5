"""Lane a: every Python file of the worktree still means what it meant in the user's checkout.

Not here: what was changed; see `only_in_scope.py`.
"""

import ast
import sys
from pathlib import Path

from call import read_task, write_report

task = read_task()
before, after = Path(sys.argv[1]), Path(task["worktree"])
different = [
    path.relative_to(before).as_posix()
    for path in sorted((before / "probes").rglob("*.py"))
    if ast.dump(ast.parse(path.read_bytes()))
    != ast.dump(ast.parse((after / path.relative_to(before)).read_bytes()))
]
findings = [
    {
        "title": f"{name} means something else now",
        "severity": "high",
        "category": "correctness",
        "file_paths": [name],
        "recommended_action": "Change the layout only.",
        "is_blocking": True,
    }
    for name in different
]
write_report(
    task,
    overall_verdict="issues_found" if findings else "pass",
    findings=findings,
    summary=f"{len(different)} file(s) changed their meaning",
)
