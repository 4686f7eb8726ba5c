"""When a difference may be called better: the tests behind the word, and how often it errs."""

from collections.abc import Mapping, Sequence
from functools import cache
from itertools import combinations
from random import Random
from typing import Any

import pytest

from generators.tardiness import generate
from graders.exact.dispatch import edd, mdd, total_tardiness
from graders.statistics import Estimate
from graders.tardiness import yardsticks
from harness.evolve.database import Candidate
from harness.evolve.domains import domain
from harness.evolve.domains.tardiness import CELLS
from harness.evolve.evaluation import Evaluated
from harness.evolve.report import ChampionComparison, OutcomeTable
from harness.evolve.study import Champion, Results, Study
from harness.evolve.verdicts import SMALLEST, Verdict, lead, rank_sum_test, sign_test, verdict
from tasks.base import Instance
from tasks.prompts import installed
from tests.harness.evolve.small import plan

WHO = ("search", "random-constants", "mutate", "seed", "rule mdd")
JOBS = 15
REPORTED = domain("tardiness-priority").reported
SIZES = dict(zip(REPORTED, (96, 36, 64), strict=True))
BELOW, ABOVE, AROUND = Estimate(-1, -2, -0.1), Estimate(1, 0.1, 2), Estimate(0, -1, 1)
Values = Mapping[str, Mapping[str, Sequence[int]]]  # objectives by who and split


def test_the_word_needs_all_that_is_asked_for() -> None:
    assert verdict(BELOW, ABOVE, 1, 0.049) == "better"
    assert verdict(ABOVE, BELOW, -1, 0.049) == "worse"
    small = Estimate(-SMALLEST / 2, -SMALLEST, -SMALLEST / 4)
    for ratio, gained, leads, p in (
        (BELOW, AROUND, 1, 0.01),
        (AROUND, ABOVE, 1, 0.01),
        (BELOW, BELOW, 1, 0.01),
        (Estimate(-1, None, None), ABOVE, 1, 0.01),
        (BELOW, ABOVE, 0, 0.01),
        (BELOW, ABOVE, -6, 0.01),  # 9 won and 15 lost
        (BELOW, ABOVE, 1, 0.05),
        (BELOW, ABOVE, 1, None),
        (small, ABOVE, 1, 0.01),
    ):
        assert verdict(ratio, gained, leads, p) == "no difference shown"


def test_the_sign_test_is_that_of_the_binomial_law() -> None:
    assert sign_test(4, 0) == sign_test(0, 4) == 0.125
    assert sign_test(0, 0) == sign_test(3, 3) == 1
    assert sign_test(9, 15) == pytest.approx(0.3075, abs=1e-4)
    assert sign_test(0, 6) == 2 / 2**6


def test_the_rank_sum_test_agrees_with_all_ways_to_share_out_the_values() -> None:
    """A twin that goes through every choice of as many values, ties included."""
    rng = Random("rank sums")
    for _ in range(60):
        n, m = rng.randint(1, 5), rng.randint(1, 5)
        values = [rng.choice((1.0, 1.1, 1.2, 1.3)) for _ in range(n + m)]

        def off(chosen: Sequence[int], values: Sequence[float] = values) -> float:
            ours = [values[k] for k in chosen]
            theirs = [v for k, v in enumerate(values) if k not in chosen]
            return abs(lead(ours, theirs))

        ways = [off(chosen) for chosen in combinations(range(n + m), n)]
        p = sum(way >= ways[0] for way in ways) / len(ways)
        assert rank_sum_test(values[:n], values[n:]) == pytest.approx(p)
    assert rank_sum_test([1, 2, 3, 4, 5], [6, 7, 8, 9, 10]) == pytest.approx(2 / 252)


# Whole reports ---------------------------------------------------------------------------------


@cache
def pool(count: int) -> list[tuple[Instance[Any], list[int], list[int]]]:
    """Instances in all cells, with processing times and due dates."""
    made = [generate(JOBS, 77, k, CELLS[k % len(CELLS)]) for k in range(count)]
    return [(i, [j.p for j in i.payload.jobs], [j.d for j in i.payload.jobs]) for i in made]


def compared(
    places: Mapping[str, Sequence[int]], values: Values, count: int
) -> list[ChampionComparison]:
    """The comparisons of a report whose splits are those instances of the pool."""
    splits = {split: [pool(count)[k][0] for k in places[split]] for split in REPORTED}
    late = [i for i in splits["test"] if i.reference.objective]  # a search needs some tardiness
    study = Study(
        ["m"], domain("tardiness-priority"), plan(), installed(), splits | {"train": late}
    )
    champions = [
        Champion(who, Candidate(who, 0, "mutate", "m", "valid", source=who), 1.0) for who in WHO[:4]
    ]
    outcomes = {
        who: {split: Evaluated(tuple(made)) for split, made in every.items()}
        for who, every in values.items()
    }
    outcomes["rule random"] = {
        split: Evaluated(tuple(yardsticks(i.payload)[0] for i in made))
        for split, made in splits.items()
    }
    return OutcomeTable(
        study, Results(tuple(champions[:3]), champions[3], "mdd", outcomes)
    ).comparisons()


def drawn(rng: Random, count: int) -> dict[str, list[int]]:
    """Which instances of the pool each split of a report has; none is in two."""
    order = rng.sample(range(count), sum(SIZES.values()))
    return {split: [order.pop() for _ in range(size)] for split, size in SIZES.items()}


def slipped(k: int, share: float, rng: Random, count: int) -> int:
    """The tardiness of MDD's order, in a share of cases with two jobs near each other swapped."""
    _, p, d = pool(count)[k]
    order = mdd(p, d)
    if rng.random() < share:
        a = rng.randrange(len(order) - 1)
        b = min(len(order) - 1, a + rng.randint(1, 4))
        order[a], order[b] = order[b], order[a]
    return int(total_tardiness(order, p, d))


def reports(count: int, share: float, repeats: int) -> list[set[Verdict]]:
    """The verdicts of reports on five programs of which none is better than another."""
    rng = Random(f"reports/{share}")
    verdicts: list[set[Verdict]] = []
    for _ in range(repeats):
        places = drawn(rng, count)
        values = {
            who: {s: [slipped(k, share, rng, count) for k in places[s]] for s in REPORTED}
            for who in WHO
        }
        verdicts.append({c.verdict for c in compared(places, values, count)})
    return verdicts


def superior(count: int, repeats: int) -> int:
    """Of how many comparisons of MDD with EDD it is said that it is better."""
    rng, shown = Random("power"), 0
    for _ in range(repeats):
        places = drawn(rng, count)
        values = {
            who: {
                s: [_by(mdd if who == "search" else edd, k, count) for k in places[s]]
                for s in REPORTED
            }
            for who in WHO
        }
        shown += sum(c.verdict == "better" for c in compared(places, values, count))
    return shown


def _by(rule: Any, k: int, count: int) -> int:
    _, p, d = pool(count)[k]
    return int(total_tardiness(rule(p, d), p, d))


def test_four_wins_without_a_loss_are_not_better() -> None:
    places = drawn(Random("four"), 200)
    values = {who: {s: [_by(mdd, k, 200) for k in places[s]] for s in REPORTED} for who in WHO}
    for k in range(4):
        values["seed"]["test"][k] += 400
    [one] = [c for c in compared(places, values, 200) if (c.against, c.split) == ("seed", "test")]
    assert (one.win, one.tie, one.loss, one.p, one.p_holm) == (4, 92, 0, 0.125, 1.0)
    assert one.verdict == "no difference shown"


def test_a_truly_better_program_is_called_better() -> None:
    assert superior(200, 2) == 2 * 12


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.05, 0.3, 1.0])
def test_reports_on_equal_programs_seldom_say_anything(share: float) -> None:
    """In at most 5 of 100 reports any of the 12 comparisons has a word."""
    verdicts = reports(400, share, 200)
    assert sum("better" in v for v in verdicts) <= 10
    assert sum(v != {"no difference shown"} for v in verdicts) <= 17  # .05 and 2.3 errors
