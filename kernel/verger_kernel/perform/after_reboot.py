"""What a power cut may have taken although the journal speaks of it: made again before a run goes on.

Not here: which records count after a power cut (`disk/store.py`). All of this is made from what lasts: git's objects,
the answers, the verification reports.
"""

from verger_kernel.disk.journal import read_journal
from verger_kernel.git import refs
from verger_kernel.perform import packet, worktree
from verger_kernel.perform.site import Site
from verger_kernel.rules import state as s
from verger_kernel.rules.doctor import packets_frozen, steps

_READ = s.Auditing | s.Triaging | s.OpeningGate | s.Closing
"""Where nobody writes into the worktree any more."""


def mend(site: Site, state: s.RunState) -> None:
    """Makes the packets of the run, and the ref and worktree of the attempt under way, again where they were lost.

    What cannot be made as it was is left as it is: whoever needs it says so. Raises what git and the disk refuse.
    """
    for effect, digest in packets_frozen(steps(read_journal(site.folder.journal).records)):
        packet.freeze_again(effect, digest, site)
    if isinstance(state.stage, s.ItemStage):
        _keep_checkpoints(site, state.stage.spot)
        worktree.distrust(site, state.stage.spot, is_read=isinstance(state.stage, _READ))


def _keep_checkpoints(site: Site, spot: s.Spot) -> None:
    ref = site.attempt_ref(spot.item, spot.attempt)
    if spot.tip != spot.base and refs.read(site.git, ref) is None:
        refs.keep(site.git, ref, spot.tip, None)
