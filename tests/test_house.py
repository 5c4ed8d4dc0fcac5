"""The house stands: each rule holds for every module, and each rule is proved by a small bad example.

Not here: the rules themselves; see house_rules.py.
"""

import re
import tomllib
from collections.abc import Iterable
from pathlib import Path

import pytest
from tests import house_rules as rules
from tests.house_modules import FLOORS, Module, read_house

ROOT = Path(__file__).parents[1]
HOUSE = read_house(ROOT)


def found(messages: Iterable[str]) -> str:
    return "\n".join(messages)


@pytest.mark.parametrize("rule", rules.MODULE_RULES, ids=lambda rule: rule.__name__)
def test_every_module_keeps_the_rule(rule):
    messages = [message for module in HOUSE for message in rule(module)]
    assert not messages, "\n" + found(messages)


def test_every_module_is_reached_from_an_entry():
    messages = list(rules.no_dead_module(HOUSE))
    assert not messages, "\n" + found(messages)


def test_every_entry_and_every_exception_names_a_file_that_is_there():
    names = {module.name for module in HOUSE}
    assert set(rules.ENTRIES) <= names
    for pattern in (*rules.MAY_START_PROCESSES, *rules.MAY_IMPORT_BY_NAME):
        assert list(ROOT.glob(pattern)), f"no file matches {pattern}: delete the exception"


def test_every_console_script_is_an_entry():
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"]
    for script, target in scripts.items():
        assert script in rules.ENTRIES[target.partition(":")[0]]


def test_each_floor_has_a_sign_and_one_typed_package():
    for floor in FLOORS:
        assert (ROOT / floor / "README.md").is_file()
        assert [path.parent.name for path in (ROOT / floor).glob("*/__init__.py")] == [f"verger_{floor}"]
        assert (ROOT / floor / f"verger_{floor}" / "py.typed").is_file()


def test_the_readme_names_the_commands_that_continuous_integration_runs():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    steps = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert re.findall(r"^make .*", steps, re.MULTILINE) == ["make test-agents SHORT=1", "make test"]
    assert re.search(r"^make demo\b", readme, re.MULTILINE)
    assert re.search(r"^make test\b", readme, re.MULTILINE)
    assert "`make test-agents`" in readme


def test_every_link_of_a_page_leads_to_a_file():
    pages = [*ROOT.glob("*.md"), *ROOT.glob("*/README.md"), *ROOT.glob("docs/**/*.md")]
    broken = []
    for page in pages:
        links = re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
        broken += [f"{page.relative_to(ROOT)}: {link}" for link in links if not (page.parent / link).exists()]
    assert not broken, "\n" + found(broken)


RULES = "kernel/verger_kernel/rules/bad.py"
HANDS = "kernel/verger_kernel/disk/bad.py"

BAD = {
    "probes see nobody": (
        rules.one_way_order,
        "probes/verger_probes/bad.py",
        "from verger_kernel.rules.ids import RunId",
    ),
    "kernel never sees the daemon": (rules.one_way_order, HANDS, "import verger_daemon.settings"),
    "an import in a function counts": (rules.one_way_order, HANDS, "def f():\n    import verger_client"),
    "client sees no hand of the daemon": (
        rules.one_way_order,
        "client/verger_client/bad.py",
        "from verger_daemon import server",
    ),
    "client never sees the kernel": (
        rules.one_way_order,
        "client/verger_client/bad.py",
        "import verger_kernel.rules",
    ),
    "daemon sees no hand of the kernel": (
        rules.one_way_order,
        "daemon/verger_daemon/bad.py",
        "from verger_kernel.disk.store import save",
    ),
    "rules have no disk": (rules.purity, RULES, "from pathlib import Path"),
    "rules have no disk in a folder below": (
        rules.purity,
        "kernel/verger_kernel/rules/deep/bad.py",
        "import os",
    ),
    "protocol is sans-IO": (rules.purity, "daemon/verger_daemon/protocol/bad.py", "import anyio"),
    "rules see no hand": (rules.purity, RULES, "from verger_kernel.disk.layout import Layout"),
    "rules see no hand by a relative import": (rules.purity, RULES, "from ..disk import layout"),
    "rules have no clock by another name": (
        rules.purity,
        RULES,
        "from datetime import datetime as D\nD.now()",
    ),
    "rules open nothing": (rules.purity, RULES, "def f(p):\n    return open(p).read()"),
    "rules import nothing by name": (rules.purity, RULES, "__import__('os')"),
    "markdown is for playbooks": (rules.purity, RULES, "import markdown_it"),
    "imports are seen": (rules.imports_are_seen, HANDS, "from importlib import import_module as load"),
    "imports are seen in a call": (
        rules.imports_are_seen,
        HANDS,
        "import importlib\nimportlib.import_module('a')",
    ),
    "decoding has one door": (
        rules.decoding_has_one_door,
        HANDS,
        "import msgspec\nx = msgspec.json.decode(b'1', type=int)",
    ),
    "git has one door": (rules.git_has_one_door, "kernel/verger_kernel/git/refs.py", "from git import Repo"),
    "git has one door, lazily too": (rules.git_has_one_door, HANDS, "def f():\n    import git.repo"),
    "no subprocess": (rules.processes_have_few_doors, HANDS, "from subprocess import run"),
    "no exec by another name": (rules.processes_have_few_doors, HANDS, "import os as o\no.execv('a', [])"),
    "no exec by its own name": (rules.processes_have_few_doors, HANDS, "from os import posix_spawn as go"),
    "no fork": (rules.processes_have_few_doors, HANDS, "import os\nos.fork()"),
    "no shell": (rules.processes_have_few_doors, HANDS, "import os\nos.system('true')"),
    "no anyio process": (
        rules.processes_have_few_doors,
        HANDS,
        "import anyio\nasync def f():\n    await anyio.open_process('a')",
    ),
    "no asyncio process": (
        rules.processes_have_few_doors,
        HANDS,
        "import asyncio\nx = asyncio.create_subprocess_exec",
    ),
    "no module without a sign": (rules.opens_with_a_docstring, HANDS, "import os"),
    "no printing": (rules.prints_nothing, HANDS, "print('done')"),
    "no endless file": (rules.fits_in_a_head, HANDS, "x = 1\n" * 291),
    "no endless function": (rules.fits_in_a_head, HANDS, "async def f():\n" + "    x = 1\n" * 60),
    "no promise for later": (rules.promises_nothing_for_later, HANDS, "x = 1  # TO" + "DO: more"),
}

GOOD = {
    "client sees the protocol": (
        rules.one_way_order,
        "client/verger_client/good.py",
        "from verger_daemon.protocol.messages import Request\nimport verger_probes.exits",
    ),
    "client becomes the kernel": (
        rules.one_way_order,
        "client/verger_client/good.py",
        "def f():\n    from verger_kernel.__main__ import main",
    ),
    "daemon sees the words of the kernel": (
        rules.one_way_order,
        "daemon/verger_daemon/good.py",
        "from verger_kernel.rules.state import RunState",
    ),
    "a longer name is another package": (rules.one_way_order, HANDS, "import verger_daemonic"),
    "rules see each other": (
        rules.purity,
        RULES,
        "import msgspec\nfrom . import ids\nfrom verger_kernel.rules.ids import RunId",
    ),
    "rules may show a time that was given": (
        rules.purity,
        RULES,
        "from datetime import UTC, datetime\ndatetime.fromtimestamp(0, UTC)",
    ),
    "playbooks read markdown": (
        rules.purity,
        "kernel/verger_kernel/rules/playbook/document.py",
        "import markdown_it",
    ),
    "hands may touch the world": (rules.purity, HANDS, "import os\nopen('x')"),
    "the git room may import itself": (
        rules.git_has_one_door,
        "kernel/verger_kernel/git/refs.py",
        "from verger_kernel.git.command import Git\nfrom .command import Git",
    ),
    "the runner starts processes": (
        rules.processes_have_few_doors,
        "kernel/verger_kernel/process/runner.py",
        "import subprocess",
    ),
    "a method of ours may be called fork": (rules.processes_have_few_doors, HANDS, "def f(x):\n    x.fork()"),
    "a command prints": (rules.prints_nothing, "kernel/verger_kernel/commands/status.py", "print('x')"),
    "290 lines fit": (rules.fits_in_a_head, HANDS, "x = 1\n" * 290),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_module_is_told_the_rule_the_reason_and_the_way_out(case):
    rule, file, source = BAD[case]
    text = found(rule(Module(file, source)))
    assert text.startswith(f"{file}:")
    assert "\n  Why: " in text
    assert "\n  Way out: " in text


@pytest.mark.parametrize("case", GOOD)
def test_a_good_module_is_left_in_peace(case):
    rule, file, source = GOOD[case]
    assert found(rule(Module(file, source))) == ""


def test_a_table_of_commands_counts_as_imports():
    cli = Module("kernel/verger_kernel/cli.py", "COMMANDS = {'run': 'run:run', 'lint': 'playbook:lint'}")
    assert [name for _, name in cli.imports] == [
        "verger_kernel.commands.run",
        "verger_kernel.commands.playbook",
    ]


def test_two_modules_that_only_import_each_other_are_dead():
    modules = [
        Module("kernel/verger_kernel/__main__.py", "from verger_kernel.driver import drive"),
        Module("kernel/verger_kernel/driver.py", "from .rules import machine"),
        Module("kernel/verger_kernel/rules/__init__.py", ""),
        Module("kernel/verger_kernel/rules/machine.py", ""),
        Module("kernel/verger_kernel/left.py", "import verger_kernel.right"),
        Module("kernel/verger_kernel/right.py", "import verger_kernel.left"),
        Module("kernel/verger_kernel/empty/__init__.py", ""),
    ]
    dead = [message.partition(":")[0] for message in rules.no_dead_module(modules)]
    assert dead == [f"kernel/verger_kernel/{name}.py" for name in ("left", "right", "empty/__init__")]
