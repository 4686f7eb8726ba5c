"""Checks an order of jobs, and measures it between random orders and the optimum.

| kind | fields |
|---|---|
| `not_a_list` | `value`: what stands where the list of ids should be |
| `missing`, `duplicate` | `job` |
| `unknown` | `value`: an entry that is no id; numbers, booleans and lists never are |
"""

from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from random import Random
from statistics import mean

from graders.clusters import mean_over, ratio_over, share_over
from graders.exact.dispatch import mddc
from graders.statistics import Estimate, median_of, per_instance, skill
from tasks.base import (
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
from tasks.tardiness import KEY, Job, Jobs, tardiness

RAMP = ("tf", "rdd")
SECOND = "share_optimal"
SHOWN = ("ratio_of_sums", "mean_of_ratios", "gap_median")
ALONG = ("skill@tf=", "share_optimal@")  # what each of the headlines falls along
ORDERS = 200  # random orders that set the zero of the scale


def grade(instance: Instance[Jobs], outcome: Outcome) -> Grade:
    """Score by skill: 1 - (T - T*) / (T_random - T*), 0 for an invalid answer, not clipped.

    T* is the optimum, or the lower bound where it is not proven (`against` says which); T_random
    the mean of 200 seeded random orders. Metrics: `reference` T*, `random` T_random, `mddc` the
    tardiness of the MDDC rule. SolverFailure if the answer refutes the reference.
    """
    parsed, payload, known = outcome.answers[0], instance.payload, instance.reference
    proven = known.status == "optimal" and known.objective is not None
    base: Number = (known.objective if proven else known.bound) or 0
    chance, rule = yardsticks(payload)
    metrics = {"reference": float(base), "random": chance, "mddc": float(rule)}
    if parsed.value is None or KEY not in parsed.value:
        reason = parsed.problem or f'no "{KEY}" in the answer'
        found: tuple[Fields, ...] = ({"kind": "unparsable", "reason": reason},)
        return Grade(Verdict.unparsable, 0.0, bound=known.bound, violations=found, metrics=metrics)
    wrong = violations(payload, parsed.value[KEY])
    if wrong:
        return Grade(
            Verdict.infeasible, 0.0, bound=known.bound, violations=tuple(wrong), metrics=metrics
        )
    jobs = {job.id: job for job in payload.jobs}
    objective = tardiness([jobs[name] for name in parsed.value[KEY]])
    if known.bound is not None and objective < known.bound:
        raise SolverFailure(
            f"{instance.id}: an answer's tardiness {objective} is below the reference's bound"
            f" {known.bound}"
        )
    return Grade(
        Verdict.valid,
        skill(objective, base, chance),
        objective=objective,
        bound=known.bound,
        gap=(objective - base) / base if base else None,
        against="optimum" if proven else "bound",
        metrics=metrics,
    )


def violations(payload: Jobs, order: object) -> list[Fields]:
    """Everything that keeps `order` from naming every job once; the grader's own ids decide."""
    if not isinstance(order, list):
        return [{"kind": "not_a_list", "value": short(order)}]
    known = {job.id for job in payload.jobs}
    names = [entry for entry in order if isinstance(entry, str) and entry in known]
    counts = Counter(names)
    strangers = [e for e in order if not (isinstance(e, str) and e in known)]
    return [
        *({"kind": "unknown", "value": short(entry)} for entry in strangers),
        *({"kind": "duplicate", "job": name} for name, count in counts.items() if count > 1),
        *({"kind": "missing", "job": j.id} for j in payload.jobs if j.id not in counts),
    ]


@lru_cache(maxsize=1000)
def yardsticks(payload: Jobs) -> tuple[float, int]:
    """Mean tardiness of the random orders, and the tardiness of MDDC."""
    jobs: list[Job] = list(payload.jobs)
    by_rule = mddc([job.p for job in jobs], [job.d for job in jobs])
    rule = tardiness([jobs[k] for k in by_rule])
    rng = Random(f"tardiness/random orders/{len(jobs)}")
    return mean(_shuffled(jobs, rng) for _ in range(ORDERS)), rule


def _shuffled(jobs: list[Job], rng: Random) -> int:
    return tardiness(rng.sample(jobs, len(jobs)))


# On the board --------------------------------------------------------------------------------


def summarise(records: Sequence[Record]) -> tuple[Estimate, dict[str, Estimate]]:
    """Headline: mean skill. All records are graded; invalid answers count as random orders.

    Metrics: `ratio_of_sums` (of tardiness over references), `mean_of_ratios` (mean gap where the
    reference is not 0, as published) and `zero_references` (how many instances it leaves out),
    `gap_median`, `gap_proven`, `share_optimal`, `skill_over_mddc` (paired), `win_mddc`,
    `tie_mddc`, `loss_mddc`, and what `by_dial` tells. In all of them an instance counts by the
    mean of its epochs, what was drawn together is a cluster, and the tardiness factors are strata:
    which of them an instance has is no chance. Shares have the cells of tf and rdd as strata, which
    for means are too small to tell which way their values are skewed.
    """
    gaps = per_instance(records, _gap)
    factors, cells = _by(records, "tf"), _by(records, "tf", "rdd")
    metrics = {
        "ratio_of_sums": ratio_over(factors, _value, _reference),
        "mean_of_ratios": mean_over(factors, _gap),
        "gap_median": median_of(gaps),
        "zero_references": _count(len({r.instance for r in records}) - len(gaps)),
        "gap_proven": share_over(cells, _proven),
        "share_optimal": _share_optimal(records),
        "skill_over_mddc": mean_over(factors, _over_mddc),
        "win_mddc": share_over(cells, lambda g: _value(g) < g.metrics["mddc"]),
        "tie_mddc": share_over(cells, lambda g: _value(g) == g.metrics["mddc"]),
        "loss_mddc": share_over(cells, lambda g: _value(g) > g.metrics["mddc"]),
    }
    return _skill(records), metrics | by_dial(records)


def by_dial(records: Sequence[Record]) -> dict[str, Estimate]:
    """`skill@tf=X` by tardiness factor, `skill@N` and `share_optimal@N` by number of jobs.

    Records whose settings have no `tf`, such as those of public files, are in no `skill@tf=X`.
    """
    factors: dict[float, list[Record]] = {}
    levels: dict[int, list[Record]] = {}
    for record in records:
        levels.setdefault(record.level, []).append(record)
        if isinstance(factor := record.settings.get("tf"), int | float):
            factors.setdefault(factor, []).append(record)
    return {
        **{f"skill@tf={x:g}": _skill(factors[x]) for x in sorted(factors)},
        **{f"skill@{n}": _skill(levels[n]) for n in sorted(levels)},
        **{f"share_optimal@{n}": _share_optimal(levels[n]) for n in sorted(levels)},
    }


def _share_optimal(records: Sequence[Record]) -> Estimate:
    return share_over(_by(records, "tf", "rdd"), _optimal)


def _skill(records: Sequence[Record]) -> Estimate:
    return mean_over(_by(records, "tf"), lambda g: g.score)


def _by(records: Sequence[Record], *names: str) -> list[list[Record]]:
    """The records by settings, which only generated instances have."""
    groups: dict[str, list[Record]] = {}
    for record in records:
        groups.setdefault(str([record.settings.get(name) for name in names]), []).append(record)
    return list(groups.values())


def _reference(grade: Grade) -> float:
    return grade.metrics["reference"]


def _value(grade: Grade) -> float:
    """The tardiness reached; of an invalid answer that of a random order."""
    return grade.metrics["random"] if grade.objective is None else float(grade.objective)


def _gap(grade: Grade) -> float | None:
    base = grade.metrics["reference"]
    return (_value(grade) - base) / base if base else None


def _proven(grade: Grade) -> float | None:
    return float(grade.against == "optimum") if grade.against else None


def _optimal(grade: Grade) -> bool:
    return grade.objective is not None and grade.objective == grade.metrics["reference"]


def _over_mddc(grade: Grade) -> float:
    m = grade.metrics
    return grade.score - skill(m["mddc"], m["reference"], m["random"])


def _count(number: int) -> Estimate:
    return Estimate(float(number), float(number), float(number))
