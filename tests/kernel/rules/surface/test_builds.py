"""A build file is looked at for the tests that it names or leaves out, and for nothing else."""

from collections.abc import Sequence

import pytest

from verger_kernel.rules.surface.builds import is_build_file, left_out

Change = tuple[str, str | None, str | None]
LEAVES_OUT: dict[str, Change] = {
    "maven skips": ("pom.xml", "<project>", "<project><skipTests>true</skipTests>"),
    "maven ignores": ("web/pom.xml", "", "<testFailureIgnore> true"),
    "maven excludes": ("pom.xml", "", "<exclude>**/AdderTest.java</exclude>"),
    "maven drops a module": ("pom.xml", "<module>a</module>\n<module>b</module>", "<module>a</module>"),
    "gradle ignores": ("build.gradle", "", "test {\n  ignoreFailures = true\n}"),
    "gradle switches off": ("build.gradle", "", "test {\n  useJUnit()\n  enabled = false\n}"),
    "gradle filters": ("build.gradle.kts", "", 'filter { excludeTestsMatching("*Adder*") }'),
    "gradle drops a module": ("settings.gradle", "include 'a'\ninclude 'b'", "include 'a'"),
    "sbt does nothing": ("build.sbt", "", "Test / test := {}"),
    "cmake expects a failure": ("CMakeLists.txt", "", "set_tests_properties(a PROPERTIES WILL_FAIL TRUE)"),
    "cmake drops a test": ("CMakeLists.txt", "add_test(NAME a COMMAND a)", "# add_test(NAME a COMMAND a)"),
    "meson drops a test": ("meson.build", "test('a', a)\n", ""),
    "bazel drops a test": ("pkg/BUILD.bazel", "py_test(\n  name = 'a')", ""),
    "bazel asks by hand": ("BUILD", "py_test(name = 'a')", "py_test(name = 'a', tags = ['manual'])"),
}
HONEST: dict[str, Sequence[Change]] = {
    "a dependency": [("pom.xml", "<dependencies>", "<dependencies><dependency><artifactId>a</artifactId>")],
    "a version": [("build.gradle", "version = '1'", "version = '2'")],
    "a jar": [("build.gradle", "", "jar {\n  enabled = false\n}\ntest {\n  useJUnitPlatform()\n}")],
    "a source": [("CMakeLists.txt", "add_library(a a.c)", "add_library(a a.c b.c)")],
    "another test": [
        ("CMakeLists.txt", "add_test(NAME a COMMAND a)", "add_test(NAME a COMMAND a)\nadd_test(NAME b)")
    ],
    "a test with another name": [("meson.build", "test('a', a)", "test('b', a)")],
    "a test that moved": [
        ("CMakeLists.txt", "add_test(NAME a COMMAND a)", "add_subdirectory(tests)"),
        ("tests/CMakeLists.txt", None, "add_test(NAME a COMMAND a)"),
    ],
    "a comment": [("pom.xml", "", "<!-- <skipTests>true</skipTests> -->")],
    "a page": [("docs/pom.md", "", "<skipTests>true</skipTests>")],
    "what stood there": [("pom.xml", "<skipTests>true", "<skipTests>true\n<a>")],
    "bytes": [("pom.xml", None, "\udcff")],
}


def told(*files: Change) -> list[str]:
    def data(text: str | None) -> bytes | None:
        return None if text is None else text.encode("utf-8", "surrogateescape")

    return list(left_out((path, data(old), data(new)) for path, old, new in files))


@pytest.mark.parametrize("case", LEAVES_OUT)
def test_a_build_that_leaves_out_a_test_is_told(case: str) -> None:
    change = LEAVES_OUT[case]
    (entry,) = told(change)
    assert entry.startswith(f"{change[0]}: ")


@pytest.mark.parametrize("case", HONEST)
def test_any_other_change_of_a_build_is_not(case: str) -> None:
    assert told(*HONEST[case]) == []


def test_a_build_file_is_one_by_its_name() -> None:
    assert is_build_file("a/b/pom.xml") and not is_build_file("pom.xml.orig")
