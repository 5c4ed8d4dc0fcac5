"""Whatever a playbook's bytes hold, they are a plan or a refusal in words."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verger_kernel.rules.playbook.document import BYTES_MAX
from verger_kernel.rules.playbook.frozen import canonical_plan, decode_plan
from verger_kernel.rules.playbook.reader import PlaybookRefused, read_playbook, render_problems

HARNESS = (Path(__file__).parents[1] / "data" / "playbooks" / "harness.md").read_bytes()
PIECES = [
    *(
        "|",
        "\\|",
        ";",
        "\\;",
        "`",
        "```\n",
        "~~~\n",
        "<!--",
        "-->",
        "<pre>",
        "\n",
        "\r",
        "\r\n",
        "\t",
        "> ",
        "- ",
    ),
    *(
        "## ",
        "### ",
        "## 2. Plan\n",
        "| step_id |",
        "---",
        "none",
        "01-02",
        "1-999999999999999999",
        "..",
        "/",
        ".",
    ),
    *("\0", "\ufeff", "\u2028", "\x85", "\x0c", "ı", "|\n|", "01", "02", "04", ",", "     ", "[a]: <"),
]


def answer(data: bytes) -> None:
    """Proves that `data` reads to a plan that comes back from its bytes, or to problems in file order."""
    try:
        plan = read_playbook(data, path="plan.md", generated_at_utc="2026-03-25T10:00:00.000Z")
    except PlaybookRefused as refused:
        lines = [problem.line for problem in refused.problems]
        assert lines
        assert lines == sorted(lines)
        assert all(line.isprintable() for line in render_problems(refused.problems))
    else:
        assert decode_plan(canonical_plan(plan)) == plan


@given(st.binary(max_size=400))
def test_any_bytes(data: bytes) -> None:
    answer(data)


@given(st.text(st.characters(blacklist_categories=("Cs",)), max_size=300))
def test_any_text(text: str) -> None:
    answer(text.encode())


@given(st.lists(st.sampled_from(PIECES), max_size=60))
def test_any_heap_of_markdown(pieces: list[str]) -> None:
    answer("".join(pieces).encode())


@given(
    st.lists(
        st.tuples(
            st.integers(0, len(HARNESS)),
            st.integers(0, 40),
            st.one_of(st.sampled_from(PIECES), st.text(max_size=5)),
        ),
        min_size=1,
        max_size=4,
    )
)
def test_a_valid_playbook_with_pieces_replaced(cuts: list[tuple[int, int, str]]) -> None:
    data = HARNESS
    for at, length, piece in cuts:
        data = data[:at] + piece.encode("utf-8", "surrogatepass") + data[at + length :]
    answer(data)


@given(st.integers(0, len(HARNESS)))
def test_a_valid_playbook_that_ends_early(length: int) -> None:
    answer(HARNESS[:length])


@pytest.mark.parametrize("unit", ["> ", "- ", "> - ", "|", "[", "<", "`", "* a\n  ", "\\", "#", "1. "])
def test_deep_and_long_repetition(unit: str) -> None:
    answer(unit.encode() * 20_000 + b"\n" + HARNESS)


def test_ten_megabytes_are_refused_by_size_alone() -> None:
    with pytest.raises(PlaybookRefused):
        read_playbook(HARNESS + b" " * (10 << 20), path="plan.md", generated_at_utc="")
    answer(HARNESS + b" " * (BYTES_MAX - len(HARNESS)))
