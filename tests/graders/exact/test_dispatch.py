"""Dispatching rules: the published table, small cases by hand, naive twins of what is fast."""

import json
from collections.abc import Callable
from itertools import permutations
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graders.exact import dispatch
from graders.exact.dispatch import Rule, total_tardiness
from tests.data import data
from tests.depth import examples

RULES: list[Rule] = [
    dispatch.edd,
    dispatch.spt,
    dispatch.mdd,
    dispatch.mdd_shortest,
    dispatch.psk,
    dispatch.atc,
    dispatch.eddc,
    dispatch.eddc_printed,
    dispatch.mddc,
    dispatch.augmented_mdd,
    dispatch.augmented_mddc,
    dispatch.mdd_insertion,
]
# Mean gap in % over instances with a positive optimum: published (None: not), ours; sums: ours.
TABLE: dict[int, dict[Rule, tuple[float | None, float, float]]] = {
    20: {
        dispatch.edd: (46.61, 46.484, 52.631),
        dispatch.eddc: (12.83, 12.825, 5.015),
        dispatch.eddc_printed: (None, 46.094, 52.395),
        dispatch.mdd: (1.86, 1.861, 1.450),
        dispatch.mdd_shortest: (None, 1.774, 1.405),
        dispatch.mddc: (1.70, 1.701, 0.774),
        dispatch.psk: (1.77, 1.774, 1.405),
        dispatch.augmented_mdd: (1.21, 1.210, 0.905),
        dispatch.augmented_mddc: (0.79, 0.787, 0.495),
        dispatch.mdd_insertion: (None, 0.738, 0.462),
    },
    100: {
        dispatch.edd: (59.57, 59.547, 66.024),
        dispatch.eddc: (28.12, 28.123, 5.643),
        dispatch.mdd: (1.81, 1.813, 1.334),
        dispatch.mddc: (1.52, 1.518, 1.208),
        dispatch.psk: (1.79, 1.795, 1.317),
        dispatch.augmented_mdd: (1.27, 1.268, 0.895),
        dispatch.augmented_mddc: (1.08, 1.083, 0.835),
    },
}


@pytest.mark.parametrize(
    ("n", "rule"),
    [(n, rule) for n, rules in TABLE.items() for rule in rules],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_the_published_table(n: int, rule: Rule) -> None:
    lines = data("smtt", f"n{n}.jsonl").read_text("utf-8").splitlines()
    made = [(row["p"], row["d"], row["opt"]) for row in map(json.loads, lines)]
    pairs = [(total_tardiness(rule(p, d), p, d), opt) for p, d, opt in made]
    ratios = [value / opt - 1 for value, opt in pairs if opt]
    mean_of_ratios = 100 * sum(ratios) / len(ratios)
    ratio_of_sums = 100 * (sum(v for v, _ in pairs) / sum(o for _, o in pairs) - 1)
    published, ours, by_sums = TABLE[n][rule]
    assert published is None or abs(mean_of_ratios - published) < 0.15
    assert mean_of_ratios == pytest.approx(ours, abs=0.001)
    assert ratio_of_sums == pytest.approx(by_sums, abs=0.001)


Case = tuple[list[int], list[int]]


@st.composite
def cases(draw: st.DrawFn, most: int = 9) -> Case:
    """Few distinct times and due dates, so that ties are common; due dates may be negative."""
    n = draw(st.integers(1, most))
    p = draw(st.lists(st.integers(1, draw(st.sampled_from([2, 9]))), min_size=n, max_size=n))
    latest = sum(p) + 2
    return p, draw(st.lists(st.integers(-3, latest), min_size=n, max_size=n))


@examples(300)
@given(cases())
def test_rules_give_permutations_no_better_than_the_optimum(case: Case) -> None:
    p, d = case
    orders = [rule(p, d) for rule in RULES]
    assert all(sorted(order) == list(range(len(p))) for order in orders)
    if len(p) <= 6:
        best = min(total_tardiness(o, p, d) for o in permutations(range(len(p))))
        assert all(total_tardiness(order, p, d) >= best for order in orders)


@examples(200)
@given(cases(6))
def test_edd_and_spt_are_best_at_what_they_are_for(case: Case) -> None:
    p, d = case

    def lateness(order: tuple[int, ...] | list[int]) -> list[int]:
        return [sum(p[j] for j in order[: k + 1]) - d[j] for k, j in enumerate(order)]

    every = list(permutations(range(len(p))))
    assert max(lateness(dispatch.edd(p, d))) == min(max(lateness(o)) for o in every)
    assert sum(lateness(dispatch.spt(p, d))) == min(sum(lateness(o)) for o in every)


@examples(200)
@given(cases())
def test_rules_pick_by_their_formula_at_every_step(case: Case) -> None:
    """MDD and its tie rules, looked up job by job; the active job of PSK has the least MDD."""
    p, d = case
    ties: list[tuple[Rule, Callable[[int], int]]] = [
        (dispatch.mdd, lambda j: j),
        (dispatch.mdd_shortest, lambda j: p[j] * 100 + j),
        (dispatch.psk, lambda _: 0),
    ]
    for rule, tie in ties:
        time, waiting = 0, list(range(len(p)))
        for job in rule(p, d):
            keys = [(max(p[j] + time, d[j]), tie(j)) for j in waiting]
            assert (max(p[job] + time, d[job]), tie(job)) == min(keys)
            waiting.remove(job)
            time += p[job]


@examples(300)
@given(cases())
def test_augment_like_its_naive_twin(case: Case) -> None:
    p, d = case
    order = dispatch.mdd(p, d)
    partial: list[int] = []
    for job in order:
        partial.append(job)
        moved = [[*(i for i in partial if i != j), j] for j in reversed(partial)]
        partial = min(moved, key=lambda o: total_tardiness(o, p, d))  # the first is no move
    assert dispatch.augment(order, p, d) == partial


@examples(200)
@given(cases())
def test_insertion_ends_where_no_single_move_helps(case: Case) -> None:
    p, d = case
    start = dispatch.spt(p, d)
    order = dispatch.insertion(start, p, d)
    value = total_tardiness(order, p, d)
    assert value <= total_tardiness(start, p, d)
    for k, job in enumerate(order):
        rest = order[:k] + order[k + 1 :]
        for h in range(len(order)):
            assert total_tardiness([*rest[:h], job, *rest[h:]], p, d) >= value


def test_ties_by_position_unless_the_rule_says_otherwise() -> None:
    p, d = [5, 2, 5, 2], [9, 9, 9, 9]
    assert dispatch.edd(p, d) == [0, 1, 2, 3]
    assert dispatch.eddc_printed(p, d) == [1, 3, 0, 2]
    assert dispatch.spt(p, d) == [1, 3, 0, 2]
    assert dispatch.mdd(p, d)[0] == 0
    assert dispatch.mdd_shortest(p, d)[0] == dispatch.psk(p, d)[0] == 1
    assert dispatch.atc([3, 3], [4, 4]) == [0, 1]


def test_eddc_moves_a_job_back_only_where_it_is_early() -> None:
    assert dispatch.eddc([2, 3], [9, 4]) == [1, 0]  # ends at 2, due at 9, after the other
    assert dispatch.eddc([2, 3], [2, 1]) == [0, 1]  # due after the other, but just in time
    assert dispatch.eddc([2, 3, 4], [9, 8, 1]) == [2, 1, 0]  # swept until nothing moves


def test_mddc_by_hand() -> None:
    """At time 0: p = 10, 4, d = 12, 9: u = 12, 9; rho = 1, .4; theta = .5, .137931...; mean 7."""
    first = 12 * (1 + 0.5) + 10 / 7
    second = 9 * (1 + 0.16 / 1.16) + 4 / 7
    assert second < first
    assert dispatch.mddc([10, 4], [12, 9]) == [1, 0]
    assert dispatch.mddc([10, 4], [12, 40]) == [0, 1]


def test_atc_uses_weights_and_does_not_underflow() -> None:
    assert dispatch.atc([4, 2], [0, 0]) == [1, 0]
    assert dispatch.atc([4, 2], [0, 0], [9, 1]) == [0, 1]
    assert dispatch.atc([1, 1, 1], [3_000_000, 2_000_000, 1_000_000]) == [2, 1, 0]


def test_random_orders_are_seeded_and_of_every_kind() -> None:
    p, d = [1, 2, 3], [1, 2, 3]
    drawn = [tuple(dispatch.random_order(p, d, Random(f"{k}"))) for k in range(100)]
    assert len(set(drawn)) == 6
    assert drawn[0] == tuple(dispatch.random_order(p, d, Random("0")))
