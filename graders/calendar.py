"""Checks a year of decisions, and measures how well the agent learned whose meetings matter.

A round whose answer cannot be used is a wrong round, whose error is the model's own:

| kind | fields |
|---|---|
| `unparsable` | `round`, `reason`: no answer object |
| `missing` | `round`: an answer from a file ends before it |
| `not_offered` | `round`, `value`: what stands where one offered id should be |
| `two` | `round`, `value`: a list of events where there should be one |
| `ranking` | `round`, `value`: no order of all the events; the decision counts all the same |
| `surplus` | `amount`: answers beyond the last round, which are ignored |
"""

from collections.abc import Sequence
from itertools import combinations
from statistics import mean

from graders.calendar_learners import logit_scores, prior_scores, wrong_rounds
from graders.calendar_memory import examine as examine
from graders.statistics import Estimate, mean_of, mean_score, ratio_of_sums
from tasks.base import Fields, Grade, Instance, Outcome, Parsed, Record, Verdict, short
from tasks.calendar import KEY, Round, Year, accepted
from tasks.calendar_truth import Judgement

RAMP = ()
SHOWN = (
    "aer_last_quarter",
    "learning_gain",
    "learnable",
    "excess_logit",
    "err",
    "tau",
    "format_failures",
)
POINTS = (1, 25, 50, 75)  # rounds after which the error so far is printed
BEFORE, AFTER = 20, 10  # rounds that tell the error before a drift and whether it is back there
FAILED = ("unparsable", "missing", "not_offered", "two")


def grade(instance: Instance[Year], outcome: Outcome) -> Grade:
    """Score 1 - AER, the share of rounds whose decision is the user's own; invalid ones are wrong.

    The objective is the number of wrong rounds. `unparsable` only if no round can be used.
    """
    year = instance.payload
    answers = _answers(year, outcome)
    violations: list[Fields] = []
    for k, (one, parsed) in enumerate(zip(year.rounds, answers, strict=True), 1):
        violations += [{**v, "round": k} for v in _violations(one, parsed)]
    if len(outcome.answers) > len(year.rounds):
        surplus = len(outcome.answers) - len(year.rounds)
        violations.append({"kind": "surplus", "amount": surplus})
    choices = [accepted(p, one) for one, p in zip(year.rounds, answers, strict=True)]
    wrong = [
        choice != judgement.decision
        for choice, judgement in zip(choices, year.truth.judgements, strict=True)
    ]
    metrics = _learning(year, wrong) | _order(year, answers) | _yardsticks(year)
    metrics["regret"] = mean(_regret(year, k, c) for k, c in enumerate(choices, 1))
    metrics["format_failures"] = sum(v["kind"] in FAILED for v in violations) / len(wrong)
    metrics["ranking_failures"] = sum(v["kind"] == "ranking" for v in violations) / len(wrong)
    return Grade(
        Verdict.unparsable if not any(choices) else Verdict.valid,
        1.0 - metrics["aer"],
        objective=sum(wrong),
        bound=instance.reference.bound,
        violations=tuple(violations),
        metrics={name: float(value) for name, value in metrics.items()},
    )


def _answers(year: Year, outcome: Outcome) -> list[Parsed]:
    """One answer a round; what is not there is missing."""
    count, given = len(year.rounds), outcome.answers[: len(year.rounds)]
    return [*given, *[Parsed()] * (count - len(given))]


def _violations(one: Round, parsed: Parsed) -> list[Fields]:
    """What is wrong with the answer of a round, without its number."""
    if parsed.value is None:
        if parsed.problem is None:
            return [{"kind": "missing"}]
        return [{"kind": "unparsable", "reason": parsed.problem}]
    choice = parsed.value.get(KEY)
    if isinstance(choice, list):
        return [{"kind": "two", "value": short(choice)}]
    if accepted(parsed, one) is None:
        return [{"kind": "not_offered", "value": short(choice)}]
    if _ranking(one, parsed) is None:
        return [{"kind": "ranking", "value": short(parsed.value.get("ranking"))}]
    return []


def _ranking(one: Round, parsed: Parsed) -> list[str] | None:
    """The order of all events that an answer gives, None if it is none."""
    found = parsed.value.get("ranking") if parsed.value is not None else None
    if not isinstance(found, list) or not all(isinstance(i, str) for i in found):
        return None
    return found if sorted(found) == sorted(one.ids) else None


# What a year tells ---------------------------------------------------------------------------


def _learning(year: Year, wrong: Sequence[bool]) -> dict[str, float]:
    """The error over the year, by quarter, after some rounds, and how long a drift was felt."""
    quarter = max(1, len(wrong) // 4)
    found = {
        "aer": mean(wrong),
        "aer_first_quarter": mean(wrong[:quarter]),
        "aer_last_quarter": mean(wrong[-quarter:]),
    }
    found |= {f"aer@{n}": mean(wrong[:n]) for n in POINTS if n <= len(wrong)}
    turns = [era.start for era in year.truth.eras[1:]]
    ends = [*turns[1:], len(wrong) + 1]
    if turns:
        found["recovery"] = mean(
            recovery(wrong[: end - 1], turn) for turn, end in zip(turns, ends, strict=True)
        )
    return found


def recovery(wrong: Sequence[bool], turn: int) -> int:
    """Rounds from a drift in round `turn` (the first is 1) until the error is back where it was.

    It is back when the last 10 rounds have no larger share of errors than the 20 before the drift.
    If that never happens it counts as one round more than there are.
    """
    after, before = wrong[turn - 1 :], wrong[max(0, turn - 1 - BEFORE) : turn - 1]
    usual = mean(before) if before else 0.0
    for n in range(AFTER, len(after) + 1):
        if mean(after[n - AFTER : n]) <= usual:
            return n
    return len(after) + 1


def _order(year: Year, answers: Sequence[Parsed]) -> dict[str, float]:
    """ORD, 1 - position / (M - 1) of the accepted event in the ranking, and Kendall's tau.

    A ranking that is none counts as the worst there is.
    """
    ords, taus = [], []
    for one, judgement, parsed in zip(year.rounds, year.truth.judgements, answers, strict=True):
        ranking = _ranking(one, parsed)
        ords.append(_ord(judgement, ranking) if ranking else 0.0)
        taus.append(tau(judgement.ranking, ranking) if ranking else -1.0)
    return {"ord": mean(ords), "tau": mean(taus)}


def _ord(judgement: Judgement, ranking: Sequence[str]) -> float:
    return 1 - ranking.index(judgement.decision) / (len(ranking) - 1)


def tau(a: Sequence[str], b: Sequence[str]) -> float:
    """Kendall's rank correlation of two orders of the same ids, in [-1, 1] (Kendall 1938)."""
    place = {name: k for k, name in enumerate(b)}
    signs = [1 if place[x] < place[y] else -1 for x, y in combinations(a, 2)]
    return mean(signs)


def _regret(year: Year, number: int, choice: str | None) -> float:
    """How much less the choice is worth than the best event, in weight; no choice is the worst."""
    values = year.truth.values(number)
    if choice is None:
        return max(values) - min(values)
    return max(values) - values[year.rounds[number - 1].ids.index(choice)]


def _yardsticks(year: Year) -> dict[str, float]:
    """The errors of the references for the same user, and what noise is expected to make of it.

    The last, the Bayes error, is an expectation: an answer may by luck have a smaller error.
    """
    return {
        "role_prior": mean(wrong_rounds(year, prior_scores(year))),
        "logit": mean(wrong_rounds(year, logit_scores(year))),
        "bayes": year.truth.noise,
    }


# On the board --------------------------------------------------------------------------------


def summarise(records: Sequence[Record]) -> tuple[Estimate, dict[str, Estimate]]:
    """Headline: 1 - AER, the mean over users, each a cluster of rounds. All records are graded.

    Metrics: the means of each user's own, `err` pooled over users, `excess_logit` (AER less that
    of the logit on the same user), `learnable`: (role prior - AER) / (role prior - logit), pooled.
    """
    users = list(by_user(records).values())
    names = [n for n in users[0] if all(n in user for user in users)]
    score = mean_score([1 - user["aer"] for user in users], trials=_rounds(records))
    metrics = {name: mean_of([user[name] for user in users]) for name in names}
    metrics["err"] = _err(users)
    metrics["learnable"] = _learnable(users)
    metrics["excess_logit"] = mean_of([user["aer"] - user["logit"] for user in users])
    return score, metrics


def by_user(records: Sequence[Record]) -> dict[str, dict[str, float]]:
    """Each user's metrics by instance id, epochs of a user as their mean."""
    groups: dict[str, list[dict[str, float]]] = {}
    for record in records:
        if record.grade:
            groups.setdefault(record.instance, []).append(record.grade.metrics)
    return {
        user: {name: mean(one[name] for one in group) for name in group[0]}
        for user, group in groups.items()
    }


def _rounds(records: Sequence[Record]) -> int:
    """The rounds of all users; where their number is not among the settings a user is one trial."""
    each = {r.instance: r.settings.get("rounds") for r in records}
    return sum(count if isinstance(count, int) else 1 for count in each.values())


def _learnable(users: Sequence[dict[str, float]]) -> Estimate:
    """Share of what the logit learns beyond the role prior, pooled; users resampled."""
    room = [user["role_prior"] - user["logit"] for user in users]
    if sum(room) <= 0:
        return Estimate.unknown("the logit is no better than the role prior")
    return ratio_of_sums([user["role_prior"] - user["aer"] for user in users], room)


def _err(users: Sequence[dict[str, float]]) -> Estimate:
    """ERR pooled: (error in the first quarter - in the last) / first, users resampled."""
    last = [user["aer_last_quarter"] for user in users]
    ratio = ratio_of_sums(last, [user["aer_first_quarter"] for user in users])
    if ratio.value is None:
        return Estimate.unknown("no errors in the first quarter")
    if ratio.low is None or ratio.high is None:
        return Estimate(1 - ratio.value, None, None, ratio.note)
    return Estimate(1 - ratio.value, 1 - ratio.high, 1 - ratio.low)


def learning_gain(with_memory: Sequence[Record], without: Sequence[Record]) -> Estimate:
    """How much lower the AER is with a memory than without, paired by user, on shared users.

    Both are records of the same model on the same suite.
    """
    aided, plain = by_user(with_memory), by_user(without)
    return mean_of([plain[user]["aer"] - aided[user]["aer"] for user in aided if user in plain])
