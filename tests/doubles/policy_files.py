"""A folder with the two files a policy is read from, resolved in one call.

Not here: what comes of it; see tests/kernel/settings.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from verger_kernel.errors import CommandError
from verger_kernel.rules.policy_snapshot import Resolved
from verger_kernel.settings.resolved import EXAMPLE, resolve

BASE = "\n".join(EXAMPLE)


def above(line: str) -> str:
    """The example file with `line` where settings outside of tables stand."""
    return f"{line}\n{BASE}"


@dataclass(frozen=True)
class PolicyFiles:
    """Writes `verger.toml` and `overlay.toml` into `root` and resolves them."""

    root: Path

    def resolve(
        self,
        repository: str | bytes | None = BASE,
        overlay: str | None = None,
        environ: Mapping[str, str] | None = None,
        flags: Mapping[str, object] | None = None,
    ) -> Resolved:
        """The policy that the texts make; None writes no file."""
        return resolve(
            repository_file=self._file("verger.toml", repository),
            overlay_file=self._file("overlay.toml", overlay),
            environ=environ or {},
            flags=flags or {},
        )

    def refusal(self, *args: str | None, **places: object) -> CommandError:
        """The error that resolving the same arguments ends in."""
        with pytest.raises(CommandError) as caught:
            self.resolve(*args, **places)
        return caught.value

    def _file(self, name: str, text: str | bytes | None) -> Path | None:
        if text is None:
            return None
        path = self.root / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path
