"""Checks start times against every constraint of a project, and grades them.

All intervals are half-open. Everything wrong is listed, not just the first thing:

| kind | fields |
|---|---|
| `missing`, `unknown` | `task` |
| `not_integer`, `negative` | `task`, `value` |
| `precedence` | `before`, `after`, `amount`: time units too early |
| `resource`, `downtime` | `resource`, `start`, `end`, `amount`: a maximal interval and its peak |
| `window` | `task`, `bound` (`release` or `deadline`), `amount`: time units outside |
| `disjunction` | `first`, `second`, `start`, `end`: the common interval |
| `horizon` | `task`, `amount`: time units past the horizon |
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from graders.clusters import OverEpochs, mean_over, rates_over, score_over, share_over
from graders.statistics import (
    Estimate,
    Measure,
    by_instance,
    half_level,
    mean_of_rates,
    median_of,
    pass_at,
    pass_hat,
    per_instance,
    rate,
)
from tasks.base import (
    Fields,
    Grade,
    Instance,
    Outcome,
    Parsed,
    Record,
    SolverFailure,
    Verdict,
    short,
)
from tasks.rcpsp import Project, merged_downtimes

RAMP = ("edges", "layers")
SHOWN = ("broken", "gap_median")
ALONG = ("feasible@",)
UNBOUNDED = "a level without a known lower bound"


def grade(instance: Instance[Project], outcome: Outcome) -> Grade:
    """Score 1 for a feasible answer, else 0; the makespan's gap where feasible.

    The metric `broken` is the share of constraints that the answer does not satisfy, in [0, 1]:
    a near-miss measure that an answer cannot improve by leaving tasks out. SolverFailure if the
    answer refutes the reference.
    """
    parsed, reference = outcome.answers[0], instance.reference
    starts = _starts(parsed)
    if starts is None:
        problem = parsed.problem or 'the value of "starts" is not an object'
        found = ({"kind": "unparsable", "reason": problem},)
        return Grade(
            Verdict.unparsable,
            0.0,
            bound=reference.bound,
            violations=found,
            metrics={"broken": 1.0},
        )
    wrong = violations(instance.payload, starts)
    if wrong:
        broken = broken_share(instance.payload, wrong)
        return Grade(
            Verdict.infeasible,
            0.0,
            bound=reference.bound,
            violations=tuple(wrong),
            metrics={"broken": broken},
        )
    return _feasible(instance, makespan(instance.payload, starts))


def _starts(parsed: Parsed) -> Fields | None:
    starts = parsed.value.get("starts") if parsed.value is not None else None
    return starts if isinstance(starts, dict) else None


def _feasible(instance: Instance[Project], objective: int) -> Grade:
    reference = instance.reference
    if reference.status == "infeasible":
        raise SolverFailure(f"{instance.id}: said to be infeasible, but an answer is feasible")
    if reference.bound is not None and objective < reference.bound:
        raise SolverFailure(
            f"{instance.id}: an answer's makespan {objective} is below the reference's bound"
            f" {reference.bound}"
        )
    base = reference.objective if reference.status == "optimal" else reference.bound
    return Grade(
        Verdict.valid,
        1.0,
        objective=objective,
        bound=reference.bound,
        gap=(objective - base) / base if base else None,
        against=None if not base else "optimum" if reference.status == "optimal" else "bound",
        metrics={"broken": 0.0},
    )


def makespan(project: Project, starts: Mapping[str, int]) -> int:
    """The end of the last task, in time units."""
    return max(starts[task.id] + task.duration for task in project.tasks)


def quality(grade: Grade) -> float | None:
    """Lower bound over makespan, in (0, 1], 0 for an answer that is not feasible.

    It is 1 exactly where the makespan is the bound: a proven optimum. None where no bound above 0
    is known, whatever the answer.
    """
    if not grade.bound or grade.bound < 0:
        return None
    if grade.verdict is not Verdict.valid or grade.objective is None:
        return 0.0
    return grade.bound / grade.objective


HEADLINES = {"quality": quality}


def violations(project: Project, starts: Mapping[str, Any]) -> list[Fields]:
    """Everything that is wrong with the answer `starts` (task id -> start time); empty if feasible.

    Tasks without an integer start are reported as such and take no part in the other checks.
    """
    wrong, placed = _check_starts(project, starts)
    ends = {task.id: placed[task.id] + task.duration for task in project.tasks if task.id in placed}
    for a, b in project.precedences:
        if a in ends and b in ends and ends[a] > placed[b]:
            wrong.append(
                {"kind": "precedence", "before": a, "after": b, "amount": ends[a] - placed[b]}
            )
    wrong += _check_resources(project, placed)
    wrong += _check_windows(project, placed, ends)
    wrong += _check_disjunctions(project, placed, ends)
    horizon = project.horizon
    for task, end in ends.items():
        if end > horizon:
            wrong.append({"kind": "horizon", "task": task, "amount": end - horizon})
    return wrong


def _check_starts(
    project: Project, starts: Mapping[str, Any]
) -> tuple[list[Fields], dict[str, int]]:
    wrong: list[Fields] = []
    placed: dict[str, int] = {}
    for task in project.tasks:
        name = task.id
        if name not in starts:
            wrong.append({"kind": "missing", "task": name})
            continue
        start = starts[name]
        if type(start) is not int:  # a bool or a float is not a start time
            wrong.append({"kind": "not_integer", "task": name, "value": short(start)})
            continue
        if start < 0:
            wrong.append({"kind": "negative", "task": name, "value": start})
        placed[name] = start
    if len(starts) + sum(1 for v in wrong if v["kind"] == "missing") > len(project.tasks):
        known = {task.id for task in project.tasks}
        wrong += [{"kind": "unknown", "task": short(i)} for i in starts if i not in known]
    return wrong, placed


def _check_resources(project: Project, placed: Mapping[str, int]) -> list[Fields]:
    """Sweep each resource's events: usage changes only where a task starts or ends."""
    changes: dict[str, dict[int, int]] = {resource.id: {} for resource in project.resources}
    for task in project.tasks:
        if task.id in placed and task.duration:
            start = placed[task.id]
            end = start + task.duration
            for name, amount in task.demands.items():
                change = changes[name]
                change[start] = change.get(start, 0) + amount
                change[end] = change.get(end, 0) - amount
    down = merged_downtimes(project) if project.downtimes else {}
    return [
        overload
        for r in project.resources
        for overload in _overloads(r.id, r.capacity, changes[r.id], down.get(r.id, []))
    ]


def _overloads(
    name: str, capacity: int, change: Mapping[int, int], spans: list[tuple[int, int]]
) -> list[Fields]:
    """Maximal intervals of excess; inside a downtime the limit is 0 and the kind `downtime`."""
    switches = {
        time: down for span in spans for time, down in zip(span, (True, False), strict=True)
    }
    found: list[Fields] = []
    usage, down, opened, peak = 0, False, None, 0
    for time in sorted(change.keys() | switches.keys() if switches else change):
        if time in switches:
            if opened is not None:
                found.append(_overload(down, name, opened, time, peak))
                opened = None
            down = switches[time]
        usage += change.get(time, 0)
        excess = usage if down else usage - capacity
        if excess <= 0:
            if opened is not None:
                found.append(_overload(down, name, opened, time, peak))
                opened = None
        elif opened is None:
            opened, peak = time, excess
        elif excess > peak:
            peak = excess
    return found


def _overload(down: bool, name: str, start: int, end: int, amount: int) -> Fields:
    kind = "downtime" if down else "resource"
    return {"kind": kind, "resource": name, "start": start, "end": end, "amount": amount}


def _check_windows(
    project: Project, placed: Mapping[str, int], ends: Mapping[str, int]
) -> list[Fields]:
    found: list[Fields] = []
    for window in project.windows:
        task = window.task
        if task in placed:
            early, late = window.release - placed[task], ends[task] - window.deadline
            if early > 0:
                found.append({"kind": "window", "task": task, "bound": "release", "amount": early})
            if late > 0:
                found.append({"kind": "window", "task": task, "bound": "deadline", "amount": late})
    return found


def _check_disjunctions(
    project: Project, placed: Mapping[str, int], ends: Mapping[str, int]
) -> list[Fields]:
    found: list[Fields] = []
    for a, b in project.disjunctions:
        if a in placed and b in placed:
            start, end = max(placed[a], placed[b]), min(ends[a], ends[b])
            if start < end:
                found.append(
                    {"kind": "disjunction", "first": a, "second": b, "start": start, "end": end}
                )
    return found


def broken_share(project: Project, wrong: list[Fields]) -> float:
    """Constraints not satisfied over all constraints; one that involves an unplaced task is not.

    A task (placed on an integer from 0 to the horizon), a precedence, a resource, a resource's
    downtimes, a window and a disjunction count as one constraint each. Ids that are no task's
    count as one more that is broken, however many. So the share is in [0, 1], it is 0 only
    without a violation, and leaving tasks out never lowers it.
    """
    unplaced = {v["task"] for v in wrong if v["kind"] in ("missing", "not_integer")}
    used = {name for task in project.tasks if task.id in unplaced for name in task.demands}
    down = {downtime.resource for downtime in project.downtimes}
    broken = {
        "task": {v["task"] for v in wrong if v["kind"] in _OF_TASKS},
        "precedence": {(v["before"], v["after"]) for v in wrong if v["kind"] == "precedence"}
        | {pair for pair in project.precedences if unplaced.intersection(pair)},
        "resource": {v["resource"] for v in wrong if v["kind"] == "resource"} | used,
        "downtime": {v["resource"] for v in wrong if v["kind"] == "downtime"} | (used & down),
        "window": {v["task"] for v in wrong if v["kind"] == "window"}
        | {w.task for w in project.windows if w.task in unplaced},
        "disjunction": {(v["first"], v["second"]) for v in wrong if v["kind"] == "disjunction"}
        | {pair for pair in project.disjunctions if unplaced.intersection(pair)},
        "ids": {v["kind"] for v in wrong if v["kind"] == "unknown"},
    }
    everything = (
        len(project.tasks)
        + len(project.precedences)
        + len(project.resources)
        + len(down)
        + len(project.windows)
        + len(set(project.disjunctions))
        + len(broken["ids"])
    )
    return sum(map(len, broken.values())) / everything


_OF_TASKS = ("missing", "not_integer", "negative", "horizon")


# On the board --------------------------------------------------------------------------------


def summarise(records: Sequence[Record]) -> tuple[Estimate, dict[str, Estimate]]:
    """Headline: the grades' score, feasibility unless the suite names another measure; the
    unweighted mean over levels. All records are graded.

    Metrics: `feasible` and `quality`, means over levels too, and by level `feasible@L` and
    `quality@L`; `level_area` (feasibility weighted by level, after R-ConstraintBench);
    `half_level`; `broken` (mean share of constraints not satisfied; 1 if unparsable);
    `gap_median`, `gap_mean` and `gap_proven` (share of gaps against a proven optimum) over
    feasible answers; `share_KIND`: answers with a violation of that kind. In all of them what was
    drawn with one seed and index is a cluster, over epochs and levels. With several epochs also
    `pass@K` and `pass^K`, the chance that one of K tries is feasible and that all are, as means
    over levels like the headline.
    """
    levels = _by_level(records)
    groups = list(levels.values())
    rates = dict(zip(levels, rates_over(groups, _feasible_or_not), strict=True))
    metrics = {
        "feasible": mean_of_rates(list(rates.values())),
        "quality": _over_levels(groups, quality),
        "level_area": mean_of_rates(list(rates.values()), [max(x, 0.0) for x in rates])
        if any(x > 0 for x in rates)
        else Estimate.unknown("no level above 0"),
        "half_level": half_level(list(rates.items())),
        "broken": mean_over(groups, lambda g: g.metrics["broken"]),
        "gap_median": median_of(per_instance(records, lambda g: g.gap)),
        "gap_mean": mean_over(groups, lambda g: g.gap),
        "gap_proven": share_over(groups, _proven),
    }
    metrics |= {f"feasible@{x:g}": _feasibility(group) for x, group in levels.items()}
    metrics |= {f"quality@{x:g}": _over_levels([group], quality) for x, group in levels.items()}
    kinds = sorted({str(v["kind"]) for r in records if r.grade for v in r.grade.violations})
    for kind in kinds:
        metrics[f"share_{kind}"] = _having(groups, kind)
    return _over_levels(groups, _score), metrics | _passes(groups)


def _over_levels(levels: Sequence[Sequence[Record]], measure: Measure) -> Estimate:
    """The mean over levels of a measure in [0, 1]; of one that is 0 or 1 as a mean of shares."""
    values = [per_instance(level, measure) for level in levels]
    if not all(values):
        return Estimate.unknown(UNBOUNDED)
    grades = [r.grade for level in levels for r in level if r.grade]
    if all(measure(grade) in (0, 1, None) for grade in grades):
        return mean_of_rates(rates_over(levels, measure))
    return score_over(levels, measure, equal=True)


def strata(records: Sequence[Record]) -> list[list[Record]]:
    """The groups whose mean scores the headline is the mean of: the levels."""
    return list(_by_level(records).values())


def _passes(levels: Sequence[Sequence[Record]]) -> dict[str, Estimate]:
    """pass@K and pass^K for K = 2, 4, ... and the number of epochs; an instance is one trial."""
    epochs = max(len(g) for level in levels for g in by_instance(level, _feasible_or_not).values())
    passes = {}
    for k in sorted({2**x for x in range(1, epochs.bit_length())} | {epochs} - {1}):
        enough = [_with_epochs(level, k) for level in levels]
        for name, function in (("pass@", pass_at), ("pass^", pass_hat)):
            passes[f"{name}{k}"] = (
                mean_of_rates(rates_over(enough, _feasible_or_not, _chance(function, k)))
                if all(enough)
                else Estimate.unknown(f"a level without an instance of {k} graded epochs")
            )
    return passes


def _with_epochs(records: Sequence[Record], k: int) -> list[Record]:
    """The records of instances with at least k graded epochs."""
    scores = by_instance(records, _feasible_or_not)
    return [r for r in records if len(scores.get(r.instance, ())) >= k]


def _chance(function: Callable[[float, int, int], float], k: int) -> OverEpochs:
    return lambda scores: function(sum(scores), len(scores), k)


def _score(grade: Grade) -> float:
    return grade.score


def _feasible_or_not(grade: Grade) -> float:
    return float(grade.verdict is Verdict.valid)


def _having(levels: Sequence[Sequence[Record]], kind: str) -> Estimate:
    return share_over(levels, lambda g: any(v["kind"] == kind for v in g.violations))


def _proven(grade: Grade) -> float | None:
    return None if grade.gap is None else float(grade.against == "optimum")


def _by_level(records: Sequence[Record]) -> dict[float, list[Record]]:
    """Records by the dial that was turned: the number of tasks, or the edges at one size.

    Edges are a dial only where every record knows its own: imported projects do not.
    """
    sizes = {record.level for record in records}
    edges = [record.settings.get("edges") for record in records]
    turned = len(sizes) == 1 and len(set(edges)) > 1 and all(type(e) is int for e in edges)
    groups: dict[float, list[Record]] = {}
    for record, edge in zip(records, edges, strict=True):
        dial: Any = edge if turned else record.level
        groups.setdefault(float(dial), []).append(record)
    return dict(sorted(groups.items()))


def _feasibility(records: Sequence[Record]) -> Estimate:
    (only,) = rates_over([records], _feasible_or_not)
    return rate(only.successes, only.n)
