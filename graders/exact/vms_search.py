"""Searches for moves without a solver: the best single move, greedy, a beam, an order of moves."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from heapq import nsmallest
from itertools import islice
from typing import NamedTuple

from tasks.vms_placement import Location, Move, Placement, Size, nodes_of

WIDTH = 8  # of the beam
ORDERS = 20_000  # sets of moves that a search for an order may look at

Ranked = tuple[int, int, Location]  # by how many cores fragments change, a machine, where it goes


def legal_moves(placement: Placement, moved: Collection[int] = ()) -> list[Move]:
    """Return every move that could be made now.

    Args:
        placement: where machines are.
        moved: machines that were moved already.
    """
    return [
        (vm, place)
        for vm in movable(placement, moved)
        for place in placement.everywhere(vm)
        if place != placement.places[vm] and _may(placement, vm, place)
    ]


def _may(placement: Placement, vm: int, place: Location) -> bool:
    """Return whether a machine may go to a place that shares no node with its own."""
    return placement.has_room(vm, place) and placement.partner_on(vm, place.host) is None


def movable(placement: Placement, moved: Collection[int]) -> Iterator[int]:
    """Yield the machines that may be moved, in their order."""
    return (v for v in placement.present() if v not in moved and not placement.pinned[v])


def ranked_moves(placement: Placement, moved: Collection[int], count: int) -> list[Ranked]:
    """Return the moves after which fragments are fewest, ties by machine and place.

    What a machine frees where it leaves, and takes where it goes, adds up, as these are never the
    same nodes. So places are ranked once for all machines of a size.

    Args:
        placement: where machines are.
        moved: machines that were moved already.
        count: how many moves at the most.
    """
    ranks: dict[Size, list[tuple[int, Location]]] = {}
    moves: list[Ranked] = []
    for vm in movable(placement, moved):
        size, own = placement.sizes[vm], placement.places[vm]
        if size not in ranks:
            ranks[size] = _ranked_places(placement, vm)
        assert own is not None
        freed = _change(placement, size, own, 1)
        places = (
            (freed + taken, vm, place)
            for taken, place in ranks[size]
            if place != own and placement.partner_on(vm, place.host) is None
        )
        moves += islice(places, count)
    return nsmallest(count, moves)


def _ranked_places(placement: Placement, vm: int) -> list[tuple[int, Location]]:
    """Return the places with room for a machine, by how fragments change if it comes there."""
    size = placement.sizes[vm]
    return sorted(
        (_change(placement, size, place, -1), place)
        for place in placement.everywhere(vm)
        if placement.has_room(vm, place)
    )


def _change(placement: Placement, size: Size, place: Location, sign: int) -> int:
    """Return by how much fragments change if a machine leaves a place (1) or comes there (-1)."""
    chunk, free = placement.cluster.chunk, placement.cpu
    return sum(
        (free[node] + sign * size.cpu) % chunk - free[node] % chunk for node in nodes_of(place)
    )


def greedy(placement: Placement, most: int, moved: Collection[int] = ()) -> list[Move]:
    """Return the single best move, again and again, as long as it helps.

    Args:
        placement: where machines are; it is not changed.
        most: how many moves.
        moved: machines that were moved already.
    """
    now, done, moves = placement.copy(), set(moved), list[Move]()
    while len(moves) < most:
        best = ranked_moves(now, done, 1)
        if not best or best[0][0] >= 0:
            break
        [(_, vm, place)] = best
        now.move(vm, place)
        done.add(vm)
        moves.append((vm, place))
    return moves


class _Beam(NamedTuple):
    """A state of the beam: what it is worth, the moves that led there, the placement."""

    rank: tuple[int, int]
    moves: tuple[Move, ...]
    placement: Placement


def beam(
    placement: Placement,
    most: int,
    moved: Collection[int] = (),
    *,
    width: int = WIDTH,
    enough: int | None = None,
) -> list[Move]:
    """Return the best moves that a beam search finds; some of them may help only later.

    Args:
        placement: where machines are; it is not changed.
        most: how many moves.
        moved: machines that were moved already.
        width: how many states are kept after each move, and tried from each.
        enough: fragments at which the search ends at once.
    """
    best = _Beam(_rank(placement), (), placement)
    states = [best]
    for _ in range(most):
        if enough is not None and best.rank[0] <= enough:
            break
        children: dict[frozenset[Move], _Beam] = {}
        for state in states:
            done = {*moved, *(vm for vm, _ in state.moves)}
            for _, vm, place in ranked_moves(state.placement, done, width):
                moves = (*state.moves, (vm, place))
                if frozenset(moves) not in children:
                    children[frozenset(moves)] = _child(state.placement, moves)
        if not children:
            break
        states = nsmallest(width, children.values(), key=lambda each: (each.rank, each.moves))
        best = min(best, states[0], key=lambda each: each.rank[0])
    return list(best.moves)


def _child(placement: Placement, moves: tuple[Move, ...]) -> _Beam:
    after = placement.copy()
    after.move(*moves[-1])
    return _Beam(_rank(after), moves, after)


def _rank(placement: Placement) -> tuple[int, int]:
    """Return fragments, and less the more uneven they are: one large is nearer to a chunk."""
    rests = [cpu % placement.cluster.chunk for cpu in placement.cpu]
    return sum(rests), -sum(rest * rest for rest in rests)


def in_order(
    placement: Placement, targets: Mapping[int, Location]
) -> tuple[list[Move] | None, bool]:
    """Return the moves to some places in an order in which each may be made, each machine once.

    Args:
        placement: where machines are; it is not changed.
        targets: where each machine that is moved goes.

    Returns:
        The moves, None if none are found; and whether that is so for sure.
    """
    search = _OrderSearch(placement.copy(), targets)
    moves = search.go(frozenset(targets))
    return (None if moves is None else moves[::-1]), search.budget > 0


class _OrderSearch:
    """Depth first over the sets of machines still to be moved; a dead set is met once."""

    def __init__(self, placement: Placement, targets: Mapping[int, Location]) -> None:
        self._placement, self._targets = placement, targets
        self._dead: set[frozenset[int]] = set()
        self.budget = ORDERS

    def go(self, rest: frozenset[int]) -> list[Move] | None:
        """Return moves of the rest, the last one first; None if there is no order."""
        if not rest:
            return []
        if rest in self._dead or self.budget <= 0:
            return None
        self.budget -= 1
        for vm in sorted(rest):
            moves = self._after(vm, rest)
            if moves is not None:
                return moves
        self._dead.add(rest)
        return None

    def _after(self, vm: int, rest: frozenset[int]) -> list[Move] | None:
        before, place = self._placement.places[vm], self._targets[vm]
        assert before is not None
        if not self._placement.move(vm, place):
            return None
        moves = self.go(rest - {vm})
        self._placement.remove(vm)
        self._placement.put(vm, before)
        return None if moves is None else [*moves, (vm, place)]


def apply(placement: Placement, moves: Sequence[Move]) -> Placement:
    """Return a placement after moves; those that cannot be made are left out."""
    after = placement.copy()
    for move in moves:
        after.move(*move)
    return after


def quick_bound(placement: Placement) -> int:
    """Return fragments that no moves at all go below: chunks need free cores, and whole nodes."""
    chunk = placement.cluster.chunk
    nodes = [node.cpu for host in placement.cluster.hosts for node in host.numas]
    return placement.free - chunk * min(placement.free // chunk, sum(cpu // chunk for cpu in nodes))
