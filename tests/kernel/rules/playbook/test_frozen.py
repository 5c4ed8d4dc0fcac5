"""The plan as canonical bytes, and the snapshot."""

import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verger_kernel.rules.plan import NormalizedPlan, PlanSource
from verger_kernel.rules.playbook.frozen import (
    FrozenPlaybookInvalid,
    canonical_plan,
    decode_plan,
    plan_sha256,
    playbook_text,
    snapshot_text,
)
from verger_kernel.rules.playbook.reader import read_playbook

HARNESS = Path(__file__).parents[3] / "data" / "playbooks" / "harness.md"


def plan() -> NormalizedPlan:
    return read_playbook(
        HARNESS.read_bytes(), path="docs/plan.md", generated_at_utc="2026-03-25T10:00:00.000Z"
    )


def test_a_plan_comes_back_from_its_bytes() -> None:
    data = canonical_plan(plan())
    assert decode_plan(data) == plan()
    assert canonical_plan(decode_plan(data)) == data
    assert data.endswith(b"}\n")
    assert plan_sha256(plan()) == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff",
        b"[]",
        b"[" * 100_000,
        canonical_plan(plan()).replace(b'"adapter_id"', b'"adapter"'),
        canonical_plan(plan()).replace(b'"order": 1', b'"order": "1"'),
        canonical_plan(plan())[:-3],
    ],
)
def test_anything_else_is_refused_in_words(data: bytes) -> None:
    with pytest.raises(FrozenPlaybookInvalid, match="the normalized plan cannot be read"):
        decode_plan(data)


def test_a_snapshot_names_its_source_and_reads_to_the_same_plan() -> None:
    snapshot = snapshot_text(plan().plan_source, HARNESS.read_bytes().decode())
    header, _, _ = snapshot.partition("\n---\n\n")
    assert "- source_path: docs/plan.md" in header
    assert f"- sha256: {plan().plan_source.sha256}" in header
    again = read_playbook(
        playbook_text(snapshot).encode(), path="docs/plan.md", generated_at_utc=plan().generated_at_utc
    )
    assert again == plan()


@given(path=st.text(), text=st.text())
def test_the_text_of_a_snapshot_is_unchanged(path: str, text: str) -> None:
    source = PlanSource(
        path=f"{path}\n---\n\n", source_kind="markdown_playbook_v1", sha256="0" * 64, title=""
    )
    assert playbook_text(snapshot_text(source, text)) == text


def test_a_snapshot_without_its_separator_is_refused() -> None:
    with pytest.raises(FrozenPlaybookInvalid, match="no line `---`"):
        playbook_text("# Playbook snapshot\n---\n")
