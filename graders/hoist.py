"""Checks a cycle against every rule of a line of tanks, and grades it.

All violations are listed, not just the first; moves are called by the place where they take up:

| kind | fields |
|---|---|
| `period` | `value`: it is missing or below 1 |
| `missing`, `unknown` | `move` |
| `not_integer` | `move` (or `period`), `value` |
| `negative` | `move`, `value` |
| `too_short`, `too_long` | `tank`, `stay`, `amount`: time units that it is out of its limits |
| `occupied` | `tank`, `stay`, `amount`: of the stay that is a period or longer |
| `hoist` | `first`, `second`, `amount`: time units that the hoist needs more between two moves |

`not_integer` is a fault of format: the answer is unparsable. The others are faults of planning. A
station is a tank by the name of `load`.
"""

from graders.exact.hoist_rules import lower_bound
from graders.hoist_violations import broken_share as broken_share
from graders.hoist_violations import violations as violations
from graders.makespans import invalid_grade, least_of, reward_of, valid_grade
from graders.makespans import strata as strata
from graders.makespans import summarise as summarise
from graders.spelling import in_both_readings, invalid_verdict
from tasks.base import (
    Fields,
    Grade,
    Instance,
    Number,
    Outcome,
    Reward,
    Verdict,
)
from tasks.hoist import KEY, PERIOD, HoistLine, one_at_a_time, spelled

FORMAT = ("not_integer",)  # the kinds that make an answer unparsable


def grade(instance: Instance[HoistLine], outcome: Outcome) -> Grade:
    """Grade a cycle by L / period if it keeps every rule, else 0.

    L is the least period, or the lower bound where it is not proven (`against` says which), so that
    1 is a proven optimum. Without a reference L is a quick bound: good enough for a reward, but no
    score to report, and `Family.score` refuses it. The metric `broken` is the share of constraints
    that the answer does not satisfy, in [0, 1].

    Args:
        instance: the line and its reference.
        outcome: one answer; its `times` maps moves to whole time units, beside its `period`.

    Raises:
        SolverFailure: if a valid answer refutes the reference.
    """
    return in_both_readings(_grade, instance, spelled(instance.payload, outcome))


def _grade(instance: Instance[HoistLine], outcome: Outcome) -> Grade:
    """Grade a cycle as it stands."""
    parsed, line = outcome.answers[0], instance.payload
    fields = parsed.value or {}
    times = fields.get(KEY)
    if not isinstance(times, dict):
        reason = parsed.problem or f'the value of "{KEY}" is not an object'
        problem: Fields = {"kind": "unparsable", "reason": reason}
        return invalid_grade(instance, Verdict.unparsable, [problem], broken_share)
    problems = violations(line, fields.get(PERIOD), times)
    if problems:
        verdict = invalid_verdict(problems, FORMAT)
        return invalid_grade(instance, verdict, problems, broken_share)
    return valid_grade(instance, fields[PERIOD], _least_period(instance), "period")


def _least_period(instance: Instance[HoistLine]) -> Number:
    return least_of(instance, lambda: lower_bound(instance.payload))


def reward(instance: Instance[HoistLine], grade: Grade) -> Reward:
    """Return L / period of a valid answer, 0 of any other (see `reward_of`).

    L is the proven optimum, else the best bound that takes no search. So nothing is above its
    reward against the optimum, and 1 is a proven one. W is the period of one part at a time.

    Args:
        instance: the line and its reference.
        grade: of an answer to it.

    Returns:
        The reward; its components are `feasible`, `satisfied` and `quality`, the value.

    Raises:
        ValueError: if the grade is of verdict error.
    """
    longest, _ = one_at_a_time(instance.payload)
    return reward_of(grade, _least_period(instance), longest)
