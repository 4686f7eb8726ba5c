"""Searches for moves without a solver: the best single move, greedy, a beam, an order of moves."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from heapq import nsmallest
from itertools import islice
from typing import NamedTuple

from tasks.vms_placement import BOTH, Location, Move, Placement, Size, locations, nodes_of

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
    return (
        vm
        for vm, place in enumerate(placement.places)
        if place is not None and vm not in moved and not placement.pinned[vm]
    )


def ranked_moves(placement: Placement, moved: Collection[int], count: int) -> list[Ranked]:
    """Return the moves after which fragments are fewest, ties by machine and place.

    What a machine frees where it leaves, and takes where it goes, adds up, as these are never the
    same nodes. So places are ranked once for all machines of a size, and machines are looked at by
    what they change at the best place of their size, until no other can be among those wanted.

    Args:
        placement: where machines are.
        moved: machines that were moved already.
        count: how many moves at the most.
    """
    ranks: dict[Size, list[tuple[int, Location]]] = {}
    heads: list[tuple[int, int]] = []  # a bound on the change by a machine, and the machine
    for vm in movable(placement, moved):
        size = placement.sizes[vm]
        if size not in ranks:
            ranks[size] = _ranked_places(placement, size)
        if ranks[size]:
            heads.append((_freed(placement, vm) + ranks[size][0][0], vm))
    moves: list[Ranked] = []
    for head in sorted(heads):
        if len(moves) == count and head > moves[-1][:2]:
            break
        vm = head[1]
        size, own = placement.sizes[vm], placement.places[vm]
        freed = head[0] - ranks[size][0][0]
        places = (
            (freed + taken, vm, place)
            for taken, place in ranks[size]
            if place != own and placement.partner_on(vm, place.host) is None
        )
        moves = sorted([*moves, *islice(places, count)])[:count]
    return moves


def _ranked_places(placement: Placement, size: Size) -> list[tuple[int, Location]]:
    """Return the places with room for a machine, by how fragments change if it comes there."""
    chunk, (cpu, memory, numas) = placement.cluster.chunk, size
    taken = [
        (free - cpu) % chunk - free % chunk if free >= cpu and gib >= memory else None
        for free, gib in zip(placement.cpu, placement.memory, strict=True)
    ]
    places = locations(len(taken) // 2, numas)
    if numas != BOTH:
        return sorted((x, place) for x, place in zip(taken, places, strict=True) if x is not None)
    pairs = zip(taken[::2], taken[1::2], places, strict=True)
    return sorted((x + y, place) for x, y, place in pairs if x is not None and y is not None)


def _freed(placement: Placement, vm: int) -> int:
    """Return by how much fragments change if a machine leaves its place."""
    chunk, cpu, own = placement.cluster.chunk, placement.sizes[vm].cpu, placement.places[vm]
    assert own is not None
    change = 0
    for node in nodes_of(own):
        rest = placement.cpu[node] % chunk
        change += (rest + cpu) % chunk - rest
    return change


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
    """A state of the beam: what it is worth, the moves that led there, where the last is made."""

    rank: tuple[int, int]
    moves: tuple[Move, ...]
    before: Placement

    def placement(self) -> Placement:
        """Return where machines are after the last move."""
        return apply(self.before, self.moves[-1:])


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
        enough: fragments, fewer than there are, at which the search ends at once.
    """
    best = _Beam(_rank(placement), (), placement)
    states = [best]
    for _ in range(most):
        children: dict[frozenset[Move], _Beam] = {}
        for child in (child for state in states for child in _children(state, moved, width)):
            if enough is not None and child.rank[0] <= enough:
                return list(child.moves)
            children.setdefault(frozenset(child.moves), child)
        if not children:
            break
        states = nsmallest(width, children.values(), key=lambda each: (each.rank, each.moves))
        best = min(best, states[0], key=lambda each: each.rank[0])
    return list(best.moves)


def _children(state: _Beam, moved: Collection[int], width: int) -> Iterator[_Beam]:
    """Yield a state after one of its best moves more."""
    now, (fragments, evenness) = state.placement(), state.rank
    done = {*moved, *(vm for vm, _ in state.moves)}
    for change, vm, place in ranked_moves(now, done, width):
        rank = fragments + change, evenness + _evened(now, vm, place)
        yield _Beam(rank, (*state.moves, (vm, place)), now)


def _rank(placement: Placement) -> tuple[int, int]:
    """Return fragments, and less the more uneven they are: one large is nearer to a chunk."""
    rests = [cpu % placement.cluster.chunk for cpu in placement.cpu]
    return sum(rests), -sum(rest * rest for rest in rests)


def _evened(placement: Placement, vm: int, place: Location) -> int:
    """Return by how much a move changes the second part of the rank."""
    chunk, cpu, own = placement.cluster.chunk, placement.sizes[vm].cpu, placement.places[vm]
    assert own is not None
    evened = 0
    for node in nodes_of(own):
        rest = placement.cpu[node] % chunk
        evened += rest**2 - ((rest + cpu) % chunk) ** 2
    for node in nodes_of(place):
        rest = placement.cpu[node] % chunk
        evened += rest**2 - ((rest - cpu) % chunk) ** 2
    return evened


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
