"""Which limit is broken first."""

import pytest

from verger_kernel.rules.limits import Breach, Limits, Usage, breach

LIMITS = Limits(runtime_s_max=10, silence_s_max=5, output_bytes_max=100, memory_bytes_max=1000)


def usage(
    *, runtime_s: float = 10, silence_s: float = 5, output_bytes: int = 100, memory_bytes: int = 1000
) -> Usage:
    return Usage(
        runtime_s=runtime_s, silence_s=silence_s, output_bytes=output_bytes, memory_bytes=memory_bytes
    )


def test_what_uses_exactly_its_limits_keeps_them() -> None:
    assert breach(LIMITS, usage()) is None


@pytest.mark.parametrize(
    ("used", "expected"),
    [
        (usage(runtime_s=10.5), Breach(limit="timeout", used=10, allowed=10)),
        (usage(silence_s=5.01), Breach(limit="silence", used=5, allowed=5)),
        (usage(output_bytes=101), Breach(limit="output", used=101, allowed=100)),
        (usage(memory_bytes=1001), Breach(limit="memory", used=1001, allowed=1000)),
    ],
)
def test_each_limit_is_named_with_what_was_used(used: Usage, expected: Breach) -> None:
    assert breach(LIMITS, used) == expected


def test_of_several_the_one_that_harms_the_machine_is_named() -> None:
    everything = usage(runtime_s=99, silence_s=99, output_bytes=9999, memory_bytes=9999)
    found = breach(LIMITS, everything)
    assert found and found.limit == "memory"
