"""Checks a year of decisions, and measures how well the agent learned whose meetings matter.

A round whose answer cannot be used is a wrong round, and the error is the model's own:

| kind | fields |
|---|---|
| `unparsable` | `round`, `reason`: no answer object |
| `missing` | `round`: an answer from a file ends before it |
| `not_offered` | `round`, `value`: what stands where one offered id should be |
| `two` | `round`, `value`: a list of events where there should be one |
| `ranking` | `round`, `value`: no order of all the events; the decision counts all the same |
| `surplus` | `amount`: answers beyond the last round, which are ignored |
"""

from collections.abc import Iterable, Sequence
from itertools import combinations, pairwise, zip_longest
from statistics import mean
from typing import Any, TypeAlias

from msgspec.structs import replace

from graders.calendar_learners import logit_scores, prior_scores, wrong_rounds
from graders.calendar_memory import examine as examine
from graders.rewards import valid_objective
from graders.spelling import in_both_readings, unmended
from graders.statistics import Estimate, mean_of, mean_score, ratio_of_sums
from tasks.base import (
    Fields,
    Grade,
    Instance,
    Outcome,
    Parsed,
    Record,
    Reply,
    Reward,
    Verdict,
    short,
)
from tasks.calendar import KEY, Round, Year, accepted, spelled
from tasks.calendar_truth import Judgement
from tasks.parse import read_object

POINTS = (1, 25, 50, 75)  # rounds after which the error so far is printed
BEFORE, AFTER = 20, 10  # rounds that tell the error before a drift and whether it is back there
Users: TypeAlias = Sequence[dict[str, float]]  # the metrics of each user
FAILED = ("unparsable", "missing", "not_offered", "two")


def grade(instance: Instance[Year], outcome: Outcome) -> Grade:
    """Grade a year by 1 - AER, the share of rounds whose decision is the user's own.

    Args:
        instance: the year, and the reference that bounds its number of wrong rounds.
        outcome: an answer a round, in the order of the rounds; those that are missing, unparsable
            or name no offered event are wrong rounds, those beyond the last round are ignored.

    Returns:
        The grade. Its objective is the number of wrong rounds; its verdict is not `valid` only if
        no round can be used: then it is `infeasible` if some round names events,
        and `unparsable` if none does.
    """
    year = instance.payload
    pairs = zip_longest(outcome.answers, year.rounds[: len(outcome.answers)])
    read = tuple(spelled(p, round_) if round_ else p for p, round_ in pairs)
    return in_both_readings(_grade, instance, replace(outcome, answers=read))


def _grade(instance: Instance[Year], outcome: Outcome) -> Grade:
    """Grade a year of decisions as they stand."""
    year = instance.payload
    answers = _answers(year, outcome)
    choices = [accepted(p, round_) for round_, p in zip(year.rounds, answers, strict=True)]
    errors = _errors(year, choices)
    violations = (*_all_violations(year, answers), *_surplus(year, outcome))
    metrics = _metrics(year, answers, choices, errors) | _failure_shares(violations, len(errors))
    return Grade(
        Verdict.valid if any(choices) else _verdict(answers),
        1.0 - metrics["aer"],
        objective=sum(errors),
        bound=instance.reference.bound,
        violations=violations,
        metrics={name: float(value) for name, value in metrics.items()},
    )


def reward(instance: Instance[Year], grade: Grade) -> Reward:
    """Return 1 - AER, the share of rounds whose decision is the user's own.

    Each round is right or wrong, so an answer that can be used but is never right has 0 like one
    that cannot be used: there is nothing by which it is better. Each right round more is worth
    the same, and only a year without a wrong round has 1. Nothing is nearly right, and the near
    miss is the value.

    Args:
        instance: the year.
        grade: of a year of answers.

    Returns:
        The reward; its components are `right`, the value, and `usable`, the share of rounds whose
        decision can be used.

    Raises:
        ValueError: if the grade is of verdict error.
    """
    wrong, rounds = valid_objective(grade), len(instance.payload.rounds)
    value = 0.0 if wrong is None else (rounds - wrong) / rounds
    usable = 1 - grade.metrics["format_failures"]
    return Reward(value, {"right": value, "usable": usable}, value)


def reward_round(instance: Instance[Year], number: int, text: str) -> Reward:
    """Return the reward of the reply to one round; its mean over the rounds is that of the year.

    Args:
        instance: the year.
        number: of the round, from 1.
        text: the reply.

    Returns:
        1 if the decision is the user's own, else 0; its components are those of `reward`.
    """
    clash = instance.payload.rounds[number - 1]
    choice = accepted(spelled(read_object(Reply(text), KEY), clash), clash)
    right = float(choice == instance.payload.truth.judgements[number - 1].decision)
    return Reward(right, {"right": right, "usable": float(choice is not None)}, right)


def _verdict(answers: Sequence[Parsed]) -> Verdict:
    """Return the verdict on a year of which no round can be used.

    It is infeasible if in some round events are named, but none or several that were on offer.
    """
    choices = [parsed.value.get(KEY) for parsed in answers if parsed.value is not None]
    named = [choice if isinstance(choice, list) else [choice] for choice in choices]
    is_named = any(names and all(isinstance(name, str) for name in names) for names in named)
    return Verdict.infeasible if is_named else Verdict.unparsable


def _answers(year: Year, outcome: Outcome) -> list[Parsed]:
    """Return one answer a round, an empty one where an answer from a file ends early."""
    count = len(year.rounds)
    answers = outcome.answers[:count]
    return [*answers, *[Parsed()] * (count - len(answers))]


def _errors(year: Year, choices: Sequence[str | None]) -> list[bool]:
    """Return for each round whether its choice is not what the user decided."""
    return [
        choice != judgement.decision
        for choice, judgement in zip(choices, year.truth.judgements, strict=True)
    ]


# Violations ----------------------------------------------------------------------------------


def _all_violations(year: Year, answers: Sequence[Parsed]) -> Iterable[Fields]:
    for number, pair in enumerate(zip(year.rounds, answers, strict=True), 1):
        violation = _violation(*pair)
        if violation:
            yield {**violation, "round": number}


def _violation(round_: Round, parsed: Parsed) -> Fields | None:
    """Return what is wrong with the answer of a round, without its number; None if nothing is."""
    if parsed.value is None:
        return _unusable(parsed)
    choice = parsed.value.get(KEY)
    if isinstance(choice, list):
        return {"kind": "two", "value": short(choice)}
    if accepted(parsed, round_) is None:
        return {"kind": "not_offered", "value": short(choice)}
    if _ranking(round_, parsed) is None:
        return {"kind": "ranking", "value": short(parsed.value.get("ranking"))}
    return None


def _unusable(parsed: Parsed) -> Fields:
    if parsed.problem is None:
        return {"kind": "missing"}
    return {"kind": "unparsable", "reason": parsed.problem}


def _ranking(round_: Round, parsed: Parsed) -> list[str] | None:
    """Return the order of all events that an answer gives, None if it gives none."""
    ranking = parsed.value.get("ranking") if parsed.value is not None else None
    return ranking if _is_order(ranking, round_.ids) else None


def _is_order(ranking: Any, ids: Sequence[str]) -> bool:
    if not isinstance(ranking, list) or not all(isinstance(i, str) for i in ranking):
        return False
    return sorted(ranking) == sorted(ids)


def _surplus(year: Year, outcome: Outcome) -> list[Fields]:
    amount = len(outcome.answers) - len(year.rounds)
    return [{"kind": "surplus", "amount": amount}] if amount > 0 else []


def _failure_shares(violations: Sequence[Fields], rounds: int) -> dict[str, float]:
    """Return the shares of rounds without a usable decision, and without a usable ranking."""
    kinds = [violation["kind"] for violation in violations]
    failures = sum(kind in FAILED for kind in kinds) / rounds
    return {"format_failures": failures, "ranking_failures": kinds.count("ranking") / rounds}


# Metrics of a year ---------------------------------------------------------------------------


def _metrics(
    year: Year, answers: Sequence[Parsed], choices: Sequence[str | None], errors: Sequence[bool]
) -> dict[str, float]:
    return (
        _error_rates(errors)
        | _recovery(year, errors)
        | _order(year, answers)
        | _yardsticks(year)
        | {"regret": _mean_regret(year, choices)}
    )


def _error_rates(errors: Sequence[bool]) -> dict[str, float]:
    """Return the error over the year, in the first and last quarter, and after some rounds."""
    quarter = max(1, len(errors) // 4)
    return {
        "aer": mean(errors),
        "aer_first_quarter": mean(errors[:quarter]),
        "aer_last_quarter": mean(errors[-quarter:]),
        **{f"aer@{n}": mean(errors[:n]) for n in POINTS if n <= len(errors)},
    }


def _recovery(year: Year, errors: Sequence[bool]) -> dict[str, float]:
    """Return the mean number of rounds until the error is back after a drift, if there are any."""
    spans = [recovery(errors[:last], turn) for turn, last in _drifts(year, len(errors))]
    return {"recovery": mean(spans)} if spans else {}


def _drifts(year: Year, rounds: int) -> list[tuple[int, int]]:
    """Return for each drift its first round and the last one of its weights."""
    starts = [era.start for era in year.truth.eras[1:]]
    return [(start, end - 1) for start, end in pairwise([*starts, rounds + 1])]


def recovery(wrong: Sequence[bool], turn: int) -> int:
    """Count the rounds from a drift until the error is back where it was before.

    It is back when the last 10 rounds have no larger share of errors than the 20 before the drift.

    Args:
        wrong: whether each round up to the next drift, or the end of the year, was an error.
        turn: the round from which the user's weights are new; the first round is 1.

    Returns:
        The number of rounds; one more than there are if the error never is back.
    """
    after, before = wrong[turn - 1 :], wrong[max(0, turn - 1 - BEFORE) : turn - 1]
    usual = mean(before) if before else 0.0
    for n in range(AFTER, len(after) + 1):
        if mean(after[n - AFTER : n]) <= usual:
            return n
    return len(after) + 1


def _order(year: Year, answers: Sequence[Parsed]) -> dict[str, float]:
    """Return ORD, 1 - position / (M - 1) of the accepted event in the ranking, and Kendall's tau.

    An answer without a ranking of all M events counts as the worst ranking.
    """
    pairs = list(zip(year.truth.judgements, _rankings(year, answers), strict=True))
    return {
        "ord": mean(_ord(judgement, ranking) if ranking else 0.0 for judgement, ranking in pairs),
        "tau": mean(tau(truth.ranking, ranking) if ranking else -1.0 for truth, ranking in pairs),
    }


def _rankings(year: Year, answers: Sequence[Parsed]) -> list[list[str] | None]:
    pairs = zip(year.rounds, answers, strict=True)
    return [_ranking(round_, parsed) for round_, parsed in pairs]


def _ord(judgement: Judgement, ranking: Sequence[str]) -> float:
    return 1 - ranking.index(judgement.decision) / (len(ranking) - 1)


def tau(a: Sequence[str], b: Sequence[str]) -> float:
    """Return Kendall's rank correlation of two orders, in [-1, 1] (Kendall 1938).

    Args:
        a: at least two different ids.
        b: the same ids in another order.
    """
    place = {name: k for k, name in enumerate(b)}
    return mean(1 if place[x] < place[y] else -1 for x, y in combinations(a, 2))


def _mean_regret(year: Year, choices: Sequence[str | None]) -> float:
    return mean(
        _regret(year.truth.values(k + 1), year.rounds[k].ids, choice)
        for k, choice in enumerate(choices)
    )


def _regret(values: Sequence[float], ids: Sequence[str], choice: str | None) -> float:
    """Return by how much weight the best event beats the choice; no choice is the worst event."""
    if choice is None:
        return max(values) - min(values)
    return max(values) - values[ids.index(choice)]


def _yardsticks(year: Year) -> dict[str, float]:
    """Return the errors of the references for the same user, and the Bayes error.

    The Bayes error is the error that noise causes in expectation: by luck an answer may have a
    smaller one.
    """
    return {
        "role_prior": mean(wrong_rounds(year, prior_scores(year))),
        "logit": mean(wrong_rounds(year, logit_scores(year))),
        "bayes": year.truth.noise,
    }


# On the board --------------------------------------------------------------------------------


def summarise(records: Sequence[Record]) -> tuple[Estimate, dict[str, Estimate]]:
    """Estimate the headline, 1 - AER as the mean over users, and the metrics of a board row.

    The metrics are the means over users of each user's own, and pooled over users: `err` (how much
    of the first quarter's error is gone in the last), `excess_logit` (AER less that of the logit
    on the same user) and `learnable`, (role prior - AER) / (role prior - logit). Each user is a
    cluster of rounds.

    Args:
        records: the episodes of a row, all of them graded.

    Returns:
        The headline and the metrics by name.
    """
    users = list(by_user(records).values())
    score = mean_score([1 - user["aer"] for user in users], trials=_rounds(records))
    excess = mean_of([user["aer"] - user["logit"] for user in users])
    pooled = {"err": _err(users), "learnable": _learnable(users), "excess_logit": excess}
    return score, _means(users) | pooled


def _means(users: Users) -> dict[str, Estimate]:
    """Estimate the mean of each metric that all users have."""
    names = [name for name in users[0] if all(name in user for user in users)]
    return {name: mean_of([user[name] for user in users]) for name in names}


def by_user(records: Sequence[Record]) -> dict[str, dict[str, float]]:
    """Return each user's metrics by instance id, the mean over the user's epochs.

    Args:
        records: episodes; those without a grade are left out.
    """
    return {user: _mean_metrics(epochs) for user, epochs in _epochs(records).items()}


def _epochs(records: Sequence[Record]) -> dict[str, list[dict[str, float]]]:
    """Return the metrics of each user's epochs."""
    epochs: dict[str, list[dict[str, float]]] = {}
    for record in records:
        if record.grade:
            epochs.setdefault(record.instance, []).append(unmended(record.grade.metrics))
    return epochs


def _mean_metrics(epochs: Users) -> dict[str, float]:
    return {name: mean(metrics[name] for metrics in epochs) for name in epochs[0]}


def _rounds(records: Sequence[Record]) -> int:
    """Count the rounds of all users; a user whose settings have no such number is one trial."""
    rounds = {record.instance: record.settings.get("rounds") for record in records}
    return sum(count if isinstance(count, int) else 1 for count in rounds.values())


def _learnable(users: Users) -> Estimate:
    """Estimate the share of what the logit learns beyond the role prior, pooled over users."""
    room = [user["role_prior"] - user["logit"] for user in users]
    if sum(room) <= 0:
        return Estimate.unknown("the logit is no better than the role prior")
    return ratio_of_sums([user["role_prior"] - user["aer"] for user in users], room)


def _err(users: Users) -> Estimate:
    """Estimate (error in the first quarter - in the last) / first, pooled over users."""
    ratio = ratio_of_sums(
        [user["aer_last_quarter"] for user in users], [user["aer_first_quarter"] for user in users]
    )
    if ratio.value is None:
        return Estimate.unknown("no errors in the first quarter")
    if ratio.low is None or ratio.high is None:
        return Estimate(1 - ratio.value, None, None, note=ratio.note)
    return Estimate(1 - ratio.value, 1 - ratio.high, 1 - ratio.low)


def learning_gain(with_memory: Sequence[Record], without: Sequence[Record]) -> Estimate:
    """Estimate how much lower the AER is with a memory than without, paired by user.

    Args:
        with_memory: the records of a model on a suite.
        without: those of the same model on the same suite without the memory.

    Returns:
        The mean difference over the users that both have.
    """
    aided, plain = by_user(with_memory), by_user(without)
    return mean_of([plain[user]["aer"] - aided[user]["aer"] for user in aided if user in plain])
