"""Generates jobs whose operations show one by one: the same jobs at every level, cut finer.

Releases and total sizes are drawn once for a seed and an index; the level only says into how many
operations each job is cut. So the least total flow time is the same number at every level.
"""

from collections.abc import Mapping
from functools import lru_cache
from math import isfinite
from random import Random
from statistics import fmean
from typing import Annotated, Literal, NamedTuple

import msgspec
from msgspec import Meta
from msgspec.structs import replace

from generators.base import plain_settings, settings_as
from graders.exact.flow import Rule, fifo, learned, least, reference, simulate, srpt
from graders.flow import INFORMED
from tasks.base import InputError, Instance, Noun, Reference, Scalar
from tasks.flow import VERSION
from tasks.flow_machine import OneMachine, WaitingJob
from tasks.flow_payload import Flow, StagedJob, has_choice
from tasks.ids import instance_id

LARGEST = 16  # operations a job: the smallest job has as many units
SHORTEST, DOUBLINGS = 16, 3  # sizes are SHORTEST * 2^U(0, DOUBLINGS)
TEST = 8  # the first operation of every job of the shape `tests`
SHAPES = ("equal", "random", "growing", "inverse")  # those that may be hidden
ROOM = 1.05  # of FIFO over the optimum, at least: else there is nothing to plan
TRIES = 2_000  # draws of an instance with that much room
POOL = 4_000  # jobs from which the informed rule knows the generator
STEP = 4  # time units of a known part that it takes for the same


class FlowSettings(Noun, frozen=True):
    """The dials of a set of jobs.

    Attributes:
        jobs: how many come.
        load: work that comes, over what the machine can do in that time.
        shape: of a job's operations; `hidden` is one of the first four, by instance.
        count: whether it is told how many operations of a job are to come.
        pause: time units without work after a turn without a decision.
        history: what a turn shows, the state alone or the conversation so far.
    """

    jobs: Annotated[int, Meta(ge=2, le=50)] = 10
    load: Annotated[float, Meta(ge=0.1, le=100)] = 1.2
    shape: Literal["hidden", "equal", "random", "growing", "inverse", "tests"] = "hidden"
    count: Literal["known", "hidden"] = "known"
    pause: Annotated[int, Meta(ge=1, le=1_000)] = 10
    history: Literal["state", "conversation"] = "state"


class ReleasedSizes(NamedTuple):
    """Jobs before they are cut: ids, releases and total sizes."""

    ids: list[str]
    releases: list[int]
    sizes: list[int]


def resolve(level: int, settings: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """Return all settings, with their defaults, in one spelling.

    Args:
        level: the operations of a job.
        settings: those that are given; see `FlowSettings`.

    Raises:
        InputError: the level or a setting is wrong.
    """
    if not 1 <= level <= LARGEST:
        raise InputError(f"level {level}: a job has 1 to {LARGEST} operations")
    typed = settings_as(FlowSettings, "flow", settings)
    if typed.shape == "tests" and level > 2:
        raise InputError(f"level {level}: jobs of shape=tests have 1 or 2 operations")
    if not isfinite(typed.load):
        raise InputError(f"settings of flow: load: {typed.load} is not from 0.1 to 100")
    return plain_settings(typed)


def generate(
    level: int, seed: int, index: int, settings: Mapping[str, Scalar], *, reference: bool = True
) -> Instance[Flow]:
    """Return jobs of one machine; their optimum is found at once.

    Args:
        level: the operations of a job.
        seed: of all streams.
        index: the number of the instance, from 0.
        settings: those that are given; see `FlowSettings`.
        reference: whether the informed rule's total is added to the reference.

    Raises:
        InputError: the level or a setting is wrong, or no jobs leave anything to plan.
    """
    resolved = resolve(level, settings)
    typed = msgspec.convert(resolved, FlowSettings)
    drawn_sizes, shape = _with_room(seed, index, typed), shape_of(typed.shape, seed, index)
    flow = Flow(
        _cut_jobs(drawn_sizes, level, shape, f"{seed}/{index}"),
        count=typed.count,
        pause=typed.pause,
        history=typed.history,
    )
    instance = Instance(
        id=instance_id("flow", level, seed, index, VERSION, resolved),
        family="flow",
        level=level,
        seed=seed,
        index=index,
        settings=resolved,
        version=VERSION,
        payload=flow,
        reference=solve(flow),
    )
    return _with_informed(instance) if reference else instance


def solve(flow: Flow, /, *, seconds: float | None = None) -> Reference:
    """Return the least total flow time; see `graders.exact.flow`."""
    return reference(flow, seconds=seconds)


def _with_informed(instance: Instance[Flow]) -> Instance[Flow]:
    best = instance.reference
    total = simulate(instance.payload, informed(instance)).total
    answer = {**(best.answer or {}), INFORMED: total}
    return replace(instance, reference=replace(best, answer=answer))


def _stream(seed: int, index: int, part: str) -> Random:
    return Random(f"flow/{VERSION}/{seed}/{index}/{part}")


def shape_of(shape: str, seed: int, index: int) -> str:
    """Return the shape of an instance's jobs, also where it is hidden."""
    return _stream(seed, index, "shape").choice(SHAPES) if shape == "hidden" else shape


def _with_room(seed: int, index: int, settings: FlowSettings) -> ReleasedSizes:
    """Draw jobs until first come, first served is far enough from the optimum."""
    for number in range(TRIES):
        jobs = _released(seed, index, settings, f" {number}" if number else "")
        whole = _cut_jobs(jobs, 1, "equal", "")
        if has_choice(whole):
            flow = Flow(whole)
            if simulate(flow, fifo).total >= ROOM * simulate(flow, srpt).total:
                return jobs
    raise InputError(
        f"jobs={settings.jobs}, load={settings.load:g}: nothing is to plan at seed {seed}, index"
        f" {index}: give more jobs or a higher load"
    )


def _released(seed: int, index: int, settings: FlowSettings, number: str) -> ReleasedSizes:
    """Draw each ingredient from its own stream; ids do not follow releases."""
    rng, count = _stream(seed, index, f"sizes{number}"), settings.jobs
    sizes = [_size(rng) for _ in range(count)]
    rng, gap, now = _stream(seed, index, f"releases{number}"), fmean(sizes) / settings.load, 0.0
    releases = []
    for _ in range(count):
        releases.append(int(now))
        now += rng.expovariate(1) * gap
    ids = [f"J{k:02d}" for k in range(1, count + 1)]
    _stream(seed, index, f"ids{number}").shuffle(ids)
    return ReleasedSizes(ids, releases, sizes)


def _size(rng: Random) -> int:
    return round(SHORTEST * 2 ** (DOUBLINGS * rng.random()))


# Cuts ----------------------------------------------------------------------------------------


def _cut_jobs(jobs: ReleasedSizes, level: int, shape: str, place: str) -> tuple[StagedJob, ...]:
    staged = []
    for k, (name, release, size) in enumerate(zip(*jobs, strict=True)):
        rng = Random(f"flow/{VERSION}/{place}/cut {k} {level} {shape}")
        staged.append(StagedJob(name, release, tuple(cut(size, level, shape, rng))))
    return tuple(sorted(staged, key=lambda job: job.id))


def cut(size: int, parts: int, shape: str, rng: Random) -> list[int]:
    """Cut a job into operations, each of 1 time unit or more.

    Args:
        size: of the job, in time units; at least `parts`.
        parts: how many operations.
        shape: one of `SHAPES`, or `tests`.
        rng: the stream of the job.
    """
    if parts == 1:
        return [size]
    if shape == "tests":
        return [TEST, size - TEST]
    if shape == "random":
        points = sorted(rng.sample(range(1, size), parts - 1))
        return [b - a for a, b in zip([0, *points], [*points, size], strict=True)]
    if shape == "inverse":  # the longer the job, the shorter its first operation
        longest = SHORTEST * 2**DOUBLINGS + SHORTEST
        usual = round((longest - size) / (2 * parts) * (0.8 + 0.4 * rng.random()))
        first = max(1, min(size - parts + 1, usual))
        return [first, *cut(size - first, parts - 1, "equal", rng)]
    ratio = 2.0 if shape == "growing" else 1.0
    return _by_weight(size, [ratio**k * (1 + 0.2 * rng.random()) for k in range(parts)])


def _by_weight(size: int, weights: list[float]) -> list[int]:
    """Cut a size by weights; what rounding leaves, or lacks, is the largest part's."""
    total = sum(weights)
    parts = [max(1, int(size * weight / total)) for weight in weights]
    while sum(parts) > size:  # parts below 1 were filled up
        parts[_largest(parts)] -= 1
    parts[_largest(parts)] += size - sum(parts)
    return parts


def _largest(parts: list[int]) -> int:
    return max(range(len(parts)), key=lambda k: (parts[k], k))


# Who knows the generator ---------------------------------------------------------------------


@lru_cache(maxsize=64)
def _pool(shape: str, parts: int) -> list[tuple[int, list[int]]]:
    """Return jobs drawn like the generator's: total sizes and operations."""
    rng = Random(f"flow/{VERSION}/pool/{parts}/{shape}")
    sizes = (_size(rng) for _ in range(POOL))
    return [(size, cut(size, parts, shape, rng)) for size in sizes]


@lru_cache(maxsize=512)
def _mean_totals(shape: str, parts: int, done: int) -> dict[int, float]:
    """Return the mean total size by the known part, once so many operations are done."""
    groups: dict[int, list[int]] = {}
    for size, operations in _pool(shape, parts):
        groups.setdefault(sum(operations[: done + 1]) // STEP, []).append(size)
    return {part: fmean(sizes) for part, sizes in groups.items()}


def informed(instance: Instance[Flow]) -> Rule:
    """Return the rule of somebody who knows the generator and the shape: a ceiling online.

    It runs the job with the least expected rest, given the known part. Of an instance that was not
    generated nothing is known: it learns within the episode.
    """
    seed, name = instance.seed, instance.settings.get("shape")
    if seed is None or not isinstance(name, str):
        return learned
    shape, parts = shape_of(name, seed, instance.index), instance.level

    def remaining(_machine: OneMachine, _name: str, job: WaitingJob) -> float:
        if not job.left:
            return job.now
        totals, part = _mean_totals(shape, parts, len(job.finished)), (job.done + job.now) // STEP
        nearest = min(totals, key=lambda group: (abs(group - part), group))
        return max(job.now + job.left, totals[nearest] - job.done)

    return least(remaining)
