"""Jitter by hand and by a twin; projects that are proven to have no schedule."""

from itertools import product

import pytest

from generators.rcpsp import generate
from graders.rcpsp import grade, reward, summarise
from graders.rcpsp_periodic import jitter
from harness.families.registry import family
from tasks.base import Fields, Grade, Instance, Outcome, Parsed, Record, Scalar, Verdict
from tasks.rcpsp import Project, Resource, Task, Window
from tests.depth import often


def graded(instance: Instance[Project], starts: Fields) -> Grade:
    return grade(instance, Outcome((Parsed({"starts": starts}),)))


BY_HAND = Project(
    tasks=(*(Task(f"P1.{k}", 3, {"R1": 1}) for k in range(1, 5)), Task("P2.1", 9, {"R1": 1})),
    resources=(Resource("R1", 1),),
    precedences=(),
    downtimes=(),
    windows=(
        *(Window(f"P1.{k + 1}", 20 * k, 20 * k + 20) for k in range(4)),
        Window("P2.1", 0, 80),
    ),
    disjunctions=(),
    horizon=80,
)


@pytest.mark.parametrize(
    ("starts", "expected"),
    [((0, 20, 40, 60), 0), ((5, 25, 45, 65), 0), ((0, 17 + 20, 40, 60), 17), ((9, 20, 41, 60), 9)],
)
def test_jitter_by_hand(starts: tuple[int, ...], expected: int) -> None:
    names = {f"P1.{k}": start for k, start in enumerate(starts, 1)}
    assert jitter(BY_HAND, {**names, "P2.1": 70}) == expected


def twin(project: Project, starts: Fields) -> int:
    """Compare all pairs of tasks; the period of one is the length of its window."""
    worst = 0
    for a, b in product(project.windows, repeat=2):
        if a.task.split(".")[0] == b.task.split(".")[0] and a.deadline == b.release:
            period = a.deadline - a.release
            worst = max(worst, abs(starts[b.task] - starts[a.task] - period))
    return worst


def test_jitter_is_that_of_a_twin_and_only_of_feasible_answers() -> None:
    valid = 0
    for index in range(often(240)):
        settings: dict[str, Scalar] = {"pattern": "periodic", "load": 0.8}
        instance = generate(2 + index % 5, 5, index, settings)
        solvable = float(instance.reference.status != "infeasible")
        for name in ("exact", "edf", "random-50"):
            starts = family("rcpsp").policies[name].answer(instance)["starts"]
            judgement = graded(instance, starts)
            assert judgement.metrics["solvable"] == solvable
            if judgement.verdict is Verdict.valid:
                valid += 1
                assert judgement.metrics["jitter"] == twin(instance.payload, starts)
            else:
                assert "jitter" not in judgement.metrics
    assert valid > often(240)


def test_where_there_is_no_schedule_nobody_scores_and_the_row_says_so() -> None:
    settings: dict[str, Scalar] = {"pattern": "periodic", "load": 0.95}
    batch = [generate(8, 0, index, settings) for index in range(6)]
    statuses = [instance.reference.status for instance in batch]
    assert {*statuses} == {"optimal", "infeasible"}
    exact, records = family("rcpsp").policies["exact"], []
    for instance in batch:
        judgement = graded(instance, exact.answer(instance)["starts"])
        solvable = instance.reference.status == "optimal"
        assert judgement.verdict is (Verdict.valid if solvable else Verdict.infeasible)
        assert judgement.score == judgement.metrics["solvable"] == float(solvable)
        assert (reward(instance, judgement).value == 1) == solvable
        records.append(record(instance, judgement))
    score, metrics = summarise(records)
    assert score.value == metrics["solvable"].value == statuses.count("optimal") / 6
    jitters = [r.grade.metrics["jitter"] for r in records if r.grade and r.grade.score]
    assert metrics["jitter"].value == pytest.approx(sum(jitters) / len(jitters))


def record(instance: Instance[Project], judgement: Grade) -> Record:
    return Record(
        instance.id,
        "rcpsp",
        instance.level,
        instance.settings,
        "policy/exact",
        "direct",
        "none",
        epoch=1,
        grade=judgement,
        problem=None,
        calls=1,
        attempts=1,
        input_tokens=0,
        output_tokens=0,
        cost=0.0,
        seconds=0.0,
    )


def test_other_projects_have_none_of_these_metrics() -> None:
    instance = generate(5, 0, 0, {})
    judgement = graded(instance, (instance.reference.answer or {})["starts"])
    assert {*judgement.metrics} == {"broken"}
    assert not {"jitter", "solvable"} & {*summarise([record(instance, judgement)])[1]}
