"""Which folders hold the tools of a PATH: whole installations, and never a home with them.

Not here: whether the tools then work in a sandbox; see test_trying.py.
"""

from pathlib import Path

from verger_kernel.process.toolchains import installation, is_system, toolchains


def laid(home: Path, *files: str) -> None:
    for name in files:
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).touch()


def found(home: Path, *entries: str) -> set[str]:
    path = ":".join(str(home / entry) for entry in entries)
    places = toolchains(path, (home, home / ".local", home / ".config"))
    return {str(place.relative_to(home)) for place in places}


def test_of_a_folder_on_path_the_installation_around_it_is_shown(tmp_path: Path) -> None:
    laid(tmp_path, ".nvm/versions/v20/bin/node", ".nvm/versions/v20/lib/x", ".pyenv/shims/python")
    assert found(tmp_path, ".nvm/versions/v20/bin", ".pyenv/shims") == {
        *(".nvm/versions/v20", ".nvm/versions/v20/bin", ".pyenv", ".pyenv/shims"),
    }


def test_a_folder_right_below_the_home_is_shown_alone(tmp_path: Path) -> None:
    laid(tmp_path, "bin/tool", ".local/bin/tool")
    assert found(tmp_path, "bin", ".local/bin") == {"bin", ".local/bin"}


def test_the_home_itself_on_path_is_not_shown(tmp_path: Path) -> None:
    laid(tmp_path, "tool")
    assert found(tmp_path, "") == set()


def test_of_cargo_and_go_the_keys_beside_the_tools_stay_out(tmp_path: Path) -> None:
    laid(
        tmp_path,
        ".cargo/bin/cargo",
        ".cargo/credentials.toml",
        ".rustup/settings.toml",
        "go/bin/x",
        "go/src/x",
    )
    assert found(tmp_path, ".cargo/bin", "go/bin") == {".cargo/bin", ".rustup", "go/bin"}


def test_a_link_leads_to_where_its_program_is_installed(tmp_path: Path) -> None:
    laid(tmp_path, ".local/share/uv/tools/ruff/bin/ruff", ".local/bin/x", "lib/node_modules/@a/b/bin/b.js")
    (tmp_path / ".local/bin/ruff").symlink_to(tmp_path / ".local/share/uv/tools/ruff/bin/ruff")
    (tmp_path / ".local/bin/b").symlink_to(tmp_path / "lib/node_modules/@a/b/bin/b.js")
    assert found(tmp_path, ".local/bin") >= {".local/share/uv/tools/ruff", "lib/node_modules/@a/b"}
    assert ".local" not in found(tmp_path, ".local/bin")


def test_an_environment_of_venv_brings_the_python_that_it_borrows(tmp_path: Path) -> None:
    laid(tmp_path, "env/bin/python", "pythons/3.12/bin/python3")
    (tmp_path / "env/pyvenv.cfg").write_text(f"home = {tmp_path}/pythons/3.12/bin\n")
    assert found(tmp_path, "env/bin") == {"env", "env/bin", "pythons/3.12", "pythons/3.12/bin"}


def test_what_is_missing_relative_or_of_the_system_is_passed_over(tmp_path: Path) -> None:
    assert toolchains(f"{tmp_path}/gone:.:relative:/usr/bin:/bin", ()) == ()
    assert is_system(Path("/usr/lib/x")) and not is_system(Path("/usrlocal/x"))


def test_one_program_is_shown_with_where_it_is_installed_or_alone(tmp_path: Path) -> None:
    laid(tmp_path, "tool/bin/run", "script")
    assert installation(tmp_path / "tool/bin/run", (tmp_path,)) == (
        *(tmp_path / "tool/bin/run", tmp_path / "tool", tmp_path / "tool/bin"),
    )
    assert set(installation(tmp_path / "script", (tmp_path,))) == {tmp_path / "script"}
    assert installation(Path("/usr/bin/env"), ()) == ()
