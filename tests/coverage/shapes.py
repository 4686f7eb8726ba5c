"""The intervals on hostile shapes, whose truth is exact: skewed, clustered, nearly perfect."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from math import exp, log
from typing import TYPE_CHECKING, Any

import numpy

from graders import rcpsp
from graders.clusters import rates_over
from graders.half_level import half_level
from graders.statistics import (
    Estimate,
    Rate,
    mean_of,
    mean_of_rates,
    mean_score,
    median_of,
    rate,
)
from tasks.base import Grade, Record, Verdict
from tests.coverage.rows import Row, Size, Tally

if TYPE_CHECKING:
    from numpy.random import Generator
else:
    Generator = Any

COUNTS = (5, 10, 20, 40, 200)
LEVELS = (5, 10, 15, 20, 30, 40)
Draw = Callable[[Generator, int], Any]


def simulated(
    part: str,
    what: str,
    scenario: str,
    n: int,
    truth: float,
    boards: int,
    board: Callable[[Generator], Estimate],
) -> Row:
    """A line of boards that are drawn from a stream of their own."""
    seed = int.from_bytes(f"{part}/{what}/{scenario}/{n}".encode(), "big")
    rng, tally = numpy.random.Generator(numpy.random.PCG64(seed)), Tally(truth)
    for _ in range(boards):
        tally.add(board(rng))
    return tally.row(part, what, scenario, n)


# Means -----------------------------------------------------------------------------------------


def slips(share: float, scale: float) -> tuple[Draw, float]:
    """Skills of 1, a share of which lose a lognormal amount: not bounded below."""

    def draw(rng: Generator, n: int) -> Any:
        lost = rng.lognormal(log(scale), 1.2, n)
        return 1 - numpy.where(rng.random(n) < share, lost, 0)

    return draw, 1 - share * scale * exp(0.72)


VALUES: dict[str, tuple[Draw, float]] = {
    "uniform": (lambda r, n: r.random(n), 0.5),
    "gaps, gamma(2)": (lambda r, n: r.gamma(2, 0.1, n), 0.2),
    "exponential": (lambda r, n: r.exponential(1, n), 1.0),
    "exponential, 4 in 5 are 0": (lambda r, n: (r.random(n) < 0.2) * r.exponential(1, n), 0.2),
    "skill, 90 % slip a little": slips(0.9, 0.05),
    "skill, 50 % slip": slips(0.5, 0.05),
    "skill, 20 % slip": slips(0.2, 0.1),
    "skill, 10 % slip": slips(0.1, 0.2),
    "skill, 5 % slip far": slips(0.05, 0.3),
}
SCORES: dict[str, tuple[Draw, float]] = {
    "beta(8, 2)": (lambda r, n: r.beta(8, 2, n), 0.8),
    "beta(20, 1/2)": (lambda r, n: r.beta(20, 0.5, n), 20 / 20.5),
    "90 % complete, then beta(8, 2)": (lambda r, n: (r.random(n) < 0.9) * r.beta(8, 2, n), 0.72),
    "30 % complete, then beta(8, 2)": (lambda r, n: (r.random(n) < 0.3) * r.beta(8, 2, n), 0.24),
    "15 % invalid, then beta(20, 2)": (
        lambda r, n: (r.random(n) < 0.85) * r.beta(20, 2, n),
        0.85 * 20 / 22,
    ),
    "60 rounds, .998 right": (lambda r, n: r.binomial(60, 0.998, n) / 60, 0.998),
    "60 rounds, .998 right, users differ": (
        lambda r, n: r.binomial(60, r.beta(0.998 * 59, 0.002 * 59, n)) / 60,
        0.998,
    ),
    "60 rounds, .85 right, users differ": (
        lambda r, n: r.binomial(60, r.beta(0.85 * 59, 0.15 * 59, n)) / 60,
        0.85,
    ),
}


def means(size: Size) -> Iterator[Row]:
    """Means of values of any kind, of scores in [0, 1] (of 60 rounds where so), and medians."""
    for n in COUNTS:
        for name, (draw, truth) in VALUES.items():
            board = partial(_mean, draw, n)
            yield simulated("means", "mean", name, n, truth, size.boards, board)
        for name, (draw, truth) in SCORES.items():
            board = partial(_score, draw, n, 60 * n if "rounds" in name else 0)
            yield simulated("means", "mean of scores", name, n, truth, size.boards, board)
        if n > COUNTS[0]:
            board = partial(_median, n)
            yield simulated("means", "median", "gamma(2)", n, MEDIAN, size.boards, board)


MEDIAN = 1.6783469900166608  # of gamma(2)


def _mean(draw: Draw, n: int, rng: Generator) -> Estimate:
    return mean_of(draw(rng, n).tolist())


def _score(draw: Draw, n: int, trials: int, rng: Generator) -> Estimate:
    return mean_score(draw(rng, n).tolist(), trials=trials)


def _median(n: int, rng: Generator) -> Estimate:
    return median_of(rng.gamma(2, 1, n).tolist())


# Shares ----------------------------------------------------------------------------------------

PROFILES = {
    "ramp": (1.0, 0.95, 0.7, 0.4, 0.15, 0.02),
    "good": (1.0, 1.0, 1.0, 0.98, 0.95, 0.9),
    "nearly perfect": (1.0, 1.0, 1.0, 1.0, 1.0, 0.98),
    "level": (0.5,) * 6,
    "nearly nothing": (0.1, 0.02, 0.0, 0.0, 0.0, 0.0),
}


def graded(instance: str, level: int, epoch: int, score: float) -> Record:
    """An episode that was right or wrong."""
    verdict = Verdict.valid if score else Verdict.infeasible
    return Record(
        instance=instance,
        family="rcpsp",
        level=level,
        settings={},
        model="policy/shape",
        agent="direct",
        memory="none",
        epoch=epoch,
        grade=Grade(verdict, float(score), metrics={"broken": 1.0 - score}),
        problem=None,
        calls=1,
        attempts=1,
        input_tokens=0,
        output_tokens=0,
        cost=0.0,
        seconds=0.0,
    )


def row_of(
    rng: Generator,
    n: int,
    chances: Sequence[float],
    alike: float = 0.0,
    epochs: int = 1,
) -> list[Record]:
    """A row of n instances a level: what makes an index hard does so at every level.

    A normal law sets how hard an index is; answers to two instances of it correlate by about
    `alike` in its quantiles.
    """
    from scipy.stats import norm

    ease = rng.normal(size=(n, 1))
    limits = norm.ppf(numpy.clip(chances, 0, 1))
    records = []
    for epoch in range(epochs):
        drawn = alike**0.5 * ease + (1 - alike) ** 0.5 * rng.normal(size=(n, len(chances)))
        for k, level in enumerate(LEVELS[: len(chances)]):
            records += [
                graded(f"rcpsp-{level}-s0-i{i}-00000000", level, epoch, float(right))
                for i, right in enumerate((drawn[:, k] < limits[k]).tolist())
            ]
    return records


def shares(size: Size) -> Iterator[Row]:
    """Shares, and their means over six levels, apart and with levels that share what is hard."""
    for n in COUNTS:
        for p in (0.02, 0.1, 0.5, 0.9, 0.98):
            board = partial(_share, n, p)
            yield simulated("shares", "share", f"binomial {p}", n, p, size.boards, board)
        for name, profile in PROFILES.items():
            for alike in (0.0, 0.5):
                scenario, truth = f"{name}, levels alike by {alike}", sum(profile) / len(profile)
                boards = max(100, size.boards // 4)
                board = partial(_over_levels, n, profile, alike)
                yield simulated("shares", "mean over levels", scenario, n, truth, boards, board)


def _share(n: int, p: float, rng: Generator) -> Estimate:
    return rate(float(rng.binomial(n, p)), n)


def _over_levels(n: int, profile: Sequence[float], alike: float, rng: Generator) -> Estimate:
    levels = rcpsp.strata(row_of(rng, n, profile, alike))
    return mean_of_rates(rates_over(levels, lambda grade: grade.score))


# Several epochs --------------------------------------------------------------------------------


def epochs(size: Size) -> Iterator[Row]:
    """Shares, pass@2, pass^2 and pass^4 of four epochs at one level."""
    for n in COUNTS[:-1]:
        for a, b in ((8.0, 2.0), (2.0, 8.0), (1.0, 1.0), (0.5, 0.1), (0.1, 0.5), (1.0, 4.0)):
            hits = {k: _product(a, b, k) for k in (1, 2, 4)}
            truths = {
                "score": hits[1],
                "pass^2": hits[2],
                "pass^4": hits[4],
                "pass@2": 1 - _product(b, a, 2),
            }
            tallies = {name: Tally(truth) for name, truth in truths.items()}
            seed = int(1000 * a + 100 * b + n)
            rng = numpy.random.Generator(numpy.random.PCG64(seed))
            for _ in range(max(100, size.boards // 2)):
                score, metrics = rcpsp.summarise(_repeated(rng, n, a, b))
                for name, tally in tallies.items():
                    tally.add((metrics | {"score": score})[name])
            for name, tally in tallies.items():
                yield tally.row("epochs", name, f"4 epochs, chances beta({a:g}, {b:g})", n)


def _product(a: float, b: float, k: int) -> float:
    """The mean of the k-th power of a beta variable."""
    value = 1.0
    for j in range(k):
        value *= (a + j) / (a + b + j)
    return value


def _repeated(rng: Generator, n: int, a: float, b: float) -> list[Record]:
    right = rng.random((4, n)) < rng.beta(a, b, n)
    return [
        graded(f"rcpsp-5-s0-i{i}-00000000", 5, epoch, float(right[epoch, i]))
        for epoch in range(4)
        for i in range(n)
    ]


# Half levels -----------------------------------------------------------------------------------

CURVES: dict[str, tuple[Callable[[float], float], float]] = {
    "logistic in the level, 20": (lambda x: 1 / (1 + exp((x - 20) / 5)), 20.0),
    "logistic in the level, 12": (lambda x: 1 / (1 + exp((x - 12) / 3)), 12.0),
    "logistic in its logarithm, 16": (lambda x: 1 / (1 + (x / 16) ** 4), 16.0),
    "a step between levels, 22": (lambda x: 1 / (1 + exp((x - 22) / 0.5)), 22.0),
    "never above .9, 18": (lambda x: 0.9 / (1 + exp((x - 18) / 4)), 18 + 4 * log(0.8)),
    "never below .15": (lambda x: 0.15 + 0.85 / (1 + exp((x - 15) / 4)), 15 + 4 * log(10 / 7)),
}


def halves(size: Size) -> Iterator[Row]:
    """Half levels of curves that are not the fitted one."""
    for n in COUNTS:
        for name, (curve, truth) in CURVES.items():
            board = partial(_half, n, [min(1.0, curve(x)) for x in LEVELS])
            boards = max(100, size.boards // 2)
            yield simulated("halves", "half_level", name, n, truth, boards, board)


def _half(n: int, chances: Sequence[float], rng: Generator) -> Estimate:
    counts = [float(rng.binomial(n, p)) for p in chances]
    return half_level([(x, Rate(k, n)) for x, k in zip(LEVELS, counts, strict=True)])


PARTS = {"means": means, "shares": shares, "epochs": epochs, "halves": halves}
