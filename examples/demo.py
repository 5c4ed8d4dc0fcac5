"""The stories of `make demo`: five items, the same under a daemon, and this repository with agents that really work.

Not here: the first story; it ships with the kernel, see `kernel/verger_kernel/demo/`. The second: `supervised.py`.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

# Found also where only this file is named: Python was told not to look beside it.
sys.path.insert(0, str(Path(__file__).parent))

from supervised import play as play_supervised  # found by the line above

ROOT = Path(__file__).resolve().parents[1]
INTO = ROOT / "build" / "demo"
AGENTS = ROOT / "examples" / "own_repository"


def main() -> int:
    """Plays all; answers with 0 when all ended as told."""
    began = time.monotonic()
    shutil.rmtree(INTO, ignore_errors=True)
    INTO.mkdir(parents=True)
    (alone, alone_s), (watched, watched_s) = timed(five_items), timed(five_items_watched)
    print(f"\nthe five items took {alone_s:.1f} s alone, and {watched_s:.1f} s with a daemon that was killed")
    own = own_repository()
    print(f"\nall stories took {time.monotonic() - began:.0f} s; look around in {INTO}")
    return max(alone, watched, own)


def timed(story: Callable[[], int]) -> tuple[int, float]:
    """What `story` answers, and how many seconds it took."""
    began = time.monotonic()
    return story(), time.monotonic() - began


def five_items() -> int:
    """The five items, in a repository that is built for them."""
    print("== Five items, a scripted agent, no keys, no network ==")
    return kernel("demo", "--into", str(INTO / "five_items")).returncode


def five_items_watched() -> int:
    """The same with a daemon that watches, and that is killed in the middle; everything must end as before."""
    print("\n== The same five items, watched by a daemon, which is killed in the middle ==", flush=True)
    code = play_supervised(INTO / "five_items_watched", partial(print, flush=True))
    print("every command ended as it does alone" if code == 0 else "a command did not end as it does alone")
    return code


def own_repository() -> int:
    """One item on a clone of this repository; its run branch must be green in a fresh clone."""
    print("\n== The same kernel on a clone of its own repository ==", flush=True)
    clone, fresh = INTO / "own_repository", INTO / "fresh_clone"
    git("clone", "--quiet", "--no-hardlinks", str(ROOT), str(clone))
    git("-C", str(clone), "config", "user.name", "Verger demo")
    git("-C", str(clone), "config", "user.email", "demo@localhost")
    policy = INTO / "verger.toml"
    policy.write_text(policy_text(clone), encoding="utf-8")
    run = kernel(
        *("-C", str(clone), "run", str(AGENTS / "playbook.md"), "--item", "01"),
        *("--config", str(policy), "--json"),
        capture=True,
    )
    if run.returncode:
        print(run.stdout)
        return run.returncode
    result = json.loads(run.stdout)
    branch = result["run_branch_name"]
    git("clone", "--quiet", "--branch", branch, str(clone), str(fresh))
    git("-C", str(fresh), "log", "--oneline", "--stat", "-1")
    print("$ python -m pytest tests/probes     # on the run branch, in a fresh clone", flush=True)
    tests = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "tests/probes"]
    return subprocess.run(tests, cwd=fresh, env=environment(), check=False).returncode


def policy_text(clone: Path) -> str:
    """The policy of the second story, with the agents where they lie now."""
    agents = {
        "formatter": [str(AGENTS / "formatter.py")],
        "same-meaning": [str(AGENTS / "same_meaning.py"), str(clone)],
        "only-in-scope": [str(AGENTS / "only_in_scope.py")],
    }
    lines = ["[lanes]", 'worker = "formatter"', 'audit_a = "same-meaning"', 'audit_b = "only-in-scope"']
    for name, command in agents.items():
        argv = json.dumps([sys.executable, *command])
        lines += ["", f"[agents.{name}]", 'kind = "generic"', f"command = {argv}"]
    # No model is asked, so it does not matter what configuration of one lies in HOME.
    return "\n".join(['ambient_agent_config = "acknowledged"', "", *lines]) + "\n"


def kernel(*argv: str, capture: bool = False) -> "subprocess.CompletedProcess[str]":
    """Runs `verger` as a user would, with its state kept beside the demo."""
    print(f"$ verger {' '.join(argv)}", flush=True)
    command = [sys.executable, "-P", "-m", "verger_kernel", *argv]
    stdout = subprocess.PIPE if capture else None
    return subprocess.run(command, env=environment(), stdout=stdout, text=True, check=False)


def environment() -> dict[str, str]:
    """Ours, with this Python first on PATH: the required command of the playbook says just `python`."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    return os.environ | {"PATH": path, "XDG_STATE_HOME": str(INTO / "state")}


def git(*argv: str) -> None:
    """Runs git and lets it speak."""
    subprocess.run(["git", *argv], check=True)


if __name__ == "__main__":
    sys.exit(main())
