"""The exact reference of jobs on one machine against a twin that tries every subset."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from itertools import permutations
from random import Random
from time import monotonic

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generators.tardiness import generate
from graders.exact import tardiness_bounds, tardiness_local, tardiness_subsets
from graders.exact.tardiness import reference, solve
from graders.exact.tardiness_local import weighted_tardiness
from tasks.base import Reference
from tasks.tardiness import KEY
from tests.data import data
from tests.depth import examples, often
from tests.factories.single_machine import cell, draws
from tests.factories.single_machine import jobs as jobs_of
from tests.tardiness_limits import line as row_of
from tests.tardiness_limits import solved

Ints = Sequence[int]


def by_permutations(p: Ints, d: Ints, w: Ints) -> int:
    """The least total weighted tardiness of all orders, one by one."""
    return min(weighted_tardiness(order, p, d, w) for order in permutations(range(len(p))))


def twin(p: Ints, d: Ints, w: Ints) -> int:
    """The same by the last job of every subset, no rule and no bound: 2^n n steps."""
    best, total = [0] * (1 << len(p)), [0] * (1 << len(p))
    for mask in range(1, 1 << len(p)):
        jobs = [j for j in range(len(p)) if mask >> j & 1]
        end = total[mask] = total[mask & (mask - 1)] + p[jobs[0]]
        best[mask] = min([best[mask ^ 1 << j] + w[j] * max(0, end - d[j]) for j in jobs])
    return best[-1]


# Unweighted ---------------------------------------------------------------------------------


def test_the_twin_agrees_with_all_permutations() -> None:
    for p, d, w in draws("permutations", often(160), 6):
        assert twin(p, d, w) == by_permutations(p, d, w)


def test_total_tardiness_equals_the_twin() -> None:
    zero = 0
    for p, d, w in draws("unweighted", often(4000), 8):
        ones = [1] * len(w)
        found = solve(p, d, compiled=False)
        assert found.objective == found.bound == twin(p, d, ones), (p, d)
        assert weighted_tardiness(found.order, p, d, ones) == found.objective
        assert solve(p, d) == found
        zero += not found.objective
    assert zero > often(200)


@examples(400)
@given(st.lists(st.tuples(st.integers(1, 12), st.integers(-5, 40)), min_size=1, max_size=9))
def test_total_tardiness_of_nine_equals_the_twin(jobs: list[tuple[int, int]]) -> None:
    p, d = [job[0] for job in jobs], [job[1] for job in jobs]
    assert solve(p, d).objective == twin(p, d, [1] * len(p))


@pytest.mark.heavy
def test_all_permutations_of_nine() -> None:
    p, d = [7, 3, 9, 9, 2, 5, 4, 9, 6], [20, 11, 18, 18, 30, 12, 25, 26, 12]
    assert solve(p, d).objective == by_permutations(p, d, [1] * 9)


@pytest.mark.heavy
@pytest.mark.parametrize("unit", [10**12, 10**17, 10**40])
def test_values_of_any_size_are_exact(unit: int) -> None:
    for p, d, w in draws("huge", 60, 7):
        plain = twin(p, d, w)
        huge = [unit * x for x in p], [unit * x for x in d]
        assert solve(*huge).objective == unit * twin(p, d, [1] * len(w))
        assert solve(*huge, w).objective == unit * plain
        assert solve(p, d, [unit * x for x in w]).objective == unit * plain


@pytest.mark.heavy
def test_long_chains_need_no_recursion() -> None:
    p, d = list(range(1, 1001)), [0] * 1000
    assert solve(p, d, compiled=False).bound == sum(k * (1001 - k) for k in p)
    found = solve(*cell(250, 0.2, 0.2), compiled=False, node_limit=300)
    assert 0 < found.bound < found.objective
    assert found.nodes == 300


def test_stored_optima_of_twenty_jobs() -> None:
    lines = data("smtt", "n20.jsonl").read_text("utf-8").splitlines()
    assert len(lines) == 800
    for line in map(json.loads, lines):
        assert solve(line["p"], line["d"], compiled=False).objective == line["opt"], line["id"]


def test_stored_optima_of_a_hundred_jobs() -> None:
    for line in map(json.loads, data("smtt", "n100.jsonl").read_text("utf-8").splitlines()[::10]):
        plain = solve(line["p"], line["d"], compiled=False)
        assert plain.objective == plain.bound == line["opt"], line["id"]
        assert solve(line["p"], line["d"]) == plain


# Weighted -----------------------------------------------------------------------------------


def test_subsets_equal_the_twin_from_any_order() -> None:
    for p, d, w in draws("weighted", often(1000), 7):
        found = tardiness_subsets.best_order(p, d, w, list(range(len(p))))
        assert found.bound == weighted_tardiness(found.order, p, d, w) == twin(p, d, w), (p, d, w)


@examples(150)
@given(
    st.lists(
        st.tuples(st.integers(1, 9), st.integers(-5, 40), st.integers(1, 6)),
        min_size=1,
        max_size=9,
    )
)
def test_weighted_tardiness_equals_the_twin(jobs: list[tuple[int, int, int]]) -> None:
    p, d, w = ([job[k] for job in jobs] for k in range(3))
    found = solve(p, d, w)
    assert found.objective == found.bound == twin(p, d, w)


@pytest.mark.parametrize(("n", "common"), [(20, True), (16, False)])
def test_subsets_solve_jobs_that_the_bounds_tell_little_of(n: int, common: bool) -> None:
    rng = Random("alike")
    p = [rng.randint(50, 100) for _ in range(n)]
    d = [sum(p) // 2 if common else rng.randint(0, sum(p) // 2) for _ in p]
    found = solve(p, d, p)
    assert found.objective == found.bound
    assert found.nodes > 1000


def test_like_weights_are_a_unit() -> None:
    p, d = cell(30, 0.6, 0.4)
    once, thrice = reference(jobs_of(p, d)), reference(jobs_of(p, d, [3] * 30))
    assert once.objective is not None
    assert thrice == Reference(
        "optimal", 3 * once.objective, 3 * once.objective, "decomposition", once.answer
    )


def test_best_values_of_the_or_library() -> None:
    numbers = list(map(int, data("orlib", "wt40.txt").read_text().split()))
    values = list(map(int, data("orlib", "wtopt40.txt").read_text().split()))
    for k in range(5, 125, 24):
        p, w, d = (numbers[120 * k + 40 * part : 120 * k + 40 * part + 40] for part in range(3))
        assert solve(p, d, w)[:2] == (values[k], values[k])


# At the limit -------------------------------------------------------------------------------


@pytest.mark.heavy
@pytest.mark.parametrize("limit", [0, 1, 3])
def test_limits_give_valid_bounds(limit: int) -> None:
    for p, d, w in draws(f"limit {limit}", 60, 7):
        for weights in (w, [1] * len(w)):
            found = solve(p, d, weights, node_limit=limit)
            assert found.bound <= twin(p, d, weights) <= found.objective
            assert weighted_tardiness(found.order, p, d, weights) == found.objective
            assert sorted(found.order) == list(range(len(p)))


def test_bounds_hold_whatever_order_they_start_from() -> None:
    for p, d, w in draws("bounds", often(250), 7):
        best = twin(p, d, w)
        assert tardiness_bounds.simple_bound(p, d, w) <= best
        assert tardiness_bounds.lower_bound(p, d, w, list(range(len(p)))) <= best
        dual = tardiness_bounds.prices(p, d, w, list(range(len(p))))
        assert dual.bound <= tardiness_bounds.SCALE * best
        for j, end in enumerate(sum(p[: j + 1]) for j in range(len(p))):
            cost = tardiness_bounds.SCALE * w[j] * max(0, end - d[j])
            assert cost + dual.before(end) - dual.before(end - p[j]) >= dual.least[j]


def test_thinned_prices_still_bound() -> None:
    for p, d, w in draws("thin", often(200), 7):
        order = list(range(len(p)))
        assert tardiness_bounds.lower_bound(p, d, w, order, most=40) <= twin(p, d, w)


def test_local_search_stops_where_no_move_gains() -> None:
    for p, d, w in draws("local", often(160), 7):
        order, value, _ = tardiness_local.descend(list(range(len(p))), p, d, w, 10**9)
        assert value == weighted_tardiness(order, p, d, w)
        for i, j in permutations(range(len(p)), 2):
            moved = list(order)
            moved.insert(j, moved.pop(i))
            assert weighted_tardiness(moved, p, d, w) >= value


@pytest.mark.heavy
def test_bounds_at_the_limit_are_near() -> None:
    p, d = cell(60, 0.6, 0.4)
    exact, limited = solve(p, d), solve(p, d, node_limit=0)
    assert 0.9 * exact.objective < limited.bound < exact.objective
    assert exact.objective <= limited.objective < 1.02 * exact.objective


@pytest.mark.heavy
def test_no_time_still_gives_an_order_and_a_bound() -> None:
    for w in (None, [1 + k % 3 for k in range(120)]):
        began = monotonic()
        known = reference(jobs_of(*cell(120, 0.6, 0.2), w), seconds=0)
        assert monotonic() - began < 5
        assert known.status == "bounded"
        assert known.objective is not None
        assert known.bound is not None
        assert 0.3 * known.objective < known.bound < known.objective


@pytest.mark.heavy
def test_a_hint_can_only_help() -> None:
    p, d = cell(60, 0.6, 0.4)
    jobs, exact = jobs_of(p, d), solve(p, d)
    hinted = solve(p, d, node_limit=0, hint=exact.order)
    assert hinted.objective == exact.objective
    names = [f"J{k}" for k in exact.order]
    assert reference(jobs, hint=names) == reference(jobs, hint=names[1:]) == reference(jobs)


# The reference ------------------------------------------------------------------------------


def test_reference_names_every_job_once() -> None:
    known = reference(jobs_of([5, 2, 4], [7, 3, 20]))
    assert known == Reference("optimal", 0, 0, "decomposition", {KEY: ["J1", "J0", "J2"]})
    assert reference(jobs_of([5], [-2], [3])).objective == 21


@pytest.mark.heavy
def test_references_are_the_same_bytes_in_every_process() -> None:
    code = (
        "import msgspec\nfrom graders.exact.tardiness import reference, solve\n"
        "from tests.factories.single_machine import cell, jobs\n"
        "p, d = cell(40, .6, .4); w = [1 + k % 4 for k in range(40)]\n"
        "print([msgspec.json.encode(reference(jobs(p, d, x))) for x in (None, w)],"
        " solve(p, d, node_limit=9), solve(p, d, w, node_limit=9))"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            check=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout
        for seed in "12"
    }
    assert len(outputs) == 1


def test_the_table_of_limits_says_what_the_solver_proves() -> None:
    row = solved(20, 10)
    assert row.solution == solve(*zip(*_times(20, 10), strict=True))
    assert row.solution.objective == row.solution.bound
    text = row_of(row)
    assert text.startswith(f"10 | TF 0.6 RDD 0.2 | {row.solution.objective} optimal | ")
    bounded = row._replace(solution=row.solution._replace(bound=0))
    assert f"{row.solution.objective} bounded by 0" in row_of(bounded)


def _times(n: int, index: int) -> list[tuple[int, int]]:
    payload = generate(n, 0, index, {}, reference=False).payload
    return [(job.p, job.d) for job in payload.jobs]
