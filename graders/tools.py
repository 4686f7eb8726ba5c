"""Checks tool calls and the final answer, and sets the time against two optima.

The kinds of violations:

| kind | fields |
|---|---|
| `unparsable` | `reason`: no answer object |
| `wrong` | `key`, `value`: not the value asked for, or none |
| `not_returned` | `key`, `value`: the value asked for, which no call of the episode returned |
| `not_done` | `step`: a change that was asked for was not made |
| `unasked` | `tool`, `amount`: changes that were not asked for, or made twice |
| `dependency` | `tool`, `turn`: an input was not known yet, or is nothing at all |
| `refused` | `tool`, `turn`, `reason`: no such tool, or arguments that break its schema |
| `no_pick`, `unknown_pick`, `too_many_picked` | of the tools picked beforehand |
| `not_a_list`, `broken_call`, `no_answer` | `value`: of a plan |
| `more` | `amount`: problems of a plan beyond the first 100 |
| `duplicate_id`, `unknown_reference`, `cycle` | `id`, `ids`: of a plan |
| `turn_limit` | `amount`: turns of an answer from a file beyond the limit |

`unparsable`, `no_pick`, `not_a_list`, `broken_call` and `no_answer` are faults of format: with one,
an episode that is not complete is unparsable. The others are faults of planning.
"""

from collections import Counter
from collections.abc import Container, Sequence

from graders.clusters import group_by, mean_over, score_over, share_over
from graders.exact.tools import OPTIMA, lower_bound
from graders.rewards import below_closeness, closeness, valid_objective
from graders.spelling import in_both_readings, invalid_verdict
from graders.statistics import Estimate, Measure
from tasks.base import (
    Called,
    Fields,
    Grade,
    Instance,
    Number,
    Outcome,
    Record,
    Reward,
    SolverFailure,
    Verdict,
    short,
)
from tasks.tools import performed
from tasks.tools_clock import REFUSAL, arguments_of, returned
from tasks.tools_payload import ATTEMPTS, Due, Errand, Hidden, RequestedValue, canonical
from tasks.tools_plan import ANSWER

FORMAT = ("unparsable", "no_pick", "not_a_list", "broken_call", "no_answer")  # faults of format
COUNTS = ("dependency", "refused", "repeated", "wasted")
FAULTS = {"unknown": "dependency", "refused": "refused"}  # kinds of violation by a result's status


def grade(instance: Instance[Errand], outcome: Outcome) -> Grade:
    """Grade an episode by [complete] x optimum / time; the objective is the time.

    An episode is complete if every value asked for is right and was returned by one of its calls,
    every change asked for is made, and no other. The optimum is the track's (turn by turn on
    `reactive`, free on `plan`), or its bound where it is not proven (`against` says which). Times
    are in units of virtual time.

    Args:
        instance: the task and its reference.
        outcome: the final answer, and the calls with their results; of a plan or an answer from a
            file, the calls are performed first.

    Raises:
        SolverFailure: if a complete answer refutes the reference.
    """
    return in_both_readings(_grade, instance, performed(instance, outcome))


def _grade(instance: Instance[Errand], outcome: Outcome) -> Grade:
    """Grade an episode whose calls are made."""
    due = Hidden(instance.payload).steps()
    completion, problems = _items(instance.payload, due, outcome)
    counts, faults = _faults(instance.payload, due, outcome.calls)
    parsed = bool(outcome.answers) and outcome.answers[0].value is not None
    complete = parsed and not problems
    metrics = {"completion": completion, "complete": float(complete)}
    metrics |= _effort(instance.payload, outcome.calls) | counts
    violations = (*problems, *faults, *_plan_problems(outcome))
    if complete:
        return _complete(instance, _time(outcome.calls), violations, metrics)
    return Grade(
        invalid_verdict(violations, FORMAT),
        0.0,
        bound=instance.reference.bound,
        violations=violations,
        metrics=metrics,
    )


def _complete(
    instance: Instance[Errand], time: int, violations: tuple[Fields, ...], metrics: dict[str, float]
) -> Grade:
    base, proven = _base(instance)
    if time < base:
        raise SolverFailure(f"{instance.id}: a complete answer's time {time} is below {base}")
    return Grade(
        Verdict.valid,
        base / time,
        objective=time,
        bound=instance.reference.bound,
        gap=(time - base) / base,
        against="optimum" if proven else "bound",
        violations=violations,
        metrics=metrics | _ratios(instance, time),
    )


def _base(instance: Instance[Errand]) -> tuple[Number, bool]:
    """Return the track's optimum or its bound, and whether it is the optimum."""
    reference = instance.reference
    proven = reference.status == "optimal" and reference.objective is not None
    value = reference.objective if proven else reference.bound
    return value or lower_bound(instance.payload), proven


def reward(instance: Instance[Errand], grade: Grade) -> Reward:
    """Return L / time = 1 / (1 + gap) of a complete episode, 0 of any other.

    L is the track's optimum, where it is proven; else the reference's bound, or that of the longest
    chain of calls and the busiest tool. So nothing is above its reward against the optimum, and 1
    is a proven one.

    A near miss is the metric `completion`, times L / (W + 1): within its limits no episode takes
    longer than W. Without an answer object it is 0.

    Args:
        instance: the task and its reference.
        grade: of an episode of it.

    Returns:
        The reward; its components are `complete`, `completion` and `quality`, the value.

    Raises:
        ValueError: if the grade is of verdict error.
    """
    time, (least, _) = valid_objective(grade), _base(instance)
    value = closeness(time - least, least) if time is not None else 0.0
    completion = 0.0 if grade.verdict is Verdict.unparsable else grade.metrics["completion"]
    return Reward(
        value,
        {"complete": float(time is not None), "completion": completion, "quality": value},
        value or completion * below_closeness(_longest(instance.payload) - least, least),
    )


def _longest(errand: Errand) -> int:
    """Return the time of an episode within its limits that makes all calls one after another."""
    tries = 1 + ATTEMPTS if errand.track == "plan" else 1
    slowest = max(max(tool.latency) for tool in errand.tools)
    limits = errand.limits
    return limits.turns * (errand.overhead + REFUSAL) + limits.calls * slowest * tries


def completion(grade: Grade) -> float:
    """Return the share of what is asked for that is right; each surplus change lowers it."""
    return grade.metrics["completion"]


# Items of the request ------------------------------------------------------------------------


def _items(errand: Errand, due: Sequence[Due], outcome: Outcome) -> tuple[float, list[Fields]]:
    """Return the share of what is asked for that is right, and what is wrong.

    Each change that was not asked for counts as one thing more that is wrong.
    """
    value = outcome.answers[0].value if outcome.answers else None
    answer = (value or {}).get(ANSWER, {})
    changes = _changes(errand, outcome.calls)
    codes = returned(outcome.calls)
    faults = [_item_fault(item, due[item.step], answer, changes, codes) for item in errand.wanted]
    problems = [] if value is not None else [_unparsable(outcome)]
    problems += [f for f in faults if f and (value is not None or f["kind"] != "wrong")]
    surplus = {key: amount for key, amount in changes.items() if amount}
    problems += [
        {"kind": "unasked", "tool": key[0], "amount": amount} for key, amount in surplus.items()
    ]
    return faults.count(None) / (len(faults) + sum(surplus.values())), problems


def _item_fault(
    item: RequestedValue,
    required: Due,
    answer: Fields,
    changes: Counter[tuple[str, ...]],
    codes: Container[str],
) -> Fields | None:
    """Return what is wrong with a thing asked for, None if it is right.

    A change that was asked for is taken off the changes that were made. A value of which an agent
    knows from elsewhere, such as a branch that it only imagined, is no answer.
    """
    if not item.key:
        if changes[required.key] > 0:
            changes[required.key] -= 1
            return None
        return {"kind": "not_done", "step": item.step}
    value = answer.get(item.key)
    name = required.value.name
    is_right = isinstance(value, str) and canonical(value) == name
    if is_right and name in codes:
        return None
    kind = "not_returned" if is_right else "wrong"
    return {"kind": kind, "key": item.key, "value": short(value)}


def _unparsable(outcome: Outcome) -> Fields:
    reason = outcome.answers[0].problem if outcome.answers else "no answer"
    return {"kind": "unparsable", "reason": reason}


def _changes(errand: Errand, calls: Sequence[Called]) -> Counter[tuple[str, ...]]:
    """Count how often each change was made: the end state."""
    writing = {tool.name for tool in errand.tools if tool.writes}
    return Counter(key for key in _successes(errand, calls) if key[0] in writing)


def _successes(errand: Errand, calls: Sequence[Called]) -> list[tuple[str, ...]]:
    """Return the calls that gave a result, by tool and entities."""
    return [
        errand.offer(called.call.name).key(arguments_of(called.call) or {})
        for called in calls
        if called.result.status == "ok"
    ]


# Calls ---------------------------------------------------------------------------------------


def _faults(
    errand: Errand, due: Sequence[Due], calls: Sequence[Called]
) -> tuple[dict[str, float], list[Fields]]:
    """Return how many calls went wrong or were not needed, and each that went wrong."""
    faults = [fault for called in calls for fault in _call_fault(called)]
    kinds = Counter(fault["kind"] for fault in faults)
    counts = {
        "dependency": kinds["dependency"],
        "refused": kinds["refused"],
        **_needless(errand, due, calls),
    }
    return {name: float(count) for name, count in counts.items()}, faults


def _needless(errand: Errand, due: Sequence[Due], calls: Sequence[Called]) -> dict[str, int]:
    """Count the calls that gave a result once more, and those whose result is not needed."""
    successes, needed = Counter(_successes(errand, calls)), {required.key for required in due}
    return {
        "repeated": successes.total() - len(successes),
        "wasted": sum(amount for key, amount in successes.items() if key not in needed),
    }


def _call_fault(called: Called) -> list[Fields]:
    kind, call = FAULTS.get(called.result.status), called.call
    fault = {"kind": kind, "tool": short(call.name), "turn": called.turn}
    return [{**fault, "reason": called.result.text}] if kind else []


def _effort(errand: Errand, calls: Sequence[Called]) -> dict[str, float]:
    """Return how long an episode took, in how many calls and turns, and how parallel they were."""
    turns = {1 if errand.track == "plan" else called.turn for called in calls}
    return {
        "time": float(_time(calls)),
        "calls": float(len(calls)),
        "turns": float(len(turns)),
        "parallelism": _parallelism(calls),
    }


def _time(calls: Sequence[Called]) -> int:
    return max((called.result.end for called in calls), default=0)


def _parallelism(calls: Sequence[Called]) -> float:
    """Return how many calls run at once on average, over the time in which any does."""
    spans = sorted((called.result.start, called.result.end) for called in calls)
    busy = reached = 0
    for start, end in spans:
        busy += max(0, end - max(start, reached))
        reached = max(reached, end)
    return sum(end - start for start, end in spans) / busy if busy else 0.0


def _ratios(instance: Instance[Errand], time: int) -> dict[str, float]:
    """Return a complete episode's time over both optima, or their bounds if not proven."""
    optima = (instance.reference.answer or {}).get(OPTIMA)
    if not isinstance(optima, dict):
        return {}
    return {f"ratio_{name}": time / optima[name]["bound"] for name in ("barrier", "free")}


def _plan_problems(outcome: Outcome) -> list[Fields]:
    value = outcome.answers[0].value if outcome.answers else None
    problems: list[Fields] = (value or {}).get("problems", [])
    return problems


# On the board --------------------------------------------------------------------------------


def summarise(records: Sequence[Record]) -> tuple[Estimate, dict[str, Estimate]]:
    """Estimate the headline, [complete] x optimum / time, and the metrics of a board row.

    Both are means over the levels. The metrics: `complete`, `completion`; over complete episodes
    `ratio_barrier` and `ratio_free` (time over the optimum) and `gap_proven`; `parallelism`,
    `turns`, `calls`, and the calls of an episode that were `dependency` errors, `refused`,
    `repeated`, `wasted`; `score@L` by level. In all of them an instance counts by the mean of its
    epochs, levels are strata, and instances of one seed and index are a cluster.

    Args:
        records: the episodes of a row, all of them graded.

    Returns:
        The headline and the metrics by name.
    """
    levels = strata(records)
    names = ("ratio_barrier", "ratio_free", "parallelism", "turns", "calls", *COUNTS)
    metrics = {
        "complete": share_over(levels, _metric("complete")),
        "completion": score_over(levels, _metric("completion")),
        "gap_proven": share_over(levels, _proven),
        **{name: mean_over(levels, _metric(name)) for name in names},
        **{f"score@{group[0].level}": score_over([group], _score) for group in levels},
    }
    return score_over(levels, _score, equal=True), metrics


def strata(records: Sequence[Record]) -> list[list[Record]]:
    """Return the records by level: the headline is the mean of the levels' mean scores."""
    levels = group_by(records, lambda record: record.level)
    return [levels[level] for level in sorted(levels)]


def _score(grade: Grade) -> float:
    return grade.score


def _metric(name: str) -> Measure:
    return lambda grade: grade.metrics.get(name)


def _proven(grade: Grade) -> float | None:
    return float(grade.against == "optimum") if grade.against else None
