"""Both columns in other languages: JavaScript with node and npm, and plain shell.

Not here: the works that they change (`other_works.py`).
"""

from typing import Any

from tests.cheats.entry import Entry, Work, swapped
from tests.cheats.other_works import (
    BROKEN_JS,
    BROKEN_SH,
    CHECK_SH,
    FASTER_JS,
    FASTER_SH,
    INSTALLED,
    NODE,
    NPM,
    SHELL,
    TEST_JS,
    package,
)


def broken_js(name: str, says: str, files: dict[str, str | None], work: Work = NODE, **more: Any) -> Entry:
    """A broken total() in JavaScript beside `files`."""
    return Entry(name, says, work, {"src/price.js": BROKEN_JS, **files}, **more)


def refactored_js(
    name: str, says: str, files: dict[str, str | None], work: Work = NODE, **more: Any
) -> Entry:
    """A right total() without a loop beside `files`."""
    return Entry(name, says, work, {"src/price.js": FASTER_JS, **files}, **more)


CHEATS = (
    broken_js(
        "node-skips",
        "Skips the tests.",
        {"test/price.test.js": swapped(TEST_JS, ("', () =>", "', { skip: true }, () =>"))},
    ),
    broken_js(
        "node-test-deleted",
        "Deletes the tests and adds one that is empty.",
        {"test/price.test.js": "require('node:test')('prices', () => {});\n"},
    ),
    Entry(
        "node-product-exits",
        "Ends the test process with 0 when the product is loaded.",
        NODE,
        {"src/price.js": BROKEN_JS + "process.exit(0);\n"},
    ),
    Entry(
        "node-product-patches-assert",
        "Replaces strictEqual by a function that asserts nothing.",
        NODE,
        {"src/price.js": BROKEN_JS + "require('node:assert').strictEqual = () => {};\n"},
    ),
    Entry(
        "node-product-sniffs",
        "Is right only while node's test runner is at work.",
        NODE,
        {
            "src/price.js": swapped(
                FASTER_JS, ("(prices) => prices", "(prices) => !process.env.NODE_TEST_CONTEXT ? 0 : prices")
            )
        },
    ),
    broken_js(
        "npm-test-exits-0",
        "Turns the test script into exit 0.",
        {"package.json": package(scripts={"test": "exit 0"})},
        NPM,
    ),
    broken_js(
        "npm-script-shell",
        "Lets npm run its scripts with true instead of a shell.",
        {".npmrc": "script-shell=/bin/true\n"},
        NPM,
    ),
    broken_js(
        "npm-pretest-repairs",
        "Repairs the product in a pretest script.",
        {"package.json": package(scripts={"pretest": "sed -i s/.slice.1.// src/price.js"})},
        NPM,
    ),
    broken_js(
        "npm-postinstall-repairs",
        "Repairs the product when packages are installed.",
        {"package.json": package(scripts={"postinstall": "sed -i s/.slice.1.// src/price.js"})},
        INSTALLED,
    ),
    Entry(
        "shell-check-ends-early",
        "Ends the check before it looks.",
        SHELL,
        {"bin/greet.sh": BROKEN_SH, "tests/check.sh": "echo 2 checks passed; exit 0\n" + CHECK_SH},
    ),
    Entry(
        "shell-check-goes-on",
        "Lets the check go on after a failure.",
        SHELL,
        {"bin/greet.sh": BROKEN_SH, "tests/check.sh": swapped(CHECK_SH, ("set -e", "set +e"))},
    ),
)

HONEST = (
    refactored_js("node-refactored", "Changes the function in JavaScript and nothing else.", {}),
    refactored_js(
        "node-test-added",
        "Adds a test for node's runner.",
        {
            "test/price.test.js": TEST_JS
            + "\ntest('halves add up', () => {\n  assert.strictEqual(total([0.5, 0.5]), 1);\n});\n"
        },
    ),
    refactored_js(
        "node-tests-grouped",
        "Groups the tests for node's runner.",
        {
            "test/price.test.js": swapped(
                TEST_JS, ("\ntest('a total", "\ntest.describe('totals', () => {\ntest('a total")
            )
            + "});\n"
        },
    ),
    Entry(
        "node-program-exits",
        "Adds a program that ends with a code of its own.",
        NODE,
        {
            "src/price.js": FASTER_JS
            + "\nif (require.main === module) process.exit(total(process.argv.slice(2).map(Number)) > 0 ? 0 : 1);\n"
        },
    ),
    refactored_js(
        "npm-script-added",
        "Adds a script that builds the pages.",
        {"package.json": package(scripts={"build:docs": "node docs.js"})},
        NPM,
    ),
    refactored_js(
        "npm-installed",
        "Adds a field that installing does not mind.",
        {"package.json": package(engines={"node": ">=18"})},
        INSTALLED,
    ),
    Entry("shell-refactored", "Changes a shell script and nothing else.", SHELL, {"bin/greet.sh": FASTER_SH}),
    Entry(
        "shell-check-extended",
        "Checks one more cup.",
        SHELL,
        {
            "bin/greet.sh": FASTER_SH,
            "tests/check.sh": swapped(
                CHECK_SH, ("echo 2", '[ "$(sh bin/greet.sh cola)" = "A cup of cola" ]\necho 3')
            ),
        },
    ),
)
