"""The rule by which a difference is called `better` or `worse`, and the tests behind it.

Intervals alone are not enough: a few instances that differ much can move both of them while more
are lost than won, and a report makes up to 12 comparisons.
"""

from collections import Counter
from collections.abc import Sequence
from math import comb
from typing import Literal

from graders.statistics import Estimate

Verdict = Literal["better", "worse", "no difference shown", "the same program"]
LEVEL = 0.05  # of all comparisons of a report together
SMALLEST = 0.001  # difference in the ratio of sums that is worth a word


def verdict(ratio: Estimate, skill: Estimate, lead: float, p_holm: float | None) -> Verdict:
    """Return `better` or `worse` only if all evidence lies on that side.

    The intervals of both measures exclude 0; the ratio of sums differs by at least `SMALLEST`;
    `lead`, how many more are won than lost, has that sign; and the corrected p is below `LEVEL`.

    Args:
        ratio: difference in the ratio of sums; below 0 is better.
        skill: difference in skill; above 0 is better.
        lead: wins less losses.
        p_holm: corrected for all comparisons; None if there is no test.
    """
    if p_holm is None or p_holm >= LEVEL or abs(ratio.value or 0) < SMALLEST:
        return "no difference shown"
    if ratio.low is None or ratio.high is None or skill.low is None or skill.high is None:
        return "no difference shown"
    if ratio.high < 0 < skill.low and lead > 0:
        return "better"
    return "worse" if skill.high < 0 < ratio.low and lead < 0 else "no difference shown"


def sign_test(win: int, loss: int) -> float:
    """Return the chance of so uneven a split, either way, if both sides were equally likely.

    Exact and two-sided; ties are left out (Dixon & Mood 1946).
    """
    n = win + loss
    tail = sum(comb(n, k) for k in range(min(win, loss) + 1))
    return min(1.0, float(2 * tail / 2**n))


def rank_sum_test(sample: Sequence[float], baseline: Sequence[float]) -> float:
    """Return the chance of rank sums so far from their mean if all values came from one law.

    Exact and two-sided, also with ties, which have the mean of their ranks (Wilcoxon 1945).
    """
    ranks = _doubled_ranks([*sample, *baseline])
    n = len(sample)
    mean = sum(ranks) * n / len(ranks)
    offset = abs(sum(ranks[:n]) - mean)
    sums: list[Counter[int]] = [Counter({0: 1}), *(Counter[int]() for _ in range(n))]
    for rank in ranks:
        for size in range(n, 0, -1):
            for total, ways in sums[size - 1].items():
                sums[size][total + rank] += ways
    extreme = sum(ways for total, ways in sums[n].items() if abs(total - mean) >= offset - 1e-9)
    return extreme / comb(len(ranks), n)


def _doubled_ranks(values: Sequence[float]) -> list[int]:
    """Return twice the rank of each value, a whole number also if ties have the mean of theirs."""
    return [
        sum(each < value for each in values) + sum(each <= value for each in values) + 1
        for value in values
    ]


def lead(sample: Sequence[float], baseline: Sequence[float]) -> int:
    """Return in how many more pairs of values the sample's is the smaller than the larger."""
    return sum((a < b) - (a > b) for a in sample for b in baseline)
