"""Dispatching rules for total tardiness on one machine, as plain functions.

A rule takes processing times `p` >= 1 and due dates `d` (n whole numbers each, in time units) and
returns the order of processing as positions 0 to n - 1. Ties go to the smaller position unless
the rule says otherwise. EDDC, MDDC and the augmented rules are those of Çetinkaya, Büyüktahtakın,
Shojaee & Reddy (arXiv 2510.24013).
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate, repeat
from math import log
from random import Random
from typing import TypeAlias

Ints: TypeAlias = Sequence[int]
Rule: TypeAlias = Callable[[Ints, Ints], list[int]]
Key: TypeAlias = Callable[[int], float]
Pick: TypeAlias = Callable[[list[int], int], int]
LOOK_AHEAD = 2.0  # ATC's K, the usual value on one machine (Vepsalainen & Morton 1987)


def total_tardiness(order: Ints, p: Ints, d: Ints) -> int:
    """Return the sum of max(C_j - d_j, 0), where C_j is when job j of an order ends.

    Args:
        order: the jobs, or some of them, as positions.
        p: n processing times, in time units.
        d: n due dates, in time units.
    """
    return sum(max(end - d[j], 0) for j, end in zip(order, _ends(order, p), strict=True))


def _ends(order: Ints, p: Ints) -> Iterator[int]:
    return accumulate(p[j] for j in order)


# Sorted once --------------------------------------------------------------------------------


def edd(p: Ints, d: Ints) -> list[int]:
    """Order by earliest due date: the least maximum lateness (Jackson 1955)."""
    return sorted(range(len(p)), key=d.__getitem__)


def spt(p: Ints, d: Ints) -> list[int]:  # noqa: ARG001
    """Order by shortest processing time: the least sum of completion times (Smith 1956)."""
    return sorted(range(len(p)), key=p.__getitem__)


def random_order(p: Ints, d: Ints, rng: Random) -> list[int]:  # noqa: ARG001
    """Draw one of the n! orders, all as likely."""
    order = list(range(len(p)))
    rng.shuffle(order)
    return order


def eddc_printed(p: Ints, d: Ints) -> list[int]:
    """Order by EDD Challenger as its pseudocode reads (arXiv 2510.24013).

    It swaps neighbours of which the first is due later, in an order sorted by due date, ties
    shortest first: there are none, so nothing ever moves.
    """
    return sorted(range(len(p)), key=lambda j: (d[j], p[j]))


def eddc(p: Ints, d: Ints) -> list[int]:
    """Order by EDD Challenger as its published gaps were computed.

    These are 12.83 % at n=20 and 28.12 % at n=100.
    From shortest first, ties by due date, sweep over neighbours i, j until none are swapped: swap
    if d_i > d_j and d_i > C_i, so a job that is late where it stands, or just in time, stays.
    """
    order = sorted(range(len(p)), key=lambda j: (p[j], d[j]))
    while _sweep(order, p, d):
        pass
    return order


def _sweep(order: list[int], p: Ints, d: Ints) -> bool:
    """Swap neighbours of an order once over; return whether any were swapped."""
    moved, start = False, 0
    for k in range(len(order) - 1):
        i, j = order[k], order[k + 1]
        if d[i] > d[j] and d[i] > start + p[i]:
            order[k], order[k + 1] = j, i
            moved = True
        start += p[order[k]]
    return moved


# One job at a time --------------------------------------------------------------------------


def _sequence(p: Ints, waiting: list[int], pick: Pick) -> list[int]:
    """Append the job that `pick` returns, given the waiting jobs and the time, again and again."""
    order, time = [], 0
    while waiting:
        job = pick(waiting, time)
        waiting.remove(job)
        order.append(job)
        time += p[job]
    return order


def _dispatch(p: Ints, waiting: list[int], keys: Callable[[list[int], int], Key]) -> list[int]:
    """Append the waiting job of least key, again and again.

    `keys` returns the key of a job, given the waiting jobs and the time.
    """
    return _sequence(p, waiting, lambda jobs, time: min(jobs, key=keys(jobs, time)))


def mdd(p: Ints, d: Ints) -> list[int]:
    """Order by modified due date: least max(p + t, d) at time t next (Baker & Bertrand 1982)."""
    return _mdd(p, d, list(range(len(p))))


def mdd_shortest(p: Ints, d: Ints) -> list[int]:
    """Order by modified due date, ties to the shorter job."""
    return _mdd(p, d, spt(p, d))


def _mdd(p: Ints, d: Ints, waiting: list[int]) -> list[int]:
    return _dispatch(p, waiting, lambda _, time: lambda j: max(p[j] + time, d[j]))


def atc(p: Ints, d: Ints, w: Ints | None = None, k: float = LOOK_AHEAD) -> list[int]:
    """Order by apparent tardiness cost (Vepsalainen & Morton 1987).

    The job of largest (w/p) exp(-max(d - p - t, 0) / (K pbar)) is next at time t, where pbar is the
    mean processing time of the jobs still waiting. Keys are compared by logarithm, so that nothing
    underflows.

    Args:
        p: n processing times >= 1, in time units.
        d: n due dates, in time units.
        w: n weights >= 1; all 1 if not given.
        k: the look-ahead K.
    """
    weights = w or [1] * len(p)
    worth = [log(weight / length) for weight, length in zip(weights, p, strict=True)]

    def keys(waiting: list[int], time: int) -> Key:
        scale = k * sum(p[j] for j in waiting) / len(waiting)
        return lambda j: max(d[j] - p[j] - time, 0) / scale - worth[j]

    return _dispatch(p, list(range(len(p))), keys)


def mddc(p: Ints, d: Ints) -> list[int]:
    """Order by MDD Challenger (arXiv 2510.24013): least u (1 + theta) + p / (t + mean p) next.

    At time t, u = max(1.1 p + t, d), theta = rho^2 / (1 + rho^2), rho = min(p / (t + max p), 1);
    mean and maximum are over the jobs still waiting.
    """

    inflated = [1.1 * length for length in p]

    def keys(waiting: list[int], time: int) -> Key:
        times = [p[j] for j in waiting]
        longest, average = time + max(times), time + sum(times) / len(times)

        def key(j: int) -> float:
            length, end, due = p[j], inflated[j] + time, d[j]
            square = (length / longest) ** 2  # no job is longer than the longest: rho is 1 at most
            return (due if due > end else end) * (1 + square / (1 + square)) + length / average

        return key

    return _dispatch(p, list(range(len(p))), keys)


def psk(p: Ints, d: Ints) -> list[int]:
    """Order by the rule of Panwalkar, Smith & Koulamas (1993, "A heuristic for the single machine
    tardiness problem").

    At time t run through the waiting jobs, shortest first: the first is active, and a later one
    that is due earlier takes its place, until one is reached that would end, if it went next, on
    or after the active job's due date. The active job goes next. In effect MDD with ties to the
    shorter job.
    """
    return _sequence(p, spt(p, d), lambda waiting, time: _active(waiting, time, p, d))


def _active(waiting: Ints, time: int, p: Ints, d: Ints) -> int:
    active = waiting[0]
    for j in waiting[1:]:
        if d[active] <= time + p[j]:
            break
        if d[j] < d[active]:
            active = j
    return active


# Improved -----------------------------------------------------------------------------------


def augmented_mdd(p: Ints, d: Ints) -> list[int]:
    """Order by MDD, ties by position, with `augment` (augmented MDD in arXiv 2510.24013)."""
    return augment(mdd(p, d), p, d)


def augmented_mddc(p: Ints, d: Ints) -> list[int]:
    """Order by MDDC with `augment` (augmented MDDC in arXiv 2510.24013)."""
    return augment(mddc(p, d), p, d)


def mdd_insertion(p: Ints, d: Ints) -> list[int]:
    """Order by MDD, ties by position, then `insertion` to a local optimum."""
    return insertion(mdd(p, d), p, d)


def augment(order: Ints, p: Ints, d: Ints) -> list[int]:
    """Build an order again; after each job put the earlier one last that gains most, if any does.

    Neither the jobs that wait nor the time depend on the moves, so it can follow the whole rule.

    Args:
        order: all n jobs.
        p: n processing times >= 1, in time units.
        d: n due dates, in time units.
    """
    partial: list[int] = []
    for job in order:
        partial.append(job)
        place = _gains_most_as_last(partial, p, d)
        if place is not None:
            partial.append(partial.pop(place))
    return partial


def _gains_most_as_last(order: list[int], p: Ints, d: Ints) -> int | None:
    """Return the place of the job that lowers total tardiness most by going last, or None.

    With job j gone, a later job that is x late gains min(x, p_j): at most the sum of all x, and
    at most p_j for each late job, which tells most moves hopeless at once.
    """
    late = [max(end - d[j], 0) for j, end in zip(order, _ends(order, p), strict=True)]
    makespan = sum(p[j] for j in order)
    best, place = 0, None
    behind = count = 0  # tardiness, and late jobs, behind position k
    for k in range(len(order) - 2, -1, -1):
        behind += late[k + 1]
        count += late[k + 1] > 0
        j = order[k]
        loss = max(makespan - d[j], 0) - late[k]
        if min(behind, count * p[j]) - loss > best:
            gain = sum(map(min, late[k + 1 :], repeat(p[j]))) - loss
            if gain > best:
                best, place = gain, k
    return place


def insertion(order: Ints, p: Ints, d: Ints) -> list[int]:
    """Move each job to its best place, in sweeps, until no single move lowers total tardiness.

    Args:
        order: all n jobs.
        p: n processing times >= 1, in time units.
        d: n due dates, in time units.
    """
    order = list(order)
    moved = True
    while moved:
        moved = False
        for job in list(order):
            place = order.index(job)
            target = _best_place(order, place, p, d)
            if target != place:
                order.insert(target, order.pop(place))
                moved = True
    return order


def _best_place(order: list[int], k: int, p: Ints, d: Ints) -> int:
    """Return the place for job order[k] that lowers total tardiness most; k if none does."""
    ends = list(_ends(order, p))
    return _best_sooner(order, k, ends, p, d, _best_later(order, k, ends, p, d))[1]


def _best_later(order: list[int], k: int, ends: Ints, p: Ints, d: Ints) -> tuple[int, int]:
    """Return the change in tardiness, and the place, of the best move of order[k] to later on."""
    length, due = p[order[k]], d[order[k]]
    best, place = 0, k
    change = -max(ends[k] - due, 0)  # in tardiness, without the job itself
    for h in range(k + 1, len(order)):
        over = ends[h] - d[order[h]]
        if over > 0:
            change -= min(over, length)
        if change + max(ends[h] - due, 0) < best:
            best, place = change + max(ends[h] - due, 0), h
    return best, place


def _best_sooner(
    order: list[int],
    k: int,
    ends: Ints,
    p: Ints,
    d: Ints,
    later: tuple[int, int],
) -> tuple[int, int]:
    """Return the better one of the best move of order[k] to sooner and of that to later on."""
    length, due = p[order[k]], d[order[k]]
    best, place = later
    change = -max(ends[k] - due, 0)
    for h in range(k - 1, -1, -1):
        if change >= best:
            break
        i = order[h]
        change += max(min(ends[h] + length - d[i], length), 0)
        after = change + max(ends[h] - p[i] + length - due, 0)
        if after < best:
            best, place = after, h
    return best, place
