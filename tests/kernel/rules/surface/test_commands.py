"""A file that a command names decides what the command proves, unless it is the product that the command asks."""

import pytest

from verger_kernel.rules.surface.changed import is_read, kind_of_change, stays
from verger_kernel.rules.surface.commands import NO_COMMANDS, command_files

CHECKS = {
    "bash qa/smoke.sh": "qa/smoke.sh",
    "sh -e ./scripts/validate.sh --all": "scripts/validate.sh",
    "bash scripts/all.sh": "scripts/all.sh",
    "tools/all": "tools/all",
    "python check.py": "check.py",
    "node --test-reporter=tap qa/run.mjs": "qa/run.mjs",
    "cd qa && bash smoke.sh": "qa/smoke.sh",
    "cd qa/; ../scripts/verify-all.bash": "scripts/verify-all.bash",
    "bash -c 'set -e; cd qa && ./smoke.sh'": "qa/smoke.sh",
    "PYTHONPATH=. python $PWD/qa/x.py": "qa/x.py",
    "${PWD}/qa/x.py": "qa/x.py",
    "python -m qa.smoke": "qa/smoke.py",
    "python -m ci": "ci/__main__.py",
    "make -f qa/rules.inc all": "qa/rules.inc",
    "mocha --config=qa/mocha.js": "qa/mocha.js",
    "diff qa/expected.txt <(bash bin/greet.sh)": "qa/expected.txt",
    "test \"$(bash 'qa/smoke.sh')\" = ok": "qa/smoke.sh",
    "echo `bash qa/smoke.sh`": "qa/smoke.sh",
    "true&&bash qa/smoke.sh": "qa/smoke.sh",
    "bash packages/a/qa/smoke.sh": "packages/a/qa/smoke.sh",
    "python qa/checkAll.py": "qa/checkAll.py",
    "python runChecks.py": "runChecks.py",
}
PRODUCTS = {
    "bash bin/greet.sh | grep hello": "bin/greet.sh",
    "node tool.js": "tool.js",
    "./bin/tool --selftest": "bin/tool",
    "python tools/gen.py && git diff --exit-code": "tools/gen.py",
    "test -s docs/01.md": "docs/01.md",
    "test -s docs/validation.md": "docs/validation.md",
    "python src/validate.py examples/good.json": "src/validate.py",
    "sh bin/checkout.sh": "bin/checkout.sh",
    "bash ../qa/smoke.sh": "qa/smoke.sh",
    "bash /qa/smoke.sh": "qa/smoke.sh",
    "python -m pytest tests": "pytest.py",
    "echo qa/smoke.sh.orig": "qa/smoke.sh",
}


@pytest.mark.parametrize("command", CHECKS)
def test_what_is_called_after_checking_decides(command: str) -> None:
    assert command_files([command], deliverables=["adder.py"]).holds(CHECKS[command])


@pytest.mark.parametrize("command", PRODUCTS)
def test_the_product_that_is_asked_does_not(command: str) -> None:
    assert not command_files([command], deliverables=["adder.py"]).holds(PRODUCTS[command])


def test_what_the_path_tells_alone_needs_no_command() -> None:
    found = command_files(["bash tests/run.sh", "make -f qa/Makefile", "python -c qa/pyproject.toml"])
    assert found == NO_COMMANDS


def test_a_source_beside_a_check_decides_with_it() -> None:
    found = command_files(["bash qa/smoke.sh"], deliverables=["adder.py"])
    assert [
        path for path in ("qa/lib.sh", "qa/deep/a.py", "qa/notes.md", "qab/lib.sh") if found.holds(path)
    ] == [
        "qa/lib.sh",
        "qa/deep/a.py",
    ]
    assert not command_files(["bash scripts/validate.sh"]).holds("scripts/lib.sh")
    assert not command_files(["go test ./qa/ci"]).holds("qa/a.go")


def test_the_folder_of_a_source_that_is_delivered_says_nothing() -> None:
    command = ["python app/checks/run.py", "python qa/run.py", "bash scripts/all.sh"]
    delivered = ["app/checks/rules.py", "qa/rules.py", "scripts/build.sh"]
    assert command_files(command, deliverables=delivered) == NO_COMMANDS
    found = command_files(["bash qa/check_all.sh"], deliverables=["qa/rules.py"])
    assert found.holds("qa/check_all.sh") and not found.holds("qa/lib.sh")
    assert command_files(["python qa/run.py"], deliverables=["qa/README.md"]).holds("qa/run.py")


@pytest.mark.parametrize(
    ("delivered", "decides"),
    [
        (["check.py"], False),
        (["check.py", "docs/check.md", "tests/test_check.py"], False),
        (["check.py", "adder.py"], True),
        (["check.py", "bin/adder"], True),
    ],
)
def test_what_is_delivered_alone_is_the_product_itself(delivered: list[str], decides: bool) -> None:
    assert command_files(["python check.py"], deliverables=delivered).holds("check.py") is decides


def test_of_setup_what_is_run_decides_and_what_it_reads_does_not() -> None:
    setup = ["bash setup.sh", "sh scripts/all.sh", "./bootstrap", "pip install -r requirements-ci.txt"]
    found = command_files(
        [], setup=[*setup, "conda env update -f ci/environment.yml", "python setup.py develop"]
    )
    assert found.named == {"setup.sh", "scripts/all.sh", "bootstrap", "install"}
    assert not command_files(["bash install.sh"], deliverables=["a.py"]).holds("install.sh")


def test_a_changed_path_is_of_the_kind_that_its_name_or_a_command_gives() -> None:
    found = command_files(["bash qa/smoke.sh"], deliverables=["adder.py"])
    paths = ("qa/smoke.sh", "qa/test_a.py", "qa/package.json", "adder.py", "calendar.py")
    assert [kind_of_change(path, is_new=False, commands=found) for path in paths] == [
        "command",
        "test",
        None,
        None,
        None,
    ]
    assert kind_of_change("calendar.py", is_new=True, commands=found) == "shadowing"


def test_only_what_the_report_asks_of_is_read() -> None:
    asked = ("a.py", "a.c", "tests/a.rb", "pyproject.toml", "pom.xml", ".npmrc", "Makefile", "x/weights.pth")
    assert all(map(is_read, asked))
    assert not any(map(is_read, ("a.png", "data.json", "uv.lock", "tests/data/a.bin", "a.snap", "README.md")))


def test_a_new_file_stays_where_a_command_or_an_approved_file_asks_for_it() -> None:
    found = command_files(["bash qa/smoke.sh"], deliverables=["adder.py"])

    def left(path: str, *, is_asked_for: bool) -> bool:
        return stays(path, commands=found, product=["shop/adder.py"], is_asked_for=is_asked_for)

    for path in ("qa/smoke.sh", "fixtures/a.json"):
        assert left(path, is_asked_for=False)
    for path in (
        "tests/tests_help.py",
        "tests/deep/__init__.py",
        "tests/__snapshots__/a.snap",
        "test/help.js",
    ):
        assert [left(path, is_asked_for=asked) for asked in (False, True)] == [False, True]
    for path in (
        "tests/conftest.py",
        "fixtures/conftest.py",
        "sitecustomize.py",
        "a.pth",
        "pytest.ini",
        "qa/lib.sh",
    ):
        assert not left(path, is_asked_for=True)
    # Tests may import from their own folder first.
    for path in ("tests/adder.py", "tests/shop/__init__.py", "tests/statistics.py", "tests/test_new.py"):
        assert not left(path, is_asked_for=True)
