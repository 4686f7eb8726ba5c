"""Calendar days and hours of the clock as questions spell them, and arithmetic with both.

The calendar is the Gregorian one for all years. There is no database of time zones: what a question
needs of offsets it says.
"""

from calendar import monthrange
from datetime import date, timedelta
from typing import Literal, TypeAlias

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
DAY = 24 * 60  # minutes
Unit: TypeAlias = Literal["days", "weeks", "months"]


def spelled_date(day: date) -> str:
    """Return a date with its month as a word: `3 April 1931`."""
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}"


def spelled_time(minute: int) -> str:
    """Return a minute of a day, from 0 on, as `HH:MM`; later ones are those of the days after."""
    return f"{minute // 60 % 24:02d}:{minute % 60:02d}"


def half_day_time(minute: int) -> str:
    """Return a minute of a day on a clock of twelve hours: `12:05 AM` five minutes past midnight.

    Args:
        minute: from 0 to 1439.
    """
    half = "AM" if minute < DAY // 2 else "PM"
    return f"{(minute // 60 - 1) % 12 + 1}:{minute % 60:02d} {half}"


def spelled_length(minutes: int) -> str:
    """Return a length as hours and minutes: `2 h 5 min`, `40 min`, `3 h`."""
    hours, rest = divmod(minutes, 60)
    return " ".join(part for part in (hours and f"{hours} h", rest and f"{rest} min") if part)


def spelled_offset(minutes: int) -> str:
    """Return an offset from UTC: `UTC-03:30`."""
    return f"UTC{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"


def spelled_list(parts: list[str]) -> str:
    """Return words with commas between them, and `and` before the last."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def shift_months(day: date, months: int) -> date:
    """Return the same day of another month; where there is none, the last of that month.

    Args:
        day: to start from.
        months: how many later; earlier if below 0.
    """
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def shifted(day: date, amount: int, unit: Unit) -> date:
    """Return the date so many days, weeks or months later, earlier if below 0."""
    if unit == "months":
        return shift_months(day, amount)
    return day + timedelta(amount * (7 if unit == "weeks" else 1))
