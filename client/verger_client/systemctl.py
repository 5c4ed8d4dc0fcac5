"""The manager of units, asked through its own commands; and whether a unit of ours is there at all.

Not here: what the units hold (`units.py`), and what `verger daemon …` makes of the answers (`service.py`).
"""

import os
from typing import NamedTuple, NoReturn

from verger_client.wire import Refused

LINGERING = "/var/lib/systemd/linger"
"""Where systemd keeps a file for each user whose manager outlives his sessions."""

_SYSTEM_UNITS = "/etc/systemd/system"
_ENVIRONMENT = 6


class Scope(NamedTuple):
    """One manager, and the units of one user in it. `user` is empty for the user's own manager."""

    folder: str
    user: str = ""

    @property
    def name(self) -> str:
        """The units' name, without what kind they are."""
        return f"vergerd@{self.user}" if self.user else "vergerd"

    @property
    def service(self) -> str:
        """The daemon's unit."""
        return f"{self.name}.service"

    @property
    def both(self) -> tuple[str, str]:
        """The daemon's unit and that of its socket."""
        return f"{self.name}.socket", self.service

    @property
    def manager(self) -> tuple[str, ...]:
        """How systemctl and journalctl are told which manager is meant."""
        return () if self.user else ("--user",)

    def path(self, kind: str) -> str:
        """Where the unit of that kind lies."""
        return os.path.join(self.folder, f"{self.name}.{kind}")

    def ask(self, *words: str) -> str:
        """What systemctl answers. Raises Refused with its own words."""
        return _said("systemctl", *self.manager, "--no-pager", *words)

    def states(self, *names: str) -> dict[str, str]:
        """Properties of the daemon's unit by name. Raises Refused."""
        lines = self.ask("show", f"--property={','.join(names)}", self.service).splitlines()
        return {name: value for name, _, value in (line.partition("=") for line in lines)}

    def become_journal(self, *, follow: bool) -> NoReturn:
        """Becomes journalctl, which shows what the daemon wrote."""
        flags = ["--follow"] if follow else ["--no-pager"]
        argv = ["journalctl", *self.manager, f"--unit={self.service}", *flags]
        become(argv)


def users() -> Scope:
    """The user's own manager."""
    config = os.environ.get("XDG_CONFIG_HOME", "")
    config = config if config.startswith("/") else f"{os.environ.get('HOME', '')}/.config"
    return Scope(f"{config}/systemd/user")


def systems(user: str, folder: str = _SYSTEM_UNITS) -> Scope:
    """The machine's manager, with the units that run a daemon as `user`."""
    return Scope(folder, user)


def installed() -> Scope | None:
    """The manager in which this user's daemon is a unit; None where it is none."""
    own = users()
    if os.path.exists(own.path("service")):
        return own
    machines = systems(name_of(os.getuid()))
    return machines if machines.user and os.path.exists(machines.path("service")) else None


def version() -> int:
    """Of systemd; 0 where there is none."""
    try:
        words = _said("systemctl", "--version").split()
    except Refused:
        return 0
    return int(words[1]) if len(words) > 1 and words[1].isdecimal() else 0


def lingers(user: str, folder: str = LINGERING) -> bool:
    """Whether the manager of `user` goes on when he logs out."""
    if os.path.exists(os.path.join(folder, user)):
        return True
    try:
        return _said("loginctl", "show-user", user, "--property=Linger", "--value").strip() == "yes"
    except Refused:
        # A user without a session is none to loginctl, and then the file above says it all.
        return False


def name_of(uid: int) -> str:
    """The name of a user; empty where there is none."""
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return ""


def become(argv: list[str]) -> NoReturn:
    """Becomes another program. Raises Refused when it is not there."""
    try:
        os.execvp(argv[0], argv)
    except OSError as error:
        raise Refused(f"{argv[0]} cannot be started: {error.strerror}", "install it", _ENVIRONMENT) from None


def _said(*argv: str) -> str:
    import shutil
    import subprocess

    program = shutil.which(argv[0])
    if not program:
        hint = "where systemd is not in charge: verger daemon start"
        raise Refused(f"{argv[0]} is not here", hint, _ENVIRONMENT)
    # Without a deadline: systemd has one for each job, and whoever waits can type Ctrl-C.
    done = subprocess.run(
        (program, *argv[1:]),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        words = " ".join(done.stderr.split()) or f"it ended with {done.returncode}"
        hint = f"see: {argv[0]} {argv[1]} status" if argv[0] == "systemctl" else f"try: {' '.join(argv)}"
        if "bus" in words:
            hint = (
                "a manager of a user is reached from a session of his own: log in as that user, not with su"
            )
        raise Refused(f"{' '.join(argv)} failed: {words}", hint, _ENVIRONMENT)
    return done.stdout
