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
Matrix: TypeAlias = list[list[float]]  # the lower triangle, by rows


def prior_scores(year: Year) -> list[Scores]:
    """Return the events' worth by the weights of the role, round by round."""
    prior = [principle.prior for principle in year.truth.principles]
    return [_worth(prior, judgement.triggered) for judgement in year.truth.judgements]


def logit_scores(year: Year, window: int | None = None) -> tuple[Scores, ...]:
    """Return the events' worth, round by round, by a logit fitted to the rounds before each.

    Args:
        year: the year.
        window: how many rounds before each are fitted; all of them if not given.
    """
    return _rolling_scores(*_observations(year), window)


def after(year: Year, later: Year) -> list[Scores]:
    """Return the worth of a later year's events by a logit fitted to an earlier one alone.

    Args:
        year: the year that is fitted, all of it.
        later: the year whose events are scored, with the same principles.
    """
    weights = _fit_all(*_observations(year))
    return [_worth(weights, judgement.triggered) for judgement in later.truth.judgements]


def _fit_all(size: int, clashes: Sequence[Clash], choices: Sequence[int]) -> list[float]:
    """Return the weights of a logit fitted to all clashes, from none."""
    weights = [0.0] * size
    for _ in range(LONGEST):
        weights = _fit(weights, clashes, choices)
    return weights


def _worth(weights: Sequence[float], clash: Clash) -> Scores:
    return tuple(round(sum(weights[i] for i in features), 6) for features in clash)


def _observations(year: Year) -> tuple[int, tuple[Clash, ...], tuple[int, ...]]:
    """Return the number of features, the clashes, and the true decisions by position."""
    clashes = tuple(judgement.triggered for judgement in year.truth.judgements)
    return len(year.truth.principles), clashes, _choices(year)


def _choices(year: Year) -> tuple[int, ...]:
    pairs = zip(year.rounds, year.truth.judgements, strict=True)
    return tuple(round_.ids.index(judgement.decision) for round_, judgement in pairs)


@lru_cache(maxsize=500)
def _rolling_scores(
    size: int, clashes: tuple[Clash, ...], choices: tuple[int, ...], window: int | None
) -> tuple[Scores, ...]:
    weights, scores = [0.0] * size, []
    for k, clash in enumerate(clashes):
        first = 0 if window is None else max(0, k - window)
        if k:
            weights = _fit(weights, clashes[first:k], choices[first:k])
        scores.append(_worth(weights, clash))
    return tuple(scores)


# Newton's method -----------------------------------------------------------------------------


def _fit(weights: list[float], clashes: Sequence[Clash], choices: Sequence[int]) -> list[float]:
    """Return the weights of the largest penalised likelihood, by Newton's method from `weights`."""
    for _ in range(STEPS):
        step = _solve(*_derivatives(weights, clashes, choices))
        longest = max(map(abs, step))
        scale = min(1.0, 2.0 / longest) if longest else 0.0
        weights = [w + scale * s for w, s in zip(weights, step, strict=True)]
        if longest < CLOSE:
            break
    return weights


def _derivatives(
    weights: Sequence[float], clashes: Sequence[Clash], choices: Sequence[int]
) -> tuple[Matrix, list[float]]:
    """Return the negative Hessian and the gradient of the penalised likelihood."""
    gradient = [-RIDGE * w for w in weights]
    hessian = _ridge(len(weights))
    for clash, choice in zip(clashes, choices, strict=True):
        shares = _shares(weights, clash)
        for i in clash[choice]:
            gradient[i] += 1.0
        mean = _add_events(hessian, clash, shares)
        _subtract_mean(hessian, gradient, mean)
    return hessian, gradient


def _ridge(size: int) -> Matrix:
    rows = [[0.0] * (i + 1) for i in range(size)]
    for i in range(size):
        rows[i][i] = RIDGE
    return rows


def _shares(weights: Sequence[float], clash: Clash) -> list[float]:
    """Return the chance that the weights give each event of a clash."""
    powers = [exp(sum([weights[i] for i in features])) for features in clash]
    total = sum(powers)
    return [power / total for power in powers]


def _add_events(hessian: Matrix, clash: Clash, shares: Sequence[float]) -> dict[int, float]:
    """Add the expected products of a clash's features to the Hessian; return the features' mean."""
    mean: dict[int, float] = {}
    for features, share in zip(clash, shares, strict=True):
        for i in features:
            mean[i] = mean.get(i, 0.0) + share
            row = hessian[i]
            for j in features:
                if j <= i:
                    row[j] += share
    return mean


def _subtract_mean(hessian: Matrix, gradient: list[float], mean: dict[int, float]) -> None:
    for i, a in mean.items():
        gradient[i] -= a
        row = hessian[i]
        for j, b in mean.items():
            if j <= i:
                row[j] -= a * b


def _solve(matrix: Matrix, right: list[float]) -> list[float]:
    """Return x with A x = right, A positive definite and given by its lower triangle.

    By Cholesky's factor, which takes the place of the matrix.
    """
    _factorise(matrix)
    return _substitute_back(matrix, _substitute(matrix, right))


def _factorise(matrix: Matrix) -> None:
    for i, row in enumerate(matrix):
        for j in range(i):
            other = matrix[j]
            row[j] = (row[j] - sum([row[k] * other[k] for k in range(j)])) / other[j]
        row[i] = (row[i] - sum([x * x for x in row[:i]])) ** 0.5


def _substitute(factor: Matrix, right: Sequence[float]) -> list[float]:
    middle: list[float] = []
    for i, row in enumerate(factor):
        middle.append((right[i] - sum([row[k] * middle[k] for k in range(i)])) / row[i])
    return middle


def _substitute_back(factor: Matrix, middle: list[float]) -> list[float]:
    size = len(middle)
    for i in reversed(range(size)):
        below = sum([factor[k][i] * middle[k] for k in range(i + 1, size)])
        middle[i] = (middle[i] - below) / factor[i][i]
    return middle


# Decisions -----------------------------------------------------------------------------------


def ranked(ids: Sequence[str], scores: Sequence[float]) -> list[str]:
    """Return event ids by falling score, ties in the order shown.

    Args:
        ids: the events of a round in the order shown.
        scores: the score of each.
    """
    return sorted(ids, key=lambda i: -scores[ids.index(i)])


def wrong_rounds(year: Year, scores: Sequence[Scores]) -> list[bool]:
    """Return for each round whether the best score is not that of the user's decision.

    Args:
        year: the year.
        scores: for each round the scores of its events, in the order shown.
    """
    return [
        ranked(round_.ids, values)[0] != judgement.decision
        for round_, judgement, values in zip(
            year.rounds, year.truth.judgements, scores, strict=True
        )
    ]
