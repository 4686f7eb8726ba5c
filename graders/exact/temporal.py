"""The one right answer to a question about time, which follows from its facts."""

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from math import lcm
from typing import Any, TypeAlias

from graders.exact.allen import compose, relation
from tasks.base import Reference
from tasks.temporal import KEY, TimeQuestion
from tasks.temporal_calendar import DAY, DAYS, shifted, spelled_time
from tasks.temporal_dates import (
    Business,
    DateSteps,
    Dating,
    DaysBetween,
    TimeFacts,
    TogetherAgain,
    Weekday,
    days_that_fit,
)
from tasks.temporal_facts import (
    IMPOSSIBLE,
    Clock,
    CommonSlot,
    Durations,
    IntervalComposition,
    IntervalRelation,
    Network,
    OfficeTerms,
    Ordering,
    SlowestPath,
    Zones,
    arrival_times,
    common_starts,
)

Answer: TypeAlias = str | int | list[str]
SOLVER = "facts"
WEEKEND = (6, 0)  # of the number of a day (`date.toordinal`) modulo 7: day 1 was a Monday


def reference(question: TimeQuestion, *, seconds: float | None = None) -> Reference:  # noqa: ARG001
    """Return the right answer; the objective is the number of wrong ones, which is 0.

    Args:
        question: any.
        seconds: of no use here, it takes far less than one.
    """
    answer = {KEY: right_answer(question.facts)}
    return Reference("optimal", 0, 0, solver=SOLVER, answer=answer)


def right_answer(facts: TimeFacts) -> Answer:
    """Return the answer in the form that the kind of the facts asks for."""
    return _SOLVERS[facts.kind](facts)


# The calendar ---------------------------------------------------------------------------------


def _date_steps(facts: DateSteps) -> str:
    day = facts.start
    for step in facts.steps:
        day = shifted(day, step.amount, step.unit)
    return day.isoformat()


def _days_between(facts: DaysBetween) -> int:
    return sum((span.last - span.first).days + span.both for span in facts.spans)


def _weekday(facts: Weekday) -> str:
    return DAYS[facts.target.weekday()]


def _business(facts: Business) -> str:
    day, left = facts.start.toordinal(), facts.days
    free = {holiday.toordinal() for holiday in facts.holidays}
    while left:
        day += 1
        left -= day % 7 not in WEEKEND and day not in free
    return date.fromordinal(day).isoformat()


def _together_again(facts: TogetherAgain) -> str:
    return (facts.start + timedelta(lcm(*facts.periods))).isoformat()


def _dating(facts: Dating) -> str:
    [day] = days_that_fit(facts.weekday, facts.bounds, facts.cycles)
    return day.isoformat()


# The clock ------------------------------------------------------------------------------------


def _clock(facts: Clock) -> int:
    return sum((shift.end - shift.start) % DAY for shift in facts.shifts)


def _zones(facts: Zones) -> list[str]:
    return [message.name for message in sorted(facts.messages, key=lambda each: each.utc)]


def _durations(facts: Durations) -> list[str]:
    return [each.name for each in sorted(facts.lengths, key=lambda each: each.seconds)]


def _slot(facts: CommonSlot) -> str:
    return spelled_time(common_starts(facts, facts.people)[0])


# Order and intervals --------------------------------------------------------------------------


def _ordering(facts: Ordering) -> list[str]:
    times = arrival_times(facts)
    return sorted(times, key=times.__getitem__)


def _interval_relation(facts: IntervalRelation) -> str:
    first = start, end = facts.start, facts.start + facts.minutes
    for each in facts.meetings:
        start = (start if each.origin == "start" else end) + each.offset
        start -= each.minutes if each.edge == "end" else 0
        end = start + each.minutes
    return relation(first, (start, end))


def _interval_composition(facts: IntervalComposition) -> list[str]:
    return compose(facts.relations)


def _timeline(facts: OfficeTerms) -> int:
    terms = [term for term in facts.terms if term.person == facts.person]
    return len({year for term in terms for year in range(term.first, term.last)})


# Plans ----------------------------------------------------------------------------------------


def _slowest_path(facts: SlowestPath) -> int:
    ends: list[int] = []
    for step in facts.steps:
        ends.append(step.minutes + max((ends[need - 1] for need in step.needs), default=0))
    return max(ends)


def _network(facts: Network) -> int | str:
    earliest = earliest_times(facts)
    return IMPOSSIBLE if earliest is None else earliest[-1]


def earliest_times(facts: Network) -> list[int] | None:
    """Return the earliest minute of each event, None where no times fit all constraints.

    They are the longest paths from event 0, over lower bounds and negated upper ones, by Bellman
    and Ford: no times fit where paths grow without end (Dechter, Meiri and Pearl 1991, 3.1).
    """
    edges = [(c.earlier, c.later, c.least) for c in facts.constraints if c.least is not None]
    edges += [(c.later, c.earlier, -c.most) for c in facts.constraints]
    times: list[int | None] = [0, *[None] * (facts.events - 1)]
    for _ in range(facts.events + 1):
        is_still = True
        for tail, head, least in edges:
            start, reached = times[tail], times[head]
            if start is not None and (reached is None or start + least > reached):
                times[head], is_still = start + least, False
        if is_still:
            return [time for time in times if time is not None]
    return None


_SOLVERS: Mapping[str, Callable[[Any], Answer]] = {
    "date_steps": _date_steps,
    "days_between": _days_between,
    "weekday": _weekday,
    "business": _business,
    "together_again": _together_again,
    "dating": _dating,
    "clock": _clock,
    "zones": _zones,
    "durations": _durations,
    "slot": _slot,
    "ordering": _ordering,
    "interval_relation": _interval_relation,
    "interval_composition": _interval_composition,
    "timeline": _timeline,
    "slowest_path": _slowest_path,
    "network": _network,
}
