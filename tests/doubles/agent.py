"""A command that keeps the agents' contract, or breaks it: a task specification on stdin, a report by rename.

Not here: the shipped agent that plays scenarios; see verger_kernel/agents/player.py. Standard library only.

Arguments are done in order: `write PATH TEXT`, `say TEXT`, `exit CODE`, `kill`, `hang`, `garbage`, `park CAUSE`,
which writes a park note, and `lie KEY JSON`, which replaces a key of the report. `report` writes it now, not after the
last argument.
"""

import json
import os
import signal
import sys
from pathlib import Path

VERDICTS = {"audit": ("overall_verdict", "pass"), "triage": ("overall_decision", "pass")}


def honest(task):
    names = ("run_id", "item_id", "attempt", "round", "stage", "agent")
    key, verdict = VERDICTS.get(task["stage"], ("verdict", "no_change_needed"))
    report = {name: task[name] for name in names} | {"schema_version": task["report_schema"], key: verdict}
    if task["stage"] == "audit":
        report["lane"] = task["lane"]
    if task["stage"] in VERDICTS:
        report["packet_sha256"] = task["packet_sha256"]
    return report | {"summary": "double: nothing was thought about"}


def put(task, data):
    part = Path(task["report_path"] + ".part")
    part.write_bytes(data)
    part.rename(task["report_path"])


def hang():
    while True:
        signal.pause()


def main(words):
    task = json.load(sys.stdin)
    report = honest(task)
    answered = False
    while words:
        word = words.pop(0)
        if word == "write":
            file = Path(task["worktree"], words.pop(0))
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(words.pop(0), encoding="utf-8")
            report |= {"verdict": "implemented"}
        elif word == "say":
            print(words.pop(0), flush=True)
        elif word == "lie":
            report |= {words.pop(0): json.loads(words.pop(0))}
        elif word == "report":
            put(task, json.dumps(report).encode())
            answered = True
        elif word == "garbage":
            put(task, b"I am done!")
            answered = True
        elif word == "park":
            note = {"schema_version": "verger.park.v1", "cause": words.pop(0), "why": "the words say so"}
            put(task, json.dumps(note).encode())
            sys.exit(75)
        elif word == "exit":
            sys.exit(int(words.pop(0)))
        elif word == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        elif word == "hang":
            hang()
        else:
            sys.exit(f"agent double: no such word: {word}")
    if not answered:
        put(task, json.dumps(report).encode())


if __name__ == "__main__":
    main(sys.argv[1:])
