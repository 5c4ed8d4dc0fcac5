"""What node's own test runner prints for people, its `spec` form.

Not here: its TAP form; see `tap.py`. NODE_OPTIONS is left alone: with a reporter in it, `node --test-reporter=dot`
ends with an error.
"""

from verger_kernel.rules.cases import Case, CaseReport, Grade
from verger_kernel.rules.pattern import lazy
from verger_kernel.rules.runners.tap import node_numbers, node_report
from verger_kernel.rules.runners.text import Levels, indent_of

_SPOKEN = lazy(r"([✔✖﹣⚠]) (.+) \(\d[\d.]{0,20}ms\)( # .*)?")
_GRADES: dict[str, Grade] = {"✔": "passed", "✖": "failed", "﹣": "skipped", "⚠": "skipped"}
_MARK = "ℹ "


def read_spec(lines: list[str]) -> CaseReport | None:
    """What node's runner counted last, with the names printed before that; None without its numbers.

    What holds other tests is named by none of them: the text does not tell a suite, which node does not
    count, from a test.
    """
    end, numbers = node_numbers(lines, _MARK)
    if not numbers:
        return None
    return node_report(_cases(lines[:end]), numbers, [])


def _cases(lines: list[str]) -> list[Case]:
    cases: list[Case] = []
    levels = Levels(" > ")
    for line in lines:
        depth, text = indent_of(line), line.lstrip(" ")
        if text.startswith("▶ "):
            levels.enter(depth, text[2:])
        elif spoken := _SPOKEN.fullmatch(text):
            holds_others = levels.is_open(depth, spoken[2])
            name = levels.name(depth, spoken[2])
            if not holds_others:
                cases.append((name, "skipped" if spoken[3] else _GRADES[spoken[1]]))
    return cases
