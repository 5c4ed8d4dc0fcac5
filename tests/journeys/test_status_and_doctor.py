"""What status says of a run: while it goes on, when it was cut short, when its files are damaged."""

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from tests.doubles.notes import PLAYBOOK, POLICY, WRITTEN, item, scenario
from tests.doubles.workplace import Workplace, assert_refused, workplace

HANGING = scenario('item = "01"\nsteps = [{ do = "say", text = "here" }, { do = "hang" }]')
DAMAGE = (b"", b"[" * 100_000)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """A repository with two runs: 01 passed in the first, 02 waits for a person in the second."""
    place = workplace(tmp_path_factory.mktemp("done"))
    assert place.verger("run", PLAYBOOK, "--item", "01").code == 0
    assert place.verger("run", PLAYBOOK, "--item", "02").code == 20
    return place


def runs(place: Workplace) -> list[dict[str, object]]:
    return place.verger("status", "--all", "--json").json


def test_status_says_where_a_run_stands(done: Workplace) -> None:
    text = done.verger("status").stdout
    for line in (
        "status       waiting (exit code 20)",
        "state        awaiting_human_gate",
        "passed       0 of 4",
    ):
        assert line in text.splitlines()
    view = done.verger("status", "--json").json
    assert (view["current_item_id"], view["held"], view["agent_calls"]) == ("02", False, 3)
    assert Path(view["run_state_path"]) == done.run().run_state


def test_a_run_is_found_by_its_id_by_a_unique_beginning_and_as_the_latest(done: Workplace) -> None:
    newest, oldest = (str(view["run_id"]) for view in runs(done))
    for text, expected in ((oldest, oldest), (newest[:-8], newest), ("latest", newest)):
        assert done.verger("status", text, "--json").json["run_id"] == expected
    assert_refused(done.verger("status", "RUN_"), 4, "begins 2 run ids")


def test_status_of_all_is_newest_first_and_answers_with_the_worst_code(done: Workplace) -> None:
    views = runs(done)
    assert [view["exit_code"] for view in views] == [20, 0]
    assert views == sorted(views, key=lambda view: view["updated_at_utc"], reverse=True)
    table = done.verger("status", "--all").stdout.splitlines()
    assert [row.split()[0] for row in table] == ["RUN", *(str(view["run_id"]) for view in views)]
    assert done.verger("status", "--all").code == 0
    assert done.verger("status", "--all", "--exit-code").code == 20
    assert done.verger("status", str(views[1]["run_id"]), "--exit-code").code == 0


def test_looking_changes_nothing(done: Workplace) -> None:
    before = done.everything()
    assert done.verger("status", "--all").code == done.verger("doctor", "latest").code == 0
    assert done.verger("list-items", PLAYBOOK).code == 0
    assert done.everything() == before


def test_of_no_runs_there_is_nothing_to_say(tmp_path: Path) -> None:
    place = workplace(tmp_path)
    ended = place.verger("status", "--all", "--exit-code")
    assert (ended.code, ended.stdout) == (0, "no runs\n")
    assert runs(place) == []


@pytest.fixture
def hanging(tmp_path: Path) -> Iterator[Workplace]:
    """A place whose worker never ends; what a killed kernel left running is gone afterwards."""
    place = workplace(tmp_path, rows=[item("01")], script=HANGING)
    yield place
    for process in psutil.process_iter():
        try:
            if process.environ().get("HOME") == str(place.home):
                process.kill()
        except psutil.Error:
            continue


def worker_speaks(place: Workplace) -> bool:
    logs = list(place.run().root.glob("items/01/*/agents/*/stdout.log")) if place.has_run() else []
    return any(log.read_bytes() for log in logs)


def test_w1_a_run_that_was_killed_is_called_interrupted_and_goes_on(hanging: Workplace) -> None:
    with hanging.begun("run", PLAYBOOK, "--next", until=lambda: worker_speaks(hanging)):
        view = hanging.verger("status", "--json").json
        assert (view["held"], view["status_level"], view["exit_code"]) == (True, "ok", 0)
        assert (view["current_state"], view["current_item_id"]) == ("execute", "01")
        assert "execute (a process holds the run)" in hanging.verger("status").stdout
        assert_refused(hanging.verger("resume"), 5, "is held by pid")
    ended = hanging.verger("status", "--exit-code", "--json")
    assert (ended.code, ended.json["status_level"], ended.json["held"]) == (75, "interrupted", False)
    assert ended.json["pending_action"] == f"verger resume {ended.json['run_id']}"
    assert hanging.verger("doctor", "latest").code == 0
    (hanging.repository / "scenario.toml").write_text(WRITTEN, encoding="utf-8")
    resumed = hanging.verger("resume", "--json")
    assert (resumed.code, resumed.json["passed"]) == (0, ["01"])
    assert "ended 1 process(es) that an earlier invocation left running" in resumed.stderr
    # A crash is no attempt: the item passed in its first one.
    assert (hanging.run().attempt("01", 1).root / "answers").is_dir()
    assert not hanging.run().attempt("01", 2).root.exists()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_w1_a_signal_ends_a_run_with_its_code_and_its_agents(
    hanging: Workplace, number: signal.Signals, code: int
) -> None:
    with hanging.begun("run", PLAYBOOK, "--next", until=lambda: worker_speaks(hanging)) as process:
        process.send_signal(number)
        assert process.wait(timeout=20) == code
    assert hanging.verger("status", "--exit-code").code == 75
    left = [one for one in psutil.process_iter() if _is_of(one, hanging)]
    assert left == []


def _is_of(process: psutil.Process, place: Workplace) -> bool:
    try:
        return process.environ().get("HOME") == str(place.home) and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def test_a_state_that_cannot_be_read_is_named_and_doctor_says_what_stands(tmp_path: Path) -> None:
    place = workplace(tmp_path, rows=[item("01")])
    assert place.verger("run", PLAYBOOK, "--next").code == 0
    good = place.run().run_state.read_bytes()
    for damage in DAMAGE:
        place.run().run_state.write_bytes(damage)
        ended = place.verger("status", "--exit-code", "--json")
        assert (ended.code, ended.json["status_level"]) == (4, "error")
        assert str(place.run().run_state) in ended.json["error"]
    # The journal has it all: the state is written again, byte for byte.
    assert "run_state.json could not be read" in place.verger("doctor", "latest").stdout
    assert place.verger("resume").code == 0
    again = json.loads(place.run().run_state.read_bytes())
    assert again["passed"] == json.loads(good)["passed"]


def test_next_says_which_idle_run_it_does_not_go_on_with(tmp_path: Path) -> None:
    place = workplace(tmp_path, rows=[item("01"), item("02")])
    assert "is idle" not in place.verger("run", PLAYBOOK, "--next").stderr
    idle = place.run().root.name
    ended = place.verger("run", PLAYBOOK, "--next")
    line = f"run {idle} of this playbook is idle, 1 of 2 items passed; to continue it instead: verger resume {idle}"
    assert (ended.code, ended.stderr.splitlines()[0]) == (0, line)
    assert place.run().root.name != idle


SHADOWS = {
    "json.py": "raise SystemExit('json of the folder')\n",
    "msgspec.py": "raise SystemExit('msgspec of the folder')\n",
    "verger_kernel.py": "raise SystemExit('kernel of the folder')\n",
    "verger_probes/__init__.py": "raise SystemExit('probes of the folder')\n",
    "sitecustomize.py": "raise SystemExit('site of the folder')\n",
    "run_state.schema.json": "{}",
    "verger.run_state.v1.json": "{}",
    "conftest.py": "raise SystemExit('conftest of the folder')\n",
}


def test_w24_what_lies_in_the_working_folder_has_no_effect(tmp_path: Path) -> None:
    place = workplace(tmp_path, rows=[item("01")], files=SHADOWS)
    assert place.verger("run", PLAYBOOK, "--next").code == 0
    assert place.verger("status").code == place.verger("doctor", "latest").code == 0
    # A permissive schema beside it makes no bogus state good.
    place.run().run_state.write_bytes(b'{"schema_version": "verger.run_state.v1"}')
    assert place.verger("status", "--exit-code").code == 4
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    assert place.verger("-C", "../repository", "status", cwd=elsewhere).code == 0


def test_a_policy_of_another_folder_has_no_effect(tmp_path: Path) -> None:
    place = workplace(tmp_path, rows=[item("01")])
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "verger.toml").write_text(POLICY.replace("scenario.toml", "nowhere.toml"), encoding="utf-8")
    ended = place.verger("-C", str(place.repository), "run", PLAYBOOK, "--next", cwd=elsewhere)
    assert ended.code == 0, ended
