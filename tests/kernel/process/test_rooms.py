"""A command in its room sees the recorded tree and the layer, and is otherwise as it would be without a room.

Not here: that the runner ends what a command leaves behind; see test_tree.py.
"""

import os
import shlex
import shutil
import signal
import stat
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import anyio
import pytest
from tests.doubles.repository import head_of, make_repository, run_git, write_files
from tests.kernel.process.jobs import is_gone, pid_in, wait_for

from verger_kernel.git.removal import remove
from verger_kernel.process import rooms
from verger_kernel.process.rooms import Room
from verger_kernel.process.runner import Job, run

NOBODY = 65534
WAYS = ["own", "as nobody", "copied"] if os.geteuid() == 0 else ["own", "copied"]
ODD = "a b,c:d\\e'f\"g$(h)\n%i"
needs_mounts = pytest.mark.skipif(not rooms.can_mount(), reason="this machine lets this user mount nothing")


@dataclass(frozen=True)
class Place:
    """A folder for rooms, and the user whose commands run in them."""

    root: Path
    way: str

    def room(self, tree: dict[str, str], layer: dict[str, str] | None = None, name: str = "one") -> Room:
        """A room of the given files."""
        folder = self.root / name
        write_files(folder, {f"work/{path}": text for path, text in tree.items()} | {"scratch/.keep": ""})
        write_files(folder, {f"layer/{path}": text for path, text in (layer or {}).items()})
        (folder / "work").mkdir(exist_ok=True)
        if self.way == "as nobody":
            subprocess.run(["chown", "-R", f"{NOBODY}:{NOBODY}", str(folder)], check=True)
        return self.opened(folder, folder / "layer" if layer is not None else None)

    def opened(self, folder: Path, layer: Path | None) -> Room:
        """What `rooms.opened` makes for this way."""
        if self.way == "copied":
            if layer:
                rooms.copy_missing(layer, folder / "work")
            return Room(folder / "work", layer, folder / "scratch")
        room = rooms.opened(folder / "work", layer, folder / "scratch")
        if self.way == "as nobody":
            os.chown(folder / "scratch/overlay", NOBODY, NOBODY)
            room = replace(room, entry=rooms.known_entries()[-1])
        return room

    def start(self, room: Room, command: str, **more: object) -> subprocess.Popen[bytes]:
        """The command as it runs in `room`."""
        return self.start_plain(room.argv(command), cwd=room.work, **more)

    def start_plain(self, argv: tuple[str, ...], **more: object) -> subprocess.Popen[bytes]:
        """The program as this user."""
        who = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if self.way == "as nobody" else {}
        return subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **who, **more)  # type: ignore[call-overload,no-any-return]  # the tests name each

    def said(self, room: Room, command: str, **more: object) -> str:
        """What the command writes to stdout; it must end well."""
        out, err = self.start(room, command, **more).communicate()
        assert err == b""
        return out.decode()


@pytest.fixture
def root() -> Iterator[Path]:
    """A folder that nobody, too, can reach, which no folder of pytest's is."""
    folder = Path(tempfile.mkdtemp(prefix="verger-test-rooms-"))
    folder.chmod(0o755)
    yield folder
    subprocess.run(["chmod", "-R", "u+rwX", str(folder)], check=True)
    shutil.rmtree(folder)


@pytest.fixture(params=WAYS)
def place(root: Path, request: pytest.FixtureRequest) -> Place:
    if request.param != "copied" and not rooms.can_mount(root):
        pytest.skip("this machine lets this user mount nothing")
    return Place(root, request.param)


@pytest.fixture(params=[way for way in WAYS if way != "copied"])
def mounted(root: Path, request: pytest.FixtureRequest) -> Place:
    if not rooms.can_mount(root):
        pytest.skip("this machine lets this user mount nothing")
    return Place(root, request.param)


def mounts() -> list[bytes]:
    return sorted(Path("/proc/self/mountinfo").read_bytes().splitlines())


def test_a_command_sees_the_tree_over_the_layer(place: Place) -> None:
    room = place.room({"a": "tree", "src/b": "b"}, {"a": "layer", "src/c": "c", "node_modules/x/i.js": "x"})
    assert place.said(room, "cat a src/b src/c node_modules/x/i.js") == "treebcx"
    assert place.said(room, "pwd") == f"{room.inside}\n"


def test_what_a_command_writes_stays_in_the_room_and_is_there_for_the_next(place: Place) -> None:
    room = place.room({"a": "a"}, {"deps/x": "old", "deps/y/z": "z"})
    place.said(room, "echo new >deps/x; rm -r deps/y; echo b >deps/b; echo c >built; rm a")
    assert place.said(room, "cat deps/*; ls") == "b\nnew\nbuilt\ndeps\n"
    assert (room.work / "built").read_text() == "c\n"
    assert room.layer and (room.layer / "deps/x").read_text() == "old"
    assert (room.layer / "deps/y/z").read_text() == "z"
    assert sorted(path.name for path in (room.layer / "deps").iterdir()) == ["x", "y"]


def test_two_rooms_over_one_layer_do_not_see_each_other(place: Place) -> None:
    first = place.room({}, {"deps/x": "old"})
    (place.root / "two/work").mkdir(parents=True)
    (place.root / "two/scratch").mkdir()
    if place.way == "as nobody":
        subprocess.run(["chown", "-R", f"{NOBODY}:{NOBODY}", str(place.root / "two")], check=True)
    second = place.opened(place.root / "two", first.layer)
    running = place.start(first, "echo new >deps/x; echo ready; read", stdin=subprocess.PIPE)
    assert running.stdout and running.stdout.readline() == b"ready\n"
    assert place.said(second, "cat deps/x; ls deps") == "oldx\n"
    running.communicate(b"\n")


def test_a_room_without_a_layer_is_the_tree(place: Place) -> None:
    room = place.room({"a": "a"})
    place.said(room, "mv a b; echo c >c")
    assert sorted(path.name for path in room.work.iterdir()) == ["b", "c"]


def test_nothing_above_the_tree_is_found_from_inside(mounted: Place) -> None:
    # The verification trees used to lie below the home folder, and whatever lay there was found by looking upward.
    canaries = ("node_modules/x", "conftest.py", "pytest.ini", "Cargo.toml", "flag.ignored")
    write_files(mounted.root, dict.fromkeys(canaries, ""))
    room = mounted.room({"sub/a": "a"}, {"deps/b": "b"})
    look = 'while :; do ls -A; [ "$PWD" = / ] && break; cd ..; done'
    found = mounted.said(room, f"cd sub; {look}").split()
    assert not set(found) & {"node_modules", "conftest.py", "pytest.ini", "Cargo.toml", "flag.ignored"}
    assert room.inside.parent == Path("/")
    assert mounted.said(room, "readlink /proc/self/cwd") == f"{room.inside}\n"


def test_every_room_of_a_process_lies_at_the_same_path(mounted: Place) -> None:
    first, second = mounted.room({}, name="one"), mounted.room({}, {"x": "x"}, name="two")
    assert first.inside == second.inside == rooms.inside(mounted.root / "three/work") != first.work


SEEN = 'id -u; id -g; umask; ulimit -n; grep -E "^(Uid|Gid|Cap(Inh|Prm|Eff|Amb)|NoNew|Sec|Sig[^Q])" /proc/self/status'


def test_a_command_is_who_it_would_be_and_may_do_no_more(place: Place) -> None:
    room = place.room({}, {"x": "x"})
    plain = place.start_plain(("bash", "-c", SEEN)).communicate()[0].decode()
    assert place.said(room, SEEN) == plain


def test_a_file_that_may_not_be_read_cannot_be_read(mounted: Place) -> None:
    room = mounted.room({"a": "a"}, {"deps/b": "b"})
    command = "chmod 000 a deps/b; cat a deps/b"
    plain = mounted.room({"a": "a", "deps/b": "b"}, name="plain").work
    expected = mounted.start_plain(("bash", "-c", command), cwd=plain)
    expected.communicate()
    ended = mounted.start(room, command)
    ended.communicate()
    assert ended.returncode == expected.returncode == (0 if os.geteuid() == 0 and mounted.way == "own" else 1)


def test_what_setup_made_can_be_written_below_and_replaced(place: Place) -> None:
    room = place.room({}, {"node_modules/x/i.js": "x", "target/debug/a": "a"})
    place.said(
        room,
        "mkdir node_modules/.cache; echo >node_modules/x/new; echo b >target/debug/a; mv target/debug/a t",
    )


def test_environment_descriptors_and_input_pass_through_unchanged(place: Place) -> None:
    environment = {
        "PATH": os.environ["PATH"],
        "npm_config_//host/:_token": "t",
        "a.b": "c",
        "BASH_FUNC_f%%": "() { echo f; }",
        "SHLVL": "7",
        "EMPTY": "",
        "LINES_OF": "a\nb",
    }
    room = place.room({}, {"x": "x"})
    given, taken = os.pipe()
    show = f"env -0 | sort -z; f; head -c 5 <&{given}; cat"
    seen = []
    for argv in (("bash", "-c", show), room.argv(show)):
        os.write(taken, b"piped")
        running = place.start_plain(
            argv, env=environment, stdin=subprocess.PIPE, pass_fds=(given,), cwd=room.work
        )
        out, err = running.communicate(b"typed\0in")
        assert err == b""
        seen.append(out.replace(str(room.work).encode(), b"HERE").replace(str(room.inside).encode(), b"HERE"))
    os.close(given)
    os.close(taken)
    assert b"npm_config_//host/:_token=t" in seen[0] and seen[0].endswith(b"f\npipedtyped\0in")
    assert seen[1] == seen[0]


def test_a_startup_file_of_bash_is_read_once(place: Place) -> None:
    room = place.room({"start": "echo started\n"}, {"x": "x"})
    environment = {"PATH": os.environ["PATH"], "BASH_ENV": str(room.work / "start")}
    assert place.said(room, "echo done", env=environment) == "started\ndone\n"


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("exit 0", 0),
        ("exit 1", 1),
        ("exit 125", 125),
        ("./not-executable", 126),
        ("no-such-program", 127),
        ("kill -TERM $$", -signal.SIGTERM),
        ("kill -KILL $$", -signal.SIGKILL),
    ],
)
def test_exit_codes_come_from_the_command(place: Place, command: str, code: int) -> None:
    room = place.room({"not-executable": ""}, {"x": "x"})
    argv = room.argv(command)
    running = place.start_plain(argv, cwd=room.work)
    running.communicate()
    assert running.returncode == code
    assert room.was_made(argv)


def test_the_command_is_the_process_that_was_started(place: Place) -> None:
    running = place.start(place.room({}, {"x": "x"}), "echo $$ $PPID")
    assert running.communicate()[0].decode() == f"{running.pid} {os.getpid()}\n"


@pytest.mark.parametrize("layer", [None, {ODD: "layer", "x": "x"}], ids=["no layer", "layer"])
def test_no_name_is_too_odd(place: Place, layer: dict[str, str] | None) -> None:
    odd = replace(place, root=place.root / ODD)
    room = odd.room({"-t": "tree"}, layer, name=ODD)
    assert odd.said(room, f"cat ./-t; ls | wc -c; echo {shlex.quote(ODD)}").startswith("tree")
    assert (odd.said(room, f"cat {shlex.quote(ODD)}") == "layer") if layer else True


def test_a_room_that_cannot_be_made_runs_nothing_and_says_so(mounted: Place) -> None:
    room = mounted.room({}, {"x": "x"})
    subprocess.run(["rm", "-r", str(room.scratch / "overlay")], check=True)
    argv = room.argv("echo ran; touch ran")
    running = mounted.start_plain(argv, cwd=room.work)
    out, err = running.communicate()
    assert (out, running.returncode) == (b"", rooms.ROOM_FAILED)
    assert err.decode().splitlines()[-1].startswith("verger: cannot make the room: ")
    assert not room.was_made(argv)
    assert list(room.work.iterdir()) == []


def test_a_program_that_never_got_as_far_as_the_mount_did_not_make_the_room(mounted: Place) -> None:
    room = mounted.room({}, {"x": "x"})
    first = room.argv("true")
    assert mounted.start_plain(first, cwd=room.work).wait() == 0
    refused = replace(room, entry=replace(room.entry, before=("/usr/bin/env", "false")))  # type: ignore[type-var]
    second = refused.argv("true")
    assert mounted.start_plain(second, cwd=room.work).wait() == 1
    assert (room.was_made(first), refused.was_made(second)) == (True, False)


def test_a_killed_command_leaves_no_mount_and_none_is_ever_seen_outside(mounted: Place) -> None:
    before = mounts()
    room = mounted.room({}, {"x": "x"})
    running = mounted.start(room, "echo ready; read", stdin=subprocess.PIPE)
    assert running.stdout and running.stdout.readline() == b"ready\n"
    assert mounts() == before
    assert list(room.inside.iterdir()) == []
    # Held open, for the number of a namespace that is gone is given to one of somebody else at once.
    with Path(f"/proc/{running.pid}/ns/mnt").open("rb"):
        namespace = Path(f"/proc/{running.pid}/ns/mnt").readlink()
        running.kill()
        running.communicate()
        assert living_in(namespace) == []
    assert mounts() == before


def living_in(namespace: Path) -> list[int]:
    """The processes in a mount namespace that may be looked at."""
    links = Path("/proc").glob("[0-9]*/ns/mnt")
    return [int(link.parts[2]) for link in links if os.access(link, os.R_OK) and link.readlink() == namespace]


def test_what_a_mounted_room_leaves_can_be_removed(mounted: Place) -> None:
    room = mounted.room({"a": "a"}, {"deps/x": "x", "deps/y/z": "z"})
    mounted.said(room, "rm -r deps; mkdir deps; echo >deps/n; chmod 500 deps")
    for folder in (room.work, room.scratch):
        remove(folder, mounted.root)
        assert not folder.exists()


def test_git_works_in_a_checkout_that_borrows_objects(place: Place) -> None:
    user = make_repository(place.root / "user", {"a": "a\n", ".gitignore": "deps\n"})
    room = place.room({"a": "a\n", ".gitignore": "deps\n"}, {"deps/x": "x"})
    folder = room.work / ".git"
    write_files(folder, {"HEAD": head_of(user) + "\n", "config": "[core]\n\trepositoryformatversion = 0\n"})
    write_files(folder, {"objects/info/alternates": f"{user}/.git/objects\n", "refs/heads/.keep": ""})
    shutil.copy(user / ".git/index", folder / "index")
    if place.way == "as nobody":
        subprocess.run(["chown", "-R", f"{NOBODY}:{NOBODY}", str(folder)], check=True)
    environment = {"PATH": os.environ["PATH"], "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null"}
    command = (
        "git status --porcelain; git rev-parse --show-toplevel HEAD; echo b >>a; git diff --stat | wc -l"
    )
    assert place.said(room, command, env=environment) == f"{room.inside}\n{head_of(user)}\n2\n"
    assert run_git(user, "status", "--porcelain") == ""


@needs_mounts
def test_the_runner_ends_what_a_command_in_a_room_leaves_behind(
    root: Path, make_job: Callable[..., Job]
) -> None:
    place = Place(root, "own")
    room = place.room({}, {"x": "x"})
    left = "setsid bash -c 'echo $$ >pid.part; mv pid.part pid; exec sleep 300'"
    command = f"{left} & until [ -e pid ]; do sleep 0.01; done; exit 3"
    ended = anyio.run(run, make_job(*room.argv(command), cwd=room.work))
    assert (ended.exit_code, ended.swept) == (3, 1)
    assert is_gone(pid_in(room.work / "pid"))
    wait_for(lambda: not list(room.inside.iterdir()), "the end of the mount")


def test_copying_follows_no_link_and_keeps_modes_times_and_what_the_tree_has(root: Path) -> None:
    write_files(root, {"outside/kept": "kept", "work/file": "tree", "work/dir/own": "own"})
    write_files(
        root, {"layer/file/x": "x", "layer/dir/own": "l", "layer/dir/more": "more", "layer/out/kept": "l"}
    )
    (root / "work/out").symlink_to(root / "outside")
    (root / "layer/bin").mkdir()
    (root / "layer/bin/tool").symlink_to("../dir/more")
    (root / "layer/bin/broken").symlink_to("/nowhere")
    (root / "layer/dir/more").chmod(0o751)
    os.utime(root / "layer/dir/more", ns=(1, 1_600_000_000_123_456_789))
    (root / "layer/sealed").mkdir()
    write_files(root, {"layer/sealed/x": "x"})
    (root / "layer/sealed").chmod(0o555)
    rooms.copy_missing(root / "layer", root / "work")
    assert (root / "work/file").read_text() == "tree"
    assert (root / "work/dir/own").read_text() == "own"
    assert (root / "outside/kept").read_text() == "kept"
    assert (root / "work/bin/tool").readlink() == Path("../dir/more")
    assert (root / "work/bin/broken").readlink() == Path("/nowhere")
    more = (root / "work/dir/more").stat()
    assert (stat.S_IMODE(more.st_mode), more.st_mtime_ns) == (0o751, 1_600_000_000_123_456_789)
    assert stat.S_IMODE((root / "work/sealed").stat().st_mode) == 0o555
    assert (root / "work/sealed/x").stat().st_ino != (root / "layer/sealed/x").stat().st_ino


def test_copying_needs_no_help_of_the_system(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "copy_file_range")  # as on a Mac
    write_files(root, {"layer/deps/x": "x" * 100_000, "work/.keep": ""})
    rooms.copy_missing(root / "layer", root / "work")
    assert (root / "work/deps/x").read_text() == "x" * 100_000


def test_rooms_are_mounted_wherever_this_user_can_mount_at_all(root: Path) -> None:
    # Else every test of mounted rooms would be skipped by the fault that it is there to find.
    for name in ("lower", "upper", "inner", "point"):
        (root / name).mkdir()
    who, more = ((), "") if os.geteuid() == 0 else (("--map-root-user",), ",userxattr")
    options = f"lowerdir=lower,upperdir=upper,workdir=inner{more}"
    command = ("unshare", *who, "--mount", "mount", "-t", "overlay", "-o", options, "plain", "point")
    can_mount = subprocess.run(command, cwd=root, capture_output=True, check=False).returncode == 0
    assert rooms.can_mount(root) is (can_mount and bool(rooms.known_entries()))


def test_rooms_are_mounted_only_on_an_empty_folder_of_root(root: Path) -> None:
    write_files(root, {"used/file": ""})
    (root / "empty").mkdir()
    (root / "link").symlink_to(root / "empty")
    free = [name for name in ("used", "empty", "link", "gone") if rooms._is_free(root / name)]
    assert free == (["empty"] if os.geteuid() == 0 else [])


def test_where_the_room_cannot_be_tried_it_is_not_mounted(root: Path) -> None:
    assert rooms.can_mount(Path("/proc/self")) is False


def test_what_cannot_be_entered_as_oneself_is_not_entered() -> None:
    for entry in rooms.known_entries():
        assert not rooms._works(
            replace(entry, options=entry.options + ",no_such_option"), Path(tempfile.gettempdir())
        )
        assert not rooms._works(replace(entry, mount="/bin/false"), Path(tempfile.gettempdir()))
        as_root = ("/usr/bin/unshare", "--map-root-user", "--mount", "bash", "-p")
        assert os.geteuid() == 0 or not rooms._works(
            replace(entry, before=as_root), Path(tempfile.gettempdir())
        )
