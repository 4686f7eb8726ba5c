"""Answers that need less than the work: the traps of each kind, and what falls into them.

A kind is only asked where these, and the most common answer, are hardly ever right: see
`docs/temporal.md`. The first of each kind is what the policy `naive` answers.
"""

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from math import prod
from typing import Any

from graders.exact.allen import relation
from graders.exact.temporal import Answer, right_answer
from tasks.temporal_calendar import DAY, DAYS, spelled_time
from tasks.temporal_dates import (
    Business,
    DateSteps,
    Dating,
    DaysBetween,
    TimeFacts,
    TogetherAgain,
    Weekday,
)
from tasks.temporal_facts import (
    RELATIONS,
    Clock,
    CommonSlot,
    Durations,
    IntervalComposition,
    IntervalRelation,
    Network,
    OfficeTerms,
    Ordering,
    Sent,
    SlowestPath,
    Zones,
    common_starts,
)

FARTHEST = 1_000_000  # days that no date is away from another
ROUND = {"days": 1, "weeks": 7, "months": 30}  # days of a unit, as they are often taken
Shortcuts = Mapping[str, Callable[[Any], Answer]]


def shortcut_answers(facts: TimeFacts) -> dict[str, Answer]:
    """Return what each shortcut of the kind answers, by its name."""
    return {name: shortcut(facts) for name, shortcut in SHORTCUTS[facts.kind].items()}


def naive_answer(facts: TimeFacts) -> Answer:
    """Return what the first shortcut of the kind answers."""
    return next(iter(SHORTCUTS[facts.kind].values()))(facts)


def is_trap(facts: TimeFacts) -> bool:
    """Return whether all shortcuts of the kind are wrong."""
    answer = right_answer(facts)
    return all(shortcut(facts) != answer for shortcut in SHORTCUTS[facts.kind].values())


# The calendar ---------------------------------------------------------------------------------


def _months_of_30(facts: DateSteps) -> str:
    days = sum(step.amount * ROUND[step.unit] for step in facts.steps)
    return (facts.start + timedelta(days)).isoformat()


def _first_step(facts: DateSteps) -> str:
    alone = DateSteps(facts.start, facts.steps[:1])
    return str(right_answer(alone)) if len(facts.steps) > 1 else ""


def _round_days(first: date, last: date) -> int:
    """Return the days between dates by years of 365 and months of 30."""
    years, months = last.year - first.year, last.month - first.month
    return 365 * years + 30 * months + last.day - first.day


def _round_spans(facts: DaysBetween) -> int:
    return sum(_round_days(span.first, span.last) + span.both for span in facts.spans)


def _round_weekday(facts: Weekday) -> str:
    return DAYS[(facts.anchor.weekday() + _round_days(facts.anchor, facts.target)) % 7]


def _same_weekday(facts: Weekday) -> str:
    return DAYS[facts.anchor.weekday()]


def _no_leap_days(facts: Weekday) -> str:
    """Return the day of the week by years of 365 days with months as long as they are."""
    first, last = (date(2001, day.month, min(day.day, 28)) for day in (facts.anchor, facts.target))
    days = (last - first).days + 365 * (facts.target.year - facts.anchor.year)
    days += max(0, facts.target.day - 28) - max(0, facts.anchor.day - 28)
    return DAYS[(facts.anchor.weekday() + days) % 7]


def _five_of_seven(facts: Business) -> str:
    return (facts.start + timedelta(facts.days * 7 // 5)).isoformat()


def _no_holidays(facts: Business) -> str:
    return str(right_answer(Business(facts.start, facts.days, ())))


def _all_holidays_count(facts: Business) -> str:
    within = [day for day in facts.holidays if day <= date.fromisoformat(_no_holidays(facts))]
    return str(right_answer(Business(facts.start, facts.days + len(within), ())))


def _product(facts: TogetherAgain) -> str:
    days = prod(facts.periods)
    return (facts.start + timedelta(days)).isoformat() if days < FARTHEST else ""


def _two_largest(facts: TogetherAgain) -> str:
    if len(facts.periods) == 2:
        return (facts.start + timedelta(max(facts.periods))).isoformat()
    return str(right_answer(TogetherAgain(facts.start, tuple(sorted(facts.periods)[-2:]))))


def _first_mention(facts: Dating) -> str:
    """Return the first such weekday after the first mentioned event, or before it."""
    bound = facts.bounds[0]
    sign = 1 if bound.side == "ago" else -1
    edge = bound.event.date + timedelta(sign * (bound.days if bound.than == "more" else 0))
    days = range(1, 8) if sign > 0 else range(-1, -8, -1)
    near = (edge + timedelta(day) for day in days)
    return next(day for day in near if day.weekday() == facts.weekday).isoformat()


def _last_cycle(facts: Dating) -> str:
    """Return the first day after all bounds' lower ends that fits the weekday alone."""
    lows = [b.event.date + timedelta(b.days) for b in facts.bounds if b.side == "ago"]
    lows += [b.event.date for b in facts.bounds if b.side == "ago" and b.than == "less"]
    day = max(lows, default=facts.bounds[0].event.date)
    return (day + timedelta(1 + (facts.weekday - day.weekday() - 1) % 7)).isoformat()


# The clock ------------------------------------------------------------------------------------


def _half_days(facts: Clock) -> int:
    """Return the minutes if the halves of the day were not looked at."""
    return sum((shift.end - shift.start) % (DAY // 2) for shift in facts.shifts)


def _same_day(facts: Clock) -> int:
    """Return the minutes between the two times of each run on one day."""
    return sum(abs(shift.end - shift.start) for shift in facts.shifts)


def _never_changed(facts: Zones) -> list[str]:
    return _sent_by(facts, lambda each: each.offset)


def _always_changed(facts: Zones) -> list[str]:
    return _sent_by(facts, lambda each: each.offset + each.change)


def _no_offsets(facts: Zones) -> list[str]:
    return _sent_by(facts, lambda _: 0)


def _sent_by(facts: Zones, offset: Callable[[Sent], int]) -> list[str]:
    """Return the order of messages if the clocks of each city were at some offset."""
    moments = {m.name: m.local - timedelta(minutes=offset(m)) for m in facts.messages}
    return sorted(moments, key=lambda name: moments[name])


def _by_number(facts: Durations) -> list[str]:
    return [each.name for each in sorted(facts.lengths, key=lambda each: each.amount)]


def _by_unit(facts: Durations) -> list[str]:
    units = ["seconds", "minutes", "hours", "days", "weeks"]
    ordered = sorted(facts.lengths, key=lambda each: (units.index(each.unit), each.amount))
    return [each.name for each in ordered]


def _first_person(facts: CommonSlot) -> str:
    return spelled_time(common_starts(facts, facts.people[:1])[0])


def _latest_single(facts: CommonSlot) -> str:
    """Return the latest of the starts that suit each person alone."""
    return spelled_time(max(common_starts(facts, [person])[0] for person in facts.people))


# Order and intervals --------------------------------------------------------------------------


def _as_mentioned(facts: Ordering) -> list[str]:
    names = (name for gap in facts.gaps for name in (gap.name, gap.other))
    return list(dict.fromkeys(names))


def _by_first_fact(facts: Ordering) -> list[str]:
    """Return names by the minutes of the fact that mentions them first, whatever they refer to."""
    times = {gap.name: gap.minutes for gap in reversed(facts.gaps)}
    return sorted(facts.options, key=lambda name: times.get(name, 0))


def _from_starts(facts: IntervalRelation) -> str:
    """Return the relation if every meeting's start were told from that of the one before."""
    first = start, _ = facts.start, facts.start + facts.minutes
    for each in facts.meetings:
        start += each.offset
    return relation(first, (start, start + facts.meetings[-1].minutes))


def _second_only(facts: IntervalRelation) -> str:
    """Return the relation to the second meeting, if there are more."""
    alone = IntervalRelation(facts.start, facts.minutes, facts.meetings[:1])
    return str(right_answer(alone)) if len(facts.meetings) > 1 else ""


def _first_link(facts: IntervalComposition) -> list[str]:
    return [facts.relations[0]]


def _all_relations(_: IntervalComposition) -> list[str]:
    return list(RELATIONS)


def _links_themselves(facts: IntervalComposition) -> list[str]:
    return [each for each in RELATIONS if each in facts.relations]


def _counted_twice(facts: OfficeTerms) -> int:
    return sum(t.last - t.first for t in facts.terms if t.person == facts.person)


def _first_term(facts: OfficeTerms) -> int:
    term = next(t for t in facts.terms if t.person == facts.person)
    return term.last - term.first


def _first_to_last(facts: OfficeTerms) -> int:
    terms = [t for t in facts.terms if t.person == facts.person]
    return max(t.last for t in terms) - min(t.first for t in terms)


# Plans ----------------------------------------------------------------------------------------


def _sum_of_steps(facts: SlowestPath) -> int:
    return sum(step.minutes for step in facts.steps)


def _last_step(facts: SlowestPath) -> int:
    """Return when the last step is done, if each begins after the first that it waits for."""
    ends: list[int] = []
    for step in facts.steps:
        ends.append(step.minutes + (ends[step.needs[0] - 1] if step.needs else 0))
    return ends[-1]


def _lower_bounds(facts: Network) -> int:
    """Return the earliest minute by lower bounds alone."""
    times = [0] * facts.events
    for _ in range(facts.events):
        for each in facts.constraints:
            if each.least is not None:
                times[each.later] = max(times[each.later], times[each.earlier] + each.least)
    return times[-1]


def _own_bound(facts: Network) -> int:
    """Return the least distance that is said of the event itself."""
    last = facts.events - 1
    return next(c.least for c in facts.constraints if c.later == last and c.least is not None)


SHORTCUTS: Mapping[str, Shortcuts] = {
    "date_steps": {"months of 30 days": _months_of_30, "one step": _first_step},
    "days_between": {"months of 30 days": _round_spans},
    "weekday": {
        "months of 30 days": _round_weekday,
        "the same": _same_weekday,
        "no leap days": _no_leap_days,
    },
    "business": {
        "five days of seven": _five_of_seven,
        "no holidays": _no_holidays,
        "holidays at weekends count": _all_holidays_count,
    },
    "together_again": {"the product": _product, "the two largest": _two_largest},
    "dating": {"the first mention": _first_mention, "no cycles": _last_cycle},
    "clock": {"halves of the day": _half_days, "the same day": _same_day},
    "zones": {
        "no change of clocks": _never_changed,
        "every change": _always_changed,
        "no offsets": _no_offsets,
    },
    "durations": {"by number": _by_number, "by unit": _by_unit},
    "slot": {"the first person": _first_person, "the latest of single ones": _latest_single},
    "ordering": {"as mentioned": _as_mentioned, "by the first fact": _by_first_fact},
    "interval_relation": {"from starts": _from_starts, "the second meeting": _second_only},
    "interval_composition": {
        "the first link": _first_link,
        "all": _all_relations,
        "the links": _links_themselves,
    },
    "timeline": {
        "counted twice": _counted_twice,
        "the first term": _first_term,
        "from first to last": _first_to_last,
    },
    "slowest_path": {"the sum": _sum_of_steps, "the first need": _last_step},
    "network": {"lower bounds": _lower_bounds, "its own bound": _own_bound},
}
