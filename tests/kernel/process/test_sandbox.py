"""What a job sees, may write and reaches in a sandbox, and that it ends, is limited and is told of as any other.

Not here: attempts to get out of one; see tests/escapes.
"""

import os
import signal
import socket
import tempfile
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import anyio
import psutil
import pytest
from tests.kernel.process.enclosures import HOME, as_nobody, closed, said
from tests.kernel.process.jobs import bearers, limits, pid_in, python, wait_for

from verger_kernel.process import proxy, trying
from verger_kernel.process.runner import Job, run
from verger_kernel.process.sandbox import PROXY_PORT, TREE, Layers, Sandbox, Shown, environment, shown

MakeJob = Callable[..., Job]


def test_a_folder_of_the_system_that_is_asked_for_is_there_all_the_same(
    boxed: MakeJob, tmp_path: Path
) -> None:
    # As a Python of the system asks for /usr.
    work = tmp_path / "work"
    box = closed(work, shown=(*shown([work], writable=True), *shown([Path("/usr"), Path("/etc/ssl")])))
    ended, text = said(boxed("sh", "-c", "ls /usr/bin/env; touch /usr/x", box=box))
    assert (ended.exit_code, text.splitlines()[0]) == (1, "/usr/bin/env")


def test_a_sandbox_can_be_made_here() -> None:
    assert trying.why_not() == ""


def test_a_job_sees_the_system_its_folder_and_nothing_else(boxed: MakeJob, tmp_path: Path) -> None:
    (tmp_path / "beside").touch()
    job = boxed(
        "bash", "-c", f"pwd; ls -A {tmp_path} /tmp /run /home /home/somebody /var; ls /usr/bin/env; whoami"
    )
    ended, text = said(job)
    assert ended.exit_code == 0, text
    assert "beside" not in text and "work" in text and "/usr/bin/env" in text
    assert text.startswith(f"{tmp_path}/work\n")


def test_only_what_is_named_so_can_be_written(boxed: MakeJob, tmp_path: Path) -> None:
    (tmp_path / "read").mkdir()
    box = closed(
        tmp_path / "work", shown=(*shown([tmp_path / "work"], writable=True), *shown([tmp_path / "read"]))
    )
    places = '. "$0" / /usr /etc /proc/sys/kernel /tmp /home/somebody'
    script = f'for place in {places}; do touch "$place/x" && echo "$place"; done'
    _, text = said(boxed("bash", "-c", f"{script} 2>/dev/null", str(tmp_path / "read"), box=box))
    assert text.split() == [".", "/tmp", "/home/somebody"]
    assert (tmp_path / "work" / "x").exists() and not (tmp_path / "read" / "x").exists()


def test_what_is_hidden_is_out_of_sight_in_what_is_shown(boxed: MakeJob, tmp_path: Path) -> None:
    for name in ("repository/.git/objects", "repository/src"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "repository/.git/config").write_text("token")
    (tmp_path / "repository/key").write_text("token")
    root = tmp_path / "repository"
    box = closed(
        tmp_path / "work",
        shown=(*shown([tmp_path / "work"], writable=True), *shown([root, root / ".git/objects"])),
        hidden=(root / ".git", root / "key", tmp_path / "nowhere"),
    )
    _, text = said(boxed("bash", "-c", f"cd {root}; ls -A . .git; cat key", box=box))
    assert text.split() == [".:", ".git", "key", "src", ".git:", "objects"]


def test_a_link_in_a_shown_folder_leads_to_its_place_however_deep_that_lies(
    boxed: MakeJob, tmp_path: Path
) -> None:
    (tmp_path / "far/below/all/of/it").mkdir(parents=True)
    (tmp_path / "far/below/all/of/it/file").write_text("there")
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "it").symlink_to(tmp_path / "far/below/all/of/it")
    places = (tmp_path / "links", tmp_path / "links" / "it")
    box = closed(tmp_path / "work", shown=(*shown([tmp_path / "work"], writable=True), *shown(places)))
    assert said(boxed("cat", str(tmp_path / "links/it/file"), box=box))[1] == "there"


@pytest.mark.parametrize("layered", [True, False])
def test_a_tree_has_nothing_above_it_and_never_changes_its_layer(
    boxed: MakeJob, tmp_path: Path, layered: bool
) -> None:
    for name in ("layer", "tree", "scratch"):
        (tmp_path / name).mkdir()
    (tmp_path / "layer" / "made").write_text("by setup")
    (tmp_path / "tree" / "own").touch()
    options = "index=off,metacopy=off,redirect_dir=on" if os.geteuid() == 0 else "index=off,userxattr"
    layer = tmp_path / "layer" if layered else None
    layers = Layers(tmp_path / "tree", layer, tmp_path / "scratch", options)
    box = Sandbox(folder=TREE, home=HOME, layers=layers)
    _, text = said(boxed("bash", "-c", "pwd; ls; touch new; rm -f made; ls -A ..; ls -A ../..", box=box))
    seen = text.split()
    assert seen[0] == str(TREE)
    assert seen[1:3] == (["made", "own"] if layered else ["own", "tree"])
    assert (tmp_path / "layer" / "made").exists() and (tmp_path / "tree" / "new").exists()


def test_a_job_ends_as_it_ended(boxed: MakeJob) -> None:
    assert said(boxed("bash", "-c", "exit 7"))[0].exit_code == 7
    assert said(boxed("bash", "-c", "kill -SEGV $$"))[0].exit_code == -signal.SIGSEGV
    assert said(boxed("bash", "-c", "kill -KILL $$"))[0].exit_code == -signal.SIGKILL


def test_a_program_that_cannot_start_is_told_as_without_a_sandbox(boxed: MakeJob, tmp_path: Path) -> None:
    (tmp_path / "work" / "text").write_text("no program")
    for argv, reason in (
        (("no-such",), "no such program"),
        (("./text",), "not executable"),
        (("a\0b",), "null byte"),
    ):
        ended, _ = said(boxed(*argv))
        assert ended.exit_code is None and ended.entered
        assert ended.start_error.startswith("Cannot start ") and reason in ended.start_error


def test_a_sandbox_that_cannot_be_made_is_no_exit_code(boxed: MakeJob, tmp_path: Path) -> None:
    gone = Shown(tmp_path / "gone", tmp_path / "gone")
    ended, _ = said(boxed("true", box=closed(tmp_path / "work", shown=(gone,))))
    assert (ended.exit_code, ended.entered) == (None, False)
    assert ended.start_error.startswith("Cannot make the sandbox: ") and "gone" in ended.start_error


def test_stdin_and_both_streams_are_those_of_the_job(boxed: MakeJob, tmp_path: Path) -> None:
    (tmp_path / "task").write_text("read me\n")
    job = boxed("bash", "-c", "cat; echo whispered >&2", stdin=tmp_path / "task")
    assert said(job)[1] == "read me\n"
    assert job.stderr and job.stderr.read_text() == "whispered\n"


def test_what_a_job_leaves_behind_ends_with_it_and_is_counted(boxed: MakeJob) -> None:
    ended, _ = said(boxed("bash", "-c", "setsid sleep 60 & (setsid sleep 60 &) ; exit 0"))
    assert (ended.exit_code, ended.swept) == (0, 2)
    assert bearers("the run") == []


def test_a_job_hears_that_it_must_end_and_may_end_well(boxed: MakeJob) -> None:
    script = "trap 'echo heard; exit 3' TERM; echo up; while :; do sleep 0.05; done"
    ended, text = said(boxed("bash", "-c", script, limits=limits(runtime_s_max=1)))
    assert (text, ended.exit_code) == ("up\nheard\n", 3)
    assert ended.breach and ended.breach.limit == "timeout"


def test_limits_count_what_runs_inside(boxed: MakeJob) -> None:
    forks = "for i in $(seq 30); do sleep 30 & done; wait"
    ended, _ = said(boxed("bash", "-c", forks, limits=limits(processes_max=10)))
    assert ended.breach and ended.breach.limit == "processes"
    eats = python("import time; held = bytearray(300 << 20); time.sleep(30)")
    eats = ("/usr/bin/python3", *eats[1:])
    ended, _ = said(boxed(*eats, limits=limits(memory_bytes_max=100 << 20)))
    assert ended.breach and ended.breach.limit == "memory"


def test_a_job_does_not_outlive_its_kernel(boxed: MakeJob, tmp_path: Path) -> None:
    job = boxed("bash", "-c", "setsid sleep 60 & echo up > up; sleep 60")
    pid = os.fork()
    if not pid:
        anyio.run(run, job)
        os._exit(0)
    wait_for((tmp_path / "work" / "up").exists, "the job")
    assert len(bearers(job.run_marker)) >= 3
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    wait_for(lambda: not bearers(job.run_marker), "the end of all")
    # Its orphan came to us.
    for child in psutil.Process().children():
        if child.status() == psutil.STATUS_ZOMBIE:
            os.waitpid(child.pid, 0)


def test_the_lock_of_a_run_is_held_beside_a_job_and_out_of_its_reach(boxed: MakeJob, tmp_path: Path) -> None:
    descriptor = os.open(tmp_path / "tree.lock", os.O_RDWR | os.O_CREAT)
    job = replace(boxed("bash", "-c", "ls -l /proc/self/fd /proc/1/fd"), inherit=(descriptor,))
    _, text = said(job)
    os.close(descriptor)
    assert "tree.lock" not in text
    assert "/proc/1/fd" in job.stderr.read_text()  # type: ignore[union-attr]


def test_rights_do_not_come_back(boxed: MakeJob) -> None:
    script = (
        "grep -E 'NoNewPrivs|CapEff' /proc/self/status; umount /usr; mount -t tmpfs x /tmp; unshare -n true"
    )
    _, text = said(boxed("bash", "-c", f"{script}; echo over"))
    assert "NoNewPrivs:\t1" in text
    effective = int(text.split("CapEff:\t")[1].split()[0], 16)
    assert effective & ~0x800001FB == 0
    assert text.endswith("over\n")


def test_the_network_is_the_loopback_of_the_sandbox_alone(boxed: MakeJob) -> None:
    with socket.create_server(("127.0.0.1", 0)) as host:
        port = host.getsockname()[1]
        script = (
            f"(exec 3<>/dev/tcp/127.0.0.1/{port}) 2>/dev/null && echo host; cat /proc/net/dev | grep -c :;"
            "ip=$(getent hosts localhost | head -1); echo $ip | cut -d' ' -f2"
        )
        assert said(boxed("bash", "-c", script))[1].split() == ["1", "localhost"]


class Upstream:
    """A server of the host that answers what it hears in capitals."""

    def __enter__(self) -> int:
        self._server = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._serve, daemon=True).start()
        return int(self._server.getsockname()[1])

    def _serve(self) -> None:
        while True:
            try:
                one, _ = self._server.accept()
            except OSError:
                return
            with one:
                one.sendall(one.recv(100).upper())

    def __exit__(self, *_: object) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()


ASK = """
import socket, sys
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 10)
s.sendall(sys.argv[2].encode().decode("unicode_escape").encode())
print(s.recv(200).decode().split("\\r\\n")[0])
if len(sys.argv) > 3:
    s.sendall(sys.argv[3].encode())
    print(s.recv(100).decode())
"""


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        ("CONNECT localhost:{port} HTTP/1.1\\r\\n\\r\\n", "HTTP/1.1 200 Connection established\nHELLO\n"),
        ("CONNECT localhost:1 HTTP/1.1\\r\\n\\r\\n", "HTTP/1.1 403"),
        ("CONNECT 127.0.0.1:{port} HTTP/1.1\\r\\n\\r\\n", "HTTP/1.1 403"),
        ("CONNECT me@localhost:{port} HTTP/1.1\\r\\n\\r\\n", "HTTP/1.1 405"),
        ("GET https://localhost:{port}/ HTTP/1.1\\r\\n\\r\\n", "HTTP/1.1 405"),
        ("GET http://me@localhost:{port}/ HTTP/1.1\\r\\n\\r\\n", "HTTP/1.1 405"),
        ("GET http://localhost:1/ HTTP/1.1\\r\\n\\r\\n", "HTTP/1.1 403"),
        ("GET http://localhost/ HTTP/1.1\\r\\nHost: localhost:{port}\\r\\n\\r\\n", "HTTP/1.1 403"),
        ("GET http://localhost:{port}/a HTTP/1.1\\r\\n b: c\\r\\n\\r\\n", "HTTP/1.1 400"),
        ("PUT http://localhost:{port}/a?b HTTP/1.1\\r\\n\\r\\nc", "PUT /A?B HTTP/1.1\n"),
        ("PUT http://localhost:{port} HTTP/1.1\\r\\n\\r\\n", "PUT / HTTP/1.1\n"),
        (
            "CONNECT localhost:{port} HTTP/1.1\\r\\n\\r\\nCONNECT localhost:1 HTTP/1.1\\r\\n\\r\\n",
            "HTTP/1.1 400",
        ),
    ],
)
def test_only_a_host_and_port_that_is_named_is_reached(
    boxed: MakeJob, tmp_path: Path, request_: str, answer: str
) -> None:
    with Upstream() as port:
        box = closed(tmp_path / "work", hosts=(f"localhost:{port}",))
        words = (str(PROXY_PORT), request_.format(port=port), "hello")
        argv = ("/usr/bin/python3", "-I", "-S", "-c", ASK, *(words if "200" in answer else words[:2]))
        ended, text = said(boxed(*argv, box=box))
    assert ended.exit_code == 0
    assert text.startswith(answer)


def test_a_plain_request_says_nothing_of_the_way_and_is_the_only_one_of_its_connection() -> None:
    head = (
        b"POST http://a.example:81/x HTTP/1.1\r\nHost: b\r\nProxy-Authorization: c\r\nConnection: keep-alive\r\n"
        b"Content-Length: 3\r\n\r\n"
    )
    told = b"POST /x HTTP/1.1\r\nHost: a.example:81\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc"
    assert proxy._wanted(head, b"abc") == ("a.example", 81, told)


def test_a_host_of_this_machine_is_reached_by_the_proxy_too(tmp_path: Path) -> None:
    assert "NO_PROXY" in environment(closed(tmp_path, hosts=("a:1",)))
    for host in ("localhost:1", "127.0.0.1:1", "[::1]:1"):
        assert "NO_PROXY" not in environment(closed(tmp_path, hosts=("a:1", host)))


def test_a_proxy_is_told_to_a_job_only_where_it_may_reach_a_host(tmp_path: Path) -> None:
    assert set(environment(closed(tmp_path))) == {"HOME", "TMPDIR"}
    assert environment(closed(tmp_path, hosts=("a:1",)))["HTTPS_PROXY"] == f"http://127.0.0.1:{PROXY_PORT}"


def test_an_ordinary_user_has_the_same_sandbox_and_may_nest_another(monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        work = folder / "work"
        work.mkdir()
        work.chmod(0o777)
        box = closed(work)
        done = as_nobody(
            box, "id -u; touch made /usr/made; kill -9 1; cat /proc/1/environ; exit 5", folder, monkeypatch
        )
        assert (done.returncode, done.stdout.split()) == (5, [str(os.geteuid() or 65534).encode()])
        assert (work / "made").exists()
        nest = "unshare --user --map-current-user --pid --net --mount --fork --mount-proc"
        done = as_nobody(box, f"{nest} sh -c 'echo in; umount -l /usr; touch /usr/x'", folder, monkeypatch)
        assert done.stdout == b"in\n"


def test_pids_inside_are_not_those_outside_and_all_end(boxed: MakeJob, tmp_path: Path) -> None:
    ended, _ = said(boxed("bash", "-c", "sleep 60 & echo $! > left; exit 0"))
    assert pid_in(tmp_path / "work" / "left") < 100
    assert ended.swept == 1
