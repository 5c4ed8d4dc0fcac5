"""docs/files.md names every file that a run makes, supervised or not, and none that no run makes.

Not here: which of them can be made again; see tests/journeys/test_fix_safe.py.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.doubles.daemons import Seat, seated
from tests.doubles.notes import PLAYBOOK, evidenced, item
from tests.doubles.repository import commit_files
from tests.doubles.sessions import Session, steps
from tests.doubles.trials import shell
from tests.doubles.workplace import Workplace, workplace

from verger_daemon.roster import Roster

PAGE = (Path(__file__).parents[2] / "docs" / "files.md").read_text(encoding="utf-8")
FREE = re.compile(r"/(packet|logs|external_evidence|answers)/|^(worktrees|verify|layers)/")
"""Where names are those of the playbook, of commands, or of the packet's own manifest."""
POLICY = """\
max_fix_rounds = 1
max_remediation_rounds = 0
verification_reruns = 0
setup = ["mkdir -p deps && touch deps/made"]

[lanes]
worker = "worker"
audit_a = "reader-a"
audit_b = "reader-b"
triage = "judge"

[agents]
reader-a = { kind = "scripted", scenario = "scenario.toml" }
reader-b = { kind = "scripted", scenario = "scenario.toml" }
judge = { kind = "scripted", scenario = "scenario.toml" }
worker = """
WRITES = "exec $AGENT write docs/$VERGER_ITEM_ID.md 'a note' write docs/requirements.txt mine"
CHECK = """\
test -s docs/01.md || failed='<failure/>'
echo "<testsuite><testcase classname='a' name='b'>$failed</testcase></testsuite>" > "$VERGER_REPORT_DIR/a.xml"
test -s docs/01.md
"""
ROWS = (
    evidenced(
        "01",
        required_verification_commands="`bash tests/check.sh`",
        requires_red_green="yes",
        manual_gate="signoff",
    ),
    item("02"),
    item("03", required_verification_commands="`test -s docs/other.md`"),
)


FILES = {"tests/check.sh": CHECK}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """A run with evidence, setup, a gate, reports of a runner, a second attempt, a refresh, and work that was kept."""
    made = workplace(tmp_path_factory.mktemp("files"), rows=ROWS, policy=POLICY + shell(WRITES), files=FILES)
    ended = made.verger("run", PLAYBOOK, "--item", "01", "--external-evidence-dir", str(made.evidence()))
    assert ended.code == 20, ended
    decided = ("mark-manual-gate", "--item", "01", "--decision", "approved", "--by", "Ada", "--note", "read")
    assert made.verger(*decided).code == 0
    made.git("merge", "-q", f"orchestrator/run/{made.run().root.name}")
    commit_files(made.repository, {"docs/more.md": "more\n"}, "more")
    assert made.verger("refresh-run", "--retarget-run-branch-to", "main").code == 0
    assert made.verger("resume", "--auto-advance").code == 22
    worktree = made.run().attempt("03", 1).worktree
    (worktree / "docs" / "left.md").write_text("nobody recorded this\n", encoding="utf-8")
    assert made.verger("resume").code == 22
    assert made.verger("status").code == 0
    return made


def patterns() -> dict[str, str]:
    """Every place that the page names, with the pattern of the paths it stands for."""
    found: dict[str, str] = {}
    for part in re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]:
        title, _, text = part.partition("\n")
        folder = title.strip("`") if title.startswith("`") else ""
        if folder or title == "Elsewhere":
            for cell in re.findall(r"^\| (`.*?) \|", text, re.MULTILINE):
                found |= {folder + name: _pattern(folder + name) for name in re.findall(r"`([^`]+)`", cell)}
    return found


def _pattern(name: str) -> str:
    pattern = re.escape(name)
    pattern = re.sub(r"<\w+>", "[^/]+", pattern)
    pattern = re.sub(r"\b(round|try)\\-[ST]\b", r"\1-[0-9]+", pattern)
    pattern = re.sub(r"\\\{(.*?)\\\}", lambda words: f"({words[1].replace(',', '|')})", pattern)
    return pattern + ".*" if name.endswith("/") else pattern


def made(place: Workplace) -> Iterator[str]:
    """Every file and folder that Verger made, in the state home and in .git, and its refs, as the page calls them."""
    state = place.run().root.parents[1]
    for root, shown in ((state, state), (place.repository / ".git" / "verger", place.repository)):
        for path in root.rglob("*"):
            yield str(path.relative_to(shown)) + ("/" if path.is_dir() else "")
    yield from (f"~/{path.relative_to(place.home)}" for path in (place.home / ".cache").rglob("*/*/*"))
    refs = place.git("for-each-ref", "--format=%(refname)", "refs/heads/orchestrator", "refs/verger")
    yield from refs.splitlines()


def test_every_file_of_a_run_is_named_and_every_name_is_of_a_file(place: Workplace) -> None:
    known, there = patterns(), list(made(place))
    files = [name for name in there if not name.endswith("/")]
    unnamed = [name for name in files if not any(re.fullmatch(one, name) for one in known.values())]
    assert unnamed == [], "docs/files.md does not name them"
    unmade = [name for name, one in known.items() if not any(re.fullmatch(one, path) for path in there)]
    assert unmade == [], "docs/files.md names them, and this run made none"


def test_what_lies_in_a_folder_that_the_page_names_is_named_too(place: Workplace) -> None:
    for name in made(place):
        if not name.endswith("/") and "/agents/" in name and not FREE.search(name):
            assert re.search(rf"[`/]{re.escape(Path(name).name)}`", PAGE), (
                f"docs/files.md does not name {name}"
            )


def test_the_links_of_the_checkout_lead_where_the_page_says(place: Workplace) -> None:
    table = dict(re.findall(r"^\| `(\.local/\S+)` \| `(\S+)` \|$", PAGE, re.MULTILINE))
    links = [path for path in (place.repository / ".local").rglob("*") if path.is_symlink()]
    assert {str(path.relative_to(place.repository)) for path in links} == set(table)
    for path in links:
        shown = path.readlink().relative_to(place.run().root.parents[1])
        assert f"{shown}/" == table[str(path.relative_to(place.repository))]


def test_a_record_by_hand_has_the_hash_that_it_says(place: Workplace) -> None:
    (step,) = steps(PAGE)
    (said,) = Session(place.run().root, place.home, {}).typed([step])
    record = place.run().journal.read_bytes().splitlines()[6]
    assert said.split()[0] == json.loads(record)["hash"]


def test_every_file_of_a_supervised_run_is_named_and_every_name_is_of_a_file(tmp_path: Path) -> None:
    part = re.split(r"^## ", PAGE, flags=re.MULTILINE)
    (part,) = [one for one in part if one.startswith("While a daemon supervises a run")]
    known: dict[str, str] = {}
    for section in re.split(r"^### ", part, flags=re.MULTILINE)[1:]:
        title, _, text = section.partition("\n")
        for cell in re.findall(r"^\| (`.*?) \|", text, re.MULTILINE):
            names = [title.strip("`") + name for name in re.findall(r"`([^`]+)`", cell)]
            known |= {name: _pattern(name.replace("$", "")) for name in names}
    with seated(tmp_path) as seat:
        seat.start("--on-demand")
        seat.at_work()
        there = set(of_the_daemon(seat))
        seat.ask("run.stop", directory=str(seat.place.repository), run="latest")
        there |= set(of_the_daemon(seat))
    unnamed = [name for name in there if not any(re.fullmatch(one, name) for one in known.values())]
    assert unnamed == [], "docs/files.md does not name them"
    passing = Roster(seat.daemon_home).streams("0a")
    there |= {str(path).replace(f"{seat.daemon_home}", "XDG_STATE_HOME/verger/daemon") for path in passing}
    unmade = [name for name, one in known.items() if not any(re.fullmatch(one, path) for path in there)]
    assert [name for name in unmade if not name.endswith("vergerd.log.1")] == [], "and none of these was made"


def of_the_daemon(seat: Seat) -> Iterator[str]:
    """Every file that a daemon and its kernels made, as the page calls them."""
    run = seat.place.run().root
    shown = {
        seat.daemon_home: "XDG_STATE_HOME/verger/daemon",
        seat.runtime: "XDG_RUNTIME_DIR",
        run / "supervision": "runs/RUN/supervision",
    }
    for folder, name in shown.items():
        for path in folder.rglob("*"):
            assert path.stat().st_mode & 0o077 == 0, path
            if not path.is_dir():
                yield f"{name}/{path.relative_to(folder)}"
