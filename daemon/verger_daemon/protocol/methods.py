"""The methods of the daemon by name: params, result, what each is for, and an example.

Not here: what params and results hold; see `messages.py` and those beside it.
No method records a decision: only a person opens a gate.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from verger_daemon.protocol import daemon_messages as d
from verger_daemon.protocol import gate_messages as gate
from verger_daemon.protocol import messages as m


class Method(NamedTuple):
    """One method. `example` holds params as the docs show them; `subscribes`: events follow the result."""

    name: str
    params: type[m.Params]
    result: type[m.Message]
    about: str
    example: Mapping[str, Any]
    subscribes: bool = False


PING = "daemon.ping"
"""What even a process of a run may ask."""
INITIALIZE = "initialize"
EVENT = "event"

_HERE = {"directory": "DIRECTORY"}
_RUN = {"directory": "DIRECTORY", "run": "latest"}

_ALL = (
    Method(
        INITIALIZE,
        m.InitializeParams,
        m.InitializeResult,
        "Agrees on a version; a client that skips it speaks the one of today.",
        {"protocol_version": m.PROTOCOL},
    ),
    Method(
        PING,
        m.PingParams,
        m.PingResult,
        "Proves that the daemon itself is alive and can do its work.",
        {"nonce": "5e0f"},
    ),
    Method("daemon.status", m.Nothing, d.DaemonStatusResult, "Says what the daemon is at.", {}),
    Method(
        "daemon.settings",
        m.Nothing,
        d.SettingsResult,
        "Says which settings are in force, and which place each came from.",
        {},
    ),
    Method(
        "run.start",
        m.StartParams,
        m.StartResult,
        "Begins a run with a kernel that is supervised from its first breath.",
        {**_HERE, "words": ["playbook.md", "--next"]},
    ),
    Method("run.resume", m.ResumeParams, m.StartResult, "Goes on with a run, supervised.", _RUN),
    Method(
        "run.status",
        m.StatusParams,
        m.RunStatusResult,
        "Says what is proved of a run right now, and beside it what is saved.",
        _RUN,
    ),
    Method("run.list", m.ListParams, m.RunListResult, "Lists the supervised runs.", {}),
    Method(
        "run.stop", m.RunParams, m.TextResult, "Asks the kernel of a run to leave what it can resume.", _RUN
    ),
    Method("run.logs", m.LogsParams, m.LogsResult, "Reads a piece of what a kernel printed.", _RUN),
    Method(
        "run.watch",
        m.WatchParams,
        m.SubscribedResult,
        "Sends the events of one run, those that were missed first.",
        {**_RUN, "since": 0},
        subscribes=True,
    ),
    Method(
        "events.subscribe",
        m.EventsParams,
        m.SubscribedResult,
        "Sends the events of all runs, those that were missed first.",
        {"since": 0},
        subscribes=True,
    ),
    Method("gate.list", m.ListParams, gate.GateListResult, "Lists the gates that wait for a person.", {}),
    Method(
        "gate.show",
        m.RunParams,
        gate.GateShowResult,
        "Shows the gate that a run waits at, and what a person types to decide.",
        _RUN,
    ),
    Method(
        "daemon.shutdown",
        d.ShutdownParams,
        m.TextResult,
        "Makes the daemon leave. Kernels go on, and the next daemon finds them again; or they are stopped first.",
        {},
    ),
)

METHODS: dict[str, Method] = {method.name: method for method in _ALL}
"""Every method, in the order in which one would try them."""
