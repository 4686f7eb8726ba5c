"""Writes a user's year as an iCalendar file (RFC 5545), and who is busy when in Google's shape.

UID and DTSTAMP are fixed, so that the same year gives the same bytes. Times are UTC. Without
decisions the file holds what a prompt does and no more: the user has answered no clash yet.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from importlib import import_module
from typing import Any

from generators.calendar_people import occurrences
from tasks.base import Fields, InputError, Instance
from tasks.calendar import Event, Person, Round, Series, Year
from tasks.extras import extra

STAMP = datetime(2025, 1, 1, tzinfo=UTC)


def export(instance: Instance[Year], decisions: Sequence[str | None] | None = None) -> bytes:
    """Return the user's regular meetings and every event of every clash, as one .ics file.

    Args:
        instance: the year.
        decisions: the ids of the events accepted, round by round (None: all declined). In the
            rounds that they cover the user's PARTSTAT is ACCEPTED or DECLINED, else NEEDS-ACTION.

    Raises:
        InputError: the library is not installed, or a decision is of no event of its round.
    """
    library, year = _library(), instance.payload
    people = year.organisation.by_id()
    calendar = library.Calendar()
    calendar.add("prodid", "-//Makespan//calendar//EN")
    calendar.add("version", "2.0")
    for series in year.series:
        if year.user in series.attendees:
            calendar.add_component(_series(series, instance, people))
    for number, clash in enumerate(year.rounds, 1):
        statuses = _statuses(number, clash, decisions or ())
        for event, status in zip(clash.events, statuses, strict=True):
            calendar.add_component(
                _event(number, clash, event, status=status, instance=instance, people=people)
            )
    text: bytes = calendar.to_ical()
    return text


def _statuses(number: int, clash: Round, decisions: Sequence[str | None]) -> list[str]:
    """Return the user's PARTSTAT for each event of a round; the first round is 1."""
    if number > len(decisions):
        return ["NEEDS-ACTION"] * len(clash.events)
    choice = decisions[number - 1]
    if choice is not None and choice not in clash.ids:
        raise InputError(f"round {number}: {choice!r} is not one of {', '.join(clash.ids)}")
    return ["ACCEPTED" if name == choice else "DECLINED" for name in clash.ids]


def _library() -> Any:
    """Return the library, which is loaded only here."""
    with extra("ics", "an iCalendar file"):
        return import_module("icalendar")


def _start(day: str, time: str) -> datetime:
    return datetime.fromisoformat(f"{day}T{time}:00+00:00")


def _series(series: Series, instance: Instance[Year], people: dict[str, Person]) -> Any:
    component = _component(series, f"{series.id}@{instance.id}", people)
    start = _start(series.first, series.start)
    component.add("dtstart", start)
    component.add("dtend", start + timedelta(minutes=series.minutes))
    until = _start(series.last, series.start)
    component.add("rrule", {"freq": "weekly", "interval": series.every, "until": until})
    _add_attendees(component, series.attendees, people, {})
    return component


def _event(
    number: int,
    clash: Round,
    event: Event,
    *,
    status: str,
    instance: Instance[Year],
    people: dict[str, Person],
) -> Any:
    """Return an event of a clash; the regular meeting's is an occurrence of its series."""
    name = event.series or f"round-{number:03d}-{event.id}"
    component = _component(event, f"{name}@{instance.id}", people)
    start = _start(clash.date, clash.start)
    if event.series:
        component.add("recurrence-id", start)
    component.add("dtstart", start)
    component.add("dtend", start + timedelta(minutes=clash.minutes))
    component.add("description", event.description)
    component.add("x-makespan-round", str(number))
    component.add("x-makespan-event", event.id)
    _add_attendees(component, event.attendees, people, {instance.payload.user: status})
    return component


def _component(meeting: Event | Series, uid: str, people: dict[str, Person]) -> Any:
    component = _library().Event()
    component.add("uid", uid)
    component.add("dtstamp", STAMP)
    component.add("summary", meeting.title)
    component.add("location", meeting.location)
    component.add("categories", [meeting.type])
    component.add("organizer", _address(people[meeting.organiser], None))
    return component


def _add_attendees(
    component: Any, attendees: Sequence[str], people: dict[str, Person], status: dict[str, str]
) -> None:
    for name in attendees:
        component.add("attendee", _address(people[name], status.get(name, "ACCEPTED")))


def _address(person: Person, status: str | None) -> Any:
    address = _library().vCalAddress(f"mailto:{person.id}@makespan.example")
    address.params["CN"] = person.name
    if status:
        address.params["PARTSTAT"] = status
    return address


# Free and busy -------------------------------------------------------------------------------


def free_busy(year: Year, people: Sequence[str], begin: str, end: str) -> Fields:
    """Return when people are busy with regular meetings, as Google's freeBusy answers.

    Args:
        year: has the meetings.
        people: ids; an unknown one gets `notFound`.
        begin: the first moment, an ISO time (UTC without an offset).
        end: the moment after the last.

    Raises:
        InputError: a time is none, or `begin` is not before `end`.
    """
    first, last = (_utc(text) for text in (begin, end))
    if first >= last:
        raise InputError(f"free/busy: {begin} is not before {end}")
    ids = {person.id for person in year.organisation.people}
    calendars: Fields = {}
    for name in people:
        if name in ids:
            calendars[name] = {"busy": _merged(sorted(_busy(year, name, first, last)))}
        else:
            errors = [{"domain": "global", "reason": "notFound"}]
            calendars[name] = {"errors": errors, "busy": []}
    return {
        "kind": "calendar#freeBusy",
        "timeMin": _stamp(first),
        "timeMax": _stamp(last),
        "calendars": calendars,
    }


def _utc(text: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise InputError(f"free/busy: {text!r} is no ISO time") from None
    return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)


def _busy(
    year: Year, name: str, first: datetime, last: datetime
) -> Iterator[tuple[datetime, datetime]]:
    """Yield starts and ends of somebody's regular meetings, cut to [first, last)."""
    for series in year.series:
        if name in series.attendees:
            for day in occurrences(series):
                if first.date() <= date.fromisoformat(day) <= last.date():
                    start = _start(day, series.start)
                    end = start + timedelta(minutes=series.minutes)
                    if start < last and end > first:
                        yield max(start, first), min(end, last)


def _merged(spans: Sequence[tuple[datetime, datetime]]) -> list[Fields]:
    """Return intervals in Google's shape, those that touch as one."""
    joined: list[tuple[datetime, datetime]] = []
    for start, end in spans:
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return [{"start": _stamp(a), "end": _stamp(b)} for a, b in joined]


def _stamp(time: datetime) -> str:
    return time.isoformat().replace("+00:00", "Z")
