"""Build files that are product and tests in one piece: what a change of one does to the tests that it names.

Not here: files whose halves can be parted (`mixed.py`), and makefiles (`scripts.py`). These are never exchanged: with
the base's build an honest product may not build. So only lines about tests are looked at, and nobody asks of the rest.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from typing import NamedTuple

from verger_kernel.rules.pattern import lazy
from verger_kernel.rules.surface.plain import decoded

File = tuple[str, bytes | None, bytes | None]


class _Build(NamedTuple):
    """Patterns over a text without comments: what `leaves_out` tests, and what `names` one or a part that has some."""

    leaves_out: re.Pattern[str]
    names: re.Pattern[str]


def _build(leaves_out: str, names: str = r"(?!)") -> _Build:
    return _Build(lazy(leaves_out, re.MULTILINE), lazy(names, re.MULTILINE))


_MAVEN = _build(
    r"<(?:maven\.test\.skip|skipTests|skipITs|skipUnitTests|testFailureIgnore|maven\.test\.failure\.ignore)>\s{0,20}true"
    r"|<exclude>[^<\n]{0,200}(?:Test|IT\b|Spec)[^<\n]{0,200}|<(?:groups|excludedGroups)>[^<\n]{1,200}",
    r"<module>[^<\n]{0,200}",
)
_GRADLE = _build(
    r"\bignoreFailures\b[^\n]{0,20}\btrue\b|\b(?:in|ex)cludeTestsMatching\b[^\n]{0,120}|\b(?:in|ex)cludeTags\b[^\n]{0,120}"
    r"|\bexclude\b[^\n]{0,80}Test[^\n]{0,80}|\btest\b[^\n{}]{0,20}\{[^{}]{0,150}\b(?:enabled\s{0,3}=\s{0,3}false|onlyIf\b)"
    r"|\bTest\b[^\n{}]{0,20}\{[^{}]{0,150}\benabled\s{0,3}=\s{0,3}false",
    r"^[ \t]{0,20}include\b[^\n]{0,200}",
)
_SBT = _build(
    r"\btest\s{0,3}:=[^\n]{0,120}|\bTests\.(?:Exclude|Filter|Argument)\b[^\n]{0,120}|\btestOptions\b[^\n]{0,120}"
)
_CMAKE = _build(
    r"\bWILL_FAIL\b[^\n]{0,20}|\bDISABLED\s{1,3}(?:TRUE|ON|1)\b|\b(?:PASS_REGULAR_EXPRESSION|SKIP_\w{1,20})\b[^\n]{0,120}",
    r"\b(?:add_test|\w{1,40}_discover_tests|enable_testing)\s{0,3}\([^\n]{0,120}",
)
_MESON = _build(r"\bshould_fail\s{0,3}:\s{0,3}true", r"^[ \t]{0,20}test\s{0,3}\([^\n]{0,120}")
_BAZEL = _build(
    r"\bflaky\s{0,3}=\s{0,3}(?:True|1)|\b\w{1,40}_test\([^()]{0,200}['\"]manual['\"]|--gtest_filter[^\n]{0,120}",
    r"^\w{0,40}_test\(|^test_suite\(",
)
_BUILDS = (
    ("pom.xml", _MAVEN),
    ("*.gradle", _GRADLE),
    ("*.gradle.kts", _GRADLE),
    ("build.sbt", _SBT),
    ("CMakeLists.txt", _CMAKE),
    ("CTestTestfile.cmake", _CMAKE),
    ("meson.build", _MESON),
    ("BUILD", _BAZEL),
    ("BUILD.bazel", _BAZEL),
)
_COMMENT = lazy(r"^[ \t]*(?:#|//)[^\n]*+", re.MULTILINE)


def is_build_file(path: str) -> bool:
    """Whether the file at `path` is one of these, by its name."""
    return _kind(path) is not None


def left_out(files: Iterable[File]) -> Iterator[str]:
    """What the changed build files leave out, each entry with its path; each file is a path with both contents.

    A test that is named in another changed build file now is not left out.
    """
    built = [(path, kind, old, new) for path, old, new in files if (kind := _kind(path))]
    moved: Counter[str] = Counter()
    for _, kind, old, new in built:
        moved += _found(kind.names, new) - _found(kind.names, old)
    for path, kind, old, new in built:
        added = _found(kind.leaves_out, new) - _found(kind.leaves_out, old)
        yield from (f"{path}: {text}" for text in sorted(added))
        lost = _found(kind.names, old) - _found(kind.names, new)
        # A line that was reworded names as many as before.
        if lost.total() > moved.total():
            yield from (f"{path}: names no longer {text}" for text in sorted(lost))
        moved -= lost


def _kind(path: str) -> _Build | None:
    name = path.rpartition("/")[2]
    return next((build for pattern, build in _BUILDS if fnmatchcase(name, pattern)), None)


def _found(pattern: re.Pattern[str], data: bytes | None) -> Counter[str]:
    *parts, last = decoded(data).split("-->")
    text = "".join([part.partition("<!--")[0] for part in parts] + [last])
    text = _COMMENT.sub("", text)
    return Counter(" ".join(match[0].split())[:160] for match in pattern.finditer(text))
