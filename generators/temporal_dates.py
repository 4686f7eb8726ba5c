"""Draws the facts of questions about the calendar.

Levels count steps, periods, years, holidays, jobs or mentions: `docs/temporal.md` says which.
"""

from collections import Counter
from datetime import date, timedelta
from functools import cache
from itertools import combinations
from math import lcm
from random import Random

from tasks.temporal_calendar import Unit
from tasks.temporal_dates import (
    Bound,
    Business,
    ChronicleEvent,
    Cycle,
    DateStep,
    DateSteps,
    Dating,
    DaysBetween,
    DaySpan,
    TogetherAgain,
    Weekday,
)

EDGES = ((2, 27), (2, 28), (1, 30), (1, 31), (3, 31), (8, 31), (12, 30), (12, 31))
MOST: dict[Unit, int] = {"days": 90, "weeks": 20, "months": 15}  # of a unit in one step
PERIODS = range(6, 61)  # days
FARTHEST = 40 * 365  # days
EVENTS = (
    "regatta",
    "coronation",
    "election",
    "concert",
    "parade",
    "wedding",
    "auction",
    "jubilee",
    "congress",
    "exhibition",
    "premiere",
    "tournament",
)
CYCLES = ("market", "choir practice", "mail boat", "council")
LONGEST = 800  # days after which a note's day may fit again without one of its cycles
SHORTEST = 20  # days at least, on one side of a note, that fit without its cycles


def some_day(rng: Random) -> date:
    """Draw a day of 1890 to 2110; two of five are near the end of a month or of February."""
    year = rng.randrange(1890, 2111)
    if rng.random() < 0.4:
        return date(year, *rng.choice(EDGES))
    return date(year, 1, 1) + timedelta(rng.randrange(365))


def date_steps(rng: Random, level: int) -> DateSteps:
    """Draw a date and as many steps as the level says, the first of them in months."""
    units: list[Unit] = ["months"]
    units += rng.choices(("days", "weeks", "months"), k=level - 1)
    steps = (DateStep(rng.choice((-1, 1)) * rng.randrange(2, MOST[unit]), unit) for unit in units)
    return DateSteps(some_day(rng), tuple(steps))


def days_between(rng: Random, level: int) -> DaysBetween:
    """Draw as many periods as the level says, of 2 months to 2 years."""
    firsts = [some_day(rng) for _ in range(level)]
    return DaysBetween(
        tuple(
            DaySpan(first, first + timedelta(rng.randrange(60, 730)), both=rng.random() < 0.5)
            for first in firsts
        )
    )


def weekday(rng: Random, level: int) -> Weekday:
    """Draw two dates that are 2 to 26 years apart, and 12 more for each level above the first."""
    first = some_day(rng)
    last = first + timedelta(365 * 12 * (level - 1) + rng.randrange(730, 26 * 365))
    pair = (first, last) if rng.random() < 0.5 else (last, first)
    return Weekday(*pair)


def business(rng: Random, level: int) -> Business:
    """Draw a due date of five working days a level, up to ten more, and holidays.

    Of the days that are about to pass one or two at weekends are holidays, and of any up to two a
    level and four more.
    """
    start = some_day(rng)
    days = 5 * level + rng.randrange(1, 11)
    ahead = [start + timedelta(day) for day in range(1, days * 7 // 5 + 5)]
    weekend = rng.sample([day for day in ahead if day.weekday() >= 5], rng.randrange(1, 3))
    others = rng.sample(ahead, min(rng.randrange(1, 2 * level + 5), len(ahead) // 2))
    return Business(start, days, tuple(sorted({*weekend, *others})))


def together_again(rng: Random, level: int) -> TogetherAgain:
    """Draw a day and one period more than the level says, 6 to 60 days each.

    All of them divide one number of days, so that the day is at most 40 years away.
    """
    common = rng.choice(_multiples(level + 3))
    periods = [period for period in PERIODS if common % period == 0]
    return TogetherAgain(some_day(rng), tuple(rng.sample(periods, level + 1)))


@cache
def _multiples(least: int) -> tuple[int, ...]:
    """Return the numbers of days that are multiples of so many periods at least."""
    counts = Counter(days for period in PERIODS for days in range(period, FARTHEST, period))
    return tuple(sorted(days for days, count in counts.items() if count >= least))


# Dating ---------------------------------------------------------------------------------------


def dating(rng: Random, level: int) -> Dating:
    """Draw a note with a bound more than the level says, and a cycle, two from 3 and three from 6.

    No cycle can be left out, nor the weekday: without it more than one day would fit.
    """
    periods, needed, repeat = rng.choice(_periods(1 + (level >= 3) + (level >= 6)))
    day = some_day(rng)
    longer = rng.randrange(max(needed, SHORTEST), min(repeat, needed + needed // 2 + SHORTEST))
    sides = [timedelta(longer), timedelta(rng.randrange(longer))]
    rng.shuffle(sides)
    low, high = day - sides[0], day + sides[1]
    cycles = []
    names = rng.sample(CYCLES, len(periods))
    for name, every in zip(names, rng.sample(periods, len(periods)), strict=True):
        ago = rng.randrange(every)
        first = day - timedelta(ago)
        first -= timedelta(every * max(0, (first - low).days // every + rng.randrange(1, 4)))
        cycles.append(Cycle(ChronicleEvent(name, first), every, ago))
    return Dating(day.weekday(), _bounds(rng, low, high, level + 1), tuple(cycles))


@cache
def _periods(count: int) -> list[tuple[list[int], int, int]]:
    """Return the periods that so many cycles may have, of which each adds to what others tell.

    Returns:
        Of each choice the periods; after how many days at most a day fits again if a cycle, or the
        weekday, is left out; and after how many it fits all again.
    """
    choices = []
    for periods in combinations((8, 9, 10, 11, 12, 13), count):
        all_of_them = [7, *periods]
        fewer = (all_of_them[:k] + all_of_them[k + 1 :] for k in range(count + 1))
        needed, repeat = max(lcm(*some) for some in fewer), lcm(*all_of_them)
        if max(needed, SHORTEST) < min(repeat, LONGEST):
            choices.append((list(periods), needed, repeat))
    return choices


def _bounds(rng: Random, low: date, high: date, count: int) -> tuple[Bound, ...]:
    """Draw bounds of which one ends the days at `low` and one at `high`, and others are wider."""
    names = rng.sample(EVENTS, count)
    bounds = []
    for number, name in enumerate(names):
        is_low = number == 0 or (number > 1 and rng.random() < 0.5)
        loose = 0 if number < 2 else rng.randrange(3, 60)
        far = (high - low).days + 2 + rng.randrange(2, 40)
        edge = low - timedelta(loose) if is_low else high + timedelta(loose)
        bounds.append(_bound(rng, name, edge, far + loose, is_low=is_low))
    rng.shuffle(bounds)
    return tuple(bounds)


def _bound(rng: Random, name: str, edge: date, far: int, *, is_low: bool) -> Bound:
    """Draw a mention that no day before `edge` fits, or none after it.

    Args:
        rng: draws its words.
        name: of the event.
        edge: the first day that fits, or the last.
        far: how many days from the edge at least fit a mention with `less`.
        is_low: whether the edge is the first day.
    """
    sign = 1 if is_low else -1
    if rng.random() < 0.5:
        days = rng.randrange(2, 60)
        event = ChronicleEvent(name, edge - timedelta(sign * (days + 1)))
        return Bound(event, "ago" if is_low else "ahead", "more", days=days)
    event = ChronicleEvent(name, edge + timedelta(sign * (far - 1)))
    return Bound(event, "ahead" if is_low else "ago", "less", days=far)
