"""Odd names, changes and repositories: honest work passes byte for byte, the rest is named so that one can read it.

Not here: what an agent does to git itself; see test_git_weapons.py.
"""

import os
from pathlib import Path

import pytest
from tests.doubles.repository import commit_files, run_git, write_files
from tests.doubles.trials import GOOD, RUN, escalated, passed, shell, tree_of_files, trial
from tests.doubles.workplace import Workplace, assert_refused

from verger_kernel.rules.events import WorkerReturned

LEAVE = 'echo \'a note\' > docs/01.md; mkdir "$HOME/left"; cp -a . "$HOME/left"; rm -rf "$HOME/left/.git"; exec $AGENT'
"""How a worker ends whose files are compared with the result."""


def worker(script: str) -> dict[str, str]:
    return {"worker": shell(f"unset GIT_DIR\nset -e\n{script}\n{LEAVE}")}


def blobs(place: Workplace, commit: str) -> dict[str, bytes]:
    """Every file and link of `commit` by path, as git keeps it."""
    found = {}
    for line in run_git(place.repository, "ls-tree", "-r", "-z", commit).split("\0")[:-1]:
        words, _, path = line.partition("\t")
        if "blob" in words:
            found[path] = os.fsencode(run_git(place.repository, "cat-file", "blob", words.split()[2]))
    return found


def left(place: Workplace) -> dict[str, bytes]:
    """What the worker left in its worktree."""
    return tree_of_files(place.home / "left")


def checked_out(place: Workplace) -> dict[str, bytes]:
    """What the user gets who checks the result out."""
    target = place.root / "taken"
    place.git("worktree", "add", "-q", "--detach", str(target), place.run_branch())
    files = tree_of_files(target)
    del files[".git"]
    return files


NAMES = r"""
printf 1 > docs/$'new\nline'; printf 2 > docs/$'tab\there'; printf 3 > docs/-dash; printf 4 > docs/$'bad\xff\xfe'
printf 5 > "docs/$(printf 'n%.0s' {1..255})"; printf 6 > docs/case; printf 7 > docs/CASE; printf 8 > docs/$'\u202egpj'
printf 9 > 'docs/:(glob)*'; printf 10 > 'docs/back\slash'; printf 11 > 'docs/ blank '
mv docs/old.md docs/renamed.md; chmod +x docs/tool; rm docs/gone.md; ln docs/01x docs/hard; ln -s 01.md docs/link
rm docs/folder; mkdir docs/folder; printf 12 > docs/folder/inside
"""


def test_every_odd_name_and_change_passes_byte_for_byte(tmp_path: Path) -> None:
    names = ("docs/old.md", "docs/gone.md", "docs/tool", "docs/01x", "docs/folder")
    place = trial(tmp_path, agents=worker(NAMES), files={name: f"{name}\n" for name in names})
    place.git("update-index", "--add", "--cacheinfo", f"160000,{place.git('rev-parse', 'HEAD')},sub")
    place.git("commit", "-qm", "a submodule")
    # All at once: a checkout that leaves out most, an index of version 4, and one in two parts.
    place.git("sparse-checkout", "set", "--no-cone", "/*", "!/docs/")
    place.git("update-index", "--index-version", "4")
    place.git("update-index", "--split-index")
    result = place.verger(*RUN)
    passed(place, result)
    assert blobs(place, place.run_branch()) == left(place)
    listing = place.git("ls-tree", "-r", place.run_branch()).splitlines()
    modes = {line.partition("\t")[2]: line[:6] for line in listing}
    assert (modes["docs/tool"], modes["docs/link"], modes["sub"]) == ("100755", "120000", "160000")


def test_odd_names_out_of_scope_are_each_told_on_one_line_and_apart(tmp_path: Path) -> None:
    make = NAMES.partition("mv docs")[0].replace("docs/", "src/")
    place = trial(tmp_path, agents=worker(f"mkdir src; {make} printf x > src/'bad\\xff\\xfe'"))
    stage = escalated(place, place.verger(*RUN))
    assert stage.why == "12 path(s) outside allowed_write_roots were changed"
    assert len(set(stage.details)) == 12
    assert all(line.isprintable() for line in stage.details)
    expected = {
        "src/new\\nline",
        "src/tab\\there",
        "src/bad\\xff\\xfe",
        "src/bad\\\\xff\\\\xfe",
        "src/\\u202egpj",
    }
    assert expected <= set(stage.details)


def test_files_that_are_written_otherwise_than_kept_come_back_as_the_worker_left_them(tmp_path: Path) -> None:
    attributes = "*.sh text eol=lf\n*.u16 text working-tree-encoding=UTF-16LE\n*.id ident\n*.bin -text\n"
    script = (
        "printf 'one\\r\\ntwo\\r\\n' > docs/crlf.md; printf 'a\\nb\\n' > docs/x.sh; printf 'a\\r\\n\\0' > docs/x.bin\n"
        "printf 'h\\0i\\0\\r\\0\\n\\0' > docs/x.u16; printf 'note\\r\\n' > docs/01.md; sed -i 's/old/new/' docs/kept.md"
    )
    place = trial(
        tmp_path,
        agents={"worker": shell(f"set -e\n{script}\n{LEAVE.partition('; ')[2]}")},
        files={
            ".gitattributes": f"{attributes}*.ver export-subst\n",
            "docs/kept.md": "old\nlines\n",
            "docs/a.id": "$Id$\n",
            "docs/a.ver": "$Format:%H$\n",
        },
    )
    place.git("config", "core.autocrlf", "true")
    place.git("rm", "-q", "-r", "--cached", ".")
    place.git("reset", "-q", "--hard")
    result = place.verger(*RUN)
    assert result.code == 0, result
    assert checked_out(place) == left(place)
    changed = place.git("diff", "--name-only", "main", place.run_branch()).split()
    assert changed == [f"docs/{name}" for name in ("01.md", "crlf.md", "kept.md", "x.bin", "x.sh", "x.u16")]
    assert blobs(place, place.run_branch())["docs/kept.md"] == b"new\nlines\n"


POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:" + "0" * 64 + "\nsize 5\n"


def test_pointers_of_large_files_survive_and_no_filter_runs(tmp_path: Path) -> None:
    place = trial(
        tmp_path,
        agents=worker("cp docs/a.lfs docs/b.lfs; printf raw > docs/raw.lfs"),
        files={".gitattributes": "*.lfs filter=lfs diff=lfs merge=lfs -text\n", "docs/a.lfs": POINTER},
    )
    for part in ("clean", "smudge", "process"):
        place.git("config", f"filter.lfs.{part}", f"touch {place.root}/ran; exit 1")
    place.git("config", "filter.lfs.required", "true")
    passed(place, place.verger(*RUN))
    assert not (place.root / "ran").exists()
    assert blobs(place, place.run_branch()) == left(place)
    assert left(place)["docs/b.lfs"] == POINTER.encode()


def test_a_link_is_a_file_where_links_cannot_be_and_editing_it_is_honest(tmp_path: Path) -> None:
    place = trial(tmp_path, agents=worker("test ! -L docs/link; printf 01.md > docs/link"))
    (place.repository / "docs/link").symlink_to("index.md")
    commit_files(place.repository, {}, "a link")
    place.git("config", "core.symlinks", "false")
    (place.repository / "docs/link").unlink()
    place.git("checkout", "docs/link")
    passed(place, place.verger(*RUN))
    assert place.git("ls-tree", place.run_branch(), "docs/link").startswith("120000")
    assert blobs(place, place.run_branch()) == left(place)


def test_what_the_change_itself_ignores_is_kept_in_a_root_and_named_elsewhere(tmp_path: Path) -> None:
    script = (
        "printf 'build/\\ndocs/made/\\n' >> .gitignore; mkdir build docs/made .cache; echo o > build/out\n"
        "echo page > docs/made/page; echo '*' > .cache/.gitignore; echo x > .cache/x"
    )
    place = trial(tmp_path, agents=worker(script), allowed_write_roots="docs; .gitignore")
    passed(place, place.verger(*RUN))
    expected = left(place)
    for path in ("build/out", ".cache/.gitignore", ".cache/x"):
        del expected[path]
    assert blobs(place, place.run_branch()) == expected
    assert "docs/made/page" in expected
    (returned,) = place.events(WorkerReturned)
    assert returned.left_out == (".cache/.gitignore", ".cache/x", "build/out")


def test_ignore_rules_stay_those_of_the_base_after_a_worktree_was_set_back(tmp_path: Path) -> None:
    build = "grep -qs build .gitignore || echo build/ >> .gitignore; mkdir -p build; echo o > build/out"
    finding = '[{"title":"short","severity":"high","category":"other","is_blocking":true}]'
    lies = f"lie overall_verdict '\"issues_found\"' lie findings '{finding}'"
    # In round 0 the lane leaves a file behind, so that the worktree is set back before the fix begins.
    lane = f"""input=$(cat); touch planted
if grep -q '"round": *0' <<< "$input"; then $AGENT {lies} <<< "$input"; else $AGENT <<< "$input"; fi"""
    place = trial(
        tmp_path,
        agents={"worker": shell(f"{build}\nexec $AGENT write docs/01.md 'a note'"), "reader-a": shell(lane)},
        policy="max_fix_rounds = 1\nmax_remediation_rounds = 0",
        allowed_write_roots="docs; .gitignore",
    )
    passed(place, place.verger(*RUN))
    returned = place.events(WorkerReturned)
    assert [event.quarantine != "" for event in returned] == [False, True]
    assert [event.left_out for event in returned] == [("build/out",), ("build/out",)]


def test_a_repository_whose_only_commit_is_empty(tmp_path: Path) -> None:
    place = trial(tmp_path, agents=worker('test -z "$(ls)"; mkdir docs'), repo_surfaces="`docs/01.md`")
    place.git("checkout", "-q", "--orphan", "empty")
    place.git("rm", "-q", "-r", "-f", "docs")
    place.git("rm", "-q", "-r", "--cached", ".")
    place.git("commit", "-q", "--allow-empty", "-m", "nothing")
    passed(place, place.verger(*RUN))
    assert blobs(place, place.run_branch()) == left(place) == {"docs/01.md": b"a note\n"}


def move_checkout(place: Workplace, how: str) -> None:
    """Makes the checkout of `place` one of another kind, with the same files in it."""
    original = place.root / "original"
    place.repository.rename(original)
    if how == "linked":
        run_git(original, "worktree", "add", "-q", str(place.repository), "-b", "side")
        return
    options = {
        "shallow": ("--depth=1", f"file://{original}"),
        "borrowing": ("--shared", str(original)),
        "apart": ("--separate-git-dir", str(place.root / "apart.git"), str(original)),
    }[how]
    run_git(place.root, "clone", "-q", *options, str(place.repository))
    for key in ("name", "email"):
        run_git(place.repository, "config", f"user.{key}", "una@example.org")


@pytest.mark.parametrize("how", ["linked", "shallow", "borrowing", "apart"])
def test_a_checkout_of_another_kind_is_worked_for_like_any_other(tmp_path: Path, how: str) -> None:
    place = trial(tmp_path, agents=worker("git log -1 >&2"))
    commit_files(place.repository, {"more": "more\n"}, "more")
    move_checkout(place, how)
    passed(place, place.verger(*RUN))
    assert blobs(place, place.run_branch()) == left(place)


def test_a_repository_of_longer_ids(tmp_path: Path) -> None:
    place = trial(tmp_path, agents=worker("git log -1 >&2"))
    files = tree_of_files(place.repository)
    (place.repository / ".git").rename(place.root / "old")
    run_git(place.repository, "init", "-q", "-b", "main", "--object-format=sha256")
    for key in ("name", "email"):
        place.git("config", f"user.{key}", "una@example.org")
    assert files
    commit_files(place.repository, {}, "base")
    passed(place, place.verger(*RUN))
    assert len(place.run_branch()) == 64
    assert blobs(place, place.run_branch()) == left(place)


def test_a_git_directory_of_another_checkout_is_told_before_anything_is_made(tmp_path: Path) -> None:
    place = trial(tmp_path, GOOD)
    write_files(place.root, {"elsewhere/x": "x"})
    place.git("config", "core.worktree", str(place.root / "elsewhere"))
    assert_refused(place.verger(*RUN), 6, "belongs to the checkout at", "elsewhere")
    assert not place.state.exists()
