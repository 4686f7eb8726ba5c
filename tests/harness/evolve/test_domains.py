"""Domains: fair splits, seed programs that are what they say, solutions checked here."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from msgspec.structs import replace as changed

from generators.rcpsp import generate as generate_project
from generators.tardiness import generate as generate_jobs
from graders.exact import dispatch
from harness.evolve.domain import WrongSolution
from harness.evolve.domains import DOMAINS, domain
from harness.evolve.evaluation import Evaluate
from harness.evolve.evaluator import Evaluator
from harness.evolve.scoring import score_program
from harness.families.registry import family
from harness.sandbox.sandbox import Sandbox
from harness.store.search_plan import SearchPlan
from harness.suites.instances import decode, make
from harness.suites.suite import Suite
from tasks.base import InputError, Outcome, Parsed
from tests.harness.evolve.small import instances, small

MDDC = """
def schedule(p, d):
    waiting, order, t = list(range(len(p))), [], 0
    while waiting:
        longest = t + max(p[i] for i in waiting)
        average = t + sum(p[i] for i in waiting) / len(waiting)

        def key(i):
            square = min(p[i] / longest, 1) ** 2
            return max(1.1 * p[i] + t, d[i]) * (1 + square / (1 + square)) + p[i] / average

        j = min(waiting, key=key)
        waiting.remove(j)
        order.append(j)
        t += p[j]
    return order
"""


# what programs of the others do is in files of their own
ELSEWHERE = ("serving", "serving-priority", "fair-queue", "placement")
OFFLINE = [name for name in DOMAINS if name not in ELSEWHERE]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(workers=2) as made:
        yield made


def smaller(suite: Suite) -> Suite:
    first = suite.entry[0]
    return changed(suite, entry=(changed(first, level=8, settings=first.settings | {"edges": 6}),))


def evaluator(name: str, sandbox: Sandbox, limit: int = 4, **settings: float) -> Evaluator:
    about = domain(name)
    if name.startswith("rcpsp"):  # smaller: their optima are quick to prove
        about = replace(about, splits={n: smaller(suite) for n, suite in about.splits.items()})
    splits = {
        s: [decode(make(w), "made") for w in about.specs(s, limit)]
        for s in ("train", "validation", "test")
    }
    plan = SearchPlan(name, about.lock, 1, few=2, **settings)  # type: ignore[arg-type]
    return Evaluator(about, plan, splits, sandbox)


@pytest.mark.parametrize("name", DOMAINS)
def test_splits_share_no_instance_and_the_larger_are_larger(name: str) -> None:
    about = domain(name)
    made = {s: about.specs(s, None) for s in about.splits}
    seeds = [{w.seed for w in split} for split in made.values()]
    assert all(len(s) == 1 for s in seeds)
    assert len(set.union(*seeds)) == len(about.splits)
    assert min(w.level for w in made["larger"]) > max(w.level for w in made["train"])
    cells = {s: {str(sorted(w.settings.items())) for w in made[s]} for s in about.splits}
    assert cells["train"] == cells["validation"] == cells["test"]
    assert not cells["cells"] & cells["train"]
    assert all(0 <= w.seed <= 9999 for split in made.values() for w in split)


@pytest.mark.heavy
@pytest.mark.parametrize("name", OFFLINE)
def test_seed_programs_are_valid_and_some_are_published_rules(name: str, sandbox: Sandbox) -> None:
    judge, about = evaluator(name, sandbox), domain(name)
    found = {n: judge.perform(Evaluate(n, "test", s)) for n, s in about.programs.items()}
    assert not [one.failures for one in found.values() if one.failures]
    rules = {n: judge.perform(Evaluate(n, "test", rule=n)) for n in about.rules}
    same = {
        "rcpsp-priority": ("lft", "lft"),
        "tardiness": ("mdd", "mdd"),
        "jobshop-priority": ("mwkr", "mwkr"),
        "dag-priority": ("heft", "heft"),
        "pods-order": ("fullest", "repack-most"),
        "flow-priority": ("serpt-mean", "serpt-mean"),
    }
    seed, rule = same.get(name, ("mdd", "mdd"))
    assert found[seed].values == rules[rule].values == found["weighed"].values
    assert found[seed].behaviour == rules[rule].behaviour
    chance = judge.perform(Evaluate("r", "test", rule="random")).values
    known = [v for v in rules[rule].values if v is not None]
    assert sum(known) < sum(c for c in chance if c is not None)


@pytest.mark.heavy
@pytest.mark.parametrize("name", DOMAINS)
def test_the_sandbox_is_given_no_reference(name: str) -> None:
    about = domain(name)
    [wanted] = about.specs("train", 1)
    instance = decode(about.make(wanted), "made")
    bare = decode(about.make(changed(wanted, reference=False)), "made")
    assert about.case(instance) == about.case(bare)


@pytest.mark.heavy
def test_a_rule_written_as_a_program_scores_as_the_policy(sandbox: Sandbox) -> None:
    judge = evaluator("tardiness", sandbox, limit=24)
    score = score_program(judge, "test", MDDC)
    made = judge.stages["test"].instances
    policy, grade = family("tardiness").policies["mddc"], family("tardiness").grade
    graded = [grade(i, Outcome((Parsed(value=policy.answer(i)),))) for i in made]
    ratio = sum(g.objective or 0 for g in graded) / sum(g.bound or 0 for g in graded)
    assert score.valid
    assert score.ratio == ratio
    assert score.skill == pytest.approx(sum(g.score for g in graded) / len(graded))


WRONG = {
    "x = 1": "missing",
    "def schedule(p, d)\n    return []": "syntax",
    "def schedule(p, d):\n    return 7": "wrong type",
    "def schedule(p, d):\n    return None": "wrong type",
    "def schedule(p, d):\n    return [float('nan')] * len(p)": "type",
    "def schedule(p, d):\n    return list(range(len(p)))[:-1]": "missing",
    "def schedule(p, d):\n    return [0] * len(p)": "duplicate",
    "def schedule(p, d):\n    return list(range(1, len(p) + 1))": "unknown",
    "def schedule(p, d):\n    return [-k for k in range(len(p))]": "unknown",
    "def schedule(p, d):\n    return [float(k) for k in range(len(p))]": "unknown",
    "def schedule(p, d):\n    p.sort()\n    return list(range(len(p)))": "arguments",
    "def schedule(p, d):\n    print('x' * 10_000_000)\n    return list(range(len(p)))": "output",
    "def schedule(p, d):\n    while True: pass": "time",
    "def schedule(p, d):\n    import os\n    os.fork()": "raised",
    "def schedule(p, d):\n    import os\n    os._exit(0)": "exit",
    "def schedule(p, d):\n    raise SystemExit": "exit",
    "def schedule(p, d):\n    import time\n    time.sleep(9)": "raised",
    "def schedule(p, d):\n    return 1 / 0": "raised",
    "def schedule():\n    return []": "raised",
    "def schedule(p, d):\n    return {'failure': 'my own', 'detail': 'x'}": "my own",
}


def test_wrong_programs_are_failures_with_their_kind_in_one_line(sandbox: Sandbox) -> None:
    judge = evaluator("tardiness", sandbox, limit=2, seconds=0.3)
    for source, kind in WRONG.items():
        found = judge.perform(Evaluate(source, "train", source))
        assert {f.kind for f in found.failures} == {kind}, source
        assert all("\n" not in f.detail and len(f.detail) <= 200 for f in found.failures)
        assert len(found.failures) == 2
        assert found.values == (None, None)
    good = judge.perform(Evaluate("good", "train", domain("tardiness").programs["mdd"]))
    assert not good.failures


PRIORITIES = {
    "def priority(p, d, t, P, n):\n    return float('nan')": "type",
    "def priority(p, d, t, P, n):\n    return 'p'": "type",
    "def priority(p, d, t, P, n):\n    return True": "type",
    "def priority(p, d, t, P, n):\n    return None": "type",
    "def priority(p, d, t, P, n):\n    return complex(p)": "type",
}


def test_priorities_must_be_finite_numbers(sandbox: Sandbox) -> None:
    judge = evaluator("tardiness-priority", sandbox, limit=2)
    for source, kind in PRIORITIES.items():
        found = judge.perform(Evaluate(source, "train", source))
        assert {f.kind for f in found.failures} == {kind}, source
    projects = evaluator("rcpsp-priority", sandbox, limit=1)
    changes = "def priority(task, project):\n    task['duration'] = 0\n    return 1"
    for source, kind in (
        (changes, "arguments"),
        ("def priority(task, project):\n    return [1]", "type"),
    ):
        [failure] = projects.perform(Evaluate(source, "train", source)).failures
        assert failure.kind == kind


def test_a_lying_driver_result_gains_nothing() -> None:
    """What comes out of the sandbox is checked as if nobody had looked at it."""
    project = generate_project(6, 0, 0, {}, reference=False)
    infinite = [float("inf")] * 6
    wrong: list[Any] = [[1.0] * 5, infinite, [None] * 6, {"starts": {}}, "x", [True] * 6]
    for solution in wrong:
        with pytest.raises(WrongSolution):
            domain("rcpsp-priority").answer(project, solution)
    jobs = generate_jobs(5, 0, 0, {}, reference=False)
    claims: list[Any] = [{"order": []}, "01234", 5]
    for claim in claims:
        with pytest.raises(WrongSolution):
            domain("tardiness").answer(jobs, claim)


def test_a_failure_on_one_instance_is_named_and_imputed(sandbox: Sandbox) -> None:
    judge = evaluator("tardiness", sandbox, limit=6)
    made = judge.stages["test"].instances
    first = [job.p for job in made[0].payload.jobs]
    wrong = f"def schedule(p, d):\n    return whole(p, d) if p != {first} else []\n"
    source = f"{MDDC}\nwhole = schedule\n{wrong}"
    score, whole = (score_program(judge, "test", s) for s in (source, MDDC))
    assert not score.valid
    assert [(f.kind, f.instance) for f in score.failures] == [("missing", made[0].id)]
    assert score.ratio > whole.ratio
    chance = judge.perform(Evaluate("r", "test", rule="random")).values[0]
    bases = sum(i.reference.objective or 0 for i in made)
    values = judge.perform(Evaluate("m", "test", MDDC)).values
    assert chance is not None
    assert values[0] is not None
    assert score.ratio - whole.ratio == pytest.approx((chance - values[0]) / bases)


def test_a_program_that_is_too_slow_does_not_hold_up_the_rest(sandbox: Sandbox) -> None:
    judge = evaluator("tardiness", sandbox, limit=12, seconds=0.2)
    slow = "def schedule(p, d):\n    while True: pass"
    found = judge.perform(Evaluate("slow", "test", slow, each=True))
    assert [f.kind for f in found.failures] == ["time"] * 12
    assert sum("not run" in f.detail for f in found.failures) == 9


@pytest.mark.heavy
def test_the_order_of_the_dispatching_loop_is_that_of_the_rule() -> None:
    loop: dict[str, object] = {"number": lambda x: x}
    exec(small().driver, loop)
    solve = loop["solve"]
    assert callable(solve)
    for instance in instances()["train"]:
        case = small().case(instance)
        mine = solve(lambda p, d, t, *_: max(p + t, d), case)
        assert mine == dispatch.mdd(case["p"], case["d"])


@pytest.mark.heavy
def test_unknown_names_are_wrong_use() -> None:
    with pytest.raises(InputError, match=r"there are .*rcpsp-priority, .*tardiness, "):
        domain("knapsack")
    with pytest.raises(InputError, match="there are train"):
        domain("tardiness").specs("exam", None)
