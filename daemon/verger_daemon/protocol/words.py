"""The fields that several messages share, each with what it means everywhere.

Not here: the messages; see `messages.py`.
"""

from typing import Annotated, Literal

from msgspec import Meta

ClaimName = Literal[
    "live_attached", "waiting_state_observed", "attachment_unproven", "terminal_observed", "snapshot_only"
]
Directory = Annotated[str, Meta(description="a folder in the repository; its absolute path")]
RunName = Annotated[str, Meta(min_length=1, description="a run id, a unique beginning of one, or `latest`")]
RunId = Annotated[str, Meta(description="the id of the run")]
Invocation = Annotated[str, Meta(description="the name of one kernel process")]
Pid = Annotated[int, Meta(description="the number of the process")]
Epoch = Annotated[
    int, Meta(description="how many daemons held the lock of the daemon so far; seqs count in one")
]
Seq = Annotated[
    int, Meta(ge=0, description="the number of the last event; what comes later has a greater one")
]
Claim = Annotated[ClaimName, Meta(description="what may be said of the run right now")]
Reason = Annotated[str, Meta(description="why this is what may be said")]
ExitCode = Annotated[int, Meta(description="what `verger supervise status --exit-code` ends with")]
State = Annotated[str, Meta(description="where the saved run stands, in its own words")]
StateFolder = Annotated[
    str, Meta(description="the state folder that the client means; another than the daemon's is refused")
]
ItemId = Annotated[str, Meta(description="the item, as the playbook names it; empty when none is current")]
Text = Annotated[str, Meta(description="the same for people, ready to print")]
Words = Annotated[
    tuple[str, ...], Meta(description="what follows `verger run` or `verger resume`, word by word")
]
Environment = Annotated[
    dict[str, str], Meta(description="the environment of the kernel, all of it; empty is the daemon's own")
]
Since = Annotated[int, Meta(ge=0, description="the last seq that the client has; null is none")]
InEpoch = Annotated[int, Meta(description="the epoch that `since` counts in; null is this one")]
Version = Annotated[str, Meta(description="the version of Verger")]
Attempt = Annotated[int, Meta(description="from 1")]
