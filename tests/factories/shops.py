"""Small job shops, and what they are worth by trying everything."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise, permutations, product
from random import Random
from typing import Any

from hypothesis import strategies as st

from tasks.base import Instance, Reference
from tasks.jobshop import Buffers, MachineStep, Shop, ShopJob, Shutdown

BUFFERS: tuple[Buffers, ...] = ("free", "swap", "none")
Jobs = Sequence[Sequence[tuple[int, int]]]  # by job and operation: machine from 0, time
Downs = Mapping[int, Sequence[tuple[int, int]]]  # by machine
NEVER = 10_000


def shop(jobs: Jobs, buffers: Buffers = "free", down: Downs | None = None) -> Shop:
    """A shop of jobs J0, J1, ... and machines M0, M1, ..., in names of one width."""
    wide, broad = len(str(len(jobs) - 1)), len(str(max(m for job in jobs for m, _ in job)))
    return Shop(
        tuple(
            ShopJob(f"J{k:0{wide}d}", tuple(MachineStep(f"M{m:0{broad}d}", t) for m, t in job))
            for k, job in enumerate(jobs)
        ),
        tuple(Shutdown(f"M{m:0{broad}d}", a, b) for m, s in (down or {}).items() for a, b in s),
        buffers=buffers,
    )


def instance(payload: Shop, reference: Reference = Reference("none")) -> Instance[Shop]:  # noqa: B008
    """An instance of a shop."""
    return Instance("i", "jobshop", len(payload.jobs), None, 0, {}, 1, payload, reference)


def prototype(level: int, index: int) -> list[list[tuple[int, int]]]:
    """The jobs of which the published tables are: routes and times from streams of their own."""
    routes = Random(f"jobshop/1/0/{index}/routes {level}")
    times = Random(f"jobshop/1/0/{index}/times {level}")
    orders = [routes.sample(range(level), level) for _ in range(level)]
    lengths = [[times.randint(1, 20) for _ in range(level)] for _ in range(level)]
    return [list(zip(*pair, strict=True)) for pair in zip(orders, lengths, strict=True)]


@st.composite
def small(draw: st.DrawFn, most: int = 3) -> tuple[list[list[tuple[int, int]]], Downs]:
    """Jobs of up to so many operations on as many machines, perhaps twice on one; shutdowns."""
    count, machines = draw(st.integers(1, most)), draw(st.integers(1, most))
    step = st.tuples(st.integers(0, machines - 1), st.integers(1, 4))
    jobs = draw(st.lists(st.lists(step, min_size=1, max_size=3), min_size=count, max_size=count))
    used = sorted({m for job in jobs for m, _ in job})
    spans = st.tuples(st.integers(0, 8), st.integers(1, 4)).map(lambda s: (s[0], s[0] + s[1]))
    down = draw(st.dictionaries(st.sampled_from(used), st.lists(spans, max_size=2), max_size=2))
    return jobs, down


# Trying everything ---------------------------------------------------------------------------


def least_makespan(payload: Shop) -> int:
    """The optimum: the least over all orders of the operations on each machine.

    Of each set of orders the earliest starts are found by raising them until nothing is too early;
    the constraints only ever push later, so no schedule of these orders is shorter.
    """
    places = [(j, k) for j, job in enumerate(payload.jobs) for k in range(len(job.operations))]
    machines = sorted({step.machine for job in payload.jobs for step in job.operations})
    groups = [[p for p in places if _step(payload, p).machine == m] for m in machines]
    lengths = [
        _length(payload, earliest(payload, orders))
        for orders in product(*([o for o in permutations(g) if _in_order(o)] for g in groups))
    ]
    return min(lengths)


def _step(payload: Shop, place: tuple[int, int]) -> MachineStep:
    return payload.jobs[place[0]].operations[place[1]]


def _in_order(order: Sequence[tuple[int, int]]) -> bool:
    """Whether the operations of each job are in the order of the job."""
    return all(a[1] < b[1] for k, a in enumerate(order) for b in order[k + 1 :] if a[0] == b[0])


def _length(payload: Shop, starts: Mapping[tuple[int, int], int] | None) -> int:
    if starts is None:
        return NEVER
    return max(start + _step(payload, place).time for place, start in starts.items())


def earliest(
    payload: Shop, orders: Sequence[Sequence[tuple[int, int]]]
) -> dict[tuple[int, int], int] | None:
    """The earliest starts for orders on the machines; None if there are none."""
    starts = {place: 0 for order in orders for place in order}
    limit = sum(_step(payload, p).time for p in starts)
    limit += sum(s.end for s in payload.shutdowns)
    changed = True
    while changed:
        changed = False
        for place, least in _pushed(payload, orders, starts):
            moment = _clear(payload, place, least)
            if moment > starts[place]:
                starts[place], changed = moment, True
                if moment > limit:
                    return None
    if payload.buffers == "none" and any(True for _ in exchanges(payload, starts)):
        return None
    return starts


def _pushed(
    payload: Shop,
    orders: Sequence[Sequence[tuple[int, int]]],
    starts: Mapping[tuple[int, int], int],
) -> Iterator[tuple[tuple[int, int], int]]:
    """Each operation, and a time that it may not start before."""
    for job, number in starts:
        yield (job, number), starts[job, number]
        if number:
            before = (job, number - 1)
            yield (job, number), starts[before] + _step(payload, before).time
    for order in orders:
        for first, second in pairwise(order):
            follower = (first[0], first[1] + 1)
            if payload.buffers == "free" or follower not in starts:
                yield second, starts[first] + _step(payload, first).time
            elif follower != second:
                yield second, starts[follower]


def _clear(payload: Shop, place: tuple[int, int], moment: int) -> int:
    step = _step(payload, place)
    taken = {
        t for s in payload.shutdowns if s.machine == step.machine for t in range(s.start, s.end)
    }
    while taken & set(range(moment, moment + step.time)):
        moment += 1
    return moment


def exchanges(
    payload: Shop, starts: Mapping[tuple[int, int], int]
) -> Iterator[tuple[int, frozenset[int]]]:
    """Times and jobs of rings, by trying every order of every set of jobs that move at a time."""
    moves: dict[int, list[tuple[int, str, str]]] = {}
    for (job, number), start in starts.items():
        if number:
            left, entered = (_step(payload, (job, k)).machine for k in (number - 1, number))
            if left != entered:
                moves.setdefault(start, []).append((job, left, entered))
    for time, group in moves.items():
        rings = {
            frozenset(move[0] for move in ring)
            for size in range(2, len(group) + 1)
            for ring in permutations(group, size)
            if all(a[2] == b[1] for a, b in zip(ring, [*ring[1:], ring[0]], strict=True))
        }
        yield from ((time, ring) for ring in rings)


def faults(payload: Shop, rows: Sequence[Sequence[int]]) -> set[tuple[Any, ...]]:
    """What is wrong with whole start times, found by looking at every unit of time."""
    wrong: set[tuple[Any, ...]] = set()
    holders: dict[tuple[str, int], set[str]] = {}
    down = {(s.machine, t) for s in payload.shutdowns for t in range(s.start, s.end)}
    for job, row in zip(payload.jobs, rows, strict=True):
        for k, step in enumerate(job.operations):
            if row[k] < 0:
                wrong.add(("negative", job.id, k + 1))
            if k and row[k] < row[k - 1] + job.operations[k - 1].time:
                wrong.add(("precedence", job.id, k + 1))
            working = range(row[k], row[k] + step.time)
            if any((step.machine, t) in down for t in working):
                wrong.add(("shutdown", step.machine, job.id, k + 1))
            standing = payload.buffers != "free" and k + 1 < len(row)
            until = max(working.stop, row[k + 1]) if standing else working.stop
            for t in range(row[k], until):
                holders.setdefault((step.machine, t), set()).add(job.id)
    for (machine, _), jobs in holders.items():
        wrong |= {("machine", machine, frozenset(p)) for p in permutations(jobs, 2)}
    if payload.buffers == "none" and not wrong:
        starts = {(j, k): s for j, row in enumerate(rows) for k, s in enumerate(row)}
        wrong |= {
            ("swap", time, frozenset(payload.jobs[j].id for j in ring))
            for time, ring in exchanges(payload, starts)
        }
    return wrong
