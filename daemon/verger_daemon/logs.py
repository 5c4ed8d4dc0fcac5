"""What a kernel wrote on its streams, piece by piece.

Not here: where the streams lie (`papers.py`).
"""

import codecs

from verger_daemon.papers import Papers
from verger_daemon.protocol import errors
from verger_daemon.protocol import messages as m
from verger_daemon.protocol.errors import RpcError
from verger_daemon.watching import Watched
from verger_probes.exits import Exit

_CHUNK_BYTES = 256 * 1024


def written(run: Watched, papers: Papers, params: m.LogsParams) -> m.LogsResult:
    """The piece that `params` ask for. Raises RpcError where there is none."""
    last = run.last_invocation()
    invocation = params.invocation or last
    # A name that becomes a path is one of ours, or none.
    if not invocation.isalnum():
        raise unknown(params.run, f"it has no invocation {invocation!r}")
    path = papers.stream(invocation, params.stream)
    try:
        with path.open("rb") as file:
            file.seek(params.offset)
            data = file.read(_CHUNK_BYTES)
    except OSError as error:
        raise unknown(params.run, f"{path} cannot be read: {error.strerror}") from None
    # A character whose end was not written yet is left for the next piece.
    chunk, length = codecs.utf_8_decode(data, "replace", False)
    return m.LogsResult(
        invocation=invocation,
        path=str(path),
        offset=params.offset + length,
        chunk=chunk,
        ended=not (run.watch.seen.at_work and invocation == last),
    )


def unknown(run: str, why: str) -> RpcError:
    """What is said of a run of which nothing can be told, and why."""
    return RpcError(
        errors.REFUSED, f"run {run}: {why}", "see: verger supervise list", exit_code=int(Exit.INPUT)
    )
