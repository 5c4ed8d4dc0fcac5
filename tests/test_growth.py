"""The growth table has a line for every size, and what each further item took is told of whole runs. Nothing is timed.

Not here: the table itself; see docs/performance.md.
"""

import json
import subprocess

import pytest
from tests.bench import growth_rows
from tests.bench.counting import NotCounted
from tests.bench.effort import GrowthEffort, Size
from tests.bench.growth import as_json, further_items, table
from tests.bench.growth_rows import Carried, Row, rows
from tests.bench.workshop import Shape, workshop


@pytest.mark.sweep
def test_every_size_has_a_row_of_a_real_run(monkeypatch):
    monkeypatch.setattr(growth_rows, "process_counter", _no_counter)
    effort = GrowthEffort(items=(1,), files=(), fewest=3, times=1, looks=1)
    (row,) = rows(effort)
    assert row.size == Size(1, 3)
    assert row.run.records > 10
    assert row.run.looks.keys() == {"status", "doctor", "resume"}
    assert (row.git > 0, row.processes) == (True, None)
    assert row.how == "not counted: this test does not count them"
    assert row.run.disk_mb > 0


def _no_counter(_):
    raise NotCounted("this test does not count them")


def test_the_sizes_are_those_of_the_table_and_the_large_ones_are_measured_once():
    effort = GrowthEffort()
    assert [(size.items, size.files) for size in effort.sizes] == [
        *((1, 100), (10, 100), (100, 100), (1000, 100)),
        *((1, 10_000), (3, 10_000), (1, 100_000), (3, 100_000)),
    ]
    assert [effort.is_long(size) for size in effort.sizes] == [
        *(False, False, True, True),
        *(False, False, True, True),
    ]


def test_a_further_item_is_the_slope_between_one_item_and_many_in_an_equal_repository():
    found = [_row(1, 100, 2.0), _row(11, 100, 7.0), _row(1, 500, 3.0), _row(3, 500, 9.0)]
    slopes = {row.size: more for row, more in further_items(found)}
    assert {size: more["wall_s"] for size, more in slopes.items()} == {Size(11, 100): 0.5, Size(3, 500): 3.0}
    assert {more["processes"] for more in slopes.values()} == {None}
    assert slopes[Size(11, 100)]["git"] == 9


def test_the_table_and_the_file_tell_the_same_rows():
    found = [_row(1, 100, 2.0), _row(11, 100, 7.0)]
    told = json.loads(as_json(found, {"cores": 2}))
    assert [row["each_further_item"] is None for row in told["rows"]] == [True, False]
    assert (told["cores"], told["rows"][1]["size"]) == (2, {"items": 11, "files": 100})
    whole, further = table(found).split("\n\n")
    assert [line.split()[:3] for line in whole.splitlines()[1:]] == [
        ["1", "100", "2.000"],
        ["11", "100", "7.000"],
    ]
    assert further.splitlines()[2].split()[:3] == ["11", "100", "0.500"]


def _row(items: int, files: int, wall_s: float) -> Row:
    run = Carried(wall_s, 1.0, 50.0, 0.5, 15, None, {}, 0.1)
    return Row(Size(items, files), 1, run, (wall_s, wall_s), 6 + 9 * items, None, "not counted: by hand")


@pytest.mark.parametrize("tracked", [0, 120])
def test_a_workshop_is_a_clean_checkout_of_as_many_files_as_were_asked(tracked):
    with workshop(Shape(tracked=tracked, bytes_each=700)) as made:
        listed, status = (
            subprocess.run(words, cwd=made.repository, capture_output=True, text=True, check=True).stdout
            for words in (("git", "ls-files", "src"), ("git", "status", "--porcelain"))
        )
        assert (len(listed.splitlines()), status) == (tracked, "")
        assert all((made.repository / path).stat().st_size == 700 for path in listed.splitlines())
