"""What runs inside of a supervised run may ask the daemon for nothing but whether it lives, wherever it hides."""

import json
import shlex
import subprocess
import sys
from pathlib import Path

from tests.doubles.daemons import seated
from tests.doubles.notes import item, playbook

from verger_daemon.protocol.methods import METHODS

# How it connects: as it was started; after two forks and a session of its own; with nothing in its environment.
ASKS = """
import json, os, socket, sys
path, folder, here, how = sys.argv[1:]
if how == "bare" and "PATH" in os.environ:
    os.execve(sys.executable, [sys.executable, *sys.argv], {})
if how == "daemonized":
    done, tell = os.pipe()
    if os.fork():
        os.read(done, 1)
        sys.exit()
    os.setsid()
    if os.fork():
        os._exit(0)
found = {}
params = {"run.start": {"directory": here, "words": ["playbook.md", "--next"]}}
for method in METHODS:
    asking = socket.socket(socket.AF_UNIX)
    asking.connect(path)
    said = {"jsonrpc": "2.0", "id": 1, "method": method}
    needs = method.startswith(("run.", "gate.show"))
    said["params"] = params.get(method, {"directory": here} if needs else {})
    asking.sendall(json.dumps(said).encode() + b"\\n")
    answer = json.loads(asking.makefile().readline())
    found[method] = answer.get("error", {}).get("data", {}).get("name", "answered")
with open(os.path.join(folder, how), "w") as file:
    json.dump(found, file)
if how == "daemonized":
    os.write(tell, b".")
    os._exit(0)
"""
HOWS = ("plain", "daemonized", "bare")


def test_what_a_run_started_is_refused_all_but_a_ping(tmp_path: Path):
    script = tmp_path / "asks.py"
    script.write_text(ASKS.replace("METHODS", repr(tuple(METHODS))))
    with seated(
        tmp_path, files={"wait.sh": 'for how in plain daemonized bare; do "$@" $how || exit; done\n'}
    ) as seat:
        place = seat.place
        words = (sys.executable, script, seat.socket, tmp_path, place.repository)
        row = item("01", required_verification_commands=f"`sh wait.sh {shlex.join(map(str, words))}`")
        (place.repository / "playbook.md").write_text(playbook([row]))
        place.git("commit", "-qam", "it asks")
        seat.start()
        seat.begin()
        assert seat.until("terminal_observed")["kernel"]["passed"] == 1
        for how in HOWS:
            found = json.loads((tmp_path / how).read_text())
            assert found.pop("daemon.ping") == "answered"
            assert set(found.values()) == {"supervised_peer"}
            assert len(found) == len(METHODS) - 1
        # The very same words, said by nobody's child, are answered.
        subprocess.run((*words, "plain"), env=seat.environment(), check=True, timeout=60)
        assert json.loads((tmp_path / "plain").read_text())["daemon.status"] == "answered"
