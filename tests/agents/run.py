"""`make test-agents`: the published codex and claude against a model server of our own, with no network and no key.

Not here: what is tried; see the tests beside, and tests/contracts/test_agents.py, which runs on the real ones here.

Both are installed by npm into build/agents. The tests run in a network namespace that has loopback alone. What came of
it is written to build/agents.json. With `--short`, one of each kind is tried.
"""

import json
import os
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
INTO = ROOT / "build" / "agents"
RESULT = ROOT / "build" / "agents.json"
JUNIT = INTO / "junit.xml"
PACKAGES = {"@openai/codex": "0.169.0", "@anthropic-ai/claude-code": "2.1.329"}
TESTS = ("tests/agents", "tests/contracts/test_agents.py")
NAMESPACE = ("unshare", "-n") if os.geteuid() == 0 else ("unshare", "-Urn")
INSIDE = Path(__file__).with_name("inside.py")


def main(words: list[str]) -> int:
    """Installs, tries, writes down; answers with 0 unless something failed."""
    INTO.mkdir(parents=True, exist_ok=True)
    why = installed() or closed_off()
    if why:
        return skipped(why)
    JUNIT.unlink(missing_ok=True)
    # A folder of its own, and not below /dev/shm for one: codex's sandbox has a /dev of its own.
    chosen = "not sweep" if "--short" in words else "agents or not agents"
    options = ("-m", chosen, f"--basetemp={INTO / 'tmp'}", f"--junitxml={JUNIT}")
    tests = [sys.executable, "-P", "-m", "pytest", "-n", "2", *options, *TESTS]
    environment = os.environ | {"REAL_AGENTS_IN": str(INTO)}
    code = subprocess.run(
        (*NAMESPACE, sys.executable, "-P", str(INSIDE), *tests), cwd=ROOT, env=environment, check=False
    ).returncode
    told = counted() if JUNIT.exists() else {"passed": 0, "failed": 1, "skipped": 0}
    write(told)
    print(", ".join(f"{count} {name}" for name, count in told.items()))
    return code


def installed() -> str:
    """Why the programs are not there, after an attempt to install them; empty if they are."""
    if all(version_in(package) == version for package, version in PACKAGES.items()):
        return ""
    npm = shutil.which("npm")
    if npm is None:
        return "npm is not on PATH, so neither codex nor claude can be installed"
    wanted = [f"{package}@{version}" for package, version in PACKAGES.items()]
    # Where no registry can be reached, that is to be said soon, and not after ten minutes of patience.
    hurried = ("--fetch-retries", "1", "--fetch-retry-mintimeout", "1000", "--fetch-timeout", "60000")
    command = (npm, "install", "--prefix", str(INTO), "--no-audit", "--no-fund", *hurried, *wanted)
    print(f"installing {' and '.join(wanted)}", flush=True)
    done = subprocess.run(command, cwd=INTO, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if done.returncode == 0 and all(version_in(package) == version for package, version in PACKAGES.items()):
        return ""
    said = done.stdout.decode("utf-8", "replace").splitlines()
    # The first lines of an error say what it is, the last where its log lies.
    errors = [line.removeprefix("npm error").strip() for line in said if line.startswith("npm error")]
    return f"npm could not install {' and '.join(wanted)}: {'; '.join(errors[:4]) or 'without a word'}"


def version_in(package: str) -> str:
    """The version that is installed, empty if none is."""
    try:
        return str(json.loads((INTO / "node_modules" / package / "package.json").read_bytes())["version"])
    except (OSError, ValueError, KeyError):
        return ""


def closed_off() -> str:
    """Why no namespace without a network can be made; empty if it can."""
    try:
        done = subprocess.run((*NAMESPACE, "true"), capture_output=True, check=False)
    except OSError as error:
        return f"{NAMESPACE[0]} cannot be started: {error.strerror}"
    words = done.stderr.decode("utf-8", "replace").strip()
    return "" if done.returncode == 0 else f"this system makes no network namespace: {words}"


def counted() -> dict[str, int]:
    """How many tests passed, failed and were skipped."""
    cases = list(ElementTree.parse(JUNIT).iter("testcase"))
    failed = sum(case.find("failure") is not None or case.find("error") is not None for case in cases)
    left_out = sum(case.find("skipped") is not None for case in cases)
    return {"passed": len(cases) - failed - left_out, "failed": failed, "skipped": left_out}


def skipped(why: str) -> int:
    """Says what is not tried, and why."""
    names = " and ".join(PACKAGES)
    print(f"skipped: {names} were not tried: {why}")
    write({"passed": 0, "failed": 0, "skipped": len(PACKAGES)}, why)
    return 0


def write(told: dict[str, int], why: str = "") -> None:
    """Writes what came of it."""
    RESULT.write_text(
        json.dumps(told | {"why": why, "versions": PACKAGES}, indent=2) + "\n", encoding="utf-8"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
