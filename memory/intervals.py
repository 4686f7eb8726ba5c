"""The intervals of simulated time that a tree of notes is made over, each within the next.

After TiMem (arXiv 2601.02845, section 3: segment, session, day, week, profile). A session there is
a talk; here it is half a day. Weeks begin on Monday; the profile is of a month, and a week belongs
to the month of its Monday.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

NOON = "12:00"


@dataclass(frozen=True)
class Level:
    """A kind of interval.

    Attributes:
        name: of the notes of such intervals.
        shown: the most of its notes that are recalled.
        interval: returns the name of the interval that a day and a time of it are in.
    """

    name: str
    shown: int
    interval: Callable[[date, str], str]


def _session(day: date, time: str) -> str:
    """Return the half of a day, or the day where no time is told."""
    return f"{day} {'before' if time < NOON else 'after'} noon" if time else f"{day}"


def _day(day: date, time: str) -> str:  # noqa: ARG001
    return f"{day}"


def _week(day: date, time: str) -> str:  # noqa: ARG001
    return f"the week from {_monday(day)}"


def _month(day: date, time: str) -> str:  # noqa: ARG001
    return f"{_monday(day):%Y-%m}"


def _monday(day: date) -> date:
    return day - timedelta(day.weekday())


LEVELS = (
    Level("session", 4, _session),
    Level("day", 2, _day),
    Level("week", 2, _week),
    Level("profile", 1, _month),
)
