"""Generates jobs for one machine: the grid of the paper, every ingredient from its own stream.

Çetinkaya, Büyüktahtakın, Shojaee & Reddy (arXiv 2510.24013), after Potts & Van Wassenhove (1982):
processing times U{1..100} with sum P, due dates uniform on [P(1-TF-RDD/2), P(1-TF+RDD/2)], where
TF is the tardiness factor and RDD the relative range of due dates.
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from math import floor
from random import Random
from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import Meta
from msgspec.structs import replace

from generators.base import plain_settings, settings_as
from generators.jobs import job_ids
from graders.exact.tardiness import reference as solve
from tasks.base import InputError, Instance, Noun, Reference, Scalar
from tasks.ids import instance_id
from tasks.tardiness import VERSION, Job, Jobs

LARGEST = 10_000  # jobs
LONGEST, HEAVIEST = 100, 10  # of processing times and weights, which start from 1
GRID = tuple((tf, rdd) for tf in (0.2, 0.4, 0.6, 0.8) for rdd in (0.2, 0.4, 0.6, 0.8, 1.0))
Dial: TypeAlias = Annotated[float, Meta(ge=0, le=1)] | Literal["grid"]


class JobsSettings(Noun, frozen=True):
    """The dials of a set of jobs.

    Attributes:
        tf: tardiness factor in [0, 1], about the share of jobs late in a random order; `grid` for
            both tf and rdd takes cell (index mod 20) of `GRID`.
        rdd: relative range of due dates in [0, 1], as a share of the sum of processing times.
        variant: the words of the prompt: plain, or with the classic rules.
        weights: whether jobs have weights U{1..10}; else all weigh 1.
    """

    tf: Dial = "grid"
    rdd: Dial = "grid"
    variant: Literal["plain", "rules"] = "plain"
    weights: bool = False

    def __post_init__(self) -> None:
        if (self.tf == "grid") != (self.rdd == "grid"):
            number, grid = ("rdd", "tf") if self.tf == "grid" else ("tf", "rdd")
            raise ValueError(f"{number} is given without {grid}: give both, or neither")


def resolve(level: int, settings: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """Return all settings, with their defaults, in one spelling.

    Args:
        level: the number of jobs.
        settings: those that are given; see `JobsSettings`.

    Raises:
        InputError: the level or a setting is wrong.
    """
    if level < 1:
        raise InputError(f"level {level}: there must be at least one job")
    if level > LARGEST:
        raise InputError(f"level {level}: there are at most {LARGEST} jobs")
    return plain_settings(settings_as(JobsSettings, "tardiness", settings))


def generate(
    level: int, seed: int, index: int, settings: Mapping[str, Scalar], *, reference: bool = True
) -> Instance[Jobs]:
    """Return jobs of one machine; the settings of the instance are those of its grid cell.

    For one level, seed and index the jobs keep their times, weights and ranks of due dates over
    tf, rdd, variant and weights. Levels share nothing, so that all instances of a suite are
    independent trials.

    Args:
        level: the number of jobs.
        seed: of all streams.
        index: the number of the instance, from 0.
        settings: those that are given; see `JobsSettings`.
        reference: whether the optimum, or a bound, is added.

    Raises:
        InputError: the level or a setting is wrong.
    """
    typed = msgspec.convert(resolve(level, settings), JobsSettings)
    if typed.tf == "grid":
        tf, rdd = GRID[index % len(GRID)]
        typed = replace(typed, tf=tf, rdd=rdd)
    resolved = plain_settings(typed)
    payload = _jobs(level, f"tardiness/{VERSION}/{level}/{seed}/{index}", typed)
    return Instance(
        id=instance_id("tardiness", level, seed, index, VERSION, resolved, apart=True),
        family="tardiness",
        level=level,
        seed=seed,
        index=index,
        settings=resolved,
        version=VERSION,
        payload=payload,
        reference=solve(payload) if reference else Reference("none"),
    )


def _jobs(level: int, streams: str, settings: JobsSettings) -> Jobs:
    """Draw every ingredient from its own stream; jobs get shuffled ids and are listed by id.

    Args:
        level: the number of jobs.
        streams: the beginning of the names of the random streams.
        settings: with numbers for tf and rdd.
    """
    rng = Random(f"{streams}/processing times")
    p = [rng.randint(1, LONGEST) for _ in range(level)]
    rng = Random(f"{streams}/due dates")
    d = due_dates(p, settings.tf, settings.rdd, [rng.random() for _ in p])
    rng = Random(f"{streams}/weights")
    w = [rng.randint(1, HEAVIEST) if settings.weights else 1 for _ in p]
    ids = job_ids(level)
    Random(f"{streams}/ids").shuffle(ids)
    jobs = sorted(map(Job, ids, p, d, w), key=lambda job: job.id)
    return Jobs(tuple(jobs), settings.variant)


def due_dates(p: Sequence[int], tf: Dial, rdd: Dial, draws: Sequence[float]) -> list[int]:
    """Return due dates, uniform on the whole numbers from P(1-TF-RDD/2) to P(1-TF+RDD/2).

    Potts & Van Wassenhove (1982). Both ends are computed exactly and rounded to the nearest whole
    number (halves to the even one). Due dates may be negative.

    Args:
        p: processing times in time units; P is their sum.
        tf: tardiness factor in [0, 1].
        rdd: relative range of due dates in [0, 1].
        draws: a number u in [0, 1) for each job, which gives the due date at u of the way.

    Returns:
        A due date for each job, in time units.
    """
    total, middle, half = sum(p), 1 - Fraction(str(tf)), Fraction(str(rdd)) / 2
    low, high = round(total * (middle - half)), round(total * (middle + half))
    return [low + floor(u * (high - low + 1)) for u in draws]
