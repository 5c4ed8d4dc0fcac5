"""`supervise status` starts as fast as Python: what every user of a prompt or a script pays for it is counted."""

import json
import subprocess
import sys
from pathlib import Path

from tests.doubles.daemons import Seat, seated

BODY = """
import sys
sys.argv = ["verger", "supervise", "status", *sys.argv[1:]]
from verger_client.__main__ import main
code = main()
print(*sorted(sys.modules), file=sys.stderr)
sys.exit(code)
"""
HEAVY = {
    *("json", "socket", "argparse", "pathlib", "msgspec", "pydantic", "asyncio", "subprocess", "typing"),
    *("collections", "enum", "re", "functools", "select", "logging", "dataclasses", "tempfile"),
}


def status(seat: Seat, *flags: str) -> tuple[str, set[str]]:
    """What was printed, and every module that was imported by then."""
    done = subprocess.run(
        (sys.executable, "-P", "-c", BODY, *flags),
        cwd=seat.place.repository,
        env=seat.environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout, set(done.stderr.split())


def test_the_status_is_asked_and_proved_without_a_library(tmp_path: Path):
    bare = subprocess.run(
        (sys.executable, "-P", "-c", "import sys; print(*sys.modules)"),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    with seated(tmp_path) as seat:
        seat.start()
        run = seat.at_work()
        for flags in ((), ("--exit-code", "--prove", "--json"), ("--format", "json")):
            said, modules = status(seat, run, *flags)
            assert "live_attached" in said
            assert "json" not in "".join(flags) or json.loads(said)["run_id"] == run
            loaded = modules - set(bare.stdout.split())
            assert not loaded & HEAVY
            assert not {name for name in loaded if name.startswith(("verger_daemon", "verger_kernel"))}
            assert len(loaded) <= 12, sorted(loaded)
