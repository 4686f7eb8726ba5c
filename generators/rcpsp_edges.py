"""Precedences without a redundant one, in an order of insertion."""

from collections.abc import Iterator, Mapping

Edges = list[tuple[int, int]]


def irredundant(count: int, keys: Mapping[tuple[int, int], float]) -> Edges:
    """Return pairs (before, after) in the order of their keys, those that are redundant left out.

    No prefix has a redundant edge: one that a path already implies is passed over, and so is one
    that would make an earlier edge redundant. Short edges first is what lets many fit.

    Args:
        count: of tasks, which are 0, 1, ...
        keys: of all pairs that may be edges; together they have no cycle.
    """
    above = [1 << i for i in range(count)]  # bit masks: the task and all that must precede it
    below = list(above)
    parents = [0] * count  # those with an edge to a task below: its own parents among them
    edges: Edges = []
    for a, b in sorted(keys, key=keys.__getitem__):
        up, down = above[a], below[b]
        if below[a] >> b & 1 or parents[b] & up:
            continue
        for x in bits(above[b]):
            parents[x] |= 1 << a
        for x in bits(up):
            below[x] |= down
            parents[x] |= parents[b]
        for y in bits(down):
            above[y] |= up
        edges.append((a, b))
    return edges


def bits(mask: int) -> Iterator[int]:
    """Yield the positions of the bits that are set, the lowest first."""
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low
