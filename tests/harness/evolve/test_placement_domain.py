"""Programs that place tasks: the same as their rules, caught looking ahead, one text in and out."""

from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from generators.placement import generate
from harness.evolve.domain import WrongSolution
from harness.evolve.domains import domain
from harness.evolve.domains.placement import DRIVER, answer, case, twin
from harness.evolve.evaluation import Evaluate, Evaluated
from harness.evolve.evaluator import Evaluator
from harness.evolve.twins import FORESIGHT
from harness.sandbox.sandbox import Sandbox
from harness.store.search_plan import SearchPlan
from tasks.base import Instance
from tasks.placement import Fleet

AHEAD = """
import sys


def place(task, hosts):
    run = sys._getframe(1).f_locals["self"]

    def end(t):
        return t.at + run.times[t.id]

    def key(k):
        return abs(max(end(t) for t in hosts[k].tasks) - end(task))

    return min(range(len(hosts)), key=key) if hosts else None
"""
TAMPER = """
def place(task, hosts):
    task.cpu = task.memory = 0
    for host in hosts:
        host.cpu = host.memory = 10**6
    return 0 if hosts else None
"""


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(workers=1) as walls:
        yield walls


@cache
def instances() -> list[Instance[Fleet]]:
    """Small instances of a search's settings, and of two others."""
    dials: list[dict[str, Any]] = [{}, {"spread": 1.5}, {"load": 8}, {"hint": "none"}]
    return [generate(120, 11, k, each, reference=False) for k, each in enumerate(dials)]


def evaluated(sandbox: Sandbox, source: str = "", rule: str | None = None) -> Evaluated:
    about = domain("placement")
    plan = SearchPlan("placement", about.lock, 1, few=2)
    judge = Evaluator(about, plan, {"validation": instances()}, sandbox)
    return judge.perform(Evaluate("e", "validation", source, False, rule))


@pytest.mark.parametrize("name", ["first-fit", "best-fit", "least-longer"])
def test_a_rule_written_as_a_program_has_the_values_of_the_rule(
    name: str, sandbox: Sandbox
) -> None:
    evaluation = evaluated(sandbox, domain("placement").programs[name])
    assert not evaluation.failures
    assert evaluation.values == evaluated(sandbox, rule=name).values


def test_weights_of_nothing_are_the_least_time_more(sandbox: Sandbox) -> None:
    programs = domain("placement").programs
    values = evaluated(sandbox, programs["weighed"]).values
    assert values == evaluated(sandbox, programs["least-longer"]).values
    assert values != evaluated(sandbox, programs["first-fit"]).values


def test_who_looks_ahead_fails_as_foresight(sandbox: Sandbox) -> None:
    evaluation = evaluated(sandbox, AHEAD)
    assert {failure.kind for failure in evaluation.failures} == {FORESIGHT}
    assert len(evaluation.failures) >= 2


def test_who_changes_what_it_sees_gains_nothing(sandbox: Sandbox) -> None:
    evaluation = evaluated(sandbox, TAMPER)
    assert evaluation.failures
    bounds = [instance.reference.bound or 0 for instance in instances()]
    pairs = zip(evaluation.values, bounds, strict=True)
    assert all(value is None or value >= bound for value, bound in pairs)


@pytest.mark.parametrize(
    ("body", "kind"),
    [("return 99", "place"), ("return 'x'", "place"), ("return 1 / 0", "raised")],
)
def test_what_breaks_a_rule_fails_by_its_kind(body: str, kind: str, sandbox: Sandbox) -> None:
    evaluation = evaluated(sandbox, f"def place(task, hosts):\n    {body}\n")
    assert {failure.kind for failure in evaluation.failures} == {kind}


def test_solutions_are_checked_here() -> None:
    instance = instances()[0]
    for wrong in (None, 7, ["1"], [[1]], [0.5], [True] * 120, {"failure": "x"}):
        assert twin(instance, wrong) is None
        with pytest.raises(WrongSolution, match="not a list of hosts"):
            answer(instance, wrong)
    with pytest.raises(WrongSolution, match="119 hosts for 120 tasks"):
        answer(instance, [1] * 119)
    assert twin(instance, [1] * 120) is None
    assert set(answer(instance, [1] * 120)["hosts"].values()) == {1}
    assert case(instance)["until"] is None


def test_the_simulator_has_one_text_and_imports_nothing_of_ours() -> None:
    scope: dict[str, Any] = {"__name__": "driver"}
    exec(compile(DRIVER, "driver", "exec"), scope)
    assert {"PlacementRun", "UsedHost", "RefusedPlace", "solve"} <= scope.keys()
    assert not any(word in DRIVER for word in ("from graders", "from tasks", "makespan"))


def test_splits_share_nothing_and_have_their_bound_without_a_search() -> None:
    about = domain("placement")
    assert [len(about.specs(split, None)) for split in about.splits] == [24, 48, 72, 20, 42]
