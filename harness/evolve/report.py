"""The honest result: numbers with intervals, and the word `better` only where they carry it."""

from collections import Counter
from collections.abc import Sequence
from statistics import median

from msgspec.structs import replace

from graders.comparisons import holm
from graders.statistics import Estimate, mean_of, ratio_of_sums, skill
from harness.costs import sum_or_none
from harness.evolve.database import Candidate
from harness.evolve.domain import REPORTED
from harness.evolve.evaluation import Evaluated
from harness.evolve.search import Search
from harness.evolve.study import Champion, Results, Study
from harness.evolve.verdicts import Verdict, sign_test, verdict
from tasks.base import Noun, Number


class Score(Noun, frozen=True):
    """A program or rule on one split of n instances; failures count as random answers.

    `seconds` is the mean CPU time of an instance; None of what is no program in the sandbox.
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
    """What a search did: how its tries ended, what it spent, what it chose.

    A try is a call and its evaluation; one whose reply was no program has used up both. `ran`
    counts those that came to run in the sandbox; `statuses["valid"]` those that ran on all
    training instances and behaved as none before. `draws` counts the programs drawn for the
    tries: more than these only of `policy/mutate`.
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


class Progressed(Noun, frozen=True):
    """A new best on the training instances: at which call, whose, how."""

    call: int
    name: str
    gap: float
    operator: str
    model: str


class SearchReport(Noun, frozen=True):
    """All of a run. What is not known before its end is None or empty."""

    domain: str
    seed: int
    arms: tuple[Arm, ...]
    best_so_far: tuple[Progressed, ...]
    lineage: tuple[Candidate, ...] = ()
    champion: Candidate | None = None
    rediscovery: tuple[str, ...] = ()
    strongest_rule: str | None = None
    scores: tuple[Score, ...] = ()
    comparisons: tuple[ChampionComparison, ...] = ()


def report(study: Study, results: Results | None) -> SearchReport:
    """The report of a study; without results of one that is not finished."""
    main = study.searches[0]
    chosen = {c.arm: c for c in results.champions} if results else {}
    head = SearchReport(
        study.domain.name,
        study.plan.seed,
        tuple(_arm(search, chosen.get(search.arm)) for search in study.searches),
        tuple(progress(main)),
    )
    if results is None:
        return head
    champion, table = results.champions[0].program, OutcomeTable(study, results)
    return replace(
        head,
        lineage=tuple(_lineage(main, champion)),
        champion=champion,
        rediscovery=tuple(table.rediscovered()),
        strongest_rule=results.rule,
        scores=tuple(table.score(who, split) for split in REPORTED for who in results.outcomes),
        comparisons=tuple(table.comparisons()),
    )


def _arm(search: Search, chosen: Champion | None) -> Arm:
    tried = search.tried
    ranked = search.database.ranked()
    return Arm(
        search.arm,
        tuple(search.models),
        len(tried),
        draws=sum(c.draws for c in tried),
        ran=sum(c.evaluated for c in tried),
        statuses=dict(Counter(c.status for c in tried).most_common()),
        problems=dict(Counter(c.problem.kind for c in tried if c.problem).most_common()),
        tokens=sum_or_none([c.tokens for c in tried]),
        cost=sum_or_none([c.cost for c in tried]),
        training_gap=ranked[0].gap if ranked and ranked[0].gap is not None else float("nan"),
        champion=chosen.program.name if chosen else None,
        validation_ratio=chosen.validation if chosen else None,
    )


def progress(search: Search) -> list[Progressed]:
    """Each new best of a search; the seed programs come before its first call."""
    found: list[Progressed] = []
    seeds = len(search.database.everyone) - len(search.tried)
    for number, c in enumerate(search.database.everyone):
        if c.status == "valid" and c.gap is not None and (not found or c.gap < found[-1].gap):
            call = max(0, number - seeds + 1)
            found.append(Progressed(call, c.name, c.gap, c.operator, c.model))
    return found


def _lineage(search: Search, champion: Candidate) -> list[Candidate]:
    """The champion and all it descends from, each once, the latest first."""
    found: dict[str, Candidate] = {}
    waiting = [champion.name]
    while waiting:
        one = search.database.by_name(waiting.pop(0))
        if one.name not in found:
            found[one.name] = one
            waiting += one.parents
    return list(found.values())


class OutcomeTable:
    """Outcomes as numbers."""

    def __init__(self, study: Study, results: Results) -> None:
        self._study, self._results = study, results
        self.champion = results.champions[0]
        nulls = [c.arm for c in results.champions[1:]]
        self.opponents = ["seed", *nulls, f"rule {results.rule}"]

    def _outcome(self, who: str, split: str) -> Evaluated:
        return self._results.outcomes[who][split]

    def _chance(self, split: str) -> list[Number]:
        return _known(self._outcome("rule random", split).values)

    def values(self, who: str, split: str) -> list[Number]:
        """The objectives, failures at random's value."""
        chance = self._chance(split)
        found = self._outcome(who, split).values
        return [c if v is None else v for v, c in zip(found, chance, strict=True)]

    def skills(self, who: str, split: str) -> list[float]:
        """The skill on each instance."""
        rows = zip(
            self.values(who, split), self._study.bases[split], self._chance(split), strict=True
        )
        return [skill(value, base, chance) for value, base, chance in rows]

    def score(self, who: str, split: str) -> Score:
        """One line of the table."""
        bases, values = self._study.bases[split], self.values(who, split)
        pairs = list(zip(values, bases, strict=True))
        gaps = [(v - b) / b for v, b in pairs if b]
        outcome = self._outcome(who, split)
        return Score(
            who,
            split,
            len(values),
            len(outcome.failures),
            ratio_of_sums(values, bases),
            mean_of(self.skills(who, split)),
            median(gaps) if gaps else None,
            sum(v == b for v, b in pairs) / len(pairs),
            None if who.startswith("rule ") else outcome.seconds / len(values),
        )

    def comparisons(self) -> list[ChampionComparison]:
        """The champion against each opponent on each split, with what may be said of all of them.

        The same program is no test, and takes no part in the correction (Holm 1979).
        """
        every = [self.compare(who, split) for split in REPORTED for who in self.opponents]
        corrected = iter(holm([c.p for c in every if c.p is not None]))
        return [c if c.p is None else _judged(c, next(corrected)) for c in every]

    def compare(self, who: str, split: str) -> ChampionComparison:
        """The champion against another, instance by instance; not judged yet."""
        ours, theirs = self.values("search", split), self.values(who, split)
        ratio = ratio_of_sums(
            [a - b for a, b in zip(ours, theirs, strict=True)], self._study.bases[split]
        )
        skills = zip(self.skills("search", split), self.skills(who, split), strict=True)
        gained = mean_of([a - b for a, b in skills])
        counts = Counter((a > b) - (a < b) for a, b in zip(ours, theirs, strict=True))
        same = self._same(who)
        return ChampionComparison(
            who,
            split,
            ratio,
            skill=gained,
            win=counts[-1],
            tie=counts[0],
            loss=counts[1],
            p=None if same else sign_test(counts[-1], counts[1]),
            p_holm=None,
            verdict="the same program" if same else "no difference shown",
        )

    def _same(self, who: str) -> bool:
        others = {c.arm: c.program for c in (*self._results.champions, self._results.seed)}
        return who in others and others[who].source == self.champion.program.source

    def rediscovered(self) -> list[str]:
        """The published rules whose objective the champion has on every reported instance."""
        rules = [who for who in self._results.outcomes if who.startswith("rule ")]
        return [
            who.removeprefix("rule ")
            for who in rules
            if all(self.values("search", s) == self.values(who, s) for s in REPORTED)
        ]


def _judged(c: ChampionComparison, p_holm: float) -> ChampionComparison:
    return replace(c, p_holm=p_holm, verdict=verdict(c.ratio, c.skill, c.win - c.loss, p_holm))


def _known(values: Sequence[Number | None]) -> list[Number]:
    return [v for v in values if v is not None]
