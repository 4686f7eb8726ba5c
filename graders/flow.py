"""Plays an episode's decisions again, and sets the total flow time against the least there is.

The kinds of violations:

| kind | fields |
|---|---|
| `unparsable` | `turn`, `reason`: no answer object; the machine stood idle |
| `no_decision` | `turn`, `value`: what stands for the job is no text; the machine stood idle |
| `unknown_job` | `turn`, `value`: no job that is there; the machine stood idle |
| `unfinished` | `amount`: jobs that were not done at the end |
| `surplus` | `amount`: decisions after the end, which change nothing |

An episode with an `unfinished` is invalid: unparsable if no turn named a job, else infeasible. One
that was finished in spite of lost turns is valid, and has lost the time.
"""

from collections.abc import Sequence
from functools import lru_cache

from graders.clusters import mean_over, metric_of, score_of, score_over, strata
from graders.exact.flow import Rule, fifo, op_srpt, simulate, srpt
from graders.rewards import below_closeness, closeness, valid_objective
from graders.spelling import in_both_readings
from graders.statistics import Estimate
from tasks.base import (
    Fields,
    Grade,
    Instance,
    Number,
    Outcome,
    Record,
    Reward,
    SolverFailure,
    Verdict,
)
from tasks.flow_machine import TRIES, OneMachine, spelled
from tasks.flow_payload import Flow

INFORMED = "informed"  # of the reference's answer: the total of the rule that knows the generator
RULES: dict[str, Rule] = {"fifo": fifo, "op_srpt": op_srpt, "srpt": srpt}


def grade(instance: Instance[Flow], outcome: Outcome) -> Grade:
    """Grade an episode by F* / F, the least total flow time over its own; 0 if it is unfinished.

    Args:
        instance: the jobs and their reference; without one F* is found at once.
        outcome: the answer of each turn, in their order.

    Raises:
        SolverFailure: if a finished episode refutes the reference.
    """
    turns = tuple(spelled(instance.payload, parsed) for parsed in outcome.answers)
    return in_both_readings(_grade, instance, Outcome(turns))


def _grade(instance: Instance[Flow], outcome: Outcome) -> Grade:
    """Grade the answers of an episode as they stand."""
    machine, turns = OneMachine(instance.payload), 0
    for parsed in outcome.answers:
        if machine.is_over:
            break
        machine.decide(parsed)
        turns += 1
    surplus = len(outcome.answers) - turns
    violations = [*machine.faults]
    violations += [{"kind": "surplus", "amount": surplus}] if surplus else []
    metrics = {"turns": float(turns), "invalid_turns": float(len(machine.faults))}
    if machine.is_done:
        return _finished(instance, machine.total, violations, metrics)
    missing = len(instance.payload.jobs) - len(machine.completed)
    usable = turns > len(machine.faults) or any(f["kind"] == "unknown_job" for f in violations)
    return Grade(
        Verdict.infeasible if usable else Verdict.unparsable,
        0.0,
        bound=instance.reference.bound,
        violations=(*violations, {"kind": "unfinished", "amount": missing}),
        metrics=metrics | {"beats_fifo": 0.0, "beats_op_srpt": 0.0},
    )


def _finished(
    instance: Instance[Flow], total: int, violations: Sequence[Fields], metrics: dict[str, float]
) -> Grade:
    best = _least_total(instance)
    if total < best:
        raise SolverFailure(f"{instance.id}: a total flow time of {total} is below {best}")
    return Grade(
        Verdict.valid,
        best / total,
        objective=total,
        bound=best,
        gap=(total - best) / best,
        against="optimum",
        violations=tuple(violations),
        metrics=metrics | _beside_rules(instance, total, best),
    )


def _beside_rules(instance: Instance[Flow], total: int, best: Number) -> dict[str, float]:
    """Return how a total compares with those of rules on the same jobs."""
    first, shortest = (rule_total(instance.payload, name) for name in ("fifo", "op_srpt"))
    metrics = {"beats_fifo": float(total < first), "beats_op_srpt": float(total < shortest)}
    if first > best:
        metrics["over_fifo"] = (first - total) / (first - best)
    online = (instance.reference.answer or {}).get(INFORMED)
    if isinstance(online, int) and online > 0:
        metrics["regret_informed"] = total / online - 1
    return metrics


@lru_cache(maxsize=3000)
def rule_total(flow: Flow, name: str) -> int:
    """Return the total flow time, in time units, of one of `RULES`."""
    return simulate(flow, RULES[name]).total


def _least_total(instance: Instance[Flow]) -> Number:
    reference = instance.reference
    if reference.status == "optimal" and reference.objective is not None:
        return reference.objective
    return rule_total(instance.payload, "srpt")


def reward(instance: Instance[Flow], grade: Grade) -> Reward:
    """Return F* / F = 1 / (1 + gap) of a finished episode, 0 of any other.

    F* is the least total flow time, which is always known. A near miss is the share of jobs that
    were done, times F* / (W + 1): no finished episode has a total above W. If no turn named a job
    it is 0.

    Args:
        instance: the jobs.
        grade: of an episode of them.

    Returns:
        The reward; its components are `finished`, `done` (the share of jobs) and `quality`, the
        value.

    Raises:
        ValueError: if the grade is of verdict error.
    """
    total, best = valid_objective(grade), _least_total(instance)
    value = closeness(total - best, best) if total is not None else 0.0
    done = 0.0 if grade.verdict is Verdict.unparsable else _done_share(instance.payload, grade)
    return Reward(
        value,
        {"finished": float(total is not None), "done": done, "quality": value},
        value or done * below_closeness(_greatest_total(instance.payload) - best, best),
    )


def _done_share(flow: Flow, grade: Grade) -> float:
    missing = sum(v["amount"] for v in grade.violations if v["kind"] == "unfinished")
    return 1 - float(missing) / len(flow.jobs)


def _greatest_total(flow: Flow) -> int:
    """Return what no finished episode has more of: all jobs are done at the latest end there is.

    Before each decision, of which there is one an event at most, the machine stands idle for all
    turns but the last that may be lost in a row.
    """
    events = sum(len(job.operations) + 1 for job in flow.jobs)
    work = sum(sum(job.operations) for job in flow.jobs)
    last = max(job.release for job in flow.jobs)
    end = last + work + (TRIES - 1) * flow.pause * events
    return sum(end - job.release for job in flow.jobs)


# On the board --------------------------------------------------------------------------------


def summarise(records: Sequence[Record]) -> tuple[Estimate, dict[str, Estimate]]:
    """Estimate the headline, F* / F, and the metrics of a board row: means over the levels.

    The metrics: `beats_fifo` and `beats_op_srpt`, the share of episodes with a lower total than the
    rule (unfinished ones have not); of finished ones `over_fifo` (1 is the optimum, 0 as FIFO) and
    `regret_informed` (over the rule that knows the generator); `turns`, `invalid_turns`; `score@L`
    by level. An instance counts by the mean of its epochs, and instances of one seed and index are
    a cluster.

    Args:
        records: the episodes of a row, all of them graded.

    Returns:
        The headline and the metrics by name.
    """
    levels = strata(records)
    shares = ("beats_fifo", "beats_op_srpt")
    others = ("over_fifo", "regret_informed", "turns", "invalid_turns")
    metrics = {
        **{name: score_over(levels, metric_of(name)) for name in shares},
        **{name: mean_over(levels, metric_of(name)) for name in others},
        **{f"score@{group[0].level}": score_over([group], score_of) for group in levels},
    }
    return score_over(levels, score_of, equal=True), metrics
