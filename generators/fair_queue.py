"""Generates clusters of equal pressure: jobs of users come so dense that a random order costs 2.

Jobs are of the mix of a Spark cluster whose users explore data: most are small, and one user sends
many, large ones. Arrivals come in bursts.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from math import exp
from random import Random
from statistics import fmean
from typing import Annotated, Literal

import msgspec
from msgspec import Meta
from msgspec.structs import replace

from generators.base import plain_settings, settings_as
from generators.pressure import TRIES, RandomCosts, Ranks, orders_that_count, sooner, step_with_room
from graders.exact.fair_queue import reference as solved
from graders.exact.fair_queue_kernel import ClusterRuns, cluster_runs
from graders.exact.fair_queue_orders import random_orders
from tasks.base import InputError, Instance, Noun, Reference, Scalar
from tasks.fair_queue import VERSION, ClusterJob, SharedCluster
from tasks.ids import instance_id

FEWEST, MOST = 3, 1000  # jobs
SMALL, LARGE = (300, 0.5), (1500, 0.6)  # ms that a task of a job lasts, and the spread of that
HEAVY_SMALL, LIGHT_SMALL = 0.35, 0.8  # of the jobs of the first user, and of the others


class FairQueueSettings(Noun, frozen=True):
    """The dials of a cluster.

    Attributes:
        cores: of the cluster.
        users: who send jobs.
        heavy: share of the jobs that the first user sends, whose jobs are larger too.
        pressure: the mean cost of a job in a random order, by which arrivals are set.
        hint: what a scheduler is told of a job's work: a guess, wrong by half; the number; or
            nothing.
    """

    cores: Annotated[int, Meta(ge=2, le=256)] = 8
    users: Annotated[int, Meta(ge=1, le=50)] = 3
    heavy: Annotated[float, Meta(ge=0, le=1)] = 0.5
    pressure: Annotated[float, Meta(ge=1.2, le=5)] = 2.0
    hint: Literal["guess", "exact", "none"] = "guess"


def resolve(level: int, settings: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """Return all settings, with their defaults, in one spelling.

    Args:
        level: the number of jobs.
        settings: those that are given; see `FairQueueSettings`.

    Raises:
        InputError: the level or a setting is wrong.
    """
    typed = settings_as(FairQueueSettings, "fair-queue", settings)
    if not FEWEST <= level <= MOST:
        raise InputError(f"level {level}: a cluster has {FEWEST} to {MOST} jobs")
    for name, value in (("heavy", typed.heavy), ("pressure", typed.pressure)):
        if value != value:  # not a number passes every bound
            raise InputError(f"settings of fair-queue: {name}: {value} is no number")
    return plain_settings(typed)


def generate(
    level: int, seed: int, index: int, settings: Mapping[str, Scalar], *, reference: bool = True
) -> Instance[SharedCluster]:
    """Return a cluster whose arrivals are set by its pressure.

    Args:
        level: the number of jobs.
        seed: of all streams.
        index: the number of the instance, from 0.
        settings: those that are given; see `FairQueueSettings`.
        reference: whether good runs are searched; the bound is there without.

    Raises:
        InputError: the level or a setting is wrong, or no draw leaves anything to plan.
    """
    resolved = resolve(level, settings)
    typed = msgspec.convert(resolved, FairQueueSettings)
    cluster = _under_pressure(level, f"{seed}/{index}/{level}", typed)
    return Instance(
        id=instance_id("fair-queue", level, seed, index, VERSION, resolved, apart=True),
        family="fair-queue",
        level=level,
        seed=seed,
        index=index,
        settings=resolved,
        version=VERSION,
        payload=cluster,
        reference=solved(cluster, search=reference),
    )


def solve(cluster: SharedCluster, /, *, seconds: float | None = None) -> Reference:
    """Return the best of many runs, and the bound; see `graders.exact.fair_queue`."""
    del seconds
    return solved(cluster)


def _under_pressure(level: int, place: str, settings: FairQueueSettings) -> SharedCluster:
    """Draw jobs until they can be put under the pressure that is asked for."""
    orders = random_orders(level, orders_that_count(level))
    for number in range(TRIES):
        cluster = at_leisure(level, f"{place}/{number}", settings)
        costs = RandomCosts(partial(_mean_cost, cluster_runs(cluster)), orders)
        step = step_with_room(costs, level, settings.pressure)
        if step is not None:
            return denser(cluster, step)
    raise InputError(f"level {level}: no order of these jobs matters: give more jobs or users")


def _mean_cost(runs: ClusterRuns, ranks: Ranks, share: int) -> float:
    return runs.cost(ranks, share) / 1000 / len(ranks)


def denser(cluster: SharedCluster, step: int) -> SharedCluster:
    """Return a cluster whose jobs come sooner after one another, 8 % for each step."""
    jobs = tuple(replace(job, at=sooner(job.at, step)) for job in cluster.jobs)
    return replace(cluster, jobs=jobs)


def at_leisure(level: int, place: str, settings: FairQueueSettings) -> SharedCluster:
    """Return jobs that come one by one: most end before the next comes.

    Args:
        level: the number of jobs.
        place: of the streams.
        settings: but the pressure.
    """
    rng = _stream(place, "jobs")
    jobs = tuple(_job(k, level, rng, settings) for k in range(level))
    gap = fmean(cluster_runs(SharedCluster(settings.cores, jobs)).alone())
    jobs = _arriving(jobs, gap, _stream(place, "arrivals"))
    return SharedCluster(settings.cores, _hinted(jobs, settings.hint, _stream(place, "hints")))


def _stream(place: str, part: str) -> Random:
    return Random(f"fair-queue/{VERSION}/{place}/{part}")


def _job(number: int, level: int, rng: Random, settings: FairQueueSettings) -> ClusterJob:
    is_heavy = settings.users == 1 or rng.random() < settings.heavy
    user = 0 if is_heavy else rng.randint(1, settings.users - 1)
    is_small = rng.random() < (HEAVY_SMALL if is_heavy else LIGHT_SMALL)
    cores = settings.cores
    least, most = (max(1, cores // 8), cores) if is_small else (cores, 5 * cores // 2)
    length, spread = SMALL if is_small else LARGE
    stages = []
    for _ in range(rng.randint(1, 3)):
        typical = length * exp(rng.gauss(0, spread))
        tasks = rng.randint(least, most)
        stages.append(tuple(max(20, int(typical * exp(rng.gauss(0, 0.4)))) for _ in range(tasks)))
    width = max(2, len(str(level)))
    return ClusterJob(f"J{number + 1:0{width}d}", user, 0, tuple(stages))


def _arriving(jobs: Sequence[ClusterJob], gap: float, rng: Random) -> tuple[ClusterJob, ...]:
    """Return jobs that come in bursts, a mean gap in ms after one another."""
    now, arriving = 0, list[ClusterJob]()
    for job in jobs:
        arriving.append(replace(job, at=now))
        now += int(rng.gammavariate(0.5, 2 * gap))
    return tuple(arriving)


def _hinted(jobs: Sequence[ClusterJob], hint: str, rng: Random) -> tuple[ClusterJob, ...]:
    guesses = [max(1, int(job.work * exp(rng.gauss(0, 0.5)))) for job in jobs]
    if hint == "guess":
        return tuple(replace(j, hint=g) for j, g in zip(jobs, guesses, strict=True))
    return tuple(replace(j, hint=j.work if hint == "exact" else None) for j in jobs)
