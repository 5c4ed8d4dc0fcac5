"""The edges of a sandbox: what a job reads, places that have two names, and words and floods that meet the proxy.

Not here: what every sandbox does (`test_sandbox.py`), and whole runs.
"""

import resource
from pathlib import Path
from types import SimpleNamespace

import anyio
import pytest
from tests.kernel.process.enclosures import closed, said

from verger_kernel.perform.enclosing import hidden_from
from verger_kernel.process import proxy
from verger_kernel.process.sandbox import shown

FLOOD = """
import os, socket, time
for _ in range(3):
    if os.fork() == 0: break
mine, end = [], time.time() + 3
while time.time() < end:
    try: mine.append(socket.create_connection(("127.0.0.1", 3128), 1))
    except OSError: time.sleep(0.02)
"""


def test_what_a_job_reads_it_cannot_write(boxed, tmp_path) -> None:
    prompt = tmp_path / "prompt.md"
    prompt.write_text("told\n")
    _, text = said(boxed("bash", "-c", "cat; echo forged > /proc/self/fd/0", stdin=prompt))
    assert (text, prompt.read_text()) == ("told\n", "told\n")


def test_keys_are_hidden_by_whichever_way_a_home_is_shown(boxed, tmp_path) -> None:
    real = tmp_path / "data" / "ada"
    (real / ".ssh").mkdir(parents=True)
    (real / ".ssh" / "id").write_text("KEY")
    (real / ".netrc").write_text("KEY")
    (tmp_path / "home").symlink_to(tmp_path / "data")
    home, work, git = tmp_path / "home" / "ada", tmp_path / "work", tmp_path / "git"
    repository = SimpleNamespace(git_dir=git, common_dir=git)
    hidden = hidden_from({"HOME": str(home)}, repository, tmp_path / "state")  # type: ignore[arg-type]
    box = closed(work, shown=(*shown([work], writable=True), *shown([home])), hidden=hidden)
    script = f"cat {real}/.ssh/id {real}/.netrc {home}/.ssh/id {home}/.netrc; ls -a {home}"
    _, text = said(boxed("bash", "-c", script, box=box))
    assert "KEY" not in text and ".ssh" in text


@pytest.mark.parametrize(
    "head",
    [
        b"GET http://a.example:81/x HTTP/1.1\r\nA: b\n\nGET /y HTTP/1.1\r\n\r\n",
        b"GET http://a.example:81/x\tHTTP/1.1\nHost:b\nConnection:keep-alive\nZ: HTTP/1.1\r\n\r\n",
    ],
)
def test_no_bare_line_feed_makes_a_second_request(head: bytes) -> None:
    with pytest.raises(proxy.Refused):
        proxy._wanted(head, b"")


@pytest.mark.parametrize("found", ["::ffff:127.0.0.1", "127.0.0.1", "203.0.113.9"])
def test_no_name_leads_back_to_this_machine(monkeypatch, found: str) -> None:
    async def told(*_: object, **__: object) -> list[tuple[object, ...]]:
        return [(0, 1, 6, "", (found, 80))]

    monkeypatch.setattr(anyio, "getaddrinfo", told)
    if found == "203.0.113.9":
        monkeypatch.setattr(proxy, "_is_own", found.__eq__)
    with pytest.raises(OSError, match="lead back"):
        anyio.run(proxy._address, "rebound.example", 80)


def test_an_address_is_this_machines_own_where_something_can_be_bound_to_it() -> None:
    assert [proxy._is_own(place) for place in ("127.0.0.1", "::1", "203.0.113.9")] == [True, True, False]


def test_connections_of_a_job_leave_descriptors_to_the_kernel(boxed, tmp_path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(list(Path("/proc/self/fd").iterdir())) + 512, hard))
    try:
        box = closed(tmp_path / "work", hosts=("a.example:443",))
        ended, _ = said(boxed("/usr/bin/python3", "-I", "-S", "-c", FLOOD, box=box))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert (ended.exit_code, ended.breach) == (0, None)
