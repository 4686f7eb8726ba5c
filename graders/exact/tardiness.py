"""The exact reference of jobs on one machine: least total tardiness, or how near we know we are.

Where all jobs weigh the same the decomposition of `tardiness_search` proves 500 jobs in seconds
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

NODES = 16_000_000  # 500 jobs need up to 8 million; 16 take under 2 GB in the kernel
SLICE = 1_000_000  # nodes times jobs between two looks at the clock and at Ctrl-C


class OrderSolution(NamedTuple):
    """The best order found, as positions 0..n-1, and what is proven of it.

    `objective` is its total weighted tardiness, `bound` holds for every order, and the two are
    equal where the order is proven optimal. `nodes` counts expanded states.
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

    The number of states is limited; `seconds` also limits wall time, and the outcome at that limit
    depends on the machine. `hint` (ids in a good order) helps where the limit is met. SolverFailure
    if the answer is not worth what the solver says, or the bounds cross.
    """
    jobs = payload.jobs
    place = {job.id: k for k, job in enumerate(jobs)}
    given = [place[i] for i in hint] if hint and sorted(hint) == sorted(place) else None
    p, d, w = [job.p for job in jobs], [job.d for job in jobs], [job.w for job in jobs]
    found = solve(p, d, w, seconds=seconds, hint=given)
    worth = tardiness([jobs[k] for k in found.order])
    if worth != found.objective or sorted(found.order) != list(range(len(jobs))):
        raise SolverFailure(f"{found.solver}: order worth {worth}, not {found.objective}")
    if found.bound > worth:
        raise SolverFailure(f"{found.solver}: {worth} is below its lower bound {found.bound}")
    return Reference(
        "optimal" if found.bound == worth else "bounded",
        worth,
        found.bound,
        found.solver,
        {KEY: [jobs[k].id for k in found.order]},
    )


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
    """Sequence n jobs: processing times p >= 1, due dates d, weights w >= 1 (all 1 if not given).

    `node_limit` is `NODES`, or for unlike weights `tardiness_subsets.STATES`, if not given; `hint`
    an order to improve on at the limit. Without `compiled` the kernel is not used.
    """
    weights = list(w) if w is not None else [1] * len(p)
    task = _Task(list(p), list(d), weights, hint, _clock(seconds))
    if len(set(weights)) > 1:
        return _weighted(task, tardiness_subsets.STATES if node_limit is None else node_limit)
    search = _search(p, d, compiled)
    return _unweighted(task, search, NODES if node_limit is None else node_limit)


class _Task(NamedTuple):
    p: list[int]
    d: list[int]
    w: list[int]
    hint: Ints | None
    late: Late

    def good_order(self) -> list[int]:
        """The best order that local search finds from a rule's and the hint."""
        p, d, w, hint, late = self
        starts = [tardiness_local.modified_due_date(p, d, w), *([list(hint)] if hint else [])]
        return tardiness_local.improved(starts, p, d, w, late)


def _clock(seconds: float | None) -> Late:
    if seconds is None:
        return never
    end = monotonic() + seconds
    return lambda: monotonic() > end


class _Ranked(NamedTuple):
    """A search over jobs by rank, and which job has each rank."""

    jobs: list[int]
    p: list[int]
    d: list[int]
    search: PausableSearch


def _search(p: Ints, d: Ints, compiled: bool) -> _Ranked:
    jobs = sorted(range(len(p)), key=lambda j: (d[j], p[j]))
    ranked = [p[j] for j in jobs], [d[j] for j in jobs]
    kernel = tardiness_kernel.library() if compiled and tardiness_kernel.fits(p, d) else None
    if kernel is None:
        return _Ranked(jobs, *ranked, PlainSearch(*ranked))
    return _Ranked(jobs, *ranked, tardiness_kernel.KernelSearch(kernel, *ranked))


def _unweighted(task: _Task, ranked: _Ranked, limit: int) -> OrderSolution:
    """Decompose; the kernel is entered for a slice of nodes at a time."""
    unit, search = task.w[0], ranked.search
    portion = max(1, SLICE // len(task.p))
    value = search.run(min(portion, limit))
    while value is None and search.nodes < limit and not task.late():
        value = search.run(min(portion, limit - search.nodes))
    if value is not None:
        order = [ranked.jobs[k] for k in read_order(ranked.p, ranked.d, search.split)]
        return OrderSolution(unit * value, unit * value, order, search.nodes, "decomposition")
    order = task.good_order()
    objective = weighted_tardiness(order, task.p, task.d, task.w)
    bound = tardiness_bounds.lower_bound(task.p, task.d, task.w, order, task.late)
    return OrderSolution(objective, bound, order, search.nodes, "decomposition, local search")


def _weighted(task: _Task, limit: int) -> OrderSolution:
    p, d, w, _, late = task
    order = task.good_order()
    bound, order, states = tardiness_subsets.best_order(p, d, w, order, limit, late)
    bound = max(bound, tardiness_bounds.simple_bound(p, d, w))
    objective = weighted_tardiness(order, p, d, w)
    return OrderSolution(objective, bound, order, states, "local search, subsets")
