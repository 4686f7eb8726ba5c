"""Programs as schedulers: the same as their rules, caught looking ahead, one text in and out."""

from collections.abc import Iterator
from functools import cache
from typing import Any

import msgspec
import pytest

from graders.serving import grade
from harness.evolve.domain import WrongSolution
from harness.evolve.domains import domain
from harness.evolve.domains.serving import SIMULATOR, answer, case, twin
from harness.evolve.evaluation import Evaluate, Evaluated
from harness.evolve.evaluator import Evaluator
from harness.evolve.twins import FORESIGHT
from harness.sandbox.sandbox import Sandbox
from harness.store.search_plan import SearchPlan
from harness.suites.instances import decode
from tasks.base import Instance
from tasks.serving import read
from tasks.serving_payload import Service
from tests.factories.services import instance_with, small_case

AHEAD = """
import sys


def lengths():
    frame = sys._getframe()
    while frame and "simulation" not in frame.f_locals:
        frame = frame.f_back
    return frame.f_locals["simulation"].lengths


def plan(s):
    truth = lengths()
    ids, room = [], s.free + s.droppable() - max(len(s.running), s.memory // 100)
    for r in sorted(s.waiting, key=lambda r: (truth[r.id] - r.out, r.id)):
        if r.need > room:
            break
        room -= r.need
        ids.append(r.id)
    return {"admit": ids}
"""
TAMPER = """
def plan(s):
    s.memory = 10**9
    return {"admit": [r.id for r in s.waiting]}
"""


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(workers=1) as walls:
        yield walls


@cache
def instances() -> list[Instance[Service]]:
    """Small instances of a search's regimes, and of another one."""
    cases = [small_case(regime, 1) for regime in ("tenants", "agents", "mixed", "few")]
    return [
        instance_with(msgspec.convert(case, Service), f"small-{number}")
        for number, case in enumerate(cases)
    ]


def evaluated(
    sandbox: Sandbox, source: str = "", rule: str | None = None, **more: Any
) -> Evaluated:
    about = domain(more.get("name", "serving"))
    plan = SearchPlan("serving", about.lock, 1, few=2)
    judge = Evaluator(about, plan, {"validation": instances()}, sandbox)
    return judge.perform(Evaluate("e", "validation", source, False, rule))


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("program", "rule"),
    [("first-come", "first-come"), ("shortest", "shortest"), ("chunks", "chunk-2048")],
)
def test_a_rule_written_as_a_program_has_the_values_of_the_rule(
    program: str, rule: str, sandbox: Sandbox
) -> None:
    evaluation = evaluated(sandbox, domain("serving").programs[program])
    assert not evaluation.failures
    assert evaluation.values == evaluated(sandbox, rule=rule).values


@pytest.mark.heavy
@pytest.mark.parametrize("name", ["serving", "serving-priority"])
def test_every_seed_program_runs_and_is_honest(name: str, sandbox: Sandbox) -> None:
    for program, source in domain(name).programs.items():
        evaluation = evaluated(sandbox, source, name=name)
        assert not evaluation.failures, program
        assert None not in evaluation.values


@pytest.mark.heavy
def test_weights_of_nothing_are_the_slack_and_arrival_is_first_come(sandbox: Sandbox) -> None:
    about = domain("serving-priority")
    values = {
        name: evaluated(sandbox, about.programs[name], name=about.name).values
        for name in ("weighed", "slack", "arrival")
    }
    assert values["weighed"] == values["slack"] != values["arrival"]
    assert values["arrival"][0] == evaluated(sandbox, rule="first-come").values[0]


def test_who_looks_ahead_fails_as_foresight(sandbox: Sandbox) -> None:
    evaluation = evaluated(sandbox, AHEAD)
    assert {failure.kind for failure in evaluation.failures} == {FORESIGHT}
    assert len(evaluation.failures) >= 2


def test_who_changes_what_it_sees_harms_only_its_own_run(sandbox: Sandbox) -> None:
    evaluation = evaluated(sandbox, TAMPER)
    assert evaluation.failures
    assert all(value is None or value >= 1000 for value in evaluation.values)


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("def plan(s):\n    return {'admit': [r.id for r in s.waiting] * 2}\n", "admit"),
        ("def plan(s):\n    return [1]\n", "plan"),
        ("def plan(s):\n    return None\n", "starved"),
        ("def plan(s):\n    return {'admit': [1 / 0]}\n", "raised"),
        ("def plan(s):\n    while True:\n        pass\n", "time"),
    ],
)
def test_what_breaks_a_rule_fails_by_its_kind(source: str, kind: str, sandbox: Sandbox) -> None:
    if kind == "time":
        about = domain("serving")
        plan = SearchPlan("serving", about.lock, 1, few=2, seconds=1.0)
        judge = Evaluator(about, plan, {"validation": instances()[3:]}, sandbox)
        evaluation = judge.perform(Evaluate("e", "validation", source))
    else:
        evaluation = evaluated(sandbox, source)
    assert {failure.kind for failure in evaluation.failures} == {kind}


def test_solutions_are_checked_here() -> None:
    instance = instances()[3]
    for wrong in (None, 7, [], ["J001"], [[0]], [[1, {}], [0, {}]], {"failure": "x"}):
        assert twin(instance, wrong) is None
        with pytest.raises(WrongSolution, match="not a log"):
            answer(instance, wrong)
    log = [[0, {"admit": [10**6]}]]
    assert twin(instance, log) is None
    assert grade(instance, read(answer(instance, log), "")).violations[0]["rule"] == "admit"
    assert case(instance)["until"] is None


@pytest.mark.heavy
def test_the_simulator_has_one_text_and_imports_nothing_of_ours() -> None:
    scope: dict[str, Any] = {"__name__": "driver"}
    exec(compile(SIMULATOR, "driver", "exec"), scope)
    assert {"ServingRun", "ModelServer", "RefusedPlan", "replayed"} <= scope.keys()
    assert "import" in SIMULATOR
    assert not any(word in SIMULATOR for word in ("from graders", "from tasks", "makespan"))


@pytest.mark.heavy
def test_splits_share_nothing_and_have_their_bound_without_a_search() -> None:
    about = domain("serving")
    assert [len(about.specs(split, None)) for split in about.splits] == [24, 48, 72, 20, 40]
    seen = {e.settings["regime"] for s in ("train", "validation") for e in about.splits[s].entry}
    cells = {entry.settings["regime"] for entry in about.splits["cells"].entry}
    assert not seen & cells
    [spec] = about.specs("train", 1)
    made = decode(about.make(spec), "line")
    assert made.reference.bound == 150_000
    assert made.reference.objective is None
    assert about.output_bytes == 4_000_000
