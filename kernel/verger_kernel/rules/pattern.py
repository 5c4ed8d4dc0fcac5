"""Regular expressions that are compiled when they are first asked something.

Not here: any of them. A run that meets no Rust compiles nothing for Rust, and no run compiles all: that would cost
every start a twentieth of a second.
"""

import re
from typing import Any, AnyStr, cast


class _Lazy:
    """Stands in for a compiled pattern; what was asked for once is found at once from then on."""

    def __init__(self, source: str | bytes, flags: int) -> None:
        self._source = source
        self._flags = flags

    def __getattr__(self, name: str) -> Any:
        # Reached only for what this object does not have yet.
        value = getattr(re.compile(self._source, self._flags), name)
        setattr(self, name, value)
        return value


def lazy(source: AnyStr, flags: int = 0) -> re.Pattern[AnyStr]:
    """What `re.compile` gives, but no argument for `re` itself. Raises re.error only when it is first used."""
    return cast("re.Pattern[AnyStr]", _Lazy(source, flags))
