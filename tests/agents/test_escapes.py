"""Every attempt to get out of the sandbox that an agent can make, made by the real codex and claude.

Not here: the same by scripts and commands, with proofs; see `make escapes`. Run by `make test-agents`.
"""

import pytest
from tests.doubles.model_agents import KEYS
from tests.doubles.sweeps import swept
from tests.escapes.corpus import ATTEMPTS
from tests.escapes.trial import judged, tried_at_once

pytestmark = pytest.mark.agents
# Each of them ends the run, or whoever would have tried the next one.
LONERS = {
    *("symlink", "git-file", "nested-repository", "fsmonitor", "clean-filter", "hook", "hooks-path"),
    *("kill-all", "kill-kernel"),
}
BY_AGENT = [attempt for attempt in ATTEMPTS if "agent" in attempt.by]
OTHERS = [attempt for attempt in BY_AGENT if attempt.name not in LONERS]
BATCHES = 4


@pytest.mark.parametrize("by", KEYS)
@pytest.mark.parametrize("batch", swept(range(BATCHES), every=4))
def test_nothing_comes_of_a_score_of_attempts_and_the_honest_work_after_them_passes(
    by: str, batch: int
) -> None:
    assert tried_at_once(tuple(OTHERS[batch::BATCHES]), by) == (0, [])


@pytest.mark.sweep
@pytest.mark.parametrize("by", KEYS)
@pytest.mark.parametrize("name", sorted(LONERS))
def test_what_is_no_company_for_others_is_blocked_or_noticed(by: str, name: str) -> None:
    (attempt,) = [one for one in BY_AGENT if one.name == name]
    verdict, why = judged(attempt, by)
    assert verdict in ("blocked", "noticed"), why
