"""The course of an episode: moves that are checked where they were decided, and made where events
have left things.

| kind | fields |
|---|---|
| `unparsable` | `reason` |
| `not_a_list`, `not_a_move` | `value`: what stands where moves, or a move, should be |
| `unknown` | `move`, `value`: no machine that is there |
| `destination` | `move`, `vm`, `host`, `numa`: no place for this machine, or where it is already |
| `pinned`, `again` | `move`, `vm`: may not be moved; was moved already |
| `too_many` | `amount`: moves beyond the most |
| `no_room` | `move`, `vm`, `host`, `numa`, `resource`, `amount`: what a node lacks |
| `apart` | `move`, `vm`, `other`, `host`: may not be on one host |

Moves count from 1, on the track `reactive` with the turns.
"""

from collections.abc import Sequence

from tasks.base import Fields, Parsed, short
from tasks.vms_payload import Cluster
from tasks.vms_placement import BOTH, Location, Move, Placement

PLAN = "moves"  # of an answer: its list of moves
TURN = "move"  # of a turn's answer
EVENTS = "events"  # of an answer that is paced by tokens: how many had happened, beside the moves
WAIT, STOP = "wait", "stop"
NUMAS: dict[object, int] = {0: 0, 1: 1, "both": BOTH, None: BOTH}


class Course:
    """An episode under way.

    Attributes:
        placement: where machines are now.
        moved: those that were moved.
        violations: of all answers so far.
        legal: moves that were in order where they were decided.
        entries: moves that answers wrote, in order or not.
        stale: moves in order that events had made impossible when they were to be made.
        turns: replies so far; `lost`: those of them with nothing to go by.
        happened: events so far.
        steps: what became of each move: `1` made, `0` not made, `x` not in order.
        fate: what became of the last turn: `made`, `stale`, `none` or the kind of its violation.
    """

    def __init__(self, cluster: Cluster) -> None:
        self.cluster, self.placement = cluster, Placement(cluster)
        self.moved: set[int] = set()
        self.violations: list[Fields] = []
        self.legal = self.entries = self.stale = self.turns = self.lost = self.happened = 0
        self.stopped = False
        self.steps = self.fate = ""

    @property
    def is_over(self) -> bool:
        """Return whether no reply is wanted any more."""
        return self.stopped or self.turns >= self.cluster.turns

    def play(self, answers: Sequence[Parsed]) -> "Course":
        """Go through all answers of an episode, and what happens after them; return itself."""
        for parsed in answers:
            if self.is_over:
                self.violations.append({"kind": "too_many", "amount": len(answers) - self.turns})
                break
            self.answer(parsed)
        if not self.cluster.tokens:
            self._happen(len(self.cluster.events))
        return self

    def answer(self, parsed: Parsed) -> None:
        """Go through one answer: a plan, or that of a turn."""
        self.turns += 1
        before = len(self.violations)
        moves = self._moves(parsed)
        if self.cluster.track == "plan" and len(self.violations) > before:
            moves = []  # a plan that is not in order is not begun
        self._happen(self._due(parsed))
        for move in moves:
            self._make(move)
        if len(self.violations) > before:
            self.lost += 1
            self.fate = str(self.violations[-1]["kind"])
        else:
            self.fate = ("made" if self.steps[-1] == "1" else "stale") if moves else "none"

    # What is answered ------------------------------------------------------------------------

    def _moves(self, parsed: Parsed) -> list[Move]:
        """Return the moves of an answer that are in order."""
        key = PLAN if self.cluster.track == "plan" else TURN
        value = None if parsed.problem else (parsed.value or {}).get(key)
        if value is None:
            reason = parsed.problem or f'no "{key}" in the answer'
            self._note({"kind": "unparsable", "reason": reason})
            return []
        if self.cluster.tokens and _events(parsed) is None:
            self._note({"kind": "unparsable", "reason": f'no "{EVENTS}", which is paced by tokens'})
            return []
        return self._plan(value) if key == PLAN else self._turn(value)

    def _plan(self, entries: object) -> list[Move]:
        if not isinstance(entries, list):
            self._note({"kind": "not_a_list", "value": short(entries)})
            return []
        self.entries, moves = len(entries), list[Move]()
        imagined, moved, marks = self.placement.copy(), set[int](), ""
        for number, entry in enumerate(entries[: self.cluster.moves], 1):
            move = self._checked(imagined, entry, number, moved)
            if move is not None:
                imagined.move(*move)
                moves.append(move)
            marks += "x" if move is None else "0"
        if len(entries) > self.cluster.moves:
            self._note({"kind": "too_many", "amount": len(entries) - self.cluster.moves})
        self.legal = len(moves)
        self.steps = marks if self.violations else ""  # what is in order is made, and noted, later
        return moves

    def _turn(self, entry: object) -> list[Move]:
        if entry == STOP:
            self.stopped = True
            return []
        if entry == WAIT:
            return []
        self.entries += 1
        move = self._checked(self.placement, entry, self.turns, self.moved)
        if move is None:
            self.steps += "x"
            return []
        self.legal += 1
        return [move]

    def _checked(
        self, placement: Placement, entry: object, number: int, moved: set[int]
    ) -> Move | None:
        """Return a move that is in order where the placement is as it is; note what is wrong.

        Args:
            placement: where machines are when the move is made.
            entry: what the answer has.
            number: of the move.
            moved: the machines that were moved before; that of the move is added.
        """
        wrong, move = read_move(placement, entry, moved)
        if wrong is not None:
            self._note({"kind": wrong.pop("kind"), TURN: number, **wrong})
            return None
        assert move is not None
        moved.add(move[0])
        return move

    def _note(self, violation: Fields) -> None:
        self.violations.append(violation)

    # What happens ----------------------------------------------------------------------------

    def _due(self, parsed: Parsed) -> int:
        """Return how many events have happened when the moves of an answer are made."""
        if not self.cluster.tokens:
            return self.cluster.pace * self.turns
        return _events(parsed) or 0

    def _happen(self, count: int) -> None:
        for event in self.cluster.events[self.happened : count]:
            self.placement.happen(event)
            self.happened += 1

    def _make(self, move: Move) -> None:
        if self.placement.move(*move):
            self.moved.add(move[0])
            self.steps += "1"
        else:
            self.moved.discard(move[0])  # it was not moved, and may be yet
            self.stale += 1
            self.steps += "0"


def _events(parsed: Parsed) -> int | None:
    """Return how many events an answer says had happened; None if it does not."""
    count = (parsed.value or {}).get(EVENTS)
    if isinstance(count, list) and count:
        count = count[0]
    return count if type(count) is int and count >= 0 else None


def read_move(
    placement: Placement, entry: object, moved: set[int]
) -> tuple[Fields | None, Move | None]:
    """Return what is wrong with a move, or the move as numbers.

    Args:
        placement: where machines are when it is made.
        entry: what the answer has: an object with `vm`, `host`, `numa`.
        moved: the machines that were moved before.
    """
    if not isinstance(entry, dict) or "vm" not in entry or "host" not in entry:
        return {"kind": "not_a_move", "value": short(entry)}, None
    name, host, numa = entry["vm"], entry["host"], entry.get("numa")
    vm = placement.number.get(name) if isinstance(name, str) else None
    if vm is None or placement.places[vm] is None:
        return {"kind": "unknown", "value": short(name)}, None
    if placement.pinned[vm] or vm in moved:
        return {"kind": "again" if vm in moved else "pinned", "vm": name}, None
    place = _place(placement, vm, host, numa)
    if place is None:
        return {"kind": "destination", "vm": name, "host": short(host), "numa": short(numa)}, None
    wrong = _obstacle(placement, vm, place)
    return wrong, None if wrong else (vm, place)


def _place(placement: Placement, vm: int, host: object, numa: object) -> Location | None:
    """Return the place that an answer names, None if the machine cannot have it or has it."""
    if not isinstance(host, str) or host not in placement.host_of:
        return None
    if not (type(numa) is int or isinstance(numa, str) or numa is None) or numa not in NUMAS:
        return None  # a float or a boolean is no node
    place = Location(placement.host_of[host], NUMAS[numa])
    is_fitting = (place.numa == BOTH) == (placement.sizes[vm].numas == BOTH)
    return place if is_fitting and place != placement.places[vm] else None


def _obstacle(placement: Placement, vm: int, place: Location) -> Fields | None:
    """Return why a machine may not go to a place; None if it may."""
    host = placement.cluster.hosts[place.host].id
    name = placement.names[vm]
    other = placement.partner_on(vm, place.host)
    if other is not None:
        return {"kind": "apart", "vm": name, "other": placement.names[other], "host": host}
    before = placement.remove(vm)
    lack = placement.lacking(vm, place)
    placement.put(vm, before)
    if lack is None:
        return None
    resource, node, amount = lack
    return {
        "kind": "no_room",
        "vm": name,
        "host": host,
        "numa": node,
        "resource": resource,
        "amount": amount,
    }
