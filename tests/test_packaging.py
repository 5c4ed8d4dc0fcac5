"""What a user gets: the wheel, its commands far from the clone, and pins that name no address.

Not here: what the commands do; each has tests of its own.
"""

import os
import re
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from verger_probes.version import VERSION

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PACKAGES = {"verger_client", "verger_daemon", "verger_kernel", "verger_probes"}

# A playbook with nothing in it: that it is refused, in our words, shows that the command was reached.
NO_PLAYBOOK = "# No items\n"


@dataclass(frozen=True)
class Installed:
    """A fresh environment that holds the wheel, and the dependencies of the one that runs the tests."""

    folder: Path
    home: Path

    def run(self, *command: str, cwd: Path, **environ: str) -> subprocess.CompletedProcess[str]:
        """A command of this environment, as in a new terminal: nothing of the clone is on any path."""
        clean = {"PATH": f"{self.folder}/bin:/usr/bin:/bin", "HOME": str(self.home), "LC_ALL": "C.UTF-8"}
        program = str(self.folder / "bin" / command[0])
        return subprocess.run(
            [program, *command[1:]],
            cwd=cwd,
            env=clean | environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
        )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("dist")
    _checked(sys.executable, "-P", "-m", "hatchling", "build", "-t", "wheel", "-d", str(target))
    (built,) = target.iterdir()
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    folder = tmp_path_factory.mktemp("a fresh place") / "venv"
    venv.create(folder, symlinks=True, with_pip=False)
    python = folder / "bin" / "python"
    pip = (sys.executable, "-P", "-m", "pip", "--python", str(python), "--disable-pip-version-check")
    _checked(*pip, "install", "--quiet", "--no-deps", "--no-index", "--no-cache-dir", str(wheel))
    _lend_dependencies(folder)
    return Installed(folder, tmp_path_factory.mktemp("home"))


def _lend_dependencies(folder: Path) -> None:
    # Links to what is installed, but never to the project itself: a path entry would bring the clone back.
    (site,) = folder.glob("lib/python*/site-packages")
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        if not re.match(r"_?verger|pip\b|__pycache__|.*\.pth$", entry.name):
            (site / entry.name).symlink_to(entry)


def _checked(*command: str) -> None:
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_wheel_holds_four_typed_packages_and_the_license_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    about = f"verger-{VERSION}.dist-info"
    assert wheel.name == f"verger-{VERSION}-py3-none-any.whl"
    assert {name.split("/")[0] for name in names} == PACKAGES | {about}
    assert {f"{package}/py.typed" for package in PACKAGES} <= set(names)
    assert f"{about}/licenses/LICENSE" in names


def test_the_wheel_has_the_three_commands(wheel):
    with zipfile.ZipFile(wheel) as archive:
        lines = archive.read(f"verger-{VERSION}.dist-info/entry_points.txt").decode().splitlines()
    assert {line.partition(" = ")[0] for line in lines if " = " in line} == {
        "verger",
        "vergerd",
        "verger-kernel",
    }


def test_the_modules_come_from_the_wheel_and_not_from_the_clone(installed, tmp_path):
    body = "import verger_kernel, verger_client, pydantic_settings; print(verger_kernel.__file__)"
    result = installed.run("python", "-P", "-c", body, cwd=tmp_path)
    assert result.stdout.startswith(str(installed.folder)), result.stderr


@pytest.mark.parametrize("command", ["verger", "vergerd", "verger-kernel"])
def test_each_command_says_its_version(installed, tmp_path, command):
    result = installed.run(command, "--version", cwd=tmp_path)
    assert (result.returncode, result.stdout.split()[1:]) == (0, [VERSION]), result.stderr


@pytest.mark.sweep
def test_the_client_hands_a_command_to_the_kernel_with_its_exit_code(installed, tmp_path):
    (tmp_path / "empty.md").write_text(NO_PLAYBOOK)
    result = installed.run("verger", "playbook", "lint", "empty.md", cwd=tmp_path)
    assert result.returncode == 4, result.stderr
    assert "empty.md" in result.stdout + result.stderr
    assert "Traceback" not in result.stderr


def test_the_demo_runs_from_the_wheel_with_no_clone(installed, tmp_path):
    result = installed.run("verger", "demo", "--into", str(tmp_path / "demo"), cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert "escalated" in result.stdout


def test_a_strangers_files_where_the_user_stands_are_never_imported(installed, tmp_path):
    (tmp_path / "kernel").mkdir()
    for name in ("kernel/__main__.py", "verger_kernel.py", "verger_client.py", "json.py", "git.py", "sys.py"):
        (tmp_path / name).write_text("raise SystemExit('a stranger ran')\n")
    for command in (
        ("python", "-P", "-m", "verger_kernel", "--version"),
        ("verger-kernel", "--version"),
        ("verger", "-C", ".", "playbook", "lint", "missing.md"),
        ("verger", "status"),
        ("python", "-P", "-m", "verger_client", "status"),
    ):
        result = installed.run(*command, cwd=tmp_path)
        assert "a stranger ran" not in result.stderr
        assert result.returncode in (0, 4, 6), result.stderr


def test_a_strangers_files_beside_the_script_are_never_imported(installed, tmp_path):
    script = tmp_path / "verger"
    script.write_text("import sys\nfrom verger_client.__main__ import main\nsys.exit(main())\n")
    for name in ("verger_kernel.py", "verger_probes.py", "json.py", "argparse.py", "msgspec.py"):
        (tmp_path / name).write_text("raise SystemExit('a stranger ran')\n")
    for words in (("status",), ("--version",), ("supervise", "status"), ()):
        result = installed.run("python", str(script), *words, cwd=tmp_path)
        assert "a stranger ran" not in result.stderr
        assert result.returncode in (0, 2, 6), result.stderr


def test_the_client_with_no_command_shows_the_way_and_fails(installed, tmp_path):
    asked, bare = (installed.run("verger", *words, cwd=tmp_path) for words in (["--help"], []))
    assert (asked.returncode, bare.returncode) == (0, 2)
    assert asked.stdout == bare.stderr
    assert [line.split()[0] for line in asked.stdout.splitlines() if re.match(r"[a-z]+  +[a-z]", line)] == [
        "try",
        "run",
        "decide",
        "watch",
    ]


@pytest.mark.parametrize(
    ("command", "code", "words"),
    [
        (("verger", "supervise", "list"), 6, "no daemon listens at"),
        (
            ("verger", "supervise", "run", "playbook.md", "--no-autostart"),
            6,
            "begin one: verger supervise run FILE",
        ),
        (("verger", "-C", "nowhere", "supervise", "status"), 2, "it is no folder"),
        (("verger", "supervise", "stat"), 2, "'stat' is no verb of supervise"),
    ],
)
def test_a_client_without_a_daemon_says_so_with_a_way_out(installed, tmp_path, command, code, words):
    result = installed.run(*command, cwd=tmp_path)
    assert (result.returncode, result.stdout) == (code, "")
    assert words in result.stderr
    assert "; hint: " in result.stderr


def test_the_daemon_answers_help(installed, tmp_path):
    result = installed.run("vergerd", "--help", cwd=tmp_path)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith("usage: vergerd")


def test_every_pin_has_its_hashes_and_no_address():
    text = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    assert not re.findall(r"://|^\s*-(?!-hash)\S*|@", text, re.MULTILINE)
    assert str(Path.home()) not in text
    blocks = re.split(r"\n(?=\S)", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).strip())
    for block in blocks:
        assert re.match(r"[a-z0-9-]+==[^ ]+ ", block), block
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", block), block


def test_every_dependency_is_pinned():
    text = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    asked = [
        *PROJECT["project"]["dependencies"],
        *PROJECT["dependency-groups"]["dev"],
        *PROJECT["build-system"]["requires"],
    ]
    names = {re.split(r"[<>=!~ \[;]", line)[0].lower().replace("_", "-") for line in asked}
    assert names <= set(re.findall(r"^([a-z0-9-]+)==", text, re.MULTILINE))


def test_make_says_what_it_can_make():
    # Not the environment of the `make test` that may be running this.
    clean = {"PATH": os.environ["PATH"]}
    listed = subprocess.run(["make"], cwd=ROOT, env=clean, capture_output=True, text=True, check=True).stdout
    targets = (
        "help demo test lint bench bench-peers growth sweep cheats escapes faults kills test-agents"
        " constraints clean"
    )
    assert " ".join(re.findall(r"^make ([\w-]+)", listed, re.MULTILINE)) == targets
