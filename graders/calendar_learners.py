"""Reference learners of a user's year: what a role prior and a conditional logit would decide.

They look at the true features, which principles an event triggers, and so bound from both sides
what can be learned: the prior knows the role and never learns, the logit knows nothing at first and
learns from every true decision (McFadden 1974), with a ridge.
"""

from collections.abc import Sequence
from functools import lru_cache
from math import exp
from typing import TypeAlias

from tasks.calendar import Year

RIDGE = 0.15
STEPS = 2  # Newton steps a round at the most, from the weights of the round before
LONGEST = 10  # fits from nothing: far more than it takes
CLOSE = 0.3  # a shorter step is the last: one more round moves the weights by no more
Clash: TypeAlias = tuple[tuple[int, ...], ...]  # for each event the features it has
Scores: TypeAlias = tuple[float, ...]  # of the events of a round, in the order shown


def prior_scores(year: Year) -> list[Scores]:
    """The events' worth by the weights of the role, round by round."""
    prior = [principle.prior for principle in year.truth.principles]
    return [
        tuple(round(sum(prior[i] for i in has), 6) for has in judgement.triggered)
        for judgement in year.truth.judgements
    ]


def logit_scores(year: Year, window: int | None = None) -> tuple[Scores, ...]:
    """The events' worth by a logit fitted to the last `window` rounds before each, or to all."""
    return _fitted(*_observed(year), window)


def after(year: Year, later: Year) -> list[Scores]:
    """The worth of a later year's events by a logit fitted to all of `year`, and to no more."""
    size, clashes, chosen = _observed(year)
    weights = [0.0] * size
    for _ in range(LONGEST):
        weights = _fit(weights, clashes, chosen)
    return [
        tuple(round(sum(weights[i] for i in has), 6) for has in judgement.triggered)
        for judgement in later.truth.judgements
    ]


def _observed(year: Year) -> tuple[int, tuple[Clash, ...], tuple[int, ...]]:
    """How many features there are, the clashes, and the true decisions by position."""
    judgements = year.truth.judgements
    clashes = tuple(judgement.triggered for judgement in judgements)
    chosen = tuple(
        one.ids.index(judgement.decision)
        for one, judgement in zip(year.rounds, judgements, strict=True)
    )
    return len(year.truth.principles), clashes, chosen


@lru_cache(maxsize=500)
def _fitted(
    size: int, clashes: tuple[Clash, ...], chosen: tuple[int, ...], window: int | None
) -> tuple[Scores, ...]:
    weights, found = [0.0] * size, []
    for k, clash in enumerate(clashes):
        first = 0 if window is None else max(0, k - window)
        if k:
            weights = _fit(weights, clashes[first:k], chosen[first:k])
        found.append(tuple(round(sum(weights[i] for i in has), 6) for has in clash))
    return tuple(found)


def _fit(weights: list[float], clashes: Sequence[Clash], chosen: Sequence[int]) -> list[float]:
    """The weights of the largest penalised likelihood, by Newton's method from those given."""
    for _ in range(STEPS):
        step = _solve(*_derivatives(weights, clashes, chosen))
        longest = max(map(abs, step))
        scale = min(1.0, 2.0 / longest) if longest else 0.0
        weights = [w + scale * s for w, s in zip(weights, step, strict=True)]
        if longest < CLOSE:
            break
    return weights


def _derivatives(
    weights: Sequence[float], clashes: Sequence[Clash], chosen: Sequence[int]
) -> tuple[list[list[float]], list[float]]:
    """The negative Hessian (its lower triangle) and the gradient of the penalised likelihood."""
    size = len(weights)
    gradient = [-RIDGE * w for w in weights]
    hessian = [[0.0] * (i + 1) for i in range(size)]
    for i in range(size):
        hessian[i][i] = RIDGE
    for clash, choice in zip(clashes, chosen, strict=True):
        powers = [exp(sum([weights[i] for i in has])) for has in clash]
        total, mean = sum(powers), dict[int, float]()
        for i in clash[choice]:
            gradient[i] += 1.0
        for has, power in zip(clash, powers, strict=True):
            share = power / total
            for i in has:
                mean[i] = mean.get(i, 0.0) + share
                row = hessian[i]
                for j in has:
                    if j <= i:
                        row[j] += share
        for i, a in mean.items():
            gradient[i] -= a
            row = hessian[i]
            for j, b in mean.items():
                if j <= i:
                    row[j] -= a * b
    return hessian, gradient


def _solve(matrix: list[list[float]], right: list[float]) -> list[float]:
    """x with A x = right, A positive definite and given by its lower triangle (Cholesky)."""
    size = len(right)
    for i in range(size):
        row = matrix[i]
        for j in range(i):
            other = matrix[j]
            row[j] = (row[j] - sum([row[k] * other[k] for k in range(j)])) / other[j]
        row[i] = (row[i] - sum([x * x for x in row[:i]])) ** 0.5
    middle: list[float] = []
    for i in range(size):
        row = matrix[i]
        middle.append((right[i] - sum([row[k] * middle[k] for k in range(i)])) / row[i])
    for i in reversed(range(size)):
        below = sum([matrix[k][i] * middle[k] for k in range(i + 1, size)])
        middle[i] = (middle[i] - below) / matrix[i][i]
    return middle


def ranked(ids: Sequence[str], scores: Sequence[float]) -> list[str]:
    """Event ids, the best score first, ties in the order shown."""
    return sorted(ids, key=lambda i: -scores[ids.index(i)])


def wrong_rounds(year: Year, scores: Sequence[Scores]) -> list[bool]:
    """In which rounds the best score is not of what the user accepted."""
    return [
        ranked(one.ids, values)[0] != judgement.decision
        for one, judgement, values in zip(year.rounds, year.truth.judgements, scores, strict=True)
    ]
