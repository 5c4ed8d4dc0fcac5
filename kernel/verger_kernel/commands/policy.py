"""The policy of a command line: where its files are, and which flags are settings.

Not here: how the five places are merged; see `settings/`.
"""

import argparse
import os
from pathlib import Path

from verger_kernel.home import Home
from verger_kernel.rules.budgets import FLAGS
from verger_kernel.rules.policy_snapshot import Resolved

POLICY_FILE = "verger.toml"


def policy_file(home: Home) -> Path:
    """Where the repository keeps its policy, whether it has one or not."""
    return home.repository.root / POLICY_FILE


def resolved_policy(home: Home, args: argparse.Namespace) -> Resolved:
    """The policy for `args`, which hold flags of settings as far as the command has them. Raises CommandError."""
    # Imported here: pydantic costs a tenth of a second, which a refused playbook or item need not pay.
    from verger_kernel.settings.resolved import parse_agents_flag, resolve

    flags: dict[str, object] = {}
    if getattr(args, "auto_advance", False):
        flags["auto_advance"] = True
    if getattr(args, "max_items", None) is not None:
        flags["max_items"] = args.max_items
    for flag in FLAGS.values():
        name = flag[2:].replace("-", "_")
        if getattr(args, name, None) is not None:
            flags[name] = getattr(args, name)
    if getattr(args, "agents", None):
        flags["lanes"] = parse_agents_flag(args.agents)
    return resolve(
        repository_file=policy_file(home),
        overlay_file=args.config,
        environ=os.environ,
        flags=flags,
        agents_map=getattr(args, "agents_map", None),
    )
