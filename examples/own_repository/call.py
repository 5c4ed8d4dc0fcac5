"""What every agent of this example does with its call: read the task, write the report last.

Not here: the work; see the three agents beside this file.
"""

import json
import sys
from pathlib import Path
from typing import Any


def read_task() -> dict[str, Any]:
    """The task specification, which the kernel feeds on standard input."""
    task: dict[str, Any] = json.load(sys.stdin)
    return task


def write_report(task: dict[str, Any], **claims: object) -> None:
    """Writes the report that answers `task`, whole and by rename: once it is there, the agent is done."""
    bound = {name: task[name] for name in ("run_id", "item_id", "attempt", "round", "stage", "agent")}
    report = {"schema_version": task["report_schema"], **bound, **claims}
    if task["packet_sha256"]:
        report["packet_sha256"] = task["packet_sha256"]
    if task["lane"]:
        report["lane"] = task["lane"]
    path = Path(task["report_path"])
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps(report), encoding="utf-8")
    draft.rename(path)
