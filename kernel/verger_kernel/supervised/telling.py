"""What a run tells of itself while it is supervised: where it stands after each step, and how long an effect may take.

Not here: who hears it; see `at_work.py`.
"""

import hashlib
from contextlib import AbstractContextManager

from verger_kernel.perform.site import Site
from verger_kernel.rules import effects as f
from verger_kernel.rules import state as s
from verger_kernel.rules.frame import REQUIRED
from verger_kernel.rules.packs import LANES
from verger_kernel.rules.saved import encode
from verger_kernel.snapshot import state_name
from verger_kernel.supervised.at_work import AtWork, Standing
from verger_probes.rules.probe import ActiveStage

HANDS_S_MAX = 1800
"""What our own hands may need for one effect beside agents and commands: ten git processes, each at its own limit of
120 s, and as long again for copies, hashes and seals."""
ENDING_S_MAX = 30
"""From a limit that is broken until nobody is left: grace, SIGKILL, and the same of a lane that is swept first."""
RECORD_S_MAX = 120
"""What one record may need: the sync of what it speaks of, its own, and people's files. A busy disk takes seconds."""
_SETUPS_MAX = 2
"""A trial runs setup on the base and, where that failed or cannot be kept, on its own tree."""


class Teller:
    """Tells `at_work` of the run at `site`."""

    def __init__(self, at_work: AtWork, site: Site) -> None:
        self._at_work = at_work
        self._site = site

    def stands(self, state: s.RunState) -> None:
        """The run stands so, and `state` is what was saved last. Takes a millisecond: not for the loop."""
        standing = Standing(
            run_root=str(self._site.folder.root),
            run_state_sha256=hashlib.sha256(encode(state)).hexdigest(),
            journal_seq=state.journal_seq,
            journal_head=state.journal_head,
            active_stage=active_stage(state.stage),
        )
        self._at_work.stands(standing)

    def doing(self, effect: f.Effect) -> AbstractContextManager[None]:
        """While it lasts, `effect` is being performed."""
        return self._at_work.doing(effect.id, seconds_max(effect, self._site))

    def recording(self) -> AbstractContextManager[None]:
        """While it lasts, an event is being recorded."""
        return self._at_work.recording(RECORD_S_MAX)


def active_stage(stage: s.Stage) -> ActiveStage:
    """What the run is at; without an item, attempt and round are 0."""
    name = state_name(stage)
    if isinstance(stage, s.Opening | s.Idle):
        return ActiveStage(stage_name=name, item_id="", attempt_number=0, round=0)
    spot = stage.spot
    return ActiveStage(stage_name=name, item_id=spot.item, attempt_number=spot.attempt, round=spot.round)


def seconds_max(effect: f.Effect, site: Site) -> int:
    """How long `effect` takes at most when every limit of its own works."""
    return HANDS_S_MAX + sum(runtime_s + ENDING_S_MAX for runtime_s in _runtimes_s(effect, site))


def _runtimes_s(effect: f.Effect, site: Site) -> list[int]:
    """The most that each agent and command of `effect` may run, one after the other."""
    policy = site.policy
    match effect:
        case f.RunWorker():
            return [policy.agent_limits(effect.stage).runtime_s_max]
        case f.Audit():
            # Where one step at a time is allowed, a lane waits for the other.
            lanes = 1 if policy.parallel_steps_max > 1 else len(LANES)
            return [policy.agent_limits("audit").runtime_s_max] * lanes
        case f.Triage():
            return [policy.agent_limits("triage").runtime_s_max]
        case f.RunCommands():
            hints = site.item(effect.item).verification_hints
            asked = hints.required_commands if effect.group == REQUIRED else hints.suggested_commands
            setup = [policy.command_limits(setup=True).runtime_s_max] * (_SETUPS_MAX * len(policy.setup))
            return [*setup, *([policy.command_limits().runtime_s_max] * len(asked))]
        case _:
            return []
