"""A path is test surface by what it is called and where it lies; product that only looks like it is none."""

import pytest

from verger_kernel.rules.surface.kinds import MIXED, is_helper, is_mixed, kind_of, takes_a_place

SURFACE = {
    "test": (
        *(
            "tests/test_a.py",
            "test_a.py",
            "src/pkg/test_a.py",
            "a_test.py",
            "pkg/tests.py",
            "tests/check_a.py",
        ),
        *("src/__tests__/a.js", "src/a.test.ts", "src/a.spec.tsx", "test/a.js", "test.mjs", "pkg/a_test.go"),
        *(
            "tests/a.rs",
            "src/net/tests.rs",
            "src/test/java/a/AppTest.java",
            "spec/a_spec.rb",
            "test/run.bats",
        ),
        *("src/FooTests.cs", "lib/a_test.exs", "t/a.t", "tests/unit/ünï.test.js"),
    ),
    "support": (
        *(
            "conftest.py",
            "tests/unit/conftest.py",
            "tests/__init__.py",
            "tests/helpers.py",
            "tests/data/a.json",
        ),
        *(
            "testdata/in.txt",
            "jest.setup.ts",
            "tests/fixtures/test_x.py",
            "tests/x_test_.py",
            "spec/support/a.rb",
        ),
        *(
            "pkg/__mocks__/fs.js",
            "fixtures/a.json",
            "expected/a.txt",
            "golden/a.png",
            "spec_helper.rb",
            "tests/fixtures/project/Makefile",
            "tests/data/a/pytest.ini",
        ),
    ),
    "runner_configuration": (
        *(
            "pytest.ini",
            "sub/pytest.ini",
            ".coveragerc",
            "jest.config.js",
            "vitest.config.mts",
            ".mocharc.yml",
        ),
        *(".cargo/config.toml", ".npmrc", ".rspec", ".env.test", "phpunit.dist.xml"),
    ),
    "shadowing": (
        *("pytest.py", "json.py", "unittest/__init__.py", "types.py", "src/pytest.py", "tests/unittest.py"),
        *("random.cpython-311-x86_64-linux-gnu.so", "node_modules/.bin/jest", "node_modules/vitest/index.js"),
    ),
    "scripts": (
        *(
            "Makefile",
            "sub/GNUmakefile",
            "justfile",
            "Rakefile",
            "noxfile.py",
            "test.sh",
            "scripts/test",
            "test",
        ),
        *("run_tests.py", ".ci/run", "rules.mk", "mk/test.mk", "scripts/run-tests.js"),
    ),
    "ci": (
        ".github/workflows/ci.yml",
        ".gitlab-ci.yml",
        "Jenkinsfile",
        ".ci/build.yml",
        ".pre-commit-config.yaml",
    ),
    "snapshot": (
        "src/__snapshots__/a.snap",
        "tests/snapshots/a.json",
        "tests/a.ambr",
        "snapshots/a.json",
        "testdata/x.golden",
    ),
    "bytecode": ("src/__pycache__/a.cpython-311.pyc", "a.pyc", "src/__pycache__/x"),
    "startup": (
        *("sitecustomize.py", "src/usercustomize.py", "evil.pth", ".venv/lib/site-packages/evil.pth"),
        "x.egg-info/entry_points.txt",
    ),
}

PRODUCT = (
    *("src/pkg/types.py", "pkg/json.py", "src/types.py", "json/schema.py", "unittest.md", "docs/pytest.py"),
    *("src/pkg/testing/client.py", "django/test/client.py", "src/spec/parser.py", "lib/test/runner.js"),
    *("spec/openapi.yaml", "specs/README.md", "models/weights.pth", "app/fixtures/initial.json", "latest.py"),
    *(
        "contest.py",
        "src/attest.js",
        "src/testament.rs",
        "src/Contest.java",
        "greatest_hits.py",
        "app/tasks.py",
    ),
    *(
        "src/check.py",
        "node_modules/left-pad/index.js",
        "Dockerfile",
        "pom.xml",
        "requirements.txt",
        "fixtures",
        "README.md",
        "docs/tests.md",
        "snap.py",
    ),
    *(
        "app/snapshots/nightly.sql",
        "src/expected/a.json",
        "Android.mk",
        "package/zlib/zlib.mk",
        "CONFTEST.PY",
        "makefile.txt",
        "check.py",
        "code.py",
    ),
)


@pytest.mark.parametrize(
    ("kind", "path"), [(kind, path) for kind, paths in SURFACE.items() for path in paths]
)
def test_a_path_of_the_test_surface_has_its_kind(kind: str, path: str) -> None:
    assert kind_of(path) == kind


@pytest.mark.parametrize("path", PRODUCT)
def test_product_that_looks_like_it_is_no_test_surface(path: str) -> None:
    assert kind_of(path) is None


@pytest.mark.parametrize("name", sorted(MIXED))
def test_a_mixed_file_is_product_at_any_depth_and_never_under_tests(name: str) -> None:
    for path in (name, f"packages/a/{name}"):
        assert (kind_of(path), is_mixed(path)) == (None, True)
    assert (kind_of(f"tests/data/{name}"), is_mixed(f"tests/data/{name}")) == ("support", False)


@pytest.mark.parametrize(
    "path", ["", "/", "//", ".", "a" * 5000, "\n/\t", "a\\xff/b", "tests/" * 2000 + "a.py"]
)
def test_any_path_has_an_answer(path: str) -> None:
    assert kind_of(path) in {*SURFACE, None}
    assert is_mixed(path) is False


@pytest.mark.parametrize(
    "path",
    ["filecmp.py", "statistics.py", "calendar/__init__.py", "hypothesis.py", "time_machine.py", "mock.py"],
)
def test_a_module_at_the_top_takes_the_place_of_a_library(path: str) -> None:
    assert takes_a_place(path)
    assert not takes_a_place(f"pkg/{path}")
    assert kind_of(path) is None


def test_an_own_name_takes_no_place() -> None:
    assert not any(map(takes_a_place, ("adder.py", "statistics.md", "statistics/adder.py", "statistical.py")))


def test_a_helper_is_there_for_who_asks() -> None:
    assert all(
        map(is_helper, ("tests/tests_help.py", "tests/data/a.json", "tests/__init__.py", "test/help.js"))
    )
    for path in (
        "tests/conftest.py",
        "jest.setup.js",
        "tests/statistics.py",
        "tests/mock.py",
        "tests/a.test.js",
        "a.py",
    ):
        assert not is_helper(path)
