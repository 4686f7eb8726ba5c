"""Certificates against a brute-force twin; what always takes one side; Youden's J by hand."""

import json
from collections import Counter
from itertools import combinations
from random import Random
from typing import Any

import pytest
from hypothesis import given
from msgspec.structs import replace

from generators.feasibility import generate
from graders.exact import feasibility as exact
from graders.exact.feasibility import has_schedule, irreducible_core, reference
from graders.feasibility import ONE_KIND, grade, reward, strata, summarise, youden
from harness.families.registry import family
from tasks.base import (
    Fields,
    Grade,
    Instance,
    NoReference,
    Record,
    Reference,
    SolverFailure,
    Verdict,
)
from tasks.feasibility import answer_of, constraints, read, restricted
from tasks.rcpsp import Project
from tests.depth import examples, often
from tests.graders.exact.small import least_makespan, projects


def instance_of(project: Project, best: Reference | None = None) -> Instance[Project]:
    known = best or reference(project)
    return Instance("i", "feasibility", len(project.tasks), None, 0, {}, 1, project, known)


def judged(instance: Instance[Project], answer: Fields | str) -> Grade:
    return grade(instance, read(None, answer if isinstance(answer, str) else json.dumps(answer)))


# The proof -----------------------------------------------------------------------------------


@examples(600)
@given(projects(4))
def test_a_project_has_a_schedule_if_a_search_of_all_starts_finds_one(project: Project) -> None:
    assert has_schedule(project) == (least_makespan(project) is not None)


def test_lists_and_the_solver_decide_as_layers_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """Projects and parts of them at the least makespan and one less, and what layers leave open."""
    rng, few, verdicts = Random("feasibility/layers"), exact.FEW, Counter[bool | None]()
    for index in range(often(600)):
        project = generate(rng.randint(6, few), 1, index, {}).payload
        labels = list(constraints(project))
        for share in (1.0, 0.9, 0.7):
            part = restricted(project, [each for each in labels if rng.random() < share])
            verdict = has_schedule(part)
            for name, value in (("FEW", 0), ("STATES", 1)):
                with monkeypatch.context() as patch:
                    patch.setattr(exact, name, value)
                    assert has_schedule(part) == verdict
            verdicts[verdict] += 1
    assert min(verdicts[True], verdicts[False]) > often(600) // 4
    assert verdicts[None] == 0


@examples(400)
@given(projects(4))
def test_a_core_leaves_no_schedule_and_each_part_of_it_one(project: Project) -> None:
    best = reference(project)
    if best.status != "infeasible":
        assert best.answer is not None
        assert best.answer["infeasible"] is None
        return
    assert best.answer is not None
    core = best.answer["infeasible"]
    assert least_makespan(restricted(project, core)) is None
    for label in core:
        fewer = [each for each in core if each != label]
        assert least_makespan(restricted(project, fewer)) is not None


@examples(300)
@given(projects(3))
def test_a_certificate_holds_if_a_search_of_all_starts_finds_none(project: Project) -> None:
    """Every subset of the constraints of every small project, feasible or not."""
    instance = instance_of(project)
    labels = list(constraints(project))[:5]
    for size in range(len(labels) + 1):
        for named in combinations(labels, size):
            got = judged(instance, {"infeasible": list(named)})
            holds = least_makespan(restricted(project, named)) is None
            assert (got.verdict is Verdict.valid) == holds == (got.score == 1)
            assert reward(instance, got).value == holds
            if holds and named:
                core = irreducible_core(project, named)
                assert got.metrics["sharp"] == len(core) / len(named)


# Grades --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("level", "pattern", "count"),
    [
        (5, "project", 36),
        (8, "project", 36),
        (12, "project", 36),
        (3, "jobshop", 36),
        (4, "jobshop", 20),
        (4, "periodic", 20),
    ],
)
def test_an_irreducible_certificate_is_accepted_and_one_with_a_constraint_less_is_refused(
    level: int, pattern: str, count: int
) -> None:
    for index in range(often(count)):
        instance = generate(level, 1, index, {"twin": "infeasible", "pattern": pattern})
        assert instance.reference.answer is not None
        core = instance.reference.answer["infeasible"]
        accepted = judged(instance, {"infeasible": core})
        assert (accepted.verdict, accepted.score) == (Verdict.valid, 1)
        assert accepted.metrics["sharp"] == 1
        for label in core:
            fewer = [each for each in core if each != label]
            refused = judged(instance, {"infeasible": fewer})
            assert (refused.verdict, refused.score) == (Verdict.infeasible, -1)
            assert refused.violations == ({"kind": "not_infeasible", "named": len(fewer)},)
            assert refused.metrics == {"solvable": 0, "claim": 1}


def test_naming_everything_holds_and_is_blunt() -> None:
    instance = generate(10, 0, 0, {"twin": "infeasible"})
    assert instance.reference.answer is not None
    labels = list(constraints(instance.payload))
    got = judged(instance, {"infeasible": labels})
    assert got.verdict is Verdict.valid
    assert got.metrics["sharp"] == len(instance.reference.answer["infeasible"]) / len(labels) < 1
    assert judged(instance, {"infeasible": labels * 2}) == got


@pytest.mark.parametrize("twin", ["feasible", "infeasible"])
def test_the_gold_answer_is_right_for_its_own_twin_only(twin: str) -> None:
    other = {"feasible": "infeasible", "infeasible": "feasible"}[twin]
    for index in range(often(60)):
        instance, counterpart = (generate(7, 2, index, {"twin": each}) for each in (twin, other))
        assert instance.reference.answer is not None
        gold = judged(instance, instance.reference.answer)
        assert (gold.verdict, gold.score, gold.metrics["claim"]) == (Verdict.valid, 1, 1)
        wrong = judged(counterpart, instance.reference.answer)
        assert (wrong.verdict, wrong.score, wrong.metrics["claim"]) == (Verdict.infeasible, -1, -1)
        assert reward(counterpart, wrong).value == 0


@pytest.mark.heavy
@pytest.mark.parametrize(("pattern", "level"), [("jobshop", 3), ("periodic", 4)])
def test_hostile_certificates_of_other_patterns_are_wrong_and_never_an_error(
    pattern: str, level: int
) -> None:
    """Repeated, of another kind, of another instance, nested, too many; on both twins."""
    for twin in ("feasible", "infeasible"):
        instance = generate(level, 2, 0, {"pattern": pattern, "twin": twin})
        labels = list(constraints(instance.payload))
        every = judged(instance, {"infeasible": labels * 50})
        assert (every.score == 1) == (twin == "infeasible")
        for named in (["D1"], ["E1"], [labels], [labels[0], None], {"P1": 1}, "all", ["*"] * 9999):
            assert judged(instance, {"infeasible": named}).score == -1


@pytest.mark.parametrize("policy", ["always-infeasible", "always-feasible"])
def test_always_the_same_side_scores_0_in_shops(policy: str) -> None:
    headline, _ = row_of(policy, (3,), 20, pattern="jobshop")
    assert headline.low < headline.value == 0 < headline.high


SOLVABLE = {"twin": "feasible"}


@pytest.mark.parametrize(
    ("answer", "verdict", "kind"),
    [
        ("I do not know.", "unparsable", "unparsable"),
        ({"starts": {}}, "infeasible", "missing"),
        ({"starts": []}, "unparsable", "unparsable"),
        ({"starts": None, "infeasible": None}, "unparsable", "unparsable"),
        ({"starts": {"T1": 0}, "infeasible": ["P1"]}, "unparsable", "unparsable"),
        ({"infeasible": "P1"}, "unparsable", "not_a_list"),
        ({"infeasible": [True]}, "unparsable", "not_a_label"),
        ({"infeasible": [["P1", "P2"]]}, "unparsable", "not_a_label"),
        ({"infeasible": ["P99"]}, "infeasible", "unknown_constraint"),
        ({"infeasible": []}, "infeasible", "not_infeasible"),
    ],
)
def test_what_is_no_proof_is_wrong_and_never_an_error(
    answer: Fields | str, verdict: str, kind: str
) -> None:
    instance = generate(5, 0, 0, SOLVABLE)
    got = judged(instance, answer)
    assert (got.verdict, got.score) == (verdict, -1)
    assert kind in {violation["kind"] for violation in got.violations}
    worth = reward(instance, got)
    assert worth.value == 0
    assert worth.near_miss < 1


def test_start_times_that_break_little_are_a_near_miss_where_there_is_a_schedule() -> None:
    instance, other = (generate(7, 2, 1, {"twin": twin}) for twin in ("feasible", "infeasible"))
    assert instance.reference.answer is not None
    starts = dict(instance.reference.answer["starts"])
    starts[next(iter(starts))] += 50
    near = reward(instance, judged(instance, answer_of(starts)))
    assert 0 < near.near_miss < 0.5
    assert reward(other, judged(other, answer_of(starts))).near_miss == 0


def test_an_answer_that_refutes_the_reference_and_a_missing_one_are_errors() -> None:
    instance = generate(5, 0, 0, SOLVABLE)
    assert instance.reference.answer is not None
    lying = replace(instance, reference=Reference("infeasible"))
    with pytest.raises(SolverFailure, match="said to be infeasible, but an answer is feasible"):
        judged(lying, instance.reference.answer)
    with pytest.raises(NoReference, match="needs to know if it can be done"):
        judged(replace(instance, reference=Reference("none")), {"infeasible": []})


def test_a_certificate_that_is_not_decided_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    instance = generate(5, 0, 0, {"twin": "infeasible"})
    monkeypatch.setattr("graders.feasibility.has_schedule", lambda _: None)
    with pytest.raises(SolverFailure, match="1 named constraints leave a schedule is not decided"):
        judged(instance, {"infeasible": ["P1"]})


# Youden's J ----------------------------------------------------------------------------------


def record(index: int, graded: Grade, level: int = 5) -> Record:
    return Record(
        instance=f"feasibility-{level}-s0-k{index}-0123abcd",
        family="feasibility",
        level=level,
        settings={},
        model="m",
        agent="direct",
        memory="none",
        epoch=0,
        grade=graded,
        problem=None,
        calls=1,
        attempts=1,
        input_tokens=0,
        output_tokens=0,
        cost=None,
        seconds=0.0,
    )


def outcome(*, solvable: bool, right: bool) -> Grade:
    verdict = Verdict.valid if right else Verdict.infeasible
    score = 1.0 if right else -1.0
    return Grade(verdict, score, metrics={"solvable": float(solvable), "claim": score})


def table(hits: int, misses: int, passes: int, alarms: int) -> list[Record]:
    """Records of projects without a schedule, shown or not, and of others, solved or not."""
    rows = [(False, True)] * hits + [(False, False)] * misses
    rows += [(True, True)] * passes + [(True, False)] * alarms
    return [record(k, outcome(solvable=s, right=r)) for k, (s, r) in enumerate(rows)]


@pytest.mark.parametrize("counts", [(8, 2, 15, 5), (10, 0, 0, 20), (3, 7, 20, 0), (1, 1, 1, 1)])
def test_the_headline_is_sensitivity_and_specificity_less_one(counts: tuple[int, ...]) -> None:
    hits, misses, passes, alarms = counts
    headline, metrics = summarise(table(*counts))
    sensitivity, specificity = hits / (hits + misses), passes / (passes + alarms)
    assert headline.value == pytest.approx(sensitivity + specificity - 1)
    assert metrics["sensitivity"].value == pytest.approx(sensitivity)
    assert metrics["specificity"].value == pytest.approx(specificity)
    assert headline.low is not None
    assert headline.high is not None
    assert -1 <= headline.low <= headline.value <= headline.high <= 1  # type: ignore[operator]
    assert metrics["youden@5"] == headline


def test_of_one_kind_alone_there_is_no_j() -> None:
    headline, _ = summarise(table(5, 5, 0, 0))
    assert (headline.value, headline.note) == (None, ONE_KIND)
    assert youden(strata([]), lambda g: g.score).value is None


@pytest.mark.heavy
@pytest.mark.parametrize("shares", [(0.5, 0.5), (0.9, 0.2), (0.97, 0.9), (0.05, 0.95)])
def test_the_interval_holds_the_truth_in_92_to_99_of_100(shares: tuple[float, float]) -> None:
    """From shares that differ, near the middle and near the ends: 80 projects of each kind."""
    rng, truth = Random(f"youden/{shares}"), sum(shares) - 1
    held, rounds = 0, 600
    for _ in range(rounds):
        hits, passes = (sum(rng.random() < share for _ in range(80)) for share in shares)
        headline = youden(strata(table(hits, 80 - hits, passes, 80 - passes)), lambda g: g.score)
        assert headline.low is not None
        assert headline.high is not None
        held += headline.low <= truth <= headline.high
    assert 0.92 <= held / rounds <= 0.99


# Policies ------------------------------------------------------------------------------------


def row_of(policy: str, levels: tuple[int, ...], count: int, pattern: str = "project") -> Any:
    records = []
    for level in levels:
        for index in range(count):
            instance = generate(level, 4, index, {"pattern": pattern})
            answer = family("feasibility").policies[policy].answer(instance)
            records.append(record(index, judged(instance, answer), level))
    return summarise(records)


@pytest.mark.parametrize("policy", ["always-infeasible", "always-feasible"])
def test_always_the_same_side_scores_0(policy: str) -> None:
    headline, metrics = row_of(policy, (5, 8), often(120))
    assert headline.value == 0
    assert headline.low < 0 < headline.high
    assert {metrics["sensitivity"].value, metrics["specificity"].value} == {0, 1}
    assert metrics["claim"].value == 0


@pytest.mark.heavy
def test_the_reference_scores_1_and_a_list_below_the_bound() -> None:
    exact, shown = row_of("exact", (5, 8), 20)
    assert (exact.value, shown["sharp"].value) == (1, 1)
    listed, _ = row_of("list-best", (5, 8), 20)
    bounded, _ = row_of("bound", (5, 8), 20)
    assert listed.value <= 0 < bounded.value < 1


def test_what_neither_answers_nor_abstains_well_is_below_0() -> None:
    """An abstention is a wrong answer: it cannot be worth more than a guess."""
    records = [
        record(index, judged(generate(5, 4, index, {}), "I abstain.")) for index in range(10)
    ]
    headline, metrics = summarise(records)
    assert headline.value == -1
    assert metrics["share_unparsable"].value == 1
