"""The rules of the house as functions from parsed modules to kind messages. Standard library only.

Not here: how modules are read (house_modules.py), and the bad examples that prove each rule (test_house.py).
"""

import ast
from collections.abc import Iterator
from fnmatch import fnmatch

from tests.house_modules import FLOORS, Module

LINES_MAX = 290
FUNCTION_LINES_MAX = 60

# fmt: off
PURE_LIBRARY = {
    "msgspec", "collections", "dataclasses", "datetime", "enum", "functools", "hashlib", "itertools", "json",
    "hmac", "re", "textwrap", "tomllib", "tomlkit", "typing", "ast", "configparser", "fnmatch", "warnings", "xml",
}
# A table of numbers, and what makes the same value of the same bytes.
PURE_OF_OURS = ("verger_probes.exits", "verger_probes.decoding")
# What reaches outside without any import, or without a forbidden one.
IMPURE_NAMES = {
    "open", "input", "exec", "eval", "__import__", "breakpoint",
    "datetime.datetime.now", "datetime.datetime.utcnow", "datetime.datetime.today", "datetime.date.today",
}
# The kernel's words and readers; never its hands.
DAEMON_MAY_READ = (
    "verger_kernel.rules", "verger_kernel.disk.layout", "verger_kernel.snapshot", "verger_kernel.snapshot_text",
    "verger_kernel.following", "verger_kernel.home", "verger_kernel.progress", "verger_kernel.terminal",
    "verger_kernel.clock", "verger_kernel.errors",
    # And how processes are found and ended, which must be one way for both.
    "verger_kernel.process.ending", "verger_kernel.process.table", "verger_kernel.process.tree",
    "verger_kernel.process.looks",
)

# What the client becomes; nothing else of the kernel, which has no parts for others.
CLIENT_MAY_BECOME = ("verger_kernel.__main__",)

STARTERS = (
    "subprocess", "subprocess.*", "multiprocessing", "multiprocessing.*", "pty", "pty.*",
    "os.exec*", "os.spawn*", "os.posix_spawn*", "os.fork*", "os.system", "os.popen",
    "anyio.open_process", "anyio.run_process", "anyio.to_process*",
    "asyncio.create_subprocess*", "asyncio.subprocess*",
    "concurrent.futures.ProcessPoolExecutor", "concurrent.futures.process*", "psutil.Popen",
)
# fmt: on
MAY_START_PROCESSES = {
    "kernel/verger_kernel/process/*.py": "starts agents and commands, within limits",
    "kernel/verger_kernel/git/command.py": "the one place where git is run",
    "daemon/verger_daemon/invocations.py": "starts kernels",
    "client/verger_client/starting.py": "starts a daemon where none listens",
    "client/verger_client/systemctl.py": "asks systemd, and becomes what shows its journal",
    "kernel/verger_kernel/agents/playing.py": "is an agent itself: it runs inside the limits and plays a liar",
}
MAY_IMPORT_BY_NAME = {"kernel/verger_kernel/cli.py": "imports only the command that was called; see COMMANDS"}
MAY_PRINT = ("*/commands/*.py", "*/cli.py", "*/__main__.py", "kernel/verger_kernel/agents/playing.py")

# Modules that nobody imports, each with who starts it.
ENTRIES = {
    "verger_client.__main__": "console script verger",
    "verger_daemon.__main__": "console script vergerd, and the client with -m",
    "verger_kernel.__main__": "console script verger-kernel, and the client and the daemon with -m",
    "verger_kernel.agents.player": "the scripted adapter, with -m",
    "verger_kernel.process.inside": "whatever makes a sandbox, with -c",
}


def one_way_order(module: Module) -> Iterator[str]:
    for line, name in module.imports:
        floor = _floor_of(name)
        if floor is None or floor == module.floor:
            continue
        if FLOORS.index(floor) > FLOORS.index(module.floor):
            yield _message(
                module,
                line,
                f"imports {name}: imports go client → daemon → kernel → probes, never up",
                "a lower floor that knows a higher one can no longer be run, tested or trusted without it",
                "move what both need down, or let the upper floor pass it in",
            )
        elif not _door_is_open(module.floor, floor, name):
            yield _message(
                module,
                line,
                f"imports {name}: the client sees only verger_daemon.protocol, {CLIENT_MAY_BECOME[0]} "
                f"and the probes, the daemon only {', '.join(DAEMON_MAY_READ)} and the probes",
                "the client must start fast, and the daemon must be unable to write what the kernel owns",
                "ask over the socket, start a kernel, or put the words both need into rules/",
            )


def purity(module: Module) -> Iterator[str]:
    if not module.is_pure:
        return
    why = "rules decide and hands do: the same values must give the same answer, today and in a replay"
    for line, name in module.imports:
        if not _is_pure_import(module, name):
            hint = "take the value as an argument, or move the doing to a hand outside this folder"
            yield _message(module, line, f"imports {name}, which rules/ and protocol/ may not", why, hint)
    for line, name in module.names:
        if name in IMPURE_NAMES:
            hint = "take what it would have said as an argument (time comes in as `now`)"
            yield _message(module, line, f"calls {name}, which reaches outside", why, hint)


def imports_are_seen(module: Module) -> Iterator[str]:
    if module.file in MAY_IMPORT_BY_NAME:
        return
    for line, name in sorted({*module.imports, *module.names}):
        if name in ("__import__", "importlib.import_module"):
            yield _message(
                module,
                line,
                f"imports by a computed name, with {name}",
                "neither a reader nor this test can see where such an import leads",
                "write the import out, in the function that needs it if it is slow",
            )


def decoding_has_one_door(module: Module) -> Iterator[str]:
    if module.file == "probes/verger_probes/decoding.py":
        return
    for line, name in module.names:
        if name in ("msgspec.json.decode", "msgspec.json.Decoder", "msgspec.convert"):
            yield _message(
                module,
                line,
                f"calls {name}",
                "two threads that decode a type for the first time at once end the process",
                "decoded, decoder or converted of verger_probes.decoding",
            )


def git_has_one_door(module: Module) -> Iterator[str]:
    if module.file == "kernel/verger_kernel/git/command.py":
        return
    for line, name in module.imports:
        if name.split(".")[0] in ("git", "gitdb"):
            yield _message(
                module,
                line,
                "imports GitPython, which only kernel/verger_kernel/git/command.py may",
                "git obeys its environment, so there is one place that makes the environment safe",
                "ask git through verger_kernel.git.command",
            )


def processes_have_few_doors(module: Module) -> Iterator[str]:
    if any(fnmatch(module.file, pattern) for pattern in MAY_START_PROCESSES):
        return
    found = {line: name for line, name in sorted({*module.imports, *module.names}) if _starts_a_process(name)}
    for line, name in found.items():
        yield _message(
            module,
            line,
            f"uses {name}, which starts a process; only {', '.join(MAY_START_PROCESSES)} may",
            "a process started elsewhere has no limits and is not swept",
            "run it through verger_kernel.process",
        )


def opens_with_a_docstring(module: Module) -> Iterator[str]:
    if not ast.get_docstring(module.tree):
        yield _message(
            module,
            1,
            "has no docstring",
            "the first line of a file tells a newcomer whether to read on",
            "open with what lives here, then a line `Not here: …`",
        )


def prints_nothing(module: Module) -> Iterator[str]:
    if any(fnmatch(module.file, pattern) for pattern in MAY_PRINT):
        return
    for line, name in module.names:
        if name == "print":
            yield _message(
                module,
                line,
                "prints",
                "stdout carries data that scripts parse, so only commands write to it",
                "return the text, and let the command print it",
            )


def fits_in_a_head(module: Module) -> Iterator[str]:
    why = "a file and a function are what one person can hold"
    lines = module.source.count("\n")
    if lines > LINES_MAX:
        hint = "ask which noun wants a room of its own"
        yield _message(module, lines, f"has {lines} lines, {LINES_MAX} are the most", why, hint)
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > FUNCTION_LINES_MAX:
                rule = f"holds {node.name}, which has {length} lines; {FUNCTION_LINES_MAX} are the most"
                yield _message(module, node.lineno, rule, why, "give its steps names")


def promises_nothing_for_later(module: Module) -> Iterator[str]:
    for number, line in enumerate(module.source.splitlines(), 1):
        for word in ("TODO", "FIXME", "XXX"):
            if word in line:
                yield _message(
                    module,
                    number,
                    f"holds the word {word}",
                    "a note in the code is read by nobody who plans",
                    "do it now, or open an issue",
                )


MODULE_RULES = (
    one_way_order,
    purity,
    imports_are_seen,
    decoding_has_one_door,
    git_has_one_door,
    processes_have_few_doors,
    opens_with_a_docstring,
    prints_nothing,
    fits_in_a_head,
    promises_nothing_for_later,
)


def no_dead_module(modules: list[Module]) -> Iterator[str]:
    """Works on the whole house: a module is alive if one of ENTRIES is it, or leads to it by imports."""
    reached = _reached(modules)
    for module in modules:
        if module.name not in reached:
            yield _message(
                module,
                1,
                "is reached from no entry",
                "code that nothing runs is read, tested and mended for nothing",
                "import it where it is needed, delete it, or list it in ENTRIES with who starts it",
            )


def _reached(modules: list[Module]) -> set[str]:
    imported = {module.name: {name for _, name in module.imports} for module in modules}
    reached: set[str] = set()
    waiting = list(ENTRIES)
    while waiting:
        name = waiting.pop()
        if name and name not in reached:
            reached.add(name)
            # The package of a module runs with it; of `package.module.Name`, the module.
            waiting += [name.rpartition(".")[0], *imported.get(name, ())]
    return reached


def _floor_of(name: str) -> str | None:
    return next((floor for floor in FLOORS if _lies_in(name, f"verger_{floor}")), None)


def _lies_in(name: str, package: str) -> bool:
    return name == package or name.startswith(package + ".")


def _door_is_open(source: str, target: str, name: str) -> bool:
    if target == "probes":
        return True
    doors = {
        ("client", "daemon"): ("verger_daemon.protocol",),
        ("client", "kernel"): CLIENT_MAY_BECOME,
        ("daemon", "kernel"): DAEMON_MAY_READ,
    }.get((source, target), ())
    return any(_lies_in(name, door) for door in doors)


def _is_pure_import(module: Module, name: str) -> bool:
    if _floor_of(name):
        return bool({"rules", "protocol"} & set(name.split("."))) or name.startswith(PURE_OF_OURS)
    if name.split(".")[0] == "markdown_it":
        return fnmatch(module.file, "kernel/verger_kernel/rules/playbook/*.py")
    return name.split(".")[0] in PURE_LIBRARY


def _starts_a_process(name: str) -> bool:
    return any(fnmatch(name, pattern) for pattern in STARTERS)


def _message(module: Module, line: int, rule: str, why: str, hint: str) -> str:
    return f"{module.file}:{line} {rule}.\n  Why: {why}.\n  Way out: {hint}."
