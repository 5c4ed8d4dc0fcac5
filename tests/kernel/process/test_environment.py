"""What a job sees of the environment."""

import os
from collections.abc import Callable

import anyio
import pytest

from verger_kernel.process.environment import clean_environment, is_withheld
from verger_kernel.process.runner import Job, run

SECRETS = {
    "GITHUB_TOKEN": "t",
    "OPENAI_API_KEY": "k",
    "LC_SECRET_TOKEN": "t",
    "GIT_DIR": "/elsewhere/.git",
    "PYTHONPATH": "/elsewhere",
    "LD_PRELOAD": "/elsewhere.so",
    "SSH_AUTH_SOCK": "/agent.sock",
    "VERGER_RUN": "RUN_of_another",
    "VERGER_SOCKET": "/verger.sock",
    "DBUS_SESSION_BUS_ADDRESS": "unix:path=/bus",
}
HARMLESS = {"PATH": "/usr/bin:/bin", "HOME": "/home/u", "LANG": "C.UTF-8", "LC_ALL": "C", "TZ": "UTC"}


def test_only_the_allowed_names_pass_and_they_are_sorted() -> None:
    seen = clean_environment(SECRETS | HARMLESS, (), {})
    assert seen == HARMLESS
    assert list(seen) == sorted(seen)


def test_a_named_variable_is_kept_and_an_unset_one_is_not_made_up() -> None:
    seen = clean_environment(SECRETS, ("OPENAI_API_KEY", "GIT_DIR", "UNSET"), {})
    assert seen == {"OPENAI_API_KEY": "k", "GIT_DIR": "/elsewhere/.git"}


def test_sockets_and_names_of_ours_do_not_pass_even_when_named() -> None:
    assert clean_environment(SECRETS, ("SSH_AUTH_SOCK", "VERGER_RUN", "VERGER_SOCKET"), {}) == {}


def test_our_own_names_come_from_extra_but_a_socket_never_does() -> None:
    ours = {"VERGER_REPORT_PATH": "/r", "VERGER_RUN": "ours"}
    sockets = {"VERGER_KERNEL_SOCK": "/s", "SSH_AUTH_SOCK": "/a"}
    assert clean_environment(SECRETS, (), ours | sockets) == ours
    assert is_withheld("VERGER_KERNEL_SOCK") and not is_withheld("VERGER_REPORT_PATH")


def test_extra_wins_over_what_was_kept() -> None:
    assert clean_environment({"TERM": "xterm"}, (), {"TERM": "dumb"}) == {"TERM": "dumb"}


@pytest.mark.parametrize("extra", [{"A=B": "1"}, {"": "1"}, {"A\0": "1"}, {"A": "1\0"}])
def test_what_no_environment_can_hold_is_refused(extra: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="no environment can hold"):
        clean_environment({}, (), extra)


def test_w22_a_job_sees_no_secret_and_no_session_of_ours(
    make_job: Callable[..., Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    job = make_job("env", "-0", env=clean_environment(os.environ, (), {"VERGER_ITEM_ID": "01"}))
    assert anyio.run(run, job).exit_code == 0
    seen = dict(entry.split("=", 1) for entry in job.stdout.read_text().rstrip("\0").split("\0"))
    expected = dict(job.env) | {"VERGER_EFFECT": job.marker, "VERGER_RUN": job.run_marker}
    assert seen == expected
    assert not seen.keys() & (SECRETS.keys() - {"VERGER_RUN"})
