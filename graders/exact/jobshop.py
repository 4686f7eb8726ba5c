"""The exact reference of a job shop: the least makespan, or bounds on it.

Cheap bounds come first: jobs and machines from below, dispatching rules from above. Where they meet
no solver is loaded; else CP-SAT looks for something shorter. One worker, a fixed seed and
deterministic time make a reference the same bytes in every process.

Where jobs wait on their machines the model has a literal for each pair of operations on a machine,
which says whose next operation starts before the other comes (the alternative graph of Mascis &
Pacciarelli 2002). Without swaps every operation also has a place in one order of all moves, so that
no ring of jobs can move at one instant: intervals of open length take 20 times as long.
"""

from collections.abc import Iterator
from itertools import combinations, pairwise
from math import ceil
from typing import TYPE_CHECKING, NamedTuple

from graders.exact.cp_sat import cp_sat_engine, solver_name
from graders.exact.jobshop_rules import (
    GENERATORS,
    RULES,
    IndexedShop,
    Starts,
    clear,
    dispatch,
    in_turn,
    index_shop,
)
from graders.jobshop_violations import violations
from tasks.base import Reference, SolverFailure
from tasks.extras import extra
from tasks.jobshop import KEY, Shop

if TYPE_CHECKING:
    from ortools.sat.python.cp_model import CpModel, IntervalVar, IntVar, LinearExprT, LiteralT

LIMIT = 10.0  # deterministic seconds of CP-SAT, each about 2 CPU seconds
PURPOSE = "the search for a least makespan"
LARGEST = 2**40  # makespan beyond which CP-SAT is not asked


class ShopSolution(NamedTuple):
    """The bound and the best schedule of a shop, in time units, and the last step's method."""

    bound: int
    starts: Starts
    solver: str = "rules"


def reference(
    shop: Shop, *, deterministic_limit: float | None = None, seconds: float | None = None
) -> Reference:
    """Minimise the makespan under every rule of the shop.

    Args:
        shop: the shop.
        deterministic_limit: CP-SAT's limit in its own measure of work; `seconds`, or else `LIMIT`,
            if not given.
        seconds: a limit of CP-SAT's wall time; the outcome then depends on the machine.

    Returns:
        The reference, in time units: there is always an answer.

    Raises:
        MissingExtra: if cheap bounds do not meet, and CP-SAT is not installed.
        SolverFailure: if the checker refutes an answer, or the bounds cross.
    """
    indexed = index_shop(shop)
    starts = best_by_rules(indexed, shop.buffers)
    solution = ShopSolution(lower_bound(indexed), starts)
    length = indexed.makespan(starts)
    if solution.bound < length <= LARGEST:
        limit = deterministic_limit or seconds or LIMIT
        solution = improve(indexed, shop.buffers, solution, limit, seconds)
    return state(shop, indexed, solution)


def best_by_rules(shop: IndexedShop, buffers: str) -> Starts:
    """Return the shortest schedule of all rules: in every generator, or careful ones if need be."""
    return min(_by_rules(shop, buffers), key=shop.makespan)


def _by_rules(shop: IndexedShop, buffers: str) -> Iterator[Starts]:
    yield in_turn(shop)
    for rule in RULES.values():
        for generator in GENERATORS if buffers == "free" else GENERATORS[:1]:
            starts = dispatch(shop, rule, generator, buffers=buffers, careful=buffers == "none")
            assert starts is not None, "a careful rule ran into a deadlock"
            yield starts


def state(shop: Shop, indexed: IndexedShop, solution: ShopSolution) -> Reference:
    """Return a solution as a reference, once the checker agrees.

    Raises:
        SolverFailure: if the schedule breaks a rule, or is shorter than the bound.
    """
    bound, starts, solver = solution
    answer, objective = indexed.by_id(starts), indexed.makespan(starts)
    if problems := violations(shop, answer):
        raise SolverFailure(
            f"{solver}: its answer breaks {len(problems)} rules, first {problems[0]}"
        )
    if bound > objective:
        raise SolverFailure(f"{solver}: makespan {objective} is below its lower bound {bound}")
    return Reference(
        "optimal" if bound == objective else "bounded",
        objective,
        bound,
        solver=solver,
        answer={KEY: answer},
    )


# From below ---------------------------------------------------------------------------------


def lower_bound(shop: IndexedShop) -> int:
    """Return a makespan that no schedule beats, whatever the buffers.

    The greatest of each job alone and, for each machine, its work after the least head and before
    the least tail of its operations.

    Args:
        shop: n jobs.
    """
    heads, tails = _heads(shop), _tails(shop)
    bound = max(row[-1] + route[-1][1] for row, route in zip(heads, shop.routes, strict=True))
    for machine in range(len(shop.down)):
        used = [
            (heads[job][k], time, tails[job][k])
            for job, route in enumerate(shop.routes)
            for k, (place, time) in enumerate(route)
            if place == machine
        ]
        work = sum(time for _, time, _ in used)
        bound = max(bound, min(h for h, _, _ in used) + work + min(t for _, _, t in used))
    return bound


def _heads(shop: IndexedShop) -> Starts:
    """Return the earliest starts of operations if their job were alone."""
    heads: Starts = []
    for route in shop.routes:
        moment, row = 0, list[int]()
        for machine, time in route:
            moment = clear(moment, time, shop.down[machine])
            row.append(moment)
            moment += time
        heads.append(row)
    return heads


def _tails(shop: IndexedShop) -> Starts:
    """Return for each operation the time that those after it in its job take."""
    return [
        [sum(time for _, time in route[k + 1 :]) for k in range(len(route))]
        for route in shop.routes
    ]


# CP-SAT -------------------------------------------------------------------------------------


def improve(
    shop: IndexedShop, buffers: str, solution: ShopSolution, limit: float, seconds: float | None
) -> ShopSolution:
    """Let CP-SAT look for a shorter schedule, from the best one on.

    Args:
        shop: n jobs.
        buffers: of the shop.
        solution: the bound and the best schedule so far.
        limit: in deterministic seconds.
        seconds: a limit of wall time, if given.

    Raises:
        MissingExtra: if CP-SAT is not installed.
        SolverFailure: if CP-SAT takes the model for invalid, or says that there is no schedule.
    """
    with extra("solvers", PURPOSE):
        from ortools.sat.python import cp_model

    solver = solver_name()
    model = _ShopModel(shop, buffers, solution)
    search = cp_sat_engine(limit, seconds)
    status = search.solve(model.model)
    if status in (cp_model.MODEL_INVALID, cp_model.INFEASIBLE):
        raise SolverFailure(f"{solver}: {search.status_name(status)} {model.model.validate()}")
    bound = max(solution.bound, ceil(search.best_objective_bound - 1e-6))
    if status == cp_model.UNKNOWN:
        return ShopSolution(bound, solution.starts, solver)
    starts = [[search.value(start) for start in row] for row in model.starts]
    return ShopSolution(bound, min(starts, solution.starts, key=shop.makespan), solver)


class _ShopModel:
    """The CP-SAT model of a shop: least makespan, no more than that of the schedule it begins with.

    Attributes:
        starts: the start variables by job and operation.
    """

    def __init__(self, shop: IndexedShop, buffers: str, solution: ShopSolution) -> None:
        from ortools.sat.python.cp_model import CpModel

        self.model: CpModel = CpModel()
        self._shop, self._most = shop, shop.makespan(solution.starts)
        end = self.model.new_int_var(solution.bound, self._most, "makespan")
        heads, tails = _heads(shop), _tails(shop)
        self.starts = [
            [self._start(job, k, heads[job][k], tails[job][k]) for k in range(len(route))]
            for job, route in enumerate(shop.routes)
        ]
        self._keep_orders(end)
        if buffers == "free":
            self._run_apart()
        else:
            _Blocking(self.model, shop, self.starts, ordered=buffers == "none").stay_apart()
        self.model.minimize(end)
        self._begin_with(solution.starts)

    def _start(self, job: int, number: int, head: int, tail: int) -> "IntVar":
        """Return the start of an operation: between head and tail, and clear of shutdowns."""
        from ortools.sat.python.cp_model import Domain

        machine, time = self._shop.routes[job][number]
        domain = Domain(head, self._most - tail - time)
        for begin, end in self._shop.down[machine]:
            taken = Domain(begin - time + 1, end - 1)
            domain = domain.intersection_with(taken.complement())
        return self.model.new_int_var_from_domain(domain, f"s{job}_{number}")

    def _keep_orders(self, end: "IntVar") -> None:
        """Hold each operation before the next one of its job, and the last before the end."""
        for row, route in zip(self.starts, self._shop.routes, strict=True):
            for k, (_, time) in enumerate(route):
                self.model.add(row[k] + time <= (row[k + 1] if k + 1 < len(row) else end))

    def _run_apart(self) -> None:
        """Hold the operations of each machine apart."""
        runs: list[list[IntervalVar]] = [[] for _ in self._shop.down]
        for row, route in zip(self.starts, self._shop.routes, strict=True):
            for start, (machine, time) in zip(row, route, strict=True):
                runs[machine].append(self.model.new_fixed_size_interval_var(start, time, ""))
        for intervals in runs:
            self.model.add_no_overlap(intervals)

    def _begin_with(self, schedule: Starts) -> None:
        for row, moments in zip(self.starts, schedule, strict=True):
            for start, moment in zip(row, moments, strict=True):
                self.model.add_hint(start, moment)


class _Blocking:
    """Holds jobs apart that stay on their machine until they start on the next.

    `ordered`: whether the moves also have an order, so that no ring of jobs exchanges machines.
    """

    def __init__(
        self, model: "CpModel", shop: IndexedShop, starts: "list[list[IntVar]]", *, ordered: bool
    ) -> None:
        self._model, self._shop, self._starts = model, shop, starts
        count = sum(map(len, shop.routes))
        self._places = [
            [model.new_int_var(0, count - 1, "") for _ in route] if ordered else []
            for route in shop.routes
        ]

    def stay_apart(self) -> None:
        """Hold the stays on each machine apart, and the moves in order."""
        for row in self._places:
            for before, after in pairwise(row):
                self._model.add(before + 1 <= after)
        for machine in range(len(self._shop.down)):
            for first, second in combinations(self._on(machine), 2):
                if first[0] != second[0]:  # those of one job are in order already
                    literal = self._model.new_bool_var("")
                    self._leave_before(first, second, literal)
                    self._leave_before(second, first, ~literal)

    def _on(self, machine: int) -> list[tuple[int, int]]:
        """Return job and number of the operations on a machine."""
        return [
            (job, k)
            for job, route in enumerate(self._shop.routes)
            for k, (place, _) in enumerate(route)
            if place == machine
        ]

    def _leave_before(
        self, first: tuple[int, int], second: tuple[int, int], literal: "LiteralT"
    ) -> None:
        """Let the one job have left when the other comes, if the literal holds."""
        job, number = first
        other, place = second
        leaves: LinearExprT
        if number + 1 < len(self._starts[job]):
            leaves, follower = self._starts[job][number + 1], number + 1
        else:
            leaves = self._starts[job][number] + self._shop.routes[job][number][1]
            follower = number
        self._model.add(leaves <= self._starts[other][place]).only_enforce_if(literal)
        if self._places[job]:
            order = self._places[job][follower] + 1 <= self._places[other][place]
            self._model.add(order).only_enforce_if(literal)
