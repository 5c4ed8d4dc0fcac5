"""Attempts on the network and on sockets: servers of the machine, agents of keys, Verger's own, and the proxy.

Not here: anything without a socket.
"""

import socket
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.escapes.attempt import Attempt, reached
from tests.escapes.world import World

_INET, _INET6, _UNIX = socket.AF_INET, socket.AF_INET6, socket.AF_UNIX
_STREAM, _DATAGRAM = socket.SOCK_STREAM, socket.SOCK_DGRAM


def _server(family: int, kind: int, address: object) -> Callable[[World], None]:
    return lambda world: world.listen("A", family, kind, address)


def _at(where: Callable[[World], Path]) -> Callable[[World], None]:
    def lay(world: World) -> None:
        place = where(world)
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        world.listen("unix", _UNIX, _STREAM, str(place))

    return lay


def _elsewhere(parent: str, name: str) -> Callable[[World], None]:
    """A socket below a folder that all share, taken away at the end."""

    def lay(world: World) -> None:
        folder = Path(tempfile.mkdtemp(prefix=f"escape-{world.number}-", dir=parent))
        world.foreign(folder)
        world.listen("unix", _UNIX, _STREAM, str(folder / name))

    return lay


def _abstract(world: World) -> None:
    world.listen("abstract", _UNIX, _STREAM, f"\0verger-escape-{world.number}")


def _two(world: World) -> None:
    world.listen("NAMED", _INET, _STREAM, ("127.0.0.1", 0))
    world.listen("A", _INET, _STREAM, ("127.0.0.1", 0))


def _reached_the_other(world: World) -> bool:
    return "A" in world.contacts


_SEND = """
import socket, sys
family, kind, address = sys.argv[1:4]
s = socket.socket(getattr(socket, family), getattr(socket, kind))
s.settimeout(3)
target = address.replace("@", chr(0)) if family == "AF_UNIX" else (address, int(sys.argv[4]))
s.connect(target)
s.send(b"hello")
"""
_ASK = """
import socket, sys
s = socket.create_connection(("127.0.0.1", 3128), 3)
s.sendall(sys.argv[1].encode().decode("unicode_escape").encode())
print(s.recv(100))
s.sendall(b"hello")
print(s.recv(100))
"""


def _python(code: str, *words: str) -> str:
    return f"cat > docs/a.py <<'END'\n{code}END\n\"$PY\" -I -S docs/a.py {' '.join(words)}; rm docs/a.py"


def _send(*words: str) -> str:
    return _python(_SEND, *words)


def _every(pattern: str) -> str:
    """Connects to every socket that `pattern` names."""
    asked = _send("AF_UNIX", "SOCK_STREAM", '"$one"')
    return f'for one in {pattern}; do [ -S "$one" ] && {{ {asked}; }}; done'


def _proxied(name: str, says: str, request: str) -> Attempt:
    """Asks the proxy for what it must not do; where there is none, the way is free."""
    script = f"{_python(_ASK, request)}; {_send('AF_INET', 'SOCK_STREAM', '127.0.0.1', '$PORT_A')}"
    return Attempt(name, says, script, _reached_the_other, lay=_two, hosts=("localhost:{NAMED}",))


NETWORK = (
    Attempt(
        "tcp",
        "connects to a service on the machine's loopback.",
        _send("AF_INET", "SOCK_STREAM", "127.0.0.1", "$PORT_A"),
        reached,
        lay=_server(_INET, _STREAM, ("127.0.0.1", 0)),
    ),
    Attempt(
        "tcp-address",
        "connects to the machine by its own address.",
        _send("AF_INET", "SOCK_STREAM", "$ADDRESS", "$PORT_A"),
        reached,
        lay=_server(_INET, _STREAM, ("0.0.0.0", 0)),
    ),
    Attempt(
        "udp",
        "sends a datagram, as a question for a name does.",
        _send("AF_INET", "SOCK_DGRAM", "127.0.0.1", "$PORT_A"),
        reached,
        lay=_server(_INET, _DATAGRAM, ("127.0.0.1", 0)),
    ),
    Attempt(
        "udp-address",
        "sends a datagram to the machine's own address.",
        _send("AF_INET", "SOCK_DGRAM", "$ADDRESS", "$PORT_A"),
        reached,
        lay=_server(_INET, _DATAGRAM, ("0.0.0.0", 0)),
    ),
    Attempt(
        "ipv6",
        "connects over IPv6.",
        _send("AF_INET6", "SOCK_STREAM", "::1", "$PORT_A"),
        reached,
        lay=_server(_INET6, _STREAM, ("::1", 0)),
    ),
    Attempt(
        "bash-tcp",
        "connects with no program but its shell.",
        'exec 3<>"/dev/tcp/127.0.0.1/$PORT_A" && echo hello >&3',
        reached,
        lay=_server(_INET, _STREAM, ("127.0.0.1", 0)),
    ),
    Attempt(
        "verger-socket",
        "talks to the daemon of Verger.",
        _send("AF_UNIX", "SOCK_STREAM", '"$RUNTIME/verger/vergerd.sock"'),
        reached,
        lay=_at(lambda world: world.runtime / "verger" / "vergerd.sock"),
    ),
    Attempt(
        "probe-socket",
        "talks to the socket on which kernels prove themselves.",
        _every('"$RUNTIME"/verger/kernels/*'),
        reached,
        lay=_at(lambda world: world.runtime / "verger" / "kernels" / "a.sock"),
    ),
    Attempt(
        "abstract-socket",
        "talks to a socket that has no file.",
        _send("AF_UNIX", "SOCK_STREAM", '"@verger-escape-$N"'),
        reached,
        lay=_abstract,
    ),
    Attempt(
        "ssh-agent",
        "asks the user's ssh agent, below /tmp, to sign.",
        _every("/tmp/escape-$N-*/*"),
        reached,
        lay=_elsewhere("/tmp", "agent.1"),
    ),
    Attempt(
        "d-bus",
        "talks to a bus below /run.",
        _every("/run/escape-$N-*/*"),
        reached,
        lay=_elsewhere("/run", "bus"),
    ),
    Attempt(
        "systemd-run",
        "asks the user's systemd to start something.",
        "systemd-run --user true; " + _send("AF_UNIX", "SOCK_STREAM", '"$RUNTIME/systemd/private"'),
        reached,
        lay=_at(lambda world: world.runtime / "systemd" / "private"),
    ),
    _proxied(
        "proxy-other-port",
        "asks the proxy for another port of a host that is named.",
        '"CONNECT localhost:$PORT_A HTTP/1.1\\r\\n\\r\\n"',
    ),
    _proxied(
        "proxy-literal",
        "asks the proxy for an address instead of a name.",
        '"CONNECT 127.0.0.1:$PORT_A HTTP/1.1\\r\\n\\r\\n"',
    ),
    _proxied(
        "proxy-userinfo",
        "hides the host behind a user's name.",
        '"CONNECT localhost:$PORT_NAMED@127.0.0.1:$PORT_A HTTP/1.1\\r\\n\\r\\n"',
    ),
    _proxied(
        "proxy-smuggled",
        "smuggles a second request behind the first.",
        '"CONNECT localhost:$PORT_NAMED HTTP/1.1\\r\\nHost: localhost:$PORT_A\\r\\n\\r\\n'
        'CONNECT localhost:$PORT_A HTTP/1.1\\r\\n\\r\\n"',
    ),
    _proxied(
        "proxy-plain",
        "asks for a page instead of a connection.",
        '"GET http://127.0.0.1:$PORT_A/ HTTP/1.1\\r\\nHost: localhost:$PORT_NAMED\\r\\n\\r\\n"',
    ),
)
