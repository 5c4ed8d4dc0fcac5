"""The daemon's command line, from its words to an exit code.

Not here: its process (`__main__.py`), and the daemon (`app.py`).
"""

import argparse
import faulthandler
import json
import logging
import os
import sys
from pathlib import Path

from verger_daemon import activation, notify
from verger_daemon.app import Places, serve
from verger_daemon.listening import SocketRefused
from verger_daemon.settings import Resolved, SettingsRefused, resolve, settings_file
from verger_probes.exits import Exit
from verger_probes.locks import Held
from verger_probes.places import daemon_home, daemon_socket
from verger_probes.version import VERSION

_LOG_BYTES_MAX = 4 << 20


def main() -> int:
    """The exit code."""
    # Whatever is made here is for nobody else, the log and the folders above it as well.
    os.umask(0o077)
    args = _parser().parse_args()
    ready = _Ready(args.ready_fd)
    notices = notify.taken(os.environ, os.getpid())
    if notices.watchdog_s:
        # systemd ends a daemon that hangs with SIGABRT: the journal then says where it hung.
        faulthandler.enable()
    try:
        home = Path(os.environ.get("HOME", ""))
        resolved = resolve(
            settings_file(os.environ, home),
            os.environ,
            {"idle_exit_s": args.idle_exit_s, "probe_interval_ms": args.probe_interval_ms},
        )
        if args.settings:
            return _show(resolved, as_json=args.json)
        socket = daemon_socket(os.environ, home, os.getuid())
        lent = activation.taken(os.environ, os.getpid(), socket)
        places = Places(daemon_home(os.environ, home), socket, lent)
        if not places.home.is_absolute():
            raise SettingsRefused("HOME is not set to an absolute path; hint: set HOME, or XDG_STATE_HOME")
        _log_to(places.home / "vergerd.log" if args.on_demand else None)
        serve(places, resolved, notices, on_demand=args.on_demand, ready=ready.say)
    except SettingsRefused as refused:
        return ready.refuse(str(refused), Exit.INPUT)
    except Held as held:
        hint = "verger supervise list asks it; verger daemon status says where it is"
        return ready.refuse(f"another daemon is here: {held}; hint: {hint}", Exit.HELD)
    except SocketRefused as refused:
        return ready.refuse(f"{refused.what}; hint: {refused.hint}", Exit.ENVIRONMENT)
    except OSError as error:
        return ready.refuse(f"the system refused: {error}; hint: mend that", Exit.ENVIRONMENT)
    return int(Exit.DONE)


class _Ready:
    """Tells whoever started the daemon, over the descriptor that it named, that the daemon listens or why it cannot."""

    def __init__(self, descriptor: int | None) -> None:
        self._descriptor = descriptor
        if descriptor is not None:
            os.set_inheritable(descriptor, False)

    def say(self) -> None:
        """It listens."""
        if self._descriptor is not None:
            os.write(self._descriptor, b"ready\n")
            os.close(self._descriptor)

    def refuse(self, why: str, code: Exit) -> int:
        """It cannot; answers with the exit code."""
        line = f"error: {why}\n"
        sys.stderr.write(line)
        if self._descriptor is not None:
            os.write(self._descriptor, line.encode())
        return int(code)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="vergerd",
        description="Keeps kernels alive and proves which of them are. One daemon a user, for all repositories.",
        epilog="Settings: docs/settings.md. Exit codes: docs/exit-codes.md.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"vergerd {VERSION}")
    parser.add_argument("--settings", action="store_true", help="show every setting and where it came from")
    parser.add_argument("--json", action="store_true", help="with --settings: as JSON")
    parser.add_argument(
        "--idle-exit-s", type=int, metavar="N", help="leave after N s without work; 0 is never"
    )
    parser.add_argument(
        "--probe-interval-ms", type=int, metavar="N", help="how long an answer proves something"
    )
    parser.add_argument("--on-demand", action="store_true", help="leave when idle, and log to a file")
    parser.add_argument("--ready-fd", type=int, help=argparse.SUPPRESS)
    return parser


def _show(resolved: Resolved, *, as_json: bool) -> int:
    if as_json:
        print(json.dumps({"file": str(resolved.file), "settings": resolved.told()}))
    else:
        print(*resolved.lines(), sep="\n")
    return int(Exit.DONE)


def _log_to(path: Path | None) -> None:
    form = "%(asctime)s %(levelname)s %(message)s"
    if path is None:
        logging.basicConfig(level=logging.INFO, format=form)
        return
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size > _LOG_BYTES_MAX:
        path.replace(path.with_suffix(".log.1"))
    logging.basicConfig(filename=path, level=logging.INFO, format=form)
