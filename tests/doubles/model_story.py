"""A model that plays the demo: it reads which item it is asked about, and does what the scripted agents there do.

Not here: the server (`model_server.py`); the demo's own scenario, in kernel/verger_kernel/demo/files.
"""

import json
import re
from importlib.resources import files
from typing import Any

from tests.doubles.model_words import Answer, Asked, Reply, Use

from verger_kernel.agents.scenario import Call, read_scenario
from verger_kernel.agents.steps import Write

_BLOCK = re.compile(r"===== BEGIN (\w+) =====\n(.*?)\n===== END \1 =====", re.DOTALL)
SCENARIO = read_scenario((files("verger_kernel.demo") / "files" / "scenario.toml").read_bytes())
FINDING: dict[str, Any] = {
    "title": "add() ignores a negative first number",
    "severity": "high",
    "category": "correctness",
    "confidence": "high",
    "file_paths": ["src/adder.py"],
    "line": 2,
    "quote": "return a + b if a > 0 else b",
    "evidence": ["add(-1, 1) is 1, it must be 0"],
    "why_it_matters": "The item asks for negative numbers.",
    "recommended_action": "Return a + b for every a.",
    "is_blocking": True,
}


def task_in(asked: Asked) -> dict[str, Any]:
    """The task in the newest prompt that holds one."""
    texts = [text for text in _texts(asked.body) if _BLOCK.search(text)]
    found: dict[str, Any] = json.loads(_BLOCK.findall(texts[-1])[-1][1])
    return found


def _texts(body: dict[str, Any]) -> list[str]:
    said = body.get("input") or body.get("messages") or []
    parts = [part for one in said if isinstance(one.get("content"), list) for part in one["content"]]
    whole = [one["content"] for one in said if isinstance(one.get("content"), str)]
    return [*whole, *(part["text"] for part in parts if isinstance(part.get("text"), str))]


def demo(asked: Asked) -> Reply:
    """The reply of the demo's story."""
    task = task_in(asked)
    if task["stage"] == "audit":
        return _audit(asked, task)
    calls = [call for call in SCENARIO.call if _is_for(call, task)]
    writes = [step for call in calls[:1] for step in call.steps if isinstance(step, Write)]
    steps = [reply for step in writes for reply in _write(asked, step, task["worktree"])]
    if asked.results < len(steps):
        return steps[asked.results]
    touched = [step.path for step in writes]
    return Answer(
        {
            "summary": "all of it is done",
            "verdict": "implemented",
            "files_touched": touched,
            "unresolved_items": [],
            "residual_risks": [],
        }
    )


def _is_for(call: Call, task: dict[str, Any]) -> bool:
    asked = {"item": task["item_id"], "stage": task["stage"], "lane": task["lane"], "round": task["round"]}
    return all(getattr(call, name) in (None, value) for name, value in asked.items())


def _write(asked: Asked, step: Write, worktree: str) -> tuple[Reply, ...]:
    if asked.dialect == "openai":
        return (Use("exec_command", {"cmd": f"cat > {step.path} <<'END'\n{step.text}END"}),)
    file = f"{worktree}/{step.path}"
    # Claude writes over no file that it has not read.
    return (Use("Read", {"file_path": file}), Use("Write", {"file_path": file, "content": step.text}))


def _audit(asked: Asked, task: dict[str, Any]) -> Reply:
    patch = f"{task['packet_dir']}/candidate.patch"
    if asked.results == 0 and asked.dialect == "anthropic":
        return Use("Read", {"file_path": patch})
    if asked.results == 0:
        return Use("exec_command", {"cmd": f"cat '{patch}'"})
    # Judged by what the tool showed: the change must have come through to the model.
    is_bad = "a > 0 else b" in asked.text and task["item_id"] == "02"
    return Answer(
        {
            "summary": "read the patch",
            "overall_verdict": "issues_found" if is_bad else "pass",
            "findings": [FINDING] if is_bad else [],
            "limitations": [],
        }
    )
