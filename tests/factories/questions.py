"""Questions about time, and the calendar counted by hand: no module of dates is used here."""

from functools import cache
from typing import Any

from generators.temporal import Kind, generate
from tasks.base import Instance, Reference
from tasks.temporal import TimeQuestion
from tasks.temporal_facts import AnyFacts

Day = tuple[int, int, int]  # year, month, day
LENGTHS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def question(kind: Kind, level: int = 2, index: int = 0, seed: int = 0) -> Instance[TimeQuestion]:
    return generate(level, seed, index, {"kind": kind})


def of_facts(facts: AnyFacts, reference: Reference | None = None) -> Instance[TimeQuestion]:
    """An instance of some facts, of which nothing is known if no reference is there."""
    known = reference or Reference("none")
    return Instance("i", "temporal", 1, None, 0, {}, 1, TimeQuestion(facts), known)


def facts_of(kind: Kind, count: int) -> list[Any]:
    """TimeFacts of a kind at all levels in turn."""
    return [question(kind, 1 + k % 8, k, seed=5).payload.facts for k in range(count)]


def is_leap(year: int) -> bool:
    return year % 400 == 0 or (year % 4 == 0 and year % 100 != 0)


def month_length(year: int, month: int) -> int:
    return 29 if month == 2 and is_leap(year) else LENGTHS[month - 1]


def following(day: Day) -> Day:
    year, month, number = day
    if number < month_length(year, month):
        return year, month, number + 1
    return (year, month + 1, 1) if month < 12 else (year + 1, 1, 1)


@cache
def calendar() -> tuple[list[Day], dict[Day, int]]:
    """All days from 1 January 1800 to 31 December 2299 one after the other, and their places."""
    days = [(1800, 1, 1)]
    while days[-1] != (2299, 12, 31):
        days.append(following(days[-1]))
    return days, {day: place for place, day in enumerate(days)}


def place_of(text: str) -> int:
    year, month, day = map(int, text.split("-"))
    return calendar()[1][year, month, day]


def iso(place: int) -> str:
    return "{:04d}-{:02d}-{:02d}".format(*calendar()[0][place])


def weekday_of(place: int) -> int:
    """The day of the week, 0 a Monday: 1 January 1800 was a Wednesday."""
    return (place + 2) % 7
