"""Good orders by local search, for total weighted tardiness that is not solved exactly.

The start is the weighted modified due date rule; then jobs are moved to better places until none
gains, a few are exchanged at random, and so on (iterated local search, as in Congram, Potts &
van de Velde 2002, with insertions). All arguments are n-vectors by job, in whole units.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate
from random import Random
from typing import NamedTuple, TypeAlias

KICKS = 200  # reach the best value known of nearly every set of 50 in the OR-Library
STEPS = 20_000_000  # of moves weighed in all, each under a tenth of a microsecond of CPU

Ints: TypeAlias = Sequence[int]
Late: TypeAlias = Callable[[], bool]


def never() -> bool:
    """Return False: the clock of a search without a limit of time."""
    return False


def weighted_tardiness(order: Ints, p: Ints, d: Ints, w: Ints) -> int:
    """Return the sum of w_j max(0, C_j - d_j), in time units times weight."""
    return sum(costs(order, accumulate(p[j] for j in order), d, w))


def costs(order: Ints, ends: Iterable[int], d: Ints, w: Ints) -> list[int]:
    """Return the weighted tardiness by position, given the times at which the positions end."""
    return [w[j] * (end - d[j]) if end > d[j] else 0 for j, end in zip(order, ends, strict=True)]


def modified_due_date(p: Ints, d: Ints, w: Ints) -> list[int]:
    """Return the order that at time t takes the job of least max(p, d - t) / w, about, next.

    (Kanet & Li 2004.) Ties go to the shorter job. Whole numbers only: the same on every machine.
    """
    waiting = sorted(range(len(p)), key=lambda j: (p[j], d[j]))
    order, now = [], 0
    while waiting:
        job = min(waiting, key=lambda j: (max(p[j], d[j] - now) << 20) // w[j])
        waiting.remove(job)
        order.append(job)
        now += p[job]
    return order


def improved(
    orders: Sequence[list[int]], p: Ints, d: Ints, w: Ints, late: Late = never
) -> list[int]:
    """Return the best order found from some orders, seeded and the same anywhere until `late`.

    Args:
        orders: at least one order to start from.
        p: n processing times >= 1, in time units.
        d: n due dates, in time units.
        w: n weights >= 1.
        late: ends the search once it is true.
    """
    rng = Random("exact/tardiness")
    budget = STEPS
    best: list[int] = []
    least = -1
    for k in range(len(orders) + KICKS):
        start = list(orders[k]) if k < len(orders) else _kick(best, rng)
        order, value, steps = descend(start, p, d, w, budget)
        budget -= steps
        if least < 0 or value <= least:
            best, least = order, value
        if not least or budget <= 0 or late():
            break
    return best


def _kick(order: Ints, rng: Random) -> list[int]:
    """Return the order after a few random exchanges."""
    jobs = list(order)
    for _ in range(rng.randint(2, 4)):
        i, j = rng.randrange(len(jobs)), rng.randrange(len(jobs))
        jobs[i], jobs[j] = jobs[j], jobs[i]
    return jobs


# Moves of a single job ----------------------------------------------------------------------


class _Positions(NamedTuple):
    """An order by position, from 0: its jobs, their ends, and their weighted tardiness."""

    order: list[int]
    ends: list[int]
    costs: list[int]

    @classmethod
    def of(cls, order: list[int], p: Ints, d: Ints, w: Ints) -> "_Positions":
        ends = list(accumulate(p[j] for j in order))
        return cls(order, ends, costs(order, ends, d, w))


def descend(order: list[int], p: Ints, d: Ints, w: Ints, most: int) -> tuple[list[int], int, int]:
    """Move single jobs to their best place until none gains.

    Args:
        order: an order, which is changed.
        p: n processing times >= 1, in time units.
        d: n due dates, in time units.
        w: n weights >= 1.
        most: the number of moves weighed after which to stop.

    Returns:
        The order, its weighted tardiness, and the number of moves weighed.
    """
    positions = _Positions.of(order, p, d, w)
    place = settled = steps = 0
    while settled < len(order) and steps < most:
        gain, target = _best_place(positions, place, p, d, w)
        steps += len(order)
        settled += 1
        if gain:
            order.insert(target, order.pop(place))
            positions = _Positions.of(order, p, d, w)
            settled = 0
        place = (place + 1) % len(order)
    return order, sum(positions.costs), steps


def _best_place(at: _Positions, place: int, p: Ints, d: Ints, w: Ints) -> tuple[int, int]:
    """Return (gain, target) of the best move of the job at a place; gain 0 if there is none."""
    later = _best_later(at, place, p, d, w)
    sooner = _best_sooner(at, place, p, d, w)
    return sooner if sooner[0] > later[0] else later


def _best_later(at: _Positions, place: int, p: Ints, d: Ints, w: Ints) -> tuple[int, int]:
    order, ends, costs = at
    length, due, weight = p[order[place]], d[order[place]], w[order[place]]
    best, target = 0, place
    gain = costs[place]  # of all but the job itself
    for k in range(place + 1, len(order)):
        if costs[k]:
            j = order[k]
            still = ends[k] - length - d[j]
            gain += costs[k] - (w[j] * still if still > 0 else 0)
        over = ends[k] - due
        if gain - (weight * over if over > 0 else 0) > best:
            best, target = gain - (weight * over if over > 0 else 0), k
    return best, target


def _best_sooner(at: _Positions, place: int, p: Ints, d: Ints, w: Ints) -> tuple[int, int]:
    order, ends, costs = at
    length, due, weight = p[order[place]], d[order[place]], w[order[place]]
    best, target = 0, place
    gain = costs[place]
    for k in range(place - 1, -1, -1):
        j = order[k]
        over = ends[k] + length - d[j]
        if over > 0:
            gain -= w[j] * over - costs[k]
        if gain <= best:
            break
        over = ends[k] - p[j] + length - due
        if gain - (weight * over if over > 0 else 0) > best:
            best, target = gain - (weight * over if over > 0 else 0), k
    return best, target
