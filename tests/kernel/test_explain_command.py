"""`playbook explain`, typed in a repository and outside of one."""

import shutil
from pathlib import Path

import pytest
from tests.doubles.notes import PLAYBOOK, POLICY, evidenced, gated, item
from tests.doubles.workplace import Workplace, refused, untouched, workplace

ROWS = (
    item("01"),
    gated("02", prerequisites="01", repo_surfaces="`docs/gone.md`"),
    evidenced("03", requires_red_green="yes"),
)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    policy = f'setup = ["true"]\n{POLICY}'
    return workplace(tmp_path_factory.mktemp("explain"), rows=ROWS, policy=policy)


def explained(place: Workplace, name: str, *argv: str) -> str:
    with untouched(place):
        ended = place.verger("playbook", "explain", PLAYBOOK, name, *argv)
    assert (ended.code, ended.stderr) == (0, ""), ended
    return ended.stdout


def section(text: str, label: str) -> list[str]:
    return text.partition(f"\n{label}:\n")[2].partition("\n\n")[0].splitlines()


def test_it_says_what_is_allowed_run_and_asked(place: Workplace) -> None:
    text = explained(place, "03")
    path = place.repository / PLAYBOOK
    assert text.startswith(f"Item: 03\nPlaybook: {path}, line 9\nAction: Write note 03.\n")
    assert section(text, "May write") == ["- docs"]
    assert section(text, "Sets up a fresh tree with") == ["- true (repository)"]
    assert [line.partition(",")[0] for line in section(text, "Runs, in this order")[::2]] == [
        "- green",
        "- base",
        "- held-out",
        "- red",
    ]
    assert section(text, "Runs, in this order")[1].startswith("    cmp docs/03.md ")
    assert section(text, "Must exist at the end") == ["- docs/03.md"]
    assert section(text, "Asked of a person before it begins") == ["- vendor status"]
    assert section(text, "Agents")[0] == "- worker: worker, scripted scenario.toml (repository)"
    assert section(text, "Agents")[3] == "- triage: rules, which asks no agent (default)"
    assert "- silence_s_max = 1800 (default)" in section(text, "Limits")
    assert section(text, "Would stop it now") == [
        f"- it begins only with evidence from outside; hint: "
        f"verger run {path} --item 03 --external-evidence-dir DIR"
    ]


def test_it_says_what_would_stop_it_now_and_is_right(place: Workplace) -> None:
    text = explained(place, "02")
    assert section(text, "Waits for") == ["- 01: Write note 01."]
    asked = section(text, "Asked of a person before it passes")
    assert asked == ["- signoff: A person must read it.", "- with decision record"]
    waits, lacks = section(text, "Would stop it now")
    assert waits.endswith(f"verger run {place.repository / PLAYBOOK} --items 01,02")
    assert "docs/gone.md (missing)" in lacks
    refused(place, ("run", PLAYBOOK, "--item", "02"), 3, "item 02 waits for 01")
    refused(place, ("run", PLAYBOOK, "--items", "01,02"), 4, "docs/gone.md (missing)")


def test_nothing_stops_an_item_that_can_run(place: Workplace) -> None:
    assert section(explained(place, "01"), "Would stop it now") == ["- none"]


def test_json_holds_what_the_text_says(place: Workplace) -> None:
    with untouched(place):
        found = place.verger("playbook", "explain", PLAYBOOK, "02", "--json").json
    assert [one["item_id"] for one in found["prerequisites"]] == ["01"]
    assert [one["role"] for one in found["agents"]] == ["worker", "audit_a", "audit_b", "triage"]
    assert len(found["obstacles"]) == 2
    assert found["gate"] == "signoff"
    text = explained(place, "02")
    for one in found["limits"]:
        assert f"- {one['setting']} = {one['value']} ({one['source']})" in text


def test_flags_and_environment_count_as_for_run(place: Workplace, tmp_path: Path) -> None:
    over = tmp_path / "over.toml"
    over.write_text("max_fix_rounds = 9\n", encoding="utf-8")
    text = explained(place, "01", "--config", str(over), "--agents", "triage=worker")
    assert "- max_fix_rounds = 9 (config)" in text
    assert "- triage: worker, scripted scenario.toml (flag)" in text


def test_a_policy_that_cannot_be_run_is_unknown_and_stops_it(place: Workplace) -> None:
    text = explained(place, "01", "--agents", "audit_b=nobody")
    (unknown,) = section(text, "Agents and limits")
    assert unknown.startswith("- unknown: Cannot use the policy: agent 'nobody' is in a lane")
    assert "agent 'nobody' is in a lane but is not defined" in section(text, "Would stop it now")[0]
    assert not section(text, "Sets up a fresh tree with")


def test_outside_of_a_repository_the_policy_is_unknown(place: Workplace, tmp_path: Path) -> None:
    shutil.copy(place.repository / PLAYBOOK, tmp_path / PLAYBOOK)
    ended = place.verger("playbook", "explain", PLAYBOOK, "01", cwd=tmp_path)
    assert ended.code == 0
    assert section(ended.stdout, "Agents and limits") == [f"- unknown: {tmp_path} is in no git repository"]
    assert section(ended.stdout, "May write") == ["- docs"]


def test_a_repository_without_a_policy_is_led_to_one(tmp_path: Path) -> None:
    bare = workplace(tmp_path, rows=ROWS, policy="")
    stops = section(explained(bare, "01"), "Would stop it now")
    assert stops[0].endswith(
        "; hint: no run can begin before; docs/policy.md has a verger.toml to begin with"
    )


def test_an_item_that_is_not_there_is_answered_with_the_nearest(place: Workplace) -> None:
    asked = ("playbook", "explain", PLAYBOOK, "1")
    refused(place, asked, 4, "cannot explain item '1'", "did you mean 01?", "verger list-items")
    refused(place, ("show-item", PLAYBOOK, "--item", "1"), 4, "cannot show item '1'", "did you mean 01?")
    assert "did you mean" not in place.verger("playbook", "explain", PLAYBOOK, "xyz").stderr


def test_no_escape_sequence_reaches_the_terminal(tmp_path: Path) -> None:
    odd = workplace(tmp_path, rows=[item("01", action="Write \x1b]0;x it.")])
    assert "\x1b" not in explained(odd, "01")
