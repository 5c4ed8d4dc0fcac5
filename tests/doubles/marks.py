"""Trials as a test writes them down: one command or several, what failed, and what an item must show.

Not here: suites of cases that fail by chance; see flaky.py.
"""

from collections.abc import Callable, Iterable
from typing import Any

from msgspec.structs import replace

from verger_kernel.rules import shortfalls
from verger_kernel.rules.attempts import Trials
from verger_kernel.rules.doubts import Next, next_trial
from verger_kernel.rules.frame import FlakeRules
from verger_kernel.rules.trials import WHOLE, CommandMark, CommandStatus, Purpose, TrialMark
from verger_kernel.rules.verification import Judgement, Need, judge

COMMAND = "make test"
FLAKES = FlakeRules(reruns=4, accepted=False, quarantined=())
Show = Callable[[Next], TrialMark]
"""What a trial that is asked for shows."""


def command(*failed: str, number: int = 1, **changed: Any) -> CommandMark:
    """A command of a known runner with ten cases, of which these failed."""
    made = CommandMark(
        number=number,
        command=COMMAND,
        status="fail" if failed else "pass",
        exit_code=1 if failed else 0,
        runner="pytest",
        executed=10,
        failed=tuple(sorted(failed)),
    )
    return replace(made, **changed)


def exits(status: CommandStatus = "pass", code: int | None = None, **changed: Any) -> CommandMark:
    """A command that no known runner reported of: it passed, or failed as a whole."""
    ended = {"pass": 0, "fail": 1, "killed": -9, "timeout": -15}.get(status)
    return command(
        **{
            "status": status,
            "exit_code": ended if code is None else code,
            "runner": "",
            "executed": 0,
            "failed": () if status == "pass" else (WHOLE,),
        }
        | changed
    )


def trial(*commands: CommandMark, purpose: Purpose = "green", nth: int = 1, **changed: Any) -> TrialMark:
    """A trial of the required group; without commands, one that passed by its exit code."""
    made = TrialMark(group="required", purpose=purpose, nth=nth, commands=commands or (exits(),), unmade=())
    return replace(made, **changed)


def need(**changed: Any) -> Need:
    """What an item must show that asks for nothing special."""
    plain = Need(
        suggested=False,
        red=False,
        held_out=False,
        may_shrink=False,
        shared=(),
        flakes=FLAKES,
        known=None,
    )
    return replace(plain, **changed)


def greens(*commands: CommandMark, purpose: Purpose = "green") -> Trials:
    """Trials of one purpose with a command each, in order."""
    return tuple(trial(one, purpose=purpose, nth=nth) for nth, one in enumerate(commands, 1))


def trials(**told: CommandMark | list[CommandMark]) -> Trials:
    """Trials by purpose, `held_out` for held-out."""
    made: Trials = ()
    for purpose, marks in told.items():
        listed = marks if isinstance(marks, list) else [marks]
        made += greens(*listed, purpose=purpose.replace("_", "-"))
    return made


def showing(**told: CommandMark | Iterable[CommandMark]) -> Show:
    """Trials in which the one command does what is told by purpose (`held_out` for held-out), else it passes.

    Of several marks the next trial shows the next, and the last one is shown from then on.
    """
    script = {name: [one] if isinstance(one, CommandMark) else list(one) for name, one in told.items()}

    def show(asked: Next) -> TrialMark:
        name = "suggested" if asked.group == "suggested" else asked.purpose.replace("-", "_")
        lines = script.get(name, [command() if "runner" not in script else exits()])
        one = lines[min(asked.nth, len(lines)) - 1]
        return trial(one, purpose=asked.purpose, nth=asked.nth, group=asked.group)

    return show


def verified(asked: Need, show: Show) -> tuple[Trials, Judgement]:
    """Every trial that is asked for, and what they prove together."""
    trials: Trials = ()
    while missing := next_trial(asked, trials):
        trials = (*trials, show(missing))
        assert len(trials) <= trials_max(asked), "verification does not come to an end"
    return trials, judge(asked, trials)


def trials_max(asked: Need) -> int:
    """The most trials of one round: each purpose as often as a failure is tried, and the suggested ones."""
    return 4 * (1 + asked.flakes.reruns) + asked.suggested


def purposes(trials: Trials) -> list[str]:
    """What was tried, in order."""
    return [one.purpose if one.group == "required" else one.group for one in trials]


def titles(judgement: Judgement) -> tuple[list[str], list[str]]:
    """The titles of what is final and of what is open."""
    return [one.title for one in judgement.final], [one.title for one in judgement.dismissible]


FAILED_ID = shortfalls.failed(exits("fail"), ()).mark.finding_id
"""The finding that `exits("fail")` leads to."""
