"""Grades a judgement of a project: start times, or constraints that leave no schedule.

The kinds of violations are those of `graders.rcpsp` for start times, and for a certificate:

| kind | fields |
|---|---|
| `unknown_constraint` | `constraint`: what is named is no label |
| `not_infeasible` | `named`: how many constraints are named that have a schedule together |
| `not_a_list`, `not_a_label` | `value`: no list of labels, or no text in it |

The last two are faults of format: the answer is unparsable.
"""

from collections.abc import Callable, Sequence
from typing import Any

from msgspec.structs import replace

from graders.clusters import group_by, mean_over, rates_over, score_of, share_over
from graders.confidence import confidence_metrics, metrics_of
from graders.exact.feasibility import LIMIT, has_schedule, irreducible_core
from graders.rcpsp import FORMAT as START_FAULTS
from graders.rcpsp import broken_share, makespan, violations
from graders.spelling import in_both_readings, invalid_verdict
from graders.statistics import Estimate, Measure, mean_of_rates, rate
from tasks.base import (
    NO_REFERENCE,
    Fields,
    Grade,
    Instance,
    NoReference,
    Outcome,
    Parsed,
    Record,
    Reward,
    SolverFailure,
    Verdict,
    short,
)
from tasks.confidence import KEY as CONFIDENCE
from tasks.feasibility import (
    INFEASIBLE,
    STARTS,
    confidence_in,
    constraints,
    restricted,
    spelled,
)
from tasks.rcpsp import Project

FORMAT = (*START_FAULTS, "unparsable", "not_a_list", "not_a_label")
RIGHT, WRONG = 1.0, -1.0  # the scores, whose mean over both kinds of projects is Youden's J
ONE_KIND = "only projects with a schedule, or only ones without"


def grade(instance: Instance[Project], outcome: Outcome) -> Grade:
    """Grade a judgement: score 1 if it is shown to be right, else -1.

    Start times are right if they are feasible; named constraints if they leave no schedule
    together with durations, demands, capacities and the horizon, which CP-SAT decides anew. The
    metrics: `solvable`, 1 if the project has a schedule, else 0; `claim`, 1 if the answer takes
    the right side, shown or not, else -1; `broken`, as in `graders.rcpsp`, of start times; and of
    a certificate that holds `sharp`, the size of an irreducible core of it over its own (1 of an
    empty one), in [0, 1]. Where it was asked for, `stated`, 1 if a confidence is stated, and then
    `confidence`.

    Args:
        instance: the project and its reference.
        outcome: one answer, with `starts` or `infeasible`.

    Raises:
        NoReference: nobody knows whether the project has a schedule.
        SolverFailure: the answer refutes the reference, or whether it holds is not decided.
    """
    if instance.reference.status != "infeasible" and instance.reference.answer is None:
        raise NoReference(f"{NO_REFERENCE}: a score in feasibility needs to know if it can be done")
    result = in_both_readings(_grade, instance, spelled(instance.payload, outcome))
    if not instance.settings.get(CONFIDENCE):
        return result
    stated = metrics_of(confidence_in(outcome))
    return replace(result, metrics={**result.metrics, **stated})


def _grade(instance: Instance[Project], outcome: Outcome) -> Grade:
    """Grade start times or labels as they stand."""
    [parsed] = outcome.answers
    starts, labels = (_given(parsed, key) for key in (STARTS, INFEASIBLE))
    if (starts is None) == (labels is None) or (labels is None and not isinstance(starts, dict)):
        reason = parsed.problem or f'neither "{STARTS}" nor "{INFEASIBLE}" is given alone'
        return _wrong(instance, [{"kind": "unparsable", "reason": reason}], claims=None)
    if labels is None:
        return _grade_starts(instance, starts)
    return _grade_labels(instance, labels)


def _given(parsed: Parsed, key: str) -> Any:
    return (parsed.value or {}).get(key)


def _wrong(
    instance: Instance[Project],
    problems: Sequence[Fields],
    claims: bool | None,
    broken: float | None = None,
) -> Grade:
    """Return the grade of an answer that does not hold; `claims` is whether a schedule exists."""
    has_claim = claims is not None and claims == _is_solvable(instance)
    metrics = {"solvable": float(_is_solvable(instance)), "claim": RIGHT if has_claim else WRONG}
    if broken is not None:
        metrics["broken"] = broken
    verdict = invalid_verdict(problems, FORMAT)
    return Grade(verdict, WRONG, violations=tuple(problems), metrics=metrics)


def _is_solvable(instance: Instance[Project]) -> bool:
    return instance.reference.status != "infeasible"


def _grade_starts(instance: Instance[Project], starts: Fields) -> Grade:
    project, reference = instance.payload, instance.reference
    problems = violations(project, starts)
    if problems:
        is_read = invalid_verdict(problems, FORMAT) is Verdict.infeasible
        broken = broken_share(project, problems) if is_read else 1.0
        return _wrong(instance, problems, claims=True, broken=broken)
    if not _is_solvable(instance):
        raise SolverFailure(f"{instance.id}: said to be infeasible, but an answer is feasible")
    return Grade(
        Verdict.valid,
        RIGHT,
        objective=makespan(project, starts),
        bound=reference.bound,
        metrics={"solvable": 1.0, "claim": RIGHT, "broken": 0.0},
    )


def _grade_labels(instance: Instance[Project], labels: object) -> Grade:
    problems = _label_problems(instance.payload, labels)
    if problems or not isinstance(labels, list):
        return _wrong(instance, problems, claims=False)
    named = tuple(dict.fromkeys(labels))
    if not _leaves_none(instance, named):
        problem = {"kind": "not_infeasible", "named": len(named)}
        return _wrong(instance, [problem], claims=False)
    core = irreducible_core(instance.payload, named)
    sharp = len(core) / len(named) if named else 1.0
    return Grade(Verdict.valid, RIGHT, metrics={"solvable": 0.0, "claim": RIGHT, "sharp": sharp})


def _label_problems(project: Project, labels: object) -> list[Fields]:
    if not isinstance(labels, list):
        return [{"kind": "not_a_list", "value": short(labels)}]
    known = constraints(project)
    problems: list[Fields] = []
    for label in labels:
        if not isinstance(label, str):
            problems.append({"kind": "not_a_label", "value": short(label)})
        elif label not in known:
            problems.append({"kind": "unknown_constraint", "constraint": short(label)})
    return problems


def _leaves_none(instance: Instance[Project], labels: Sequence[str]) -> bool:
    """Return whether labelled constraints leave no schedule.

    A schedule of the whole project is one of every part of it, so that no solver is needed.

    Raises:
        SolverFailure: it is not decided.
    """
    answer = (instance.reference.answer or {}).get(STARTS)
    if answer is not None and not violations(instance.payload, answer):
        return False
    verdict = has_schedule(restricted(instance.payload, labels))
    if verdict is None:
        raise SolverFailure(
            f"{instance.id}: whether {len(labels)} named constraints leave a schedule is not"
            f" decided within {LIMIT:g} deterministic seconds"
        )
    return not verdict


def reward(instance: Instance[Project], grade: Grade) -> Reward:
    """Return 1 of a judgement that is shown to be right, 0 of any other.

    A near miss is half the share of constraints that start times satisfy, where there is a
    schedule; without one they are no nearer to the truth than no answer.

    Args:
        instance: the project and its reference.
        grade: of an answer to it.

    Returns:
        The reward; its components are `right`, the value, and `claim`, 1 for the right side.

    Raises:
        ValueError: if the grade is of verdict error.
    """
    if grade.verdict is Verdict.error:
        raise ValueError("a grade of verdict error has no reward: it tells nothing of the answer")
    value = float(grade.verdict is Verdict.valid)
    satisfied = 1 - grade.metrics.get("broken", 1.0)
    near = satisfied / 2 if _is_solvable(instance) else 0.0
    components = {"right": value, "claim": float(grade.metrics["claim"] > 0)}
    return Reward(value, components, value or near)


# On the board --------------------------------------------------------------------------------


def summarise(records: Sequence[Record]) -> tuple[Estimate, dict[str, Estimate]]:
    """Estimate the headline and the metrics of a board row.

    The headline is Youden's J (Youden 1950), sensitivity + specificity - 1: who always takes the
    same side has 0 at most. The metrics: `sensitivity`, the share of projects without a schedule
    that a certificate shows to have none; `specificity`, the share of the others with a feasible
    answer; `claim`, Youden's J of the sides taken, shown or not; `sharp`, its mean over
    certificates that hold; `youden@L` by level; `share_KIND`; and where a confidence was asked for
    those of `graders.confidence.confidence_metrics`.

    Args:
        records: the episodes of a row, all of them graded.

    Returns:
        The headline and the metrics by name.
    """
    groups = strata(records)
    levels = group_by(records, lambda record: record.level)
    metrics = {
        "sensitivity": _share(records, solvable=False),
        "specificity": _share(records, solvable=True),
        "claim": youden(groups, lambda g: g.metrics["claim"]),
        "sharp": mean_over(groups, lambda g: g.metrics.get("sharp")),
        **{f"youden@{x:g}": youden(strata(levels[x]), score_of) for x in sorted(levels)},
        **{f"share_{kind}": share_over(groups, _having(kind)) for kind in _kinds(records)},
        **confidence_metrics(records),
    }
    return youden(groups, score_of), metrics


def strata(records: Sequence[Record]) -> list[list[Record]]:
    """Return the records of projects without a schedule, and of those with one, where any are."""
    groups = group_by(records, lambda r: r.grade.metrics.get("solvable") if r.grade else None)
    return [groups[key] for key in sorted(groups)]


def youden(groups: Sequence[Sequence[Record]], measure: Measure) -> Estimate:
    """Estimate Youden's J, the mean over both kinds of projects of a measure that is 1 or -1.

    Its interval is that of the mean of two shares (Price & Bonett 2004), stretched to [-1, 1].

    Args:
        groups: the records of each kind; of one alone it is unknown.
        measure: 1 for right, -1 for wrong.
    """
    if len(groups) < 2:
        return Estimate.unknown(ONE_KIND)
    mean = mean_of_rates(rates_over(groups, _halved(measure)))
    value, low, high = (None if x is None else 2 * x - 1 for x in (mean.value, mean.low, mean.high))
    return replace(mean, value=value, low=low, high=high)


def _halved(measure: Measure) -> Measure:
    """Return a measure from -1 to 1 as one from 0 to 1."""

    def halved(grade: Grade) -> float | None:
        value = measure(grade)
        return None if value is None else (value + 1) / 2

    return halved


def _share(records: Sequence[Record], *, solvable: bool) -> Estimate:
    """Estimate the share of right answers to projects of one kind."""
    group = [r for r in records if r.grade and r.grade.metrics.get("solvable") == solvable]
    [each] = rates_over([group], _halved(score_of))
    return rate(each.successes, each.n)


def _kinds(records: Sequence[Record]) -> list[str]:
    return sorted({str(v["kind"]) for r in records if r.grade for v in r.grade.violations})


def _having(kind: str) -> Callable[[Grade], float]:
    return lambda grade: float(any(v["kind"] == kind for v in grade.violations))
