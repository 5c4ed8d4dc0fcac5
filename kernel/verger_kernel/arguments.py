"""What each command takes on its command line, but for those about a playbook alone.

Not here: what becomes of the words, and the commands about a playbook; see `cli.py`.
"""

import argparse
import re
from pathlib import Path
from typing import Any, TypeAlias

from verger_kernel.rules.ids import shown

ITEMS_MAX = 10_000
"""More items than a playbook anybody reviewed will have."""
_DIGITS_MAX = 15

EXAMPLES = {
    "list-items": "verger list-items playbook.md",
    "show-item": "verger show-item playbook.md --item 02",
    "playbook": "verger playbook lint playbook.md",
    "run": "verger run playbook.md --next --auto-advance",
    "resume": "verger resume latest",
    "refresh-run": "verger refresh-run latest --retarget-run-branch-to main",
    "status": "verger status latest --json",
    "doctor": "verger doctor --playbook playbook.md",
    "mark-manual-gate": "verger mark-manual-gate latest --item 02 --decision approved --by Ada --note read",
    "demo": "verger demo --into /tmp/verger-demo",
    "logs": "verger logs latest 02 audit-a --follow",
    "diff": "verger diff latest 02 --stat",
    "where": 'cd "$(verger where latest 02 worktree)"',
    "completion": 'eval "$(verger completion bash)"',
}
"""One call of every command, as its --help shows it."""

STAGES = ("execute", "verify", "audit", "audit-a", "audit-b", "triage", "fix", "remediate")
"""The stages that write logs."""

PLACES = (
    *(
        "item",
        "attempt",
        "worktree",
        "logs",
        "agents",
        "answers",
        "reports",
        "packet",
        "verification",
        "findings",
    ),
    *("gate", "escalation"),
)
"""What `where` knows of an item."""

Commands: TypeAlias = "argparse._SubParsersAction[Any]"


def command(commands: Commands, name: str, help_: str) -> argparse.ArgumentParser:
    """A new command with what all of them take."""
    added: argparse.ArgumentParser = commands.add_parser(
        name,
        help=help_,
        description=help_,
        epilog=f"example: {EXAMPLES[name]}",
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    added.add_argument("--format", choices=("text", "json"), default="text")
    added.add_argument("--json", dest="format", action="store_const", const="json", help="--format json")
    folder(added, default=argparse.SUPPRESS)
    return added


def folder(parser: argparse.ArgumentParser, default: Any) -> None:
    """-C, which means the same before and after the command."""
    parser.add_argument("-C", dest="directory", type=Path, default=default, metavar="DIR", help="work in DIR")


def playbook(command: argparse.ArgumentParser) -> None:
    """A playbook as a positional or as a flag."""
    command.add_argument("file", nargs="?", type=Path, metavar="FILE", help="the playbook")
    command.add_argument("--playbook", type=Path, metavar="FILE", help="the same, as a flag")


def run_commands(commands: Commands) -> None:
    """The commands that carry a run on."""
    run = command(commands, "run", "carry a reviewed playbook, item by item")
    playbook(run)
    which = run.add_mutually_exclusive_group(required=True)
    which.add_argument("--item", metavar="ID", help="one item")
    which.add_argument("--items", metavar="ID,ID", help="several items, in this order")
    which.add_argument("--next", action="store_true", help="the first item; with --auto-advance all")
    run.add_argument("--config", type=Path, metavar="FILE", help="policy on top of verger.toml")
    run.add_argument("--agents", metavar="ROLE=NAME,…", help="who works: worker, audit_a, audit_b, triage")
    run.add_argument(
        "--agents-map", type=Path, metavar="FILE", help="other agents for single items, as JSON or TOML"
    )
    # Only for a daemon, which draws the id before there is a run.
    run.add_argument("--run-id", dest="run_id", metavar="RUN", help=argparse.SUPPRESS)
    _going_on(run)
    _budget(run, "at most {}, from the first call on")
    resume = command(commands, "resume", "go on where a run stopped or was killed")
    _run(resume)
    _going_on(resume)
    _budget(resume, "let the run spend more: {} in all")
    refresh = command(commands, "refresh-run", "go on from another commit, which holds what the run came to")
    _run(refresh)
    refresh.add_argument(
        "--retarget-run-branch-to", required=True, metavar="REF", help="a branch, tag or commit"
    )
    gate = command(commands, "mark-manual-gate", "record a person's decision on an item")
    _run(gate)
    gate.add_argument("--item", required=True, metavar="ID")
    gate.add_argument("--decision", required=True, choices=("approved", "rejected"))
    gate.add_argument("--by", required=True, metavar="NAME", help="who decides")
    gate.add_argument("--note", required=True, metavar="TEXT", help="why")
    gate.add_argument("--evidence-path", type=Path, action="append", default=[], metavar="FILE")
    gate.add_argument(
        "--gate-nonce", metavar="NONCE", help="refuse unless the gate still asks what bore this nonce"
    )


def _going_on(command: argparse.ArgumentParser) -> None:
    command.add_argument("--auto-advance", action="store_true", help="go on with the next unfinished item")
    command.add_argument("--max-items", type=_count, metavar="N", help="stop when N items have passed")
    command.add_argument(
        "--external-evidence-dir", type=Path, metavar="DIR", help="evidence for the next item"
    )
    command.add_argument("--follow", action="store_true", help="JSON Lines on stdout; the last is the result")


BUDGETS = {
    "--budget-usd": ("USD", "dollars"),
    "--budget-tokens": ("N", "tokens"),
    "--budget-wall-s": ("N", "seconds at work"),
    "--item-budget-usd": ("USD", "dollars for each item"),
    "--item-budget-tokens": ("N", "tokens for each item"),
}
"""The flags that bound what a run may spend; `rules/budgets.py` has them too, and is not read for every command."""


def _budget(command: argparse.ArgumentParser, words: str) -> None:
    for flag, (metavar, unit) in BUDGETS.items():
        kind = _dollars if metavar == "USD" else _amount
        command.add_argument(flag, type=kind, metavar=metavar, help=words.format(unit))


def view_commands(commands: Commands) -> None:
    """The commands that look at a run, an environment or nothing of the user's."""
    status = command(commands, "status", "where a run stands, read from its files")
    _run(status)
    which = status.add_mutually_exclusive_group()
    which.add_argument("--all", action="store_true", help="every run of this repository")
    which.add_argument("--follow", action="store_true", help="JSON Lines until nobody drives the run")
    which.add_argument("--costs", action="store_true", help="what each stage and lane of each item cost")
    status.add_argument("--exit-code", action="store_true", help="answer with the run's code")
    # Only for `supervise status`, where no daemon answered: why.
    status.add_argument("--unproved", metavar="WHY", help=argparse.SUPPRESS)
    status.add_argument(
        "--from", dest="since", type=_seq, metavar="SEQ", help="with --follow: from this seq on"
    )
    doctor = command(commands, "doctor", "what is wrong with environment, playbook and run")
    doctor.add_argument("run", nargs="?", metavar="RUN")
    doctor.add_argument("--run-id", dest="run_id", metavar="RUN")
    doctor.add_argument(
        "--fix-safe", action="store_true", help="mend first what can be mended without a loss"
    )
    doctor.add_argument("--playbook", type=Path, metavar="FILE")
    doctor.add_argument("--config", type=Path, metavar="FILE")
    doctor.add_argument("--agents", metavar="ROLE=NAME,…")
    doctor.add_argument("--agents-map", type=Path, metavar="FILE")
    demo = command(commands, "demo", "a whole run in a throw-away repository: no keys, no network")
    demo.add_argument("--into", type=Path, metavar="DIR", help="where to build it; must not exist")


def look_commands(commands: Commands) -> None:
    """The commands that show what lies in a run."""
    logs = command(commands, "logs", "what agents and commands of an item wrote")
    logs.add_argument("run", metavar="RUN", help="a run id, the beginning of one, or latest")
    logs.add_argument("item", metavar="ITEM")
    logs.add_argument("stage", nargs="?", choices=STAGES, metavar="STAGE", help=", ".join(STAGES))
    logs.add_argument("--attempt", type=_count, metavar="N", help="not the latest, but this one")
    logs.add_argument("--round", type=_seq, metavar="N", help="this round alone")
    logs.add_argument("--stream", choices=("stdout", "stderr"), help="of agents: this stream alone")
    logs.add_argument("--follow", action="store_true", help="until the item ends or nobody drives the run")
    diff = command(commands, "diff", "what a run or an item changed")
    _look(diff)
    how = diff.add_mutually_exclusive_group()
    how.add_argument("--stat", action="store_true", help="how many lines of each file")
    how.add_argument("--name-only", action="store_true", help="the paths alone")
    where = command(commands, "where", "where everything of a run or an item lies")
    _look(where)
    where.add_argument("what", nargs="?", metavar="WHAT", help="one of the names, for its path alone")
    completion = command(commands, "completion", "the completion of a shell: bash, zsh or fish")
    completion.add_argument("shell", nargs="?", choices=("bash", "zsh", "fish"), metavar="SHELL")
    completion.add_argument("--runs", action="store_true", help=argparse.SUPPRESS)
    completion.add_argument("--items", metavar="RUN", help=argparse.SUPPRESS)


def _run(command: argparse.ArgumentParser) -> None:
    command.add_argument("run", nargs="?", metavar="RUN", help="a run id, the beginning of one, or latest")
    command.add_argument("--run-id", dest="run_id", metavar="RUN", help="the same, as a flag")


def _look(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "run", nargs="?", default="latest", metavar="RUN", help="a run id, the beginning of one, or latest"
    )
    command.add_argument("item", nargs="?", metavar="ITEM")


def _count(text: str) -> int:
    if not re.fullmatch("[0-9]{1,9}", text) or not 1 <= int(text) <= ITEMS_MAX:
        raise argparse.ArgumentTypeError(f"{shown(text)} is no whole number from 1 to {ITEMS_MAX}")
    return int(text)


def _dollars(text: str) -> str:
    if not re.fullmatch(r"[0-9]{1,7}(\.[0-9]{1,6})?", text):
        raise argparse.ArgumentTypeError(f"{shown(text)} is no sum of dollars such as 2.50")
    return text


def _amount(text: str) -> int:
    if not re.fullmatch(f"[1-9][0-9]{{0,{_DIGITS_MAX - 4}}}", text):
        raise argparse.ArgumentTypeError(f"{shown(text)} is no whole number from 1")
    return int(text)


def _seq(text: str) -> int:
    if not re.fullmatch(f"[0-9]{{1,{_DIGITS_MAX}}}", text):
        raise argparse.ArgumentTypeError(f"{shown(text)} is no whole number from 0")
    return int(text)
