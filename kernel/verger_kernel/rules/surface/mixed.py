"""Files that are product and test surface at once, put together from the halves of two versions.

Not here: which setting belongs to which half; see `halves.py`.
"""

from verger_kernel.rules.surface.forms import form_of
from verger_kernel.rules.surface.halves import joined, test_half


def composed(path: str, *, product: bytes | None, surface: bytes | None) -> bytes | None:
    """The mixed file at `path` with its test half from `surface` and all else from `product`.

    None stands for a file that is not there: the answer is None if `product` is, and an absent `surface` has no test
    half. Where the halves are equal the answer is `product`, byte for byte. Where a side cannot be read, or the two
    do not go together, `surface` is the answer, whole: nobody can say which half changed.
    """
    if product is None or product == surface:
        return product
    name = path.rpartition("/")[2]
    form = form_of(name)
    ours = form.read(product) if form else None
    theirs = form.read(surface) if form and surface is not None else {}
    if form is None or ours is None or theirs is None:
        return surface
    half = test_half(name, theirs)
    if half == test_half(name, ours):
        return product
    table = joined(name, ours, half)
    written = form.write(table, product) if test_half(name, table) == half else None
    return surface if written is None else written
