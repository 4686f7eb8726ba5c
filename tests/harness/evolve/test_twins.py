"""Programs of an online domain are run on twins: who looks ahead is caught, nobody else is."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from harness.evolve.domain import Domain, Twin, WrongSolution
from harness.evolve.evaluation import Evaluate, Evaluated
from harness.evolve.evaluator import Evaluator, Runner
from harness.evolve.scoring import score_program
from harness.evolve.twins import FORESIGHT
from harness.sandbox.base import CaseResult, Limits, ProgramRun
from harness.sandbox.sandbox import Sandbox
from harness.store.search_plan import SearchPlan
from tasks.base import Instance
from tests.harness.evolve.small import InProcess, instances, small

DRIVER = """\
def solve(function, case):
    decisions = []
    for k in range(1, len(case["p"]) + 1):
        decisions.append(bool(function(case["p"][:k], case["d"][:k])))
    return decisions
"""
MOMENT = 6  # jobs that are the same on the twin
HONEST = "def first(p, d):\n    return p[-1] < sum(p) / len(p)\n"
AHEAD = """\
import sys

def first(p, d):
    case = sys._getframe(1).f_locals["case"]
    return max(case["p"]) > 500
"""
AT_THE_END = """\
import sys

def first(p, d):
    case = sys._getframe(1).f_locals["case"]
    return len(p) > 6 and max(case["p"]) > 500
"""
FRAGILE = "def first(p, d):\n    return 1 / (len(p) < 7 or p[-1] <= 100)\n"


def case(instance: Instance[Any]) -> Any:
    jobs = instance.payload.jobs
    return {"p": [job.p for job in jobs], "d": [job.d for job in jobs]}


def answer(instance: Instance[Any], solution: Any) -> Any:
    """Jobs come one by one, and each is put first or last for good."""
    if not isinstance(solution, list):
        raise WrongSolution("wrong type", "no list")
    order: list[str] = []
    for job, is_first in zip(instance.payload.jobs, solution, strict=True):
        order.insert(0 if is_first else len(order), job.id)
    return {"order": order}


def twin(instance: Instance[Any], solution: Any) -> Twin | None:
    """Later jobs are a thousand longer, which no job of the instance is."""
    if not isinstance(solution, list):
        return None
    other = case(instance)
    other["p"] = [p + 1000 * (k >= MOMENT) for k, p in enumerate(other["p"])]
    return Twin(other, lambda decisions: decisions[:MOMENT])


def online(**changes: Any) -> Domain:
    return replace(
        small(),
        function="first",
        arguments=("p", "d"),
        driver=DRIVER,
        case=case,
        answer=answer,
        twin=twin,
        **changes,
    )


def evaluated(
    source: str, stage: str, runner: Runner | None = None, about: Domain | None = None
) -> Evaluated:
    plan = SearchPlan("tardiness", small().lock, 1, few=2)
    judge = Evaluator(about or online(), plan, instances(), runner or InProcess())
    return judge.perform(Evaluate("e", stage, source))


def kinds(evaluation: Evaluated) -> set[str]:
    return {failure.kind for failure in evaluation.failures}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(workers=1) as walls:
        yield walls


def test_a_program_that_looks_ahead_fails_and_an_honest_one_does_not(sandbox: Sandbox) -> None:
    for runner in (sandbox, InProcess()):
        honest = evaluated(HONEST, "validation", runner)
        assert not honest.failures
        assert None not in honest.values
        cheat = evaluated(AHEAD, "validation", runner)
        assert kinds(cheat) == {FORESIGHT}
        assert set(cheat.values) == {None}
        assert len(cheat.failures) == len(instances()["validation"])


def test_only_decisions_before_the_moment_are_compared() -> None:
    assert not evaluated(AT_THE_END, "validation").failures


def test_twins_change_nothing_of_what_an_honest_program_is_worth() -> None:
    plain = evaluated(HONEST, "test", about=online())
    alone = evaluated(HONEST, "test", about=replace(online(), twin=None))
    assert plain == alone


def test_a_program_that_fails_on_its_twin_fails() -> None:
    evaluation = evaluated(FRAGILE, "validation")
    assert kinds(evaluation) == {"raised"}
    assert all(failure.detail.startswith("on its twin: ") for failure in evaluation.failures)


def test_a_rule_broken_on_a_twin_is_named() -> None:
    strict = DRIVER.replace(
        "    return decisions",
        '    if max(case["p"]) > 1000:\n        return {"failure": "rule", "detail": "too long"}\n'
        "    return decisions",
    )
    evaluation = evaluated(HONEST, "validation", about=replace(online(), driver=strict))
    assert {(f.kind, f.detail) for f in evaluation.failures} == {("rule", "on its twin: too long")}


def test_training_is_run_on_twins_only_at_first_and_reports_always() -> None:
    """`few` has twins, `rest` has not: a search runs most programs on these alone."""

    def runs(stage: str, each: bool) -> int:
        runner = InProcess()
        plan = SearchPlan("tardiness", small().lock, 1, few=2)
        Evaluator(online(), plan, instances(), runner).perform(Evaluate("e", stage, HONEST, each))
        return len(runner.runs)

    assert [runs(stage, each=False) for stage in ("few", "rest", "validation")] == [2, 1, 2]
    assert runs("test", each=True) == 2 * len(instances()["test"])


def test_a_failure_has_no_twin_and_keeps_its_kind() -> None:
    assert kinds(evaluated("def first(p, d):\n    return 1 / 0\n", "few")) == {"raised"}
    no_list = replace(online(), driver="def solve(function, case):\n    return 7\n")
    assert kinds(evaluated(HONEST, "few", about=no_list)) == {"wrong type"}


def test_a_score_names_the_instances_where_it_looked_ahead() -> None:
    plan = SearchPlan("tardiness", small().lock, 1, few=2)
    score = score_program(Evaluator(online(), plan, instances(), InProcess()), "test", AHEAD)
    assert not score.valid
    assert {failure.kind for failure in score.failures} == {FORESIGHT}


def test_a_program_as_a_policy_is_run_on_twins_too() -> None:
    plan = SearchPlan("tardiness", small().lock, 1)
    judge = Evaluator(online(), plan, {}, InProcess())
    instance = instances()["test"][0]
    result, _ = judge.run_instance(AHEAD, instance)
    with pytest.raises(WrongSolution, match="still to come") as caught:
        judge.answer_of(instance, result)
    assert caught.value.kind == FORESIGHT
    result, _ = judge.run_instance(HONEST, instance)
    assert judge.answer_of(instance, result) == answer(instance, result.value)


class Noting(InProcess):
    """Notes the limits of each run."""

    def __init__(self) -> None:
        super().__init__()
        self.limits: list[Limits] = []

    def run(
        self, source: str, function: str, driver: str, cases: Sequence[Any], limits: Limits
    ) -> ProgramRun:
        self.limits.append(limits)
        return super().run(source, function, driver, cases, limits)


def test_a_domain_says_how_much_its_programs_may_return() -> None:
    runner = Noting()
    evaluated(HONEST, "few", runner, online(output_bytes=4_000_000))
    assert {limits.output_bytes for limits in runner.limits} == {4_000_000}
    runner = Noting()
    evaluated(HONEST, "few", runner)
    assert {limits.output_bytes for limits in runner.limits} == {Limits().output_bytes}


def test_an_output_above_the_limit_of_the_domain_fails(sandbox: Sandbox) -> None:
    assert kinds(evaluated(HONEST, "few", sandbox, online(output_bytes=4))) == {"output"}
    assert not evaluated(HONEST, "few", sandbox, online(output_bytes=2000)).failures


def test_results_without_a_twin_stay_as_they_are() -> None:
    plan = SearchPlan("tardiness", small().lock, 1)
    nothing = replace(online(), twin=lambda instance, solution: None)  # noqa: ARG005
    runner = InProcess()
    judge = Evaluator(nothing, plan, {}, runner)
    result, _ = judge.run_instance(AHEAD, instances()["test"][0])
    assert isinstance(result, CaseResult)
    assert result.kind == "ok"
    assert len(runner.runs) == 1
