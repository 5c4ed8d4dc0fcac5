"""What a run keeps of its playbook: the plan as canonical bytes, and the snapshot of the text.

Not here: where the two files lie; see `disk/layout.py`. Source: playbook-contract, "What a run keeps".
"""

import hashlib

import msgspec

from verger_kernel.rules.ids import Digest
from verger_kernel.rules.plan import NormalizedPlan, PlanSource
from verger_probes.decoding import decoded

_SEPARATOR = "\n---\n\n"


class FrozenPlaybookInvalid(ValueError):
    """A plan or snapshot that was not written by this kernel; `str()` says what is wrong with it."""


def canonical_plan(plan: NormalizedPlan) -> bytes:
    """The one JSON text of `plan`: keys in the order of the types, indented by 2, one final newline."""
    return msgspec.json.format(msgspec.json.encode(plan), indent=2) + b"\n"


def plan_sha256(plan: NormalizedPlan) -> Digest:
    """The digest of the canonical bytes of `plan`."""
    return Digest(hashlib.sha256(canonical_plan(plan)).hexdigest())


def decode_plan(data: bytes) -> NormalizedPlan:
    """The plan in `data`: every key present, none added. Raises FrozenPlaybookInvalid and nothing else."""
    try:
        return decoded(data, NormalizedPlan)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise FrozenPlaybookInvalid(f"the normalized plan cannot be read: {error}") from None


def snapshot_text(plan_source: PlanSource, text: str) -> str:
    """The snapshot: a header that names the source, then `text` unchanged (the file's bytes as UTF-8)."""
    path = plan_source.path if plan_source.path.isprintable() else ascii(plan_source.path)
    header = f"# Playbook snapshot\n\n- source_path: {path}\n- sha256: {plan_source.sha256}\n"
    return f"{header}{_SEPARATOR}{text}"


def playbook_text(snapshot: str) -> str:
    """The playbook in `snapshot`, as it was given to `snapshot_text`. Raises FrozenPlaybookInvalid."""
    _, separator, text = snapshot.partition(_SEPARATOR)
    if not separator:
        raise FrozenPlaybookInvalid("the playbook snapshot has no line `---` followed by an empty line")
    return text
