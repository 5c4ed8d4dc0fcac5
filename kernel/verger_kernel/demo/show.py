"""The demo's story: the commands a user would type, one after the other, and what came of them.

Not here: its files; see `files/`. Every command is the real one, on a real repository.
"""

import os
from collections.abc import Callable
from importlib.resources import as_file, files
from pathlib import Path

from verger_kernel.cli import dispatch
from verger_kernel.demo.table import outcome_table
from verger_kernel.errors import CommandError
from verger_kernel.git.command import Git, Identity
from verger_probes.exits import Exit

Say = Callable[[str], None]
PLAYBOOK = "playbook.md"
_HIDDEN = {"gitignore.txt": ".gitignore"}
"""Files that would act on this repository if they bore their real name here."""


def play(into: Path, say: Say) -> int:
    """Builds the repository below `into` and plays the story; answers with 0 when every item ends as told."""
    if into.exists():
        raise CommandError(f"{into} exists already", "name a folder that does not exist yet", Exit.INPUT)
    repository = into / "repository"
    evidence = into / "evidence"
    build(repository)
    evidence.mkdir()
    (evidence / "status.txt").write_text("all systems up\n", encoding="utf-8")
    say(f"\n# a repository of its own in {repository}")
    codes = [
        typed(say, repository, "run", PLAYBOOK, "--next"),
        *_decide(say, repository),
        typed(say, repository, "resume", "latest"),
        typed(say, repository, "resume", "latest", "--external-evidence-dir", str(evidence)),
    ]
    say(outcome_table(repository))
    wanted = [
        Exit.AWAITING_HUMAN_GATE,
        Exit.DONE,
        Exit.BLOCKED_EXTERNAL,
        Exit.ESCALATED,
    ]
    return int(Exit.DONE if codes == [int(code) for code in wanted] else Exit.UNEXPECTED)


def build(repository: Path) -> None:
    """Makes the demo's repository with one commit."""
    with as_file(files("verger_kernel.demo") / "files") as source:
        for path in sorted(source.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                name = path.relative_to(source)
                target = repository / name.with_name(_HIDDEN.get(name.name, name.name))
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(path.read_bytes())
    git = Git(repository / ".git", identity=Identity("Verger demo", "demo@localhost"))
    git.run("init", "--quiet", "--initial-branch=main", str(repository), work_tree=repository)
    git.run("config", "user.name", "Verger demo")
    git.run("config", "user.email", "demo@localhost")
    git.run("add", "--all", work_tree=repository)
    git.run("commit", "--quiet", "--message", "a greeter", work_tree=repository)


def _decide(say: Say, repository: Path) -> list[int]:
    say("\n# item 03 waits for a person: read the policy, then decide. The demo records what you would")
    return [
        typed(
            say,
            repository,
            "mark-manual-gate",
            "latest",
            "--item",
            "03",
            "--decision",
            "approved",
            "--by",
            "the demo, in place of a person",
            "--note",
            "read docs/policy.md",
        )
    ]


def typed(say: Say, repository: Path, *argv: str) -> int:
    """Runs one command as a user in `repository` would; answers with its exit code."""
    words = " ".join(f"'{word}'" if " " in word else word for word in argv)
    say(f"\n$ verger {words}")
    try:
        return dispatch(["-C", str(repository), *argv])
    except CommandError as error:
        say(f"error: {error.what}; hint: {error.hint}")
        return int(error.code)


def state_home_for(into: Path) -> None:
    """Keeps the demo's runs beside its repository and out of the user's own state."""
    os.environ["XDG_STATE_HOME"] = str(into / "state")
