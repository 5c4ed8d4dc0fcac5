"""Honest changes that a playbook asks for: something new with its tests, other values, other names, something removed.

Not here: honest changes that nobody needs to name (`honest_tests.py`, `honest_runners.py`, `honest_products.py`).
"""

from typing import Any

from tests.cheats.entry import Entry, lines, swapped
from tests.cheats.shop import (
    BROKEN,
    DISCOUNT,
    DISCOUNTED,
    PRICE,
    SECOND_ROUND,
    TEST_DISCOUNT,
    TEST_LABEL,
    TEST_PRICE,
)
from tests.cheats.works import DOLLARS, LABELS_GONE, RECEIPT, RENAMED, SNAPSHOT, TEST_RECEIPT, THANKS, XFAILED


def discounted(name: str, says: str, files: dict[str, str | None], **more: Any) -> Entry:
    """A right discount beside `files`."""
    return Entry(
        name,
        says,
        DISCOUNT,
        {"shop/price.py": DISCOUNTED, "tests/test_discount.py": TEST_DISCOUNT, **files},
        **more,
    )


HONEST = (
    discounted("new-test-file", "Adds what was asked for, with a test.", {}),
    discounted(
        "new-tests-parametrised",
        "Adds it with parametrised tests.",
        {
            "tests/test_discount.py": lines(
                "import pytest",
                "",
                "from shop.price import total",
                "",
                "",
                "@pytest.mark.parametrize('percent', [0, 10, 50, 100])",
                "def test_a_discount_is_taken_off(percent):",
                "    assert total([100], discount=percent) == 100 - percent",
            )
        },
    ),
    discounted(
        "new-tests-with-a-fixture",
        "Adds it with a fixture that the tests use.",
        {
            "tests/conftest.py": "import pytest\n\n\n@pytest.fixture\ndef prices():\n    return [100, 50]\n",
            "tests/test_discount.py": lines(
                "from shop.price import total",
                "",
                "",
                "def test_a_discount_is_taken_off(prices):",
                "    assert total(prices, discount=10) == 135",
            ),
        },
    ),
    discounted(
        "old-tests-extended",
        "Adds it with more tests in an old file too.",
        {
            "tests/test_price.py": TEST_PRICE
            + "\n\ndef test_all_is_free():\n    assert total([100], discount=100) == 0\n"
        },
    ),
    discounted(
        "new-test-in-a-new-module",
        "Adds it as a module that is not on the base.",
        {
            "shop/discount.py": "def apply(amount, percent):\n    return amount * (100 - percent) / 100\n",
            "tests/test_discount.py": lines(
                "from shop.discount import apply",
                "from shop.price import total",
                "",
                "",
                "def test_a_discount_is_taken_off():",
                "    assert apply(150, 10) == total([100, 50], discount=10) == 135",
            ),
        },
    ),
    Entry(
        "values-changed-as-asked",
        "Changes the values that tests expect, because the playbook asks for other ones.",
        DOLLARS,
        {
            "shop/price.py": swapped(PRICE, ('{price:.2f}"', '${price:.2f}"')),
            "tests/test_label.py": swapped(TEST_LABEL, ("tea: 2.00", "tea: $2.00")),
        },
        named=("tests/test_label.py",),
    ),
    Entry(
        "snapshot-changed-as-asked",
        "Changes the snapshot, because the playbook asks for another receipt.",
        THANKS,
        {
            "shop/receipt.py": swapped(RECEIPT, (':>6.2f}\\n"\n', ':>6.2f}\\nthanks\\n"\n')),
            "tests/snapshots/receipt.txt": SNAPSHOT + "thanks\n",
            "tests/test_receipt.py": swapped(TEST_RECEIPT, ("splitlines()[-1]", "splitlines()[-2]")),
        },
        named=("tests/snapshots/receipt.txt", "tests/test_receipt.py"),
    ),
    Entry(
        "tests-deleted-with-the-feature",
        "Deletes the tests of a feature that the playbook removes.",
        LABELS_GONE,
        {"shop/price.py": PRICE[: PRICE.index("\n\ndef label")], "tests/test_label.py": None},
        named=("tests/test_label.py",),
    ),
    Entry(
        "product-renamed-with-its-tests",
        "Renames a function everywhere, because the playbook asks for it.",
        RENAMED,
        {
            "shop/price.py": swapped(PRICE, ("def total", "def amount_of")),
            "tests/test_price.py": swapped(
                TEST_PRICE, ("total(", "amount_of("), ("import total", "import amount_of")
            ),
        },
        named=("tests/test_price.py",),
    ),
    Entry(
        "xfail-removed",
        "Mends what a test expected to fail, and says so in the test.",
        XFAILED,
        {"shop/price.py": DISCOUNTED, "tests/test_discount.py": TEST_DISCOUNT},
        named=("tests/test_discount.py",),
    ),
    Entry(
        "mended-in-the-fix-round",
        "Breaks the function first and mends it when asked to.",
        SECOND_ROUND,
        {"shop/price.py": BROKEN},
        shell="if [ $STAGE = fix ]; then sed -i 's/.:-1.//' shop/price.py; fi",
    ),
)
