"""The snapshot of a policy is written the same each time, read strictly, and cheap to read.

Not here: how the policy came to be; see tests/kernel/settings.
"""

import json
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from verger_kernel.rules.policy import AgentDefinition, Lanes, Policy
from verger_kernel.rules.policy_snapshot import (
    Resolved,
    RuntimePolicySnapshot,
    policy_snapshot,
    read_policy_snapshot,
)

ROOT = Path(__file__).parents[3]
MOMENT = "2026-03-25T10:00:00.000Z"


def resolved(names="abc"):
    agents = {name: AgentDefinition(kind="generic", command=("x",)) for name in names}
    return Resolved(
        policy=Policy(agents=agents, lanes=Lanes(worker="a", audit_a="b", audit_b="c")),
        sources={"lanes.worker": "flag", "max_items": "default"},
        ignored_environment=("VERGER_X",),
    )


def written(**changes):
    arguments = {"resolved_at_utc": MOMENT, "repository_file": "verger.toml", "overlay_file": None}
    return policy_snapshot(resolved(), **(arguments | changes))


def test_a_snapshot_is_read_back_as_it_was_written():
    snapshot = read_policy_snapshot(written())
    assert snapshot.policy == resolved().policy
    assert snapshot.sources == resolved().sources
    assert (snapshot.resolved_at_utc, snapshot.repository_file, snapshot.overlay_file) == (
        MOMENT,
        "verger.toml",
        None,
    )


def test_the_bytes_do_not_depend_on_the_order_of_the_agents():
    arguments = {"resolved_at_utc": MOMENT, "repository_file": None, "overlay_file": None}
    assert policy_snapshot(resolved("abc"), **arguments) == policy_snapshot(resolved("cba"), **arguments)


def test_a_snapshot_is_made_for_reading():
    lines = written().decode().splitlines(keepends=True)
    assert lines[:2] == ["{\n", '  "schema_version": "verger.runtime_policy.v1",\n']
    assert lines[-1] == "}\n"


def test_a_file_name_that_is_no_unicode_is_kept_readable():
    assert read_policy_snapshot(written(overlay_file="a\udcff")).overlay_file == "a\\udcff"


@pytest.mark.parametrize("key", RuntimePolicySnapshot.__struct_fields__)
def test_a_snapshot_without_one_of_its_keys_is_refused(key):
    content = json.loads(written())
    del content[key]
    with pytest.raises(msgspec.DecodeError, match=key):
        read_policy_snapshot(json.dumps(content).encode())


def changed(**changes):
    return json.dumps(json.loads(written()) | changes).encode()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff",
        b"[]",
        b'{"schema_version": "\xff"}',
        b'{"sources": ' * 100_000,
        changed(extra=1),
        changed(schema_version="verger.runtime_policy.v2"),
        changed(sources={"max_items": "somewhere"}),
        changed(policy={}),
        written()[:-4],
    ],
)
def test_anything_else_is_refused_with_one_kind_of_error(data):
    with pytest.raises(msgspec.DecodeError):
        read_policy_snapshot(data)


def test_reading_a_snapshot_does_not_pay_for_pydantic():
    code = (
        "import sys, verger_kernel.rules.policy_snapshot\n"
        "sys.exit(any(name.startswith('pydantic') for name in sys.modules))"
    )
    path = f"{ROOT / 'kernel'}:{ROOT / 'probes'}"
    done = subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": path}, check=False)
    assert done.returncode == 0
