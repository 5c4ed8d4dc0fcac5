"""Every fenced command of the docs works: each page is typed from top to bottom, as a reader would.

Not here: how a page is typed; see tests/doubles/sessions.py.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest
from tests.doubles.notes import PLAYBOOK, evidenced, gated, item, scenario, writing
from tests.doubles.runtime import runtime
from tests.doubles.sessions import Session, Step, fences, put_programs, says, steps, uncommented
from tests.doubles.sweeps import swept
from tests.doubles.workplace import Workplace, workplace
from tests.house_modules import FLOORS

from verger_kernel.cli import parser
from verger_probes.version import VERSION

ROOT = Path(__file__).parents[2]
PAGES = {
    str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
    for pattern in ("README.md", "CONTRIBUTING.md", "docs/*.md", "[a-z]*/README.md", "examples/*/README.md")
    for path in sorted(ROOT.glob(pattern))
}
NEEDS_THE_CLONE = "it works on the clone itself, which the test runs in"
NOT_TYPED = {
    "make demo": NEEDS_THE_CLONE,
    "make test": NEEDS_THE_CLONE,
    "make lint": NEEDS_THE_CLONE,
    "make constraints": "it asks the package index",
    ".venv/bin/python -P -m pytest tests/kernel/rules": NEEDS_THE_CLONE,
    ".venv/bin/python -P -m ruff check --fix . && .venv/bin/python -P -m ruff format .": NEEDS_THE_CLONE,
}
"""Commands that are checked for being real, and why they are not typed."""

ROWS = (item("01"), item("02", prerequisites="01"))
WORDS = {"RUN": "$(ls -t .local/automation/*/runs | head -n 1)", "FILE": PLAYBOOK, "ITEM": "01"}
"""What the capital words of a page stand for there."""


def in_a_repository(root: Path) -> Session:
    """A repository with a playbook, a policy and agents, ready for its first run."""
    return _session(workplace(root, rows=ROWS))


def beside_a_run(root: Path) -> Session:
    """The same with a run, in which the first item passed."""
    place = workplace(root, rows=ROWS)
    assert place.verger("run", PLAYBOOK, "--next").code == 0
    return _session(place)


def beside_a_slow_item(root: Path) -> Session:
    """A repository whose first item takes a minute the first time that its command runs; the second asks a person."""
    slow = item("01", required_verification_commands=f"`sh slow.sh {root}/was_here`")
    files = {"slow.sh": 'test -e "$1" || { : > "$1"; sleep 60; }\n'}
    session = _session(workplace(root, rows=(slow, gated("02")), files=files))
    # In a sandbox it would take a minute each time.
    return replace(session, exported={**session.exported, "VERGER_SANDBOX": "none"})


def on_an_evening(root: Path) -> Session:
    """A repository whose first item meets a usage limit; the second asks a person, the third for evidence."""
    limit = ', { do = "park", cause = "limit", resets_in_s = 360000 }'
    copied = f'steps = [{{ do = "write", path = "docs/03.md", text = {json.dumps(EVIDENCE)} }}]'
    calls = (writing("01", more=limit), writing("02"), f'item = "03"\n{copied}')
    written = scenario(*(f'stage = "execute"\n{call}' for call in calls))
    return _session(workplace(root, rows=(item("01"), gated("02"), evidenced("03")), script=written))


def at_a_gate(root: Path) -> Session:
    """A repository with a run whose second item waits for a person."""
    place = workplace(root, rows=(item("01"), gated("02")))
    assert place.verger("run", PLAYBOOK, "--next", "--auto-advance").code == 20
    return _session(place)


EVIDENCE = "all systems up\n"
"""What docs/operating.md puts into the inbox."""


def _session(place: Workplace) -> Session:
    put_programs(place.home / ".local" / "bin")
    return Session(place.repository, place.home, WORDS, {"XDG_STATE_HOME": str(place.state)})


def in_a_clone(root: Path) -> Session:
    """The same, with `verger` in the environment that `make` makes, and not yet on PATH."""
    return _made_and_no_more(in_a_repository(root))


def in_an_empty_clone(root: Path) -> Session:
    """A user who typed `make` in the clone and has nothing else; their first run will be the latest of the folder."""
    return _made_and_no_more(replace(with_nothing(root), words=WORDS))


def _made_and_no_more(session: Session) -> Session:
    (session.folder / ".venv").mkdir(parents=True)
    (session.home / ".local" / "bin").rename(session.folder / ".venv" / "bin")
    return session


def with_nothing(root: Path) -> Session:
    """A user who has `verger` and nothing else, in an empty folder."""
    home, folder = root / "home", root / "work"
    folder.mkdir()
    put_programs(home / ".local" / "bin")
    return Session(folder, home, {})


def in_the_folder_of_a_run(root: Path) -> Session:
    """Where a run keeps its files."""
    place = workplace(root, rows=ROWS)
    assert place.verger("run", PLAYBOOK, "--next").code == 0
    return Session(place.run().root, place.home, {})


PLACES: dict[str, Callable[[Path], Session]] = {
    "README.md": in_a_clone,
    "docs/exit-codes.md": in_a_repository,
    "docs/files.md": in_the_folder_of_a_run,
    "docs/operating.md": on_an_evening,
    "docs/operations.md": at_a_gate,
    "docs/settings.md": in_a_repository,
    "docs/start.md": in_an_empty_clone,
    "docs/supervision.md": beside_a_slow_item,
}
"""Where a page is typed, if not beside a run."""

TYPED_APART = {"docs/protocol.md": "test_protocol_page.py"}
"""Pages whose every line is typed by a test of its own."""


def typed(session: Session, page: str) -> list[tuple[Step, str]]:
    """Each step of the page with what it said."""
    todo = steps(page, without=NOT_TYPED)
    return list(zip(todo, session.typed(todo), strict=True))


TO_TYPE = {name for name in PAGES if name not in TYPED_APART and steps(PAGES[name], without=NOT_TYPED)}
TYPED_LAST = sorted(TO_TYPE - {"README.md"})


@pytest.mark.parametrize("name", swept(["README.md", *TYPED_LAST], every=100))
def test_a_page_can_be_typed_from_top_to_bottom(tmp_path: Path, name: str) -> None:
    session = PLACES.get(name, beside_a_run)(tmp_path)
    state = Path(session.exported.get("XDG_STATE_HOME", session.home / ".local" / "state"))
    with runtime(state) as folder:
        exported = {**session.exported, "XDG_RUNTIME_DIR": str(folder)}
        done = typed(replace(session, exported=exported), PAGES[name])
    for step, said in done:
        if step.shown is not None:
            assert says(step.shown, said), f"{name}:{step.line} shows\n{step.shown}\nand it says\n{said}"


def test_what_is_not_typed_stands_on_a_page_and_is_real() -> None:
    lines = {
        uncommented(line)
        for page in PAGES.values()
        for fence in fences(page)
        for line in fence.text.splitlines()
    }
    assert set(NOT_TYPED) <= lines
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for command in NOT_TYPED:
        for target in re.findall(r"^make (\w+)", command):
            assert re.search(rf"^{target}:.* ##", makefile, re.MULTILINE), f"no target {target}"
        for module, first in re.findall(r"-m (\w+) (\S+)", command):
            assert find_spec(module), f"no module {module}"
            assert "/" not in first or (ROOT / first).exists(), f"no folder {first}"


def test_commands_stand_in_fences_that_say_so() -> None:
    for name, page in PAGES.items():
        for fence in fences(page):
            if fence.language not in ("sh", "console"):
                hidden = re.search(r"^(\$ |make |verger |git |apt )", fence.text, re.MULTILINE)
                assert not hidden, f"{name}:{fence.line}: say sh or console, so that it is tried"


def options(words: list[str]) -> set[str]:
    """The options of the command that `words` begin with, its parents' included. Raises KeyError for none such."""
    known = parser()
    found = set(known._option_string_actions)
    for word in words:
        choices = [action.choices for action in known._actions if isinstance(action.choices, dict)]
        if not choices:
            break
        known = choices[0][word]
        found |= set(known._option_string_actions)
    return found


def test_every_command_in_a_sentence_is_one_that_verger_knows() -> None:
    wrong = []
    for name, page in PAGES.items():
        for command in re.findall(r"`verger ([^`]+)`", page):
            words = [word for word in command.split("&&")[0].split() if word not in ("-C", "DIR", "…")]
            flags = {word.partition("=")[0] for word in words if word.startswith("-")}
            plain = [word for word in words if not word.startswith("-")]
            try:
                known = of_the_client(plain) if plain[:1] in CLIENT else options(plain)
            except KeyError as unknown:
                known, flags = set(), {str(unknown)}
            wrong += [f"{name}: verger {command}: {flag}" for flag in flags - known - {"--version"}]
    assert not wrong, "\n".join(wrong)


CLIENT = (["supervise"], ["daemon"], ["settings"])
"""What the client answers itself."""


def of_the_client(words: list[str]) -> set[str]:
    """The options that the client's own command `words` begin with is said to have. Raises KeyError for none such."""
    said = help_of(words[0])
    if words[1:] and not re.search(rf"\b{re.escape(words[1])}\b", said):
        raise KeyError(words[1])
    # What the kernel does, it does with the kernel's own.
    passed_on = options(words[1:2]) if words[1:2] in (["run"], ["resume"]) else set()
    return passed_on | set(re.findall(r"--[a-z-]+", said))


@cache
def help_of(command: str) -> str:
    """What a command of the client says of itself."""
    return subprocess.run(
        (sys.executable, "-P", "-m", "verger_client", command, "--help"),
        env=os.environ | {"PYTHONPATH": os.pathsep.join(str(ROOT / one) for one in FLOORS)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout


WALK = """\
```sh
mkdir docs && cd docs
word=kept
case $? in
  0) cat > kept.txt <<END ;;
one
END
esac
```

A list keeps its fences:

  ```console
  $ echo "$word, $(verger --version)"
  kept, verger …
  $ cat kept.txt \\
  >   kept.txt
  one
  one
  ```
"""


def test_a_page_is_one_session_and_what_it_shows_is_compared(tmp_path: Path) -> None:
    done = typed(with_nothing(tmp_path), WALK)
    assert [step.line for step, _ in done] == [2, 3, 4, 14, 16]
    assert [said for _, said in done] == ["", "", "", f"kept, verger {VERSION}\n", "one\none\n"]
    assert all(says(step.shown, said) for step, said in done if step.shown)
    assert not says("kept, verger …", "lost, verger 1\n")
    assert not says("kept, verger …", "kept, verger 1\nand more\n")
    assert says("one\n…\nfour", "one \ntwo\nthree\nfour\n")


def test_a_capital_word_stands_for_what_is_there(tmp_path: Path) -> None:
    page = "```console\n$ verger status RUN | head -n 1 && ls FILE\nrun          RUN_…\nplaybook.md\n```\n"
    ((step, said),) = typed(beside_a_run(tmp_path), page)
    assert says(step.shown or "", said)


def test_a_command_that_fails_is_named_by_its_line(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=r"^line 3, exit code 3: $"):
        typed(with_nothing(tmp_path), "```sh\necho before\n(exit 3) && echo more\necho after\n```\n")
