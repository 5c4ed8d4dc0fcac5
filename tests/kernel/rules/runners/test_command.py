"""Which runner a command starts, as far as its text says.

Not here: what the runner reports.
"""

import pytest

from verger_kernel.rules.runners import runner_of


@pytest.mark.parametrize(
    ("command", "runner"),
    [
        ("pytest", "pytest"),
        ("pytest -q tests/test_a.py", "pytest"),
        ("python3 -m pytest -q", "pytest"),
        ("python3.12 -P -B -W error -m pytest", "pytest"),
        ("/opt/venv/bin/python -m pytest", "pytest"),
        ("'/opt/my venv/bin/pytest' -x", "pytest"),
        (".venv/bin/py.test", "pytest"),
        ("uv run pytest", "pytest"),
        ("uv run --frozen --with rich --extra dev pytest -q", "pytest"),
        ("uv run python -m pytest", "pytest"),
        ("poetry run pytest", "pytest"),
        ("coverage run -m pytest && coverage report", "pytest"),
        ("python -m coverage run --branch -m pytest", "pytest"),
        ("FOO=1 BAR='a b' pytest", "pytest"),
        ("env -u HOME FOO=1 pytest", "pytest"),
        ("timeout -k 5 60 pytest", "pytest"),
        ("nice -n 5 pytest", "pytest"),
        ("xvfb-run -a pytest", "pytest"),
        ("cd x && pytest", "pytest"),
        ("cd x; set -e\npytest 2>&1 | tee log", "pytest"),
        ("(cd x && pytest)", "pytest"),
        ("bash -euc 'cd x && pytest -q'", "pytest"),
        ("! pytest", "pytest"),
        ("if true; then pytest; fi", "pytest"),
        ("python -m unittest", "unittest"),
        ("python -m unittest discover -s tests -v", "unittest"),
        ("node --test", "node"),
        ("node --import tsx --test tests/", "node"),
        ("node --test --test-reporter=spec", "node"),
        ("node --test --test-reporter tap", "node"),
        ("npx jest", "jest"),
        ("npx -y --package jest jest --ci", "jest"),
        ("node_modules/.bin/jest --reporters=default --reporters=jest-junit", "jest"),
        ("node --experimental-vm-modules node_modules/jest/bin/jest.js", "jest"),
        ("yarn jest", "jest"),
        ("pnpm exec vitest run", "vitest"),
        ("npm exec -- vitest run", "vitest"),
        ("npx vitest run --reporter=verbose", "vitest"),
        ("react-scripts test --watchAll=false", "jest"),
        ("go test ./...", "go"),
        ("go -C sum test -race ./...", "go"),
        ("cargo test", "cargo"),
        ("cargo +nightly --locked test --all", "cargo"),
        ("CARGO_TERM_COLOR=never cargo t -- --nocapture", "cargo"),
        ("cargo build && cargo test", "cargo"),
        ("npx jest; pytest", "jest"),
    ],
)
def test_a_command_names_its_runner(command: str, runner: str) -> None:
    assert runner_of(command) == runner


@pytest.mark.parametrize(
    "command",
    [
        "",
        "true",
        "make test",
        "tox -e py",
        "npm test",
        "npm run test",
        "yarn test",
        "sh run.sh",
        "./pytest.sh",
        "echo pytest",
        "grep -r pytest .",
        "pip install pytest",
        "python pytest.py",
        "python -c 'import pytest'",
        "python -m pytest_other",
        "python -m",
        "# pytest",
        "# as in bin/pytest",
        "poetry pytest",
        "npm pytest",
        "echo 'x; pytest'",
        "node server.js --port 1",
        "go vet ./...",
        "go build ./... # go test",
        "cargo build",
        "cargo nextest run",
        "coverage report",
        "uv pip install pytest",
        "bash -c",
        "bash run.sh pytest",
        "echo 'unclosed",
        '"',
        "\\",
    ],
)
def test_a_command_that_does_not_say_names_none(command: str) -> None:
    assert runner_of(command) == ""


@pytest.mark.parametrize(
    "command",
    [
        "pytest --version",
        "pytest --collect-only -q",
        "python -m unittest --help",
        "node --test --test-reporter=dot",
        "npx jest --listTests",
        "npx jest --json --outputFile=x.json",
        "npx jest --reporters=jest-silent",
        "npx vitest list",
        "npx vitest run --reporter=json",
        "go test -c -o sum.test",
        "cargo test --no-run",
        "cargo test -- --format json",
    ],
)
def test_a_runner_that_is_asked_to_run_nothing_or_to_tell_nothing_readable_is_none(command: str) -> None:
    assert runner_of(command) == ""


def test_a_shell_in_a_shell_without_end_is_none() -> None:
    command = "pytest"
    for _ in range(8):
        command = "bash -c '" + command.replace("'", "'\"'\"'") + "'"
    assert runner_of(command) == ""
    assert runner_of("bash -c 'sh -c pytest'") == "pytest"
