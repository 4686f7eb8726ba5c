"""The report of a search: numbers with intervals, and `better` only if they show it."""

from collections import Counter
from collections.abc import Sequence
from statistics import median

from msgspec.structs import replace

from graders.comparisons import holm
from graders.statistics import Estimate, mean_of, ratio_of_sums, skill
from harness.costs import sum_or_none
from harness.evolve.database import Candidate
from harness.evolve.evaluation import Evaluated
from harness.evolve.evaluator import fill_failures
from harness.evolve.search import Search
from harness.evolve.study import Champion, Results, Study
from harness.evolve.verdicts import Verdict, sign_test, verdict
from tasks.base import Noun, Number


class Score(Noun, frozen=True):
    """A program or rule on one split of n instances; failures count as random answers.

    `who` is its name in the report. `seconds` is the mean CPU time of an instance; None of a rule,
    which does not run in the sandbox.
    """

    who: str
    split: str
    n: int
    failures: int
    ratio: Estimate
    skill: Estimate
    median_gap: float | None
    optimal: float
    seconds: float | None


class ChampionComparison(Noun, frozen=True):
    """The champion less another on the same instances: below 0 is better in ratio, above in skill.

    `win`, `tie` and `loss` count instances; `p` is the sign test's over them, `p_holm` corrected
    for all comparisons of the report (both None of the same program). `verdict` is that of
    `verdicts.py`.
    """

    against: str
    split: str
    ratio: Estimate
    skill: Estimate
    win: int
    tie: int
    loss: int
    p: float | None
    p_holm: float | None
    verdict: Verdict


class Arm(Noun, frozen=True):
    """The work of one search: how its tries ended, its expenses, its choice.

    A try is a call and its evaluation; one whose reply was no program has used up both. `ran`
    counts those that came to run in the sandbox; `statuses["valid"]` those that ran on all
    training instances and behaved as none before. `draws` counts the programs drawn for the
    tries: more than these only of `policy/mutate`. `calls` counts the tries that asked a model, the
    lost ones included: a search without a model makes none.
    """

    arm: str
    models: tuple[str, ...]
    tries: int
    draws: int
    ran: int
    statuses: dict[str, int]
    problems: dict[str, int]
    tokens: int | None
    cost: float | None
    training_gap: float
    champion: str | None = None
    validation_ratio: float | None = None
    calls: int = 0


class NewBest(Noun, frozen=True):
    """A new best on the training instances: at which call, whose, how."""

    call: int
    name: str
    gap: float
    operator: str
    model: str


class SearchReport(Noun, frozen=True):
    """The report of a whole run. What is not known before its end is None or empty."""

    domain: str
    seed: int
    arms: tuple[Arm, ...]
    best_so_far: tuple[NewBest, ...]
    lineage: tuple[Candidate, ...] = ()
    champion: Candidate | None = None
    rediscovery: tuple[str, ...] = ()
    strongest_rule: str | None = None
    scores: tuple[Score, ...] = ()
    comparisons: tuple[ChampionComparison, ...] = ()


def report(study: Study, results: Results | None) -> SearchReport:
    """Return the report of a study.

    Args:
        study: finished or not.
        results: of a finished one; None of another, whose report ends with the best so far.
    """
    main = study.searches[0]
    champions = {c.arm: c for c in results.champions} if results else {}
    head = SearchReport(
        study.domain.name,
        study.plan.seed,
        tuple(_arm(search, champions.get(search.arm)) for search in study.searches),
        best_so_far=tuple(progress(main)),
    )
    if results is None:
        return head
    reported = study.domain.reported
    champion, table = results.champions[0].program, OutcomeTable(study, results)
    return replace(
        head,
        lineage=tuple(_lineage(main, champion)),
        champion=champion,
        rediscovery=tuple(table.rediscoveries()),
        strongest_rule=results.rule,
        scores=tuple(table.score(name, split) for split in reported for name in results.outcomes),
        comparisons=tuple(table.comparisons()),
    )


def _arm(search: Search, champion: Champion | None) -> Arm:
    tries = search.tried
    return Arm(
        search.arm,
        tuple(search.models),
        len(tries),
        draws=sum(c.draws for c in tries),
        ran=sum(c.evaluated for c in tries),
        statuses=dict(Counter(c.status for c in tries).most_common()),
        problems=dict(Counter(c.problem.kind for c in tries if c.problem).most_common()),
        tokens=sum_or_none([c.tokens for c in tries]),
        cost=sum_or_none([c.cost for c in tries]),
        training_gap=_training_gap(search),
        champion=champion.program.name if champion else None,
        validation_ratio=champion.validation if champion else None,
        calls=sum(not c.model.startswith("policy/") for c in tries),
    )


def _training_gap(search: Search) -> float:
    """Return the gap of the best valid program, NaN without one."""
    ranking = search.database.ranking()
    return ranking[0].gap if ranking and ranking[0].gap is not None else float("nan")


def progress(search: Search) -> list[NewBest]:
    """Return each new best of a search; the seed programs come before its first call."""
    bests: list[NewBest] = []
    seeds = len(search.database.everyone) - len(search.tried)
    for number, c in enumerate(search.database.everyone):
        if c.status == "valid" and c.gap is not None and (not bests or c.gap < bests[-1].gap):
            call = max(0, number - seeds + 1)
            bests.append(NewBest(call, c.name, c.gap, operator=c.operator, model=c.model))
    return bests


def _lineage(search: Search, champion: Candidate) -> list[Candidate]:
    """Return the champion and all it descends from, each once, the latest first."""
    ancestors: dict[str, Candidate] = {}
    queue = [champion.name]
    while queue:
        ancestor = search.database.by_name(queue.pop(0))
        if ancestor.name not in ancestors:
            ancestors[ancestor.name] = ancestor
            queue += ancestor.parents
    return list(ancestors.values())


class OutcomeTable:
    """The outcomes of a study as numbers, by the names of programs and rules."""

    def __init__(self, study: Study, results: Results) -> None:
        self._study, self._results = study, results
        self.champion = results.champions[0]
        nulls = [c.arm for c in results.champions[1:]]
        self.opponents = ["seed", *nulls, f"rule {results.rule}"]

    def _outcome(self, name: str, split: str) -> Evaluated:
        return self._results.outcomes[name][split]

    def _chance(self, split: str) -> list[Number]:
        return _objectives(self._outcome("rule random", split).values)

    def values(self, name: str, split: str) -> list[Number]:
        """Return the objectives on a split, failures at random's value."""
        return fill_failures(self._outcome(name, split).values, self._chance(split))

    def skills(self, name: str, split: str) -> list[float]:
        """Return the skill on each instance of a split."""
        rows = zip(
            self.values(name, split), self._study.bases[split], self._chance(split), strict=True
        )
        return [skill(value, base, chance) for value, base, chance in rows]

    def score(self, name: str, split: str) -> Score:
        """Return one line of the table of scores."""
        bases, values = self._study.bases[split], self.values(name, split)
        pairs = list(zip(values, bases, strict=True))
        gaps = [(v - b) / b for v, b in pairs if b]
        outcome = self._outcome(name, split)
        return Score(
            name,
            split,
            len(values),
            failures=len(outcome.failures),
            ratio=ratio_of_sums(values, bases),
            skill=mean_of(self.skills(name, split)),
            median_gap=median(gaps) if gaps else None,
            optimal=sum(v == b for v, b in pairs) / len(pairs),
            seconds=None if name.startswith("rule ") else outcome.seconds / len(values),
        )

    def comparisons(self) -> list[ChampionComparison]:
        """Return the champion against each opponent on each split, with their verdicts.

        The same program is no test, and takes no part in the correction (Holm 1979).
        """
        splits = self._study.domain.reported
        comparisons = [self.compare(name, split) for split in splits for name in self.opponents]
        p_values = iter(holm([c.p for c in comparisons if c.p is not None]))
        return [c if c.p is None else _with_verdict(c, next(p_values)) for c in comparisons]

    def compare(self, name: str, split: str) -> ChampionComparison:
        """Return the champion against another, instance by instance; without a verdict yet."""
        values, baseline = self.values("search", split), self.values(name, split)
        skills = _differences(self.skills("search", split), self.skills(name, split))
        counts = Counter((a > b) - (a < b) for a, b in zip(values, baseline, strict=True))
        is_same = self._is_champion(name)
        return ChampionComparison(
            name,
            split,
            ratio_of_sums(_differences(values, baseline), self._study.bases[split]),
            skill=mean_of(skills),
            win=counts[-1],
            tie=counts[0],
            loss=counts[1],
            p=None if is_same else sign_test(counts[-1], counts[1]),
            p_holm=None,
            verdict="the same program" if is_same else "no difference shown",
        )

    def _is_champion(self, name: str) -> bool:
        programs = {c.arm: c.program for c in (*self._results.champions, self._results.seed)}
        return name in programs and programs[name].source == self.champion.program.source

    def rediscoveries(self) -> list[str]:
        """Return the published rules with the champion's objective on every reported instance."""
        splits = self._study.domain.reported
        rules = [rule for rule in self._results.outcomes if rule.startswith("rule ")]
        return [
            rule.removeprefix("rule ")
            for rule in rules
            if all(self.values("search", s) == self.values(rule, s) for s in splits)
        ]


def _with_verdict(c: ChampionComparison, p_holm: float) -> ChampionComparison:
    return replace(c, p_holm=p_holm, verdict=verdict(c.ratio, c.skill, c.win - c.loss, p_holm))


def _differences(values: Sequence[Number], baseline: Sequence[Number]) -> list[Number]:
    return [a - b for a, b in zip(values, baseline, strict=True)]


def _objectives(values: Sequence[Number | None]) -> list[Number]:
    return [v for v in values if v is not None]
