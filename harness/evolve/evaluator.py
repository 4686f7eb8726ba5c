"""The trusted side of an evaluation: the sandbox returns solutions, the family's grader judges."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from time import perf_counter
from typing import Any, Protocol

from harness.digests import digest
from harness.evolve.domain import Domain, WrongSolution
from harness.evolve.evaluation import Evaluate, Evaluated, Failed
from harness.evolve.twins import compared, twins_of
from harness.families.registry import family
from harness.sandbox.base import CaseResult, Limits, ProgramRun
from harness.store.search_plan import SearchPlan
from tasks.base import Fields, Instance, Number, Verdict, short

LINE = 200  # characters of a failure's detail
PATIENCE = 3  # instances that may run out of time before the rest counts as out of time too


class Runner(Protocol):
    """The sandbox as the evaluator uses it."""

    def run(
        self, source: str, function: str, driver: str, cases: Sequence[Any], limits: Limits
    ) -> ProgramRun:
        """Run a program on cases."""


def base(instance: Instance[Any]) -> Number:
    """Return the reference that gaps are against: the optimum, or the bound if that is not proven.

    Raises:
        ValueError: if the instance has neither.
    """
    reference = instance.reference
    value = reference.objective if reference.status == "optimal" else reference.bound
    if value is None:
        raise ValueError(f"{instance.id}: nothing is known of its optimum")
    return value


def fill_failures(values: Sequence[Number | None], chance: Sequence[Number | None]) -> list[Number]:
    """Return the objectives of n instances, those of failures replaced by those of chance."""
    pairs = zip(values, chance, strict=True)
    objectives = [at_random if value is None else value for value, at_random in pairs]
    return [value for value in objectives if value is not None]


class EvaluationSplit:
    """Instances in order, and what a program may see of them.

    Args:
        domain: of the programs.
        instances: of the split.
        has_twins: whether programs are run on twins too, where the domain has some.
    """

    def __init__(
        self, domain: Domain, instances: Sequence[Instance[Any]], has_twins: bool = True
    ) -> None:
        self._domain, self.instances = domain, instances
        self.has_twins = has_twins and domain.twin is not None

    @cached_property
    def cases(self) -> list[Any]:
        """Return what goes into the sandbox: no reference."""
        return [self._domain.case(instance) for instance in self.instances]

    @cached_property
    def digest(self) -> str:
        """Return the digest of the instances by their names, which include all that made them."""
        return digest([instance.id for instance in self.instances])


class Evaluator:
    """Evaluates programs of one domain on stages; several threads may use it at once.

    Args:
        domain: of the programs.
        plan: has the limits of a run, and how many instances the stage `few` has.
        splits: the instances by the name of their split.
        runner: the sandbox; without one evaluations can only be told apart.
    """

    def __init__(
        self,
        domain: Domain,
        plan: SearchPlan,
        splits: Mapping[str, Sequence[Instance[Any]]],
        runner: Runner | None,
    ) -> None:
        train = splits.get("train", ())
        parts = {"few": train[: plan.few], "rest": train[plan.few :], **splits}
        # who looks ahead is caught on the first few, and again on validation
        self.stages = {
            name: EvaluationSplit(domain, instances, has_twins=name != "rest")
            for name, instances in parts.items()
        }
        self.domain, self._runner = domain, runner
        self._limits = Limits(plan.seconds, plan.memory_mb, domain.output_bytes)

    def request(self, effect: Evaluate) -> str:
        """Return the digests of all that shapes an evaluation."""
        stage = self.stages[effect.stage].digest
        return f"program={digest(effect.source or effect.rule)} stage={stage} each={effect.each}"

    def perform(self, effect: Evaluate) -> Evaluated:
        """Run and judge a program or rule; what the program does wrong is in the failures."""
        if effect.rule is not None:
            return self._by_rule(effect.rule, self.stages[effect.stage])
        return self.program(effect.source, self.stages[effect.stage], effect.each)

    def program(self, source: str, stage: EvaluationSplit, each: bool) -> Evaluated:
        """Evaluate a program on a stage, in one run, or `each` instance in a run of its own."""
        results, seconds = self._results(source, stage, each)
        answers: list[Fields] = []
        values: list[Number | None] = []
        failures: list[Failed] = []
        for instance, result in zip(stage.instances, results, strict=True):
            try:
                answer = self.answer_of(instance, result)
                values.append(self._objective(instance, answer))
                answers.append(answer)
            except WrongSolution as error:
                values.append(None)
                failures.append(Failed(error.kind, _line(error.detail), instance.id))
        return Evaluated(tuple(values), tuple(failures), digest(answers), seconds=round(seconds, 6))

    def run_instance(self, source: str, instance: Instance[Any]) -> tuple[CaseResult, float]:
        """Return the result of a program for one instance of any origin, and its CPU seconds."""
        split = EvaluationSplit(self.domain, [instance])
        results, seconds = self._results(source, split, each=False)
        return results[0], seconds

    def _results(
        self, source: str, stage: EvaluationSplit, each: bool
    ) -> tuple[list[CaseResult], float]:
        """Return what came of each case, looking ahead included, and the CPU seconds.

        The seconds are those of the cases themselves, without their twins.
        """
        runs = self._runs(source, stage.cases, each)
        results = [result for run in runs for result in run.results]
        twins = twins_of(self.domain, stage.instances, results) if stage.has_twins else {}
        if twins:
            again = self._runs(source, [twin.case for twin in twins.values()], each)
            outcomes = [result for run in again for result in run.results]
            for (index, twin), outcome in zip(twins.items(), outcomes, strict=True):
                results[index] = compared(results[index], outcome, twin)
        return results, sum(run.seconds for run in runs)

    def _runs(self, source: str, cases: Sequence[Any], each: bool) -> list[ProgramRun]:
        """Run all cases at once; or one after another, until too many ran out of time."""
        assert self._runner is not None
        groups = [[case] for case in cases] if each else [list(cases)]
        runs: list[ProgramRun] = []
        for group in groups:
            if sum(run.kind == "time" for run in runs) < PATIENCE:
                runs.append(
                    self._runner.run(
                        source, self.domain.function, self.domain.driver, group, self._limits
                    )
                )
            else:
                detail = f"not run: {PATIENCE} instances were out of time"
                runs.append(ProgramRun((CaseResult("time", detail=detail),), 0.0))
        return runs

    def answer_of(self, instance: Instance[Any], result: CaseResult) -> Fields:
        """Return the family's answer from a result; `WrongSolution` without one."""
        if result.kind != "ok":
            raise WrongSolution(result.kind, result.detail)
        return self._answer(instance, result.value)

    def _answer(self, instance: Instance[Any], solution: Any) -> Fields:
        if isinstance(solution, dict) and "failure" in solution:
            detail = solution.get("detail", "")
            raise WrongSolution(str(short(solution["failure"])), str(short(detail)))
        return self.domain.answer(instance, solution)

    def _objective(self, instance: Instance[Any], answer: Fields) -> Number:
        """Return the objective by the family's grader; `WrongSolution` for an answer not valid."""
        grade = self.domain.judge(instance, family(instance.family).read(answer, ""))
        if grade.verdict is not Verdict.valid or grade.objective is None:
            first = dict(grade.violations[0]) if grade.violations else {}
            kind = str(first.pop("kind", grade.verdict))
            further = len(grade.violations) - 1
            detail = ", ".join(f"{name} {short(value)}" for name, value in first.items())
            raise WrongSolution(kind, detail + (f"; and {further} more" if further else ""))
        return grade.objective

    def _by_rule(self, name: str, stage: EvaluationSplit) -> Evaluated:
        """Evaluate a published rule, our own code; `random` is the mean of random answers."""
        if name == "random":
            return Evaluated(tuple(self.domain.chance(i) for i in stage.instances))
        start = perf_counter()
        answers = [self.domain.rules[name](instance) for instance in stage.instances]
        seconds = round(perf_counter() - start, 6)
        pairs = zip(stage.instances, answers, strict=True)
        values = tuple(self._objective(instance, answer) for instance, answer in pairs)
        return Evaluated(values, (), digest(answers), seconds=seconds)


def _line(text: str) -> str:
    return " ".join(text.split())[:LINE]
