"""The compiled twin of `vms_search.beam`, where the install had a C compiler.

Where there is none Python finds the same moves.
"""

import ctypes
from collections.abc import Collection
from functools import cache

from graders.exact import vms_search
from graders.exact.kernels import NO_MEMORY, Kernel, Longs, longs
from graders.exact.vms_search import WIDTH
from tasks.vms_placement import Location, Move, Placement

_MOST = 1 << 61  # what no sum in the kernel may reach
_NODES = 3  # numbers for the nodes of a place: 0, 1, both
_NOWHERE = -1

KERNEL = Kernel(
    "vms",
    ("vms_kernel.c",),
    {"vms_beam": ([Longs, *[ctypes.c_int64] * 3, Longs], ctypes.c_int64)},
)


@cache
def library() -> ctypes.CDLL | None:
    """Return the compiled kernel, or None if there is none for this machine and these sources."""
    return KERNEL.load(KERNEL.place, KERNEL.paths)


def beam(
    placement: Placement,
    most: int,
    moved: Collection[int] = (),
    *,
    width: int = WIDTH,
    enough: int | None = None,
    compiled: bool = True,
) -> list[Move]:
    """Return the best moves that a beam search finds: see `vms_search.beam`.

    Args:
        placement: where machines are; it is not changed.
        most: how many moves.
        moved: machines that were moved already.
        width: how many states are kept after each move, and tried from each.
        enough: fragments, fewer than there are, at which the search ends at once.
        compiled: whether the kernel may be used.

    Raises:
        MemoryError: if the kernel gets no memory.
    """
    kernel = library() if compiled and fits(placement) else None
    if kernel is None:
        return vms_search.beam(placement, most, moved, width=width, enough=enough)
    most = max(0, min(most, len(placement.places)))
    numbers, row = _numbers(placement, moved), (ctypes.c_int64 * (2 * most + 1))()
    count = kernel.vms_beam(longs(numbers), most, width, -1 if enough is None else enough, row)
    if count == NO_MEMORY:
        raise MemoryError("vms kernel: no memory for a beam")
    pairs = zip(row[: 2 * count : 2], row[1 : 2 * count : 2], strict=True)
    return [(vm, Location(*divmod(place, _NODES))) for vm, place in pairs]


def fits(placement: Placement) -> bool:
    """Return whether no sum over this placement can overflow 64 bits."""
    chunk, sizes = placement.cluster.chunk, placement.sizes
    free = sum(map(abs, placement.cpu)) + sum(size.cpu * size.numas for size in sizes)
    memory = sum(map(abs, placement.memory)) + sum(size.memory * size.numas for size in sizes)
    rest = min(chunk, free)
    return max(free + chunk, memory, 4 * len(placement.cpu) * rest * rest) < _MOST


def _numbers(placement: Placement, moved: Collection[int]) -> list[int]:
    """Return a placement as the kernel reads it."""
    sizes = {size: k for k, size in enumerate(dict.fromkeys(placement.sizes))}
    vms = range(len(placement.places))
    first, partners = [0], list[int]()
    for vm in vms:
        partners += placement.partners.get(vm, ())
        first.append(len(partners))
    may_move = set(vms_search.movable(placement, moved))
    return [
        len(placement.cpu) // 2,
        len(vms),
        len(sizes),
        placement.cluster.chunk,
        *placement.cpu,
        *placement.memory,
        *(number for size in sizes for number in size),
        *(sizes[size] for size in placement.sizes),
        *(_NOWHERE if p is None else _NODES * p.host + p.numa for p in placement.places),
        *(vm in may_move for vm in vms),
        *first,
        *partners,
    ]
