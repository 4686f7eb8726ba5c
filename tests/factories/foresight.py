"""Schedulers that look ahead and those that do not, by domain, and whether a twin catches them."""

import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

from graders.exact import (
    fair_queue_rules,
    fair_queue_twin,
    placement_rules,
    placement_twin,
    serving_twin,
)
from graders.exact.fair_queue_simulator import ClusterRun, QueuedJob
from graders.exact.fair_queue_simulator import Pick as ClusterPick
from graders.exact.placement_simulator import ComingTask, Place, PlacementRun
from graders.exact.serving_measure import Plan
from graders.exact.serving_rules import admission, by_peak, first_come
from graders.exact.serving_server import ModelServer, Request
from graders.exact.serving_simulator import Log, ServingRun
from harness.families.serving import PLANS

Make = Callable[[Any], Any]  # a policy, made of the run that it decides in


class Watched(NamedTuple):
    """The schedulers of a domain, and whether one is caught on the twin of a case and a seed."""

    honest: Mapping[str, Make]
    cheats: Mapping[str, Make]
    is_caught: Callable[[Any, Make, str], bool]


def blind(make: Callable[[], Any]) -> Make:
    """A policy that is made of nothing."""
    return lambda _: make()


# Servers of a language model -----------------------------------------------------------------


def serving_log(case: Any, make: Make, until: int | None = None) -> Log:
    """What a policy decides in a workload."""
    run = ServingRun(case, first_come(), until)
    run.plan = make(run)
    return run.run()


def serving_caught(case: Any, make: Make, seed: str) -> bool:
    """Whether a policy decides otherwise before the moment of a twin."""
    log = serving_log(case, make)
    twin = serving_twin.twin_of(case, log, seed)
    assert twin is not None
    again = serving_log(json.loads(json.dumps(twin.case)), make, twin.asks)
    return [e for e in log if e[0] < twin.asks] != [e for e in again if e[0] < twin.asks]


def shortest_request_ahead(run: ServingRun) -> Plan:
    """Knows every length, and admits the shortest rest first."""

    def key(server: ModelServer, request: Request) -> Any:  # noqa: ARG001
        return run.lengths[request.id] - request.out + request.prompt / 8, request.id

    return admission(key)


def peak_ahead(run: ServingRun) -> Plan:
    """Knows every length, and admits first come while the exact peak of memory fits."""
    return by_peak(lambda _, request: run.lengths[request.id])


SERVING = Watched(
    {name: blind(make) for name, (_, make) in PLANS.items()},
    {"true shortest first": shortest_request_ahead, "exact peak": peak_ahead},
    serving_caught,
)

# Clusters of several users -------------------------------------------------------------------


def picks(case: Any, make: Make, until: int | None = None) -> list[int]:
    """What a policy picks on a cluster."""
    run = ClusterRun(case, lambda run: run.ready[0], until)
    run.pick = make(run)
    return run.run()


def picks_caught(case: Any, make: Make, seed: str) -> bool:
    """Whether a policy picks otherwise before the moment of a twin."""
    log = picks(case, make)
    twin = fair_queue_twin.twin_of(case, log, seed)
    assert twin is not None
    return log[: twin.picks] != picks(json.loads(json.dumps(twin.case)), make, twin.picks)


def true_works(run: ClusterRun) -> list[int]:
    """The work of every job, those that have not come among them."""
    return [sum(map(sum, stages)) for stages in run.lengths]


def shortest_job_ahead(run: ClusterRun) -> ClusterPick:
    """Knows all work, and picks the least that is left."""
    works = true_works(run)
    return fair_queue_rules.shortest(lambda job: works[job.id])


def job_fair_ahead(run: ClusterRun) -> ClusterPick:
    """Knows all work, and queues fairly by it."""
    works = true_works(run)
    return fair_queue_rules.job_fair(lambda job: works[job.id])


def next_task_ahead(run: ClusterRun) -> ClusterPick:
    """Knows how long the next task of each job lasts, and picks the shortest."""

    def length(_: ClusterRun, job: QueuedJob) -> int:
        lengths = run.lengths[job.id][job.stage]
        return int(lengths[len(lengths) - job.waiting])

    return fair_queue_rules.by_key(length)


FAIR_QUEUE = Watched(
    {name: blind(make) for name, (_, make) in fair_queue_rules.POLICIES.items()},
    {
        "true shortest first": shortest_job_ahead,
        "fair by true work": job_fair_ahead,
        "shortest next task": next_task_ahead,
    },
    picks_caught,
)

# Hosts ---------------------------------------------------------------------------------------


def places(case: Any, make: Make, until: int | None = None) -> list[int]:
    """Where a policy places tasks."""
    run = PlacementRun(case, lambda task, hosts: None, until)  # noqa: ARG005
    run.place = make(run)
    return run.run()


def places_caught(case: Any, make: Make, seed: str) -> bool:
    """Whether a policy places otherwise before the moment of a twin."""
    log = places(case, make)
    twin = placement_twin.twin_of(case, log, seed)
    assert twin is not None
    return log[: twin.tasks] != places(json.loads(json.dumps(twin.case)), make, twin.tasks)


def ends_ahead(rule: Any, run: PlacementRun) -> Place:
    """Knows when tasks end, and places by a rule that wants to know."""

    def end(task: ComingTask) -> float:
        return float(task.at + run.times[task.id])

    place: Place = rule(run, end=end)
    return place


PLACEMENT = Watched(
    {name: make for name, (_, make) in placement_rules.RULES.items()},
    {
        "true alike end": partial(ends_ahead, placement_rules.alike_end),
        "true least longer": partial(ends_ahead, placement_rules.least_longer),
    },
    places_caught,
)
