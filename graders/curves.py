"""Accuracy against tokens over a ladder of limits, and the tokens that two ways need for the same.

A way to answer has a rung a limit, and on each the same clusters (contexts, users), each with its
accuracy and what it spent a question. Accuracy is fitted so that more tokens are never worth less
(isotonic regression; Barlow and others 1972), between rungs it goes straight. Intervals resample
clusters, the same ones in all ways and rungs (the percentile bootstrap; Efron 1979), and go out as
far as the law of few clusters asks (the expanded percentile; Hesterberg 2015).
"""

from collections.abc import Sequence
from itertools import pairwise
from math import fsum, inf, isfinite, isnan, nan, sqrt
from random import Random
from statistics import NormalDist

from graders.statistics import FEWEST, Estimate, student
from tasks.base import Noun

DRAWS = 2000
TARGETS = (0.25, 0.5, 0.75)  # of the way from the least to the most that both ways reach


class LadderRung(Noun, frozen=True):
    """The clusters of one way at one limit: their accuracy in [0, 1], and tokens a question."""

    accuracy: tuple[float, ...]
    tokens: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.accuracy) != len(self.tokens) or not self.accuracy:
            raise ValueError("a rung has as many accuracies as tokens, and at least one")


class EqualAccuracy(Noun, frozen=True):
    """The tokens a question that two ways need for the same accuracy.

    Attributes:
        accuracy: that both reach.
        plain: tokens of the one, without.
        aided: tokens of the other, with.
        ratio: plain over aided: above 1 the other needs fewer.
    """

    accuracy: float
    plain: float
    aided: float
    ratio: Estimate


def fitted(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return points in order of tokens with accuracies that never fall (pool adjacent violators).

    Args:
        points: tokens and accuracy of each rung; rungs of the same tokens are one, their mean.
    """
    by_tokens: dict[float, list[float]] = {}
    for tokens, accuracy in points:
        by_tokens.setdefault(tokens, []).append(accuracy)
    places = sorted(by_tokens)
    blocks: list[tuple[float, int, int]] = []  # mean, rungs, places
    for place in places:
        values = by_tokens[place]
        block = (sum(values) / len(values), len(values), 1)
        while blocks and blocks[-1][0] > block[0]:
            before = blocks.pop()
            rungs = before[1] + block[1]
            mean = (before[0] * before[1] + block[0] * block[1]) / rungs
            block = (mean, rungs, before[2] + block[2])
        blocks.append(block)
    levels = [mean for mean, _, count in blocks for _ in range(count)]
    return list(zip(places, levels, strict=True))


def reach(curve: Sequence[tuple[float, float]], accuracy: float) -> float:
    """Return the fewest tokens at which a fitted curve has an accuracy; infinite if it never has.

    Args:
        curve: of `fitted`; below its first rung nothing is known, so that rung's tokens count.
        accuracy: that is to be reached.
    """
    if curve[0][1] >= accuracy:
        return curve[0][0]
    for (tokens, low), (more, high) in pairwise(curve):
        if high >= accuracy:
            return tokens + (more - tokens) * (accuracy - low) / (high - low)
    return inf


def equal_accuracies(
    plain: Sequence[LadderRung], aided: Sequence[LadderRung], stream: str, draws: int = DRAWS
) -> list[EqualAccuracy]:
    """Return what two ways need for accuracies that both reach; none if there is no such.

    The accuracies are those of the whole sample; a draw in which a way does not reach one counts as
    no bound there, and one in which neither does counts against both ends.

    Args:
        plain: the rungs of the one way.
        aided: those of the other, of the same clusters in the same order.
        stream: names the random numbers.
        draws: of the bootstrap.
    """
    everyone = range(len(plain[0].accuracy))
    if any(len(rung.accuracy) != len(everyone) for rung in (*plain, *aided)):
        raise ValueError("both ways need the same clusters on every rung")
    curves = _curve(plain, everyone), _curve(aided, everyone)
    low = max(curve[0][1] for curve in curves)
    high = min(curve[-1][1] for curve in curves)
    if high < low or high == 0:
        return []
    targets = sorted({low + part * (high - low) for part in TARGETS} - {0.0})
    whole = [(reach(curves[0], t), reach(curves[1], t)) for t in targets]
    samples = _resampled(plain, aided, targets, Random(f"curve/{stream}"), draws)
    return [
        EqualAccuracy(t, one, other, ratio=_ratio(one, other, sample, len(everyone)))
        for t, (one, other), sample in zip(targets, whole, samples, strict=True)
    ]


def _curve(rungs: Sequence[LadderRung], chosen: Sequence[int]) -> list[tuple[float, float]]:
    """Return the fitted curve of some clusters, named by their places."""
    count = len(chosen)

    def mean(values: Sequence[float]) -> float:
        return fsum(map(values.__getitem__, chosen)) / count

    return fitted([(mean(rung.tokens), mean(rung.accuracy)) for rung in rungs])


def _resampled(
    plain: Sequence[LadderRung],
    aided: Sequence[LadderRung],
    targets: Sequence[float],
    rng: Random,
    draws: int,
) -> list[list[float]]:
    """Return for each accuracy the ratios of tokens in as many draws of clusters."""
    everyone = range(len(plain[0].accuracy))
    ratios: list[list[float]] = [[] for _ in targets]
    for _ in range(draws):
        chosen = rng.choices(everyone, k=len(everyone))
        one, other = _curve(plain, chosen), _curve(aided, chosen)
        for target, values in zip(targets, ratios, strict=True):
            values.append(_quotient(reach(one, target), reach(other, target)))
    return ratios


def _quotient(above: float, below: float) -> float:
    """Return a ratio of tokens; no number where neither way gets there, or nothing was spent."""
    if above == below == inf or below == 0:
        return nan
    return above / below


def _ratio(plain: float, aided: float, sample: Sequence[float], clusters: int) -> Estimate:
    """Return the ratio with its interval; an end is open where too many draws have no bound."""
    value = _quotient(plain, aided)
    if isnan(value):
        return Estimate.unknown("no tokens were spent")
    if clusters < FEWEST:
        return Estimate(value, None, None, note=f"fewer than {FEWEST} contexts")
    skip = int(_tail(clusters) * len(sample))
    low = sorted(-inf if isnan(x) else x for x in sample)[skip]
    high = sorted(inf if isnan(x) else x for x in sample)[-1 - skip]
    lost = sum(not isfinite(x) or x == 0 for x in sample)
    if low <= 0 or not isfinite(high):
        note = f"{lost} of {len(sample)} draws do not reach it"
        ends = (low if low > 0 else None, high if isfinite(high) else None)
        return Estimate(value, *ends, note=note)
    return Estimate.of(value, low, high)


def _tail(clusters: int) -> float:
    """Return the share of the draws that lies beyond each end of a 95 % interval.

    Draws of n clusters spread less than the truth does about a sample, by sqrt((n - 1) / n), and
    the law has Student's tails (Hesterberg 2015, section 5.3).
    """
    return NormalDist().cdf(-student(clusters - 1) * sqrt(clusters / (clusters - 1)))
