"""Twins of a workload: the same until a moment, and otherwise after it.

Whoever plans without looking ahead decides the same on both until the moment. What had not ended
then goes on as long as it likes, pauses under way end at other times, and what had not come comes
otherwise.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from copy import deepcopy
from random import Random
from typing import Any, NamedTuple

from graders.exact.serving_server import ModelServer, RefusedPlan, Request
from graders.exact.serving_simulator import ServingRun, replayed


class ServingTwin(NamedTuple):
    """A workload as JSON that is another one until a moment, and the asks before that moment."""

    case: dict[str, Any]
    asks: int


class _Past(NamedTuple):
    """What is settled at a moment.

    Attributes:
        requests: that have come, by job and stage; what they have made when the iterations under
            way end is in them.
        ended: numbers of those that had ended before the moment.
        stages: of each job, the last that has begun.
    """

    requests: Mapping[tuple[int, int], Sequence[Request]]
    ended: frozenset[int]
    stages: Sequence[int]


def twin_of(case: Mapping[str, Any], log: Sequence[Any], seed: str) -> ServingTwin | None:
    """Return a twin that parts just after an ask at which many requests waited.

    Args:
        case: a workload as JSON.
        log: of a run of it.
        seed: of the moment, and of what comes after it.

    Returns:
        The twin; None if the log is refused, or nothing was ever asked.
    """
    asks: list[tuple[float, int]] = []
    policy = replayed(log)

    def noted(server: ModelServer) -> Any:
        decoding = sum(request.out > 0 for request in server.running)
        asks.append((len(server.waiting) + decoding / 1000, server.now))
        return policy(server)

    try:
        ServingRun(case, noted).run()
    except RefusedPlan:
        return None
    rng = Random(f"serving/twin/{seed}")
    fullest = sorted(asks, reverse=True)[: max(5, len(asks) // 10)]
    moment = rng.choice(fullest)[1] + 1
    count = sum(now < moment for _, now in asks)
    return ServingTwin(_changed(case, _past(case, log, moment), moment, rng), count)


def _past(case: Mapping[str, Any], log: Sequence[Any], moment: int) -> _Past:
    simulation = ServingRun(case, replayed(log))
    simulation.advance(moment)
    ended = frozenset(r.id for r in simulation.requests if r.done is not None)
    stages = [job.stage for job in simulation.jobs]
    for at, _, kind, subject in sorted(simulation.events, key=lambda event: event[:2]):
        if kind == "step":
            simulation.end_step(at, subject)
    requests = defaultdict[tuple[int, int], list[Request]](list)
    for request in simulation.requests:
        requests[request.job, request.stage].append(request)
    return _Past(requests, ended, stages)


def _changed(case: Mapping[str, Any], past: _Past, moment: int, rng: Random) -> dict[str, Any]:
    """Return a workload in which all that is not settled at the moment is drawn anew."""
    other = deepcopy(dict(case))
    for number, job in enumerate(other["jobs"]):
        has_come = job["at"] < moment
        if not has_come:
            job["at"] = moment + int((job["at"] - moment) * rng.uniform(0.5, 1.5)) + 1
        for k, stage in enumerate(job["stages"]):
            is_begun = has_come and k <= past.stages[number]
            requests = past.requests.get((number, k), ()) if is_begun else ()
            _change_calls(stage["calls"], requests, past.ended, rng)
            is_over = bool(requests) and all(r.id in past.ended for r in requests)
            if stage["pause"] and not (is_over and past.stages[number] > k):
                end = max(r.done or 0 for r in requests) if is_over else moment
                pause = max(0, moment - end) + 1
                stage["pause"] = pause + int(rng.expovariate(1 / stage["pause"]))
    return {**other, "jobs": sorted(other["jobs"], key=lambda job: int(job["at"]))}


def _change_calls(
    calls: Sequence[dict[str, Any]],
    requests: Sequence[Request],
    ended: frozenset[int],
    rng: Random,
) -> None:
    if not requests:
        for call in calls:
            call["prompt"] = max(1, int(call["prompt"] * rng.uniform(0.5, 1.5)))
            call["output"] = min(call["cap"], max(1, int(call["output"] * rng.uniform(0.3, 3))))
    for call, request in zip(calls, requests, strict=False):
        if request.id not in ended:
            more = int(rng.expovariate(1 / max(20, call["output"] / 2)))
            least = request.out + (request.done is None)
            call["output"] = max(least, min(call["cap"], least + more))
