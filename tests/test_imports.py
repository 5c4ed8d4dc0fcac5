"""What each command imports: modules are counted, for they are what a start costs and no busy machine changes them.

Not here: milliseconds; see docs/performance.md.
"""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.doubles.asking import ended, supervised
from tests.doubles.notes import PLAYBOOK, item
from tests.doubles.workplace import Workplace, workplace

import verger_client

# As the console script starts; at its end it tells which modules it came to have.
BODY = """
import atexit, sys
before, out = set(sys.modules), sys.argv.pop(1)
def tell():
    with open(out, "w") as file:
        file.write("\\n".join(set(sys.modules) - before))
atexit.register(tell)
from verger_client.__main__ import main
sys.exit(main())
"""
# A supervised kernel tells when it says that it can be asked.
SUPERVISED = """
import sys
before, out = set(sys.modules), sys.argv.pop(1)
from verger_kernel.supervised.greeting import Greeting
said = Greeting.say_listening
def tell(greeting):
    with open(out, "w") as file:
        file.write("\\n".join(set(sys.modules) - before))
    said(greeting)
Greeting.say_listening = tell
from verger_kernel.__main__ import main
sys.exit(main())
"""
OURS = ("verger_client", "verger_kernel", "verger_probes", "verger_daemon")
READERS = {"markdown_it", "mdurl"}
POLICY = {"pydantic", "pydantic_core", "pydantic_settings", "dotenv", "annotated_types"}
GIT = {"git", "gitdb", "smmap"}
LOOP = {"anyio", "asyncio"}
WIRE = {"msgspec", "typing_extensions"}
SLOW = (
    READERS
    | POLICY
    | GIT
    | LOOP
    | WIRE
    | {"tomlkit", "psutil", "argparse", "pathlib", "dataclasses", "subprocess"}
)


@dataclass(frozen=True)
class Budget:
    """The most that a command may import: modules of ours, of others and of Python, and `slow` packages by name."""

    ours: int
    others: int
    pythons: int
    slow: frozenset[str]


def budget(ours: int, others: int, pythons: int, slow: set[str]) -> Budget:
    return Budget(ours, others, pythons, frozenset(slow))


# A little more than it is today: one more library, or a whole room of ours, is seen.
USUAL = {"argparse", "pathlib", "dataclasses", "msgspec", "typing_extensions"}
BUDGETS = {
    "--version": budget(4, 0, 0, set()),
    "--help": budget(2, 0, 0, set()),
    "status": budget(9, 0, 32, set()),
    "list-items": budget(9, 0, 32, set()),
    "a fresh status": budget(59, 16, 110, USUAL),
    "a fresh list-items": budget(36, 90, 105, USUAL | READERS),
    "show-item": budget(36, 90, 105, USUAL | READERS),
    "resume": budget(234, 115, 200, USUAL | GIT | LOOP | {"subprocess"}),
    "run": budget(253, 275, 240, USUAL | READERS | POLICY | GIT | LOOP | {"subprocess"}),
    "listening": budget(23, 14, 150, {"asyncio", "msgspec", "typing_extensions", "pathlib", "subprocess"}),
    "doctor": budget(242, 260, 240, USUAL | READERS | POLICY | GIT | LOOP | {"subprocess"}),
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """A repository with an idle run of which one item of two passed."""
    made = workplace(tmp_path_factory.mktemp("imports"), rows=[item("01"), item("02")])
    assert made.verger("run", PLAYBOOK, "--item", "01").code == 0
    return made


def imported(place: Workplace, *argv: str, **environ: str) -> list[str]:
    """The modules that the client imported for `argv`, by its end."""
    told = place.root / "modules"
    environment = place.environment(**environ)
    client = str(Path(verger_client.__path__[0]).parent)
    environment["PYTHONPATH"] = os.pathsep.join((client, environment["PYTHONPATH"]))
    done = subprocess.run(
        (sys.executable, "-P", "-c", BODY, str(told), *argv),
        cwd=place.repository,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    return told.read_text(encoding="utf-8").split()


def imported_to_listen(place: Workplace) -> list[str]:
    """The modules that a supervised kernel imported by the time it can be asked."""
    told = place.root / "modules"
    with supervised(place, "run", "--help", program=("-c", SUPERVISED, str(told))) as kernel:
        assert kernel.process
        assert ended(kernel.process)[0] == 0
    return told.read_text(encoding="utf-8").split()


def modules(place: Workplace, name: str) -> list[str]:
    words = {
        "list-items": ("list-items", PLAYBOOK),
        "show-item": ("show-item", PLAYBOOK, "--item", "01"),
        "run": ("run", PLAYBOOK, "--item", "01"),
        "resume": ("resume",),
    }
    if name == "listening":
        return imported_to_listen(place)
    fresh = name.startswith("a fresh ")
    command = name.removeprefix("a fresh ")
    argv = words.get(command, (command,))
    if fresh:
        return imported(place, *argv, XDG_CACHE_HOME=str(place.root / "fresh" / command))
    if command in ("status", "list-items"):
        imported(place, *argv)
    return imported(place, *argv)


@pytest.mark.parametrize("name", BUDGETS)
def test_no_command_imports_more_than_its_budget(place: Workplace, name: str) -> None:
    allowed, found = BUDGETS[name], modules(place, name)
    tops = [module.partition(".")[0] for module in found]
    ours = [module for module, top in zip(found, tops, strict=True) if top in OURS]
    pythons = [module for module, top in zip(found, tops, strict=True) if top in sys.stdlib_module_names]
    others = sorted(set(found) - set(ours) - set(pythons))
    assert SLOW & set(tops) <= allowed.slow
    assert len(ours) <= allowed.ours, sorted(ours)
    assert len(others) <= allowed.others, others
    assert len(pythons) <= allowed.pythons, sorted(pythons)
