"""The exact reference of jobs on one machine: least total tardiness, or bounds on it.

Where all jobs weigh the same the decomposition of `tardiness_search` proves 1,000 jobs in minutes
with the compiled kernel; without a compiler the same states are walked in Python. Weighted jobs
go to the subsets of `tardiness_subsets`. Beyond a limit local search gives the best order known
and `tardiness_bounds` a lower bound. Limits count states, so references are the same bytes in
every process, with or without the kernel.
"""

from collections.abc import Sequence
from time import monotonic
from typing import NamedTuple

from graders.exact import tardiness_bounds, tardiness_kernel, tardiness_local, tardiness_subsets
from graders.exact.tardiness_local import Ints, Late, never, weighted_tardiness
from graders.exact.tardiness_search import PausableSearch, PlainSearch, read_order
from tasks.base import Reference, SolverFailure
from tasks.tardiness import KEY, Jobs, tardiness

NODES = 100_000_000  # 24 bytes each in the kernel, and 5 of the table: 3 GB in all
SLICE = 1_000_000  # nodes times jobs between two looks at the clock and at Ctrl-C


class OrderSolution(NamedTuple):
    """The best order of n jobs, and what is proven of it.

    Attributes:
        objective: its total weighted tardiness, in time units times weight.
        bound: a bound that holds for every order; the objective where the order is proven optimal.
        order: the jobs as positions 0 to n - 1.
        nodes: how many states were expanded.
        solver: the methods used.
    """

    objective: int
    bound: int
    order: list[int]
    nodes: int
    solver: str


def reference(
    payload: Jobs, *, seconds: float | None = None, hint: Sequence[str] | None = None
) -> Reference:
    """Minimise total weighted tardiness, in time units times weight.

    Args:
        payload: the jobs.
        seconds: a limit of wall time beside that of states; the outcome at it depends on the
            machine.
        hint: the jobs' ids in a good order, which helps where a limit is met.

    Raises:
        SolverFailure: if the answer is not worth what the solver says, or the bounds cross.
    """
    jobs = payload.jobs
    p, d, w = [job.p for job in jobs], [job.d for job in jobs], [job.w for job in jobs]
    solution = solve(p, d, w, seconds=seconds, hint=_positions(payload, hint))
    _check(payload, solution)
    return Reference(
        "optimal" if solution.bound == solution.objective else "bounded",
        solution.objective,
        solution.bound,
        solver=solution.solver,
        answer={KEY: [jobs[k].id for k in solution.order]},
    )


def _positions(payload: Jobs, hint: Sequence[str] | None) -> list[int] | None:
    """Return a hint by positions, None if it does not name every job once."""
    place = {job.id: k for k, job in enumerate(payload.jobs)}
    if hint is None or sorted(hint) != sorted(place):
        return None
    return [place[i] for i in hint]


def _check(payload: Jobs, solution: OrderSolution) -> None:
    """Raise SolverFailure if a solution is not what it says."""
    solver, order = solution.solver, solution.order
    worth = tardiness([payload.jobs[k] for k in order])
    if worth != solution.objective or sorted(order) != list(range(len(payload.jobs))):
        raise SolverFailure(f"{solver}: order worth {worth}, not {solution.objective}")
    if solution.bound > worth:
        raise SolverFailure(f"{solver}: {worth} is below its lower bound {solution.bound}")


def solve(
    p: Ints,
    d: Ints,
    w: Ints | None = None,
    *,
    node_limit: int | None = None,
    seconds: float | None = None,
    hint: Ints | None = None,
    compiled: bool = True,
) -> OrderSolution:
    """Sequence n jobs on one machine for the least total weighted tardiness.

    Args:
        p: n processing times >= 1, in time units.
        d: n due dates, in time units.
        w: n weights >= 1; all 1 if not given.
        node_limit: the most states; `NODES` if not given, or `tardiness_subsets.STATES` where
            weights differ.
        seconds: a limit of wall time.
        hint: an order of the jobs to improve on at the limit.
        compiled: whether the kernel may be used.
    """
    weights = list(w) if w is not None else [1] * len(p)
    task = _Task(list(p), list(d), weights, hint=hint, late=_clock(seconds))
    if len(set(weights)) > 1:
        return _weighted(task, tardiness_subsets.STATES if node_limit is None else node_limit)
    return _unweighted(task, _rank(p, d, compiled), NODES if node_limit is None else node_limit)


class _Task(NamedTuple):
    p: list[int]
    d: list[int]
    w: list[int]
    hint: Ints | None
    late: Late

    def good_order(self) -> list[int]:
        """Return the best order that local search finds from a rule's and the hint."""
        p, d, w, hint, late = self
        starts = [tardiness_local.modified_due_date(p, d, w)]
        if hint:
            starts.append(list(hint))
        return tardiness_local.improved(starts, p, d, w, late)


def _clock(seconds: float | None) -> Late:
    if seconds is None:
        return never
    end = monotonic() + seconds
    return lambda: monotonic() > end


class _Ranking(NamedTuple):
    """A search over jobs by rank, and which job has each rank."""

    jobs: list[int]
    p: list[int]
    d: list[int]
    search: PausableSearch


def _rank(p: Ints, d: Ints, compiled: bool) -> _Ranking:
    jobs = sorted(range(len(p)), key=lambda j: (d[j], p[j]))
    times, dues = [p[j] for j in jobs], [d[j] for j in jobs]
    return _Ranking(jobs, times, dues, search=_search(times, dues, compiled))


def _search(p: Ints, d: Ints, compiled: bool) -> PausableSearch:
    kernel = tardiness_kernel.library() if compiled and tardiness_kernel.fits(p, d) else None
    if kernel is None:
        return PlainSearch(p, d)
    return tardiness_kernel.KernelSearch(kernel, p, d)


def _unweighted(task: _Task, ranking: _Ranking, limit: int) -> OrderSolution:
    """Decompose jobs of one weight."""
    value = _run(task, ranking.search, limit)
    if value is None:
        return _at_limit(task, ranking.search.nodes)
    ranks = read_order(ranking.p, ranking.d, ranking.search.split)
    objective = task.w[0] * value
    return OrderSolution(
        objective,
        objective,
        [ranking.jobs[k] for k in ranks],
        nodes=ranking.search.nodes,
        solver="decomposition",
    )


def _run(task: _Task, search: PausableSearch, limit: int) -> int | None:
    """Run a search for a slice of nodes at a time; None if it is cut off."""
    portion = max(1, SLICE // len(task.p))
    value = search.run(min(portion, limit))
    while value is None and search.nodes < limit and not task.late():
        value = search.run(min(portion, limit - search.nodes))
    return value


def _at_limit(task: _Task, nodes: int) -> OrderSolution:
    order = task.good_order()
    return OrderSolution(
        weighted_tardiness(order, task.p, task.d, task.w),
        tardiness_bounds.lower_bound(task.p, task.d, task.w, order, task.late),
        order,
        nodes=nodes,
        solver="decomposition, local search",
    )


def _weighted(task: _Task, limit: int) -> OrderSolution:
    p, d, w, _, late = task
    subsets = tardiness_subsets.best_order(p, d, w, task.good_order(), limit, late)
    return OrderSolution(
        weighted_tardiness(subsets.order, p, d, w),
        max(subsets.bound, tardiness_bounds.simple_bound(p, d, w)),
        subsets.order,
        nodes=subsets.states,
        solver="local search, subsets",
    )
