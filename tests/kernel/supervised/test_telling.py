"""What a run tells of itself: its stage in the words of its views, and the time that each effect may take.

Not here: whole runs; see test_threads.py.
"""

from typing import Any

import anyio
import pytest
from tests.doubles.trials import trial
from tests.doubles.walk import object_id

from verger_kernel.home import find_home
from verger_kernel.invocation import site_of
from verger_kernel.perform.site import Site
from verger_kernel.rules import effects as f
from verger_kernel.rules import state as s
from verger_kernel.rules.ids import Digest, EffectId, RunId
from verger_kernel.runs import open_run
from verger_kernel.supervised.telling import ENDING_S_MAX, HANDS_S_MAX, active_stage, seconds_max
from verger_probes.rules.probe import ActiveStage

POLICY = """\
execution_timeout_s = 1000
fix_timeout_s = 2000
audit_timeout_s = 3000
triage_timeout_s = 4000
verification_timeout_s = 5000
setup_timeout_s = 6000
setup = ["true", "true", "true"]
"""
SPOT = s.Spot(
    item="07",
    attempt=2,
    round=3,
    fix_rounds=0,
    remediation_rounds=0,
    base=object_id("base"),
    tip=object_id("tip"),
    evidence="",
)
WHERE: dict[str, Any] = {"item": "01", "attempt": 1, "round": 0}
ID = EffectId("01/a1/r0/x/t1")
COMMIT, DIGEST = object_id("commit"), Digest("0" * 64)
COMMANDS: dict[str, Any] = {"purpose": "green", "nth": 1, "base": COMMIT, "commit": COMMIT, "known": None}
WORKER: dict[str, Any] = {"base": COMMIT, "tip": COMMIT, "evidence": "", "rework": (), "rejection": ""}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """The site of a run of one item with two required commands and none suggested, and three of setup."""
    place = trial(
        tmp_path_factory.mktemp("telling"),
        policy=POLICY,
        required_verification_commands="`true`; `test -s docs/01.md`",
    )
    assert place.verger("run", "playbook.md", "--item", "01").code == 0
    home = find_home(place.repository, place.environment())

    async def opened() -> Site:
        run = await open_run(home.require(), RunId(place.run().root.name))
        made = site_of(run, home.repository, {})
        run.close()
        return made

    return anyio.run(opened)


@pytest.mark.parametrize(
    ("effect", "limits"),
    [
        (f.RunWorker(ID, **WHERE, stage="execute", **WORKER), [1000]),
        (f.RunWorker(ID, **WHERE, stage="fix", **WORKER), [2000]),
        (f.Audit(ID, **WHERE, lane="a", tip=COMMIT, packet=DIGEST), [3000]),
        (f.Triage(ID, **WHERE, tip=COMMIT, packet=DIGEST), [4000]),
        # Setup may have to run on the base and on the tree.
        (
            f.RunCommands(ID, **WHERE, group="required", **COMMANDS, surface=DIGEST, report=""),
            [6000] * 6 + [5000] * 2,
        ),
        (
            f.RunCommands(ID, **WHERE, group="suggested", **COMMANDS, surface=DIGEST, report=""),
            [6000] * 6,
        ),
        (f.CreateRunBranch(ID, branch="b", commit=COMMIT), []),
        (f.PrepareWorktree(ID, item="01", attempt=1, base=COMMIT, evidence=""), []),
    ],
)
def test_an_effect_may_take_what_all_its_own_limits_allow(
    site: Site, effect: f.Effect, limits: list[int]
) -> None:
    assert seconds_max(effect, site) == HANDS_S_MAX + sum(limits) + ENDING_S_MAX * len(limits)


AT_SPOT: dict[str, Any] = {"item_id": "07", "attempt_number": 2, "round": 3}
AT_NONE: dict[str, Any] = {"item_id": "", "attempt_number": 0, "round": 0}


@pytest.mark.parametrize(
    ("stage", "told"),
    [
        (s.Opening(), ActiveStage(stage_name="opening", **AT_NONE)),
        (s.Idle(), ActiveStage(stage_name="idle", **AT_NONE)),
        (s.Preparing(SPOT), ActiveStage(stage_name="prepare", **AT_SPOT)),
        (s.Working(SPOT, name="fix", rework=()), ActiveStage(stage_name="fix", **AT_SPOT)),
        (
            s.BlockedExternal(SPOT, why="", since_utc_ms=0),
            ActiveStage(stage_name="blocked_external", **AT_SPOT),
        ),
    ],
)
def test_a_stage_is_told_in_the_words_of_every_view(stage: s.Stage, told: ActiveStage) -> None:
    assert active_stage(stage) == told
