"""Stated confidence: the Brier score of a row, and its parts.

A forecast is an answer with the confidence, from 0 to 1, that was stated with it; what comes true
is that the answer is right. The Brier score (Brier 1950) is calibration - resolution + uncertainty
(Murphy 1973), with the forecasts in ten bins of equal width. In a sample both parts come out too
large, because the share of right answers in a bin is uncertain; what that adds is taken off
(Ferro & Fricker 2012).

The parts are means of squares of what shares are off, so that their spread vanishes with them: an
interval by the spread that is seen is far too short where a bin's few wrong answers are all
missing, or where shares differ by little. So the spread is that of the delta method to the second
order, with one right and one wrong answer added to each bin; and the upper end is where a part
would be that is just not refuted, as in Wilson's interval (1927), since spread grows with it.
Several answers to one instance widen it by their design effect, from the jackknife over clusters
(Efron & Stein 1981).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import sqrt
from statistics import variance
from typing import NamedTuple, TypeAlias

from graders.clusters import mean_over
from graders.statistics import FEWEST, Estimate, student
from tasks.base import Grade, Record
from tasks.confidence import SILENT
from tasks.ids import cluster_of

BINS = 10
FEW = 40  # instances below which an interval of a part may be too short
STATED, CONFIDENCE = "stated", "confidence"  # metrics of a grade
CAME_TRUE = "came_true"  # and where that is not whether the score is the best there is
ROUNDING = 1e-9  # by which the best score may be missed

Part: TypeAlias = Callable[["Tallies"], float]


class Forecast(NamedTuple):
    """The confidence in an answer, and whether that is right."""

    confidence: float
    is_right: bool


class Bin(NamedTuple):
    """The forecasts of a bin: how many, the sum of their confidence, and how many came true."""

    size: int = 0
    confidence: float = 0.0
    right: int = 0

    def plus(self, other: "Bin", sign: int = 1) -> "Bin":
        """Return this bin with the forecasts of another, or without them (`sign` -1)."""
        return Bin(
            self.size + sign * other.size,
            self.confidence + sign * other.confidence,
            self.right + sign * other.right,
        )

    @property
    def share(self) -> float:
        """The share that came true."""
        return self.right / self.size

    def smoothed(self, added: float) -> float:
        """Return the share with so many right and so many wrong answers added."""
        return (self.right + added) / (self.size + 2 * added)

    @property
    def variance(self) -> float:
        """The squared standard error of that share, without bias; 0 of a single forecast."""
        return self.share * (1 - self.share) / (self.size - 1) if self.size > 1 else 0.0


Tallies: TypeAlias = Mapping[int, Bin]
Off: TypeAlias = Callable[[Bin, Bin, float], float]  # of a bin, all answers, and how many are added


def metrics_of(confidence: float | None) -> dict[str, float]:
    """Return the metrics of the grade of an answer whose confidence was asked for.

    Args:
        confidence: as it was stated, from 0 to 1; None if it was not.
    """
    if confidence is None:
        return {STATED: 0.0}
    return {STATED: 1.0, CONFIDENCE: confidence}


def forecast_of(grade: Grade) -> Forecast | None:
    """Return the forecast of a graded answer; None if none was asked for.

    Who states nothing is taken at `SILENT`, so that nobody gains by stating only what is sure.
    """
    if STATED not in grade.metrics:
        return None
    confidence = grade.metrics.get(CONFIDENCE, SILENT)
    return Forecast(confidence, bool(grade.metrics.get(CAME_TRUE, grade.score >= 1 - ROUNDING)))


def confidence_metrics(records: Sequence[Record]) -> dict[str, Estimate]:
    """Estimate what stated confidence is worth; nothing where none was asked for.

    The metrics: `stated`, the share of answers with a confidence; `brier`, the mean squared
    difference from what came true (0 is best, 0.25 who always says 0.5); `calibration`, its part
    from shares of right answers that differ from what was stated (0 is best); `resolution`, by how
    much these shares differ from each other (0 for always the same confidence; at most
    `uncertainty`, the variance of right and wrong, which is no skill); `overconfidence`, mean
    confidence less the share of right answers.

    Args:
        records: the episodes of a row.
    """
    grades = [r for r in records if r.grade and STATED in r.grade.metrics]
    if not grades:
        return {}
    groups = _by_cluster(grades)
    return {
        "stated": mean_over([grades], lambda g: g.metrics[STATED]),
        "brier": mean_over([grades], _measure(lambda f: (f.confidence - f.is_right) ** 2)),
        **estimated_parts(groups),
        "uncertainty": Estimate(_uncertainty(_joined(groups)), None, None),
        "overconfidence": mean_over([grades], _measure(lambda f: f.confidence - f.is_right)),
    }


def _measure(value: Callable[[Forecast], float]) -> Callable[[Grade], float | None]:
    def measure(grade: Grade) -> float | None:
        forecast = forecast_of(grade)
        return None if forecast is None else value(forecast)

    return measure


def _by_cluster(records: Iterable[Record]) -> list[Tallies]:
    groups: dict[str, list[Forecast]] = {}
    for record in records:
        forecast = forecast_of(record.grade) if record.grade else None
        if forecast is not None:
            groups.setdefault(cluster_of(record.instance), []).append(forecast)
    return [tallies(group) for group in groups.values()]


def tallies(forecasts: Iterable[Forecast]) -> dict[int, Bin]:
    """Return the bins that have forecasts, by number from 0."""
    bins: dict[int, Bin] = {}
    for confidence, is_right in forecasts:
        number = min(int(confidence * BINS + ROUNDING), BINS - 1)
        bins[number] = bins.get(number, Bin()).plus(Bin(1, confidence, int(is_right)))
    return dict(sorted(bins.items()))


def _joined(parts: Iterable[Tallies]) -> dict[int, Bin]:
    total: dict[int, Bin] = {}
    for part in parts:
        for number, each in part.items():
            total[number] = total.get(number, Bin()).plus(each)
    return total


def _without(total: Tallies, part: Tallies) -> dict[int, Bin]:
    rest = {k: each.plus(part[k], -1) if k in part else each for k, each in total.items()}
    return {k: each for k, each in rest.items() if each.size}


def estimated_parts(groups: Sequence[Tallies]) -> dict[str, Estimate]:
    """Estimate `calibration` and `resolution`.

    Args:
        groups: the bins of each cluster.
    """
    return {
        "calibration": _estimated(groups, _calibration, _off_stated),
        "resolution": _estimated(groups, _resolution, _off_base),
    }


def _estimated(groups: Sequence[Tallies], part: Part, off: Off) -> Estimate:
    """Estimate a part of the score from the bins of each cluster.

    Args:
        groups: the bins of each cluster.
        part: the value of the part.
        off: by how much a bin's share is off, the mean of whose squares is the part.
    """
    total, count = _joined(groups), len(groups)
    value = part(total)
    if count < FEWEST:
        note = "one instance" if count < 2 else f"fewer than {FEWEST} values"
        return Estimate(max(0.0, value), None, None, note=note)
    effect = _effect(groups, total, part, off)
    growing, constant = (effect * x for x in _spread(total, off, added=1))
    squares = _mean_square(total, off, added=1)
    t = student(count - 1)
    low = value - t * sqrt(growing + constant)
    drift = t * t * growing / squares / 2 if squares else 0.0
    high = value + drift + sqrt(drift**2 + 2 * drift * max(0.0, value) + t * t * constant)
    few = f"fewer than {FEW} instances: held less often" if count < FEW else ""
    return Estimate(max(0.0, value), max(0.0, low), max(0.0, high), note=few)


def _effect(groups: Sequence[Tallies], total: Tallies, part: Part, off: Off) -> float:
    """Return the design effect of several answers to one instance; 1 where each has one."""
    if all(sum(each.size for each in group.values()) == 1 for group in groups):
        return 1.0
    count, value = len(groups), part(total)
    values = [count * value - (count - 1) * part(_without(total, each)) for each in groups]
    independent = sum(_spread(total, off, added=0))
    return max(1.0, variance(values) / count / independent) if independent else 1.0


def _mean_square(total: Tallies, off: Off, *, added: float) -> float:
    base = _base(total)
    squares = (each.size * off(each, base, added) ** 2 for each in total.values())
    return sum(squares) / base.size


def _spread(total: Tallies, off: Off, *, added: float) -> tuple[float, float]:
    """Return the variance of a part: what grows with it, and what does not.

    Args:
        total: all bins.
        off: by how much a bin's share is off.
        added: right and wrong answers that are added to each bin.
    """
    base, mean = _base(total), _mean_square(total, off, added=added)
    growing = constant = 0.0
    for each in total.values():
        share = each.smoothed(added)
        square, noise = off(each, base, added) ** 2, share * (1 - share)
        growing += each.size * ((square - mean) ** 2 + 4 * square * noise)
        constant += 2 * noise**2
    return growing / base.size**2, constant / base.size**2


def _off_stated(each: Bin, base: Bin, added: float) -> float:  # noqa: ARG001
    return each.smoothed(added) - each.confidence / each.size


def _off_base(each: Bin, base: Bin, added: float) -> float:
    return each.smoothed(added) - base.share


def _base(total: Tallies) -> Bin:
    base = Bin()
    for each in total.values():
        base = base.plus(each)
    return base


def _calibration(total: Tallies) -> float:
    count = sum(each.size for each in total.values())
    return sum(
        each.size * ((each.confidence / each.size - each.share) ** 2 - each.variance)
        for each in total.values()
    ) / max(count, 1)


def _resolution(total: Tallies) -> float:
    base = _base(total)
    if not base.size:
        return 0.0
    spread = sum(
        each.size * ((each.share - base.share) ** 2 - each.variance) for each in total.values()
    )
    return spread / base.size + base.variance


def _uncertainty(total: Tallies) -> float:
    base = _base(total)
    return base.share * (1 - base.share) + base.variance if base.size else 0.0
