"""Generates jobs for one machine: the grid of the paper, every ingredient from its own stream.

Çetinkaya, Büyüktahtakın, Shojaee & Reddy (arXiv 2510.24013), after Potts & Van Wassenhove (1982):
processing times U{1..100} with sum P, due dates uniform on [P(1-TF-RDD/2), P(1-TF+RDD/2)], where
TF is the tardiness factor and RDD the relative range of due dates.
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from math import floor
from random import Random
from typing import Literal, TypeAlias

import msgspec
from msgspec.structs import replace

from generators.base import settings_as
from graders.exact.tardiness import reference as solve
from tasks.base import InputError, Instance, Noun, Reference, Scalar
from tasks.ids import instance_id
from tasks.tardiness import VERSION, Job, Jobs

LARGEST = 10_000  # jobs
LONGEST, HEAVIEST = 100, 10  # of processing times and weights, which start from 1
GRID = tuple((tf, rdd) for tf in (0.2, 0.4, 0.6, 0.8) for rdd in (0.2, 0.4, 0.6, 0.8, 1.0))
Dial: TypeAlias = float | Literal["grid"]


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
        for name, value in (("tf", self.tf), ("rdd", self.rdd)):
            if value != "grid" and not 0 <= value <= 1:
                raise ValueError(f"{name}: {value} is not in [0, 1]")
        if (self.tf == "grid") != (self.rdd == "grid"):
            given, other = ("rdd", "tf") if self.tf == "grid" else ("tf", "rdd")
            raise ValueError(f"{given} is given without {other}: give both, or neither")


def resolve(level: int, settings: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """All settings, with their defaults, in one spelling; InputError names a bad one."""
    if level < 1:
        raise InputError(f"level {level}: there must be at least one job")
    if level > LARGEST:
        raise InputError(f"level {level}: there are at most {LARGEST} jobs")
    plain: dict[str, Scalar] = msgspec.to_builtins(settings_as(JobsSettings, "tardiness", settings))
    return plain


def generate(
    level: int, seed: int, index: int, settings: Mapping[str, Scalar], *, reference: bool = True
) -> Instance[Jobs]:
    """The instance of `level` jobs at a seed and index, its settings those of its grid cell.

    For one level, seed and index the jobs keep their times, weights and ranks of due dates over
    tf, rdd, variant and weights. Levels share nothing, so that all instances of a suite are
    independent trials. InputError if the settings are wrong.
    """
    wanted = msgspec.convert(resolve(level, settings), JobsSettings)
    if wanted.tf == "grid":
        tf, rdd = GRID[index % len(GRID)]
        wanted = replace(wanted, tf=tf, rdd=rdd)
    named: dict[str, Scalar] = msgspec.to_builtins(wanted)
    payload = _jobs(level, seed, index, wanted)
    known = solve(payload) if reference else Reference("none")
    name = instance_id("tardiness", level, seed, index, VERSION, named, apart=True)
    return Instance(name, "tardiness", level, seed, index, named, VERSION, payload, known)


def _jobs(level: int, seed: int, index: int, wanted: JobsSettings) -> Jobs:
    """Draw every ingredient from its own stream; jobs get shuffled ids and are listed by id."""

    def stream(part: str) -> Random:
        return Random(f"tardiness/{VERSION}/{level}/{seed}/{index}/{part}")

    rng = stream("processing times")
    p = [rng.randint(1, LONGEST) for _ in range(level)]
    rng = stream("due dates")
    d = due_dates(p, wanted.tf, wanted.rdd, [rng.random() for _ in p])
    rng = stream("weights")
    w = [rng.randint(1, HEAVIEST) if wanted.weights else 1 for _ in p]
    width = max(2, len(str(level)))
    ids = [f"J{k:0{width}d}" for k in range(1, level + 1)]
    stream("ids").shuffle(ids)
    jobs = sorted(map(Job, ids, p, d, w), key=lambda job: job.id)
    return Jobs(tuple(jobs), wanted.variant)


def due_dates(p: Sequence[int], tf: Dial, rdd: Dial, draws: Sequence[float]) -> list[int]:
    """Due dates, uniform on the whole numbers from P(1-TF-RDD/2) to P(1-TF+RDD/2), in time units.

    Both ends are computed exactly and rounded to the nearest whole number (halves to the even
    one); draw u in [0, 1) gives the number at u of the way. They may be negative.
    """
    total, middle, half = sum(p), 1 - Fraction(str(tf)), Fraction(str(rdd)) / 2
    low, high = round(total * (middle - half)), round(total * (middle + half))
    return [low + floor(u * (high - low + 1)) for u in draws]
