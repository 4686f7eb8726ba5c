"""Quality of a project's answer, and its mean over levels: properties, and known cases."""

from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from generators.rcpsp import generate
from graders.rcpsp import grade, quality, summarise
from tasks.base import Fields, Grade, Instance, Record, Reference, Scalar, Verdict
from tasks.rcpsp import Project, Task, read

LOOSE: dict[str, Scalar] = {"axes": "downtime,disjunctions", "horizon_factor": 3}


def line(lengths: tuple[int, ...], reference: Reference) -> Instance[Project]:
    """Tasks without resources, under a long horizon."""
    tasks = tuple(Task(f"T{k}", d) for k, d in enumerate(lengths))
    project = Project(tasks, (), (), (), (), (), horizon=10 * (sum(lengths) + 1))
    return Instance("i", "rcpsp", len(tasks), 0, 0, {}, 1, project, reference)


def answered(instance: Instance[Project], starts: Any) -> Grade:
    return grade(instance, read({"starts": starts}, ""))


@given(st.lists(st.integers(1, 50), min_size=1, max_size=6), st.integers(0, 80), st.data())
def test_it_is_1_only_at_the_bound_and_falls_with_the_makespan(
    lengths: list[int], late: int, data: st.DataObject
) -> None:
    bound = data.draw(st.integers(1, max(lengths)))
    status = "optimal" if bound == max(lengths) else "bounded"
    instance = line(tuple(lengths), Reference(status, max(lengths), bound))  # type: ignore[arg-type]
    starts = dict.fromkeys((t.id for t in instance.payload.tasks), 0)
    last = max(instance.payload.tasks, key=lambda task: task.duration).id
    made = [answered(instance, starts | {last: start}) for start in (0, late, late + 1)]
    assume(all(one.verdict is Verdict.valid for one in made))
    scores = [quality(one) for one in made]
    assert all(q is not None and 0 < q <= 1 for q in scores)
    assert [q == 1 for q in scores] == [one.objective == bound for one in made]
    assert scores == [bound / one.objective for one in made if one.objective]
    assert sorted(scores, reverse=True) == scores  # type: ignore[type-var]
    assert scores[1] > scores[2]  # type: ignore[operator]


@pytest.mark.parametrize("index", range(6))
def test_gold_is_1_and_an_answer_that_breaks_a_rule_is_0(index: int) -> None:
    instance = generate(8, 3, index, LOOSE)
    assert instance.reference.answer is not None
    starts: Fields = instance.reference.answer["starts"]
    assert quality(answered(instance, starts)) == 1
    task, start = max(starts.items(), key=lambda one: one[1])
    broken: list[Any] = [starts | {task: -1}, starts | {task: "0"}, starts | {"X": 0}]
    broken.append(starts | {task: start + instance.payload.horizon})
    broken += [{k: v for k, v in starts.items() if k != task}, [], None]
    for wrong in broken:
        assert quality(answered(instance, wrong)) == 0


@pytest.mark.parametrize("bound", [None, 0])
def test_without_a_bound_no_answer_has_a_quality(bound: int | None) -> None:
    """Neither a right nor a wrong one: what counts must not depend on the answer."""
    instance = line((3,), Reference("none", bound=bound))
    assert quality(answered(instance, {"T0": 0})) is None
    assert quality(answered(instance, {"T0": -1})) is None


def record(name: str, level: int, graded: Grade) -> Record:
    return Record(
        name, "rcpsp", level, {}, "m", "direct", "none", 0, graded, None, 1, 1, 1, 1, None, 0.0
    )


def test_a_board_has_quality_beside_feasibility_whatever_the_score_is() -> None:
    """The score is the grade's; feasibility and pass@k go by verdicts."""
    known = line((4,), Reference("optimal", 4, 4))
    made = {10: [0, 4, 0, 4, 4], 20: [0, -1, 0, 0, -1]}
    grades = [(level, answered(known, {"T0": s})) for level, many in made.items() for s in many]
    plain = [record(f"i{k}", level, one) for k, (level, one) in enumerate(grades)]
    scored = [
        record(
            f"i{k}",
            level,
            Grade(one.verdict, quality(one) or 0.0, one.objective, one.bound, metrics=one.metrics),
        )
        for k, (level, one) in enumerate(grades)
    ]
    (score, metrics), (other, same) = summarise(plain), summarise(scored)
    assert (score.value, metrics["feasible"], metrics["quality@10"].value) == (0.8, score, 0.7)
    assert metrics["quality"].value == pytest.approx((0.7 + 0.6) / 2)
    assert (other, same["feasible"]) == (metrics["quality"], score)
    assert same["feasible@20"] == metrics["feasible@20"]
    bare = [record("x", 30, answered(line((4,), Reference("none")), {"T0": 0}))]
    assert summarise([*plain, *bare])[1]["quality"].note == "a level without a known lower bound"
