"""The verification report of a round, as the kernel keeps it and as JUnit.

Not here: what a result means; see `rules/verification.py`.
"""

from typing import Literal
from xml.etree import ElementTree as xml

import msgspec

from verger_kernel.disk.layout import AttemptFolder
from verger_kernel.rules.verification import CommandResult, GroupReport, Verdict, group_result, verdict
from verger_probes.records import write_record


class VerificationReport(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the kernel observed in one round; `groups` in the order they ran."""

    schema_version: Literal["verger.verification_report.v1"] = "verger.verification_report.v1"
    run_id: str
    item_id: str
    attempt: int
    round: int
    overall_result: Verdict
    groups: tuple[GroupReport, ...]


def add_group(
    folder: AttemptFolder, *, run_id: str, item: str, attempt: int, round_: int, group: GroupReport
) -> bytes:
    """Writes the round's report with `group` in it, in place of an earlier try; answers with its bytes."""
    path = folder.verification(round_)
    before: tuple[GroupReport, ...] = ()
    if path.exists():
        before = msgspec.json.decode(path.read_bytes(), type=VerificationReport).groups
    groups = (*(one for one in before if one.group != group.group), group)
    report = VerificationReport(
        run_id=run_id,
        item_id=item,
        attempt=attempt,
        round=round_,
        overall_result=verdict(tuple(group_result(one) for one in groups)),
        groups=groups,
    )
    data = pretty(report)
    write_record(path, data, durable=True)
    write_record(folder.junit(round_), junit(report), durable=False)
    return data


def pretty(value: object) -> bytes:
    """Any of our records as people read it: two spaces, one newline at the end, equal for equal values."""
    return msgspec.json.format(msgspec.json.encode(value, order="deterministic"), indent=2) + b"\n"


def junit(report: VerificationReport) -> bytes:
    """The report as JUnit XML: a suite a group, a case a command and an artifact."""
    root = xml.Element("testsuites", name=f"{report.run_id} {report.item_id} round {report.round}")
    for group in report.groups:
        root.append(_suite(group))
    xml.indent(root)
    text: bytes = xml.tostring(root, encoding="utf-8", xml_declaration=True)
    return text + b"\n"


def _suite(group: GroupReport) -> xml.Element:
    suite = xml.Element("testsuite", name=group.group)
    for result in group.setup + group.commands:
        suite.append(_case(group, result))
    for artifact in group.artifacts:
        case = xml.SubElement(
            suite, "testcase", classname=f"{group.group}.artifact", name=_clean(artifact.path)
        )
        if not artifact.passed():
            xml.SubElement(case, "failure", message=artifact.status)
    suite.set("tests", str(len(suite)))
    suite.set("failures", str(len(suite.findall("testcase/failure"))))
    return suite


def _case(group: GroupReport, result: CommandResult) -> xml.Element:
    seconds = f"{result.runtime_ms / 1000:.3f}"
    case = xml.Element("testcase", classname=group.group, name=_clean(result.command), time=seconds)
    if result.status != "pass":
        failure = xml.SubElement(case, "failure", message=f"{result.status}, exit code {result.exit_code}")
        failure.text = _clean(result.tail)
    return case


def _clean(text: str) -> str:
    # XML 1.0 has no way to write most control characters, not even escaped.
    return "".join(char if char in "\t\n" or char.isprintable() else "�" for char in text)
