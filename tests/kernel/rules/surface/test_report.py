"""The report says what a change did to the test surface; what of it must be answered is a finding."""

from collections.abc import Sequence

import msgspec
import pytest

from verger_kernel.rules.findings import Finding
from verger_kernel.rules.surface.commands import command_files
from verger_kernel.rules.surface.report import SurfaceFile, SurfaceReport, surface_findings, surface_report

Change = tuple[str, str | bytes | None, str | bytes | None]


def files(*changes: Change) -> list[SurfaceFile]:
    def data(text: str | bytes | None) -> bytes | None:
        return text.encode() if isinstance(text, str) else text

    statuses = {(True, False): "A", (False, True): "D"}
    fields = [
        {
            "path": path,
            "status": statuses.get((old is None, new is None), "M"),
            "old": data(old),
            "new": data(new),
        }
        for path, old, new in changes
    ]
    return [SurfaceFile(**one) for one in fields]  # type: ignore[arg-type]


def report(*changes: Change) -> SurfaceReport:
    return surface_report(files(*changes))


def findings(*changes: Change, approved: Sequence[str] = ()) -> tuple[Finding, ...]:
    return surface_findings(report(*changes), approved)


def blocking(*changes: Change, approved: Sequence[str] = ()) -> list[str]:
    return [found.title for found in findings(*changes, approved=approved) if found.mark.is_blocking]


TEST = "def test_a():\n    assert f() == 1\n\ndef test_b():\n    assert g() == 2\n"
PRODUCT = "def f():\n    return 1\n"

BLOCKED: dict[str, Change] = {
    "a module in the runner's place": ("pytest.py", None, "raise SystemExit(0)"),
    "a package in a standard module's place": ("json/__init__.py", None, ""),
    "a program in the runner's place": ("node_modules/.bin/jest", None, "exit 0"),
    "a customised start": ("sitecustomize.py", None, ""),
    "a path file": ("evil.pth", None, "import os; os._exit(0)"),
    "a plugin by its entry point": ("x.egg-info/entry_points.txt", None, "[pytest11]\nx = x"),
    "bytecode": ("src/__pycache__/a.cpython-311.pyc", None, b"\0"),
    "a test script that does nothing": (
        "package.json",
        '{"scripts": {"test": "jest"}}',
        '{"scripts": {"test": "exit 0"}}',
    ),
    "a make target that does nothing": ("Makefile", "test:\n\tpytest\n", "test:\n\ttrue\n"),
    "an option that leaves out tests": ("pytest.ini", "[pytest]\naddopts=-q", "[pytest]\naddopts=-q -k x"),
    "a laxer runner": ("pytest.ini", "[pytest]\nxfail_strict=true", "[pytest]\nxfail_strict=false"),
    "a collection hook": (
        "tests/conftest.py",
        "",
        "def pytest_collection_modifyitems(items):\n    items.clear()\n",
    ),
    "an ignore list": ("conftest.py", None, "collect_ignore = ['tests/test_a.py']"),
    "an end before the runner's": ("conftest.py", None, "import os\nos._exit(0)"),
    "a class that is no test any more": (
        "tests/test_a.py",
        "class TestA:\n    def test_a(self): assert f()\n",
        "class TestA:\n    __test__ = False\n    def test_a(self): assert f()\n",
    ),
    "an only": ("a.test.js", "it('a', () => {})", "it('a', () => {})\nit.only('b', () => {})"),
    "sniffing": ("src/a.py", PRODUCT, 'import os\nX = "PYTEST_CURRENT_TEST" in os.environ\n' + PRODUCT),
    "sniffing in a new file": ("src/a.js", None, "export default process.env.NODE_ENV === 'test' ? 1 : 2"),
    "a build that skips": ("pom.xml", "<a>", "<a><skipTests>true</skipTests>"),
    "a test block that leaves out": (
        "vite.config.ts",
        "export default { plugins: [], test: { globals: true } }",
        "export default { plugins: [], test: { globals: true, exclude: ['**/a.test.ts'] } }",
    ),
    "a library in a test library's place": ("hypothesis.py", None, ""),
    "a standard module in its place": ("statistics.py", None, ""),
    "a script of hatch": (
        "hatch.toml",
        '[envs.test.scripts]\nrun = "pytest"',
        '[envs.test.scripts]\nrun = "true"',
    ),
    "a makefile that is included": ("rules.mk", "test:\n\tpytest\n", "test:\n\ttrue\n"),
    "tampering": ("src/a.py", PRODUCT, "import unittest\nunittest.TestCase.fail = None\n" + PRODUCT),
}

HONEST: dict[str, Sequence[Change]] = {
    "a product change": [("src/a.py", PRODUCT, PRODUCT.replace("1", "2"))],
    "a module of a package": [("src/pkg/types.py", None, "X = 1"), ("pkg/json.py", None, "")],
    "a page that speaks of tests": [
        ("docs/a.md", "", "PYTEST_CURRENT_TEST and `'pytest' in sys.modules`, os._exit(0)")
    ],
    "a new test file": [("tests/test_b.py", None, TEST)],
    "a stricter test": [("tests/test_a.py", TEST, TEST + "    assert g() > 0\n")],
    "a new fixture": [
        ("tests/conftest.py", "import pytest\n", "import pytest\n@pytest.fixture\ndef x():\n    return 1\n")
    ],
    "marks set on collection": [
        (
            "conftest.py",
            "",
            "import pytest\ndef pytest_collection_modifyitems(items):\n"
            "    for item in items:\n        item.add_marker(pytest.mark.unit)\n",
        )
    ],
    "a new dependency": [
        ("package.json", '{"dependencies": {}}', '{"dependencies": {"a": "1"}}'),
        ("pyproject.toml", '[project]\nname="x"', '[project]\nname="x"\ndependencies=["a"]'),
        ("Cargo.toml", "[dependencies]", '[dependencies]\na="1"'),
    ],
    "a new script": [
        ("package.json", '{"scripts": {"test": "x"}}', '{"scripts": {"test": "x", "build:docs": "y"}}')
    ],
    "a new target": [("Makefile", "test:\n\tpytest\n", "test:\n\tpytest\n\nbench:\n\t./bench\n")],
    "stricter options": [("pytest.ini", "[pytest]\naddopts=-q", "[pytest]\naddopts=-q --strict-markers")],
    "a program": [("src/a.py", PRODUCT, PRODUCT + "if __name__ == '__main__':\n    sys.exit(main())\n")],
    "a question that only moved": [
        ("src/a.py", "import os\nx = os.environ.get('TESTING')\ny = 1\n", "y = 1\n"),
        ("src/b.py", None, "import os\n\n\ndef g():\n    return os.environ.get('TESTING')\n"),
    ],
    "a question that stays": [
        (
            "src/a.py",
            "import os\nx = os.environ.get('TESTING')\n",
            "import os\nx = os.environ.get('TESTING')\ny = 2\n",
        )
    ],
    "a library about testing": [
        ("src/kit/plugin.py", "import pytest\n", "import pytest\nX = 'PYTEST_CURRENT_TEST'\n")
    ],
    "a snapshot of a new test": [("src/__snapshots__/a.snap", None, "x"), ("src/a.test.js", None, "it('a')")],
    "a test that moved": [("tests/test_a.py", TEST, None), ("tests/unit/test_a.py", None, TEST)],
    "weights of a model": [("weights.pth", None, b"PK\x03\x04\0")],
    "bytecode that goes": [("src/__pycache__/a.pyc", b"\0", None)],
    "a module in the runner's place that goes": [("pytest.py", "x = 1", None)],
    "a helper that looks like a test": [
        (
            "tests/test_a.py",
            TEST,
            TEST + "class TestBed:\n    __test__ = False\n    def test_bed(self): pass\n",
        )
    ],
    "a dependency of a build": [
        ("pom.xml", "<a>", "<a><dependency>b</dependency>"),
        ("rules.mk", None, "a:\n"),
    ],
    "a plugin of vite": [
        (
            "vite.config.ts",
            "export default { plugins: [a()], build: { exclude: ['b'] }, test: { globals: true } }",
            "export default { plugins: [a(), b()], build: { exclude: ['c'] }, test: { globals: true } }",
        )
    ],
    "a module of the product that has a library's name": [("statistics.py", "x = 1", "x = 2")],
    "an environment of hatch": [("hatch.toml", "[envs.test]", '[envs.test]\ndependencies = ["a"]')],
    "a continuous integration file": [(".github/workflows/ci.yml", "a: 1", "a: 2")],
}


@pytest.mark.parametrize("case", BLOCKED)
def test_what_lets_a_broken_change_pass_blocks_and_says_the_way_out(case: str) -> None:
    change = BLOCKED[case]
    found = [one for one in findings(change) if one.mark.is_blocking]
    assert found
    for one in found:
        assert one.file_paths == (change[0],)
        assert one.title.startswith(f"{change[0]} ")
        assert one.mark.sources == ("verification",)
        assert one.mark.category in ("process", "test_gap")
        assert "deliverable" in one.recommended_actions[0]


@pytest.mark.parametrize("case", HONEST)
def test_an_honest_change_of_the_same_look_does_not_block(case: str) -> None:
    assert blocking(*HONEST[case]) == []


@pytest.mark.parametrize("case", [case for case in BLOCKED if not case.startswith(("sniffing", "tampering"))])
def test_a_path_that_a_person_approved_never_blocks_for_being_changed(case: str) -> None:
    assert findings(BLOCKED[case], approved=[BLOCKED[case][0]]) == ()


@pytest.mark.parametrize("case", ["sniffing", "sniffing in a new file", "tampering"])
def test_product_may_not_ask_for_a_test_run_though_its_path_is_approved(case: str) -> None:
    assert blocking(BLOCKED[case], approved=[BLOCKED[case][0]])


def test_an_approved_file_that_is_named_for_testing_may_speak_of_it() -> None:
    change: Change = ("src/kit/testing.py", None, "X = 'PYTEST_CURRENT_TEST'\n")
    assert blocking(change)
    assert not blocking(change, approved=["src/kit/testing.py"])
    assert blocking(("src/latest.py", None, change[2]), approved=["src/latest.py"])


def test_an_approval_is_of_one_path_alone() -> None:
    change = BLOCKED["a module in the runner's place"]
    assert blocking(change, approved=["pytest", "pytest.py.orig", "src/pytest.py"])


def test_an_odd_path_is_approved_as_it_is() -> None:
    path = "a: b\n:1: x/conftest.py"
    change: Change = (path, None, "collect_ignore = ['x']")
    assert blocking(change)
    assert not blocking(change, approved=[path])


def test_a_test_that_was_weakened_is_told_and_does_not_block() -> None:
    weak = "def test_a():\n    assert True\n"
    (found,) = findings(("tests/test_a.py", TEST, weak))
    assert not found.mark.is_blocking
    assert found.mark.severity == "medium"
    assert found.evidence == ("tests/test_a.py: 2 assertions, 0 now", "tests/test_a.py: 2 tests, 1 now")


def test_a_test_that_was_skipped_is_told_and_does_not_block() -> None:
    skipped = "@pytest.mark.skip\n" + TEST
    told = report(("tests/test_a.py", TEST, skipped))
    assert told.newly_skipped == ("tests/test_a.py: test_a.pytest.mark.skip",)
    assert told.weakened == ("tests/test_a.py: 0 skips, 1 now",)
    assert [one.mark.is_blocking for one in findings(("tests/test_a.py", TEST, skipped))] == [False, False]


def test_a_skip_that_moves_with_its_test_is_not_new() -> None:
    skipped = "@pytest.mark.skip\n" + TEST
    assert report(("tests/test_a.py", skipped, None), ("tests/test_b.py", None, skipped)).newly_skipped == ()


def test_a_deleted_test_file_is_weakened_to_nothing() -> None:
    told = report(("tests/test_a.py", TEST, None))
    assert told.deleted == ("tests/test_a.py",)
    assert told.weakened == ("tests/test_a.py: 2 tests, 0 now", "tests/test_a.py: 2 assertions, 0 now")


def test_tests_that_are_split_over_files_are_not_weakened() -> None:
    first, second = TEST.split("\n\n")
    told = report(("test_all.py", TEST, None), ("test_a.py", None, first), ("test_b.py", None, second))
    assert told.weakened == ()
    assert (told.tests_before, told.tests_after) == (2, 2)


def test_one_new_test_does_not_make_up_for_another_that_went() -> None:
    told = report(
        ("test_a.py", TEST, None), ("test_b.py", None, TEST.replace("f()", "k()").replace("test_b", "test_c"))
    )
    assert told.weakened == ("test_a.py: 2 tests, 0 now", "test_a.py: 2 assertions, 0 now")


def test_counts_are_of_the_changed_test_files() -> None:
    told = report(
        ("tests/test_a.py", TEST, TEST + "    assert h()\n"), ("src/a.py", "assert x", "assert y; assert z")
    )
    assert (told.tests_before, told.tests_after) == (2, 2)
    assert (told.assertions_before, told.assertions_after) == (2, 3)
    assert (told.skips_before, told.skips_after) == (0, 0)


def test_the_lists_name_surface_and_mixed_files_whose_test_half_changed() -> None:
    told = report(
        ("tests/test_b.py", None, TEST),
        ("tests/test_a.py", TEST, TEST + "\n"),
        ("tests/test_c.py", TEST, None),
        ("package.json", '{"scripts": {}}', '{"scripts": {"lint": "x"}}'),
        ("sub/package.json", '{"name": "a"}', '{"name": "b"}'),
        ("src/a.py", "", PRODUCT),
    )
    assert told.changed
    assert told.added == ("tests/test_b.py",)
    assert told.modified == ("package.json", "tests/test_a.py")
    assert told.deleted == ("tests/test_c.py",)


@pytest.mark.parametrize(
    ("old", "new", "changed"),
    [
        (None, '{"name": "x"}', False),
        (None, '{"name": "x", "scripts": {"test": "y"}}', True),
        ('{"scripts": {"test": "y"}}', None, True),
        ('{"name": "x"}', None, False),
        (None, None, True),
    ],
)
def test_a_mixed_file_that_comes_or_goes_counts_by_its_test_half(old: str, new: str, changed: bool) -> None:
    assert report(("package.json", old, new)).changed is changed


def test_a_change_of_product_alone_changes_no_surface() -> None:
    assert report(("src/a.py", PRODUCT, ""), ("README.md", "", "x")) == SurfaceReport()
    assert report() == SurfaceReport()
    assert surface_findings(SurfaceReport(), ()) == ()


def test_continuous_integration_and_snapshots_are_told_with_low_weight() -> None:
    found = findings((".github/workflows/ci.yml", "a: 1", "a: 2"), ("tests/a.snap", None, "x"))
    assert [(one.mark.severity, one.mark.is_blocking) for one in found] == [("low", False)] * 2


def test_one_path_with_many_lines_is_one_finding() -> None:
    source = "import os\na = os.environ['TESTING']\nb = os.environ['TESTING']\nc = 'PYTEST_CURRENT_TEST'\n"
    (found,) = findings(("src/a.py", None, source))
    assert found.evidence == (
        "src/a.py:2: a = os.environ['TESTING']",
        "src/a.py:3: b = os.environ['TESTING']",
        "src/a.py:4: c = 'PYTEST_CURRENT_TEST'",
    )


def test_a_second_question_is_new_though_the_first_is_old() -> None:
    old = "import os\na = os.environ['TESTING']\n"
    told = report(("src/a.py", old, old + "b = os.environ['TESTING']\n"))
    assert told.sniffing == ("src/a.py:3: b = os.environ['TESTING']",)


def test_the_order_of_the_files_does_not_matter_and_a_report_comes_back_from_its_bytes() -> None:
    changes = [*BLOCKED.values(), *(one for many in HONEST.values() for one in many)]
    unique = list({change[0]: change for change in changes}.values())
    told = report(*unique)
    assert report(*reversed(unique)) == told
    assert msgspec.json.decode(msgspec.json.encode(told), type=SurfaceReport) == told


def test_contents_that_the_reader_did_not_take_still_give_a_report() -> None:
    one = SurfaceFile(path="tests/test_a.py", status="M", old=None, new=None)
    two = SurfaceFile(path="pytest.py", status="T", old=None, new=None)
    told = surface_report([one, two])
    assert told.modified == ("pytest.py", "tests/test_a.py")
    assert told.shadowing == ("pytest.py: another kind of file",)


def test_a_path_file_that_runs_code_is_told_wherever_it_lies() -> None:
    assert report(("vendor/zz.pth", None, "import os; os._exit(0)\n")).startup == ("vendor/zz.pth: added",)
    assert report(("vendor/zz.pth", None, "../lib\n")).startup == ()


@pytest.mark.parametrize(
    ("after", "needs_red", "is_told"),
    [
        ("def test_a():\n    f()\n", True, True),
        ("def test_a():\n    f()\n", False, False),
        ("def test_a():\n    assert f()\n", True, False),
    ],
)
def test_tests_that_are_to_show_red_assert_something(after: str, needs_red: bool, is_told: bool) -> None:
    found = surface_findings(report(("tests/test_a.py", None, after)), (), needs_red=needs_red)
    assert any(one.title == "the new tests assert nothing" for one in found) is is_told


def test_a_file_that_a_command_names_is_told_unless_it_is_approved() -> None:
    (change,) = files(("qa/smoke.sh", "grep 3", "exit 0"))
    told = surface_report([change], command_files(["bash qa/smoke.sh"], deliverables=["adder.py"]))
    assert (told.changed, told.command_files) == (True, ("qa/smoke.sh: changed",))
    (found,) = surface_findings(told, ())
    assert (found.title, found.mark.is_blocking) == (
        "qa/smoke.sh decides what a required command or setup does",
        False,
    )
    assert surface_findings(told, ("qa/smoke.sh",)) == ()
    assert surface_report([change]) == SurfaceReport()


def unread(path: str, *, before: bool = False, approved: Sequence[str] = ()) -> list[str]:
    one = SurfaceFile(path=path, status="M", old=None if before else b"", new=None, unread=(before, True))
    found = surface_findings(surface_report([one]), approved)
    return [
        one.title for one in found if one.title.endswith("is too large to be read") and one.mark.is_blocking
    ]


@pytest.mark.parametrize(
    "path", ["adder.py", "src/a.js", "conftest.py", "pyproject.toml", "run.sh", "Makefile", "pom.xml"]
)
def test_a_source_that_nobody_could_read_blocks_though_it_is_approved(path: str) -> None:
    assert unread(path, approved=[path]) == [f"{path} is too large to be read"]


@pytest.mark.parametrize(
    "path", ["data.json", "a.csv", "package-lock.json", "a.png", "uv.lock", "sqlite3.c", "a.md"]
)
def test_a_large_file_that_is_no_source_does_not(path: str) -> None:
    assert unread(path) == []


def test_a_source_that_was_as_large_before_may_be_approved() -> None:
    assert unread("tables.py", before=True)
    assert unread("tables.py", before=True, approved=["tables.py"]) == []


def test_a_settings_file_that_nobody_could_read_counts_as_changed() -> None:
    one = SurfaceFile(path="pyproject.toml", status="M", old=b"", new=None, unread=(False, True))
    assert surface_report([one]).changed
