"""The resolved policy as a run keeps it in `runtime_policy.json`: written once, read at every resume.

Not here: how a policy is resolved; see `verger_kernel.settings.resolved`, which resume must not pay for importing.
"""

from typing import Literal

import msgspec

from verger_kernel.rules.policy import Policy
from verger_probes.decoding import decoded

Source = Literal["default", "repository", "config", "env", "flag"]


class Resolved(msgspec.Struct, frozen=True, kw_only=True):
    """A policy and where each of its settings came from.

    `sources` is sorted by dotted key (`max_items`, `agents.painter.command`) and names every setting.
    `ignored_environment` are the variables that begin with VERGER_ but hold no setting, sorted.
    """

    policy: Policy
    sources: dict[str, Source]
    ignored_environment: tuple[str, ...]


class RuntimePolicySnapshot(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What `runtime_policy.json` holds. The two files are where settings were read from, null for none.

    `sandbox_shows` are the places that each sandbox of the run shows beside the system and what its job is about.
    """

    schema_version: Literal["verger.runtime_policy.v1"]
    resolved_at_utc: str
    repository_file: str | None
    overlay_file: str | None
    sources: dict[str, Source]
    policy: Policy
    sandbox_shows: tuple[str, ...]


def policy_snapshot(
    resolved: Resolved,
    *,
    resolved_at_utc: str,
    repository_file: str | None,
    overlay_file: str | None,
    sandbox_shows: tuple[str, ...] = (),
) -> bytes:
    """`runtime_policy.json`: the same bytes for the same policy, sources and moment."""
    snapshot = RuntimePolicySnapshot(
        schema_version="verger.runtime_policy.v1",
        resolved_at_utc=resolved_at_utc,
        repository_file=_unicode(repository_file),
        overlay_file=_unicode(overlay_file),
        sources=resolved.sources,
        policy=resolved.policy,
        sandbox_shows=sandbox_shows,
    )
    return msgspec.json.format(msgspec.json.encode(snapshot, order="deterministic"), indent=2) + b"\n"


def _unicode(path: str | None) -> str | None:
    # A file name may be no Unicode; JSON must be.
    return None if path is None else path.encode(errors="backslashreplace").decode()


def read_policy_snapshot(data: bytes) -> RuntimePolicySnapshot:
    """The snapshot that `data` holds. Raises msgspec.DecodeError and nothing else."""
    try:
        return decoded(data, RuntimePolicySnapshot)
    except UnicodeDecodeError as error:
        raise msgspec.DecodeError(f"no readable verger.runtime_policy.v1: {error}") from None
