"""Good turns of tool calls by a beam search, where a search for the best ones takes too long.

Sets of done calls compete with those of the same size.
"""

from collections.abc import Callable

from graders.exact.tools_packing import StepsExhausted
from graders.exact.tools_search import Calls, Ints, Turns, TurnSearch, read_path

WIDTHS = 100, 10, 1  # each is tried if the one before took too long
STEPS = 100_000  # of one width


def beam_turns(calls: Calls, capacity: Ints, overhead: int, *, order: Ints) -> Turns | None:
    """Return the turns of the widest beam that comes to an end, None if not even the last does.

    Args:
        calls: the calls.
        capacity: the places of each tool's pool.
        overhead: the time that each turn costs before its calls.
        order: the calls' indices, each after its needs.
    """
    for width in WIDTHS:
        search = TurnSearch(calls, capacity, overhead, order=order, limit=STEPS)
        try:
            return _beam(search, len(calls), width)
        except StepsExhausted:
            continue
    return None


def _beam(search: TurnSearch, count: int, width: int) -> Turns:
    """Return the best turns through the `width` most promising sets of each size.

    Raises:
        StepsExhausted: if the search has too few steps.
    """
    costs: list[dict[int, int]] = [{} for _ in range(count + 1)]  # by size: set -> time so far
    costs[0][0] = 0
    previous: dict[int, int] = {}
    for row in costs[:-1]:
        for done in _best(row, width, search.remaining):
            for length, turn in search.turns(done):
                after, cost = done | turn, row[done] + length
                larger = costs[after.bit_count()]
                if cost < larger.get(after, cost + 1):
                    larger[after], previous[after] = cost, done
    return read_path(search.full, previous)


def _best(costs: dict[int, int], width: int, remaining: Callable[[int], int]) -> list[int]:
    """Return the sets with the least bounds on turns through them."""
    return sorted(costs, key=lambda done: (costs[done] + remaining(done), done))[:width]
