"""Pools from the linear covering of a project: weights under which no moment holds more than one.

The bound of Mingozzi, Maniezzo, Ricciardelli & Bianco (1998), "An exact algorithm for the
resource-constrained project scheduling problem based on a new mathematical formulation", covers
the duration of every task by sets of tasks that can run together, each for some time. The dual of
that linear program gives a task units such that no such set has more than the capacity. In whole
units, and with the heaviest set found by an exact search, it is a pool like any other.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from graders.exact.rcpsp_bounds import Pool
from graders.exact.rcpsp_pools import incompatible
from graders.exact.sgs import Compiled, Ints
from tasks.extras import extra

if TYPE_CHECKING:
    from ortools.linear_solver.pywraplp import Solver, Variable

SCALE = 27_720  # units of a dual weight of 1, whole for every denominator to 12
LARGEST = 80  # tasks; beyond them the searches for sets end too seldom
STEPS = 4  # heads, and tails, from which a subset of tasks may begin
ROUNDS = 300  # sets added for one subset
NODES = 4_000  # of a search for a heavy set; weights for which it takes more are left out
PATIENCE = 100  # nodes after a set that is heavy enough
ALL_NODES = 40_000  # of all searches, after which no subset is begun: about half a CPU second
PURPOSE = "the linear covering of a project"


def covering_pools(project: Compiled, heads: Ints, tails: Ints) -> list[Pool]:
    """Return pools by the weights that bound subsets best: tasks from a head and a tail on.

    A project of more than `LARGEST` tasks has none.

    Args:
        project: the compiled project of n tasks.
        heads: the n earliest starts.
        tails: the n least times from a task's end to the makespan.

    Raises:
        MissingExtra: if the package of CP-SAT is not installed, which has the simplex method.
    """
    if len(project.ids) > LARGEST:
        return []
    weighing, pools = _Weighing(project), dict[Pool, None]()
    for subset in _subsets(project, heads, tails):
        if weighing.nodes > ALL_NODES:
            break
        pool = weighing.pool(subset)
        if pool is not None:
            pools[pool] = None
    return list(pools)


def _subsets(project: Compiled, heads: Ints, tails: Ints) -> Iterator[list[int]]:
    """Yield the tasks with no lesser head and tail than one of some, each subset once."""
    tasks = [i for i, d in enumerate(project.durations) if d and project.demands[i]]
    subsets = set[tuple[int, ...]]()
    for head in _steps([heads[i] for i in tasks]):
        for tail in _steps([tails[i] for i in tasks]):
            subset = [i for i in tasks if heads[i] >= head and tails[i] >= tail]
            if len(subset) > 1 and tuple(subset) not in subsets:
                subsets.add(tuple(subset))
                yield subset


def _steps(values: Sequence[int]) -> list[int]:
    """Return some of the values, the least among them, evenly in the order of their size."""
    ordered = sorted(set(values))
    return [ordered[k * len(ordered) // (2 * STEPS)] for k in range(STEPS)] if ordered else []


class _Weighing:
    """The dual of the covering, whose rows are sets that can run together.

    Attributes:
        nodes: sets tried in all searches.
    """

    def __init__(self, project: Compiled) -> None:
        with extra("solvers", PURPOSE):
            from ortools.linear_solver import pywraplp

        self._project, self._sets, self.nodes = project, _SetSearch(project), 0
        self._program: Solver = pywraplp.Solver.CreateSolver("GLOP")
        self._weights: list[Variable] = [self._program.NumVar(0, 1, "") for _ in project.durations]

    def pool(self, subset: Sequence[int]) -> Pool | None:
        """Return the pool of the weights for a subset; None if a search was too long."""
        self._aim(subset)
        for _ in range(ROUNDS):
            self._program.Solve()
            units = [int(weight.solution_value() * SCALE + 1e-6) for weight in self._weights]
            members = self._sets.heavier(units, SCALE)
            self.nodes += self._sets.nodes
            if not members:
                return self._as_pool(units) if self._sets.nodes < NODES else None
            self._add(members)
        return None

    def _as_pool(self, units: Ints) -> Pool | None:
        """Return units as a pool of `SCALE`, which no set exceeds."""
        some = tuple((i, amount) for i, amount in enumerate(units) if amount)
        return Pool(SCALE, (), some) if some else None

    def _aim(self, subset: Sequence[int]) -> None:
        objective = self._program.Objective()
        objective.Clear()
        for i in subset:
            objective.SetCoefficient(self._weights[i], self._project.durations[i])
        objective.SetMaximization()

    def _add(self, members: Sequence[int]) -> None:
        row = self._program.Constraint(0, 1)
        for i in members:
            row.SetCoefficient(self._weights[i], 1)


class _SetSearch:
    """The search for heavy sets of tasks that can run together.

    Attributes:
        nodes: sets tried in the last search.
    """

    def __init__(self, project: Compiled) -> None:
        self._capacities, self._apart = project.capacities, incompatible(project)
        self._demands, self.nodes = project.demands, 0
        self._shares = [
            sum(q / project.capacities[r] for r, q in demands) for demands in project.demands
        ]

    def heavier(self, units: Ints, least: int) -> list[int]:
        """Return the members of a set that weighs more, a heavy one; none if there is none.

        None is also what is left of a search of `NODES`, which then proves nothing.

        Args:
            units: what each task weighs.
            least: what the set is to weigh more than.
        """
        self._units, self.nodes, self._last = units, 0, NODES
        self._best: tuple[int, list[int]] = (least, [])
        dense = sorted(
            (i for i, q in enumerate(units) if q),
            key=lambda i: -units[i] / (self._shares[i] or 1e-9),
        )
        room = float(len(self._capacities))
        self._extend(dense, list(self._capacities), room, 0, [])
        return self._best[1]

    def _extend(
        self, candidates: list[int], free: list[int], room: float, weight: int, members: list[int]
    ) -> None:
        """Try all sets with these members and some candidates, which fit and are densest first."""
        self.nodes += 1
        if weight > self._best[0]:
            self._best = (weight, members)
            self._last = min(self._last, self.nodes + PATIENCE)
        for k, i in enumerate(candidates):
            if (
                self.nodes >= self._last
                or weight + self._most(candidates[k:], room) <= self._best[0]
            ):
                return
            left = list(free)
            for r, q in self._demands[i]:
                left[r] -= q
            rest = [j for j in candidates[k + 1 :] if self._fits(i, j, left)]
            self._extend(rest, left, room - self._shares[i], weight + self._units[i], [*members, i])

    def _fits(self, i: int, j: int, free: Ints) -> bool:
        return not self._apart[i] >> j & 1 and all(q <= free[r] for r, q in self._demands[j])

    def _most(self, candidates: Sequence[int], room: float) -> float:
        """Return at least what candidates can weigh, parts of them in the room of all resources."""
        most = 0.0
        for i in candidates:
            share = self._shares[i]
            if share > max(0.0, room):
                return most + self._units[i] * max(0.0, room) / share + 1e-6
            most += self._units[i]
            room -= share
        return most
