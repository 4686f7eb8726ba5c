"""Checks what tools were called and what was answered, and sets the time against two optima.

What an agent did wrong, as kinds of violations:

| kind | fields |
|---|---|
| `unparsable` | `reason`: no answer object |
| `wrong` | `key`, `value`: not the value asked for, or none |
| `not_done` | `step`: a change that was asked for was not made |
| `unasked` | `tool`, `amount`: changes that were not asked for, or made twice |
| `dependency` | `tool`, `turn`: an input was not known yet, or is nothing at all |
| `refused` | `tool`, `turn`, `reason`: no such tool, or arguments that break its schema |
| `no_pick`, `unknown_pick`, `too_many_picked` | of the tools picked beforehand |
| `not_a_list`, `broken_call`, `no_answer` | `value`: of a plan |
| `more` | `amount`: problems of a plan beyond the first 100 |
| `duplicate_id`, `unknown_reference`, `cycle` | `id`, `ids`: of a plan |
| `turn_limit` | `amount`: turns of an answer from a file beyond the limit |
"""

from collections import Counter
from collections.abc import Sequence

from graders.clusters import mean_over, score_over, share_over
from graders.exact.tools import OPTIMA, lower_bound
from graders.statistics import Estimate, Measure
from tasks.base import (
    Called,
    Fields,
    Grade,
    Instance,
    Number,
    Outcome,
    Record,
    SolverFailure,
    Verdict,
    short,
)
from tasks.tools import performed
from tasks.tools_clock import arguments_of
from tasks.tools_payload import Due, Errand, Hidden, canonical
from tasks.tools_plan import ANSWER

RAMP = ("depth", "width")
SHOWN = ("completion", "ratio_barrier", "ratio_free", "parallelism", "turns", "dependency")
PLAIN = ("ratio_barrier", "ratio_free", "parallelism", "turns", "dependency")
COUNTS = ("dependency", "refused", "repeated", "wasted")


def grade(instance: Instance[Errand], outcome: Outcome) -> Grade:
    """Score [complete] x optimum / time; the objective is the time.

    Complete: every value asked for is right, every change asked for is made, and no other. The
    optimum is the track's (turn by turn on `reactive`, free on `plan`), or its bound where it is
    not proven (`against` says which). SolverFailure if a complete answer refutes the reference.
    """
    outcome = performed(instance, outcome)
    errand, known = instance.payload, instance.reference
    due = Hidden(errand).steps()
    items, wrong = _items(errand, due, outcome)
    counts, faults = _faults(errand, due, outcome.calls)
    time = max((called.result.end for called in outcome.calls), default=0)
    unparsable = not outcome.answers or outcome.answers[0].value is None
    complete = not wrong and not unparsable
    proven = known.status == "optimal" and known.objective is not None
    base: Number = (known.objective if proven else known.bound) or lower_bound(errand)
    if complete and time < base:
        raise SolverFailure(f"{instance.id}: a complete answer's time {time} is below {base}")
    metrics = {
        "completion": items,
        "complete": float(complete),
        "time": float(time),
        "calls": float(len(outcome.calls)),
        "turns": float(_turns(errand, outcome.calls)),
        "parallelism": _parallelism(outcome.calls),
        **counts,
    }
    if complete:
        metrics |= _ratios(instance, time)
    verdict = Verdict.valid if complete else Verdict.infeasible
    return Grade(
        Verdict.unparsable if unparsable else verdict,
        base / time if complete else 0.0,
        objective=time if complete else None,
        bound=known.bound,
        gap=(time - base) / base if complete else None,
        against=("optimum" if proven else "bound") if complete else None,
        violations=(*wrong, *faults, *_problems(outcome)),
        metrics=metrics,
    )


def _items(errand: Errand, due: Sequence[Due], outcome: Outcome) -> tuple[float, list[Fields]]:
    """Completion, and what is wrong: the share that is right of what is asked for.

    Each change that was not asked for counts as one thing more that is wrong.
    """
    value = outcome.answers[0].value if outcome.answers else None
    answer = (value or {}).get(ANSWER, {})
    wrong: list[Fields] = []
    if value is None:
        reason = outcome.answers[0].problem if outcome.answers else "no answer"
        wrong.append({"kind": "unparsable", "reason": reason})
    right = 0
    changes = _changes(errand, outcome.calls)
    for wanted in errand.wanted:
        one = due[wanted.step]
        if not wanted.key:
            done = changes[one.key] > 0
            changes[one.key] -= done
            right += done
            wrong += [] if done else [{"kind": "not_done", "step": wanted.step}]
            continue
        given = answer.get(wanted.key)
        if isinstance(given, str) and canonical(given) == one.value.name:
            right += 1
        elif value is not None:
            wrong.append({"kind": "wrong", "key": wanted.key, "value": short(given)})
    unasked = {key: amount for key, amount in changes.items() if amount}
    for key, amount in unasked.items():
        wrong.append({"kind": "unasked", "tool": key[0], "amount": amount})
    return right / (len(errand.wanted) + sum(unasked.values())), wrong


def _changes(errand: Errand, calls: Sequence[Called]) -> Counter[tuple[str, ...]]:
    """The end state: how often each change was made."""
    writing = {tool.name for tool in errand.tools if tool.writes}
    return Counter(key for key in _worked(errand, calls) if key[0] in writing)


def _worked(errand: Errand, calls: Sequence[Called]) -> list[tuple[str, ...]]:
    """The calls that gave a result, by tool and entities."""
    offers = {tool.name: tool for tool in errand.tools}
    return [
        offers[one.call.name].key(arguments_of(one.call) or {})
        for one in calls
        if one.result.status == "ok"
    ]


def _faults(
    errand: Errand, due: Sequence[Due], calls: Sequence[Called]
) -> tuple[dict[str, float], list[Fields]]:
    """How many calls went wrong or were not needed, and each that went wrong."""
    worked, needed = Counter(_worked(errand, calls)), {one.key for one in due}
    found: list[Fields] = []
    for called in calls:
        where = {"tool": short(called.call.name), "turn": called.turn}
        if called.result.status == "unknown":
            found.append({"kind": "dependency", **where, "reason": called.result.text})
        elif called.result.status == "refused":
            found.append({"kind": "refused", **where, "reason": called.result.text})
    kinds = Counter(fault["kind"] for fault in found)
    counts = {
        "dependency": kinds["dependency"],
        "refused": kinds["refused"],
        "repeated": worked.total() - len(worked),
        "wasted": sum(amount for key, amount in worked.items() if key not in needed),
    }
    return {name: float(count) for name, count in counts.items()}, found


def _turns(errand: Errand, calls: Sequence[Called]) -> int:
    return len({1 if errand.track == "plan" else called.turn for called in calls})


def _parallelism(calls: Sequence[Called]) -> float:
    """Calls that run at once on average, over the time in which any does."""
    spans = sorted((called.result.start, called.result.end) for called in calls)
    busy = reached = 0
    for start, end in spans:
        busy += max(0, end - max(start, reached))
        reached = max(reached, end)
    return sum(end - start for start, end in spans) / busy if busy else 0.0


def _ratios(instance: Instance[Errand], time: int) -> dict[str, float]:
    """A complete episode's time over both optima, or their bounds where they are not proven."""
    optima = (instance.reference.answer or {}).get(OPTIMA)
    if not isinstance(optima, dict):
        return {}
    return {f"ratio_{name}": time / optima[name]["bound"] for name in ("barrier", "free")}


def _problems(outcome: Outcome) -> list[Fields]:
    value = outcome.answers[0].value if outcome.answers else None
    found: list[Fields] = (value or {}).get("problems", [])
    return found


# On the board --------------------------------------------------------------------------------


def summarise(records: Sequence[Record]) -> tuple[Estimate, dict[str, Estimate]]:
    """Headline: mean of [complete] x optimum / time over the levels. All records are graded.

    Metrics: `complete`, `completion`; over complete episodes `ratio_barrier` and `ratio_free`
    (time over the optimum) and `gap_proven`; `parallelism`, `turns`, `calls`, and the calls of an
    episode that were `dependency` errors, `refused`, `repeated`, `wasted`; `score@L` by level. In
    all of them an instance counts by the mean of its epochs, levels are strata, and what was drawn
    with one seed and index is a cluster.
    """
    levels = strata(records)
    metrics = {
        "complete": share_over(levels, lambda g: g.metrics.get("complete")),
        "completion": score_over(levels, lambda g: g.metrics.get("completion")),
        "gap_proven": share_over(levels, _proven),
    }
    for name in ("ratio_barrier", "ratio_free", "parallelism", "turns", "calls", *COUNTS):
        metrics[name] = mean_over(levels, _metric(name))
    for group in levels:
        metrics[f"score@{group[0].level}"] = score_over([group], _score)
    return score_over(levels, _score, equal=True), metrics


def strata(records: Sequence[Record]) -> list[list[Record]]:
    """The groups whose mean scores the headline is the mean of: the levels."""
    groups: dict[int, list[Record]] = {}
    for record in records:
        groups.setdefault(record.level, []).append(record)
    return [groups[level] for level in sorted(groups)]


def _score(grade: Grade) -> float:
    return grade.score


def _metric(name: str) -> Measure:
    return lambda grade: grade.metrics.get(name)


def _proven(grade: Grade) -> float | None:
    return float(grade.against == "optimum") if grade.against else None
