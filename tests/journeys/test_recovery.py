"""A run at rest that the daemon goes on with by itself: how often, after what, and never over a person's head.

Not here: parks (test_waking.py) and the rule alone (tests/daemon/rules/test_recovery.py).
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.doubles.daemons import Seat, seated
from tests.doubles.notes import POLICY, evidenced, gated, item
from tests.doubles.workplace import wait_until

from verger_probes.identity import start_ticks

RECOVERS = {"VERGERD_RECOVER": "true"}


@pytest.fixture
def seat(tmp_path: Path) -> Iterator[Seat]:
    """A daemon that recovers, and a run that waits."""
    with seated(tmp_path) as made:
        made.start(**RECOVERS)
        yield made


def acts(seat: Seat) -> list[str]:
    """What the daemon did, in order."""
    names = sorted((seat.supervision() / "interventions").glob("*.json"))
    return [json.loads(path.read_bytes())["action_kind"] for path in names]


def died(seat: Seat) -> None:
    """The kernel is killed where it stands."""
    pid = seat.kernel()
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: seat.status()["supervision"]["pid"] != pid)


def next_kernel(seat: Seat, acted: int) -> None:
    """Waits until another kernel has begun the same command again, and so many acts are on record."""
    wait_until(lambda: len(acts(seat)) >= acted and seat.status()["claim"] == "live_attached")


def test_a_kernel_that_dies_is_followed_by_another_and_who_stays_sees_the_end(seat: Seat) -> None:
    words = (sys.executable, "-P", "-m", "verger_client", "supervise", "run", "playbook.md", "--item", "01")
    with subprocess.Popen(
        words, cwd=seat.place.repository, env=seat.environment(), stdout=-1, stderr=-1, text=True
    ) as staying:
        wait_until(seat.release.with_name("release.waited_for").exists)
        seat.until("live_attached")
        died(seat)
        seat.release.touch()
        out, said = staying.communicate(timeout=60)
    assert staying.returncode == 0, said
    assert "the daemon goes on with it: its kernel died" in said
    assert "passed      01" in out
    # What its agents left was ended with it, or is found a moment later.
    done = [kind for kind in acts(seat) if kind != "sweep_survivors"]
    assert done == ["attach_kernel", "resume_after_crash", "attach_kernel"]
    assert seat.place.verger("status", "--format", "json").json["agent_calls"] == 3


@pytest.mark.sweep
def test_what_dies_again_and_again_is_left_to_a_person(tmp_path: Path) -> None:
    with seated(tmp_path) as seat:
        seat.start(**RECOVERS, VERGERD_RECOVERIES_MAX="1")
        seat.at_work()
        died(seat)
        next_kernel(seat, 3)
        wait_until(
            lambda: (
                seat.status()["supervision"]["stage"] and seat.status()["kernel"]["current_state"] == "verify"
            )
        )
        died(seat)
        wait_until(lambda: "a person is needed" in seat.status()["supervision"]["next"])
        assert acts(seat).count("resume_after_crash") == 1
        # A daemon that begins anew has not forgotten.
        seat.kill()
        seat.start(**RECOVERS, VERGERD_RECOVERIES_MAX="1")
        wait_until(lambda: "a person is needed" in seat.status()["supervision"]["next"])
        assert acts(seat).count("resume_after_crash") == 1


@pytest.mark.sweep
def test_who_stopped_a_run_finds_it_stopped_whatever_comes(seat: Seat) -> None:
    seat.at_work()
    assert seat.verger("supervise", "stop").returncode == 0
    seat.kill()
    seat.start(**RECOVERS)
    wait_until(lambda: seat.status()["supervision"]["next"] == "it was stopped")
    assert acts(seat).count("attach_kernel") == 1
    seat.release.touch()
    assert seat.verger("supervise", "resume").returncode == 0


@pytest.mark.sweep
def test_a_machine_that_went_down_begins_nothing_by_itself(seat: Seat) -> None:
    seat.at_work()
    kernel = seat.kernel()
    seat.kill()
    os.kill(kernel, signal.SIGKILL)
    (record,) = (seat.daemon_home / "runs").glob("*.json")
    known = json.loads(record.read_bytes())
    known["identity"]["boot_id"] = "the boot before"
    record.write_text(json.dumps(known))
    seat.start(**RECOVERS)
    wait_until(lambda: "nothing begins again by itself" in seat.status()["supervision"]["next"])
    assert acts(seat).count("attach_kernel") == 1
    seat.kill()
    seat.start(**RECOVERS, VERGERD_RESUME_AFTER_REBOOT="true")
    wait_until(lambda: "resume_after_reboot" in acts(seat))
    seat.release.touch()
    wait_until(lambda: seat.status()["claim"] == "terminal_observed")


@pytest.mark.sweep
def test_a_decision_that_a_person_records_is_followed_by_the_next_item(tmp_path: Path) -> None:
    rows = (gated("01"), item("02", prerequisites="01"))
    with seated(tmp_path, rows=rows) as seat:
        seat.start(**RECOVERS)
        seat.begin("playbook.md", "--next", "--auto-advance")
        seat.until("waiting_state_observed")
        decide = ("mark-manual-gate", "latest", "--item", "01", "--decision", "approved", "--by", "Ada")
        assert seat.place.verger(*decide, "--note", "read").code == 0
        seat.until("terminal_observed")
        assert seat.status()["kernel"]["passed"] == 2
        assert acts(seat) == ["attach_kernel", "resume_after_gate", "attach_kernel"]


@pytest.mark.sweep
def test_a_rejected_gate_is_left_to_a_person(tmp_path: Path) -> None:
    with seated(tmp_path, rows=(gated("01"), item("02"))) as seat:
        seat.start(**RECOVERS)
        seat.begin("playbook.md", "--next", "--auto-advance")
        seat.until("waiting_state_observed")
        decide = ("mark-manual-gate", "latest", "--item", "01", "--decision", "rejected", "--by", "Ada")
        assert seat.place.verger(*decide, "--note", "no").code in (0, 22)
        wait_until(lambda: seat.status()["supervision"]["next"] == "a person must take over")
        assert acts(seat) == ["attach_kernel"]


@pytest.mark.sweep
def test_evidence_that_is_put_into_the_inbox_is_taken(tmp_path: Path) -> None:
    with seated(tmp_path, rows=(evidenced("03"),)) as seat:
        seat.start(**RECOVERS)
        seat.begin("playbook.md", "--next")
        seat.until("waiting_state_observed")
        inbox = seat.place.run().root / "inbox"
        wait_until(inbox.is_dir)
        seat.place.evidence().rename(inbox / "03")
        seat.until("terminal_observed")
        assert seat.status()["kernel"]["passed"] == 1
        assert acts(seat) == ["attach_kernel", "resume_with_evidence", "attach_kernel"]


@pytest.mark.parametrize(
    ("setting", "most", "limit"),
    [("MEMORY_MB", "25", "memory"), pytest.param("PROCESSES", "1", "processes", marks=pytest.mark.sweep)],
)
def test_what_a_kernel_holds_is_looked_at_and_told(
    tmp_path: Path, setting: str, most: str, limit: str
) -> None:
    with seated(tmp_path) as seat:
        seat.start(VERGERD_RECOVER="false", **{f"VERGERD_RUN_{setting}_MAX": most})
        seat.at_work()
        wait_until(lambda: "end_kernel" in acts(seat))
        (record,) = (seat.supervision() / "interventions").glob("*_end_kernel_*.json")
        assert f"it broke the limit {limit}: " in json.loads(record.read_bytes())["reason"]
        wait_until(lambda: not seat.status()["supervision"]["at_work"])


@pytest.mark.sweep
def test_a_kernel_that_uses_too_much_is_ended_whole_and_begun_again_once(tmp_path: Path) -> None:
    limits = {"VERGERD_RUN_RUNTIME_S_MAX": "2", "VERGERD_STOP_GRACE_S": "5"}
    with seated(tmp_path) as seat:
        seat.start(**RECOVERS, **limits)
        seat.at_work()
        wait_until(lambda: "tried once" in seat.status()["supervision"]["next"])
        kinds = [kind for kind in acts(seat) if kind != "sweep_survivors"]
        assert kinds == [
            *("attach_kernel", "end_kernel", "stop_kernel", "resume_after_breach"),
            *("attach_kernel", "end_kernel", "stop_kernel"),
        ]
        (first, *_) = sorted((seat.supervision() / "interventions").glob("*_end_kernel_*.json"))
        record = json.loads(first.read_bytes())
        assert "it broke the limit timeout" in record["reason"]
        assert record["evidence"][0].startswith("seen in ")


HIDDEN = """\
import os, signal, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        for number in range(3):
            os.close(number)
        os.closerange(3, 256)
        words = "import os, signal, sys, time; open(sys.argv[1], 'w').write(str(os.getpid())); time.sleep(60)"
        os.execve(sys.executable, ["innocent", "-I", "-c", words, sys.argv[1]], {})
    os._exit(0)
time.sleep(60)
"""
"""An agent that leaves a process: forked twice, in its own session, deaf to SIGTERM, renamed, without a mark."""


def test_nothing_outlives_a_kernel_that_was_killed(tmp_path: Path) -> None:
    flag = tmp_path / "hidden"
    command = json.dumps([sys.executable, "agent.py", str(flag)])
    policy = POLICY.replace(
        'worker = { kind = "scripted", scenario = "scenario.toml" }',
        f'worker = {{ kind = "generic", command = {command} }}',
    )
    with seated(tmp_path, policy=policy, files={"agent.py": HIDDEN}) as seat:
        seat.start()
        seat.begin()
        wait_until(lambda: flag.exists() and bool(flag.read_text()))
        pid = int(flag.read_text())
        died(seat)
        wait_until(lambda: not start_ticks(pid))
        wait_until(lambda: acts(seat)[-1] == "sweep_survivors")


def test_a_daemon_that_is_told_to_leave_while_its_kernel_dies_leaves_nothing_at_work(seat: Seat):
    run = seat.at_work()
    kernel = seat.kernel()
    os.kill(kernel, signal.SIGKILL)
    # It waits until it is gone.
    seat.kill(signal.SIGTERM)
    seat.start(VERGERD_RECOVER="false")
    assert not seat.status(run)["supervision"]["at_work"]


@pytest.mark.sweep
def test_evidence_that_is_copied_file_by_file_is_taken_when_it_is_whole(tmp_path: Path) -> None:
    with seated(tmp_path, rows=(evidenced("03"),)) as seat:
        seat.start(**RECOVERS)
        seat.begin("playbook.md", "--next")
        seat.until("waiting_state_observed")
        inbox = seat.place.run().root / "inbox"
        wait_until(inbox.is_dir)
        (inbox / "03").mkdir()
        for file in sorted(seat.place.evidence().iterdir()):
            (inbox / "03" / file.name).write_bytes(file.read_bytes())
        seat.until("terminal_observed")
        assert acts(seat) == ["attach_kernel", "resume_with_evidence", "attach_kernel"]
