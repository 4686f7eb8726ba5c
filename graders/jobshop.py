"""Checks start times against every rule of a job shop, and grades them.

All intervals are half-open. All violations are listed, not just the first; operations are counted
from 1:

| kind | fields |
|---|---|
| `missing`, `unknown` | `job` |
| `not_a_list` | `job`, `value` |
| `length` | `job`, `amount` (of starts given), `operations` (that the job has) |
| `not_integer`, `negative` | `job`, `operation`, `value` |
| `precedence` | `job`, `operation`, `amount`: time units before the end of the one before |
| `machine` | `machine`, `first`, `second`, `start`, `end`: two jobs, and when both have it |
| `shutdown` | `machine`, `job`, `operation`, `start`, `end`: the common interval |
| `swap` | `time`, `jobs`: a ring of jobs that exchange machines; where nothing else is wrong |

`not_a_list` and `not_integer` are faults of format: the answer is unparsable. The others are faults
of planning.
"""

from functools import lru_cache

from graders.exact.jobshop import lower_bound
from graders.exact.jobshop_rules import index_shop
from graders.jobshop_violations import broken_share as broken_share
from graders.jobshop_violations import violations as violations
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
from tasks.jobshop import KEY, Shop, in_a_row, makespan, spelled

FORMAT = ("not_a_list", "not_integer")  # the kinds that make an answer unparsable


def grade(instance: Instance[Shop], outcome: Outcome) -> Grade:
    """Grade start times by L / makespan if they keep every rule, else 0.

    L is the optimum, or the lower bound where it is not proven (`against` says which), so that 1 is
    a proven optimum. Without a reference L is a quick bound: good enough for a reward, but no score
    to report, and `Family.score` refuses it. The metric `broken` is the share of constraints that
    the answer does not satisfy, in [0, 1].

    Args:
        instance: the shop and its reference.
        outcome: one answer; its `starts` maps job ids to lists of start times in whole time units.

    Raises:
        SolverFailure: if a valid answer refutes the reference.
    """
    return in_both_readings(_grade, instance, spelled(instance.payload, outcome))


def _grade(instance: Instance[Shop], outcome: Outcome) -> Grade:
    """Grade start times as they stand."""
    parsed, shop = outcome.answers[0], instance.payload
    starts = (parsed.value or {}).get(KEY)
    if not isinstance(starts, dict):
        reason = parsed.problem or f'the value of "{KEY}" is not an object'
        problem: Fields = {"kind": "unparsable", "reason": reason}
        return invalid_grade(instance, Verdict.unparsable, [problem], broken_share)
    problems = violations(shop, starts)
    if problems:
        verdict = invalid_verdict(problems, FORMAT)
        return invalid_grade(instance, verdict, problems, broken_share)
    return valid_grade(instance, makespan(shop, starts), _least_makespan(instance), "makespan")


def _least_makespan(instance: Instance[Shop]) -> Number:
    return least_of(instance, lambda: _quick_bound(instance.payload))


@lru_cache(maxsize=1000)
def _quick_bound(shop: Shop) -> int:
    return lower_bound(index_shop(shop))


def reward(instance: Instance[Shop], grade: Grade) -> Reward:
    """Return L / makespan of a valid answer, 0 of any other.

    L is the proven optimum, else the best bound that takes no search. So nothing is above its
    reward against the optimum, and 1 is a proven one. An answer that is longer than W, all
    operations in a row after all shutdowns, has still less: v (1 + L / (L + makespan - W)) / 2,
    where v is L / W. So no valid answer has v / 2 or less, and a near miss has the share of
    constraints satisfied times v / 2.

    Args:
        instance: the shop and its reference.
        grade: of an answer to it.

    Returns:
        The reward; its components are `feasible`, `satisfied` and `quality`, the value.

    Raises:
        ValueError: if the grade is of verdict error.
    """
    return reward_of(grade, _least_makespan(instance), in_a_row(instance.payload))
