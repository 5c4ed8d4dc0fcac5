"""Phrases in sources of other languages than Python that ask for a test run, or reach into a runner.

Not here: Python, which is read as a tree (`sniffing.py`, `tampering.py`), and which files are asked (`suspects.py`).
Each phrase is bounded, so that no text takes longer than its length.
"""

import re

from verger_kernel.rules.pattern import lazy

_MARKERS = (
    r"\b(?:PYTEST_[A-Z_]+|JEST_WORKER_ID|NODE_TEST_CONTEXT|VERGER_VERIFICATION|VERGER_REPORT_DIR)\b",
    r"\b(?:RUST_TEST_\w+|NEXTEST\w*|BATS_TEST_\w+)\b",
)
_SCRIPT_ASKS = (
    r"\bprocess\.env(?:\.|\?\.|\[['\"])VITEST\w*",
    r"\bNODE_ENV\b['\"\])]{0,3} {0,3}[!=]==? {0,3}['\"]test\b",
    r"['\"]test['\"] {0,3}[!=]==? {0,3}process\.env\.NODE_ENV\b",
    r"\btypeof {1,3}\(?(?:globalThis\.|global\.)?(?:jest|vi|describe|it|expect|test|mocha)\b",
    r"\b(?:globalThis|global)\.(?:jest|vi|describe|expect|mocha|__vitest_\w+)\b(?! {0,3}=[^=])",
    r"\bprocess\.(?:argv|execArgv)\b[^\n;]{0,80}['\"/`](?:--test|jest|mocha|vitest)\b",
)
_GO_ASKS = (
    r"\btesting\.Testing\(\)",
    r"\bflag\.Lookup\(\"test\.",
    r"\bHasSuffix\(os\.Args\[0\], {0,2}\"\.test",
)
_RUST_ASKS = (
    r"\bcfg!\((?:not\()?test\b",
    # A program without a standard library leaves its own handlers out of tests.
    r"#\[cfg\(not\(test\)\)\](?!\s{0,40}(?:#\[panic_handler|#\[alloc|use\b|extern\b))",
)
_RUBY_ASKS = (
    r"\bRails\.env\.test\?",
    r"\bdefined\?\(? ?(?:RSpec|Minitest|Test::Unit)",
    r"\b(?:RAILS|RACK)_ENV['\"\]]{2} {0,2}[!=]= {0,2}['\"]test",
)
_JAVA_ASKS = (r"['\"](?:org\.junit|org\.testng|junit\.framework)",)
_SCRIPT_EXITS = (
    r"\bprocess\.exitCode {0,3}= {0,3}0\b",
    r"\bprocess\.reallyExit\b",
    r"\bprocess\.on\( ?['\"](?:exit|beforeExit)['\"][^\n]{0,200}\bexit\( {0,2}0? {0,2}\)",
    r"^process\.exit\((?:0)?\)",
)
_SCRIPT_PATCHES = (
    r"\b(?:globalThis|global|window)\.(?:expect|it|test|describe|assert)\b {0,3}=[^=]",
    r"(?<![\w.$])assert(?:\.strict)?\.\w{1,40} {0,3}=(?![=>])",
    r"require\(['\"](?:node:)?assert[^\n)]{0,20}\)\.\w{1,40} {0,3}=(?![=>])",
    r"\bObject\.(?:definePropert(?:y|ies)|assign)\(\s{0,9}"
    r"(?:require\(['\"](?:node:)?assert\b|assert\b(?: {0,3}|\.strict {0,3}),)",
    r"\bModule\._(?:load|resolveFilename|extensions)\b[^\n=]{0,40}=(?![=>])",
    r"\bModule\.prototype\.\w{1,40} {0,3}=(?![=>])",
)
_GO_PATCHES = (r"^func init\(\)[^\n]{0,200}os\.Exit\(0\)", r"^[ \t]{0,8}testing\.\w{1,40} {0,3}=[^=]")
_RUBY_PATCHES = (r"\bat_exit\b[^\n]{0,120}exit!?", r"^exit!? ?\(?(?:0|true)?\)?$")
# For a Python source that this interpreter cannot read as a tree.
_PYTHON_ASKS = (
    r"['\"]_?(?:pytest|unittest)['\"][^\n]{0,40}sys\.modules",
    r"sys\.modules[^\n]{0,40}['\"]_?(?:pytest|unittest)",
)
_PYTHON_PATCHES = (
    r"\bos\._exit\(",
    r"\b_?(?:unittest|pytest)\.[\w.]{1,80} {0,3}=[^=]",
    r"\bsetattr\(_?(?:unittest|pytest)\b",
)

_SCRIPT = ("js", "jsx", "ts", "tsx", "mjs", "cjs", "mts", "cts")
_OTHERS = ("sh", "bash", "php", "cs", "c", "cc", "cpp", "ex", "exs", "swift")


def _table(*rows: tuple[tuple[str, ...], tuple[str, ...]]) -> dict[str, re.Pattern[str]]:
    return {ending: lazy("|".join(phrases), re.MULTILINE) for endings, phrases in rows for ending in endings}


ASKING = _table(
    (_SCRIPT, _MARKERS + _SCRIPT_ASKS),
    (("go",), _MARKERS + _GO_ASKS),
    (("rs",), _MARKERS + _RUST_ASKS),
    (("rb",), _MARKERS + _RUBY_ASKS),
    (("java", "kt", "kts", "scala", "groovy"), _MARKERS + _JAVA_ASKS),
    (("py", "pyi"), _MARKERS + _PYTHON_ASKS),
    (_OTHERS, _MARKERS),
)
"""By the ending of a product file: phrases that ask whether a test is running."""

PATCHING = _table(
    (_SCRIPT, _SCRIPT_EXITS + _SCRIPT_PATCHES),
    (("go",), _GO_PATCHES),
    (("rb",), _RUBY_PATCHES),
    (("py", "pyi"), _PYTHON_PATCHES),
)
"""By the ending of a product file: phrases that reach into a runner, or end it with success."""

EXITING = _table((_SCRIPT, _SCRIPT_EXITS), (("py", "pyi"), (r"\bos\._exit\(",)))
"""The same for a file of the test surface, which may use its runner as it likes but not end it."""
