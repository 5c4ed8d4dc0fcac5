"""A program that behaves as codex or claude was recorded to: the same flags, files, events and exits; no model.

Not here: the recordings; see tests/data/agents. Standard library only.

Arguments: KIND, then what is done in order, `then`, what is done when a session is continued (the same if there is no
`then`), `--`, and what the adapter gave. Words: `play CASE` prints a recording, `write PATH TEXT` changes a file,
`hang` never ends, `kill` ends by SIGKILL. `forge CASE` has a child add a recording to what this program printed, by
/proc; `rewrite CASE` has it replace all of it.
"""

import json
import os
import re
import signal
import sys
import uuid
from pathlib import Path

RECORDED = Path(__file__).parents[1] / "data" / "agents"
VERSIONS = {"codex": "codex-cli 0.169.0", "claude": "2.1.329 (Claude Code)"}
ANSWERS = {
    "verdict": {"verdict": "implemented", "files_touched": [], "unresolved_items": [], "residual_risks": []},
    "overall_verdict": {"overall_verdict": "pass", "findings": [], "limitations": []},
    "overall_decision": {"overall_decision": "pass", "dispositions": []},
}


def value_of(flag, given):
    return given[given.index(flag) + 1] if flag in given else ""


def answer(schema):
    name = next(name for name in ANSWERS if name in schema["properties"])
    return {"summary": "replayed: nothing was thought about"} | ANSWERS[name]


class Codex:
    def __init__(self, given):
        self.continues = given[1] == "resume"
        self.session = given[-2] if self.continues else str(uuid.uuid4())
        self.answer = answer(json.loads(Path(value_of("--output-schema", given)).read_bytes()))
        self.out = Path(value_of("-o", given))
        self.out.write_bytes(b"")
        self.place = Path(os.environ["CODEX_HOME"], "sessions", "2026", "11", "22")
        self.record = self.place / f"rollout-2026-11-22T00-00-00-{self.session}.jsonl"
        if self.continues and not self.record.exists():
            sys.exit(f"no rollout found for thread id {self.session}")

    def line(self, event, case):
        if event["type"] == "thread.started":
            self.place.mkdir(parents=True, exist_ok=True)
            rollout = RECORDED / "codex" / f"{case}.rollout.json"
            with self.record.open("ab") as file:
                file.write(self.prompt + (rollout.read_bytes() if rollout.exists() else b""))
            return event | {"thread_id": self.session}
        if event.get("item", {}).get("type") == "agent_message" and event["item"]["text"].startswith("{"):
            event["item"]["text"] = json.dumps(self.answer)
        return event

    def code(self, events):
        if events and events[-1]["type"] == "turn.completed":
            said = [event["item"]["text"] for event in events if event.get("item", {}).get("text")]
            self.out.write_text(said[-1], encoding="utf-8")
            return 0
        return 1


class Claude:
    def __init__(self, given):
        self.continues = "--resume" in given
        self.session = value_of("--resume" if self.continues else "--session-id", given)
        self.answer = answer(json.loads(value_of("--json-schema", given)))
        self.tools = value_of("--tools", given).split(",")
        slug = re.sub(r"[^A-Za-z0-9]", "-", str(Path.cwd()))
        self.record = Path(os.environ["CLAUDE_CONFIG_DIR"], "projects", slug, f"{self.session}.jsonl")
        if self.continues and not self.record.exists():
            sys.exit(f"No conversation found with session ID: {self.session}")

    def line(self, event, case):
        event["session_id"] = self.session
        if event.get("subtype") == "init":
            self.record.parent.mkdir(parents=True, exist_ok=True)
            with self.record.open("ab") as file:
                file.write(self.prompt)
            return event | {"tools": [*self.tools, "StructuredOutput"]}
        if "structured_output" in event:
            event["structured_output"] = self.answer
        return event

    def code(self, events):
        return int(not events or events[-1].get("is_error", True))


def play(program, case):
    events = []
    folder = RECORDED / type(program).__name__.lower()
    for line in (folder / f"{case}.jsonl").read_text(encoding="utf-8").splitlines():
        events.append(program.line(json.loads(line), case))
        print(json.dumps(events[-1]), flush=True)
    return program.code(events)


FORGER = """
import os, sys
place, mode, said = sys.argv[1:]
with open(place, mode) as file:
    file.write(said)
"""


def forge(program, case, mode):
    lines = (
        (RECORDED / type(program).__name__.lower() / f"{case}.jsonl").read_text(encoding="utf-8").splitlines()
    )
    said = "".join(json.dumps(program.line(json.loads(line), case)) + "\n" for line in lines)
    place = f"/proc/{os.getpid()}/fd/1"
    os.spawnv(os.P_WAIT, sys.executable, (sys.executable, "-I", "-S", "-c", FORGER, place, mode, said))


def main(arguments):
    kind, *arguments = arguments
    cut = arguments.index("--")
    words, given = arguments[:cut], arguments[cut + 1 :]
    if given == ["--version"]:
        print(VERSIONS[kind])
        return 0
    prompt = sys.stdin.buffer.read()
    program = (Codex if kind == "codex" else Claude)(given)
    program.prompt = json.dumps(prompt.decode()).encode() + b"\n"
    if "then" in words:
        first, then = words[: words.index("then")], words[words.index("then") + 1 :]
        words = then if program.continues else first
    code = 0
    while words:
        word = words.pop(0)
        if word == "play":
            code = play(program, words.pop(0))
        elif word == "write":
            file = Path(words.pop(0))
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("a", encoding="utf-8") as stream:
                stream.write(words.pop(0) + "\n")
        elif word in ("forge", "rewrite"):
            forge(program, words.pop(0), "a" if word == "forge" else "w")
        elif word == "hang":
            while True:
                signal.pause()
        elif word == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        else:
            sys.exit(f"replayed cli: no such word: {word}")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
