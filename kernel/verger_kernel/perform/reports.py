"""The verification report of a round, as the kernel keeps it and as JUnit.

Not here: what a result means; see `rules/verification.py`.
"""

from collections.abc import Iterable
from typing import Literal
from xml.etree import ElementTree as xml

import msgspec
from msgspec.structs import replace

from verger_kernel.disk.layout import AttemptFolder
from verger_kernel.disk.packets import digest_of
from verger_kernel.process import redaction
from verger_kernel.rules.findings import Finding
from verger_kernel.rules.surface.report import SurfaceReport
from verger_kernel.rules.trials import CommandResult, TrialMark, TrialReport, trial_name
from verger_kernel.rules.verification import Judgement, Need, Outcome, judge
from verger_probes.decoding import decoded
from verger_probes.records import write_record


class SurfaceRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a result did to the test surface. `approved` are the files whose change a person let the item make.

    `held_out` and `may_shrink` are what follows for the trials; see `rules/surface/mark.py`.
    """

    report: SurfaceReport
    approved: tuple[str, ...]
    held_out: bool
    may_shrink: bool
    findings: tuple[Finding, ...]


class VerificationReport(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the kernel observed in one round and what it proves; `trials` in the order they were made.

    `known` is what the base showed as the result of an earlier item, where that spared a trial.
    """

    schema_version: Literal["verger.verification_report.v1"] = "verger.verification_report.v1"
    run_id: str
    item_id: str
    attempt: int
    round: int
    overall_result: Outcome
    judgement: Judgement
    surface: SurfaceRecord
    known: TrialMark | None
    trials: tuple[TrialReport, ...]


class Round(msgspec.Struct, frozen=True, kw_only=True):
    """Which round a report is about, and what it must show."""

    run_id: str
    item: str
    attempt: int
    round: int
    need: Need
    surface: SurfaceRecord


def trials_of(folder: AttemptFolder, round_: int) -> tuple[TrialReport, ...]:
    """The trials that the round's report holds so far, in order; none where nobody can read it as one."""
    try:
        report = decoded(folder.verification(round_).read_bytes(), VerificationReport)
    except (FileNotFoundError, msgspec.DecodeError, UnicodeDecodeError):
        return ()
    return report.trials


def add_trial(folder: AttemptFolder, of: Round, trial: TrialReport, told: str) -> bytes | None:
    """Writes the round's report with `trial` in it, in place of an earlier try; answers with its bytes.

    None, and nothing is written, when the trials before are no longer what the report of digest `told` held.
    """
    this = (trial.group, trial.purpose, trial.nth)
    # What lies there before the first trial, somebody else wrote.
    known = trials_of(folder, of.round) if told else ()
    before = tuple(one for one in known if (one.group, one.purpose, one.nth) != this)
    if told and (not before or digest_of(_rendered(of, before)[0]) != told):
        return None
    data, report = _rendered(of, (*before, trial))
    write_record(folder.verification(of.round), data, durable=False)
    write_record(folder.junit(of.round), junit(report), durable=False)
    return data


def _rendered(of: Round, trials: tuple[TrialReport, ...]) -> tuple[bytes, VerificationReport]:
    judgement = judge(of.need, tuple(one.mark for one in trials))
    report = VerificationReport(
        run_id=of.run_id,
        item_id=of.item,
        attempt=of.attempt,
        round=of.round,
        overall_result=judgement.outcome,
        judgement=_with_tails(judgement, trials),
        surface=of.surface,
        known=of.need.known,
        trials=trials,
    )
    return pretty(report), report


def _with_tails(judgement: Judgement, trials: tuple[TrialReport, ...]) -> Judgement:
    """The same judgement; each finding about a command holds the end of its output as well."""
    results = [one for trial in reversed(trials) for one in (*trial.setup, *trial.commands)]
    tails = {
        (f"$ {one.command}", f"exit code {one.exit_code}"): one.tail
        for one in reversed(results)
        if one.status != "pass"
    }
    return replace(
        judgement, final=_tailed(judgement.final, tails), dismissible=_tailed(judgement.dismissible, tails)
    )


def _tailed(findings: Iterable[Finding], tails: dict[tuple[str, str], str]) -> tuple[Finding, ...]:
    return tuple(
        replace(one, evidence=one.evidence + tuple(tail for said, tail in tails.items() if _says(one, said)))
        for one in findings
    )


def _says(found: Finding, said: tuple[str, str]) -> bool:
    return set(said) <= set(found.evidence)


def pretty(value: object) -> bytes:
    """Any of our records as people read it: two spaces, one newline at the end, equal for equal values.

    Secrets that were passed do not stand in it.
    """
    data = msgspec.json.format(msgspec.json.encode(value, order="deterministic"), indent=2) + b"\n"
    return redaction.without_passed(data)


def junit(report: VerificationReport) -> bytes:
    """The report as JUnit XML: a suite a trial, a case a command and an artifact."""
    root = xml.Element("testsuites", name=f"{report.run_id} {report.item_id} round {report.round}")
    for trial in report.trials:
        root.append(_suite(trial))
    xml.indent(root)
    text: bytes = xml.tostring(root, encoding="utf-8", xml_declaration=True)
    return redaction.without_passed(text) + b"\n"


def _suite(trial: TrialReport) -> xml.Element:
    name = trial_name(trial.group, trial.purpose, trial.nth)
    suite = xml.Element("testsuite", name=name)
    for result in trial.setup + trial.commands:
        suite.append(_case(name, result))
    for artifact in trial.artifacts:
        case = xml.SubElement(suite, "testcase", classname=f"{name}.artifact", name=_clean(artifact.path))
        if not artifact.passed():
            xml.SubElement(case, "failure", message=artifact.status)
    suite.set("tests", str(len(suite)))
    suite.set("failures", str(len(suite.findall("testcase/failure"))))
    return suite


def _case(suite: str, result: CommandResult) -> xml.Element:
    seconds = f"{result.runtime_ms / 1000:.3f}"
    case = xml.Element("testcase", classname=suite, name=_clean(result.command), time=seconds)
    if result.status != "pass":
        failure = xml.SubElement(case, "failure", message=f"{result.status}, exit code {result.exit_code}")
        failure.text = _clean(result.tail)
    return case


def _clean(text: str) -> str:
    # XML 1.0 has no way to write most control characters, not even escaped.
    return "".join(char if char in "\t\n" or char.isprintable() else "�" for char in text)
