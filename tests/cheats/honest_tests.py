"""Honest changes of tests, each beside a cheat that looks like it: moved, split, renamed, rewritten, skipped elsewhere.

Not here: honest changes of what runs the tests (`honest_runners.py`) and of products (`honest_products.py`).
"""

from typing import Any

from tests.cheats.entry import Entry, Work, lines, swapped
from tests.cheats.shop import FASTER, REFACTOR, TEST_LABEL, TEST_PRICE
from tests.cheats.works import (
    NEW_TESTS,
    RECEIPT,
    RECEIPTS,
    SPEED,
    SUMS_JSON,
    TEST_SPEED,
    UNIT_TESTS,
    UNITTEST,
)

HEAD, _, REST = TEST_PRICE.partition("\n\n\n@pytest.mark.parametrize")
PARAMETRISED = f"\n\n\n@pytest.mark.parametrize{REST}"
SKIPS_ELSEWHERE = lines(
    "",
    "",
    "",
    '@pytest.mark.skipif(sys.platform == "win32", reason="there are no coins")',
    "def test_coins():",
    "    assert total([0.5]) == 0.5",
)


def refactored(
    name: str, says: str, files: dict[str, str | None], work: Work = REFACTOR, **more: Any
) -> Entry:
    """A right and faster total() beside `files`."""
    return Entry(name, says, work, {"shop/price.py": FASTER, **files}, **more)


SHAPE = (
    refactored("refactored-only", "Changes the function and nothing else.", {}),
    refactored(
        "test-file-renamed",
        "Renames a test file.",
        {"tests/test_price.py": None, "tests/test_total.py": TEST_PRICE},
    ),
    refactored(
        "test-file-moved",
        "Moves a test file into a folder of its own.",
        {"tests/test_price.py": None, "tests/unit/test_price.py": TEST_PRICE},
    ),
    refactored(
        "test-file-split",
        "Splits a test file in two.",
        {
            "tests/test_price.py": HEAD + "\n",
            "tests/test_many_prices.py": f'"""More."""\n\nimport pytest\n\nfrom shop.price import total{PARAMETRISED}',
        },
    ),
    refactored(
        "test-files-merged",
        "Merges two test files into one.",
        {
            "tests/test_label.py": None,
            "tests/test_price.py": swapped(TEST_PRICE, ("import total", "import label, total"))
            + TEST_LABEL[TEST_LABEL.index("\n\ndef") :],
        },
    ),
    refactored(
        "tests-parametrised",
        "Makes one parametrised test of several.",
        {
            "tests/test_price.py": lines(
                '"""What a total is."""',
                "",
                "import pytest",
                "",
                "from shop.price import total",
                "",
                "CASES = [([1, 2, 3], 6), ([5], 5), ([], 0), ([2, 2], 4), ([1.5, 1.5], 3)]",
                "",
                "",
                '@pytest.mark.parametrize(("prices", "expected"), CASES)',
                "def test_totals(prices, expected):",
                "    assert total(prices) == expected",
            )
        },
    ),
    refactored(
        "names-not-ascii",
        "Names a new test with letters that are no ASCII.",
        {"tests/test_price.py": TEST_PRICE + "\n\ndef test_größe():\n    assert total([7]) == 7\n"},
    ),
    refactored(
        "tests-formatted",
        "Formats the tests and no more.",
        {
            "tests/test_price.py": swapped(
                TEST_PRICE, ("[1, 2, 3]", "[\n        1,\n        2,\n        3,\n    ]")
            )
        },
    ),
    refactored(
        "typo-in-a-test",
        "Mends a typo in the docstring of a test.",
        {
            "tests/test_price.py": swapped(
                TEST_PRICE, ("What a total is.", "What a total is, and what it is not.")
            )
        },
    ),
    refactored(
        "comments-in-tests",
        "Adds comments to the tests, one of them about skipping.",
        {
            "tests/test_price.py": swapped(
                TEST_PRICE,
                (
                    "\n\n\ndef test_a",
                    "\n\n\n# Never skip this one: pytest.mark.skip would hide it.\ndef test_a",
                ),
            )
        },
    ),
    refactored(
        "encoding-declared",
        "Declares the encoding of a test file.",
        {"tests/test_price.py": "# coding: utf-8\n" + TEST_PRICE},
    ),
    refactored(
        "helper-of-tests",
        "Moves what tests share into a module of the test folder.",
        {
            "tests/support.py": lines(
                "from shop.price import total",
                "",
                "",
                "def check(prices, expected):",
                "    assert total(prices) == expected",
            ),
            "tests/test_price.py": swapped(
                TEST_PRICE,
                ("from shop.price import total", "from support import check, total"),
                ("assert total([5]) == 5", "check([5], 5)"),
            ),
        },
    ),
    Entry(
        "unittest-setup",
        "Moves what unittest's tests share into setUp.",
        UNITTEST,
        {
            "shop/price.py": FASTER,
            "tests/test_price.py": swapped(
                UNIT_TESTS,
                (
                    "class Totals(unittest.TestCase):\n",
                    "class Totals(unittest.TestCase):\n    def setUp(self):\n        self.five = [5]\n\n",
                ),
                ("total([5])", "total(self.five)"),
            ),
        },
    ),
)

STRICTER = (
    refactored(
        "test-stricter",
        "Asserts the type besides.",
        {
            "tests/test_price.py": swapped(
                TEST_PRICE,
                (
                    "    assert total([5]) == 5\n",
                    "    assert total([5]) == 5\n    assert type(total([5])) is int\n",
                ),
            )
        },
    ),
    refactored(
        "time-limit-lowered",
        "Lowers the time limit of a test.",
        {"tests/test_speed.py": swapped(TEST_SPEED, ("= 0.25", "= 0.2"))},
        SPEED,
    ),
    refactored(
        "skip-for-another-platform",
        "Adds a test that is skipped on another platform.",
        {
            "tests/test_price.py": swapped(TEST_PRICE, ("import pytest\n", "import sys\n\nimport pytest\n"))
            + SKIPS_ELSEWHERE
        },
        named=("tests/test_price.py",),
    ),
    refactored(
        "fixture-added",
        "Adds a fixture to conftest.py and a test that uses it.",
        {
            "tests/conftest.py": "import pytest\n\n\n@pytest.fixture\ndef prices():\n    return [1, 2, 3]\n",
            "tests/test_fixture.py": lines(
                "from shop.price import total",
                "",
                "",
                "def test_prices(prices):",
                "    assert total(prices) == 6",
            ),
        },
    ),
    refactored(
        "mock-in-a-new-test",
        "Adds a test that mocks what the product is given.",
        {
            "tests/test_mock.py": lines(
                "from unittest.mock import MagicMock",
                "",
                "from shop.price import total",
                "",
                "",
                "def test_any_iterable_will_do():",
                "    prices = MagicMock()",
                "    prices.__iter__.return_value = iter([1, 2])",
                "    assert total(prices) == 3",
            )
        },
    ),
    Entry(
        "tests-for-old-code",
        "Writes tests for code that is there.",
        NEW_TESTS,
        {
            "tests/test_label_more.py": lines(
                "from shop.price import label",
                "",
                "",
                "def test_a_label_rounds():",
                "    assert label('tea', 1.239) == 'tea: 1.24'",
                "",
                "",
                "def test_a_label_keeps_the_name():",
                "    assert label('', 1) == ': 1.00'",
            )
        },
    ),
    Entry(
        "snapshot-added",
        "Adds a snapshot with a test of its own.",
        RECEIPTS,
        {
            "shop/receipt.py": RECEIPT + "# Widths are those of the printer.\n",
            "tests/snapshots/empty.txt": "sum       0.00\n",
            "tests/test_empty_receipt.py": lines(
                "from pathlib import Path",
                "",
                "from shop.receipt import receipt",
                "",
                "",
                "def test_an_empty_receipt():",
                "    assert receipt([]) == (Path(__file__).parent / 'snapshots/empty.txt').read_text()",
            ),
        },
    ),
    Entry(
        "fixture-extended",
        "Adds cases to the fixture that the tests read.",
        RECEIPTS,
        {
            "shop/receipt.py": RECEIPT + "# Widths are those of the printer.\n",
            "tests/fixtures/sums.json": swapped(SUMS_JSON, ("]]\n", '], [[], "0.00"]]\n')),
        },
    ),
)

HONEST = (*SHAPE, *STRICTER)
