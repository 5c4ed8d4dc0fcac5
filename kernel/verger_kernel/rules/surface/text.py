"""The tests, assertions and skips of a test file in any language, counted in its text.

Not here: which files are asked (`kinds.py`), and what fewer of them mean (`report.py`). Python is read in `python.py`.
"""

import re
from collections import Counter
from collections.abc import Collection
from functools import cache
from typing import NamedTuple

from verger_kernel.rules.pattern import lazy
from verger_kernel.rules.surface.counts import Counts
from verger_kernel.rules.surface.plain import code_only, decoded
from verger_kernel.rules.surface.python import read_python


class _Language(NamedTuple):
    """Patterns over code without comments and strings; an empty one finds nothing. `vain` reads the text itself."""

    tests: str
    assertions: str
    skips: str
    excluded: str = ""
    vain: str = ""


_JAVASCRIPT = _Language(
    tests=r"(?<![\w.$])(?:it|test|specify)(?:\.(?:each|only|concurrent|serial|fails|for))*+\s*+[(`]",
    assertions=r"(?<![\w.$])(?:expect|assert(?:\.\w+){0,3})\s*+\(|\b[tT]\.(?:is\w*|deepEqual|equal|same|ok|not\w*|true|false"
    r"|truthy|falsy|throws\w*|rejects|like|snapshot|assert(?:\.\w+)?|match|strictSame|fail)\s*+\(|\.should\b",
    skips=r"(?<![\w.$])(?:it|test|describe|context|suite|specify)\.(?:skip\w*|todo|fixme|failing)\b"
    r"|(?<![\w.$])(?:xit|xtest|xdescribe|xcontext)\s*+\(|\b(?:skip|todo)\s*+:\s*+(?!false)\w|\b(?:t|this)\.(?:skip|todo)\s*+\(",
    excluded=r"(?<![\w.$])(?:it|test|describe|context|suite)\.only\b|(?<![\w.$])(?:fit|fdescribe)\s*+\(",
    vain=r"expect\(\s*+(?P<value>\w++|'[^'\n]*+'|\"[^\"\n]*+\")\s*+\)\s*+\.to(?:Be|Equal|StrictEqual)\(\s*+(?P=value)\s*+\)"
    r"|expect\(\s*+(?:true|1)\s*+\)\s*+\.to(?:Be(?:Truthy|Defined)|\.be\.(?:true|ok))\b"
    r"|\b(?:assert|t)(?:\.ok|\.true)?\(\s*+(?:true|1)\s*+[,)]"
    r"|\bassert\.\w++\(\s*+(?P<one>\w++)\s*+,\s*+(?P=one)\s*+[,)]",
)
_GO = _Language(
    tests=r"^func\s++(?:\([^)\n]*+\)\s*+)?(?:Test|Fuzz|Example)\w*+\s*+\(",
    assertions=r"\b(?:t|b|f|tb|tt)\.(?:Error|Errorf|Fatal|Fatalf|Fail|FailNow)\s*+\(|\b(?:assert|require|is)\.\w++\s*+\(",
    skips=r"\b(?:t|b|f|tb|tt)\.Skip(?:f|Now)?\s*+\(",
)
_RUST = _Language(
    tests=r"#\[(?:\w++::)*+(?:test|rstest|test_case|quickcheck)\b",
    assertions=r"\b(?:debug_|prop_)?assert(?:_\w++)?!|#\[should_panic|\bpanic!",
    skips=r"#\[ignore\b",
    vain=r"\bassert!\(\s*+true\s*+[,)]",
)
_JAVA = _Language(
    tests=r"@(?:Test|ParameterizedTest|RepeatedTest|Fact|Theory|TestMethod|TestCase)\b",
    assertions=r"\b(?:assert|Assert\.|verify|fail)\w*+\s*+\(",
    skips=r"@(?:Disabled|Ignore)\w*+|\bassume\w++\s*+\(|\bSkip\s*+=",
    vain=r"\bassertTrue\(\s*+true\s*+\)",
)
_RUBY = _Language(
    tests=r"^[ \t]*+(?:it|specify|scenario|example|test)\b|^[ \t]*+def\s++test_\w++",
    assertions=r"\bexpect\s*+[({]|\bassert\w*+|\brefute\w*+|\.should\b|\.must_\w++",
    skips=r"^[ \t]*+(?:xit|xdescribe|xcontext|xspecify|skip|pending)\b",
    excluded=r"^[ \t]*+(?:fit|fdescribe|fcontext)\b",
)
_SHELL = _Language(
    tests=r"^[ \t]*+@test\b|^[ \t]*+(?:function\s++)?test_?\w++\s*+\(\)|^(?:not )?ok\b",
    assertions=r"(?<![\w\[])\[\[?\s|\bassert\w*+|^[ \t]*+test\s",
    skips=r"^[ \t]*+skip\b",
)
_C = _Language(
    tests=r"\b(?:TEST|TEST_F|TEST_P|TYPED_TEST|TEST_CASE|SCENARIO|BOOST_AUTO_TEST_CASE)\s*+\("
    r"|^[ \t]*+(?:static )?void\s++test\w++\s*+\(",
    assertions=r"\b(?:ASSERT_|EXPECT_|TEST_ASSERT|CHECK_|REQUIRE_|BOOST_)\w++\s*+\(|\b(?:assert|CHECK|REQUIRE)\s*+\(",
    skips=r"\b(?:GTEST_SKIP|TEST_IGNORE)\b|\bDISABLED_\w++",
    vain=r"\bassert\(\s*+(?:1|true)\s*+\)",
)
_PHP = _Language(
    tests=r"\bfunction\s++test\w++|#\[Test\]",
    assertions=r"(?:->|::)(?:assert|expect)\w++\s*+\(",
    skips=r"\bmarkTest(?:Skipped|Incomplete)\b",
)
LANGUAGES = {
    **dict.fromkeys(("js", "jsx", "ts", "tsx", "mjs", "cjs", "mts", "cts", "coffee"), _JAVASCRIPT),
    "go": _GO,
    "rs": _RUST,
    **dict.fromkeys(("java", "kt", "kts", "scala", "groovy", "cs"), _JAVA),
    "rb": _RUBY,
    **dict.fromkeys(("sh", "bash", "bats"), _SHELL),
    **dict.fromkeys(("c", "cc", "cpp", "h", "hpp"), _C),
    "php": _PHP,
}
"""By the ending of a file that is no Python: what its tests look like."""
_WIDTH = 160
_NOTHING = r"(?!)"
_BUILD_LINE = lazy(r"^//\s*+(?:go:build|\+build)\s++(?P<tags>[^\n]++)", re.MULTILINE)


def count(path: str, data: bytes | None) -> Counts:
    """What the test file at `path` holds. Nothing in a language that is not known, or a text that does not parse."""
    ending = path.rpartition(".")[2]
    if ending in ("py", "pyi"):
        return read_python(data)
    language = LANGUAGES.get(ending)
    if language is None:
        return Counts()
    text = decoded(data)
    code = code_only(text, ending)
    vain = {match.start() for match in _pattern(language.vain).finditer(text)}
    counts = Counts(
        tests=_found(language.tests, code, text),
        assertions=_found(language.assertions, code, text, vain),
        skips=_found(language.skips, code, text),
        excluded=_found(language.excluded, code, text),
    )
    if ending == "go":
        counts.excluded.update(f"build tags {match['tags'].strip()}" for match in _BUILD_LINE.finditer(text))
    return counts


def _found(pattern: str, code: str, text: str, vain: Collection[int] = ()) -> Counter[str]:
    """What stands in `text` from each place where `pattern` is found in `code`, to the end of the line."""
    places = (match.start() for match in _pattern(pattern).finditer(code))
    return Counter(_rest_of_line(text, place) for place in places if place not in vain)


def _rest_of_line(text: str, start: int) -> str:
    return text[start : start + _WIDTH].lstrip().partition("\n")[0].rstrip()


@cache
def _pattern(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern or _NOTHING, re.MULTILINE)
