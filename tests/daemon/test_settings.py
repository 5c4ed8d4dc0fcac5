"""The daemon's settings: which place wins, where each value came from, and what is refused."""

from pathlib import Path

import pytest

from verger_daemon.settings import Settings, SettingsRefused, resolve, settings_file


def write(folder: Path, text: str) -> Path:
    path = folder / "daemon.toml"
    path.write_text(text)
    return path


def test_the_last_place_that_names_a_setting_wins_and_is_named(tmp_path: Path):
    file = write(tmp_path, "idle_exit_s = 10\nprobe_interval_ms = 2000\nstop_grace_s = 5\n")
    found = resolve(
        file, {"VERGERD_PROBE_INTERVAL_MS": "3000", "VERGERD_STOP_GRACE_S": "6"}, {"stop_grace_s": 7}
    )
    assert found.settings.model_dump() == Settings().model_dump() | {
        "idle_exit_s": 10,
        "probe_interval_ms": 3000,
        "stop_grace_s": 7,
    }
    assert found.sources == dict.fromkeys(Settings.model_fields, "default") | {
        "probe_interval_ms": "env",
        "idle_exit_s": "file",
        "stop_grace_s": "flag",
    }
    assert {"name": "idle_exit_s", "value": 10, "source": "file"} in found.told()


def test_without_any_place_all_are_defaults(tmp_path: Path):
    found = resolve(tmp_path / "none.toml", {}, {"idle_exit_s": None})
    assert set(found.sources.values()) == {"default"}


@pytest.mark.parametrize(
    ("text", "environ", "why"),
    [
        ("idle_exit = 3\n", {}, "idle_exit is no setting"),
        ("idle_exit_s = -1\n", {}, "idle_exit_s cannot be -1"),
        ("idle_exit_s = ", {}, "cannot be read as TOML"),
        ("", {"VERGERD_IDLE_EXIT_S": "soon"}, "idle_exit_s cannot be 'soon'"),
        ("", {"VERGERD_IDLE": "3"}, "VERGERD_IDLE is no setting"),
        ("ack_deadline_ms = 600\n", {}, "more than half of probe_interval_ms"),
        ("max_parallel_runs = 65\n", {}, "max_parallel_runs cannot be 65"),
        # Wrong where another place has the last word, and told all the same.
        ("idle_exit_s = -1\n", {"VERGERD_IDLE_EXIT_S": "5"}, "idle_exit_s cannot be -1"),
    ],
)
def test_what_cannot_be_used_is_refused_by_name(tmp_path: Path, text: str, environ: dict[str, str], why: str):
    with pytest.raises(SettingsRefused, match=why):
        resolve(write(tmp_path, text), environ, {})


def test_the_process_environment_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("IDLE_EXIT_S", "3")
    monkeypatch.setenv("idle_exit_s", "4")
    assert resolve(tmp_path / "none.toml", {}, {}).settings.idle_exit_s == 600


def test_the_file_lies_in_the_users_configuration():
    home = Path("/home/ada")
    assert settings_file({}, home) == home / ".config/verger/daemon.toml"
    assert settings_file({"XDG_CONFIG_HOME": "/c"}, home) == Path("/c/verger/daemon.toml")
    assert settings_file({"XDG_CONFIG_HOME": "c"}, home) == home / ".config/verger/daemon.toml"
