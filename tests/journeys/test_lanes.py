"""The two audits: one packet, side by side, and nothing that a lane does or says makes a bad result pass.

Not here: how findings are merged as a rule; see tests/kernel/rules/test_findings.py.
"""

import json
from pathlib import Path

import msgspec
import pytest
from tests.doubles.trials import (
    GOOD,
    RUN,
    attempt_of,
    calls_of,
    escalated,
    passed,
    replay,
    shell,
    state_of,
    trial,
    work,
)
from tests.doubles.workplace import Workplace

from verger_kernel.disk.packets import Manifest, is_intact
from verger_kernel.rules.events import AuditReturned, PacketFrozen
from verger_kernel.rules.findings import Finding
from verger_kernel.rules.state import Escalated

READERS = {"a": "reader-a", "b": "reader-b"}
# Each says that it is there, and goes on only when the other is: one after the other would never end well.
MEETING = """
touch "$HOME/{mine}"
for _ in $(seq 1000); do test -e "$HOME/{other}" && exec $AGENT; sleep 0.02; done
exit 3
"""


def lane(name: str, *steps: str, report: str = "") -> str:
    """The call of a lane that does `steps` and has `report` in place of the honest answer."""
    done = ", ".join(f"{{ {step} }}" for step in steps)
    return f'stage = "audit"\nlane = "{name}"\nsteps = [{done}]\nreport = {{ {report} }}'


def found(title: str, *, blocking: bool = False, severity: str = "low") -> str:
    """One reported finding."""
    words = f'title = "{title}", severity = "{severity}", category = "correctness"'
    return f"{{ {words}, is_blocking = {str(blocking).lower()} }}"


def merged(place: Workplace, attempt: int = 1) -> tuple[Finding, ...]:
    data = attempt_of(place, attempt).findings(0).read_bytes()
    return msgspec.json.decode(data, type=tuple[Finding, ...])


def tasks(place: Workplace, attempt: int = 1) -> dict[str, dict[str, object]]:
    """What each lane was told."""
    folders = attempt_of(place, attempt).root.glob("agents/audit-*/task_specification.json")
    told = [json.loads(path.read_bytes()) for path in folders]
    return {task["lane"]: task for task in told}


def test_w28_both_lanes_read_the_same_packet_at_the_same_time(tmp_path: Path) -> None:
    agents = {
        reader: shell(MEETING.format(mine=name, other="b" if name == "a" else "a"))
        for name, reader in READERS.items()
    }
    place = trial(tmp_path, agents=agents)
    passed(place, place.verger(*RUN))
    told = tasks(place)
    (frozen,) = place.events(PacketFrozen)
    assert {task["packet_sha256"] for task in told.values()} == {frozen.packet}
    assert len({task["packet_dir"] for task in told.values()}) == 2
    assert {name: task["agent"] for name, task in told.items()} == READERS
    # Each read a copy of its own, which goes with the call; the packet stays.
    assert not any(Path(str(task["packet_dir"])).exists() for task in told.values())
    assert is_intact(attempt_of(place).packet(0), frozen.packet)


EDITS = {
    "a file": (
        'do = "chmod", path = "{packet_dir}/verification_report.json", mode = 0o600',
        'do = "write", path = "{packet_dir}/verification_report.json", text = "{}"',
    ),
    "a file more": ('do = "write", path = "{packet_dir}/note.txt", text = "it is fine"',),
    "a link": (
        'do = "delete", path = "{packet_dir}/candidate.patch"',
        'do = "symlink", path = "{packet_dir}/candidate.patch", target = "/dev/null"',
    ),
}


@pytest.mark.parametrize("edit", EDITS)
def test_w9_a_lane_that_edits_the_packet_is_named_and_nothing_passes(tmp_path: Path, edit: str) -> None:
    opened = 'do = "chmod", path = "{packet_dir}", mode = 0o700'
    place = trial(tmp_path, lane("a", opened, *EDITS[edit]), GOOD)
    stage = escalated(place, place.verger(*RUN))
    assert stage.why == "an audit is inconclusive"
    (detail,) = stage.details
    assert detail.startswith("lane a: tampered: changed its copy of the packet: '")


BAD_REPORTS = {
    "inconclusive": ('overall_verdict = "inconclusive"', "its verdict is inconclusive"),
    "blocked": ('overall_verdict = "blocked"', "its verdict is blocked"),
    "pass with a blocking finding": (
        f'overall_verdict = "pass", findings = [{found("wrong", blocking=True)}]',
        "malformed: overall_verdict is 'pass' but a finding is blocking",
    ),
    "issues found and none named": ('overall_verdict = "issues_found"', "malformed: overall_verdict is"),
    "of another packet": (
        f'packet_sha256 = "{"0" * 64}"',
        "malformed: the report answers another call: packet",
    ),
    "of the other lane": ('lane = "a"', "malformed: the report answers another call: lane"),
    "of another item": ('item_id = "02"', "malformed: the report answers another call: item_id"),
    "an unknown verdict": ('overall_verdict = "splendid"', "malformed: no valid verger.audit_report.v1"),
}


@pytest.mark.parametrize("report", BAD_REPORTS)
def test_w4_an_audit_that_is_no_clear_answer_never_passes(tmp_path: Path, report: str) -> None:
    lie, why = BAD_REPORTS[report]
    place = trial(tmp_path, lane("b", report=lie), GOOD)
    stage = escalated(place, place.verger(*RUN))
    assert stage.why == "an audit is inconclusive"
    (detail,) = stage.details
    assert detail.startswith(f"lane b: {why}")


def test_w8_a_lane_that_dies_is_named_and_the_other_ones_answer_is_kept(tmp_path: Path) -> None:
    place = trial(tmp_path, lane("a", 'do = "crash"'), GOOD)
    stage = escalated(place, place.verger(*RUN))
    assert stage.details == ("lane a: killed: ended by SIGKILL, without a report",)
    assert attempt_of(place).answer("audit-b", 0).exists()
    assert not attempt_of(place).answer("audit-a", 0).exists()


def test_swapping_the_lanes_changes_nothing_but_who_said_it(tmp_path: Path) -> None:
    said = (
        f"findings = [{found('shared')}, {found('only one saw it', severity='medium')}]",
        f"findings = [{found('the other saw this')}, {found('shared', severity='high')}]",
    )
    ends = []
    for root, order in ((tmp_path / "one", "ab"), (tmp_path / "two", "ba")):
        place = trial(
            root, *(lane(name, report=words) for name, words in zip(order, said, strict=True)), GOOD
        )
        passed(place, place.verger(*RUN))
        ends.append(merged(place))
    plain = [
        [(one.title, one.mark.severity, one.mark.finding_id, one.recommended_actions) for one in end]
        for end in ends
    ]
    assert plain[0] == plain[1]
    assert [one.title for one in ends[0]][:2] == ["shared", "only one saw it"]
    swapped = {"audit-a": "audit-b", "audit-b": "audit-a"}
    assert [{swapped[name] for name in one.mark.sources} for one in ends[0]] == [
        set(one.mark.sources) for one in ends[1]
    ]


def test_two_lanes_that_word_one_defect_differently_give_one_finding_with_two_sources(tmp_path: Path) -> None:
    def told(title: str, line: int, severity: str = "low") -> str:
        return f'{found(title, severity=severity)[:-1]}, file_paths = ["docs/01.md"], line = {line} }}'

    said = (f"{told('too short', 1)}, {told('too short', 2)}", told("says nothing", 1, "high"))
    lanes = (lane(name, report=f"findings = [{words}]") for name, words in zip("ab", said, strict=True))
    place = trial(tmp_path, *lanes, GOOD)
    passed(place, place.verger(*RUN))
    both, alone = merged(place)
    assert (both.title, both.also_said, both.line) == ("says nothing", ("too short",), 1)
    assert (both.mark.sources, both.mark.severity) == (("audit-a", "audit-b"), "high")
    assert (alone.mark.sources, alone.line) == (("audit-a",), 2)
    results = json.loads(attempt_of(place).sarif(0).read_bytes())["runs"][0]["results"]
    assert [one["properties"]["finding_id"] for one in results] == [
        both.mark.finding_id,
        alone.mark.finding_id,
    ]


def test_w10_a_second_attempt_is_judged_by_nothing_of_the_first(tmp_path: Path) -> None:
    blocking = f"findings = [{found('a flaw of attempt one', blocking=True, severity='high')}]"
    first = work("one") + '\nreport = { summary = "said in attempt one" }'
    place = trial(tmp_path, lane("a", report=blocking), first)
    stage = escalated(place, place.verger(*RUN))
    assert stage.why.endswith("the budget of rounds is used up")
    old = attempt_of(place).packet(0)
    replay(place, work("two"))
    passed(place, place.verger("resume"), text="two")
    packet = attempt_of(place, 2).packet(0)
    text = b"".join(path.read_bytes() for path in packet.rglob("*") if path.is_file())
    assert b"two" in text
    for word in (b"attempt one", b"+one", b"attempt-1"):
        assert word not in text
    manifest = msgspec.json.decode((packet / "manifest.json").read_bytes(), type=Manifest)
    assert (manifest.attempt, manifest.round, manifest.item_id) == (2, 0, "01")
    assert {path.name for path in packet.iterdir()} == {path.name for path in old.iterdir()}
    assert merged(place, 2) == ()
    assert all("/attempt-2/" in str(task["packet_dir"]) for task in tasks(place, 2).values())


def test_w4_a_round_that_mends_what_a_lane_found_is_audited_again(tmp_path: Path) -> None:
    blocking = f"findings = [{found('too short', blocking=True, severity='high')}]"
    place = trial(
        tmp_path,
        lane("a", report=blocking).replace('lane = "a"', 'lane = "a"\nround = 0'),
        GOOD,
        work("a longer note", "fix"),
        policy="max_fix_rounds = 1",
    )
    passed(place, place.verger(*RUN), text="a longer note")
    assert sorted(calls_of(place)) == sorted(
        [f"{round_}/{stage}/t1" for round_ in "01" for stage in ("audit-a", "audit-b")]
        + ["0/execute/t1", "1/fix/t1"]
    )
    packets = [event.packet for event in place.events(PacketFrozen)]
    assert len(set(packets)) == 2
    assert [event.packet_intact for event in place.events(AuditReturned)] == [True] * 4
    assert not isinstance(state_of(place).stage, Escalated)
