"""Programs that pick jobs: the same as their rules, caught looking ahead, one text in and out."""

from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from generators.fair_queue import generate
from harness.evolve.domain import WrongSolution
from harness.evolve.domains import domain
from harness.evolve.domains.fair_queue import DRIVER, answer, case, twin
from harness.evolve.evaluation import Evaluate, Evaluated
from harness.evolve.evaluator import Evaluator
from harness.evolve.twins import FORESIGHT
from harness.sandbox.sandbox import Sandbox
from harness.store.search_plan import SearchPlan
from tasks.base import Instance
from tasks.fair_queue import SharedCluster

AHEAD = """
import sys


def priority(job, cluster):
    return sum(map(sum, cluster.lengths[job.id])) - job.work
"""
TAMPER = """
def priority(job, cluster):
    cluster.free = 10**6
    job.waiting = 1
    return job.id
"""


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(workers=1) as walls:
        yield walls


@cache
def instances() -> list[Instance[SharedCluster]]:
    """Small instances of a search's settings, and of two others."""
    dials: list[dict[str, Any]] = [{}, {"heavy": 0.2}, {"cores": 16, "users": 5}, {"hint": "none"}]
    return [generate(30, 11, k, each, reference=False) for k, each in enumerate(dials)]


def evaluated(sandbox: Sandbox, source: str = "", rule: str | None = None) -> Evaluated:
    about = domain("fair-queue")
    plan = SearchPlan("fair-queue", about.lock, 1, few=2)
    judge = Evaluator(about, plan, {"validation": instances()}, sandbox)
    return judge.perform(Evaluate("e", "validation", source, False, rule))


@pytest.mark.parametrize("name", ["fifo", "fair", "user-fair", "shortest"])
def test_a_rule_written_as_a_program_has_the_values_of_the_rule(
    name: str, sandbox: Sandbox
) -> None:
    evaluation = evaluated(sandbox, domain("fair-queue").programs[name])
    assert not evaluation.failures
    assert evaluation.values == evaluated(sandbox, rule=name).values


def test_weights_of_nothing_are_the_least_work_left(sandbox: Sandbox) -> None:
    programs = domain("fair-queue").programs
    values = evaluated(sandbox, programs["weighed"]).values
    assert values == evaluated(sandbox, programs["shortest"]).values
    assert values != evaluated(sandbox, programs["fifo"]).values


def test_who_looks_ahead_fails_as_foresight(sandbox: Sandbox) -> None:
    evaluation = evaluated(sandbox, AHEAD)
    assert {failure.kind for failure in evaluation.failures} == {FORESIGHT}
    assert len(evaluation.failures) >= 2


def test_who_changes_what_it_sees_harms_only_its_own_run(sandbox: Sandbox) -> None:
    evaluation = evaluated(sandbox, TAMPER)
    assert evaluation.failures
    assert all(value is None or value >= 1000 for value in evaluation.values)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("return None", "type"),
        ("return float('nan')", "type"),
        ("return 1 / 0", "raised"),
    ],
)
def test_what_breaks_a_rule_fails_by_its_kind(body: str, kind: str, sandbox: Sandbox) -> None:
    evaluation = evaluated(sandbox, f"def priority(job, cluster):\n    {body}\n")
    assert {failure.kind for failure in evaluation.failures} == {kind}


def test_solutions_are_checked_here() -> None:
    instance = instances()[0]
    for wrong in (None, 7, [], ["J01"], [[0]], [0.5], {"failure": "x"}):
        assert twin(instance, wrong) is None
        with pytest.raises(WrongSolution, match="not a log"):
            answer(instance, wrong)
    assert twin(instance, [10**6]) is None
    assert answer(instance, [10**6]) == {"schedule": [10**6]}
    assert case(instance)["until"] is None


def test_the_simulator_has_one_text_and_imports_nothing_of_ours() -> None:
    scope: dict[str, Any] = {"__name__": "driver"}
    exec(compile(DRIVER, "driver", "exec"), scope)
    assert {"ClusterRun", "QueuedJob", "RefusedPick", "solve"} <= scope.keys()
    assert not any(word in DRIVER for word in ("from graders", "from tasks", "makespan"))


def test_splits_share_nothing_and_have_their_bound_without_a_search() -> None:
    about = domain("fair-queue")
    assert [len(about.specs(split, None)) for split in about.splits] == [24, 48, 72, 20, 40]
