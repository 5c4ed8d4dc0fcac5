"""Every flaw of every place is told with the place, the key, the value and the mend, all in one answer.

Not here: which place wins; see test_resolved.py.
"""

import os
from pathlib import Path

import pytest
from tests.doubles.policy_files import BASE, PolicyFiles, above

from verger_kernel.errors import CommandError
from verger_kernel.settings.resolved import resolve
from verger_probes.exits import Exit


@pytest.fixture
def files(tmp_path):
    return PolicyFiles(tmp_path)


WRONG_IN_A_FILE = [
    ("max_fix_rounds = true", "max_fix_rounds is true", "from 0 to 20"),
    ("max_fix_rounds = 1.5", "max_fix_rounds is 1.5", "from 0 to 20"),
    ("max_fix_rounds = 1.0", "max_fix_rounds is 1.0", "from 0 to 20"),
    ("max_fix_rounds = -1", "max_fix_rounds is -1", "from 0 to 20"),
    ("max_fix_rounds = 21", "max_fix_rounds is 21", "from 0 to 20"),
    ('max_fix_rounds = "3"', "max_fix_rounds is '3'", "from 0 to 20"),
    (f"max_remediation_rounds = {10**30}", f"is {10**30}", "from 0 to 20"),
    ("max_items = 0", "max_items is 0", "from 1 to 10000"),
    ("max_items = 10001", "max_items is 10001", "from 1 to 10000"),
    (f"max_items = 0x{'f' * 9000}", "max_items is a number of more than 77 digits", "from 1 to 10000"),
    ("max_items = [[1]]", "max_items is a list", "from 1 to 10000"),
    ("max_items = 1979-05-27", "max_items is '1979-05-27'", "from 1 to 10000"),
    ("silence_s_max = 0", "silence_s_max is 0", "seconds from 1 to 604800"),
    ("audit_timeout_s = 604801", "audit_timeout_s is 604801", "seconds from 1 to 604800"),
    ("memory_mb_max = nan", "memory_mb_max is NaN", "MiB from 1 to 1048576"),
    ("disk_floor_mb = 1048577", "disk_floor_mb is 1048577", "MiB from 1 to 1048576"),
    ("auto_advance = 1", "auto_advance is 1", "true or false"),
    ('ambient_agent_config = "x"', "ambient_agent_config is 'x'", "`refuse` or `acknowledged`"),
    ('setup = "make"', "setup is 'make'", "a list of shell commands"),
    ("verification_reruns = 21", "verification_reruns is 21", "from 0 to 20"),
    ('flaky_pass = "pass"', "flaky_pass is 'pass'", "`escalate` or `accept`"),
    ('verification_ancestors = "ok"', "verification_ancestors is 'ok'", "`refuse` or `acknowledged`"),
    ('quarantine = "a"', "quarantine is 'a'", "a list of tables"),
    ('quarantine = ["a"]', "quarantine[0] is 'a'", "a list of tables"),
    ('setup = ["make", "  "]', "setup[1] is '  '", "none empty"),
    ('setup = ["a\\u0000"]', "setup[0] is 'a\\x00'", "without NUL"),
    ("setup = [3]", "setup[0] is 3", "a list of shell commands"),
    ('env = ["A=B"]', "env[0] is 'A=B'", "names of environment variables"),
    ('schema_version = "verger.policy.v2"', "schema_version is 'verger.policy.v2'", "verger.policy.v1"),
    ("max_fix_round = 1", "max_fix_round is no setting", "did you mean max_fix_rounds?"),
    ("wonder = 1", "wonder is no setting", "docs/policy.md lists every setting"),
    ("_env_file = 1", "_env_file is no setting", "docs/policy.md"),
    (f"a{'.b' * 3000} = 1", "a is no setting", "docs/policy.md"),
    ("max_items = oops", "cannot be read as TOML: Invalid value (at line 1", "mend the file"),
    (f"a = {'[' * 9000}", "cannot be read as TOML", "mend the file"),
    (f"max_items = {'9' * 5000}", "cannot be read as TOML", "mend the file"),
]


@pytest.mark.parametrize(("line", "what", "hint"), WRONG_IN_A_FILE, ids=lambda part: part[:24])
def test_a_wrong_line_of_a_file_is_told_with_file_key_value_and_mend(files, line, what, hint):
    for name, place in (("verger.toml", {"repository": above(line)}), ("overlay.toml", {"overlay": line})):
        error = files.refusal(**place)
        assert error.code is Exit.INPUT
        assert name in error.what and what in error.what
        assert hint in error.hint
        assert error.lines == ()


WRONG_IN_A_TABLE = [
    ("lanes = 3", "lanes is 3"),
    ('lanes = { worker = "rules" }', "lanes.worker is 'rules'"),
    ('lanes = { triage = "A" }', "lanes.triage is 'A'"),
    ('lanes = { audt_a = "x" }', "lanes.audt_a is no setting"),
    ("agents = { a = 1 }", "agents.a is 1"),
    ('agents = { a = { command = ["x"] } }', "agents.a.kind is missing"),
    ('agents = { a = { kind = "oracle" } }', "agents.a.kind is 'oracle'"),
    ('agents = { a = { kind = "generic", command = [] } }', "agents.a.command is a list"),
    ('agents = { a = { kind = "generic", command = ["", "x"] } }', "agents.a.command is a list"),
    ('agents = { a = { kind = "generic", command = ["x", "\\u0000"] } }', "agents.a.command[1] is '\\x00'"),
    ('agents = { a = { kind = "scripted", scenario = "" } }', "agents.a.scenario is ''"),
    ('agents = { a = { kind = "scripted", max_items = 3 } }', "agents.a.max_items is no setting"),
    ('agents = { rules = { kind = "generic" } }', "an agent's name is 'rules'"),
    ('agents = { "-a" = { kind = "generic" } }', "an agent's name is '-a'"),
    ('agents = { "a\\n" = { kind = "generic" } }', "an agent's name is 'a\\n'"),
    (f"agents = {{ {'a' * 33} = {{ kind = 'generic' }} }}", f"an agent's name is '{'a' * 33}'"),
]


@pytest.mark.parametrize(("line", "what"), WRONG_IN_A_TABLE, ids=lambda part: part[:40])
def test_a_wrong_entry_of_a_table_is_told_with_its_whole_key(files, line, what):
    error = files.refusal(overlay=line)
    assert error.code is Exit.INPUT
    assert what in error.what
    assert error.hint


def test_words_of_a_command_may_be_empty_after_the_first(files):
    resolved = files.resolve(overlay='agents = { a = { kind = "generic", command = ["x", ""] } }')
    assert resolved.policy.agents["a"].command == ("x", "")


def test_a_key_below_the_tables_is_sent_to_the_top(files):
    error = files.refusal(BASE + '\n[agents.a]\nkind = "generic"\nmax_items = 3')
    assert error.hint == "max_items belongs above the first [table] of the file"


WRONG_IN_A_VARIABLE = [
    ("VERGER_MAX_FIX_ROUNDS", "true", "max_fix_rounds is 'true'"),
    ("VERGER_MAX_FIX_ROUNDS", "1.5", "max_fix_rounds is '1.5'"),
    ("VERGER_MAX_FIX_ROUNDS", "null", "max_fix_rounds is 'null'"),
    ("VERGER_MAX_ITEMS", "", "max_items is ''"),
    ("VERGER_MAX_ITEMS", "9" * 5000, "(5000 characters)"),
    ("VERGER_AUTO_ADVANCE", "maybe", "auto_advance is 'maybe'"),
    ("VERGER_SETUP", "npm ci", "setup is 'npm ci', which is no JSON list"),
    ("VERGER_SETUP", "null", "no JSON list"),
    ("VERGER_SETUP", "", "no JSON list"),
    ("VERGER_SETUP", "[" * 100_000, "(100000 characters), which is no JSON list"),
    ("VERGER_QUARANTINE", "tests/a.py", "quarantine is 'tests/a.py', which is no JSON list"),
    ("VERGER_QUARANTINE", '[{"test": "a", "owner": "b"}]', "quarantine[0].expires is missing"),
    ("VERGER_SETUP", '["\\udcff"]', "setup[0] is '\\udcff'"),
    ("VERGER_ENV", '{"a": 1}', "env is a table"),
    ("VERGER_LANES__WORKER", "\udcff", "lanes.worker is '\\udcff'"),
    ("VERGER_LANES__TRIAGE", "", "lanes.triage is ''"),
]


@pytest.mark.parametrize(("name", "value", "what"), WRONG_IN_A_VARIABLE, ids=lambda part: part[:24])
def test_a_wrong_variable_is_told_with_its_name_value_and_mend(files, name, value, what):
    error = files.refusal(environ={name: value})
    assert error.code is Exit.INPUT
    assert f"{name}: " in error.what and what in error.what
    assert error.hint


def test_a_wrong_flag_is_told_as_the_command_line(files):
    error = files.refusal(flags={"max_items": 0, "auto_advance": None})
    assert "command line: max_items is 0" in error.what


def test_all_problems_of_all_places_come_in_one_answer(files):
    error = files.refusal(
        above("max_fix_rounds = 99\nwonder = 1"),
        overlay="max_items = 0",
        environ={"VERGER_SETUP": "x", "VERGER_MAX_FIX_ROUNDS": "3"},
        flags={"lanes": {"worker": "A"}},
    )
    assert error.code is Exit.INPUT
    assert error.what == "Cannot use the policy: it has 5 problems"
    named = (
        "verger.toml: max_fix_rounds",
        "wonder",
        "overlay.toml: max_items",
        "VERGER_SETUP",
        "command line",
    )
    assert len(error.lines) == len(named)
    for line, name in zip(error.lines, named, strict=True):
        assert name in line and ". Hint: " in line


def test_what_is_no_readable_file_is_refused_by_name(tmp_path):
    folder, dangling, fifo = (tmp_path / name for name in ("folder", "dangling", "fifo"))
    folder.mkdir()
    dangling.symlink_to("nowhere")
    os.mkfifo(fifo)
    for path in (folder, dangling, fifo):
        with pytest.raises(CommandError, match=rf"{path.name}: is missing or is no file"):
            resolve(repository_file=path, overlay_file=None, environ={}, flags={})


def test_a_file_that_is_no_text_is_refused(files):
    assert "cannot be read as TOML" in files.refusal(b"\xff\xfe").what


def test_a_path_with_a_tilde_is_no_home_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "~").mkdir()
    (tmp_path / "~" / "overlay.toml").write_text(BASE)
    resolved = resolve(repository_file=None, overlay_file=Path("~/overlay.toml"), environ={}, flags={})
    assert resolved.sources["lanes.worker"] == "config"


def test_a_path_that_is_no_text_can_still_be_told(tmp_path):
    path = tmp_path / os.fsdecode(b"a\xff.toml")
    with pytest.raises(CommandError) as caught:
        resolve(repository_file=None, overlay_file=path, environ={}, flags={})
    assert "a\\udcff.toml" in caught.value.what.encode().decode()
