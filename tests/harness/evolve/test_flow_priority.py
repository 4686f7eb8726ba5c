"""Rules for jobs that show operation by operation: the driver's machine, foresight, whole runs."""

import json
from pathlib import Path
from random import Random
from statistics import fmean
from typing import Any

import pytest

from generators.flow import generate
from graders.exact.flow import decisions, simulate
from harness.evolve.domain import WrongSolution
from harness.evolve.domains import domain
from harness.evolve.domains.flow_priority import RULES, answer, case, chance, twin
from harness.evolve.evaluation import Evaluate, Evaluated
from harness.evolve.evaluator import Evaluator
from harness.evolve.program_model import domain_of, plays
from harness.evolve.twins import FORESIGHT
from harness.sandbox.base import Limits
from harness.store.search_plan import SearchPlan
from tasks.base import InputError, Instance
from tasks.flow_payload import Flow
from tests.depth import often
from tests.harness.evolve.small import InProcess
from tests.harness.helpers import makespan

DOMAIN = domain("flow-priority")
PEEK = """\
import sys

def priority(job, state):
    frame = sys._getframe(1)
    while "sizes" not in frame.f_locals or "waiting" not in frame.f_locals:
        frame = frame.f_back
    waiting, sizes = frame.f_locals["waiting"], frame.f_locals["sizes"]
"""
CLAIRVOYANT = (
    PEEK
    + """\
    name = next(n for n in sorted(waiting) if waiting[n] == job)
    return sum(sizes[name]) - job["had"]
"""
)
MEAN_OF_ALL = (
    PEEK
    + """\
    mean = sum(map(sum, sizes.values())) / sum(map(len, sizes.values()))
    return job["now"] + job["left"] * min(mean, 100) - 1e6 * (mean > 100)* job["now"]
"""
)
FORGED = """\
import sys

def priority(job, state):
    frame = sys._getframe(1)
    while "runs" not in frame.f_locals:
        frame = frame.f_back
    if not frame.f_locals["runs"]:
        frame.f_locals["runs"].append("J99")
    return job["now"]
"""


def batch(count: int) -> list[Instance[Flow]]:
    settings: list[dict[str, Any]] = [{}, {"jobs": 6}, {"load": 3, "shape": "random"}, {"jobs": 16}]
    return [generate((2, 3, 4, 8)[k % 4], 17, k, settings[k % 3]) for k in range(count)]


def evaluated(source: str, instances: list[Instance[Flow]]) -> Evaluated:
    plan = SearchPlan(DOMAIN.name, DOMAIN.lock, 1, few=2)
    judge = Evaluator(DOMAIN, plan, {"validation": instances}, InProcess())
    return judge.perform(Evaluate("e", "validation", source))


def run_of(source: str, instance: Instance[Flow], world: Any = None) -> Any:
    cases = [world or case(instance)]
    [result] = InProcess().run(source, "priority", DOMAIN.driver, cases, Limits()).results
    return result.value


@pytest.mark.heavy
def test_the_drivers_machine_is_that_of_the_world() -> None:
    instances = batch(often(240))
    for name, source in DOMAIN.programs.items():
        if name == "weighed":
            continue
        for instance in instances:
            names, total = decisions(instance.payload, RULES[name])
            runs = run_of(source, instance)
            assert runs == names
            grade = DOMAIN.judge(instance, _family().read(answer(instance, runs), ""))
            assert (grade.objective, grade.violations) == (total, ())


def _family() -> Any:
    from harness.families.registry import family

    return family("flow")


@pytest.mark.heavy
def test_who_looks_ahead_fails_on_every_instance_with_a_choice_and_nobody_else() -> None:
    instances = [each for each in batch(often(120)) if each.level > 2]
    for name, source in DOMAIN.programs.items():
        honest = evaluated(source, instances)
        assert not honest.failures, name
    cheat = evaluated(CLAIRVOYANT, instances)
    assert {failure.kind for failure in cheat.failures} == {FORESIGHT}
    assert len(cheat.failures) == len(instances)
    partly = evaluated(MEAN_OF_ALL, instances)
    assert {failure.kind for failure in partly.failures} == {FORESIGHT}
    assert len(partly.failures) > len(instances) / 2


@pytest.mark.heavy
def test_a_twin_shows_the_same_until_its_moment() -> None:
    """Whatever an honest program decides, it decides again; and later things differ."""
    for instance in batch(often(240)):
        for source in DOMAIN.programs.values():
            runs = run_of(source, instance)
            other = twin(instance, runs)
            assert other is not None
            again = run_of(source, instance, other.case)
            assert other.decisions(again) == other.decisions(runs)
            assert 1 <= len(other.decisions(runs)) <= len(runs)
            assert other.case != case(instance)


def test_decisions_that_are_not_the_drivers_are_no_solution() -> None:
    instance = batch(1)[0]
    runs = run_of(DOMAIN.programs["op-srpt"], instance)
    assert answer(instance, runs) == {"runs": runs}
    for wrong in (["J99", *runs], [*runs, "J99"], runs[:-1], [*runs, runs[0]], [1, *runs], []):
        with pytest.raises(WrongSolution, match="whole episode"):
            answer(instance, wrong)
    with pytest.raises(WrongSolution, match="not a list"):
        answer(instance, {"runs": runs})
    assert twin(instance, None) is None
    other = twin(instance, runs)
    assert other is not None
    assert other.decisions("forged") is None
    failures = evaluated(FORGED, [instance]).failures
    assert {failure.kind for failure in failures} == {"decisions"}


def test_arguments_that_change_and_values_that_are_no_numbers_fail() -> None:
    instance = batch(1)[0]
    changed = "def priority(job, state):\n    job['now'] = 0\n    return 1\n"
    done = "def priority(job, state):\n    state['done'].append([1])\n    return 1\n"
    for source, kind in ((changed, "arguments"), (done, "arguments"), (NO_NUMBER, "raised")):
        assert {failure.kind for failure in evaluated(source, [instance]).failures} == {kind}


NO_NUMBER = "def priority(job, state):\n    return 'soon'\n"


def test_chance_is_what_random_decisions_come_to() -> None:
    """As many random episodes with other draws come to about the same mean."""
    for instance in batch(6):
        rng = Random(f"another {instance.id}")
        totals = [random_total(instance.payload, rng) for _ in range(300)]
        assert chance(instance) == chance(instance) == pytest.approx(fmean(totals), rel=0.08)


def random_total(flow: Flow, rng: Random) -> int:
    return simulate(flow, lambda machine: rng.choice([*machine.waiting])).total


@pytest.mark.heavy
def test_a_program_plays_turn_by_turn_as_the_rule_that_it_is(tmp_path: Path) -> None:
    file, bad, out = tmp_path / "rule.py", tmp_path / "bad.py", tmp_path / "run"
    file.write_text(DOMAIN.programs["serpt-mean"])
    bad.write_text(NO_NUMBER)
    models = [f"policy/file:{file}", f"policy/file:{bad}", "policy/serpt-mean"]
    words = [word for name in models for word in ("--model", name)]
    settings = ("-T", "history=conversation", "-T", "jobs=6", "--epochs", "2")
    done = makespan("run", "flow", "--level", 3, "--limit", 3, *settings, *words, "--out", out)
    assert done.returncode == 0, done.stderr
    rows = json.loads(makespan("board", out, "--json").stdout)["rows"]
    by_model = {row["model"].partition("@")[0]: row for row in rows}
    program, rule = by_model["policy/file:rule.py"], by_model["policy/serpt-mean"]
    assert program["score"] == rule["score"]
    assert 0.5 < program["score"]["value"] < 1
    broken = by_model["policy/file:bad.py"]
    assert (broken["score"]["value"], broken["unparsable"], broken["errors"]) == (0, 6, 0)
    assert makespan("regrade", out).stdout == "changed 0 of 18\n"
    assert makespan("audit", out).returncode == 0


def test_programs_of_one_name_are_told_apart_by_their_arguments() -> None:
    for name in ("flow-priority", "rcpsp-priority", "tardiness-priority", "tardiness"):
        for source in domain(name).programs.values():
            assert domain_of(source).name == name
    with pytest.raises(
        InputError, match=r"any of .*priority\(job, state\), .*priority\(task, project"
    ):
        domain_of("def priority(a, b):\n    return 1\n")
    assert domain_of("def priority(a, b):\n    return 1\n", ("rcpsp",)).name == "rcpsp-priority"
    assert plays("def priority(a, b):\n    return 1\n", "flow")
    assert not plays("def priority(task, project):\n    return 1\n", "flow")
    assert not plays("def priority(a, b):\n    return 1\n", "calendar")
    with pytest.raises(InputError, match=r"defines none of .*priority\(job, state\), "):
        domain_of("def priority(a):\n    return 1\n")
