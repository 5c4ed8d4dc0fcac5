"""Where trials run: nothing above their tree is found, what setup made is shared and sealed, what they write is gone.

Not here: rooms and layers by themselves; see tests/kernel/process/test_rooms.py and tests/kernel/disk.
"""

import sys
from pathlib import Path

import pytest
from tests.doubles.notes import item
from tests.doubles.trials import GOOD, RUN, attempt_of, escalated, passed, shell, trial
from tests.doubles.workplace import Workplace, workplace

from verger_kernel.process.rooms import can_mount

COUNTED = 'setup = ["echo ran >> $HOME/setups && mkdir -p deps && echo made > deps/made"]\n'


def setups(place: Workplace) -> int:
    """How often setup ran."""
    return len((place.home / "setups").read_text().splitlines())


CANARIES = {
    "conftest.py": "raise SystemExit('found above')\n",
    "pytest.ini": "[pytest]\naddopts = --no-such-option\n",
    "node_modules/left/index.js": "module.exports = 1\n",
    "package.json": '{"type": "broken"}\n',
    "Cargo.toml": "[broken\n",
    "flag": "",
}
LOOKING = """\
set -e
for place in . .. ../.. ../../..; do
    for name in conftest.py pytest.ini node_modules package.json Cargo.toml flag; do
        if test "$place" != . && test -e "$place/$name"; then echo "found $place/$name"; exit 1; fi
    done
done
cd tests && $PYTHON -m pytest -q -p no:cacheprovider
if command -v node > /dev/null; then ! node -e 'require("left")' 2> /dev/null; fi
"""


@pytest.mark.skipif(not can_mount(), reason="this system mounts no rooms; there doctor and run refuse")
def test_what_lies_above_a_tree_is_not_found_from_inside(tmp_path: Path) -> None:
    place = trial(
        tmp_path,
        files={
            "check.sh": LOOKING.replace("$PYTHON", sys.executable),
            "tests/test_one.py": "def test_one():\n    pass\n",
        },
        required_verification_commands="`bash check.sh`",
    )
    above = (tmp_path, place.home, place.state, place.state / "verger")
    for folder in above:
        for name, text in CANARIES.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
    result = place.verger(*RUN)
    assert result.code == 0, attempt_of(place).logs(0).joinpath("green-required-01.log").read_text()
    passed(place, result)


def test_what_setup_made_serves_every_trial_and_the_next_item(tmp_path: Path) -> None:
    rows = tuple(item(name, required_verification_commands="`test -s deps/made`") for name in ("01", "02"))
    place = workplace(tmp_path, rows=rows, policy=_policy(COUNTED))
    assert place.verger("run", "playbook.md", "--items", "01,02").code == 0
    assert setups(place) == 1


def test_what_a_command_does_to_its_dependencies_no_other_trial_sees(tmp_path: Path) -> None:
    place = trial(
        tmp_path,
        GOOD,
        policy=COUNTED,
        required_verification_commands="`grep -q made deps/made && echo bad > deps/made && touch deps/more`",
        suggested="`grep -q made deps/made && test ! -e deps/more`",
    )
    passed(place, place.verger(*RUN))
    assert setups(place) == 1
    assert '"partial"' not in attempt_of(place).verification(0).read_text()


CHANGED = "exec $AGENT write docs/01.md 'a note' write docs/02.md 'a note' write docs/requirements.txt mine"


def test_what_a_changed_manifest_made_is_given_to_others_only_after_the_item_passed(tmp_path: Path) -> None:
    rows = (
        item("01", required_verification_commands="`false`"),
        item("02", required_verification_commands="`test -s deps/made`"),
    )
    place = workplace(tmp_path, rows=rows, policy=_policy(COUNTED, worker=shell(CHANGED)))
    assert place.verger("run", "playbook.md", "--item", "01").code == 22
    assert setups(place) == 1
    layers = place.run().layers
    assert not list((layers / "shared").glob("*"))
    assert place.verger("run", "playbook.md", "--item", "02").code == 0
    # The same manifests, and yet made again: of the first item nothing is trusted.
    assert setups(place) == 2
    assert len(list((layers / "shared").glob("*"))) == 1


def test_a_setup_that_changes_what_git_tracks_runs_in_every_trial(tmp_path: Path) -> None:
    place = trial(
        tmp_path,
        GOOD,
        policy='setup = ["echo ran >> $HOME/setups && echo content > large.bin"]',
        files={"large.bin": "pointer\n"},
        required_verification_commands="`grep -q content large.bin`",
        suggested="`grep -q content large.bin`",
    )
    passed(place, place.verger(*RUN))
    # Once to see that it does, then once a trial.
    assert setups(place) == 3


def test_an_item_may_mend_a_setup_that_fails_on_the_base(tmp_path: Path) -> None:
    mend = (
        "exec $AGENT write docs/01.md 'a note' write docs/setup.sh 'mkdir -p deps && echo mended > deps/made'"
    )
    place = trial(
        tmp_path,
        agents={"worker": shell(mend)},
        policy='setup = ["sh start.sh"]',
        files={"start.sh": "sh docs/setup.sh\n", "docs/setup.sh": "exit 1\n"},
        required_verification_commands="`grep -q mended deps/made`",
    )
    passed(place, place.verger(*RUN))


def test_setup_that_an_item_poisons_reaches_neither_the_base_nor_the_item_itself(tmp_path: Path) -> None:
    poison = "exec $AGENT write docs/01.md wrong write docs/setup.sh 'mkdir -p deps\necho poison > deps/made'"
    place = trial(
        tmp_path,
        agents={"worker": shell(poison)},
        policy='setup = ["sh docs/start.sh"]',
        files={
            "docs/start.sh": "sh docs/setup.sh\n",
            "docs/setup.sh": "mkdir -p deps && echo honest > deps/made\n",
            "check.sh": "grep -q poison deps/made || grep -q note docs/01.md\n",
        },
        required_verification_commands="`bash check.sh`",
    )
    escalated(place, place.verger(*RUN))


def _policy(more: str, worker: str = "") -> str:
    lanes = '[lanes]\nworker = "worker"\naudit_a = "reader-a"\naudit_b = "reader-b"\n\n[agents]\n'
    scripted = '{ kind = "scripted", scenario = "scenario.toml" }\n'
    agents = f"worker = {worker or scripted}\nreader-a = {scripted}reader-b = {scripted}"
    return f"max_fix_rounds = 0\nmax_remediation_rounds = 0\n{more}{lanes}{agents}"
