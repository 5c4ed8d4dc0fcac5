"""Attempts on processes: of the user and of Verger, and to outlive one's own end.

Not here: what processes are made of, namespaces and devices; see `on_machine.py`.
"""

from tests.escapes.attempt import Attempt, ended, looted, made
from tests.escapes.world import World

_MEMORY = """
import re, sys
with open(f"/proc/{sys.argv[1]}/maps") as maps, open(f"/proc/{sys.argv[1]}/mem", "rb", 0) as memory:
    for line in maps:
        begin, end = (int(one, 16) for one in line.split()[0].split("-"))
        if " rw" not in line or end - begin > 1 << 26:
            continue
        try:
            memory.seek(begin)
            found = re.findall(rb"secret-[0-9a-f]{16}", memory.read(end - begin))
        except OSError:
            continue
        print(*found)
"""
_TRACE = """
import ctypes, os, sys
libc, pid = ctypes.CDLL(None), int(sys.argv[1])
if libc.ptrace(16, pid, None, None) == 0:
    os.waitpid(pid, 0x40000000)
    libc.ptrace(7, pid, None, ctypes.c_void_p(9))
"""


def _victim(world: World) -> None:
    world.place.home.mkdir(parents=True, exist_ok=True)
    world.start_victim()


def _home_secret(world: World) -> None:
    _victim(world)
    world.keep(world.place.home / "diary")


def _kernel_died(world: World) -> bool:
    return world.code < 0


def _python(code: str, *words: str) -> str:
    return f"cat > docs/a.py <<'END'\n{code}END\n\"$PY\" -I -S docs/a.py {' '.join(words)}; rm docs/a.py"


_FIND = "for one in /proc/[0-9]*; do"

PROCESSES = (
    Attempt("kill", "kills a process of the user.", 'kill -9 "$VICTIM"', ended, lay=_victim),
    Attempt(
        "kill-by-name",
        "kills whatever process looks like the user's.",
        f'{_FIND} [ "$(readlink $one/cwd)" = "$H" ] && kill -9 "${{one#/proc/}}"; done',
        ended,
        lay=_victim,
    ),
    Attempt(
        "kill-kernel",
        "kills the kernel that started it.",
        'kill -9 "$PPID"',
        _kernel_died,
    ),
    Attempt(
        "kill-all",
        "kills all that it may.",
        "trap '' TERM; kill -TERM -1",
        ended,
        lay=_victim,
        proof="",
        unproved="it would end the tests and whoever runs them",
    ),
    Attempt(
        "ptrace",
        "takes a process of the user as a debugger does, and kills it.",
        _python(_TRACE, '"$VICTIM"'),
        ended,
        lay=_victim,
    ),
    Attempt(
        "memory",
        "reads the memory of a process of the user.",
        _python(_MEMORY, '"$VICTIM"'),
        looted,
        lay=_victim,
    ),
    Attempt(
        "root-of",
        "reads files through the root folder of another process.",
        'cat "/proc/$VICTIM/root$H/diary" /proc/1/root"$H/diary"',
        looted,
        lay=_home_secret,
    ),
    Attempt(
        "folder-of",
        "reads files through the folder of another process.",
        'cat "/proc/$VICTIM/cwd/diary"',
        looted,
        lay=_home_secret,
    ),
    Attempt(
        "environment-of",
        "reads the environment of a process of the user.",
        'tr "\\0" "\\n" < "/proc/$VICTIM/environ"',
        looted,
        lay=_victim,
    ),
    Attempt(
        "environment-of-kernel",
        "reads the environment of the kernel.",
        f'{_FIND} tr "\\0" "\\n" < $one/environ | grep KERNEL_SECRET; done 2>/dev/null',
        looted,
    ),
    Attempt(
        "descriptors-of",
        "reads what other processes hold open.",
        f"{_FIND} for fd in $one/fd/*; "
        'do case "$(readlink "$fd")" in "$STATE"/*/journal.jsonl) echo >> "$fd" && touch "$OUT/journal";; '
        "esac; done; done",
        made("journal"),
    ),
    Attempt(
        "background",
        "leaves a process behind that writes later.",
        '(sleep 1; touch "$OUT/later") &',
        made("later"),
        proof="bare",
    ),
    Attempt(
        "double-fork",
        "leaves one behind in a session of its own, twice forked.",
        'setsid bash -c "(sleep 1; touch \\"$OUT/later\\") & exit 0" & disown',
        made("later"),
        proof="bare",
    ),
    Attempt(
        "unmarked",
        "leaves one behind that bears no mark of the run.",
        'env -i setsid -f /bin/bash -c "sleep 1; touch \\"$OUT/later\\""',
        made("later"),
        proof="bare",
    ),
)
