"""JUnit reports: XML files as pytest and most other tools write them.

Not here: which files of a report folder count; see `runners/__init__.py`.
"""

from xml.parsers import expat

from verger_kernel.rules.cases import Case, Grade
from verger_kernel.rules.runners.text import GROUP_MAX

Attributes = dict[str, str]
_NOT_RUN = frozenset({"notrun", "disabled", "skipped", "ignored"})


class Refused(Exception):
    """Why an XML text is no report."""


def read_junit(data: bytes) -> tuple[list[Case], list[str]] | None:
    """The cases of one file, in its order, and what could not be collected; None when it is no JUnit report.

    A document type is refused: reports need none, and entities can grow without end. A case is named
    `class::name`. pytest reports a module that it could not collect as a case with the error "collection failure".
    """
    reading = _Reading()
    parser = expat.ParserCreate()
    parser.StartElementHandler = reading.start
    parser.EndElementHandler = reading.end
    parser.StartDoctypeDeclHandler = reading.refuse
    try:
        parser.Parse(data, True)
    except (expat.ExpatError, Refused, ValueError, LookupError):
        return None
    return reading.cases, reading.broken


class _Reading:
    """The state of one reading: which case is open, and what its children have said of it."""

    def __init__(self) -> None:
        self.cases: list[Case] = []
        self.broken: list[str] = []
        self._depth = 0
        self._case_depth = 0
        self._suites: list[tuple[int, str]] = []
        self._name = ""
        self._grade: Grade = "passed"
        self._uncollected = False

    def refuse(self, *_: object) -> None:
        raise Refused("a report has no document type")

    def start(self, tag: str, attributes: Attributes) -> None:
        if not self._depth and tag not in ("testsuites", "testsuite"):
            raise Refused(f"{tag} is not the root of a report")
        self._depth += 1
        if tag == "testsuite":
            self._suites.append((self._depth, attributes.get("name", "")))
        elif tag == "testcase" and not self._case_depth:
            self._open(attributes)
        elif self._depth == self._case_depth + 1 and self._case_depth:
            self._judge(tag, attributes)

    def end(self, tag: str) -> None:
        if self._suites and self._suites[-1][0] == self._depth:
            self._suites.pop()
        if self._depth == self._case_depth:
            self._close()
        self._depth -= 1

    def _open(self, attributes: Attributes) -> None:
        self._case_depth = self._depth
        group = attributes.get("classname", self._suites[-1][1] if self._suites else "")
        name = attributes.get("name", "")
        self._name = f"{group[:GROUP_MAX]}::{name}" if group else name
        self._grade = "skipped" if attributes.get("status", "").lower() in _NOT_RUN else "passed"
        self._uncollected = False

    def _judge(self, tag: str, attributes: Attributes) -> None:
        if tag == "skipped":
            self._grade = "skipped"
        elif tag in ("failure", "error"):
            # A case marked as one to do may fail and counts as skipped.
            self._grade = "skipped" if self._grade == "skipped" else "failed"
            self._uncollected |= tag == "error" and attributes.get("message") == "collection failure"

    def _close(self) -> None:
        self._case_depth = 0
        if self._uncollected:
            self.broken.append(self._name)
        else:
            self.cases.append((self._name, self._grade))
