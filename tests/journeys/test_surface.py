"""The test surface of a result, read and exchanged by the real kernel: what a worker cannot hide, what nobody accuses.

Not here: which path is test surface, and what a change of it means (tests/kernel/rules/surface).
"""

import sys
from pathlib import Path

import msgspec
from tests.doubles.trials import RUN, attempt_of, escalated, shell, trial
from tests.doubles.workplace import Workplace

from verger_kernel.perform.reports import VerificationReport

SMOKE = f"test \"$({sys.executable} -P -c 'import adder; print(adder.add(1, 2))')\" = 3\n"
ADDER = "def add(a, b):\n    return abs(a) + abs(b)\n"
MENDED = "def add(a, b):\n    return a + b\n"
BROKEN = "def add(a, b):\n    return 4\n"
HERE = "PYTHONPATH=. "


def report_of(place: Workplace) -> VerificationReport:
    data = attempt_of(place).verification(0).read_bytes()
    return msgspec.json.decode(data, type=VerificationReport)


def adder(root: Path, script: str, *, command: str, files: dict[str, str], **cells: str) -> Workplace:
    """An item about the adder, whose worker does what `script` says."""
    cells = {"allowed_write_roots": "adder.py; qa; tests", "deliverable": "`./adder.py`"} | cells
    return trial(
        root,
        agents={"worker": shell(f"{script}\nexec $AGENT")},
        files={"adder.py": ADDER} | files,
        required_verification_commands=f"`{command}`",
        **cells,
    )


def writes(**files: str) -> str:
    """A script that writes files; in a name `__` stands for a slash, and each name gets the ending .py."""
    return "\n".join(f"printf %s '{text}' > {name.replace('__', '/')}.py" for name, text in files.items())


def test_a_script_that_a_command_names_is_the_bases_in_the_held_out_trial(tmp_path: Path) -> None:
    script = f"{writes(adder=BROKEN)}\necho exit 0 > qa/smoke.sh"
    place = adder(tmp_path, script, command=f"{HERE}bash qa/smoke.sh", files={"qa/smoke.sh": SMOKE})
    escalated(place, place.verger(*RUN))
    report = report_of(place)
    assert report.surface.report.command_files == ("qa/smoke.sh: changed",)
    assert [one.title for one in report.judgement.dismissible][:1] == [
        "tests of the base fail on the result: command 1"
    ]


def test_a_script_that_a_command_names_shows_red_where_the_item_extends_it(tmp_path: Path) -> None:
    more = SMOKE.replace("add(1, 2)", "add(-1, 4)")
    place = adder(
        tmp_path,
        f"{writes(adder=MENDED)}\ncat > qa/smoke.sh <<'END'\nset -e\n{SMOKE}{more}END",
        command=f"{HERE}bash qa/smoke.sh",
        files={"qa/smoke.sh": SMOKE},
        deliverable="`./adder.py`; `qa/smoke.sh`",
        requires_red_green="yes",
    )
    assert place.verger(*RUN).code == 0, report_of(place).judgement
    assert report_of(place).judgement.red_grade == "by_exit"


def test_a_source_that_is_too_large_to_be_read_passes_nothing(tmp_path: Path) -> None:
    script = f"{writes(adder=MENDED)}\nhead -c 1100000 /dev/zero | tr '\\0' '#' >> adder.py"
    place = adder(tmp_path, script, command=f"{HERE}bash qa/smoke.sh", files={"qa/smoke.sh": SMOKE})
    escalated(place, place.verger(*RUN))
    assert [one.title for one in report_of(place).surface.findings] == ["adder.py is too large to be read"]


def test_a_new_helper_of_a_test_that_is_approved_is_there_in_the_held_out_trial(tmp_path: Path) -> None:
    asks = "from adder import add\nassert add(1, 2) == 3\n"
    script = writes(
        adder=MENDED,
        tests__test_adder=f"from tests_help import THREE\n{asks.replace('3', 'THREE')}",
        tests__tests_help="THREE = 3\n",
        tests__test_other="# more\n",
    )
    place = adder(
        tmp_path,
        script,
        command=f"{HERE}{sys.executable} tests/test_adder.py",
        files={"tests/test_adder.py": asks, "tests/test_other.py": ""},
        deliverable="`./adder.py`; `tests/test_adder.py`",
    )
    assert place.verger(*RUN).code == 0, report_of(place).judgement
    held_out = [one for one in report_of(place).trials if one.purpose == "held-out"]
    listed = place.git("ls-tree", "-r", held_out[0].tree, "--", "tests")
    assert "tests/tests_help.py" in listed
