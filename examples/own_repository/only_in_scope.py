"""Lane b: the patch in the packet touches Python files of the allowed roots, and at least one.

Not here: what the files mean; see `same_meaning.py`.
"""

from pathlib import Path

from call import read_task, write_report

task = read_task()
patch = (Path(task["packet_dir"]) / "candidate.patch").read_text(encoding="utf-8")
touched = [line.split(" b/", 1)[1] for line in patch.splitlines() if line.startswith("diff --git ")]
roots = tuple(f"{root}/" for root in task["allowed_write_roots"])
wrong = [name for name in touched if not (name.startswith(roots) and name.endswith(".py"))]
findings = [
    {
        "title": f"{name} is not part of this item",
        "severity": "high",
        "category": "scope",
        "file_paths": [name],
        "recommended_action": "Leave it as it was.",
        "is_blocking": True,
    }
    for name in wrong
]
if not touched:
    findings = [
        {
            "title": "nothing was reformatted",
            "severity": "medium",
            "category": "artifact",
            "recommended_action": "Run the formatter.",
            "is_blocking": True,
        }
    ]
write_report(
    task,
    overall_verdict="issues_found" if findings else "pass",
    findings=findings,
    summary=f"{len(touched)} file(s) touched",
)
