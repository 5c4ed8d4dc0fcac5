"""The output of agents and commands of one attempt: which files there are, in the order in which they began.

Not here: printing them; see `commands/logs.py`.
"""

from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from verger_kernel.disk.layout import AttemptFolder, RunFolder
from verger_kernel.following.lines import Step, end_of, spot_of
from verger_kernel.rules import effects as f
from verger_kernel.rules import events as e
from verger_kernel.rules import state as s
from verger_kernel.rules.frame import REQUIRED
from verger_kernel.rules.ids import EffectId, tries_of
from verger_kernel.rules.trials import trial_name

LIVE = "output.log"
"""Where a trial's commands all write while they run, in the trial's own folder."""


class Source(NamedTuple):
    """One file of output; `stage` is as effects name it, with its lane or trial.

    `key` stays the same when what was still being written is kept under its own name.
    """

    key: str
    stage: str
    round: int
    tries: int
    who: str
    stream: str
    path: Path

    @property
    def title(self) -> str:
        """What stands above it: stage, round, try, and who wrote it."""
        again = f", try {self.tries}" if self.tries > 1 else ""
        stream = f" ({self.stream})" if self.stream else ""
        return f"{self.stage}, round {self.round}{again}: {self.who}{stream}"


class Commands(NamedTuple):
    """What is run for an item, in order: setup, and both groups of its row."""

    setup: tuple[str, ...]
    required: tuple[str, ...]
    suggested: tuple[str, ...]


class _Began(NamedTuple):
    effect: f.Effect | EffectId
    agent: str


class Sources:
    """The output of one item, gathered from the steps of its run. `attempt` is 0 before it was begun."""

    def __init__(self, folder: RunFolder, item: str, commands: Commands, attempt: int | None = None) -> None:
        self._folder = folder
        self._item = item
        self._commands = commands
        self._wanted = attempt
        self.attempt = 0
        self._began: dict[str, _Began] = {}
        self._outstanding: tuple[str, ...] = ()

    def take(self, step: Step) -> None:
        """Takes note of what began by this step."""
        self._outstanding = tuple(effect.id for effect in step.after.outstanding)
        if isinstance(step.event, e.AgentStarted):
            self._begin(step.event.effect, _Began(step.event.effect, step.event.agent))
        for effect in step.after.outstanding:
            if isinstance(effect, f.RunCommands) and effect.id not in self._began:
                self._begin(effect.id, _Began(effect, ""))

    def _begin(self, name: EffectId, began: _Began) -> None:
        item, attempt, *_ = name.split("/")
        number = int(attempt[1:])
        if item != self._item or (self._wanted or number) != number:
            return
        if number > self.attempt:
            self.attempt, self._began = number, {}
        # A trial that was begun again writes where it wrote before: it counts from there.
        again = [
            known for known in self._began if isinstance(began.effect, f.RunCommands) and _same(known, name)
        ]
        for known in again:
            del self._began[known]
        self._began[name] = began

    def is_over(self, state: s.RunState | None) -> bool:
        """Whether the item that was begun is no longer the one in hand, or came to an end."""
        spot = spot_of(state) if state else None
        if state is None or not self.attempt:
            return False
        if spot is None or (spot.item, spot.attempt) != (self._item, self.attempt):
            return True
        return end_of(state.stage) != "unfinished"

    def found(self) -> list[Source]:
        """Every file of output that is there now, in order."""
        sources: list[Source] = []
        attempt = self._folder.attempt(self._item, max(1, self.attempt))
        for name, began in self._began.items():
            if isinstance(began.effect, f.RunCommands):
                sources += self._of_trial(began.effect, attempt)
            else:
                sources += _of_agent(EffectId(name), began.agent, attempt)
        return sources

    def _of_trial(self, effect: f.RunCommands, attempt: AttemptFolder) -> list[Source]:
        name = trial_name(effect.group, effect.purpose, effect.nth)
        logs = attempt.logs(effect.round)
        asked = self._commands.required if effect.group == REQUIRED else self._commands.suggested
        kept = [
            _of_command(effect, command, logs / f"{name}{part}-{number:02d}.log")
            for part, commands in (("-setup", self._commands.setup), ("", asked))
            for number, command in enumerate(commands, start=1)
        ]
        there = [source for source in kept if source.path.is_file()]
        if effect.id in self._outstanding:
            there += self._live(kept, there)
        # By its place: what is being written now keeps its key when it is kept under the command's own name.
        return [source._replace(key=f"{effect.id}/{place}") for place, source in enumerate(there)]

    def _live(self, kept: list[Source], there: list[Source]) -> list[Source]:
        """What the command that runs now writes: younger than all that was kept of those before."""
        live = self._folder.trial / LIVE
        with suppress(OSError):
            last = max((source.path.stat().st_mtime_ns for source in there), default=0)
            if live.stat().st_mtime_ns > last:
                return [self._next(kept, there)._replace(path=live)]
        return []

    def _next(self, kept: list[Source], there: list[Source]) -> Source:
        waiting = [source for source in kept if source not in there]
        if self._commands.setup and not there:
            # Setup, or the first command on a layer that an earlier setup made.
            return waiting[0]._replace(who="the first command")
        if there and not _is_setup(there[0]):
            waiting = [source for source in waiting if not _is_setup(source)]
        return waiting[0] if waiting else kept[-1]


def _same(known: str, name: EffectId) -> bool:
    return known.rpartition("/t")[0] == name.rpartition("/t")[0]


def _of_agent(effect: EffectId, agent: str, attempt: AttemptFolder) -> list[Source]:
    _item, _attempt, round_, stage, _try = effect.split("/")
    call = attempt.call(effect)
    return [
        Source(f"{effect}/{stream}", stage, int(round_[1:]), tries_of(effect), agent, stream, path)
        for stream, path in (("stdout", call.stdout), ("stderr", call.stderr))
        if path.is_file()
    ]


def _of_command(effect: f.RunCommands, command: str, path: Path) -> Source:
    stage = f"verify {trial_name(effect.group, effect.purpose, effect.nth)}"
    made = Source("", stage, effect.round, tries_of(effect.id), command, "", path)
    return made._replace(who=f"setup {command}") if _is_setup(made) else made


def _is_setup(source: Source) -> bool:
    return "-setup-" in source.path.name
