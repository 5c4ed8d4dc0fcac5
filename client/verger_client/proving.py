"""`supervise status --prove`: the client itself looks who listens at the kernel's socket, whatever the daemon said.

Not here: the status (`supervise.py`). A key is with the daemon alone, so no challenge is sent from here.
"""

import _json
import os

from verger_client import wire

_UNPROVEN = 11


def proved(result: str, code: int, *, as_json: bool) -> tuple[str, int]:
    """The status to be shown, with what was found in a line, and its exit code: 11 when another process is there."""
    pid = wire.number(result, "pid")
    why = ""
    if not pid:
        words = "asked no kernel's socket: none is at work"
    elif why := _mismatch(result, pid):
        words = f"asked the kernel's socket itself: {why}"
        result = _taken_back(result, words)
        code = _UNPROVEN
    else:
        words = f"asked the kernel's socket itself: pid {pid} listens there, as registered"
    if not as_json:
        return f"{wire.text(result, 'text')}\n\n{words}", code
    said = wire.encoded({"agrees": not why if pid else None, "text": words})
    return f'{result[:-1]},"socket":{said}}}', code


def _mismatch(result: str, pid: int) -> str:
    """Why the kernel that was registered is not who listens at its socket; empty when it is."""
    path = wire.text(result, "probe_socket")
    try:
        kernel = wire.Connection(path)
    except wire.NoDaemon:
        return f"nobody listens at {path}"
    found, uid = kernel.peer()
    kernel.close()
    ticks, known = _start_ticks(pid), wire.number(result, "start_ticks")
    if found != pid:
        return f"pid {found} listens there, and pid {pid} is registered"
    if uid != os.getuid():
        return f"pid {pid} listens there as the user {uid}"
    if ticks != known:
        return f"pid {pid} started at tick {ticks}, and the kernel that is registered at {known}"
    if _pid_namespace() != wire.number(result, "pid_namespace"):
        return f"pid {pid} counts in another pid namespace than here"
    return ""


def _taken_back(result: str, words: str) -> str:
    """`result` without the claim that was not borne out."""
    saved = wire.text(result, "text").partition("\n\n")[2]
    said = f"claim        attachment_unproven (exit code {_UNPROVEN})\nbecause      {words}\n\n{saved}"
    code = wire.number(result, "exit_code")
    result = result.replace(f'"exit_code":{code}', f'"exit_code":{_UNPROVEN}', 1)
    for name, value in (("claim", "attachment_unproven"), ("reason", words), ("text", said)):
        result = _put(result, name, value)
    return result


def _put(result: str, name: str, value: str) -> str:
    """`result` with another text in its first field `name`."""
    begin = result.index(f'"{name}":"') + len(name) + 3
    end = _json.scanstring(result, begin + 1, True)[1]
    return f"{result[:begin]}{wire.encoded(value)}{result[end:]}"


def _start_ticks(pid: int) -> int:
    """As verger_probes.identity has it, which would import pathlib."""
    try:
        stat = os.open(f"/proc/{pid}/stat", os.O_RDONLY)
    except OSError:
        return 0
    try:
        # The command name, in parentheses, may hold spaces and parentheses itself.
        return int(os.read(stat, 4096).rpartition(b")")[2].split()[19])
    finally:
        os.close(stat)


def _pid_namespace() -> int:
    """Ours: the numbers of the system are told in it. That of a process which hides its memory nobody may ask."""
    try:
        return os.stat("/proc/self/ns/pid").st_ino
    except OSError:
        return 0
