"""Agents of the kinds codex and claude for tests: programs that replay recordings, and the real ones where they are.

Not here: what they are told (`model_words.py`) and who answers the real ones (`model_server.py`).
"""

import json
import os
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.doubles import replayed_cli

from verger_kernel.rules.policy import AgentDefinition

REAL = os.environ.get("REAL_AGENTS_IN", "")
"""The folder into which `make test-agents` installed the real programs; empty in every other test."""
MODELS = {"codex": "gpt-5.5", "claude": "claude-sonnet-4-5"}
KEYS = {"codex": "STUB_KEY", "claude": "ANTHROPIC_API_KEY"}


def replaying(root: Path, kind: str, *words: str) -> AgentDefinition:
    """An agent whose program, made in `root`, does `words`; see `replayed_cli.py`."""
    name = f"{kind}-{len(list(root.glob(f'{kind}-*')))}"
    call = shlex.join([sys.executable, "-I", "-S", replayed_cli.__file__, kind, *words])
    program = root / name
    program.write_text(f'#!/bin/sh\nexec {call} -- "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    key = root / "key"
    key.write_text("of no worth to anybody", encoding="utf-8")
    key.chmod(0o600)
    secrets = {KEYS[kind]: f"file:{key}"}
    return AgentDefinition(
        kind=kind, model=MODELS[kind], key=KEYS[kind], program=str(program), secrets=secrets
    )


def real(kind: str, url: str) -> AgentDefinition:
    """The real program, asking the model server at `url`."""
    return AgentDefinition(
        kind=kind,
        model=MODELS[kind],
        key=KEYS[kind],
        base_url=f"{url}/v1" if kind == "codex" else url,
        program=f"{REAL}/node_modules/.bin/{kind}",
    )


def table(agent: AgentDefinition) -> str:
    """The definition as an inline table of a policy."""
    fields = {name: getattr(agent, name) for name in agent.__struct_fields__}
    return _inline({name: value for name, value in fields.items() if value})


def _inline(fields: Mapping[str, Any]) -> str:
    def shown(value: Any) -> str:
        return _inline(value) if isinstance(value, Mapping) else json.dumps(value)

    return "{ " + ", ".join(f"{name} = {shown(value)}" for name, value in fields.items()) + " }"
