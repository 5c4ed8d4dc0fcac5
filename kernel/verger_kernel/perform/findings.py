"""The findings of a round, read back from what the kernel kept: verification report and both lanes' answers.

Not here: merging and judging; see `rules/findings.py` and `rules/triage.py`.
"""

from verger_kernel.disk.layout import AttemptFolder
from verger_kernel.perform.reports import VerificationReport
from verger_kernel.rules.findings import Finding, from_audit, merge
from verger_kernel.rules.packs import LANES, AuditReport, WorkerReport
from verger_probes.decoding import decoded


def findings_of(attempt: AttemptFolder, round_: int) -> tuple[Finding, ...]:
    """Everything found in a round, merged; empty before anything was found."""
    found: list[Finding] = []
    if attempt.verification(round_).exists():
        report = decoded(attempt.verification(round_).read_bytes(), VerificationReport)
        found += (*report.judgement.final, *report.judgement.dismissible, *report.surface.findings)
    for lane in LANES:
        answer = attempt.answer(f"audit-{lane}", round_)
        if answer.exists():
            found += from_audit(decoded(answer.read_bytes(), AuditReport))
    return merge(found)


def unresolved_of(attempt: AttemptFolder, round_: int) -> tuple[str, ...]:
    """What the worker of a round said it left unresolved."""
    answer = attempt.answer("worker", round_)
    if not answer.exists():
        return ()
    return decoded(answer.read_bytes(), WorkerReport).unresolved_items
