"""A playbook of notes to write, with its policy and the scenario in which scripted agents write them.

Not here: the repository that all of it lies in; see `workplace.py`.
"""

import json
from collections.abc import Iterable

PLAYBOOK = "playbook.md"

COLUMNS = (
    *("step_id", "phase", "action", "why_now", "owner_type", "prerequisites", "repo_surfaces", "deliverable"),
    *("exit_criteria", "allowed_write_roots", "requires_red_green", "manual_gate", "manual_gate_reason"),
    *("external_check", "external_dependencies", "required_verification_commands"),
)
POLICY = """\
[lanes]
worker = "worker"
audit_a = "reader-a"
audit_b = "reader-b"

[agents]
worker = { kind = "scripted", scenario = "scenario.toml" }
reader-a = { kind = "scripted", scenario = "scenario.toml" }
reader-b = { kind = "scripted", scenario = "scenario.toml" }
"""


def item(step_id: str, **cells: str) -> str:
    """The row of an item that writes `docs/ID.md` and asks for nothing special unless `cells` say so."""
    plain = dict.fromkeys(COLUMNS, "") | {
        "step_id": step_id,
        "phase": "Notes",
        "action": f"Write note {step_id}.",
        "why_now": "It is next.",
        "owner_type": "writer",
        "prerequisites": "none",
        "repo_surfaces": "`docs/`",
        "deliverable": f"`docs/{step_id}.md`",
        "exit_criteria": "The note is there.",
        "allowed_write_roots": "docs",
        "requires_red_green": "no",
        "required_verification_commands": f"`test -s docs/{step_id}.md`",
    }
    assert set(cells) <= set(COLUMNS)
    return "| " + " | ".join((plain | cells).values()) + " |"


def gated(step_id: str, **cells: str) -> str:
    """The row of an item on which a person must decide."""
    return item(step_id, manual_gate="signoff", manual_gate_reason="A person must read it.", **cells)


def evidenced(step_id: str, **cells: str) -> str:
    """The row of an item that copies `status.txt` of the evidence it must be given."""
    compared = f'`cmp docs/{step_id}.md "$VERGER_EXTERNAL_EVIDENCE_DIR/status.txt"`'
    return item(
        step_id,
        external_check="human_supplied_evidence_required",
        external_dependencies="vendor status",
        **{"required_verification_commands": compared} | cells,
    )


ROWS = (item("01"), gated("02"), evidenced("03"), item("04", prerequisites="01"))
"""One of each kind."""


def playbook(rows: Iterable[str]) -> str:
    """A playbook of `rows`."""
    table = [f"| {' | '.join(COLUMNS)} |", "|" + " --- |" * len(COLUMNS), *rows]
    return "# Notes\n\n## 2. Ordered Execution Plan\n\n" + "\n".join(table) + "\n"


def scenario(*calls: str) -> str:
    """A scenario of `calls`, each the lines below its `[[call]]`."""
    return 'schema_version = "verger.scenario.v1"\n' + "".join(f"\n[[call]]\n{call}\n" for call in calls)


def writing(step_id: str, text: str = "a note\n", more: str = "") -> str:
    """The call in which the worker writes its item's note, whatever the stage."""
    step = f'{{ do = "write", path = "docs/{step_id}.md", text = {json.dumps(text)} }}'
    return f'item = "{step_id}"\nsteps = [{step}{more}]'


WRITTEN = scenario(*(f'stage = "execute"\n{writing(name)}' for name in ("01", "02", "03", "04")))
"""Every item is done at once, and both lanes see nothing."""
