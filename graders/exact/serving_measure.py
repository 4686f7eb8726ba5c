"""The one measure of all workloads: how far each job is over its limits, from 1 to 10."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from graders.exact.limits import LEAST, MOST, over_limit
from graders.exact.serving_server import ModelServer, Request
from graders.exact.serving_simulator import ServingRun

Plan = Callable[[ModelServer], Any]


def simulate(case: Mapping[str, Any], plan: Plan) -> ServingRun:
    """Return a finished run of a workload, given as JSON; RefusedPlan if a plan breaks a rule."""
    simulation = ServingRun(case, plan)
    simulation.run()
    return simulation


def job_costs(simulation: ServingRun) -> list[int]:
    """Return what each job of a finished run costs, in thousandths, from 1000 to 10000.

    It is the largest of time to first token, longest gap between tokens and time of the job
    without its pauses, each over its limit and rounded up.
    """
    costs = [LEAST] * len(simulation.jobs)
    for request in simulation.requests:
        costs[request.job] = max(costs[request.job], *_shares(request))
    for number, job in enumerate(simulation.jobs):
        deadline = job.spec["deadline"]
        if deadline is not None:
            costs[number] = max(costs[number], over_limit(flow_time(simulation, number), deadline))
    return [min(MOST, cost) for cost in costs]


def flow_time(simulation: ServingRun, number: int) -> int:
    """Return the ns from a finished job's arrival to its end, without its pauses."""
    job = simulation.jobs[number]
    assert job.done is not None
    return job.done - job.arrived - job.pause


def _shares(request: Request) -> tuple[int, int]:
    if request.ttft is None or request.tpot is None:
        return LEAST, LEAST
    assert request.first is not None
    return over_limit(request.first - request.arrived, request.ttft), over_limit(
        request.gap, request.tpot
    )


class RunMeasures(NamedTuple):
    """What a finished run is measured by.

    Attributes:
        costs: of jobs, in thousandths.
        waits, gaps: of calls, in ns: to the first token, and the longest between two.
        evictions, recomputed: how often one lost its place, and the tokens lost by it.
    """

    costs: Sequence[int]
    waits: Sequence[int]
    gaps: Sequence[int]
    evictions: int
    recomputed: int


def measures(simulation: ServingRun) -> RunMeasures:
    """Return the measures of a finished run."""
    return RunMeasures(
        job_costs(simulation),
        [(r.first or 0) - r.arrived for r in simulation.requests],
        [r.gap for r in simulation.requests],
        simulation.stats["evictions"],
        simulation.stats["recomputed"],
    )


def figures(run: RunMeasures) -> dict[str, float]:
    """Return what else there is to say of a finished run.

    `goodput` is the share of jobs within their limits; `ttft_p50`, `ttft_p95` and `gap_p95` are in
    seconds, over calls; `evictions`, and the tokens that were `recomputed`, are numbers.
    """
    waits, gaps = sorted(run.waits), sorted(run.gaps)
    return {
        "goodput": sum(cost == LEAST for cost in run.costs) / len(run.costs),
        "ttft_p50": quantile(waits, 50) / 1e9,
        "ttft_p95": quantile(waits, 95) / 1e9,
        "gap_p95": quantile(gaps, 95) / 1e9,
        "evictions": float(run.evictions),
        "recomputed": float(run.recomputed),
    }


def quantile(values: Sequence[int], percent: int) -> int:
    """Return the least of sorted values that so many per cent of them do not exceed."""
    return values[max(0, -(-len(values) * percent // 100) - 1)]
