"""What all questions about time share, and the facts of those about the calendar.

Every kind names in `form` how its answer is written (see `temporal_forms`), and in `options` the
names that the answer is made of, where it is made of names. A wrong one cannot be built.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import ClassVar, Literal

from tasks.base import Noun
from tasks.checks import check_unique
from tasks.temporal_calendar import DAYS, Unit


def check_some(label: str, values: tuple[object, ...]) -> None:
    """Raise ValueError if there are no values; `label` names them."""
    if not values:
        raise ValueError(f"{label}: there must be at least one")


class TimeFacts(Noun, frozen=True, tag_field="kind", tag="facts"):
    """The base of all kinds."""

    form: ClassVar[str] = ""

    @property
    def kind(self) -> str:
        """Return the name of the kind."""
        return str(self.__struct_config__.tag)

    @property
    def options(self) -> tuple[str, ...]:
        """Return the names that an answer is made of; none where it is no name."""
        return ()


# The calendar ---------------------------------------------------------------------------------


class DateStep(Noun, frozen=True):
    """A step of so many days, weeks or months, back if below 0."""

    amount: int
    unit: Unit

    def __post_init__(self) -> None:
        if self.amount == 0:
            raise ValueError("a step of 0 goes nowhere")


class DateSteps(TimeFacts, frozen=True, tag="date_steps"):
    """Steps from a date, one after the other: which date is it?"""

    form: ClassVar[str] = "date"
    start: date
    steps: tuple[DateStep, ...]

    def __post_init__(self) -> None:
        check_some("steps", self.steps)


class DaySpan(Noun, frozen=True):
    """The days from one to another; `both`: the first and the last are counted."""

    first: date
    last: date
    both: bool

    def __post_init__(self) -> None:
        if self.last <= self.first:
            raise ValueError(f"the last day {self.last} is not after the first {self.first}")


class DaysBetween(TimeFacts, frozen=True, tag="days_between"):
    """Spans of days: how many days are they together?"""

    form: ClassVar[str] = "number"
    spans: tuple[DaySpan, ...]

    def __post_init__(self) -> None:
        check_some("spans", self.spans)


class Weekday(TimeFacts, frozen=True, tag="weekday"):
    """A date whose day of the week is known, and another: which day of the week is that?"""

    form: ClassVar[str] = "name"
    anchor: date
    target: date

    @property
    def options(self) -> tuple[str, ...]:
        """Return the days of the week."""
        return DAYS


class Business(TimeFacts, frozen=True, tag="business"):
    """A due date in working days after a start, with holidays."""

    form: ClassVar[str] = "date"
    start: date
    days: int
    holidays: tuple[date, ...]

    def __post_init__(self) -> None:
        if self.days < 1:
            raise ValueError(f"days: {self.days} is below 1")
        check_unique("holidays", map(str, self.holidays))


class TogetherAgain(TimeFacts, frozen=True, tag="together_again"):
    """Jobs that run every so many days, all of them on one: when do they next?"""

    form: ClassVar[str] = "date"
    start: date
    periods: tuple[int, ...]

    def __post_init__(self) -> None:
        if len(self.periods) < 2 or min(self.periods) < 2:
            raise ValueError(f"periods {self.periods}: there must be two, each at least 2")


class ChronicleEvent(Noun, frozen=True):
    """An event of a chronicle and its day."""

    name: str
    date: date


class Bound(Noun, frozen=True):
    """A mention of an event: more, or less, than so many days ago, or ahead.

    A day d fits if the days from the event to d (`ago`), or from d to the event (`ahead`), are more
    than `days`, or from 1 to less than `days`.
    """

    event: ChronicleEvent
    side: Literal["ago", "ahead"]
    than: Literal["more", "less"]
    days: int

    def fits(self, day: date) -> bool:
        """Return whether a day agrees with the mention."""
        away = (day - self.event.date).days * (1 if self.side == "ago" else -1)
        return away > self.days if self.than == "more" else 0 < away < self.days


class Cycle(Noun, frozen=True):
    """A mention of an event that comes every so many days: it last came `ago` days ago."""

    event: ChronicleEvent
    every: int
    ago: int

    def __post_init__(self) -> None:
        if not 0 <= self.ago < self.every:
            raise ValueError(f"{self.event.name}: {self.ago} days ago is not below {self.every}")

    def fits(self, day: date) -> bool:
        """Return whether a day agrees with the mention."""
        away = (day - self.event.date).days
        return away >= 0 and away % self.every == self.ago


class Dating(TimeFacts, frozen=True, tag="dating"):
    """A note that mentions events of a chronicle: on which day was it written?

    Attributes:
        weekday: of the note, 0 a Monday.
        bounds: at least one that has a day before it, and one that has a day after it.
        cycles: events that come again and again.
    """

    form: ClassVar[str] = "date"
    weekday: int
    bounds: tuple[Bound, ...]
    cycles: tuple[Cycle, ...]

    def __post_init__(self) -> None:
        if not 0 <= self.weekday < 7:
            raise ValueError(f"weekday {self.weekday} is not from 0 to 6")
        days = days_that_fit(self.weekday, self.bounds, self.cycles)
        if len(days) != 1:
            raise ValueError(f"{len(days)} days fit what the note mentions, not one")


def days_that_fit(weekday: int, bounds: Sequence[Bound], cycles: Sequence[Cycle]) -> list[date]:
    """Return all days that agree with every mention of a note, in order.

    Args:
        weekday: of the note, 0 a Monday.
        bounds: mentions of events by their distance.
        cycles: mentions of events that come again and again.

    Raises:
        ValueError: the mentions do not bound the days on both sides.
    """
    lows: list[date] = []
    highs: list[date] = []
    for bound in bounds:
        sign = 1 if bound.side == "ago" else -1
        if bound.than == "more":
            (lows if sign > 0 else highs).append(_away(bound, bound.days + 1))
        else:
            near, far = _away(bound, 1), _away(bound, bound.days - 1)
            lows.append(near if sign > 0 else far)
            highs.append(far if sign > 0 else near)
    if not lows or not highs:
        raise ValueError("the mentions do not bound the day on both sides")
    first, last = max(lows).toordinal(), min(highs).toordinal()
    first += (weekday + 1 - first) % 7  # day 1 of all was a Monday
    days = list(range(first, last + 1, 7))
    for cycle in cycles:
        start, every, ago = cycle.event.date.toordinal(), cycle.every, cycle.ago
        days = [day for day in days if (day - start) % every == ago and day >= start]
    return [date.fromordinal(day) for day in days]


def _away(bound: Bound, days: int) -> date:
    """Return the day that is so many days from the event of a mention, on its side."""
    return bound.event.date + timedelta(days if bound.side == "ago" else -days)
