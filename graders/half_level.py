"""The level at which half succeed, by a logistic fit to the shares of levels."""

from collections.abc import Sequence
from math import exp, inf, isfinite, log
from random import Random
from statistics import fmean
from typing import Any

from graders.statistics import Estimate, Rate, percentiles
from tasks.extras import extra

DRAWS = 1000  # of the levels' shares, for the interval
RIDGE = 0.02  # of the fit


def half_level(points: Sequence[tuple[float, Rate]]) -> Estimate:
    """Estimate the level at which half succeed: a logistic fit that never rises with the level.

    The fit is in the logarithm of the level, or of level + 1 where a level is 0, since difficulty
    grows by factors, not by steps. Each level's share is drawn from its Jeffreys posterior, so that
    levels where all or none succeed vary too. Where all succeed up to one level and none from the
    next on, any level between fits: the value is one, and the interval holds both ends.

    Args:
        points: for each level, which is 0 or more, its rate.

    Returns:
        The level. Outside the levels seen the value is None, with the note `beyond the ramp` or
        `below the ramp`; so is an interval's open end.

    Raises:
        MissingExtra: numpy is not installed.
    """
    if len({level for level, _ in points}) < 2:
        return Estimate.unknown("needs two levels")
    value, low, high = _half_levels(points)
    if gap := _gap(points):
        value = max(gap[0], min(gap[1], value))  # with few trials the ridge can draw it out
        low, high = min(low, gap[0]), max(high, gap[1])
    note = "" if isfinite(value) else "beyond the ramp" if value > 0 else "below the ramp"
    return Estimate(_finite(value), _finite(low), _finite(high), note=note)


def _finite(x: float) -> float | None:
    return float(f"{x:.12g}") if isfinite(x) else None


def _half_levels(points: Sequence[tuple[float, Rate]]) -> tuple[float, float, float]:
    """Return the level where the fit crosses one half, and the interval's ends, by draws."""
    levels = [level for level, _ in points]
    shift = 0.0 if min(levels) > 0 else 1.0
    rates = [share for _, share in points]
    counts = [[share.successes for share in rates], *_posterior_counts(rates)]
    crossings = _crossings([log(x + shift) for x in levels], counts, [r.n for r in rates])
    value, low, high = (
        exp(x) - shift if isfinite(x) else x for x in (crossings[0], *percentiles(crossings[1:]))
    )
    return value, low, high


def _posterior_counts(rates: Sequence[Rate]) -> list[list[float]]:
    """Draw the successes of every rate from its Jeffreys posterior, `DRAWS` times."""
    rng = Random("half_level")
    counts = []
    for _ in range(DRAWS):
        shares = [rng.betavariate(r.successes + 0.5, r.n - r.successes + 0.5) for r in rates]
        counts.append([r.n * share for share, r in zip(shares, rates, strict=True)])
    return counts


def _gap(points: Sequence[tuple[float, Rate]]) -> tuple[float, float] | None:
    """Return the last level where all succeed and the first where none does.

    None if there are levels of another kind, or if not all of the first are below the second.
    """
    every = [float(level) for level, share in points if share.successes == share.n]
    none = [float(level) for level, share in points if share.successes == 0]
    if not every or not none or len(every) + len(none) < len(points):
        return None
    return (max(every), min(none)) if max(every) < min(none) else None


# The fit -------------------------------------------------------------------------------------


def _crossings(
    levels: Sequence[float], successes: Sequence[Sequence[float]], n: Sequence[float]
) -> list[float]:
    """Return where the curves fitted to each draw of successes cross one half.

    That is inf beyond the levels, -inf below them.
    """
    with extra("stats", "the level at which half succeed"):
        import numpy

    middle, scale = fmean(levels), max(levels) - min(levels)
    xs = numpy.array([(x - middle) / scale for x in levels])
    counts, trials = numpy.array(successes, dtype=float), numpy.array(n, dtype=float)
    intercept, slope = _logistic(xs, counts, trials)
    falls = slope < 0
    crossing = middle - scale * intercept / numpy.where(falls, slope, 1.0)
    flat = numpy.where(2 * counts.sum(axis=1) >= trials.sum(), inf, -inf)
    crossings: list[float] = numpy.where(falls, _within(crossing, levels), flat).tolist()
    return crossings


def _within(crossing: Any, levels: Sequence[float]) -> Any:
    """Return the crossings, inf for those beyond the levels and -inf for those below."""
    import numpy

    inside = (crossing <= max(levels)) & (crossing >= min(levels))
    return numpy.where(inside, crossing, numpy.where(crossing > max(levels), inf, -inf))


def _logistic(xs: Any, successes: Any, n: Any) -> tuple[Any, Any]:
    """Return intercepts and slopes by Newton's method, with a faint ridge: they stay finite.

    `xs` and `n` have a value for each level, `successes` is (draws, levels).
    """
    import numpy

    a, b = numpy.zeros(len(successes)), numpy.zeros(len(successes))
    for _ in range(50):
        da, db = _newton_step(a, b, xs, successes, n)
        longest = numpy.maximum(numpy.maximum(abs(da), abs(db)), 5.0)  # damped: no step over 5
        a, b = a + 5 * da / longest, b + 5 * db / longest
        if (abs(da) + abs(db)).max() < 1e-9:
            break
    return a, b


def _newton_step(a: Any, b: Any, xs: Any, successes: Any, n: Any) -> tuple[Any, Any]:
    """Return the step of every draw's intercept and slope: the Hessian solved for the gradient."""
    import numpy

    p = 1 / (1 + numpy.exp(-numpy.clip(a[:, None] + b[:, None] * xs, -30, 30)))
    w, off = n * p * (1 - p), successes - n * p
    ga, gb = off.sum(axis=1) - RIDGE * a, (off * xs).sum(axis=1) - RIDGE * b
    haa, hab = w.sum(axis=1) + RIDGE, (w * xs).sum(axis=1)
    hbb = (w * xs * xs).sum(axis=1) + RIDGE
    determinant = haa * hbb - hab * hab
    return (hbb * ga - hab * gb) / determinant, (haa * gb - hab * ga) / determinant
