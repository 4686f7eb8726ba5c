"""The score of any program on one split, beside the published rules."""

from collections import Counter
from collections.abc import Sequence
from statistics import median

from graders.statistics import Estimate, mean_of, ratio_of_sums, skill
from harness.evolve.evaluation import Evaluate, Failed
from harness.evolve.evaluator import Evaluator, base, fill_failures
from tasks.base import InputError, Noun, Number


class RuleScore(Noun, frozen=True):
    """A published rule, or `random`, on the same instances as a program.

    `win`, `tie` and `loss` count the instances on which the program is better than it, the same,
    or worse.
    """

    rule: str
    ratio: Estimate
    skill: Estimate
    win: int
    tie: int
    loss: int


class ProgramScore(Noun, frozen=True):
    """The score of a program on a split: valid if it failed on no instance.

    `ratio` is its sum of objectives over that of the references, failures at random's value;
    `median_gap` and `skill` count them so too. `seconds` is CPU time over all n instances.
    `ratio_interval` and `skill_interval` are the same numbers with their 95 % intervals; `rules`
    what the published rules do there, the best first.
    """

    domain: str
    split: str
    n: int
    valid: bool
    ratio: float
    median_gap: float | None
    skill: float
    seconds: float
    failures: tuple[Failed, ...]
    ratio_interval: Estimate
    skill_interval: Estimate
    rules: tuple[RuleScore, ...] = ()


def score_program(evaluator: Evaluator, split: str, source: str) -> ProgramScore:
    """Run a program on every instance on its own, and measure it and the rules.

    Args:
        evaluator: with a sandbox.
        split: one of the evaluator's.
        source: of the program.

    Raises:
        InputError: if the references sum to 0.
    """
    table = _SplitTable(evaluator, split)
    evaluation = evaluator.perform(Evaluate("score", split, source, each=True))
    objectives = fill_failures(evaluation.values, table.chance)
    gaps = [(v - b) / b for v, b in zip(objectives, table.bases, strict=True) if b]
    skills = table.skills(objectives)
    return ProgramScore(
        evaluator.domain.name,
        split,
        len(objectives),
        valid=not evaluation.failures,
        ratio=sum(objectives) / sum(table.bases),
        median_gap=median(gaps) if gaps else None,
        skill=sum(skills) / len(skills),
        seconds=evaluation.seconds,
        failures=evaluation.failures,
        ratio_interval=ratio_of_sums(objectives, table.bases),
        skill_interval=mean_of(skills),
        rules=tuple(sorted(table.rules(objectives), key=lambda rule: rule.ratio.value or 0.0)),
    )


class _SplitTable:
    """The references of a split, and what random answers and rules do there."""

    def __init__(self, evaluator: Evaluator, split: str) -> None:
        self._evaluator, self._split = evaluator, split
        self.bases = [base(instance) for instance in evaluator.stages[split].instances]
        if not sum(self.bases):
            raise InputError(f"the references of these {len(self.bases)} instances sum to 0: more")
        self.chance = self._by_rule("random")

    def _by_rule(self, name: str) -> list[Number]:
        values = self._evaluator.perform(Evaluate(f"rule {name}", self._split, rule=name)).values
        return [value for value in values if value is not None]

    def skills(self, values: Sequence[Number]) -> list[float]:
        """Return the skill on each instance."""
        rows = zip(values, self.bases, self.chance, strict=True)
        return [skill(value, reference, chance) for value, reference, chance in rows]

    def rules(self, values: Sequence[Number]) -> list[RuleScore]:
        """Return each rule beside a program of these objectives."""
        return [self._rule(name, values) for name in (*self._evaluator.domain.rules, "random")]

    def _rule(self, name: str, values: Sequence[Number]) -> RuleScore:
        objectives = self.chance if name == "random" else self._by_rule(name)
        counts = Counter((a > b) - (a < b) for a, b in zip(values, objectives, strict=True))
        return RuleScore(
            name,
            ratio_of_sums(objectives, self.bases),
            mean_of(self.skills(objectives)),
            win=counts[-1],
            tie=counts[0],
            loss=counts[1],
        )
