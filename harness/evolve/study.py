"""A whole run: the search, the searches without a model, one choice, and one look at the test.

Champions are chosen on validation; no part of the reported splits has been used before.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from harness.evolve.database import Candidate
from harness.evolve.domain import Domain
from harness.evolve.evaluation import Evaluated, evaluate
from harness.evolve.evaluator import base
from harness.evolve.search import Search
from harness.store.search_plan import SearchPlan
from tasks.base import Failure, InputError, Instance, Noun, Number, Program, together
from tasks.prompts import Prompts

FINALISTS = 20  # of a search, beside the seed programs


class Champion(Noun, frozen=True):
    """The best program of a search on validation, and its ratio of sums there."""

    arm: str
    program: Candidate
    validation: float


class Results(Noun, frozen=True):
    """The outcome of a run, from which its report is computed.

    `champions` are those of the searches, the model's first; `seed` is the best seed program and
    `rule` the best published rule, by validation. `outcomes`: of each program or rule (by its name
    in the report) on each reported split.
    """

    champions: tuple[Champion, ...]
    seed: Champion
    rule: str
    outcomes: dict[str, dict[str, Evaluated]]


class Study:
    """A whole run as a program; its searches can be read at any time, also before the end.

    Args:
        models: of the main search.
        domain: of the programs.
        plan: of the searches.
        prompts: templates of the operators.
        splits: the instances by the name of their split.

    Raises:
        InputError: if the references of a split sum to 0.
    """

    def __init__(
        self,
        models: Sequence[str],
        domain: Domain,
        plan: SearchPlan,
        prompts: Prompts,
        splits: Mapping[str, Sequence[Instance[Any]]],
    ) -> None:
        self.domain, self.plan, self._prompts = domain, plan, prompts
        self.models = list(dict.fromkeys([*models, *plan.nulls]))
        self.bases = {name: [base(i) for i in instances] for name, instances in splits.items()}
        for name, references in self.bases.items():
            if not sum(references[: plan.few] if name == "train" else references):
                raise InputError(
                    f"the references of {name} sum to 0: take more than `limit` {plan.limit}"
                )
        self.searches = [self._search("search", models, plan)]

    def _search(self, arm: str, models: Sequence[str], plan: SearchPlan) -> Search:
        return Search(arm, models, self.domain, plan, self._prompts, self.bases["train"])

    def program(self) -> Program[Results]:
        """Search, search without a model at equal evaluations, choose, report."""
        [main] = self.searches
        yield from main.program()
        spend = replace(self.plan, calls=len(main.tried), tokens=None, cost=None, wall=None)
        for null in self.plan.nulls:
            null_search = self._search(null.removeprefix("policy/"), [null], spend)
            self.searches.append(null_search)
            yield from null_search.program()
        names = list(self.domain.programs)
        seed_programs = [main.database.by_name(f"seed-{name}") for name in names]
        seeds = yield from self._validate("seeds", seed_programs)
        seed = self._best("seed", seeds)
        champions = yield from self._champions(seeds)
        rule = yield from self._best_rule()
        outcomes = yield from self._report([*champions, seed])
        return Results(tuple(champions), seed, rule, outcomes=outcomes)

    def _champions(self, seeds: Sequence[tuple[Candidate, float]]) -> Program[list[Champion]]:
        """Return the best of each search, a seed program if none of its own is better."""
        champions = []
        for search in self.searches:
            finalists = [c for c in search.database.ranking() if c.operator != "seed"][:FINALISTS]
            validated = yield from self._validate(search.arm, finalists)
            champions.append(self._best(search.arm, [*seeds, *validated]))
        return champions

    def _validate(
        self, arm: str, programs: Sequence[Candidate]
    ) -> Program[list[tuple[Candidate, float]]]:
        """Return the programs that are valid on validation, each with its ratio of sums."""
        evaluations = yield from together(
            evaluate(f"{arm}/{c.name}/validation", "validation", c.source) for c in programs
        )
        pairs = zip(programs, evaluations, strict=True)
        return [(c, self._ratio(f, "validation")) for c, f in pairs if not f.failures]

    def _ratio(self, evaluation: Evaluated, split: str) -> float:
        values: list[Number] = [v for v in evaluation.values if v is not None]
        assert len(values) == len(self.bases[split])
        return sum(values) / sum(self.bases[split])

    def _best(self, arm: str, programs: Sequence[tuple[Candidate, float]]) -> Champion:
        """Return the program of the least ratio, then the shortest, then the first."""
        if not programs:
            raise Failure(f"{self.domain.name}: no seed program is valid on validation")
        program, ratio = min(programs, key=lambda pair: (pair[1], pair[0].length))
        return Champion(arm, program, ratio)

    def _best_rule(self) -> Program[str]:
        rules = list(self.domain.rules)
        evaluations = yield from together(
            evaluate(f"rules/{rule}/validation", "validation", rule=rule) for rule in rules
        )
        ratios = [self._ratio(evaluation, "validation") for evaluation in evaluations]
        return rules[ratios.index(min(ratios))]

    def _report(self, champions: Sequence[Champion]) -> Program[dict[str, dict[str, Evaluated]]]:
        """Evaluate every champion, each instance in its own run, and every rule on reported splits.

        The name of a program in the report is its search's (`search`, `mutate`, `seed`).
        """
        evaluations: dict[str, Program[Evaluated]] = {}
        for split in self.domain.reported:
            for c in champions:
                path = f"report/{c.arm}/{split}"
                evaluations[path] = evaluate(path, split, c.program.source, each=True)
            for rule in [*self.domain.rules, "random"]:
                path = f"report/rule {rule}/{split}"
                evaluations[path] = evaluate(path, split, rule=rule)
        results = yield from together(evaluations.values())
        outcomes: dict[str, dict[str, Evaluated]] = {}
        for path, evaluation in zip(evaluations, results, strict=True):
            _, name, split = path.split("/")
            outcomes.setdefault(name, {})[split] = evaluation
        return outcomes
