"""The population, the bandit and the searches without a model."""

import ast
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.evolve.bandit import Bandit
from harness.evolve.database import Candidate, Database
from harness.evolve.domains import DOMAINS, domain
from harness.evolve.evaluation import Failed
from harness.evolve.mutation import mutate, random_constants
from harness.evolve.null import build_null
from harness.evolve.operators import PARENTS, WEIGHTS, SearchStep, choose
from tasks.base import InputError
from tests.depth import examples
from tests.harness.evolve.small import plan, small


def candidate(name: str, gap: float, island: int = 0, **more: Any) -> Candidate:
    usual: dict[str, Any] = {"behaviour": name, "length": 50, "source": name, "status": "valid"}
    return Candidate(name, island, "mutate", "m", gap=gap, **(usual | more))


def seeded(**settings: int) -> Database:
    made = Database(plan(**settings), "search")
    made.begin_with([candidate("seed", 0.5)])
    return made


def elites(database: Database, island: int = 0) -> set[str]:
    return {e.name for e in database.islands[island].values()}


def test_duplicates_go_by_behaviour_and_the_shorter_stays() -> None:
    base = seeded(migrate=10**6, reset=10**6)
    base.add(candidate("first", 0.1, behaviour="b"))
    base.add(candidate("same words", 0.1, behaviour="b", source="first"))
    base.add(candidate("other words", 0.1, behaviour="b", length=60))
    assert [c.status for c in base.everyone[2:]] == ["duplicate", "duplicate"]
    base.add(candidate("shorter", 0.1, behaviour="b", length=20))
    assert base.everyone[-1].status == "valid"
    assert elites(base) == {"seed", "shorter"}
    assert [c.name for c in base.ranking()] == ["shorter", "seed"]
    base.add(candidate("same text, other behaviour", 0.09, source="first"))
    assert base.everyone[-1].status == "valid"


def test_a_cell_keeps_its_best_and_cells_stand_beside_each_other() -> None:
    base = seeded(migrate=10**6, reset=10**6)
    base.add(candidate("a", 0.100))
    base.add(candidate("b", 0.099))  # the same cell, better
    base.add(candidate("c", 0.0995))
    base.add(candidate("long and better", 0.098, length=200))
    base.add(candidate("short and worse", 0.3, length=10))
    assert elites(base) == {"seed", "b", "long and better", "short and worse"}


def test_failures_never_enter_and_are_looked_at_once() -> None:
    base = seeded()
    base.add(candidate("crash", 0.0, status="failed", problem=Failed("raised")))
    assert elites(base) == {"seed"}
    assert base.failure(1) is None
    found = base.failure(0)
    assert found
    assert found.name == "crash"
    assert base.failure(0) is None


def test_the_best_migrate_and_the_worst_islands_begin_anew() -> None:
    base = seeded(islands=4, migrate=5, reset=10**6)
    base.add(candidate("one", 0.1, island=0))
    assert [("one" in elites(base, k)) for k in range(4)] == [True, False, False, False]
    for k in range(3):
        base.add(candidate(f"w{k}", 0.4, island=3))
    assert [("one" in elites(base, k)) for k in range(4)] == [True, True, False, False]

    base = seeded(islands=4, migrate=10**6, reset=6)
    for k in range(4):
        base.add(candidate(f"i{k}", 0.1 + 0.1 * k, island=k))
    base.add(candidate("more", 0.6, island=3))
    assert elites(base, 0) == {"seed", "i0"}
    assert elites(base, 1) == {"seed", "i1"}
    for k in (2, 3):
        assert len(elites(base, k)) == 1
        assert elites(base, k) <= {"i0", "i1"}


@given(st.integers(0, 10**6))
@examples(50)
def test_a_step_has_the_parents_its_operator_needs(seed: int) -> None:
    base = seeded(islands=1, migrate=10**6, reset=10**6)
    for k in range(seed % 4):
        base.add(candidate(f"c{k}", 0.01 * 2**k))
    step = choose(f"k/{seed}", 0, base, small(), plan(edit="diff"))
    assert 1 <= len(step.parents) <= PARENTS.get(step.operator, 1)
    assert step.operator != "crossover" or len({p.name for p in step.parents}) == 2
    assert step.operator != "reflect"  # nothing has failed
    assert (step.edit == "diff") == (step.operator not in ("new", "crossover"))


def test_a_failure_is_reflected_upon() -> None:
    seen = set()
    for k in range(60):
        base = seeded(islands=1)
        base.add(candidate("crash", 0.0, status="failed", problem=Failed("raised", "why")))
        step = choose(f"k/{k}", 0, base, small(), plan())
        seen.add(step.operator)
        if step.operator == "reflect":
            assert [p.name for p in step.parents] == ["crash"]
    assert "reflect" in seen
    assert seen <= set(WEIGHTS)


# The bandit ----------------------------------------------------------------------------------


def test_each_model_is_tried_then_the_better_for_its_cost() -> None:
    bandit = Bandit(["cheap", "dear", "dull"])
    assert [bandit.choose() for _ in range(3)] == ["cheap", "dear", "dull"]
    rng = Random("gains")
    chosen = []
    gains = {"cheap": (0.3, 0.01), "dear": (0.4, 0.10), "dull": (0.0, 0.01)}
    for _ in range(200):
        name = bandit.choose()
        chosen.append(name)
        gain, cost = gains[name]
        bandit.learn(name, gain * rng.random(), 100, cost)
    counts = {name: chosen.count(name) for name in gains}
    assert counts["cheap"] > 120
    assert min(counts.values()) >= 3


@pytest.mark.parametrize(("costs", "best"), [((None, None), "few tokens"), ((0.1, 0.001), "many")])
def test_unknown_costs_are_not_zero(costs: tuple[float | None, float | None], best: str) -> None:
    bandit = Bandit(["few tokens", "many"])
    chosen = []
    for _ in range(60):
        name = bandit.choose()
        chosen.append(name)
        first = name == "few tokens"
        bandit.learn(name, 0.1, 10 if first else 1000, costs[0 if first else 1])
    assert chosen.count(best) > 40


# Without a model ------------------------------------------------------------------------------


def steps(name: str, count: int) -> list[SearchStep]:
    about = domain(name)
    seeds = [candidate(n, 0.1, source=s) for n, s in about.programs.items()]
    return [
        SearchStep(
            f"{k}", "mutate", (seeds[k % len(seeds)],), "rewrite", about.function, about.programs
        )
        for k in range(count)
    ]


@pytest.mark.heavy
@pytest.mark.parametrize("name", DOMAINS)
def test_mutations_are_programs_and_mostly_new_ones(name: str) -> None:
    for make in (mutate, random_constants):
        made = [make(step, Random(step.key)) for step in steps(name, 60)]
        assert made == [make(step, Random(step.key)) for step in steps(name, 60)]
        for source in made:
            assert domain(name).function in {
                n.name for n in ast.parse(source).body if isinstance(n, ast.FunctionDef)
            }
        assert len(set(made)) > 30


def test_random_constants_change_numbers_only() -> None:
    def shape(source: str) -> str:
        tree = ast.parse(source)
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and type(node.value) is float:
                node.value = 0.5
            if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
                node.op = ast.UAdd()
        return ast.unparse(tree).replace("+0.5", "0.5")

    shapes = {shape(s) for s in domain("tardiness").programs.values()}
    for step in steps("tardiness", 60):
        assert shape(random_constants(step, Random(step.key))) in shapes


def test_an_unknown_null_is_wrong_use() -> None:
    with pytest.raises(InputError, match="policy/mutate"):
        build_null("policy/annealing")
