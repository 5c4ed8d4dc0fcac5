"""`verger daemon install|uninstall`: the daemon's units written for a user, and taken away again.

Not here: what they hold (`units.py`).
"""

import os
import sys
from pathlib import Path

from verger_client.service import make_room
from verger_client.systemctl import Scope, lingers, name_of, systems, users, version
from verger_client.units import KINDS, Site, Unwritable, found, is_name, is_sealed, unit
from verger_client.wire import Refused

_REFUSED, _INPUT, _ENVIRONMENT = 3, 4, 6


def install(user: str, *, now: bool, show: bool, force: bool) -> int:
    """Writes the units for this user, or for `user` into the machine's manager; `now` starts them as well."""
    scope, site = _scope(user), _site(user)
    try:
        texts = {kind: unit(kind, site) for kind in KINDS}
    except Unwritable as error:
        raise Refused(
            f"no unit can be made: {error}", "move it to a path without such signs", _INPUT
        ) from None
    if show:
        sys.stdout.write("\n".join(f"# {scope.path(kind)}\n{text}" for kind, text in texts.items()))
        return 0
    if not site.version:
        hint = "where systemd is not in charge: verger daemon start; to look at the units: --print"
        raise Refused("systemctl is not here", hint, _ENVIRONMENT)
    # Before anything is written: a manager that cannot be reached is the usual trouble.
    scope.ask("show", "--property=Version")
    write(scope, texts, force=force)
    scope.ask("daemon-reload")
    if now:
        make_room(scope, _home_of(site) if user else None)
        scope.ask("enable", "--now", *scope.both)
    _advise(scope, site, now=now)
    return 0


def uninstall(user: str, *, force: bool) -> int:
    """Takes away what `install` wrote, and nothing else."""
    scope = _scope(user)
    there = [scope.path(kind) for kind in KINDS if os.path.lexists(scope.path(kind))]
    if not there:
        raise Refused(f"there is no {scope.service} in {scope.folder}", "nothing is to be done", _INPUT)
    refuse_changed(there, force=force)
    if scope.states("MainPID").get("MainPID", "0") not in ("", "0"):
        raise Refused(f"{scope.service} is at work", "verger daemon stop", _REFUSED)
    scope.ask("disable", "--now", *scope.both)
    for path in there:
        os.unlink(path)
        sys.stdout.write(f"{path}\n")
    scope.ask("daemon-reload")
    sys.stderr.write("these are gone; what stood in folders beside them stays\n")
    return 0


def write(scope: Scope, texts: dict[str, str], *, force: bool) -> None:
    """Writes each unit whole or not at all. Raises Refused for what is there and not ours, before it writes."""
    paths = {scope.path(kind): text for kind, text in texts.items()}
    refuse_changed([path for path in paths if os.path.lexists(path)], force=force)
    try:
        os.makedirs(scope.folder, exist_ok=True)
        for path, text in paths.items():
            _replace(path, text)
            sys.stdout.write(f"{path}\n")
    except PermissionError as error:
        hint = (
            'units of the machine belong to root: sudo env PATH="$PATH" verger daemon install --system USER'
        )
        raise Refused(f"{error.filename} cannot be written: {error.strerror}", hint, _ENVIRONMENT) from None
    except OSError as error:
        raise Refused(
            f"{error.filename} cannot be written: {error.strerror}", "mend that", _ENVIRONMENT
        ) from None


def refuse_changed(paths: list[str], *, force: bool) -> None:
    """Raises Refused where somebody else wrote one of the files, or changed it since."""
    for path in paths:
        if not force and not _is_ours(path):
            hint = (
                "look at it; what you changed belongs into a file beside it: systemctl edit; or say --force"
            )
            raise Refused(f"{path} is not as verger daemon install wrote it", hint, _REFUSED)


def _is_ours(path: str) -> bool:
    if os.path.islink(path):
        return False
    try:
        with open(path, encoding="utf-8") as file:
            return is_sealed(file.read())
    except (OSError, UnicodeDecodeError):
        return False


def _replace(path: str, text: str) -> None:
    begun = f"{path}.begun-{os.getpid()}"
    try:
        # Readable for all, as units are: who may not read them cannot see why a daemon does what it does.
        descriptor = os.open(begun, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            os.fchmod(descriptor, 0o644)
            file.write(text)
            file.flush()
            os.fsync(descriptor)
        os.rename(begun, path)
    finally:
        if os.path.lexists(begun):
            os.unlink(begun)


def _advise(scope: Scope, site: Site, *, now: bool) -> None:
    """Says what was found, and what is to be done next."""
    lines = [f"{name:<8} {place or 'not found'}" for name, place in found(site.environ).items()]
    lines.append(
        "Runs that a client begins have the client's own PATH; this one is for all that the daemon begins."
    )
    manager = " ".join(("systemctl", *scope.manager))
    if not now:
        lines.append(f"next: {manager} enable --now {' '.join(scope.both)}")
    lines.append("a daemon that is at work goes by the former units until: verger daemon restart")
    user = name_of(os.getuid())
    if not scope.user and not lingers(user):
        lines.append(
            "warning: lingering is off: daemon and kernels are stopped when you log out, and not started at boot"
        )
        lines.append(f"hint: loginctl enable-linger {user}")
    sys.stderr.write("\n".join(lines) + "\n")


def _scope(user: str) -> Scope:
    return systems(user) if user else users()


def _site(user: str) -> Site:
    environ = dict(os.environ)
    if not user:
        return Site(sys.executable, environ, version=version())
    import pwd

    try:
        known = pwd.getpwnam(user)
    except KeyError:
        known = None
    if known is None or not is_name(user):
        raise Refused(
            f"{user!a} is no user of this machine whose name a unit can have", "see: getent passwd", _INPUT
        )
    # What the administrator has set for himself is not this user's.
    theirs = {"PATH": environ.get("PATH", ""), "HOME": known.pw_dir}
    return Site(sys.executable, theirs, user, known.pw_uid, version())


def _home_of(site: Site) -> Path:
    return Path(site.environ["HOME"], ".local", "state", "verger", "daemon")
