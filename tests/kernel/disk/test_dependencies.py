"""A layer is whole or not there, is no longer one once it was changed, and is given to others only when trusted."""

import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.doubles.repository import head_of, make_repository, run_git, write_files

from verger_kernel.disk import dependencies
from verger_kernel.disk.dependencies import Layer, LayerFolder, seal, sealed, taken
from verger_kernel.process import rooms
from verger_kernel.process.rooms import Room

KEY = "a" * 64
TRACKED = ("app.py", "src/lib.py", "sub")


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A checkout in which setup has run."""
    tree = tmp_path / "work"
    write_files(tree, {"app.py": "app", "src/lib.py": "lib", ".git/HEAD": "x"})
    write_files(tree, {"node_modules/x/i.js": "x", "node_modules/.bin/.keep": "", "src/gen.py": "generated"})
    (tree / "node_modules/.bin/tool").symlink_to("../x/i.js")
    return tree


@pytest.fixture
def folder(tmp_path: Path) -> LayerFolder:
    return LayerFolder(tmp_path / "deps", "RUN", "01")


def again(folder: LayerFolder, *, run: str = "RUN", item: str = "01") -> LayerFolder:
    """The same layers as another process, or another item, sees them."""
    return LayerFolder(folder.root, run, item)


def files_in(top: Path) -> dict[str, str]:
    return {
        path.relative_to(top).as_posix(): str(path.readlink()) if path.is_symlink() else path.read_text()
        for path in sorted(top.rglob("*"))
        if path.is_symlink() or path.is_file()
    }


MADE = {
    "node_modules/.bin/.keep": "",
    "node_modules/.bin/tool": "../x/i.js",
    "node_modules/x/i.js": "x",
    "src/gen.py": "generated",
}


def test_a_layer_is_what_setup_made_and_nothing_that_git_tracks(work: Path, folder: LayerFolder) -> None:
    (work / "app.py").write_text("changed by setup")
    layer = folder.keep(KEY, work, TRACKED)
    assert files_in(layer.files) == MADE
    assert files_in(work) == {".git/HEAD": "x", "app.py": "changed by setup", "src/lib.py": "lib"}
    assert (layer.entries, layer.dropped) == (9, ())
    assert folder.find(KEY) == layer == again(folder).find(KEY)


def test_a_layer_that_is_kept_again_is_replaced(work: Path, folder: LayerFolder) -> None:
    folder.keep(KEY, work, TRACKED)
    write_files(work, {"late": "late"})
    layer = folder.keep(KEY, work, TRACKED)
    assert files_in(layer.files) == {"late": "late"}
    assert folder.find(KEY) == layer


def test_a_tracked_path_that_setup_replaced_is_not_taken(work: Path, tmp_path: Path) -> None:
    (work / "app.py").unlink()
    (work / "app.py").symlink_to("/etc/passwd")
    shutil.rmtree(work / "src")
    (work / "src").symlink_to("node_modules")
    taken(work, TRACKED, tmp_path / "files")
    assert not {"app.py", "src"} & {path.name for path in (tmp_path / "files").iterdir()}


def test_what_python_compiled_of_tracked_files_is_not_taken(work: Path, tmp_path: Path) -> None:
    write_files(
        work, {"__pycache__/app.cpython-311.pyc": "of the base", "src/__pycache__/lib.pyc": "of the base"}
    )
    write_files(work, {"app.pyc": "of the base", "venv/lib/__pycache__/dep.pyc": "dep"})
    files = tmp_path / "files"
    taken(work, TRACKED, files)
    assert {name for name in files_in(files) if "pyc" in name} == {"venv/lib/__pycache__/dep.pyc"}


def test_links_stay_as_they_are_and_are_never_followed(work: Path, tmp_path: Path) -> None:
    write_files(tmp_path, {"outside/kept": "kept"})
    for name, target in {
        "out": tmp_path / "outside",
        "in": "src",
        "broken": "/nowhere",
        "loop": "loop",
    }.items():
        (work / name).symlink_to(target)
    files = tmp_path / "files"
    taken(work, TRACKED, files)
    seal(tmp_path)
    assert [str((files / name).readlink()) for name in ("in", "broken", "loop")] == [
        "src",
        "/nowhere",
        "loop",
    ]
    assert (files / "out").readlink() == tmp_path / "outside"
    (tmp_path / "outside/kept").write_text("changed")
    assert sealed(tmp_path)


def test_sockets_pipes_and_devices_are_dropped_by_name(
    work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(work / "node_modules/pipe")
    (work / "node_modules/x").chmod(0o700)
    with socket.socket(socket.AF_UNIX) as server, monkeypatch.context() as there:
        # From within: the whole path can be longer than a socket's may be.
        there.chdir(work / "node_modules/x")
        server.bind("socket")
    (work / "node_modules/x").chmod(0o500)
    assert taken(work, TRACKED, tmp_path / "files") == ("node_modules/pipe", "node_modules/x/socket")
    assert files_in(tmp_path / "files") == MADE
    assert stat.S_IMODE((tmp_path / "files/node_modules/x").stat().st_mode) == 0o500


def test_modes_stay_but_what_nobody_may_read_becomes_readable(work: Path, tmp_path: Path) -> None:
    write_files(work, {"node_modules/secret": "s", "node_modules/shut/in/x": "x", "top/x": "x"})
    (work / "node_modules/x/i.js").chmod(0o751)
    (work / "node_modules/secret").chmod(0o200)
    for name, mode in {"node_modules/shut/in": 0, "node_modules/shut": 0, "top": 0o555, "src": 0o555}.items():
        (work / name).chmod(mode)
    files = tmp_path / "files"
    taken(work, TRACKED, files)
    modes = {
        name: stat.S_IMODE((files / name).stat().st_mode)
        for name in (
            "node_modules/x/i.js",
            "node_modules/secret",
            "node_modules/shut",
            "node_modules/shut/in",
            "top",
        )
    }
    assert list(modes.values()) == [0o751, 0o600, 0o500, 0o500, 0o555]
    assert (files / "node_modules/shut/in/x").read_text() == "x"


def test_a_file_that_a_package_store_shares_is_taken_as_a_copy(work: Path, tmp_path: Path) -> None:
    write_files(tmp_path, {"store/i.js": "stored"})
    (work / "node_modules/x/linked.js").hardlink_to(tmp_path / "store/i.js")
    files = tmp_path / "files"
    taken(work, TRACKED, files)
    seal(tmp_path)
    (tmp_path / "store/twin.js").hardlink_to(tmp_path / "store/i.js")
    (tmp_path / "store/i.js").write_text("changed")
    assert (files / "node_modules/x/linked.js").read_text() == "stored"
    assert sealed(tmp_path)
    assert sorted(path.name for path in (files / "node_modules/x").iterdir()) == ["i.js", "linked.js"]


def test_a_submodule_that_setup_filled_works_in_the_next_checkout(tmp_path: Path) -> None:
    inner = make_repository(tmp_path / "inner", {"i": "i\n"})
    user = make_repository(tmp_path / "user", {"a": "a\n"})
    run_git(user, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(inner), "sub")
    run_git(user, "commit", "-q", "-m", "sub")
    for name in ("first", "second"):
        run_git(tmp_path, "clone", "-q", str(user), name)
    run_git(tmp_path / "first", "-c", "protocol.file.allow=always", "submodule", "update", "-q", "--init")
    taken(tmp_path / "first", ("a", ".gitmodules", "sub"), tmp_path / "files")
    rooms.copy_missing(tmp_path / "files", tmp_path / "second")
    assert run_git(tmp_path / "second/sub", "rev-parse", "HEAD").strip() == head_of(inner)
    assert run_git(tmp_path / "second", "status", "--porcelain") == ""


def changed_in_secret(files: Path) -> None:
    place = files / "src/gen.py"
    times = place.stat()
    place.write_text("GENERATED")
    os.utime(place, ns=(times.st_atime_ns, times.st_mtime_ns))


def swapped(files: Path) -> None:
    (files / "node_modules/x").rename(files / "third")
    (files / "node_modules/.bin").rename(files / "node_modules/x")
    (files / "third").rename(files / "node_modules/.bin")


def replaced_by_a_copy(files: Path) -> None:
    shutil.copytree(files, files.with_name("copy"), symlinks=True)
    shutil.rmtree(files)
    files.with_name("copy").rename(files)


TRICKS: dict[str, Callable[[Path], object]] = {
    "changed": lambda files: (files / "src/gen.py").write_text("other"),
    "changed, its times put back": changed_in_secret,
    "made writable and back": lambda files: [(files / "src/gen.py").chmod(mode) for mode in (0o600, 0o644)],
    "removed": lambda files: (files / "src/gen.py").unlink(),
    "added": lambda files: (files / "node_modules/x/sitecustomize.py").touch(),
    "added and removed": lambda files: [(files / "n").mkdir(), (files / "n").rmdir()],
    "folders swapped": swapped,
    "a link led elsewhere": lambda files: [
        (files / "node_modules/.bin/tool").unlink(),
        (files / "node_modules/.bin/tool").symlink_to("../x/j.js"),
    ],
    "hard-linked": lambda files: (files.parent / "twin").hardlink_to(files / "src/gen.py"),
    "replaced by an equal copy": replaced_by_a_copy,
    "the seal removed": lambda files: (files.parent / "seal.json").unlink(),
    "the seal cut": lambda files: (files.parent / "seal.json").write_bytes(b"{"),
    "the seal of an earlier boot": lambda files: (files.parent / "seal.json").write_bytes(
        (files.parent / "seal.json").read_bytes().replace(dependencies.boot_id().encode(), b"earlier")
    ),
}


@pytest.mark.parametrize("trick", TRICKS)
def test_a_layer_that_was_touched_is_thrown_away_and_made_again(
    work: Path, folder: LayerFolder, tmp_path: Path, trick: str
) -> None:
    layer = folder.keep(KEY, work, TRACKED)
    TRICKS[trick](layer.files)
    assert again(folder).find(KEY) is None
    assert not layer.files.exists()
    write_files(work, {"node_modules/x/i.js": "again"})
    assert files_in(folder.keep(KEY, work, TRACKED).files) == {"node_modules/x/i.js": "again"}
    assert folder.find(KEY)


def test_a_seal_that_was_written_anew_is_not_believed(work: Path, folder: LayerFolder) -> None:
    layer = folder.keep(KEY, work, TRACKED)
    (layer.files / "src/gen.py").write_text("forged")
    seal(layer.files.parent)
    folder.trust(KEY)
    assert again(folder, item="02").find(KEY) is None
    assert folder.find(KEY) is None


def test_using_a_layer_in_a_room_does_not_touch_it(work: Path, folder: LayerFolder, tmp_path: Path) -> None:
    layer = folder.keep(KEY, work, TRACKED)
    for copied in (False, True):
        fresh = tmp_path / f"fresh-{copied}"
        (fresh / "work").mkdir(parents=True)
        room = rooms.opened(fresh / "work", layer.files, fresh / "scratch")
        if copied:
            rooms.copy_missing(layer.files, fresh / "work")
            room = Room(fresh / "work", layer.files, fresh / "scratch")
        command = (
            "echo changed >src/gen.py; rm -r node_modules/x; mv node_modules n; chmod 700 src; echo >src/new"
        )
        assert subprocess.run(room.argv(command), cwd=room.work, check=False).returncode == 0
        assert files_in(layer.files) == MADE
        assert again(folder).find(KEY)


def test_a_layer_is_for_its_item_alone_until_it_is_trusted(work: Path, folder: LayerFolder) -> None:
    folder.keep(KEY, work, TRACKED)
    others = [again(folder, item="02"), again(folder, run="RUN2")]
    assert [other.find(KEY) for other in others] == [None, None]
    folder.trust(KEY)
    found = [other.find(KEY) for other in (folder, *others)]
    assert all(layer and files_in(layer.files) == MADE for layer in found)


def test_what_is_trusted_outlives_its_item_and_what_is_not_goes(work: Path, folder: LayerFolder) -> None:
    other = "b" * 64
    folder.keep(KEY, work, TRACKED)
    write_files(work, {"node_modules/evil": "evil"})
    folder.keep(other, work, TRACKED)
    folder.trust(KEY)
    folder.drop()
    folder.drop()
    assert folder.find(KEY) and folder.find(other) is None
    assert sorted(path.name for path in folder.root.iterdir()) == ["shared"]


def test_trust_is_given_twice_or_to_nothing_without_harm(work: Path, folder: LayerFolder) -> None:
    folder.trust(KEY)
    folder.keep(KEY, work, TRACKED)
    folder.trust(KEY)
    folder.trust(KEY)
    second = again(folder, item="02")
    write_files(work, {"late": "late"})
    second.keep(KEY, work, TRACKED)
    second.trust(KEY)
    layer = again(folder, item="03").find(KEY)
    assert layer and files_in(layer.files) == MADE


class _Raced(LayerFolder):
    """As it is where another run gives all the same layer right after this one looked."""

    def _whole(self, folder: Path) -> Layer | None:
        found = super()._whole(folder)
        if folder == self._shared("key"):
            shutil.copytree(self._own("key"), folder)
        return found


def test_who_trusts_a_layer_a_moment_after_another_run_does_no_harm(work: Path, folder: LayerFolder) -> None:
    folder.keep("key", work, ())
    _Raced(folder.root, folder.run, folder.item).trust("key")
    assert (folder.root / "shared/key").is_dir()


def test_all_layers_of_an_item_are_trusted_at_once(work: Path, folder: LayerFolder) -> None:
    folder.trust_all()
    keys = ["b" * 64, KEY]
    for key in keys:
        write_files(work, {"made": key})
        folder.keep(key, work, TRACKED)
    (folder.root / "RUN/01/.making-half/files").mkdir(parents=True)
    seal(folder.root / "RUN/01/.making-half")
    folder.trust_all()
    folder.drop()
    found = [again(folder, item="02").find(key) for key in keys]
    assert [(layer.files / "made").read_text() for layer in found if layer] == keys
    assert sorted(path.name for path in (folder.root / "shared").iterdir()) == sorted(keys)


def test_a_touched_layer_is_never_trusted(work: Path, folder: LayerFolder) -> None:
    layer = folder.keep(KEY, work, TRACKED)
    (layer.files / "src/gen.py").write_text("evil")
    folder.trust(KEY)
    assert again(folder, item="02").find(KEY) is None


def killed_at(step: int, root: Path, tree: Path) -> bool:
    """Whether a process that keeps and trusts a layer was killed at the given one of its changes."""
    changes = {"os.rename", "os.mkdir", "os.chmod", "os.remove", "shutil.copyfile", "tempfile.mkstemp"}
    left = step

    def watch(event: str, _args: object) -> None:
        nonlocal left
        if event in changes:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    child = os.fork()
    if child == 0:
        try:
            sys.addaudithook(watch)
            folder = LayerFolder(root, "RUN", "01")
            folder.keep(KEY, tree, TRACKED)
            folder.trust(KEY)
            os._exit(0)
        finally:
            os._exit(1)
    status = os.waitpid(child, 0)[1]
    assert status in (0, signal.SIGKILL)
    return status == signal.SIGKILL


def test_killed_at_any_step_leaves_a_whole_layer_or_none(work: Path, tmp_path: Path) -> None:
    (work / "node_modules/x/twin.js").hardlink_to(work / "node_modules/x/i.js")
    expected = MADE | {"node_modules/x/twin.js": "x"}
    for step in range(1, 200):
        tree, root = tmp_path / f"work-{step}", tmp_path / f"deps-{step}"
        shutil.copytree(work, tree, symlinks=True, copy_function=os.link)
        was_killed = killed_at(step, root, tree)
        own, other = LayerFolder(root, "RUN", "01"), LayerFolder(root, "RUN", "02")
        for layer in (own.find(KEY), other.find(KEY)):
            assert layer is None or files_in(layer.files) == expected
        if not was_killed:
            assert other.find(KEY) and step > 20
            return
        own.drop()
        assert not list(root.rglob(".making-*"))
    pytest.fail("it never came to its end")


def test_a_disk_that_is_full_leaves_no_layer(work: Path, folder: LayerFolder) -> None:
    (work / "node_modules/x/twin.js").hardlink_to(work / "node_modules/x/i.js")
    (work / "node_modules/x/large").write_bytes(b"x" * 100_000)
    (work / "node_modules/x/large2").hardlink_to(work / "node_modules/x/large")
    code = (
        "import resource, signal, sys; from pathlib import Path;"
        "from verger_kernel.disk.dependencies import LayerFolder;"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000));"
        "LayerFolder(Path(sys.argv[1]), 'RUN', '01').keep(sys.argv[3], Path(sys.argv[2]), ())"
    )
    command = [sys.executable, "-c", code, str(folder.root), str(work), KEY]
    environment = {"PYTHONPATH": os.pathsep.join(sys.path)}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert "OSError" in ended.stderr
    assert folder.find(KEY) is None
    assert list((folder.root / "RUN/01").iterdir()) == []


def test_odd_names_are_kept(work: Path, folder: LayerFolder) -> None:
    names = ["new\nline", "-dash", os.fsdecode(b"bad\xff"), "x" * 255, ".making-x"]
    write_files(work, {f"node_modules/{name}": name[:3] for name in names if "\udcff" not in name})
    Path(os.fsdecode(bytes(work) + b"/node_modules/bad\xff")).write_text("bad")
    (work / "linked").hardlink_to(work / "node_modules" / ("x" * 255))
    layer = folder.keep(KEY, work, TRACKED)
    assert sorted(path.name for path in (layer.files / "node_modules").iterdir()) == sorted(
        [*names, ".bin", "x"]
    )
    assert again(folder).find(KEY)
