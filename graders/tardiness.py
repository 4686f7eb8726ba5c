"""Checks an order of jobs, and measures it between random orders and the optimum.

| kind | fields |
|---|---|
| `not_a_list` | `value`: what stands where the list of ids should be |
| `missing`, `duplicate` | `job` |
| `unknown` | `value`: an entry that is no id; numbers, booleans and lists never are |
"""

from collections import Counter
from collections.abc import Callable, Sequence
from functools import lru_cache
from random import Random
from statistics import mean

from graders.exact.dispatch import mddc
from graders.statistics import Estimate, bootstrap, rate, ratio_of_sums
from tasks.base import Fields, Grade, Instance, Number, Outcome, Record, Verdict, short
from tasks.tardiness import KEY, Job, Jobs, tardiness

RAMP = ("tf", "rdd", "grid")
SHOWN = ("ratio_of_sums", "mean_of_ratios", "gap_median", "share_optimal")
ORDERS = 200  # random orders that set the zero of the scale


def grade(instance: Instance[Jobs], outcome: Outcome) -> Grade:
    """Score by skill: 1 - (T - T*) / (T_random - T*), 0 for an invalid answer, not clipped.

    T* is the optimum, or the lower bound where it is not proven (`against` says which); T_random
    the mean of 200 seeded random orders. Metrics: `reference` T*, `random` T_random, `mddc` the
    tardiness of the MDDC rule.
    """
    parsed, payload, known = outcome.answers[0], instance.payload, instance.reference
    proven = known.status == "optimal" and known.objective is not None
    base: Number = (known.objective if proven else known.bound) or 0
    chance, rule = _yardsticks(payload)
    metrics = {"reference": float(base), "random": chance, "mddc": float(rule)}
    if parsed.value is None or KEY not in parsed.value:
        reason = parsed.problem or f'no "{KEY}" in the answer'
        found: tuple[Fields, ...] = ({"kind": "unparsable", "reason": reason},)
        return Grade(Verdict.unparsable, 0.0, bound=known.bound, violations=found, metrics=metrics)
    wrong = violations(payload, parsed.value[KEY])
    if wrong:
        return Grade(Verdict.infeasible, 0.0, bound=known.bound, violations=tuple(wrong),
                     metrics=metrics)  # fmt: skip
    jobs = {job.id: job for job in payload.jobs}
    objective = tardiness([jobs[name] for name in parsed.value[KEY]])
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


def skill(objective: Number, reference: Number, chance: float) -> float:
    """Share of the way from random orders to the reference; 1 where every order is optimal."""
    if objective == reference:
        return 1.0
    return 1 - (objective - reference) / (chance - reference) if chance > reference else 0.0


@lru_cache(maxsize=1000)
def _yardsticks(payload: Jobs) -> tuple[float, int]:
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
    reference is not 0, as published) and `zero_references` (how many it leaves out), `gap_median`,
    `gap_proven`, `share_optimal`, `skill_over_mddc` (paired), `win_mddc`, `tie_mddc`,
    `loss_mddc`, `skill@N` by number of jobs.
    """
    grades = [r.grade for r in records if r.grade]
    values = [_value(g) for g in grades]
    bases = [g.metrics["reference"] for g in grades]
    gaps = [(v - b) / b for v, b in zip(values, bases, strict=True) if b]
    rivals = [g.metrics["mddc"] for g in grades]
    proven = [g.against == "optimum" for g in grades if g.against]
    score = _clustered(records, lambda g: g.score)
    metrics = {
        "ratio_of_sums": ratio_of_sums(values, bases),
        "mean_of_ratios": bootstrap(gaps),
        "gap_median": bootstrap(gaps, "median"),
        "zero_references": _count(len(grades) - len(gaps)),
        "gap_proven": rate(sum(proven), len(proven)),
        "share_optimal": _share([_optimal(g) for g in grades]),
        "skill_over_mddc": _clustered(records, _over_mddc),
        "win_mddc": _share([v < m for v, m in zip(values, rivals, strict=True)]),
        "tie_mddc": _share([v == m for v, m in zip(values, rivals, strict=True)]),
        "loss_mddc": _share([v > m for v, m in zip(values, rivals, strict=True)]),
    }
    for level in sorted({r.level for r in records}):
        metrics[f"skill@{level}"] = _clustered(
            [r for r in records if r.level == level], lambda g: g.score
        )
    return score, metrics


def _value(grade: Grade) -> float:
    """The tardiness reached; of an invalid answer that of a random order."""
    return grade.metrics["random"] if grade.objective is None else float(grade.objective)


def _optimal(grade: Grade) -> bool:
    return grade.objective is not None and grade.objective == grade.metrics["reference"]


def _over_mddc(grade: Grade) -> float:
    m = grade.metrics
    return grade.score - skill(m["mddc"], m["reference"], m["random"])


def _clustered(records: Sequence[Record], measure: Callable[[Grade], float]) -> Estimate:
    """The mean of a measure over instances; epochs of an instance count once, by their mean."""
    groups: dict[str, list[float]] = {}
    for record in records:
        if record.grade:
            groups.setdefault(record.instance, []).append(measure(record.grade))
    return bootstrap([mean(group) for group in groups.values()])


def _share(hits: Sequence[bool]) -> Estimate:
    return rate(sum(hits), len(hits))


def _count(number: int) -> Estimate:
    return Estimate(float(number), float(number), float(number))
