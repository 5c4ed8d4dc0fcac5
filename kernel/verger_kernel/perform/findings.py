"""The findings of a round, read back from what the kernel kept: verification report and both lanes' answers.

Not here: merging and judging; see `rules/findings.py` and `rules/triage.py`.
"""

import msgspec

from verger_kernel.disk.layout import AttemptFolder
from verger_kernel.perform.reports import VerificationReport
from verger_kernel.rules.findings import Finding, from_audit, merge
from verger_kernel.rules.packs import LANES, AuditReport, WorkerReport


def findings_of(attempt: AttemptFolder, round_: int) -> tuple[Finding, ...]:
    """Everything found in a round, merged; empty before anything was found."""
    found: list[Finding] = []
    if attempt.verification(round_).exists():
        report = msgspec.json.decode(attempt.verification(round_).read_bytes(), type=VerificationReport)
        found += (*report.judgement.final, *report.judgement.dismissible, *report.surface.findings)
    for lane in LANES:
        answer = attempt.answer(f"audit-{lane}", round_)
        if answer.exists():
            found += from_audit(msgspec.json.decode(answer.read_bytes(), type=AuditReport))
    return merge(found)


def unresolved_of(attempt: AttemptFolder, round_: int) -> tuple[str, ...]:
    """What the worker of a round said it left unresolved."""
    answer = attempt.answer("worker", round_)
    if not answer.exists():
        return ()
    return msgspec.json.decode(answer.read_bytes(), type=WorkerReport).unresolved_items
