"""Any bytes, under any name, give a report on the test surface, in a time that grows with their length.

Not here: what the report says; see tests/kernel/rules/surface/.
"""

import time

import msgspec
import pytest
import tomlkit
from hypothesis import given
from hypothesis import strategies as st

from verger_kernel.rules.surface.mixed import composed
from verger_kernel.rules.surface.report import SurfaceFile, SurfaceReport, surface_findings, surface_report

PATHS = (
    *(
        "tests/test_a.py",
        "src/a.py",
        "conftest.py",
        "a.test.ts",
        "src/a.js",
        "a_test.go",
        "a.go",
        "tests/a.rs",
        "src/a.rs",
        "pom.xml",
        "build.gradle",
        "CMakeLists.txt",
        "BUILD",
        "vite.config.ts",
    ),
    *(
        "a_spec.rb",
        "a.rb",
        "AppTest.java",
        "A.java",
        "a.bats",
        "a.sh",
        "a_test.cc",
        "ATest.php",
        "README.md",
        "x.pth",
    ),
    *(
        "package.json",
        "pyproject.toml",
        "Cargo.toml",
        "setup.cfg",
        "tox.ini",
        "pytest.ini",
        ".coveragerc",
        ".npmrc",
    ),
    *(
        "jest.config.js",
        ".mocharc.yml",
        "Makefile",
        "justfile",
        "test.sh",
        "noxfile.py",
        "deno.json",
        "odd\n: 1: \\xff",
    ),
)
PIECES = (
    *(
        "assert x\n",
        "def test_a():\n",
        "    ",
        "\t",
        "\n",
        "\\\n",
        "'",
        '"',
        "'''",
        '"""',
        "`",
        "/*",
        "*/",
        "//",
        "#",
        'r#"',
    ),
    *(
        "{",
        "}",
        "[",
        "]",
        "(",
        ")",
        ":",
        "=",
        ",",
        ";",
        "if True:\n",
        "try:\n",
        "except: pass\n",
        "class T:\n",
        "os._exit(0)\n",
    ),
    *(
        "it('a', () => {})\n",
        "expect(",
        "[tool.pytest.ini_options]\n",
        "[pytest]\n",
        "addopts = -k x\n",
        '{"scripts": {}}',
    ),
    *(
        "test: build\n",
        "\tpytest\n",
        "PYTEST = x\n",
        "process.env.CI",
        "sys.modules",
        "'pytest'",
        "@pytest.mark.skip\n",
        "\0",
    ),
    *(
        "lambda: ",
        "async ",
        "match x:\n",
        "  case 1: pass\n",
        "\ufeff",
        "\r",
        "\u2028",
        "# coding: utf-7\n",
        "+AAo-",
        "$(",
        "€",
    ),
)
DATA = (
    st.none()
    | st.binary(max_size=200)
    | st.lists(st.sampled_from(PIECES), max_size=30).map(lambda p: "".join(p).encode())
)


def answer(files: list[SurfaceFile]) -> SurfaceReport:
    """Proves that the files have a report that comes back from its bytes, and findings in words."""
    report = surface_report(files)
    assert msgspec.json.decode(msgspec.json.encode(report), type=SurfaceReport) == report
    for finding in surface_findings(report, ()):
        assert finding.title and finding.file_paths and finding.evidence and finding.recommended_actions
        assert msgspec.json.encode(finding)
    return report


@given(st.lists(st.tuples(st.sampled_from(PATHS), st.sampled_from("AMDT"), DATA, DATA), max_size=5))
def test_any_bytes_under_any_name(changes: list[tuple[str, str, bytes | None, bytes | None]]) -> None:
    fields = [{"path": path, "status": status, "old": old, "new": new} for path, status, old, new in changes]
    answer([SurfaceFile(**one) for one in fields])  # type: ignore[arg-type]


@given(st.text(st.characters(blacklist_categories=("Cs",)), max_size=60), DATA)
def test_any_path(path: str, data: bytes | None) -> None:
    answer([SurfaceFile(path=path, status="A", old=None, new=data)])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["scripts", "jest", "test", "a"]), inner)
    ),
    max_leaves=8,
)


@given(JSON, JSON)
def test_any_values_in_a_mixed_file_are_composed_or_left(product: object, surface: object) -> None:
    old, new = msgspec.json.encode(surface), msgspec.json.encode(product)
    result = composed("package.json", product=new, surface=old)
    assert result is not None
    assert composed("package.json", product=result, surface=old) == result
    answer([SurfaceFile(path="package.json", status="M", old=old, new=new)])


TABLES = st.recursive(
    st.booleans() | st.integers(-9, 9) | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["tool", "pytest", "bin", "name", "lib"]), inner)
    ),
    max_leaves=8,
)


@given(
    st.sampled_from(["pyproject.toml", "Cargo.toml"]),
    st.dictionaries(
        st.sampled_from(["tool", "project", "test", "bin", "lib", "package"]), TABLES, max_size=4
    ),
    st.dictionaries(
        st.sampled_from(["tool", "project", "test", "bin", "lib", "package"]), TABLES, max_size=4
    ),
)
def test_any_tables_of_a_mixed_file_are_composed_or_left(
    name: str, product: dict[str, object], surface: dict[str, object]
) -> None:
    old, new = tomlkit.dumps(surface).encode(), tomlkit.dumps(product).encode()
    result = composed(name, product=new, surface=old)
    assert result is not None
    assert composed(name, product=result, surface=old) == result


UNITS = [
    *(
        " ",
        "\n",
        "\t",
        "=",
        '"',
        "'",
        "`",
        "/*",
        "/",
        "*",
        "#",
        "\\",
        "(",
        "[",
        "{",
        "a",
        "a.",
        "a=",
        "a:",
        "-",
        "+ ",
        "not ",
    ),
    *(
        "assert ",
        "x\n",
        "if x:\n ",
        "'a'+",
        "a.b",
        "a()",
        "[a]\n",
        "a = b\n",
        "it(",
        "expect(",
        "it.only",
        "\t\n",
        "\\\n",
        "echo ",
    ),
    *(
        "a: b\n",
        "a.c ",
        "'",
        "r#",
        '"a":',
        "process.on('exit'",
        "typeof ",
        "sys.modules\n",
        "def f():\n pass\n",
        "lambda:",
        "x,",
    ),
    *(
        "@test",
        "#[test]\n",
        "skip: ",
        "^ ",
        "$(a)",
        ".should",
        "try:\n x\nexcept: pass\n",
        "http://",
        "1.",
        "\x00",
        "é",
    ),
]


@pytest.mark.parametrize("unit", UNITS)
def test_repetition_takes_no_longer_than_its_length(unit: str) -> None:
    data = unit.encode() * (8_000 // len(unit.encode()))
    files = [SurfaceFile(path=path, status="M", old=b"", new=data) for path in PATHS]
    start = time.process_time()
    answer(files)
    # A quarter of a megabyte in all: less than half a second where it is linear, and nobody waits for a minute.
    assert time.process_time() - start < 5


DEEP = 10_000


@pytest.mark.parametrize(
    "source", ["(" * DEEP, "-" * DEEP + "1", "a" + ".a" * DEEP, "a" + "()" * DEEP, "1" + "+1" * DEEP]
)
def test_deep_nesting_is_read_or_passed_over(source: str) -> None:
    for path in ("tests/test_a.py", "src/a.py", "package.json", "pyproject.toml"):
        answer([SurfaceFile(path=path, status="M", old=b"", new=f"assert {source}\n".encode())])
        answer([SurfaceFile(path=path, status="M", old=b"", new=source.encode())])


@pytest.mark.parametrize(
    ("path", "opening", "closing"),
    [("package.json", '{"scripts":', "}"), ("pyproject.toml", "", ""), ("Cargo.toml", "", "")],
)
def test_deep_tables_are_read_or_passed_over(path: str, opening: str, closing: str) -> None:
    for depth in (40, 60, 400, 900, 5000):
        data = (
            opening * depth + "1" + closing * depth if opening else "a = " + "[" * depth + "]" * depth
        ).encode()
        answer([SurfaceFile(path=path, status="M", old=b"", new=data)])
        composed(path, product=data, surface=data + b" ")
