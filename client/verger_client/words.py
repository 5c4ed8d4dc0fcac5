"""What was typed after `verger supervise`, taken apart: the verb's own options, the run, and the words for the kernel.

Not here: what the verbs do (`supervise.py`), and the kernel's words: it knows them, and refuses what it does not know.
"""

import os

_GOES_ON = {
    "--detach": False,
    "--wait": False,
    "--follow": False,
    "--no-autostart": False,
    "--max-wait-seconds": True,
}
_FLAGS = {
    "run": _GOES_ON,
    "resume": _GOES_ON,
    "status": {"--exit-code": False, "--prove": False, "--json": False, "--format": True},
    "list": {"--json": False, "--format": True, "--all": False},
    "stop": {},
    "logs": {"--stderr": False, "--follow": False},
}
"""The options of each verb that are not the kernel's, with whether a value follows."""

_KERNELS = (
    *("--item", "--items", "--config", "--agents", "--agents-map", "--playbook", "--format"),
    *("--max-items", "--external-evidence-dir", "--budget-usd", "--budget-tokens", "--budget-wall-s"),
    *("--item-budget-usd", "--item-budget-tokens"),
)
"""The options of the kernel that a value follows: a value is never taken for the name of a run."""

_SET = "is a setting of the daemon, for all runs: {}; see: verger settings show"
_INTERVAL = _SET.format("VERGERD_PROBE_INTERVAL_MS, or probe_interval_ms in daemon.toml")
_OBSERVED = "is not needed: what waits is looked at when it changes, and nothing is polled"
_ELSEWHERE = {
    "--heartbeat-interval-sec": _INTERVAL,
    "--live-probe-interval-sec": _INTERVAL,
    "--stale-after-sec": _INTERVAL,
    "--live-stale-timeout-sec": _INTERVAL,
    "--probe-ack-deadline-sec": _SET.format("VERGERD_ACK_DEADLINE_MS, or ack_deadline_ms in daemon.toml"),
    "--evidence-inbox-dir": "is a folder of each run now: inbox/ITEM below it; see: verger where",
    "--max-auto-resume-attempts": _SET.format("VERGERD_RECOVERIES_MAX, or recoveries_max in daemon.toml"),
    "--waiting-poll-interval-sec": _OBSERVED,
    "--waiting-stale-timeout-sec": _OBSERVED,
}
"""Options that people know from elsewhere, and what became of each."""


class Usage(Exception):
    """The command line cannot be understood; `str()` says why."""


class Words:
    """A command line of `supervise`. Raises Usage."""

    def __init__(self, argv: list[str]) -> None:
        self.directory = os.getcwd()
        self.flags: dict[str, str] = {}
        self.run = ""
        self.rest: list[str] = []
        # Who comes here was asked for `supervise`; what stands before it is for verger itself.
        at = _place(argv)
        before, words = list(argv[:at]), list(argv[at + 1 :])
        while before:
            self._option(before)
        self.verb = words.pop(0) if words else ""
        if self.verb not in _FLAGS:
            known = ", ".join(_FLAGS)
            raise Usage(f"{_shown(self.verb)} is no verb of supervise" if self.verb else f"one of {known}")
        while words:
            self._take(words)
        if not all(map(is_text, (self.directory, self.run, *self.flags.values(), *self.rest))):
            raise Usage("the daemon is told in UTF-8, and one of these words, or this folder, is none")

    @property
    def as_json(self) -> bool:
        """Whether programs read the answer."""
        return "--json" in self.flags or self.flags.get("--format") == "json"

    def _option(self, words: list[str]) -> None:
        word = words.pop(0)
        if word != "-C":
            raise Usage(f"verger does not know {_shown(word)}")
        self._enter(words)

    def _take(self, words: list[str]) -> None:
        name = words[0].partition("=")[0]
        if name == "--":
            self._take_names(words)
        elif name == "-C":
            self._option(words)
        elif name in _FLAGS[self.verb]:
            self._take_flag(words)
        elif name == "--run-id" and self.verb != "run":
            self._name(_value(words))
        elif self.verb in ("run", "resume"):
            self._take_kernels(words)
        elif name.startswith("-"):
            raise Usage(f"verger supervise {self.verb} does not know {_shown(name)}")
        else:
            self._name(words.pop(0))

    def _take_flag(self, words: list[str]) -> None:
        name, equals, value = words[0].partition("=")
        if _FLAGS[self.verb][name]:
            value = _value(words)
        else:
            words.pop(0)
            if equals:
                raise Usage(f"{name} takes no value")
        if name == "--format" and value not in ("text", "json"):
            raise Usage(f"--format is text or json, not {_shown(value)}")
        self.flags[name] = value

    def _take_kernels(self, words: list[str]) -> None:
        word = words.pop(0)
        if why := _ELSEWHERE.get(word.partition("=")[0]):
            raise Usage(f"{word.partition('=')[0]} {why}")
        if self.verb == "resume" and not word.startswith("-"):
            self._name(word)
            return
        self.rest.append(word)
        if word in _KERNELS and words:
            self.rest.append(words.pop(0))

    def _take_names(self, words: list[str]) -> None:
        """After `--` there are only names. One that looks like an option is written so that it is none."""
        for name in words[1:]:
            if self.verb == "run":
                self.rest.append(f"./{name}" if name.startswith("-") else name)
            else:
                self._name(name)
        words.clear()

    def _name(self, run: str) -> None:
        if self.verb == "list":
            raise Usage("verger supervise list takes no run")
        if self.run or not run:
            raise Usage("name one run: an id, the beginning of one, or latest")
        self.run = run

    def _enter(self, words: list[str]) -> None:
        folder = words.pop(0) if words else ""
        self.directory = os.path.normpath(os.path.join(self.directory, folder))
        if not folder or not os.path.isdir(self.directory):
            raise Usage(f"cannot work in {_shown(folder)}: it is no folder")


def is_text(word: str) -> bool:
    """Whether `word` can be said in UTF-8."""
    try:
        word.encode()
    except UnicodeEncodeError:
        return False
    return True


def _place(argv: list[str]) -> int:
    """Where the command stands: -C DIR may come before, and DIR may be called as the command is."""
    at = 0
    while argv[at] == "-C":
        at += 2
    return argv.index("supervise", at)


def _value(words: list[str]) -> str:
    name, equals, value = words.pop(0).partition("=")
    if not equals:
        value = words.pop(0) if words else ""
    if not value:
        raise Usage(f"{name} needs a value")
    return value


def _shown(word: str) -> str:
    return ascii(word) if not word.isprintable() or not is_text(word) else repr(word)
