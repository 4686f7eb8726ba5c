"""The operators of the search, each a prompt template with its parents."""

from collections.abc import Mapping
from random import Random

import msgspec

from harness.evolve.database import Candidate, Database
from harness.evolve.domain import Domain
from harness.store.search_plan import MUTATE, SearchPlan
from tasks.base import Message
from tasks.prompts import Prompts

WEIGHTS = {"new": 1, "crossover": 2, "mutate": 3, "tune": 2, "simplify": 1, "reflect": 1}
PARENTS = {"new": 2, "crossover": 2}  # others have one
EDITS = ("mutate", "tune", "simplify", "reflect")  # that may change a program by blocks


class SearchStep(msgspec.Struct, frozen=True):
    """One try: the request to a model, and what a search without a model sees of it.

    `key` seeds what is random in it; `programs` are the seed programs of the domain; `version` is
    that of `policy/mutate`.
    """

    key: str
    operator: str
    parents: tuple[Candidate, ...]
    edit: str
    function: str
    programs: Mapping[str, str]
    version: int = MUTATE


def choose(
    key: str,
    island: int,
    database: Database,
    domain: Domain,
    plan: SearchPlan,
    *,
    reflects: bool = True,
) -> SearchStep:
    """Draw an operator and its parents; if there are too few parents, `mutate`.

    Args:
        key: seeds the draw.
        island: whose elites are the parents.
        database: of the search.
        domain: of the programs.
        plan: of the search.
        reflects: whether `reflect` takes the island's newest failure for its parent; else it is
            `mutate` too.
    """
    rng = Random(key)
    [operator] = rng.choices(list(WEIGHTS), list(WEIGHTS.values()))
    failure = database.failure(island) if operator == "reflect" and reflects else None
    parents = [failure] if failure else database.draw(island, PARENTS.get(operator, 1), rng)
    if (operator == "reflect" and not failure) or (operator == "crossover" and len(parents) < 2):
        operator, parents = "mutate", parents[:1]
    edit = plan.edit if operator in EDITS else "rewrite"
    return SearchStep(
        key,
        operator,
        tuple(parents),
        edit=edit,
        function=domain.function,
        programs=domain.programs,
        version=plan.mutate,
    )


def messages(
    step: SearchStep, domain: Domain, plan: SearchPlan, prompts: Prompts
) -> tuple[Message, ...]:
    """Return the prompt of a step."""
    failure = step.parents[0] if step.operator == "reflect" else None
    programs = [{"source": c.source, "gap": None if failure else c.gap} for c in step.parents]
    return prompts.messages(
        f"evolve/{step.operator}.j2",
        facts=domain.facts,
        signature=f"{domain.function}({', '.join(domain.arguments)})",
        numpy=plan.numpy,
        programs=programs,
        edit=step.edit,
        problem=_problem(failure) if failure else "",
    )


def _problem(failure: Candidate) -> str:
    """Return what was wrong with a program, in one line."""
    if failure.problem is None:
        return "on the first few instances it is worse than every program that we began with"
    return f"{failure.problem.kind} ({failure.problem.detail})"
