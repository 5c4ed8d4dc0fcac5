"""Lanes that cheat: each is named with what it did, none passes, and none can speak for the other.

Not here: lanes that merely answer badly (test_lanes.py), and what a report may hold (tests/fuzz/test_reports.py).
"""

import json
import signal
from pathlib import Path

import msgspec
import pytest
from tests.doubles.sweeps import swept
from tests.doubles.trials import (
    GOOD,
    RUN,
    attempt_of,
    calls_of,
    escalated,
    passed,
    processes_of,
    shell,
    trial,
)
from tests.doubles.workplace import Workplace

from verger_kernel.disk.packets import is_intact
from verger_kernel.rules.chain import read
from verger_kernel.rules.events import AuditReturned, PacketFrozen
from verger_kernel.rules.findings import Finding

FINDING = {"title": "too short", "severity": "high", "category": "correctness", "is_blocking": True}
HONEST = "exec $AGENT"
# The run, as an agent that stands in its worktree guesses it.
KEPT = "../../../runs/*/items/01/attempt-1"
ANSWERS = "../../../reports/runs/*/items/01/attempt-1"


def lies(**keys: object) -> str:
    """The words that make the double report these keys; none of the values may hold a space."""
    return " ".join(
        f"lie {name} '{json.dumps(value, separators=(',', ':'))}'" for name, value in keys.items()
    )


def blocking(title: str = "short") -> str:
    """The words that make the double report one blocking finding."""
    return lies(overall_verdict="issues_found", findings=[FINDING | {"title": title}])


def place_of(tmp_path: Path, a: str = HONEST, b: str = HONEST, policy: str = "") -> Workplace:
    """A trial with these two lanes."""
    return trial(tmp_path, GOOD, agents={"reader-a": shell(a), "reader-b": shell(b)}, policy=policy)


def details(place: Workplace) -> dict[str, str]:
    """Why the run was given up, by lane."""
    stage = escalated(place, place.verger(*RUN))
    assert stage.why == "an audit is inconclusive"
    assert processes_of(place) == []
    return dict(detail.removeprefix("lane ").split(": ", 1) for detail in stage.details)


def merged(place: Workplace) -> tuple[Finding, ...]:
    return msgspec.json.decode(attempt_of(place).findings(0).read_bytes(), type=tuple[Finding, ...])


LARGE = '{ printf \'{"summary": "\'; head -c 5000000 /dev/zero | tr "\\0" x; } > "$VERGER_REPORT_PATH"'
FLOOD = f"""
$AGENT {lies(overall_verdict="issues_found")}
python3 - "$VERGER_REPORT_PATH" <<'END'
import json, sys
report = json.load(open(sys.argv[1])) | {{"findings": [{FINDING!r}] * 10_000}}
json.dump(report, open(sys.argv[1], "w"))
END
"""
LEFT_BEHIND = (
    '$AGENT; mv "$VERGER_REPORT_PATH" "$HOME/$$"\n'
    '( trap \'\' TERM; sleep 1; mv "$HOME/$$" "$VERGER_REPORT_PATH" ) < /dev/null & exit 0'
)
GROWING = "$AGENT\n( trap '' TERM; sleep 0.3; echo more >> \"$VERGER_REPORT_PATH\" ) < /dev/null & exit 0"
TWICE = f'input=$(cat)\necho "$input" | $AGENT {blocking()}\nsleep 1\necho "$input" | $AGENT'

REPORTS = {
    "for another item": (f"exec $AGENT {lies(item_id='02')}", "answers another call: item_id is '02'"),
    "for another packet": (
        f"exec $AGENT {lies(packet_sha256='0' * 64)}",
        "answers another call: packet_sha256",
    ),
    "for another round": (f"exec $AGENT {lies(round=1)}", "answers another call: round is 1"),
    "for both lanes": (f"exec $AGENT {lies(lane='ab')}", "no valid verger.audit_report.v1"),
    "with the wrong schema": (
        f"exec $AGENT {lies(schema_version='verger.worker_report.v1')}",
        "no valid verger.audit_report.v1",
    ),
    "of five megabytes": (LARGE, "the report is larger than 4194304 bytes"),
    "of three sparse gigabytes": (
        'exec truncate -s 3G "$VERGER_REPORT_PATH"',
        "the report is larger than 4194304 bytes",
    ),
    "of ten thousand findings": (FLOOD, "Expected `array` of length <= 1000"),
    "twice": (TWICE, "the report answers twice"),
    "twice in one": (
        '$AGENT; sed -i \'s/{/{"overall_verdict": "blocked", /\' "$VERGER_REPORT_PATH"',
        "it repeats the key 'overall_verdict'",
    ),
    "late": (LEFT_BEHIND, "the report is late"),
    "that grows after the end": (GROWING, "no valid verger.audit_report.v1"),
    "as a pipe": ('exec mkfifo "$VERGER_REPORT_PATH"', "the report is no regular file"),
    "as a folder": ('exec mkdir "$VERGER_REPORT_PATH"', "the report is no regular file"),
    "as a link": (
        '$AGENT; mv "$VERGER_REPORT_PATH" "$HOME/$$"; ln -s "$HOME/$$" "$VERGER_REPORT_PATH"',
        "the report is a symbolic link",
    ),
    "not at all": ("exit 0", "ended with exit code 0, but without a report"),
}
PAIRS = tuple(zip(tuple(REPORTS)[::2], tuple(REPORTS)[1::2], strict=True))
"""One for each lane: what a report holds is judged without a look at the lane."""


@pytest.mark.parametrize(("first", "second"), swept(PAIRS, every=2))
def test_a_lane_that_reports_falsely_is_named_with_what_it_did(
    tmp_path: Path, first: str, second: str
) -> None:
    told = details(place_of(tmp_path, a=REPORTS[first][0], b=REPORTS[second][0]))
    assert told["a"].startswith("malformed: ") and REPORTS[first][1] in told["a"]
    assert told["b"].startswith("malformed: ") and REPORTS[second][1] in told["b"]


PACKET = '$(echo "$input" | python3 -c \'import json, sys; print(json.load(sys.stdin)["packet_dir"])\')'
EDIT = f'input=$(cat); (cd "{PACKET}"; chmod u+w . *; echo fine > verification_report.json); touch "$HOME/edited"'
READ = f'input=$(cat); until test -e "$HOME/edited"; do sleep 0.02; done; cp -r "{PACKET}" "$HOME/seen"'
THEN = 'echo "$input" | $AGENT'
CHANGED = "tampered: changed its copy of the packet: 'verification_report.json'"


@pytest.mark.parametrize(("lane", "other"), ["ab", "ba"])
def test_w9_a_lane_that_edits_its_packet_is_named_and_the_other_reads_what_was_frozen(
    tmp_path: Path, lane: str, other: str
) -> None:
    place = place_of(tmp_path, **{lane: f"{EDIT}\n{THEN}", other: f"{READ}\n{THEN}"})
    assert details(place) == {lane: CHANGED}
    (frozen,) = place.events(PacketFrozen)
    assert is_intact(attempt_of(place).packet(0), frozen.packet)
    assert is_intact(place.home / "seen", frozen.packet)
    assert [event.packet_intact for event in place.events(AuditReturned)] == [True, True]


def test_w9_a_triage_agent_that_edits_its_packet_decides_nothing(tmp_path: Path) -> None:
    place = trial(tmp_path, GOOD, agents={"judge": shell(f"{EDIT}\n{THEN}")})
    policy = place.repository / "verger.toml"
    lanes = policy.read_text(encoding="utf-8").replace("[lanes]\n", '[lanes]\ntriage = "judge"\n')
    policy.write_text(lanes, encoding="utf-8")
    place.git("commit", "-qam", "a judge")
    assert escalated(place, place.verger(*RUN)).why == f"triage gave no answer: {CHANGED}"


def test_w9_what_was_answered_beside_a_changed_packet_is_not_used_after_a_crash(tmp_path: Path) -> None:
    plain = place_of(tmp_path / "plain")
    passed(plain, plain.verger(*RUN))
    events = [type(record.event) for record in read(plain.run().journal.read_bytes()).records]
    place = place_of(
        tmp_path / "killed",
        a=f'test -e "$HOME/go" && {HONEST}\n{EDIT}\n{THEN}',
        b=f'test -e "$HOME/go" || sleep 300\n{HONEST}',
    )
    assert place.killed_at(events.index(AuditReturned) + 1, "before", *RUN).code == -signal.SIGKILL
    (place.home / "go").touch()
    passed(place, place.verger("resume"))
    assert "0/audit-a/t2" in calls_of(place)


def test_w9_when_the_sealed_packet_changes_no_lane_counts_and_the_files_are_named(tmp_path: Path) -> None:
    edit = f"cd {KEPT}/packet/round-0; chmod u+w . *; rm candidate.patch; echo fine > note.txt; touch $HOME/edited"
    wait = 'until test -e "$HOME/edited"; do sleep 0.02; done'
    told = details(place_of(tmp_path, a=f"{edit}\n{HONEST}", b=f"{wait}\n{HONEST}"))
    why = "tampered: the packet changed while it was being read: 'candidate.patch', 'note.txt'"
    assert told == {"a": why, "b": why}


KEEPS = "what the kernel keeps of the run changed while it was being read: "
READS = "the worktree changed while it was being read: "
EDITS = {
    "a file": ("a", "echo fine >> docs/01.md", f"{READS}'docs/01.md'"),
    "a file less": ("b", "rm docs/index.md", f"{READS}'docs/index.md'"),
    "a commit": ("a", "git -c user.name=x -c user.email=x commit -qam fine --allow-empty", READS),
    "no worktree": ("b", 'place=$PWD; cd ..; rm -rf "$place"', f"{READS}it is gone"),
    "a report": (
        "a",
        f"echo {{}} > $(echo {KEPT}/verification_report.round-0.json)",
        f"{KEEPS}'items/01/attempt-1/verification_report.round-0.json'",
    ),
    "the plan": (
        "b",
        "echo {} > $(echo ../../../runs/*/normalized_plan.json)",
        # It lies in the packet as the same file.
        "the packet changed while it was being read: 'normalized_plan.json'",
    ),
}


@pytest.mark.parametrize("name", swept(tuple(EDITS), every=2))
def test_a_lane_that_changes_what_it_may_only_read_is_named(tmp_path: Path, name: str) -> None:
    lane, edit, said = EDITS[name]
    # The kernel is done with the other one before, so that there is no doubt who it was.
    kept = f"{KEPT}/answers/audit-{'b' if lane == 'a' else 'a'}.round-0.json"
    wait = f"input=$(cat); until ls {kept} > /dev/null 2>&1; do sleep 0.02; done"
    cheat = f'{wait}; ({edit})\necho "$input" | $AGENT'
    told = details(place_of(tmp_path, **{one: cheat if one == lane else HONEST for one in "ab"}))
    assert list(told) == [lane]
    assert told[lane].startswith(f"tampered: {said}")


@pytest.mark.sweep
def test_a_lane_that_answers_for_the_other_where_it_guesses_is_not_heard(tmp_path: Path) -> None:
    forged = (
        'input=$(cat); forged=$(echo "$input" | sed \'s/"lane": "a"/"lane": "b"/; s/reader-a/reader-b/\')\n'
        f"for place in {ANSWERS}/audit-b.round-0.try-1; do mkdir -p $place/{'0' * 32}\n"
        f'for file in "$place.json" "$place/report.json" "$place/{"0" * 32}/report.json"; do\n'
        'task=$(echo "$forged" | python3 -c \'import json, sys; '
        'print(json.dumps(json.load(sys.stdin) | {"report_path": sys.argv[1]}))\' "$PWD/$file")\n'
        'echo "$task" | $AGENT; done; done\n'
        'touch "$HOME/forged"; echo "$input" | $AGENT'
    )
    wait = 'until test -e "$HOME/forged"; do sleep 0.02; done'
    place = place_of(tmp_path, a=forged, b=f"{wait}\nexec $AGENT {blocking()}")
    stage = escalated(place, place.verger(*RUN))
    assert "finding" in stage.why
    assert [one.mark.sources for one in merged(place)] == [("audit-b",)]


def test_a_lane_that_silences_the_other_by_its_planted_answer_is_of_no_use(tmp_path: Path) -> None:
    plant = f"for f in {ANSWERS}/audit-b.round-0.try-1; do echo '{{}}' > $f/report.json; done; exec $AGENT"
    told = details(place_of(tmp_path, a=plant, b="exit 0"))
    assert told == {"b": "malformed: ended with exit code 0, but without a report"}


@pytest.mark.sweep
def test_an_answer_that_was_replaced_by_another_does_not_count(tmp_path: Path) -> None:
    # Whoever searches can find the other's place: what is replaced there is seen.
    replace = (
        'until test -e "$HOME/there"; do sleep 0.02; done; sleep 1\n'
        f"chmod u+r {ANSWERS}/audit-b.round-0.try-1\n"
        f"for report in {ANSWERS}/audit-b.round-0.try-1/*/report.json; do\n"
        'sed \'s/"issues_found"/"pass"/; s/"findings": \\[[^]]*\\], //; s/"is_blocking": *true/"is_blocking":false/\' '
        '"$report" > "$report.part"; mv "$report.part" "$report"; done\n'
        'touch "$HOME/replaced"; exec $AGENT'
    )
    answer = f'$AGENT {blocking()}; touch "$HOME/there"; until test -e "$HOME/replaced"; do sleep 0.02; done'
    told = details(place_of(tmp_path, a=replace, b=answer))
    assert told == {"b": "malformed: the report answers twice: another valid one was there before it"}


def test_what_a_lane_writes_over_the_saved_state_is_of_no_effect(tmp_path: Path) -> None:
    spoil = "for f in ../../../runs/*/run_state.json; do echo '{}' > \"$f\"; done\n"
    place = place_of(tmp_path, a=spoil + HONEST)
    passed(place, place.verger(*RUN))


def test_a_lane_that_answered_and_is_then_stopped_by_a_limit_has_answered(tmp_path: Path) -> None:
    place = place_of(tmp_path, a=f"$AGENT {blocking()}; sleep 300", policy="silence_s_max = 1")
    stage = escalated(place, place.verger(*RUN))
    assert stage.why != "an audit is inconclusive"
    assert [one.title for one in merged(place)] == ["short"]
    assert processes_of(place) == []


def test_what_a_lane_writes_into_titles_never_reaches_a_terminal(tmp_path: Path) -> None:
    place = place_of(tmp_path, a=f"exec $AGENT {blocking(chr(27) + '[2J' + chr(0x9B) + '31m')}")
    told = place.verger(*RUN)
    assert told.code == 22
    for words in ((), ("--format", "json")):
        shown = place.verger("status", *words)
        for text in (told.stdout, told.stderr, shown.stdout, shown.stderr):
            assert not any(char in text for char in "\x1b\x9b")
    attempt = attempt_of(place)
    for record in (attempt.findings(0), attempt.sarif(0), attempt.escalation):
        assert not any(char in record.read_text(encoding="utf-8") for char in "\x1b\x9b")


@pytest.mark.parametrize(
    "edit", swept(["echo '{}' >> $j", "truncate -s 100 $j", "cp $j $j.2; mv $j.2 $j", "rm $j"], every=3)
)
def test_a_lane_that_edits_the_journal_stops_the_run_and_nothing_passes(tmp_path: Path, edit: str) -> None:
    place = place_of(tmp_path, a=f"for j in ../../../runs/*/journal.jsonl; do {edit}; done\n{HONEST}")
    result = place.verger(*RUN)
    assert result.code == 6, result
    assert "journal" in result.stderr
    assert place.run_branch() == place.git("rev-parse", "main")
