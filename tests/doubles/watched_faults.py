"""What can go wrong around a watch, one function each: processes, the wire, clocks, locks and the run's files.

Not here: the world in which it does; see watched_run.py.
"""

from collections.abc import Callable

from tests.doubles.watched_run import Kernel, Schedule, digest

from verger_daemon.rules import watch as w
from verger_daemon.rules import watch_events as e

LIES = ("run", "root", "invocation", "epoch", "pid", "ticks", "boot", "namespace", "head", "sha", "ahead")


def die(world: Schedule, kernel: Kernel) -> None:
    if not kernel.alive:
        return
    kernel.alive, world.lost_connection = False, True
    one = world.watch.invocation
    code = None if one and one.is_adopted else world.dice.choice((0, 1, 137))
    if world.dice.random() < 0.5:
        world.cut()
    world.report(e.Ended(invocation=kernel.invocation, code=code), world.draw(0, 5))


def hang(world: Schedule, kernel: Kernel) -> None:
    kernel.mute = True
    world.after(world.draw(200, 6000), lambda: setattr(kernel, "mute", False))


def stop_kernel(world: Schedule, kernel: Kernel) -> None:
    kernel.stopped_until = world.at + world.draw(100, 5000)


def stop_daemon(world: Schedule, kernel: Kernel) -> None:
    world.stalled_until = world.at + world.draw(100, 5000)


def suspend(world: Schedule, kernel: Kernel) -> None:
    kernel.stopped_until = world.stalled_until = world.at + world.draw(500, 6000)


def lie(world: Schedule, kernel: Kernel) -> None:
    kernel.lies = world.dice.choice(LIES)
    world.after(world.draw(500, 5000), lambda: setattr(kernel, "lies", ""))


def impostor(world: Schedule, kernel: Kernel) -> None:
    world.impostor = True
    world.cut()
    if world.dice.random() < 0.3:
        die(world, kernel)
    world.after(world.draw(500, 5000), lambda: _unmask(world))


def _unmask(world: Schedule) -> None:
    world.impostor = False
    world.cut()


def cut(world: Schedule, kernel: Kernel) -> None:
    world.cut()


def flood(world: Schedule, kernel: Kernel) -> None:
    for _ in range(60):
        world.report(e.Hinted(seq=world.dice.randint(0, 10**9)), world.draw(0, 300))


def replay(world: Schedule, kernel: Kernel) -> None:
    for ack in world.dice.sample(world.recorded, min(8, len(world.recorded))):
        world.after(world.draw(0, 4000), lambda ack=ack: world.hand_over(ack), daemons=True)


def stuck(world: Schedule, kernel: Kernel) -> None:
    kernel.deadline_ns = world.now().boottime_ns + world.draw(0, 3000)
    world.after(world.draw(500, 6000), lambda: setattr(kernel, "deadline_ns", None))


def clock_back(world: Schedule, kernel: Kernel) -> None:
    world.utc_offset -= world.dice.randint(1, 10**8)


def reboot(world: Schedule, kernel: Kernel) -> None:
    kernel.alive, world.lost_connection = False, True
    world.boot += 1
    # The clock of the new boot shows nearly what that of the old one did.
    world.booted_at += world.draw(0, 900)
    _new_daemon(world)
    if world.dice.random() < 0.5:
        world.report(e.Tick(), world.draw(0, 900))
        world.report(e.Ended(invocation=kernel.invocation, code=None), world.draw(900, 1500))
    else:
        _open(world)
        world.after(world.draw(0, 1500), world.begin, daemons=True)


def restart_daemon(world: Schedule, kernel: Kernel) -> None:
    _new_daemon(world)
    _open(world)
    world.after(world.draw(0, 1500), lambda: _find(world, kernel), daemons=True)


def _new_daemon(world: Schedule) -> None:
    world.daemon, world.stalled_until, world.lost_connection = world.daemon + 1, 0, True


def _open(world: Schedule) -> None:
    world.epoch += 1
    world.watch = w.opened(
        world.watch.run_id, world.epoch, world.now(), run_root="/run", heartbeat=world.beats
    )
    world.announced = None


def _find(world: Schedule, kernel: Kernel) -> None:
    if not kernel.alive:
        world.begin()
    elif world.watch.invocation is None:
        world.take(
            e.Adopted(
                invocation=kernel.invocation, identity=kernel.identity, epoch=kernel.epoch, probe_socket="/s"
            )
        )


def lock_lost(world: Schedule, kernel: Kernel) -> None:
    if world.dice.random() < 0.3:
        world.after(0, lambda: _lose(world), daemons=True)


def _lose(world: Schedule) -> None:
    world.lost = True
    world.take(e.LockLost())


def older_state(world: Schedule, kernel: Kernel) -> None:
    files = world.files
    if kernel.alive and kernel.saved.seq >= 3:
        seq = world.dice.randint(1, kernel.saved.seq - 1)
        head = kernel.chain[seq - 1]
        files.hold(w.Link(seq=seq, head=head, run_state_sha256=digest("state", head)))
        _spoiled(world)


def other_bytes(world: Schedule, kernel: Kernel) -> None:
    if kernel.alive and kernel.saved.seq and world.files.heads == kernel.chain[: kernel.saved.seq]:
        world.files.sha = digest("other", world.at)
        _spoiled(world)


def fork(world: Schedule, kernel: Kernel) -> None:
    files = world.files
    if kernel.alive and kernel.saved.seq:
        first = world.dice.randint(0, kernel.saved.seq - 1)
        files.write(files.heads[:first] + [digest("fork", one) for one in files.heads[first:]])
        if world.dice.random() < 0.5:
            files.state_head, files.sha = files.head(files.seq), digest("forged", world.at)
        _spoiled(world)


def longer_fork(world: Schedule, kernel: Kernel) -> None:
    """A later link of the same chain that the kernel never wrote: nobody can tell until the kernel goes on."""
    files = world.files
    if kernel.alive and kernel.saved.seq and files.heads == kernel.chain:
        files.write(files.heads + [digest("longer", number) for number in range(3)])
        seq = len(files.heads)
        files.hold(w.Link(seq=seq, head=files.heads[-1], run_state_sha256=digest("longer")))
        files.mend(world.at)
        _mended_later(world)


def vanish(world: Schedule, kernel: Kernel) -> None:
    if kernel.alive and kernel.saved.seq:
        world.files.gone = True
        _spoiled(world)


def _spoiled(world: Schedule) -> None:
    world.files.spoil(world.at)
    _mended_later(world)


def _mended_later(world: Schedule) -> None:
    if world.dice.random() < 0.3:
        world.report(e.Touched(files=world.files.name()), world.draw(0, 50))
    if world.dice.random() < 0.5:
        world.after(world.draw(100, 4000), world.mend)


def _of_the_wire(world: Schedule, kernel: Kernel) -> None:
    """Nothing at once: the wire misbehaves for as long as this is the last thing that went wrong."""


FAULTS: dict[str, Callable[[Schedule, Kernel], None]] = {
    **dict.fromkeys(("lose", "delay", "double", "stop_in_ask"), _of_the_wire),
    **{
        one.__name__: one
        for one in (
            die, hang, stop_kernel, stop_daemon, suspend, lie, impostor, cut, flood, replay, stuck, clock_back,
            reboot, restart_daemon, lock_lost, older_state, other_bytes, fork, longer_fork, vanish,
        )
    },
}  # fmt: skip
