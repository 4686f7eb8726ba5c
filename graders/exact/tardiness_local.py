"""Good orders by local search, for total weighted tardiness that is not solved exactly.

The start is the weighted modified due date rule; then jobs are moved to better places until none
gains, a few are exchanged at random, and so on (iterated local search, as in Congram, Potts &
van de Velde 2002, with insertions). All arguments are n-vectors by job, in whole units.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate
from random import Random
from typing import TypeAlias

KICKS = 200  # reach the best value known of nearly every set of 50 in the OR-Library
STEPS = 20_000_000  # of moves weighed in all, each under a tenth of a microsecond of CPU

Ints: TypeAlias = Sequence[int]
Late: TypeAlias = Callable[[], bool]


def never() -> bool:
    """The clock of a search without a limit of time: it is never late."""
    return False


def weighted_tardiness(order: Ints, p: Ints, d: Ints, w: Ints) -> int:
    """Sum of w_j max(0, C_j - d_j), in time units times weight."""
    return sum(costs(order, accumulate(p[j] for j in order), d, w))


def costs(order: Ints, ends: Iterable[int], d: Ints, w: Ints) -> list[int]:
    """Weighted tardiness by position, given the times at which the positions end."""
    return [w[j] * (end - d[j]) if end > d[j] else 0 for j, end in zip(order, ends, strict=True)]


def modified_due_date(p: Ints, d: Ints, w: Ints) -> list[int]:
    """At time t next the job of least max(p, d - t) / w, about (Kanet & Li 2004).

    Ties go to the shorter job. Whole numbers only: the same on every machine.
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
    """The best order found from the given ones, seeded and the same anywhere until `late`."""
    rng = Random("exact/tardiness")
    left = STEPS
    best: list[int] = []
    least = -1
    for k in range(len(orders) + KICKS):
        start = list(orders[k]) if k < len(orders) else _kicked(best, rng)
        order, value, steps = descend(start, p, d, w, left)
        left -= steps
        if least < 0 or value <= least:
            best, least = order, value
        if not least or left <= 0 or late():
            break
    return best


def _kicked(order: Ints, rng: Random) -> list[int]:
    kicked = list(order)
    for _ in range(rng.randint(2, 4)):
        i, j = rng.randrange(len(kicked)), rng.randrange(len(kicked))
        kicked[i], kicked[j] = kicked[j], kicked[i]
    return kicked


def descend(order: list[int], p: Ints, d: Ints, w: Ints, most: int) -> tuple[list[int], int, int]:
    """Move single jobs to their best place until none gains; (order, value, moves weighed).

    Stops early once `most` moves were weighed. Changes `order` itself.
    """
    ends = list(accumulate(p[j] for j in order))
    late = costs(order, ends, d, w)
    place = settled = steps = 0
    while settled < len(order) and steps < most:
        gain, target = _best_place(order, place, ends, late, p, d, w)
        steps += len(order)
        settled += 1
        if gain:
            order.insert(target, order.pop(place))
            ends = list(accumulate(p[j] for j in order))
            late = costs(order, ends, d, w)
            settled = 0
        place = (place + 1) % len(order)
    return order, sum(late), steps


def _best_place(
    order: Ints, place: int, ends: Ints, late: Ints, p: Ints, d: Ints, w: Ints
) -> tuple[int, int]:
    """(gain, target) of the best move of the job at `place`; gain 0 if there is none."""
    after = _best_later(order, place, ends, late, p, d, w)
    return max(after, _best_sooner(order, place, ends, late, p, d, w), key=lambda move: move[0])


def _best_later(
    order: Ints, place: int, ends: Ints, late: Ints, p: Ints, d: Ints, w: Ints
) -> tuple[int, int]:
    job = order[place]
    length, due, weight = p[job], d[job], w[job]
    best, target = 0, place
    gain = late[place]  # of all but the job itself
    for k in range(place + 1, len(order)):
        if late[k]:
            j = order[k]
            still = ends[k] - length - d[j]
            gain += late[k] - (w[j] * still if still > 0 else 0)
        over = ends[k] - due
        if gain - (weight * over if over > 0 else 0) > best:
            best, target = gain - (weight * over if over > 0 else 0), k
    return best, target


def _best_sooner(
    order: Ints, place: int, ends: Ints, late: Ints, p: Ints, d: Ints, w: Ints
) -> tuple[int, int]:
    job = order[place]
    length, due, weight = p[job], d[job], w[job]
    best, target = 0, place
    gain = late[place]
    for k in range(place - 1, -1, -1):
        j = order[k]
        over = ends[k] + length - d[j]
        if over > 0:
            gain -= w[j] * over - late[k]
        if gain <= best:
            break
        over = ends[k] - p[j] + length - due
        if gain - (weight * over if over > 0 else 0) > best:
            best, target = gain - (weight * over if over > 0 else 0), k
    return best, target
