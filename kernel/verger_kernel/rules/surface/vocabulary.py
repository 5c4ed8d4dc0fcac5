"""The words of runners' settings and options, sorted by what a change of one can do.

Not here: the judgement; see `weights.py`. The tables name what the runners document. A word that is in none of them
weighs, for nobody here knows what it does.
"""

import re

from verger_kernel.rules.pattern import lazy


def _one_of(*parts: str) -> re.Pattern[str]:
    return lazy("|".join(parts))


# fmt: off
FREE = _one_of(
    "markers", "minversion", "min_version", "required_plugins", "requires", "console_output_style", "cache_dir",
    "log_.*", "junit_.*", "tmp_path_.*", "faulthandler_.*", "asyncio_.*", "verbosity.*", "verbose", "colou?rs?",
    "clearMocks", "resetMocks", "restoreMocks", "collectCoverage.*", "coverage(Directory|Reporters|Provider)",
    "displayName", "moduleNameMapper", "moduleFileExtensions", "testEnvironment", "preset", "transform.*",
    "coveragePathIgnorePatterns", "watchPathIgnorePatterns", "show_missing", "skip_covered", "precision", "branch",
    "parallel", "concurrency", "data_file", "directory", "title", "source", "source_pkgs", "relative_files",
    "output", "extension", "html", "xml", "exclude_lines", "exclude_also", "reporters?", "isolated_build", "skipsdist",
)
"""Settings that change no verdict."""

LISTS = _one_of(
    "testpaths", "roots", "python_(files|classes|functions)", "testMatch", "testRegex", "include", "spec", "files",
    "projects", "envlist", "env_list",
)
"""Settings that say what is run: one that loses an entry runs less."""

IGNORED = _one_of(
    "norecursedirs", "collect_ignore(_glob)?", "testPathIgnorePatterns", "modulePathIgnorePatterns",
    "exclude", "ignore", "ignores", "omit",
)
"""Settings that say what is not run: one that gains an entry runs less."""

STRICT = _one_of(
    "xfail_strict", "strict.*", "bail", "fail_?[fF]ast", "forbid-?[oO]nly", "errorOnDeprecated", "check-?[lL]eaks",
)
"""Settings that fail a run that would pass without them."""

FLOOR = _one_of("fail_under", "branches", "functions", "lines", "statements")
"""Numbers that a run must reach."""

CEILING = _one_of("timeout", "testTimeout", "hookTimeout", "slow", "slowTestThreshold")
"""Numbers that a run must not exceed."""

DECISIVE = _one_of(
    "runner", "testRunner", "rustc.*", "script-shell", "node-options", "ignore-scripts", "passWithNoTests",
    "allowOnly", "retry", "retries", "reruns", "flaky", "dangerouslyIgnoreUnhandledErrors", "shell", "pytest11",
)
"""Settings that weigh in a new file too."""

OPTIONS = ("addopts", "args", "opts")
"""Settings that hold options of a command line."""

USUAL = _one_of(
    r"(<rootDir>|\.)?/?(tests?|__tests__|spec|src|packages|lib|\.)?/?",
    r"test_?\*?\.py", r"\*_?test\.py", r"tests?\.py", r"[Tt]est_?\*?", r"[^*]*\*.*(test|spec).*",
)
"""What a new list of what is run may hold: the places and names that a runner looks at anyway."""

WITHOUT_TESTS = lazy(
    r"(<rootDir>|\.|\*\*)?/?(\.\w+|\.\*|venv|env|build|dist|node_modules|docs?|coverage|\*\.egg(-info)?|__pycache__"
    r"|site-packages|out|target|vendor|third_party|CVS|_darcs|\{arch\})(/.*)?"
)
"""Places where nobody keeps tests."""

HARMLESS_OPTION = _one_of(
    "-[qvlsx]+", r"-r\w+", r"--tb=\w+", r"--durations(-min)?(=\S+)?", r"--colou?r=\w+", "--no-header",
    r"--cov(=\S+)?", r"--cov-(report|config|branch)(=\S+)?", r"--junit-?xml=\S+", "--verbose", "--quiet",
    "--doctest-modules", r"--doctest-glob=\S+", r"-n(auto|\d+)?", "auto", r"\d+", r"--dist=\w+", "--showlocals",
    "--strict(-markers|-config)?", "-W", r"error\S*", r"--maxfail=\d+", r"--capture=\w+", r"--import-mode=\w+",
    "--exitfirst", r"--asyncio-mode=\w+", "-p", "no:cacheprovider", r"--timeout=\d+", "--ff", "--nf",
)
"""Options that run no test less and let none pass that would fail."""

STRICT_OPTION = _one_of(
    "--strict(-markers|-config)?", "-W", r"error\S*", r"--cov-fail-under=\S+", "--doctest-modules",
    r"--doctest-glob=\S+",
)
"""Options that fail a run, or run a test, where none would be without them."""

EXCLUDING_OPTION = _one_of(
    "--ignore(-glob)?(=.*)?", "--deselect(=.*)?", "-k.*", "-m.*", "-t.*", "--co", "--collect-only", "--noconftest",
    "--lf", "--last-failed", r"--stepwise\S*", "--sw", "--testPathIgnorePatterns.*", "--exclude.*", "--grep.*",
    "--invert", "--passWithNoTests", "--no-run", "--skip.*",
)
"""Options that leave out tests."""
# fmt: on
