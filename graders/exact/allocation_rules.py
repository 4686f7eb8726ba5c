"""Rules that place tensors one after another, and bounds that take no search.

First fit takes the lowest stretch of free memory that is long enough, best fit the shortest. Some
order of the tensors leads first fit to an optimum: those of any answer by their offsets end up no
higher than they were (Moffitt 2023 calls what comes of it canonical).
"""

from collections.abc import Callable, Iterable, Sequence
from math import ceil, gcd
from random import Random
from typing import Literal, NamedTuple, TypeAlias

from tasks.allocation import Tensor, TensorProgram

Fit: TypeAlias = Literal["first", "best"]
Places: TypeAlias = list[int | None]  # by tensor: its offset, None while it has none


class Stretch(NamedTuple):
    """Units of memory [low, high); high is None above everything."""

    low: int
    high: int | None


ORDERS: dict[str, Callable[[Tensor], tuple[float, ...]]] = {
    "arrival": lambda tensor: (tensor.start, -tensor.size),
    "size": lambda tensor: (-tensor.size, tensor.start),
    "area": lambda tensor: (-tensor.size * (tensor.end - tensor.start),),
    "life": lambda tensor: (tensor.start - tensor.end,),
    "benefit": lambda tensor: (-tensor.benefit,),
    "density": lambda tensor: (-tensor.benefit / (tensor.size * (tensor.end - tensor.start)),),
}


def by_id(program: TensorProgram, places: Sequence[int | None]) -> dict[str, int | None]:
    """Return offsets by the ids of tensors."""
    return {tensor.id: place for tensor, place in zip(program.tensors, places, strict=True)}


def fill(program: TensorProgram, order: Iterable[int], fit: Fit) -> Places:
    """Return offsets for tensors that are placed one after another.

    Args:
        program: the tensors.
        order: of their numbers.
        fit: which of the free stretches that are long enough is taken. Where none is, a tensor
            goes above all others of its time; with `benefit` it has no place.
    """
    tensors = program.tensors
    places: Places = [None] * len(tensors)
    limit = None if program.objective == "peak" else program.capacity
    for number in order:
        room = [s for s in _free(tensors, places, number, limit) if _holds(s, tensors[number].size)]
        if room:
            chosen = room[0] if fit == "first" else min(room, key=_length)
            places[number] = chosen.low
    return places


def _free(
    tensors: Sequence[Tensor], places: Sequence[int | None], number: int, limit: int | None
) -> list[Stretch]:
    """Return the stretches, from below, that are free for all of a tensor's lifetime."""
    tensor = tensors[number]
    taken = sorted(
        (place, place + other.size)
        for other, place in zip(tensors, places, strict=True)
        if place is not None and other.start < tensor.end and tensor.start < other.end
    )
    stretches, low = [], 0
    for start, end in taken:
        if start > low:
            stretches.append(Stretch(low, start))
        low = max(low, end)
    return [*stretches, Stretch(low, limit)]


def _holds(stretch: Stretch, size: int) -> bool:
    return stretch.high is None or stretch.high - stretch.low >= size


def _length(stretch: Stretch) -> tuple[bool, int]:
    """Return the length of a stretch for comparing: what has no end is the longest."""
    return stretch.high is None, (stretch.high or 0) - stretch.low


def by_rule(program: TensorProgram, name: str, fit: Fit) -> Places:
    """Return offsets for tensors in the order of a rule; ties go to the earlier in the list.

    Args:
        program: the tensors.
        name: one of `ORDERS`.
        fit: as in `fill`.
    """
    key = ORDERS[name]
    order = sorted(range(len(program.tensors)), key=lambda k: key(program.tensors[k]))
    return fill(program, order, fit)


def at_random(program: TensorProgram, rng: Random) -> Places:
    """Return offsets for tensors in a random order, by first or by best fit."""
    count = len(program.tensors)
    return fill(program, rng.sample(range(count), count), "first" if rng.random() < 0.5 else "best")


# Bounds --------------------------------------------------------------------------------------


def load(program: TensorProgram) -> int:
    """Return the most that all tensors of one moment take together."""
    return max(sum(t.size for t in alive) for alive in moments(program))


def moments(program: TensorProgram) -> list[list[Tensor]]:
    """Return the tensors that live at each moment at which one begins, in time order."""
    starts = sorted({tensor.start for tensor in program.tensors})
    return [[t for t in program.tensors if t.start <= now < t.end] for now in starts]


def quick_bound(program: TensorProgram) -> int:
    """Return a value that no answer goes below: the load, or what has no room at some moment."""
    if program.objective == "peak":
        return load(program)
    alone = sum(t.benefit for t in program.tensors if t.size > program.capacity)
    return max(alone, *(_least_loss(alive, program.capacity) for alive in moments(program)))


def _least_loss(alive: Sequence[Tensor], capacity: int) -> int:
    """Return what must be lost of tensors of one moment, the last of them perhaps in part."""
    excess, lost = sum(tensor.size for tensor in alive) - capacity, 0.0
    for tensor in sorted(alive, key=lambda each: each.benefit / each.size):
        if excess <= 0:
            break
        lost += tensor.benefit * min(1.0, excess / tensor.size)
        excess -= tensor.size
    return ceil(lost - 1e-6)


def unit(program: TensorProgram) -> int:
    """Return the greatest number of which all sizes are multiples: so are the best offsets."""
    return gcd(*(tensor.size for tensor in program.tensors))
