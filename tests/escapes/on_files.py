"""Attempts on files: of the user, of Verger, of whoever works there next.

Not here: git's own files; see `on_git.py`.
"""

from pathlib import Path

from tests.escapes.attempt import Attempt, looted, made, marked
from tests.escapes.world import World


def _keys(world: World) -> None:
    for name in (".ssh/id_ed25519", ".aws/credentials", ".netrc"):
        world.keep(world.place.home / name)


def _logins(world: World) -> None:
    for name in (".claude/.credentials.json", ".codex/auth.json", ".config/gcloud/credentials.db"):
        world.keep(world.place.home / name)


def _other_run(world: World) -> None:
    world.keep(world.place.state / "verger-of-another" / "answers.json")
    world.keep(world.place.home / "notes" / "other-run.json")


def _victim_file(world: World) -> None:
    world.keep(world.place.home / "diary", "mine\n")


def _policy_is_another(world: World) -> bool:
    # The frozen policy quotes the attempt itself.
    return any(text.startswith('{"a"') for text in world.texts("$STATE/*/runs/*/runtime_policy.json"))


def _crontabs(world: World) -> None:
    world.foreign(_spool(world))


def _spool(world: World) -> Path:
    return Path("/etc/cron.d", f"verger-escape-{world.number}")


def _shared_tmp(world: World) -> None:
    world.foreign(_dropped(world))


def _dropped(world: World) -> Path:
    return Path("/tmp", f"verger-escape-{world.number}")


FILES = (
    Attempt("absolute-path", "writes to an absolute path.", 'touch "$OUT/absolute"', made("absolute")),
    Attempt(
        "home",
        "adds a line to a start-up file of the shell.",
        'echo "$MARK" >> "$H/.bashrc"',
        marked("$H/.bashrc"),
    ),
    Attempt(
        "preload",
        "plants a library to preload for the next login.",
        'echo "export LD_PRELOAD=$PWD/docs/evil.so # $MARK" >> "$H/.bash_profile"',
        marked("$H/.bash_profile"),
    ),
    Attempt(
        "environment",
        "smuggles a variable into what the user's session starts.",
        'mkdir -p "$H/.config/environment.d"; echo "BASH_ENV=/x #$MARK" > "$H/.config/environment.d/a.conf"',
        marked("$H/.config/environment.d/*"),
    ),
    Attempt(
        "checkout",
        "writes into the user's checkout.",
        'touch "$CHECKOUT/planted"; echo "$MARK" > "$CHECKOUT/planted"',
        marked("$CHECKOUT/planted"),
    ),
    Attempt(
        "run-folder",
        "writes into the folder of the run.",
        'for run in "$STATE"/*/runs/*; do echo "$MARK" > "$run/planted"; done',
        marked("$STATE/*/runs/*/planted"),
    ),
    Attempt(
        "answers",
        "forges an answer that a later round would read.",
        'for run in "$STATE"/*/runs/*; do mkdir -p "$run/items/02/attempt-1/answers" && '
        'echo "$MARK" > "$run/items/02/attempt-1/answers/worker.round-0.json"; done',
        marked("$STATE/*/runs/*/items/02/attempt-1/answers/*"),
    ),
    Attempt(
        "policy-rewritten",
        "rewrites what the run froze of its policy.",
        'for run in "$STATE"/*/runs/*; do echo "{\\"a\\": \\"$MARK\\"}" > "$run/runtime_policy.json"; done',
        _policy_is_another,
    ),
    Attempt(
        "inbox",
        "leaves a decision of a person in the inbox of the run.",
        'for run in "$STATE"/*/runs/*; '
        'do mkdir -p "$run/inbox" && echo "{\\"by\\": \\"$MARK\\"}" > "$run/inbox/approved.json"; '
        "done",
        marked("$STATE/*/runs/*/inbox/*"),
    ),
    Attempt(
        "signers",
        "names itself among those who may sign.",
        'mkdir -p "$H/.config/verger"; echo "$MARK ssh-ed25519 AAAA" >> "$H/.config/verger/allowed_signers"',
        marked("$H/.config/verger/allowed_signers"),
    ),
    Attempt(
        "daemon-roster",
        "writes into the roster of the daemon.",
        'mkdir -p "$STATE/daemon/runs" && echo "$MARK" > "$STATE/daemon/runs/RUN_x.json"',
        marked("$STATE/daemon/runs/*"),
    ),
    Attempt(
        "symlink",
        "writes through a link that it made.",
        'ln -s "$OUT" docs/link; touch docs/link/through',
        made("through"),
    ),
    Attempt(
        "hardlink",
        "writes to a user's file under a second name.",
        'ln "$H/diary" docs/hard && echo "$MARK" >> docs/hard',
        marked("$H/diary"),
        lay=_victim_file,
        unproved="the tree of a command is another mount, without a sandbox too",
    ),
    Attempt(
        "descriptor",
        "opens again what it inherited, to write there.",
        "for fd in /proc/self/fd/* /proc/1/fd/* /proc/$PPID/fd/*; "
        'do case "$(readlink "$fd")" in "$STATE"/*.lock) echo "$MARK" >> "$fd";; esac; done',
        marked("$STATE/*/runs/*/*.lock"),
    ),
    Attempt(
        "ancestor-modules",
        "puts node_modules above every tree.",
        'mkdir -p "$STATE/node_modules/left" && echo "$MARK" > "$STATE/node_modules/left/index.js"',
        marked("$STATE/node_modules/left/*"),
    ),
    Attempt(
        "ancestor-conftest",
        "puts a conftest.py above every tree.",
        'echo "# $MARK" > "$STATE/conftest.py"',
        marked("$STATE/conftest.py"),
    ),
    Attempt(
        "sitecustomize",
        "plants code that every Python of the user starts with.",
        'at="$H/.local/lib/python3/site-packages"; mkdir -p "$at" && echo "# $MARK" > "$at/sitecustomize.py"',
        marked("$H/.local/lib/python3/site-packages/*"),
    ),
    Attempt(
        "cron",
        "leaves a job for cron.",
        'echo "# nothing" > "/etc/cron.d/verger-escape-$N"',
        lambda world: _spool(world).exists(),
        lay=_crontabs,
        unproved="only root can write there",
    ),
    Attempt(
        "shared-tmp",
        "leaves a file in /tmp for others.",
        'touch "/tmp/verger-escape-$N"',
        lambda world: _dropped(world).exists(),
        lay=_shared_tmp,
    ),
    Attempt(
        "keys",
        "reads the keys of the user.",
        'cat "$H/.ssh/id_ed25519" "$H/.aws/credentials" "$H/.netrc"',
        looted,
        lay=_keys,
    ),
    Attempt(
        "logins",
        "reads the logins of other agents.",
        'cat "$H/.claude/.credentials.json" "$H/.codex/auth.json" "$H/.config/gcloud/credentials.db"',
        looted,
        lay=_logins,
    ),
    Attempt(
        "other-runs",
        "reads what other runs and calls keep.",
        'cat "$H/notes/other-run.json" "$STATE/../verger-of-another/answers.json"',
        looted,
        lay=_other_run,
    ),
)
