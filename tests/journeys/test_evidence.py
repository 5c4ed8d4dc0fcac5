"""Evidence from outside: waited for, checked first, offered to all of its item, kept from the next."""

import json
from pathlib import Path

import pytest
from tests.doubles.notes import PLAYBOOK, evidenced, gated, item, scenario, writing
from tests.doubles.workplace import Workplace, assert_refused, workplace

from verger_kernel.rules.chain import read
from verger_kernel.rules.events import WorktreeReady

NOTHING_LEAKED = '`test -z "$VERGER_EXTERNAL_EVIDENCE_DIR"`'


def task(place: Workplace, step_id: str, attempt: int, call: str) -> dict[str, object]:
    """What an agent was told."""
    folder = place.run().attempt(step_id, attempt).root / "agents" / call
    return json.loads((folder / "task_specification.json").read_bytes())


@pytest.fixture
def blocked(tmp_path: Path) -> Workplace:
    """A run whose item 03 waits for evidence."""
    place = workplace(tmp_path)
    ended = place.verger("run", PLAYBOOK, "--item", "03", "--json")
    assert (ended.code, ended.json["current_state"]) == (21, "blocked_external")
    return place


def test_without_evidence_the_item_waits_and_no_agent_is_called(blocked: Workplace) -> None:
    view = blocked.verger("status", "--json").json
    assert (view["status_level"], view["agent_calls"]) == ("waiting", 0)
    assert view["pending_action"].endswith("--external-evidence-dir DIR")
    assert not list(blocked.run().worktrees.glob("*"))
    manifest = json.loads(blocked.run().attempt("03", 1).escalation.read_bytes())
    assert manifest["terminal_state"] == "blocked_external"
    assert manifest["suggested_resume_command"].endswith("--external-evidence-dir DIR")
    before = blocked.everything()
    assert_refused(blocked.verger("resume"), 21, "waits for evidence", "--external-evidence-dir DIR")
    assert blocked.everything() == before


def test_w2_a_wrong_folder_is_refused_and_the_right_one_is_taken_later(blocked: Workplace) -> None:
    before = blocked.everything()
    for wrong in ("nowhere", "repository/playbook.md", "home"):
        folder = str(blocked.root / wrong)
        assert_refused(blocked.verger("resume", "--external-evidence-dir", folder), 4, folder)
    assert blocked.everything() == before
    # Relative paths count from where the user stands.
    blocked.evidence()
    ended = blocked.verger("resume", "--external-evidence-dir", "../evidence", "--max-items", "1", "--json")
    assert (ended.code, ended.json["passed"]) == (0, ["03"])


def test_evidence_is_copied_and_offered_to_every_agent_and_to_verification(blocked: Workplace) -> None:
    folder = blocked.evidence()
    assert blocked.verger("resume", "--external-evidence-dir", str(folder)).code == 0
    attempt = blocked.run().attempt("03", 2)
    copy = attempt.evidence / "status.txt"
    assert copy.read_text(encoding="utf-8") == "a note\n"
    for call in ("execute.round-0.try-1", "audit-a.round-0.try-1", "audit-b.round-0.try-1"):
        assert task(blocked, "03", 2, call)["evidence_dir"] == str(attempt.evidence)
    assert (attempt.packet(0) / "external_evidence" / "status.txt").read_bytes() == copy.read_bytes()
    # Its required command is a `cmp` with $VERGER_EXTERNAL_EVIDENCE_DIR/status.txt; the digest is on record.
    (ready,) = blocked.events(WorktreeReady)
    assert ready.evidence == attempt.evidence_digest.read_text(encoding="ascii").strip()


def test_after_wrong_evidence_a_fresh_attempt_needs_evidence_of_its_own(tmp_path: Path) -> None:
    place = workplace(tmp_path, rows=[evidenced("03")])
    wrong = place.evidence("wrong", "all systems down\n")
    argv = ("run", PLAYBOOK, "--item", "03", "--external-evidence-dir", str(wrong))
    assert place.verger(*argv, VERGER_MAX_FIX_ROUNDS="0", VERGER_MAX_REMEDIATION_ROUNDS="0").code == 22
    ended = place.verger("resume", "--json")
    assert (ended.code, ended.json["current_state"]) == (21, "blocked_external")
    ended = place.verger("resume", "--external-evidence-dir", str(place.evidence("right")), "--json")
    assert (ended.code, ended.json["passed"]) == (0, ["03"])


def test_evidence_never_reaches_the_next_item(tmp_path: Path) -> None:
    clean = {"required_verification_commands": NOTHING_LEAKED}
    place = workplace(tmp_path, rows=[evidenced("01"), item("02", **clean), evidenced("03")])
    folder = place.evidence()
    argv = ("run", PLAYBOOK, "--next", "--auto-advance", "--external-evidence-dir", str(folder), "--json")
    ended = place.verger(*argv)
    assert (ended.code, ended.json["passed"], ended.json["current_item_id"]) == (21, ["01", "02"], "03")
    assert task(place, "02", 1, "execute.round-0.try-1")["evidence_dir"] == ""
    assert not (place.run().attempt("02", 1).packet(0) / "external_evidence").exists()


def test_evidence_survives_a_gate_and_a_fix_round_of_its_own_item(tmp_path: Path) -> None:
    compared = '`cmp docs/03.md "$VERGER_EXTERNAL_EVIDENCE_DIR/status.txt"`'
    row = gated(
        "03",
        external_check="human_supplied_evidence_required",
        external_dependencies="vendor status",
        required_verification_commands=compared,
    )
    script = scenario('stage = "execute"\n' + writing("03", "a guess\n"), 'stage = "fix"\n' + writing("03"))
    place = workplace(tmp_path, rows=[row], script=script)
    argv = ("run", PLAYBOOK, "--next", "--external-evidence-dir", str(place.evidence()), "--json")
    ended = place.verger(*argv)
    assert (ended.code, ended.json["current_state"]) == (20, "awaiting_human_gate")
    assert place.verger("status", "--json").json["round"] == 1
    assert task(place, "03", 1, "fix.round-1.try-1")["evidence_dir"]


def test_what_happens_to_the_folder_after_it_was_taken_changes_nothing(tmp_path: Path) -> None:
    place = workplace(tmp_path, rows=[evidenced("03")])
    folder = place.evidence()
    argv = ("run", PLAYBOOK, "--next", "--external-evidence-dir", str(folder))
    # Right after the copy is on record, before the worker began.
    number = 1 + next(n for n, name in enumerate(_names(place, argv), start=1) if name == "WorktreeReady")
    again = workplace(tmp_path / "again", rows=[evidenced("03")])
    other = again.evidence()
    assert again.killed_at(number, "before", *argv[:-1], str(other)).code == -9
    (other / "status.txt").unlink()
    other.rmdir()
    assert again.verger("resume").code == 0


def _names(place: Workplace, argv: tuple[str, ...]) -> list[str]:
    assert place.verger(*argv).code == 0
    return [type(one.event).__name__ for one in read(place.run().journal.read_bytes()).records]


def test_w22_a_command_inherits_nothing_that_is_not_allowed(tmp_path: Path) -> None:
    withheld = ("SECRET", "SSH_AUTH_SOCK", "XDG_STATE_HOME", "PYTHONPATH")
    command = f"`env > all.txt && ! grep {' '.join(f'-e {name}' for name in withheld)} all.txt`"
    place = workplace(tmp_path, rows=[item("01", required_verification_commands=command)])
    secrets = {"MY_SECRET": "x", "SSH_AUTH_SOCK": "/nowhere", "VERGER_SECRET": "y"}
    ended = place.verger("run", PLAYBOOK, "--next", **secrets)
    assert ended.code == 0, ended
