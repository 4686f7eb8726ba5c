"""Evaluation on the workers of an engine, each with a sandbox of its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from harness.engines.base import Engine
from harness.evolve.domain import Domain
from harness.evolve.domains import domain
from harness.evolve.evaluation import Evaluate, Evaluated
from harness.evolve.evaluator import Evaluator
from harness.sandbox.sandbox import Sandbox
from harness.store.search_plan import SearchPlan
from harness.suites.instances import decode
from tasks.base import Instance


@dataclass(frozen=True)
class Evaluating:
    """The evaluation in a worker process; `splits` are instance lines.

    Its sandbox is made with the first evaluation, and ends when the process does.
    """

    plan: SearchPlan
    splits: Mapping[str, Sequence[bytes]]
    unsafe: bool

    def __call__(self, effect: Evaluate) -> Evaluated:
        """Evaluate a program; SandboxFailure if this machine cannot isolate it."""
        return self._evaluator.perform(effect)

    @cached_property
    def _evaluator(self) -> Evaluator:
        splits = {
            name: [decode(line, name) for line in lines] for name, lines in self.splits.items()
        }
        sandbox = Sandbox(packages=self.plan.packages, unsafe=self.unsafe)
        return Evaluator(domain(self.plan.domain), self.plan, splits, sandbox)


class RemoteEvaluator(Evaluator):
    """An evaluator whose work an engine does."""

    def __init__(
        self,
        domain: Domain,
        plan: SearchPlan,
        splits: Mapping[str, Sequence[Instance[Any]]],
        work: Evaluating,
        engine: Engine,
    ) -> None:
        super().__init__(domain, plan, splits, None)
        self._work, self._engine = work, engine

    def perform(self, effect: Evaluate) -> Evaluated:
        """Evaluate on a worker of the engine."""
        [evaluation] = self._engine.map(self._work, [effect], _name)
        return evaluation


def _name(effect: Evaluate) -> str:
    return f"the evaluation of {effect.path}"
