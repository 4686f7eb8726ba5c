"""Allen's relations between intervals, and their compositions (Allen 1983)."""

from collections.abc import Sequence
from functools import cache, reduce
from itertools import combinations
from typing import TypeAlias

from tasks.temporal_facts import RELATIONS, Relation

Interval: TypeAlias = tuple[int, int]
_POINTS = 6  # on so many points any three intervals have room for their ends


def relation(first: Interval, second: Interval) -> Relation:
    """Return the one relation that an interval has to another; both start before they end."""
    (start, end), (other_start, other_end) = first, second
    if end <= other_start:
        return "before" if end < other_start else "meets"
    if other_end <= start:
        return "after" if other_end < start else "met by"
    if start == other_start:
        return _started(end, other_end)
    if end == other_end:
        return "finishes" if start > other_start else "finished by"
    if start < other_start:
        return "overlaps" if end < other_end else "contains"
    return "during" if end < other_end else "overlapped by"


def _started(end: int, other_end: int) -> Relation:
    """Return the relation of two intervals that start together."""
    if end == other_end:
        return "equals"
    return "starts" if end < other_end else "started by"


def compose(chain: Sequence[Relation]) -> list[str]:
    """Return all relations that A can have to the last interval of a chain, in Allen's order.

    Args:
        chain: of A to B, of B to C, and so on. Nothing else is known of the intervals, so that what
            is possible link by link is possible altogether.
    """
    possible = reduce(followed, chain[1:], frozenset([chain[0]]))
    return [each for each in RELATIONS if each in possible]


@cache
def followed(reached: frozenset[Relation], link: Relation) -> frozenset[Relation]:
    """Return the relations that A can have to C.

    Args:
        reached: the relations that A can have to B.
        link: the relation of B to C.
    """
    return frozenset[Relation]().union(*(_table()[each, link] for each in reached))


@cache
def _table() -> dict[tuple[Relation, Relation], frozenset[Relation]]:
    """Return the composition of every two relations, by all triples of intervals on 6 points."""
    spans = list(combinations(range(_POINTS), 2))
    pairs = {(a, b): relation(a, b) for a in spans for b in spans}
    table: dict[tuple[Relation, Relation], set[Relation]] = {}
    for a, b in pairs:
        for c in spans:
            table.setdefault((pairs[a, b], pairs[b, c]), set()).add(pairs[a, c])
    return {links: frozenset(possible) for links, possible in table.items()}
