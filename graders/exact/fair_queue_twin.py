"""Twins of a cluster: the same until a moment, and otherwise after it.

Whoever picks without looking ahead picks the same on both until the moment. Tasks under way then
last otherwise, tasks that have not begun too, and jobs that have not come come later and are
others; what a scheduler is told of a job that has come, its hint and its numbers of tasks, stays.
"""

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any, NamedTuple

from graders.exact.fair_queue_simulator import ClusterRun, RefusedPick, replayed


class ClusterTwin(NamedTuple):
    """A cluster as JSON that is another one until a moment, and the picks before that moment."""

    case: dict[str, Any]
    picks: int


def twin_of(case: Mapping[str, Any], log: Sequence[int], seed: str) -> ClusterTwin | None:
    """Return a twin that parts just after a pick that had many jobs to choose from.

    Args:
        case: a cluster as JSON.
        log: of a run of it.
        seed: of the moment, and of what comes after it.

    Returns:
        The twin; None if the log is refused.
    """
    moments: list[tuple[int, int]] = []
    policy = replayed(log)

    def noted(run: ClusterRun) -> Any:
        moments.append((len(run.ready), run.now))
        return policy(run)

    try:
        ClusterRun(case, noted).run()
    except RefusedPick:
        return None
    rng = Random(f"fair-queue/twin/{seed}")
    fullest = sorted(moments, reverse=True)[: max(5, len(moments) // 10)]
    moment = rng.choice(fullest)[1] + 1
    picks = sum(now < moment for _, now in moments)
    return ClusterTwin(_changed(case, log[:picks], moment, rng), picks)


def _changed(
    case: Mapping[str, Any], log: Sequence[int], moment: int, rng: Random
) -> dict[str, Any]:
    """Return a cluster in which all that is not settled at the moment is drawn anew."""
    begins = _begins(case, log)
    jobs = [
        _gone_on(number, job, begins, moment, rng=rng)
        if job["at"] < moment
        else _come_otherwise(job, moment, rng)
        for number, job in enumerate(case["jobs"])
    ]
    return {**case, "jobs": sorted(jobs, key=lambda job: int(job["at"]))}


def _gone_on(
    number: int,
    job: Mapping[str, Any],
    begins: Mapping[tuple[int, int, int], int],
    moment: int,
    *,
    rng: Random,
) -> dict[str, Any]:
    """Return a job that has come: what of its tasks has ended by the moment stays as it was."""

    def length_of(k: int, i: int, length: int) -> int:
        begin = begins.get((number, k, i))
        if begin is None:
            return _another(length, rng)
        if begin + length < moment:
            return length
        return moment - begin - 1 + _another(length, rng)

    stages = [
        [length_of(k, i, length) for i, length in enumerate(stage)]
        for k, stage in enumerate(job["stages"])
    ]
    return {**job, "stages": stages}


def _begins(case: Mapping[str, Any], log: Sequence[int]) -> dict[tuple[int, int, int], int]:
    """Return when each task that a log has begun did so, by job, stage and place in it."""
    policy, begins = replayed(log), dict[tuple[int, int, int], int]()

    def noted(run: ClusterRun) -> Any:
        number = policy(run)
        job = run.jobs[number]
        place = len(run.lengths[number][job.stage]) - job.waiting
        begins[number, job.stage, place] = run.now
        return number

    ClusterRun(case, noted, len(log)).run()
    return begins


def _come_otherwise(job: Mapping[str, Any], moment: int, rng: Random) -> dict[str, Any]:
    stages = [[_another(length, rng) for length in stage] for stage in job["stages"]]
    at = moment + int((job["at"] - moment) * rng.uniform(0.5, 1.5))
    hint = None if job["hint"] is None else _another(job["hint"], rng)
    return {**job, "at": at, "stages": stages, "hint": hint}


def _another(length: int, rng: Random) -> int:
    """Return a third to three times of a length, at least 1."""
    return max(1, int(length * rng.uniform(0.3, 3)))
