"""Good orders of few jobs, by what each costs: all of them, or a descent of swaps."""

from collections.abc import Callable, Sequence
from itertools import combinations, permutations

FEW = 24  # jobs up to which orders are searched, and more random ones set the zero of skill
ALL = 6  # jobs up to which all orders are tried
PATIENCE = 600  # orders that a descent tries
WHOLE = 1_000_000  # the share of all of a time of arrival, in millionths
Order = tuple[int, ...]


def ranks_of(order: Sequence[int]) -> tuple[int, ...]:
    """Return the rank of each job in an order of their numbers, from 0."""
    ranks = [0] * len(order)
    for rank, number in enumerate(order):
        ranks[number] = rank
    return tuple(ranks)


def best_order(
    count: int, cost: Callable[[Sequence[int]], int], least: int, start: Sequence[int] | None = None
) -> Order:
    """Return the best of all orders up to six jobs, else where a descent by swaps ends.

    Args:
        count: of jobs.
        cost: of an order of their numbers.
        least: what no order costs less than: one that costs as much ends the search.
        start: where the descent begins; None: at the order of numbers.
    """
    if count > ALL:
        return _descent(tuple(start or range(count)), cost, least)
    best: Order = tuple(range(count))
    lowest = cost(best)
    for order in permutations(range(count)):
        if lowest == least:
            break
        value = cost(order)
        if value < lowest:
            best, lowest = order, value
    return best


def _descent(order: Order, cost: Callable[[Sequence[int]], int], least: int) -> Order:
    """Swap two jobs as long as that gains, the first pair that does, within patience."""
    lowest, tries, is_better = cost(order), 0, True
    while is_better and tries < PATIENCE:
        is_better = False
        for i, j in combinations(range(len(order)), 2):
            if lowest == least:
                return order
            swapped = list(order)
            swapped[i], swapped[j] = order[j], order[i]
            tries += 1
            value = cost(swapped)
            if value < lowest:
                order, lowest, is_better = tuple(swapped), value, True
    return order
