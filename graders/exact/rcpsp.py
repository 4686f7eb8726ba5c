"""The exact reference of a project: the least makespan, or bounds on it.

Each step only where those before have not proven an optimum: cheap bounds and list schedules, and
bounds of relaxations, for which no solver is loaded; CP-SAT for a while; then a portfolio of dearer
bounds, populations of schedules, beams, windows, and CP-SAT with what these know, which first looks
for something shorter and then refutes the shortest makespans. One worker, fixed seeds, counted
schedules and deterministic time make a reference the same bytes in every process.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from time import monotonic
from typing import TypeAlias

from graders.exact import sgs
from graders.exact.rcpsp_beams import beamed
from graders.exact.rcpsp_bounds import (
    Pool,
    bound_by,
    earliest_starts,
    longest_tails,
    lower_bound,
    resource_pools,
)
from graders.exact.rcpsp_covering import covering_pools
from graders.exact.rcpsp_cp_sat import Solution, improve
from graders.exact.rcpsp_energy import destructive_bound
from graders.exact.rcpsp_pools import clique_pools, later_heads, longer_tails, rounded_pools
from graders.exact.rcpsp_search import breed, upper_bound
from graders.exact.rcpsp_targets import ask_targets
from graders.exact.rcpsp_windows import rearranged
from graders.exact.sgs import Compiled, Ints
from graders.rcpsp_violations import violations
from tasks.base import Fields, Reference, SolverFailure
from tasks.rcpsp import Project

LIMIT = 3.0  # deterministic seconds of CP-SAT, each about 2 CPU seconds
FIRST = 0.4  # deterministic seconds of CP-SAT before what takes longer; they settle nearly all
MIDDLE, LARGE = 45, 80  # tasks above which the steps are others
ASKED = 0.4  # the share of what is left then in which targets are refuted in layers
SEARCHED = (
    0.92  # the share in which CP-SAT is asked, of projects above MIDDLE; the rest is for targets
)
BEFORE_BEAMS = 0.5  # the share of CP-SAT's first search for a project above LARGE
BEAMED = 0.8  # the share of what is left then for beams; the rest is for windows
CHILDREN = 1_500_000  # states made for a deterministic second
BEAM_LOOKS = 240_000_000  # tasks looked at in states of beams for a deterministic second
BEAMED_EARLY = 0.1  # the work of beams for projects above MIDDLE, in deterministic seconds
BRED = 0.04  # the first population's work, in deterministic seconds too
FROM_ABOVE = 0.5  # the share of what is left then in which CP-SAT looks for something shorter
BRED_AGAIN = 0.25  # the share of what is left after it for a second population
PLACEMENTS = 5_000_000  # tasks placed in schedules for a deterministic second
NARROWING_SCHEDULES = 20_000  # made where a reference has a gap that is to be made smaller
LEAST_WORK = 1e-3  # of a search, so that there is an end
PORTFOLIO = "portfolio 5"  # the version of all that is neither cheap nor the first search of CP-SAT
LARGEST = 2**53  # horizon times capacity beyond which CP-SAT's sums might overflow


def reference(
    project: Project,
    *,
    deterministic_limit: float | None = None,
    seconds: float | None = None,
    hint: Mapping[str, int] | None = None,
    least: int = 0,
) -> Reference:
    """Minimise the makespan under every constraint, the horizon included.

    Args:
        project: the project.
        deterministic_limit: CP-SAT's limit in its own measure of work; `seconds`, or else `LIMIT`,
            if not given.
        seconds: a limit of CP-SAT's wall time; the outcome then depends on the machine.
        hint: a start time for each task id; saves work if it is feasible.
        least: a makespan that no answer is below, as was proven elsewhere; saves work.

    Returns:
        The reference, in time units. `infeasible` is proven; `none` has a bound but no answer.

    Raises:
        MissingExtra: if cheap bounds do not meet, and CP-SAT is not installed.
        SolverFailure: if the checker refutes an answer, or the bounds cross.
    """
    compiled = _trim_horizon(sgs.compile_project(project))
    heads, tails = earliest_starts(compiled), longest_tails(compiled)
    solution, hints = Solution(lower_bound(compiled, heads, tails), None), list[list[int]]()
    if solution.bound <= compiled.horizon:
        hints = _feasible_hints(project, compiled, hint)
        starts = upper_bound(compiled, max(least, solution.bound), tails, hints)
        solution = Solution(solution.bound, starts)
        if not _is_optimal(compiled, solution) and _fits_solver(compiled):
            limit = deterministic_limit or seconds or LIMIT
            solution = _Portfolio(compiled, heads, tails, limit, seconds).run(solution)
    return state(project, compiled, solution, hints)


def narrowed(project: Project, reference: Reference, limit: float) -> Reference:
    """Return a reference whose gap is smaller, if a population or a linear relaxation finds that.

    Args:
        project: the project.
        reference: its reference, with an answer.
        limit: of CP-SAT with the relaxation, in deterministic seconds.

    Raises:
        MissingExtra: if CP-SAT is not installed.
        SolverFailure: if the checker refutes an answer, or the bounds cross.
    """
    compiled = _trim_horizon(sgs.compile_project(project))
    starts = [(reference.answer or {})["starts"][name] for name in compiled.ids]
    heads, tails = earliest_starts(compiled), longest_tails(compiled)
    bound = int(reference.bound or 0)
    solution = Solution(bound, breed(compiled, bound, [starts], NARROWING_SCHEDULES))
    if not _is_optimal(compiled, solution):
        solution = improve(compiled, solution, heads, limit, None, tails=tails, by_costs=True)
    return state(project, compiled, solution)


def _trim_horizon(project: Compiled) -> Compiled:
    """Cut a far horizon: shifted left, a schedule never waits past the last release or downtime."""
    latest = _last_event(project) + sum(project.durations)
    return replace(
        project,
        horizon=min(project.horizon, latest),
        deadlines=tuple(min(deadline, latest) for deadline in project.deadlines),
    )


def _last_event(project: Compiled) -> int:
    """Return the last release, or end of a downtime."""
    ends = [end for spans in project.downtimes for _, end in spans]
    return max([*project.releases, *ends])


def _feasible_hints(
    project: Project, compiled: Compiled, hint: Mapping[str, int] | None
) -> list[list[int]]:
    if hint is None or violations(project, hint):
        return []
    return [[hint[name] for name in compiled.ids]]


def _is_optimal(project: Compiled, solution: Solution) -> bool:
    starts = solution.starts
    return starts is not None and sgs.makespan(project, starts) == solution.bound


def _fits_solver(project: Compiled) -> bool:
    return project.horizon * max([1, *project.capacities]) <= LARGEST


def state(
    project: Project, compiled: Compiled, solution: Solution, checked: Sequence[Ints] = ()
) -> Reference:
    """Return a solution as a reference, once the checker agrees.

    Args:
        project: the project.
        compiled: the same by indices.
        solution: what is known of it.
        checked: answers to which the checker has agreed already.

    Raises:
        SolverFailure: if the answer breaks a rule, or is shorter than the bound.
    """
    bound, starts, solver, _ = solution
    if starts is None and bound > compiled.horizon:
        return Reference("infeasible", solver=solver)
    if starts is None:
        return Reference("none", bound=bound, solver=solver)
    answer = sgs.by_id(compiled, starts)
    objective = sgs.makespan(compiled, starts)
    _check(solution, [] if starts in checked else violations(project, answer), objective)
    return Reference(
        "optimal" if bound == objective else "bounded",
        objective,
        bound,
        solver=solver,
        answer={"starts": answer},
    )


def _check(solution: Solution, problems: Sequence[Fields], objective: int) -> None:
    bound, _, solver, _ = solution
    if problems:
        raise SolverFailure(
            f"{solver}: its answer breaks {len(problems)} rules, first {problems[0]}"
        )
    if bound > objective:
        raise SolverFailure(f"{solver}: makespan {objective} is below its lower bound {bound}")


# The portfolio ------------------------------------------------------------------------------

Step: TypeAlias = Callable[[Solution], Solution]


class _Portfolio:
    """All that is tried on a project whose cheap bounds do not meet."""

    def __init__(
        self, project: Compiled, heads: Ints, tails: Ints, limit: float, seconds: float | None
    ) -> None:
        self._project, self._heads, self._tails = project, heads, tails
        self._left, self._pools, self._redundant = limit, list[Pool](), list[Pool]()
        self._cliques: list[Pool] = []
        self._schedules: list[list[int]] = []  # the best so far, each time it got shorter
        self._end = None if seconds is None else monotonic() + seconds

    def run(self, solution: Solution) -> Solution:
        """Return the best bound and answer within the limits."""
        for step in self._steps():
            if solution.starts is not None and solution.starts not in self._schedules:
                self._schedules.append(solution.starts)
            if self._is_settled(solution):
                break
            solution = step(solution)
        return solution

    def _steps(self) -> tuple[Step, ...]:
        count = len(self._project.ids)
        if count > LARGE:
            return self._large()
        return self._middle() if count > MIDDLE else self._small()

    def _small(self) -> tuple[Step, ...]:
        """Return the steps where layers close what CP-SAT leaves open."""
        return (
            self._bounded,
            lambda now: self._ask_cp_sat(now, min(FIRST, self._left)),
            self._covered,
            lambda now: self._asked(now, self._left * ASKED),
            lambda now: self._bred(now, BRED),
            lambda now: self._ask_cp_sat(now, self._left * FROM_ABOVE, pools=self._redundant),
            lambda now: self._bred(now, self._left * BRED_AGAIN),
            self._ask_at_last,
        )

    def _middle(self) -> tuple[Step, ...]:
        """Return the steps where CP-SAT proves more than layers, if it has the time."""
        return (
            self._bounded,
            lambda now: self._ask_cp_sat(now, min(FIRST, self._left)),
            self._covered,
            lambda now: self._bred(now, BRED),
            lambda now: self._beamed(now, min(BEAMED_EARLY, self._left)),
            lambda now: self._ask_cp_sat(now, self._left * SEARCHED),
            lambda now: self._asked(now, self._left),
            self._ask_at_last,
        )

    def _large(self) -> tuple[Step, ...]:
        """Return the steps where bounds are close and schedules too long."""
        return (
            self._bounded,
            lambda now: self._ask_cp_sat(now, self._left * BEFORE_BEAMS),
            lambda now: self._beamed(now, self._left * BEAMED),
            lambda now: self._rearranged(now, self._left),
            lambda now: self._ask_cp_sat(now, self._left),
        )

    def _is_settled(self, solution: Solution) -> bool:
        """Return whether no more can come out, or be asked for within the limits."""
        none = solution.starts is None and solution.bound > self._project.horizon
        return none or self._is_late() or self._left <= 0 or _is_optimal(self._project, solution)

    def _is_late(self) -> bool:
        return self._end is not None and monotonic() >= self._end

    def _ask_at_last(self, solution: Solution) -> Solution:
        """Return what CP-SAT makes of a solution in all that is left, with all that is known."""
        below, pools = solution.starts is not None, self._redundant
        return self._ask_cp_sat(solution, self._left, pools=pools, from_below=below)

    def _ask_cp_sat(
        self,
        solution: Solution,
        limit: float,
        *,
        pools: Sequence[Pool] = (),
        from_below: bool = False,
    ) -> Solution:
        """Return what CP-SAT makes of a solution; its work is no longer left."""
        seconds = None if self._end is None else max(0.01, self._end - monotonic())
        better = improve(
            self._project,
            solution,
            self._heads,
            limit,
            seconds,
            tails=self._tails,
            pools=pools,
            from_below=from_below,
        )
        self._left -= max(better.work, LEAST_WORK)
        if PORTFOLIO in solution.solver:
            return better._replace(solver=solution.solver)
        return better

    def _bounded(self, solution: Solution) -> Solution:
        """Return a solution with a bound raised in no time; sharpen heads and tails too."""
        resources, self._cliques = resource_pools(self._project), clique_pools(self._project)
        rounded = [each for pool in resources for each in rounded_pools(pool)]
        self._pools = [*resources, *rounded, *self._cliques]
        raised = solution._replace(bound=max(solution.bound, self._sharpened()))
        if self._is_settled(raised):
            return raised._replace(solver=PORTFOLIO)
        return raised

    def _sharpened(self) -> int:
        """Return the bound of all pools, from heads and tails that it sharpens by them."""
        self._heads = later_heads(self._project, self._pools, self._heads)
        self._tails = longer_tails(self._project, self._pools, self._tails)
        return bound_by(self._project, self._pools, self._heads, self._tails)

    def _covered(self, solution: Solution) -> Solution:
        """Return a solution with a bound raised by a linear program and by energy."""
        covering = covering_pools(self._project, self._heads, self._tails)
        self._pools += covering
        bound, most = max(solution.bound, self._sharpened()), self._most(solution)
        if bound < most:
            bound = destructive_bound(
                self._project, self._pools, self._heads, self._tails, bound, most
            )
        self._redundant = [*self._cliques, *covering[:1]]
        return solution._replace(bound=bound, solver=_by_portfolio(solution.solver))

    def _most(self, solution: Solution) -> int:
        """Return the best makespan, or one past the horizon."""
        if solution.starts is None:
            return self._project.horizon + 1
        return sgs.makespan(self._project, solution.starts)

    def _asked(self, solution: Solution, work: float) -> Solution:
        """Return a solution with the bound raised from target to target, or with an optimum."""
        outcome = ask_targets(
            self._project,
            self._pools,
            self._heads,
            self._tails,
            range(solution.bound, self._most(solution)),
            children=int(work * CHILDREN),
            is_late=self._is_late,
        )
        self._left -= outcome.children / CHILDREN
        starts = outcome.starts or solution.starts
        return solution._replace(bound=outcome.bound, starts=starts)

    def _bred(self, solution: Solution, work: float) -> Solution:
        """Return a solution with the best answer of a population, which takes so much work."""
        self._left -= work
        schedules = int(work * PLACEMENTS / len(self._project.ids))
        starts = breed(self._project, solution.bound, self._schedules, schedules)
        return solution._replace(starts=starts)

    def _beamed(self, solution: Solution, work: float) -> Solution:
        """Return a solution with what beams make of its answer, within so much work."""
        if solution.starts is None:
            return solution
        outcome = beamed(
            self._project,
            resource_pools(self._project),
            self._heads,
            self._tails,
            solution.bound,
            solution.starts,
            children=int(work * BEAM_LOOKS / len(self._project.ids)),
            is_late=self._is_late,
        )
        looks = outcome.children * len(self._project.ids)
        self._left -= max(LEAST_WORK, looks / BEAM_LOOKS)
        better = solution._replace(bound=outcome.bound, starts=outcome.starts)
        return better._replace(solver=_by_portfolio(solution.solver))

    def _rearranged(self, solution: Solution, work: float) -> Solution:
        """Return a solution with what windows make of its answer, within so much work."""
        better = rearranged(
            self._project, solution, self._heads, self._tails, work, until=self._end
        )
        self._left -= better.work
        return better._replace(solver=_by_portfolio(solution.solver))


def _by_portfolio(solver: str) -> str:
    """Return a solver's name with that of the portfolio, once."""
    return solver if PORTFOLIO in solver else f"{solver}, {PORTFOLIO}"
