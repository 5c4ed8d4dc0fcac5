"""docs/supervision.md says what the table of claims says, and docs/settings.md what the daemon's settings are.

Not here: that their commands work; see test_commands.py.
"""

import re
from pathlib import Path
from typing import get_args

import pytest
from pydantic.fields import FieldInfo

from verger_daemon.rules.records import ActionKind
from verger_daemon.rules.watch import Pace
from verger_daemon.settings import PREFIX, Settings
from verger_probes.rules.liveness import CLAIM_EXITS, TABLE, Seen, judge

DOCS = Path(__file__).parents[2] / "docs"
SUPERVISION = (DOCS / "supervision.md").read_text(encoding="utf-8")
SETTINGS = (DOCS / "settings.md").read_text(encoding="utf-8")
CLAIMS = re.findall(r"^\| (.*) \| `(\w+)` \| `(.*)` \| (\d+) \|$", SUPERVISION, re.MULTILINE)
BOOT, NOW_NS, FRESH_NS = "a boot", 10_000_000_000, 1_000_000_000
LIVE = Seen(boot_id=BOOT, at_work=True, asked_ns=NOW_NS)
ROWS = (
    Seen(boot_id=BOOT, at_work=True, asked_ns=NOW_NS, held=False),
    Seen(boot_id=BOOT, rest="terminal"),
    Seen(boot_id=BOOT, rest="waiting"),
    Seen(boot_id=BOOT),
    Seen(boot_id="the boot before", at_work=True, asked_ns=NOW_NS),
    Seen(boot_id=BOOT, at_work=True),
    Seen(boot_id=BOOT, at_work=True, asked_ns=NOW_NS - 2 * FRESH_NS),
    Seen(boot_id=BOOT, at_work=True, asked_ns=NOW_NS, stuck_ns=NOW_NS - 1, stuck="01/a1/r0/execute/t1"),
    LIVE,
)
"""What has been seen of a run, so that one row of the table after the other is the first that holds."""


@pytest.mark.parametrize("number", range(len(ROWS)))
def test_a_row_of_the_page_is_what_that_row_of_the_table_says(number: int) -> None:
    said = judge(ROWS[number], boot_id=BOOT, at_ns=NOW_NS, fresh_ns=FRESH_NS)
    _, claim, reason, code = CLAIMS[number]
    assert (claim, int(code)) == (said.claim, CLAIM_EXITS[said.claim])
    assert re.fullmatch(re.escape(reason).replace("…", ".+"), said.reason)
    # It is this very row, and none before it has the same words.
    assert TABLE[number].claim == said.claim
    assert [row[2] for row in CLAIMS].count(reason) == 1


def test_the_page_has_as_many_rows_as_the_table() -> None:
    assert len(CLAIMS) == len(TABLE) == len(ROWS)
    assert {claim for _, claim, _, _ in CLAIMS} == set(CLAIM_EXITS)


def test_the_page_of_exit_codes_has_those_of_the_claims() -> None:
    page = (DOCS / "exit-codes.md").read_text(encoding="utf-8").split("## Of `supervise status")[1]
    rows = re.findall(r"^\| `(\w+)` \| (\d+) \|", page, re.MULTILINE)
    assert rows == [(claim, str(code)) for claim, code in CLAIM_EXITS.items()]


def test_the_times_on_the_page_are_those_of_the_daemon() -> None:
    pace, settings = Pace(), Settings()
    # The page speaks of what is so by default; the daemon's settings and the rules agree on it.
    assert (settings.probe_interval_ms, settings.ack_deadline_ms) == (
        pace.probe_interval_ms,
        pace.ack_deadline_ms,
    )
    for words in (
        f"one probe interval ({pace.probe_interval_ms // 1000} s)",
        f"*interval − deadline* ({pace.ask_every_ns / 1e9:g} s)",
        f"within {pace.hint_gap_ms} ms of the last",
        f"(every {pace.journal_heartbeat_ms_min // 1000} s at most)",
        {60_000: "after a minute without any"}[pace.heartbeat_ms_max],
        {600: "idle for ten minutes"}[settings.idle_exit_s],
    ):
        assert words in SUPERVISION


def test_the_page_names_every_kind_of_intervention() -> None:
    part = SUPERVISION.split("### Heartbeats and interventions")[1].split("\n## ")[0]
    assert re.findall(r"^\| `(\w+)` \|", part, re.MULTILINE) == list(get_args(ActionKind))


@pytest.mark.parametrize(("name", "field"), Settings.model_fields.items())
def test_a_setting_of_the_daemon_stands_on_its_page_with_bounds_and_default(
    name: str, field: FieldInfo
) -> None:
    (row,) = re.findall(rf"^\| `{name}` \| (.*?) \| (.*?) \| `(.*?)` \| .+ \|$", SETTINGS, re.MULTILINE)
    bounds = {type(one).__name__.lower(): one for one in field.metadata}
    if "ge" in bounds:
        must_be = f"{bounds['ge'].ge} to {bounds['le'].le}"
    else:
        must_be = {bool: "true or false", str: "as 22:00-07:00, or empty"}[field.annotation or type]
    default = "empty" if field.default == "" else f"`{str(field.default).lower()}`"
    assert row == (must_be, default, f"{PREFIX}{name.upper()}")


def test_the_page_of_settings_names_no_other() -> None:
    table = re.findall(r"^\| `(\w+)` \|", SETTINGS.split("## Where")[0], re.MULTILINE)
    assert table == list(Settings.model_fields)
