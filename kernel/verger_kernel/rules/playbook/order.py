"""What the rows of a playbook say together: colliding ids, prerequisites that lead nowhere or in a circle.

Not here: whether one id is well formed; see `ids.py`. Source: playbook-contract, "Prerequisites".
"""

from collections.abc import Iterator

from verger_kernel.rules.ids import item_id_problem, shown
from verger_kernel.rules.playbook.cells import expand_prerequisites
from verger_kernel.rules.playbook.row import RowReader

_MEND = "Write an id from the step_id column, or none."
_SHOWN_IDS_MAX = 12


def read_order(readers: list[RowReader]) -> list[tuple[str, ...]]:
    """The prerequisites of each row, expanded and without repeats; forward references are allowed.

    Colliding ids and impossible prerequisites are refused in the readers they stand in.
    """
    _refuse_collisions(readers)
    known = {reader.cell("step_id") for reader in readers}
    prerequisites = [_prerequisites(reader, known) for reader in readers]
    _refuse_cycles(readers, prerequisites)
    return prerequisites


def _refuse_collisions(readers: list[RowReader]) -> None:
    first: dict[str, RowReader] = {}
    for reader in readers:
        item_id = reader.cell("step_id")
        earlier = first.setdefault(item_id.lower(), reader)
        if not item_id or earlier is reader:
            continue
        why = f"is the id of line {earlier.row.line} already"
        if earlier.cell("step_id") != item_id:
            why = f"differs only by case from the id of line {earlier.row.line}"
        reader.refuse("step_id", item_id, why, "Give each item an id of its own.")


def _prerequisites(reader: RowReader, known: set[str]) -> tuple[str, ...]:
    named: dict[str, None] = {}
    own = reader.cell("step_id")
    for token, ids in expand_prerequisites(reader.cell("prerequisites"), len(known)):
        if ids is None:
            _refuse_range(reader, token, len(known))
        elif unknown := [name for name in ids if name not in known]:
            why = "names no item of this playbook"
            if len(ids) > 1:
                why = f"spans {_listed(unknown)}, not in this playbook"
            reader.refuse("prerequisites", token, why, _MEND)
        elif own in ids:
            reader.refuse("prerequisites", token, "names the item itself", _MEND)
        else:
            named.update(dict.fromkeys(ids))
    return tuple(named)


def _refuse_range(reader: RowReader, token: str, ids_max: int) -> None:
    first, _, last = token.partition("-")
    if int(first) > int(last):
        reader.refuse("prerequisites", token, "is a range that runs backwards", f"Write {last}-{first}.")
    else:
        reader.refuse("prerequisites", token, f"spans more ids than the {ids_max} of this playbook", _MEND)


def _refuse_cycles(readers: list[RowReader], prerequisites: list[tuple[str, ...]]) -> None:
    by_id = {reader.cell("step_id"): reader for reader in reversed(readers)}
    edges = {reader.cell("step_id"): named for reader, named in zip(readers, prerequisites, strict=True)}
    for cycle in _cycles(edges):
        at = min(range(len(cycle)), key=lambda index: by_id[cycle[index]].row.line)
        turned = [*cycle[at:], *cycle[:at], cycle[at]]
        why = f"closes a circle: {_listed([_readable(name) for name in turned], ' needs ')}"
        reader = by_id[turned[0]]
        reader.refuse(
            "prerequisites", reader.cell("prerequisites"), why, "Remove one of these prerequisites."
        )


def _cycles(edges: dict[str, tuple[str, ...]]) -> Iterator[list[str]]:
    """At least one cycle out of every knot of items that wait for each other, each end of a cycle once."""
    finished: set[str] = set()
    told: set[str] = set()
    for start in edges:
        # Depth first with a path of our own: a long chain of items must not exhaust the interpreter's stack.
        path = {} if start in finished else {start: iter(edges[start])}
        while path:
            name, rest = next(reversed(path.items()))
            following = next(rest, None)
            if following is None:
                finished.add(name)
                del path[name]
            elif following not in path and following not in finished:
                path[following] = iter(edges[following])
            elif following in path and told.isdisjoint((following, name)):
                cycle = list(path)[list(path).index(following) :]
                told.update(cycle)
                yield cycle


def _readable(item_id: str) -> str:
    return shown(item_id, 24) if item_id_problem(item_id) else item_id


def _listed(names: list[str], between: str = ", ") -> str:
    if len(names) <= _SHOWN_IDS_MAX:
        return between.join(names)
    kept = _SHOWN_IDS_MAX - 1
    return between.join([*names[:kept], f"… ({len(names) - kept - 1} more)", names[-1]])
