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

STAMP = datetime(2025, 1, 1, tzinfo=UTC)


def export(instance: Instance[Year], decisions: Sequence[str | None] | None = None) -> bytes:
    """The user's regular meetings and every event of every clash, as one .ics file.

    `decisions` are the events accepted, round by round (None: declined all); of the rounds they
    cover the user's PARTSTAT is ACCEPTED or DECLINED, else NEEDS-ACTION. InputError if the library
    is not installed or a decision is of no event.
    """
    library, year = _library(), instance.payload
    people = {person.id: person for person in year.organisation.people}
    calendar = library.Calendar()
    calendar.add("prodid", "-//Makespan//calendar//EN")
    calendar.add("version", "2.0")
    for series in year.series:
        if year.user in series.attendees:
            calendar.add_component(_series(series, instance, people))
    for k, one in enumerate(year.rounds):
        choice, decided = None, decisions is not None and k < len(decisions)
        if decisions is not None and decided:
            choice = decisions[k]
            if choice is not None and choice not in one.ids:
                raise InputError(f"round {k + 1}: {choice!r} is not one of {', '.join(one.ids)}")
        for event in one.events:
            answer = "ACCEPTED" if event.id == choice else "DECLINED"
            status = answer if decided else "NEEDS-ACTION"
            calendar.add_component(_event(k + 1, one, event, status, instance, people))
    text: bytes = calendar.to_ical()
    return text


def _library() -> Any:
    """The library, loaded only here."""
    try:
        return import_module("icalendar")
    except ModuleNotFoundError:
        raise InputError(
            "export to ics: needs the package icalendar: install makespan[ics]"
        ) from None


def _start(day: str, time: str) -> datetime:
    return datetime.fromisoformat(f"{day}T{time}:00+00:00")


def _series(series: Series, instance: Instance[Year], people: dict[str, Person]) -> Any:
    found = _component(series, f"{series.id}@{instance.id}", people)
    start = _start(series.first, series.start)
    found.add("dtstart", start)
    found.add("dtend", start + timedelta(minutes=series.minutes))
    until = _start(series.last, series.start)
    found.add("rrule", {"freq": "weekly", "interval": series.every, "until": until})
    _attend(found, series.attendees, people, {})
    return found


def _event(
    number: int,
    one: Round,
    event: Event,
    status: str,
    instance: Instance[Year],
    people: dict[str, Person],
) -> Any:
    """An event of a clash; the regular meeting's is an occurrence of its series."""
    name = event.series or f"round-{number:03d}-{event.id}"
    found = _component(event, f"{name}@{instance.id}", people)
    start = _start(one.date, one.start)
    if event.series:
        found.add("recurrence-id", start)
    found.add("dtstart", start)
    found.add("dtend", start + timedelta(minutes=one.minutes))
    found.add("description", event.description)
    found.add("x-makespan-round", str(number))
    found.add("x-makespan-event", event.id)
    _attend(found, event.attendees, people, {instance.payload.user: status})
    return found


def _component(what: Event | Series, uid: str, people: dict[str, Person]) -> Any:
    found = _library().Event()
    found.add("uid", uid)
    found.add("dtstamp", STAMP)
    found.add("summary", what.title)
    found.add("location", what.location)
    found.add("categories", [what.type])
    found.add("organizer", _address(people[what.organiser], None))
    return found


def _attend(
    found: Any, attendees: Sequence[str], people: dict[str, Person], status: dict[str, str]
) -> None:
    for name in attendees:
        found.add("attendee", _address(people[name], status.get(name, "ACCEPTED")))


def _address(person: Person, status: str | None) -> Any:
    address = _library().vCalAddress(f"mailto:{person.id}@makespan.example")
    address.params["CN"] = person.name
    if status:
        address.params["PARTSTAT"] = status
    return address


# Free and busy -------------------------------------------------------------------------------


def free_busy(year: Year, people: Sequence[str], begin: str, end: str) -> Fields:
    """When people are busy with regular meetings in [begin, end), as Google's freeBusy answers.

    `begin` and `end` are ISO times (without an offset UTC is meant); an unknown person gets
    `notFound`.
    """
    first, last = (_utc(text) for text in (begin, end))
    if first >= last:
        raise InputError(f"free/busy: {begin} is not before {end}")
    known = {person.id for person in year.organisation.people}
    calendars: Fields = {}
    for name in people:
        if name in known:
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
        found = datetime.fromisoformat(text)
    except ValueError:
        raise InputError(f"free/busy: {text!r} is no ISO time") from None
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def _busy(
    year: Year, name: str, first: datetime, last: datetime
) -> Iterator[tuple[datetime, datetime]]:
    """Somebody's regular meetings, cut to the time asked for."""
    for series in year.series:
        if name in series.attendees:
            for day in occurrences(series):
                if first.date() <= date.fromisoformat(day) <= last.date():
                    start = _start(day, series.start)
                    end = start + timedelta(minutes=series.minutes)
                    if start < last and end > first:
                        yield max(start, first), min(end, last)


def _merged(spans: Sequence[tuple[datetime, datetime]]) -> list[Fields]:
    """Intervals that touch are one."""
    joined: list[tuple[datetime, datetime]] = []
    for start, end in spans:
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return [{"start": _stamp(a), "end": _stamp(b)} for a, b in joined]


def _stamp(time: datetime) -> str:
    return time.isoformat().replace("+00:00", "Z")
