"""Checks an order of jobs, and measures it between random orders and the optimum.

| kind | fields |
|---|---|
| `not_a_list` | `value`: what stands where the list of ids should be |
| `missing`, `duplicate` | `job` |
| `unknown` | `value`: an entry that is no id; booleans, objects and longer lists never are |

`not_a_list`, and an entry that is no text and stands for no id, are faults of format: the answer is
unparsable. The others are faults of planning.
"""

from collections import Counter
from collections.abc import Container, Sequence
from functools import lru_cache
from random import Random

from graders.clusters import group_by, mean_over, ratio_over, share_over
from graders.exact.dispatch import mddc
from graders.exact.tardiness_bounds import simple_bound
from graders.rewards import below_closeness, closeness, valid_objective
from graders.spelling import in_both_readings
from graders.statistics import Estimate, median_of, per_instance, skill
from tasks.base import (
    Fields,
    Grade,
    Instance,
    Number,
    Outcome,
    Record,
    Reference,
    Reward,
    SolverFailure,
    Verdict,
    short,
)
from tasks.tardiness import KEY, Job, Jobs, spelled, tardiness

ORDERS = 200  # random orders that set the zero of the scale


def grade(instance: Instance[Jobs], outcome: Outcome) -> Grade:
    """Grade an order of jobs by skill: 1 - (T - T*) / (T_random - T*), not clipped.

    T is the answer's total weighted tardiness, in time units times weight; T* the optimum, or the
    lower bound where it is not proven (`against` says which); T_random the mean of 200 seeded
    random orders. Without a reference T* is a quick bound: good enough for a reward, but no score
    to report, and `Family.score` refuses it. The metrics are `reference` T*, `random` T_random and
    `mddc`, the tardiness of the MDDC rule. An invalid answer scores 0.

    Args:
        instance: the jobs and their reference.
        outcome: one answer, a list of job ids in the order of processing.

    Raises:
        SolverFailure: if a valid answer refutes the reference.
    """
    return in_both_readings(_grade, instance, spelled(instance.payload, outcome))


def _grade(instance: Instance[Jobs], outcome: Outcome) -> Grade:
    """Grade an order of jobs as it stands."""
    parsed, jobs = outcome.answers[0], instance.payload
    metrics = _metrics(instance)
    if parsed.value is None or KEY not in parsed.value:
        reason = parsed.problem or f'no "{KEY}" in the answer'
        unparsable: Fields = {"kind": "unparsable", "reason": reason}
        return _invalid(Verdict.unparsable, instance, [unparsable], metrics)
    order = parsed.value[KEY]
    if problems := violations(jobs, order):
        return _invalid(_verdict(order), instance, problems, metrics)
    by_id = {job.id: job for job in jobs.jobs}
    return _valid(instance, tardiness([by_id[name] for name in order]), metrics)


def _verdict(order: object) -> Verdict:
    """Return the verdict on an order that is none: unparsable where something in it is no text."""
    is_text = isinstance(order, list) and all(isinstance(entry, str) for entry in order)
    return Verdict.infeasible if is_text else Verdict.unparsable


def _metrics(instance: Instance[Jobs]) -> dict[str, float]:
    chance, rule = yardsticks(instance.payload)
    return {"reference": float(_base(instance)), "random": chance, "mddc": float(rule)}


def _base(instance: Instance[Jobs]) -> Number:
    """Return T*: the optimum, or the bound where it is not proven.

    Without either it is the best bound that takes no search, which rewards go by.
    """
    reference = instance.reference
    if _is_optimal(reference) and reference.objective is not None:
        return reference.objective
    return _quick_bound(instance.payload) if reference.bound is None else reference.bound


def _is_optimal(reference: Reference) -> bool:
    return reference.status == "optimal" and reference.objective is not None


def _invalid(
    verdict: Verdict,
    instance: Instance[Jobs],
    problems: Sequence[Fields],
    metrics: dict[str, float],
) -> Grade:
    return Grade(
        verdict,
        0.0,
        bound=instance.reference.bound,
        violations=tuple(problems),
        metrics=metrics,
    )


def _valid(instance: Instance[Jobs], objective: int, metrics: dict[str, float]) -> Grade:
    reference = instance.reference
    if reference.bound is not None and objective < reference.bound:
        raise SolverFailure(
            f"{instance.id}: an answer's tardiness {objective} is below the reference's bound"
            f" {reference.bound}"
        )
    base = _base(instance)
    return Grade(
        Verdict.valid,
        skill(objective, base, metrics["random"]),
        objective=objective,
        bound=reference.bound,
        gap=(objective - base) / base if base else None,
        against="optimum" if _is_optimal(reference) else "bound",
        metrics=metrics,
    )


def violations(payload: Jobs, order: object) -> list[Fields]:
    """Return all that keeps an order from naming every job once, with the grader's own ids.

    Args:
        payload: the jobs.
        order: what the answer gives as its order, whatever it is.
    """
    if not isinstance(order, list):
        return [{"kind": "not_a_list", "value": short(order)}]
    ids = {job.id: 0 for job in payload.jobs}
    counts = Counter(entry for entry in order if _is_id(entry, ids))
    return [
        *({"kind": "unknown", "value": short(entry)} for entry in order if not _is_id(entry, ids)),
        *({"kind": "duplicate", "job": name} for name, count in counts.items() if count > 1),
        *({"kind": "missing", "job": name} for name in ids if name not in counts),
    ]


def _is_id(entry: object, ids: Container[str]) -> bool:
    return isinstance(entry, str) and entry in ids


def reward(instance: Instance[Jobs], grade: Grade) -> Reward:
    """Return S / (S + T - L) of a valid order, 0 of any other: at an optimum L, 1 / (2 - skill).

    T is the answer's tardiness, L the proven optimum or the best bound (the reference's, Chu's, or
    what each job is late when it comes first), S = T_random - U the distance to random orders, 1
    at least. U is the best tardiness known: the reference's objective, or that of the MDDC rule.
    As L is no more and U no less than the optimum, nothing is above its reward against it, and 1
    is a proven optimum. A random order has about 1/2.

    A near miss is the share of entries that are right, times S / (S + W + 1 - L), where no order
    has more tardiness than W. Wrong entries are those to put in, take out or replace, at least.

    Args:
        instance: the jobs and their reference.
        grade: of an answer to it.

    Returns:
        The reward; its components are `feasible`, `placed` (the share of right entries) and
        `quality`, the value.

    Raises:
        ValueError: if the grade is of verdict error.
    """
    objective, least = valid_objective(grade), _least_tardiness(instance)
    best = instance.reference.objective
    scale = max(1, grade.metrics["random"] - (grade.metrics["mddc"] if best is None else best))
    value = closeness(objective - least, scale) if objective is not None else 0.0
    placed = _placed_share(instance.payload, grade)
    return Reward(
        value,
        {"feasible": float(objective is not None), "placed": placed, "quality": value},
        value or placed * below_closeness(_greatest_tardiness(instance.payload) - least, scale),
    )


def _least_tardiness(instance: Instance[Jobs]) -> Number:
    """Return the optimum where it is proven, else the best bound that takes no search."""
    if _is_optimal(instance.reference):
        return _base(instance)
    return max(_base(instance), _quick_bound(instance.payload))


@lru_cache(maxsize=1000)
def _quick_bound(payload: Jobs) -> int:
    """Return the greater of Chu's bound and what each job is late when it comes first."""
    jobs = payload.jobs
    simple = simple_bound([job.p for job in jobs], [job.d for job in jobs], [job.w for job in jobs])
    return max(simple, sum(job.w * max(0, job.p - job.d) for job in jobs))


def _greatest_tardiness(payload: Jobs) -> int:
    """Return what no order has more of: the tardiness if every job were the last."""
    end = sum(job.p for job in payload.jobs)
    return sum(job.w * max(0, end - job.d) for job in payload.jobs)


def _placed_share(payload: Jobs, grade: Grade) -> float:
    """Return the share of entries that need no change to make an order of the answer."""
    kinds = Counter(str(violation["kind"]) for violation in grade.violations)
    if grade.verdict is Verdict.unparsable:
        return 0.0
    wrong = max(kinds["missing"], kinds["duplicate"] + kinds["unknown"])
    return max(0.0, 1 - wrong / len(payload.jobs))


@lru_cache(maxsize=1000)
def yardsticks(payload: Jobs) -> tuple[float, int]:
    """Return the mean tardiness of the random orders, and the tardiness of MDDC.

    Both are in time units times weight.
    """
    jobs: list[Job] = list(payload.jobs)
    return _mean_of_random_orders(jobs), _tardiness_by_rule(jobs)


def _tardiness_by_rule(jobs: list[Job]) -> int:
    order = mddc([job.p for job in jobs], [job.d for job in jobs])
    return tardiness([jobs[k] for k in order])


def _mean_of_random_orders(jobs: list[Job]) -> float:
    p, d, w = ([getattr(job, name) for job in jobs] for name in "pdw")
    total = sum(_tardiness_in(order, p, d, w) for order in _random_orders(len(jobs)))
    whole, rest = divmod(total, ORDERS)  # a whole number stays one, as `statistics.mean` has it
    return total / ORDERS if rest else whole


def _tardiness_in(order: Sequence[int], p: list[int], d: list[int], w: list[int]) -> int:
    """Return the total weighted tardiness of positions in an order: kept quick, 200 an instance."""
    total = end = 0
    for k in order:
        end += p[k]
        if end > d[k]:
            total += w[k] * (end - d[k])
    return total


@lru_cache(maxsize=50)
def _random_orders(count: int) -> tuple[tuple[int, ...], ...]:
    """Return the random orders of so many jobs, by position: all instances have the same."""
    rng = Random(f"tardiness/random orders/{count}")
    return tuple(tuple(rng.sample(range(count), count)) for _ in range(ORDERS))


# On the board --------------------------------------------------------------------------------


def summarise(records: Sequence[Record]) -> tuple[Estimate, dict[str, Estimate]]:
    """Estimate the headline, the mean score (skill, unless the suite names another measure), and
    the metrics of a board row.

    Invalid answers count as random orders. The metrics: `ratio_of_sums` (of tardiness over
    references), `mean_of_ratios` (mean gap where the reference is not 0, as published) and
    `zero_references` (how many instances it leaves out), `gap_median`, `gap_proven`,
    `share_optimal`, `skill_over_mddc` (paired), `win_mddc`, `tie_mddc`, `loss_mddc`, and those of
    `by_dial`. In all of them an instance counts by the mean of its epochs, and instances of one
    seed and index are a cluster. The tardiness factors, which no chance gives to an instance, are
    the strata of means; the cells of tf and rdd are those of shares, and too small to tell which
    way the values of means are skewed.

    Args:
        records: the episodes of a row, all of them graded.

    Returns:
        The headline and the metrics by name.
    """
    metrics = _ratios(records) | _against_rule(records) | by_dial(records)
    return mean_over(_by(records, "tf"), lambda g: g.score), metrics


def _ratios(records: Sequence[Record]) -> dict[str, Estimate]:
    gaps = per_instance(records, _gap)
    factors, cells = _by(records, "tf"), _by(records, "tf", "rdd")
    return {
        "ratio_of_sums": ratio_over(factors, _value, _reference),
        "mean_of_ratios": mean_over(factors, _gap),
        "gap_median": median_of(gaps),
        "zero_references": _count(len({r.instance for r in records}) - len(gaps)),
        "gap_proven": share_over(cells, _proven),
        "share_optimal": share_optimal(records),
    }


def _against_rule(records: Sequence[Record]) -> dict[str, Estimate]:
    """Estimate how the answers fare against the MDDC rule on the same instances."""
    cells = _by(records, "tf", "rdd")
    return {
        "skill_over_mddc": mean_over(_by(records, "tf"), _over_mddc),
        "win_mddc": share_over(cells, lambda g: _value(g) < g.metrics["mddc"]),
        "tie_mddc": share_over(cells, lambda g: _value(g) == g.metrics["mddc"]),
        "loss_mddc": share_over(cells, lambda g: _value(g) > g.metrics["mddc"]),
    }


def by_dial(records: Sequence[Record]) -> dict[str, Estimate]:
    """Estimate `skill@tf=X` by tardiness factor, `skill@N` and `share_optimal@N` by jobs.

    Args:
        records: graded episodes; those whose settings have no `tf`, such as those of public files,
            are in no `skill@tf=X`.
    """
    factors, levels = _by_factor(records), _by_level(records)
    return {
        **{f"skill@tf={x:g}": _skill(factors[x]) for x in sorted(factors)},
        **{f"skill@{n}": _skill(levels[n]) for n in sorted(levels)},
        **{f"share_optimal@{n}": share_optimal(levels[n]) for n in sorted(levels)},
    }


def _by_factor(records: Sequence[Record]) -> dict[float, list[Record]]:
    return group_by(records, _factor)


def _factor(record: Record) -> float | None:
    factor = record.settings.get("tf")
    return factor if isinstance(factor, int | float) else None


def _by_level(records: Sequence[Record]) -> dict[int, list[Record]]:
    return group_by(records, lambda record: record.level)


def share_optimal(records: Sequence[Record]) -> Estimate:
    """Estimate the share of answers whose tardiness is that of the reference."""
    return share_over(_by(records, "tf", "rdd"), is_optimal)


def is_optimal(grade: Grade) -> float:
    """Return 1 for an answer whose tardiness is that of the reference, else 0."""
    return float(grade.objective is not None and grade.objective == grade.metrics["reference"])


def _skill(records: Sequence[Record]) -> Estimate:
    return mean_over(_by(records, "tf"), _skill_of)


def _skill_of(grade: Grade) -> float:
    """Return the skill of an answer, whatever the suite's score is."""
    m = grade.metrics
    return 0.0 if grade.objective is None else skill(grade.objective, m["reference"], m["random"])


def _by(records: Sequence[Record], *names: str) -> list[list[Record]]:
    """Return the records in groups of equal settings, which only generated instances have."""
    groups = group_by(records, lambda record: str([record.settings.get(name) for name in names]))
    return list(groups.values())


def _reference(grade: Grade) -> float:
    return grade.metrics["reference"]


def _value(grade: Grade) -> float:
    """Return the tardiness of an answer; of an invalid one that of a random order."""
    return grade.metrics["random"] if grade.objective is None else float(grade.objective)


def _gap(grade: Grade) -> float | None:
    base = grade.metrics["reference"]
    return (_value(grade) - base) / base if base else None


def _proven(grade: Grade) -> float | None:
    return float(grade.against == "optimum") if grade.against else None


def _over_mddc(grade: Grade) -> float:
    m = grade.metrics
    return _skill_of(grade) - skill(m["mddc"], m["reference"], m["random"])


def _count(number: int) -> Estimate:
    return Estimate(float(number), float(number), float(number))
