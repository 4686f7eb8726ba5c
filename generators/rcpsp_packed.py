"""Packs tasks so that the first resource is never idle: the schedule is optimal by its work alone.

The time axis is cut into slabs, and each slab, as wide as it is long and as high as the resource
has units, by straight cuts into tasks. Whoever meets the end of that schedule has to pack as
tightly: list schedules do not, and a constraint solver has to search. Between two slabs the
resource may be down, so that downtimes leave no gap either.
"""

from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import NamedTuple

from generators.rcpsp_edges import Edges, irredundant
from tasks.rcpsp import Downtime, Resource, Task

SLAB = 8  # tasks of a slab, about
LENGTH = (10, 14)  # time units of a slab
DEMAND = 3  # units of another resource that a task takes at most
NEAR = 0.1  # what a time unit between two tasks adds to the key of their edge, beside U(0, 1)
Rectangle = tuple[int, int, int, int]  # time, unit, length in time, height in units
Stream = Callable[[str], Random]


class PackedSchedule(NamedTuple):
    """A schedule that leaves the first resource no idle unit until its end.

    Attributes:
        tasks, resources, downtimes: of the project.
        edges: precedences that the schedule obeys, as places of tasks, in order of insertion.
        starts: of the tasks, in their order.
        end: of the schedule, which no other can beat.
    """

    tasks: tuple[Task, ...]
    resources: tuple[Resource, ...]
    downtimes: tuple[Downtime, ...]
    edges: Edges
    starts: tuple[int, ...]
    end: int


def pack(ids: Sequence[str], resources: int, downtime: float, stream: Stream) -> PackedSchedule:
    """Draw a packing.

    Args:
        ids: of its tasks.
        resources: how many.
        downtime: the chance that the first resource is down between two slabs.
        stream: a random stream for each ingredient, by name.
    """
    rng = stream("packing")
    capacity = rng.randint(4, 6)
    slabs = _slabs(len(ids), capacity, rng)
    gaps = _gaps(len(slabs) - 1, downtime, stream("downtimes"))
    rectangles, downtimes, end = _in_a_row(slabs, [*gaps, 0])
    others = _demands(rectangles, resources - 1, stream("demands"))
    return PackedSchedule(
        tasks=tuple(
            Task(name, long, {"R1": high} | demands)
            for name, (_, _, long, high), demands in zip(ids, rectangles, others, strict=True)
        ),
        resources=(Resource("R1", capacity), *_resources(rectangles, others, resources - 1)),
        downtimes=downtimes,
        edges=_edges(rectangles, stream("edges")),
        starts=tuple(time for time, *_ in rectangles),
        end=end,
    )


def _in_a_row(
    slabs: Sequence[Sequence[Rectangle]], gaps: Sequence[int]
) -> tuple[list[Rectangle], tuple[Downtime, ...], int]:
    """Return all pieces, the downtimes in the gaps after slabs, and the end of the last slab."""
    rectangles: list[Rectangle] = []
    downtimes: list[Downtime] = []
    end = 0
    for slab, gap in zip(slabs, gaps, strict=True):
        rectangles += [(end + time, unit, long, high) for time, unit, long, high in slab]
        end += max(time + long for time, _, long, _ in slab)
        if gap:
            downtimes.append(Downtime("R1", end, end + gap))
        end += gap
    return rectangles, tuple(downtimes), end


def _slabs(count: int, capacity: int, rng: Random) -> list[list[Rectangle]]:
    """Draw slabs of `count` tasks in all; their numbers differ by one at most."""
    slabs = max(1, round(count / SLAB))
    sizes = [count // slabs + (k < count % slabs) for k in range(slabs)]
    return [_pieces((0, 0, rng.randint(*LENGTH), capacity), size, rng) for size in sizes]


def _pieces(whole: Rectangle, count: int, rng: Random) -> list[Rectangle]:
    """Cut a rectangle until there are so many pieces, a large one more often than a small one."""
    pieces = [whole]
    while len(pieces) < count:
        areas = [long * high - 1 for _, _, long, high in pieces]
        [k] = rng.choices(range(len(pieces)), areas)
        pieces[k : k + 1] = _halves(pieces[k], rng)
    return pieces


def _halves(piece: Rectangle, rng: Random) -> tuple[Rectangle, Rectangle]:
    """Cut a piece of more than one unit in two, across its longer side more often."""
    time, unit, long, high = piece
    if rng.random() * (long + high - 2) < long - 1:
        cut = rng.randint(1, long - 1)
        return (time, unit, cut, high), (time + cut, unit, long - cut, high)
    cut = rng.randint(1, high - 1)
    return (time, unit, long, cut), (time, unit + cut, long, high - cut)


def _gaps(count: int, downtime: float, rng: Random) -> list[int]:
    """Draw the time units U{3..6} between slabs; 0 where there is no downtime."""
    pairs = [(rng.random(), rng.randint(3, 6)) for _ in range(count)]
    return [length if chance < downtime else 0 for chance, length in pairs]


def _demands(rectangles: Sequence[Rectangle], count: int, rng: Random) -> list[dict[str, int]]:
    """Draw what each task demands of the other resources, each with chance .6."""
    names = [f"R{k}" for k in range(2, count + 2)]
    return [
        {name: rng.randint(1, DEMAND) for name in names if rng.random() < 0.6} for _ in rectangles
    ]


def _resources(
    rectangles: Sequence[Rectangle], demands: Sequence[Mapping[str, int]], count: int
) -> list[Resource]:
    """Return the other resources, each with as many units as the packing uses at its peak."""
    starts = sorted({time for time, *_ in rectangles})
    resources = []
    for k in range(2, count + 2):
        usage = [
            sum(
                units.get(f"R{k}", 0)
                for (time, _, long, _), units in zip(rectangles, demands, strict=True)
                if time <= start < time + long
            )
            for start in starts
        ]
        resources.append(Resource(f"R{k}", max(1, *usage)))
    return resources


def _edges(rectangles: Sequence[Rectangle], rng: Random) -> Edges:
    """Draw edges from tasks to later ones, as many as fit; near ones tend to come first."""
    places = range(len(rectangles))
    ends = [time + long for time, _, long, _ in rectangles]
    keys = {
        (a, b): rng.random() + NEAR * (rectangles[b][0] - ends[a])
        for a in places
        for b in places
        if ends[a] <= rectangles[b][0]
    }
    return irredundant(len(rectangles), keys)
