"""A pattern that is compiled late answers like one compiled at once, and every pattern of the rules compiles."""

import gc
import importlib
import pkgutil
import re

import pytest

import verger_kernel.rules
from verger_kernel.rules.pattern import lazy


def test_a_late_pattern_answers_like_one_compiled_at_once() -> None:
    source, text = r"(?P<name>[a-z]+)=(\d+)", "One=1\ntwo=22"
    late, early = lazy(source, re.IGNORECASE), re.compile(source, re.IGNORECASE)
    for _ in range(2):
        assert late.findall(text) == early.findall(text)
        assert late.sub("-", text) == early.sub("-", text)
        found, wanted = late.match(text), early.match(text)
        assert found and wanted and found.groupdict() == wanted.groupdict()
    assert (late.pattern, late.flags) == (early.pattern, early.flags)
    assert lazy(rb"\d+").findall(b"1 22") == [b"1", b"22"]


def test_nothing_is_compiled_before_it_is_asked() -> None:
    broken = lazy("(")
    with pytest.raises(re.error):
        broken.search("")


def test_every_pattern_of_the_rules_compiles() -> None:
    for module in pkgutil.walk_packages(verger_kernel.rules.__path__, "verger_kernel.rules."):
        importlib.import_module(module.name)
    kind = type(lazy(""))
    # What other tests made and dropped would still be there.
    gc.collect()
    patterns = [one for one in gc.get_objects() if type(one) is kind]
    assert len(patterns) > 80
    for one in patterns:
        assert one.pattern is not None
