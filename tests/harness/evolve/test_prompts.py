"""What a model is told, word for word; and that a domain is one file."""

from pathlib import Path

import pytest

import harness
from harness.evolve.database import Candidate
from harness.evolve.domains import DOMAINS, domain
from harness.evolve.evaluation import Failed
from harness.evolve.operators import EDITS, WEIGHTS, SearchStep, messages
from harness.store.search_plan import SearchPlan
from tasks.prompts import installed

GOLDEN = Path(__file__).parents[2] / "tasks" / "golden"


def told(operator: str, edit: str, name: str = "tardiness-priority", numpy: bool = False) -> str:
    about = domain(name)
    seeds = [
        Candidate(f"seed-{n}", 0, "seed", "", "valid", source=s, gap=0.125)
        for n, s in about.programs.items()
    ]
    failed = Candidate(
        "c",
        0,
        "mutate",
        "m",
        "failed",
        source=seeds[0].source,
        problem=Failed("raised", "ZeroDivisionError: division by zero"),
    )
    parents = {"reflect": (failed,), "new": seeds[:2], "crossover": seeds[:2]}
    step = SearchStep(
        "key",
        operator,
        tuple(parents.get(operator, seeds[2:3])),
        edit,
        about.function,
        about.programs,
    )
    plan = SearchPlan(name, about.lock, 1, numpy=numpy)
    turns = messages(step, about, plan, installed())
    return "\n".join(f"--- {m.role}\n{m.content}" for m in turns) + "\n"


@pytest.mark.parametrize("operator", WEIGHTS)
@pytest.mark.parametrize("edit", ["rewrite", "diff"])
def test_prompts_are_word_for_word(operator: str, edit: str) -> None:
    if edit == "diff" and operator not in EDITS:
        pytest.skip("always whole programs")
    assert told(operator, edit) == (GOLDEN / f"evolve-{operator}-{edit}.txt").read_text("utf-8")


@pytest.mark.parametrize("name", DOMAINS)
def test_every_domain_has_its_words(name: str) -> None:
    text = told("mutate", "rewrite", name)
    about = domain(name)
    assert about.facts in text
    assert f"def {about.function}({', '.join(about.arguments)}):" in text
    assert "numpy" not in text
    assert "numpy" in told("mutate", "rewrite", name, numpy=True)


def test_a_domain_is_one_file() -> None:
    """No other file of the harness knows its name, so a new one touches nothing else."""
    root = Path(harness.__file__).parent
    for path in root.rglob("*.py"):
        for name in ("tardiness-priority", "rcpsp-priority", "rcpsp_priority"):
            own = path.stem == name.replace("-", "_")
            assert own or f'"{name}"' not in path.read_text("utf-8"), path
