"""The exact reference of a cluster: fewest fragments after at most so many moves.

CP-SAT finds the best end state, a search the order in which its moves can be made. An end state
without an order is cut off, and no other: with further moves the same machines may find one.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from graders.exact.cp_sat import solver_name
from graders.exact.vms_kernel import beam
from graders.exact.vms_search import apply, greedy, in_order, movable, quick_bound
from tasks.base import Fields, Parsed, Reference, SolverFailure
from tasks.extras import extra
from tasks.vms_course import EVENTS, PLAN, STOP, TURN, WAIT, Course
from tasks.vms_payload import Cluster
from tasks.vms_placement import Location, Move, Placement, nodes_of

if TYPE_CHECKING:
    from ortools.sat.python.cp_model import CpSolver, IntVar

LIMIT = 8.0  # deterministic seconds of CP-SAT for a cluster as it stands
MANY = 10**9  # chunks: a search that is cut off early has no bound of its own
LARGEST = 60_000  # pairs of a machine and a place that are modelled
PURPOSE = "the search for fewest fragments"
BOUNDS = "bounds"  # of a reference's answer that is paced by tokens: one by number of events


class Best(NamedTuple):
    """What is known of the moves from a placement.

    Attributes:
        bound: fragments that no moves go below.
        fragments: those after `moves`.
        moves: the best that are known, in an order in which they can be made.
        solver: what found them.
    """

    bound: int
    fragments: int
    moves: list[Move]
    solver: str = "beam"


def reference(cluster: Cluster, *, seconds: float | None = None) -> Reference:
    """Return the fewest fragments at the end of an episode, or a bound on them.

    Where events happen before moves are made, the bound knows them, as no agent does. On the track
    `plan` it is the least after moves that are decided when all has happened, in an order that
    works; on `reactive` the least of any moves of the first machines, wherever new ones go. The
    answer is the best plan for what is shown; on `reactive`, the first move of the best plan for
    what each turn shows.

    Args:
        cluster: with its events.
        seconds: a limit of CP-SAT's wall time for each search; what is found then depends on the
            machine.

    Returns:
        The reference; its answer has `bounds` by the number of events where these are paced by
        tokens, and `events`, none before any move.

    Raises:
        MissingExtra: CP-SAT is needed, and is not installed.
        SolverFailure: the moves break a rule, or cross the bound.
    """
    shown = best_end(Placement(cluster), cluster.moves, seconds=seconds)
    entries: list[Fields | str]
    if cluster.track == "plan" or not cluster.events:
        entries = [Placement(cluster).entry(move) for move in shown.moves]
    else:
        entries = _rolling(cluster, seconds)
    answer: Fields = {PLAN: entries}
    counts = range(len(cluster.events) + 1) if cluster.tokens else [len(cluster.events)]
    bounds = [_bound(cluster, count, shown, seconds) for count in counts]
    if cluster.tokens:
        answer |= {EVENTS: [0] * max(1, len(entries)), BOUNDS: bounds}
    objective = _objective(cluster, answer)
    return _stated(objective, bounds, shown.solver, answer, proven=len(bounds) == 1)


def _stated(
    objective: int, bounds: Sequence[int], solver: str, answer: Fields, *, proven: bool
) -> Reference:
    bound = min(bounds)
    if objective < bound:
        raise SolverFailure(f"{solver}: moves leave {objective} fragments, below a bound {bound}")
    is_optimal = proven and objective == bound
    return Reference(
        "optimal" if is_optimal else "bounded", objective, bound, solver=solver, answer=answer
    )


def _objective(cluster: Cluster, answer: Fields) -> int:
    """Return the fragments at the end of an answer, once the course agrees with every move."""
    course = Course(cluster)
    if cluster.track == "plan":
        parts = [{PLAN: answer[PLAN]}]
    else:
        parts = [{TURN: entry} for entry in (answer[PLAN] or [STOP])]
    if cluster.tokens:
        parts = [part | {EVENTS: 0} for part in parts]
    course.play([Parsed(value=part) for part in parts])
    if course.violations:
        raise SolverFailure(f"the solver's move is not in order: {course.violations[0]}")
    return course.placement.fragments()


def _bound(cluster: Cluster, count: int, shown: Best, seconds: float | None) -> int:
    """Return fragments that no agent goes below after so many events."""
    if not count:
        return shown.bound
    after = Placement(cluster)
    for event in cluster.events[:count]:
        after.happen(event)
    if cluster.track == "plan":
        return best_end(after, cluster.moves, seconds=seconds).bound
    return _loosest(cluster, count, seconds)


def _loosest(cluster: Cluster, count: int, seconds: float | None) -> int:
    """Return a bound over all that turns can do: new machines may go anywhere at no cost."""
    end = Placement(cluster)
    for event in cluster.events[:count]:
        end.happen(event)
    known = len(cluster.vms)
    arrived = {vm for vm in end.present() if vm >= known}
    for vm in arrived:
        end.remove(vm)
    if _pairs(end, arrived) > LARGEST:
        return max(0, quick_bound(_with(end, arrived)))
    model = _EndModel(end, cluster.moves, frozenset(), arrived)
    return model.bound(LIMIT, seconds)


def _with(placement: Placement, vms: Iterable[int]) -> Placement:
    """Return a placement whose free cores are those with machines more, wherever they are."""
    after = placement.copy()
    after.cpu[0] -= sum(placement.sizes[vm].cpu * placement.sizes[vm].numas for vm in vms)
    return after


def _rolling(cluster: Cluster, seconds: float | None) -> list[Fields | str]:
    """Return in each turn the first move of the best plan for what it shows; else a wait."""
    course, entries = Course(cluster), list[Fields | str]()
    while not course.is_over:
        most = cluster.moves - course.turns
        best = best_end(course.placement, most, course.moved, seconds=seconds)
        entries.append(course.placement.entry(best.moves[0]) if best.moves else WAIT)
        value: Fields = {TURN: entries[-1]} | ({EVENTS: 0} if cluster.tokens else {})
        course.answer(Parsed(value=value))
    return entries


# From one placement --------------------------------------------------------------------------


def best_end(
    placement: Placement,
    most: int,
    moved: Collection[int] = (),
    *,
    hint: Sequence[Move] | None = None,
    limit: float = LIMIT,
    seconds: float | None = None,
) -> Best:
    """Return the moves after which fragments are fewest, and a bound on them.

    Args:
        placement: where machines are; it is not changed.
        most: how many moves, each of another machine.
        moved: machines that may not be moved any more.
        hint: moves to begin with, which can be made; those of a quick search if not given.
        limit: of CP-SAT, in deterministic seconds over all end states that it tries.
        seconds: of wall time, for each of them.

    Raises:
        MissingExtra: CP-SAT is needed, and is not installed.
        SolverFailure: CP-SAT takes the model for invalid.
    """
    moves = _quick_moves(placement, most, moved) if hint is None else list(hint)
    best = Best(quick_bound(placement), apply(placement, moves).fragments(), moves)
    if best.fragments == best.bound or _pairs(placement, ()) > LARGEST:
        return best
    return _improve(placement, best, most, frozenset(moved), limit, seconds)


def _quick_moves(placement: Placement, most: int, moved: Collection[int]) -> list[Move]:
    large = _pairs(placement, ()) > LARGEST
    return greedy(placement, most, moved) if large else beam(placement, most, moved)


def _pairs(placement: Placement, further: Collection[int]) -> int:
    return (len(list(placement.present())) + len(further)) * len(placement.cpu)


def _improve(
    placement: Placement,
    best: Best,
    most: int,
    moved: frozenset[int],
    limit: float,
    seconds: float | None,
) -> Best:
    """Let CP-SAT look for end states until the best one that has an order is found."""
    model, solver = _EndModel(placement, most, moved, ()), solver_name()
    model.hint(dict(best.moves))
    bound, spent, is_sure = best.bound, 0.0, True
    while spent < limit and best.fragments > bound:
        engine, is_known = model.solve(limit - spent, seconds)
        spent += engine.response_proto.deterministic_time
        if is_sure:
            bound = max(bound, model.fragments(engine.best_objective_bound))
        if not is_known:
            break
        targets = model.targets(engine)
        moves, is_certain = in_order(placement, targets)
        if moves is not None:
            left = apply(placement, moves).fragments()
            if left < best.fragments:
                best = best._replace(fragments=left, moves=moves)
            break
        is_sure = is_sure and is_certain  # what was cut off without proof may have been the best
        model.forbid(targets)
    return best._replace(bound=bound, solver=solver)


class _EndModel:
    """The CP-SAT model of an end state: where every machine is, whole chunks at their most.

    Machines that are nowhere yet may go anywhere, and that is no move.
    """

    def __init__(
        self, placement: Placement, most: int, moved: frozenset[int], nowhere: Collection[int]
    ) -> None:
        with extra("solvers", PURPOSE):
            from ortools.sat.python.cp_model import CpModel

        self.model: CpModel = CpModel()
        self._placement = placement
        self._places: dict[int, dict[Location, IntVar]] = {
            vm: self._choices(vm) for vm in (*movable(placement, moved), *sorted(nowhere))
        }
        stays = [row[place] for vm, row in self._places.items() if (place := self._own(vm))]
        self.model.add(len(stays) - sum(stays) <= most)
        self._keep_apart()
        self._chunks = [self._node(node) for node in range(len(placement.cpu))]
        self.model.maximize(sum(self._chunks))
        self._free = placement.free - sum(
            placement.sizes[vm].cpu * placement.sizes[vm].numas for vm in nowhere
        )

    def _own(self, vm: int) -> Location | None:
        return self._placement.places[vm]

    def _choices(self, vm: int) -> "dict[Location, IntVar]":
        row = {place: self.model.new_bool_var("") for place in self._placement.everywhere(vm)}
        self.model.add_exactly_one(row.values())
        return row

    def _keep_apart(self) -> None:
        placement = self._placement
        pairs = {(min(a, b), max(a, b)) for a, bs in placement.partners.items() for b in bs}
        for a, b in sorted(pairs):
            for host in range(len(placement.cluster.hosts)):
                here = [*self._on(a, host), *self._on(b, host)]
                if len(here) > 1:
                    self.model.add(sum(here) <= 1)

    def _on(self, vm: int, host: int) -> "list[IntVar | int]":
        """Return what says whether a machine is on a host."""
        if vm in self._places:
            return [var for place, var in self._places[vm].items() if place.host == host]
        place = self._own(vm)
        return [1] if place is not None and place.host == host else []

    def _node(self, node: int) -> "IntVar":
        """Return the whole chunks that are free on a node, within its cores and memory."""
        placement = self._placement
        cpu, memory = placement.cpu[node], placement.memory[node]
        taken: list[tuple[int, int, IntVar]] = []
        for vm, row in self._places.items():
            own, size = self._own(vm), placement.sizes[vm]
            if own is not None and node in nodes_of(own):
                cpu, memory = cpu + size.cpu, memory + size.memory
            taken += [(size.cpu, size.memory, v) for p, v in row.items() if node in nodes_of(p)]
        chunk = placement.cluster.chunk
        whole = self.model.new_int_var(0, max(0, cpu // chunk), "")
        self.model.add(sum(c * var for c, _, var in taken) + chunk * whole <= cpu)
        self.model.add(sum(m * var for _, m, var in taken) <= memory)
        return whole

    def hint(self, targets: dict[int, Location]) -> None:
        """Hint at the end state in which some machines have been moved."""
        for vm, row in self._places.items():
            target = targets.get(vm, self._own(vm))
            for place, var in row.items():
                self.model.add_hint(var, place == target)

    def forbid(self, targets: dict[int, Location]) -> None:
        """Cut off one end state, that of all machines, and no other."""
        end = [row[targets.get(v) or self._end_of(v)] for v, row in self._places.items()]
        self.model.add_bool_or([var.negated() for var in end])

    def _end_of(self, vm: int) -> Location:
        place = self._own(vm)
        assert place is not None
        return place

    def solve(self, limit: float, seconds: float | None) -> "tuple[CpSolver, bool]":
        """Return the engine after its search, and whether it has an end state."""
        from ortools.sat.python import cp_model

        engine = _engine(limit, seconds)
        status = engine.solve(self.model)
        if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE, cp_model.UNKNOWN):
            raise SolverFailure(f"{solver_name()}: {self.model.validate() or 'no end state'}")
        return engine, status != cp_model.UNKNOWN

    def bound(self, limit: float, seconds: float | None) -> int:
        """Return fragments that no end state goes below."""
        engine, _ = self.solve(limit, seconds)
        return self.fragments(engine.best_objective_bound)

    def fragments(self, chunks: float) -> int:
        """Return the fragments that so many whole chunks leave."""
        return max(0, self._free - self._placement.cluster.chunk * int(min(chunks, MANY) + 1e-6))

    def targets(self, engine: "CpSolver") -> dict[int, Location]:
        """Return where the machines go that are not where they were."""
        chosen = {
            vm: next(place for place, var in row.items() if engine.value(var))
            for vm, row in self._places.items()
        }
        return {vm: place for vm, place in chosen.items() if place != self._own(vm)}


def _engine(limit: float, seconds: float | None) -> "CpSolver":
    """Return a solver that does the same everywhere: one worker, a fixed seed, counted work."""
    from ortools.sat.python.cp_model import CpSolver

    engine = CpSolver()
    engine.parameters.num_workers = 1
    engine.parameters.random_seed = 0
    engine.parameters.catch_sigint_signal = False  # Ctrl-C is ours; a cut-off search is no proof
    engine.parameters.max_deterministic_time = max(0.01, limit)
    engine.parameters.linearization_level = 2  # packing needs the relaxation: without it no proof
    if seconds is not None:
        engine.parameters.max_time_in_seconds = seconds
    return engine
