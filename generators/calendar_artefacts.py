"""Writes what a year's rounds leave behind: mails, chat, tickets and minutes, from one event log.

The log says who did what about which event; every artefact is one entry of it in words, written at
a time of its writer's own clock. Everybody has working hours in a time zone of their own, which is
a fixed offset from UTC, and nobody writes while in a meeting. After OrgForge (arXiv 2603.14997).
Nothing here changes a round or a decision: streams are apart from those of the year.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import cache
from random import Random
from typing import NamedTuple

import msgspec

from tasks.base import Noun
from tasks.calendar import Event, Round, Series, Year
from tasks.calendar_artefacts import Artefact, Evidence, Fact, Kind
from tasks.shipped import shipped

HOME = 60  # minutes before UTC of the user's clock, by which rounds are told
ZONES = (0, 60, 120, 180, 210)
ELSEWHERE = 0.2  # share of the people of the house who work in another zone than the user
MORNING, EVENING = time(9), time(17, 30)
AHEAD = 2  # working days before a round on which its first mails may be written
LATEST = 360  # minutes after the morning of that day by which a writer has begun
DAY = timedelta(days=1)
Span = tuple[datetime, datetime]


class Phrasing(Noun, frozen=True):
    """A way to write of a fact: where, and in which words."""

    fact: Fact
    kind: Kind
    texts: tuple[str, ...]


class Phrases(Noun, frozen=True):
    """All forms, and for each kind the fewest and most minutes until its writer writes again."""

    minutes: dict[Kind, tuple[int, int]]
    form: tuple[Phrasing, ...]


@cache
def phrases() -> Phrases:
    """Return the words of all artefacts."""
    text = shipped("calendar_artefacts.toml").read_text(encoding="utf-8")
    return msgspec.toml.decode(text, type=Phrases)


class LogEntry(NamedTuple):
    """A line of the event log: what somebody knows of the user and an event of a round.

    Attributes:
        fact: what it is.
        event: the event.
        author: the id of who writes of it.
    """

    fact: Fact
    event: Event
    author: str


def rumour_of(clash: Round, user: str, rng: Random) -> LogEntry:
    """Return the guess of a guest before a round: of any event, each as likely."""
    event = rng.choice(clash.events)
    return LogEntry("rumour", event, rng.choice(_guests(event, user)))


def replies_of(clash: Round, decision: str, user: str, rng: Random) -> list[LogEntry]:
    """Return what the user writes before a round, of every event, in any order."""
    return [
        LogEntry("accepted" if event.id == decision else "declined", event, user)
        for event in rng.sample(clash.events, len(clash.events))
    ]


def aftermath_of(clash: Round, decision: str, user: str, rng: Random) -> list[LogEntry]:
    """Return what guests write after a round, of every event, in any order."""
    return [
        LogEntry(
            "present" if event.id == decision else "missed", event, rng.choice(_guests(event, user))
        )
        for event in rng.sample(clash.events, len(clash.events))
    ]


def _guests(event: Event, user: str) -> list[str]:
    """Return those who can write of an event: all that attend it but the user, or its host."""
    return [name for name in event.attendees if name != user] or [event.organiser]


# Clocks --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Hours:
    """The working hours of everybody, all moments by the user's clock.

    Attributes:
        user: the id of the user.
        leave: [from, to) of the user, as dates.
        offsets: of everybody's clock from UTC, in minutes.
        meetings: regular ones, by weekday.
        rounds: the rounds of a day, by its ISO date.
    """

    user: str
    leave: tuple[date, date]
    offsets: dict[str, int]
    meetings: dict[int, list[Series]]
    rounds: dict[str, list[Round]]

    def next_free(self, person: str, moment: datetime) -> datetime:
        """Return the first moment from one on at which somebody is at work and in no meeting."""
        while True:
            later = self._after_meetings(person, self._at_work(person, moment))
            if later == moment:
                return moment
            moment = later

    def _at_work(self, person: str, moment: datetime) -> datetime:
        """Return the first moment from one on within somebody's working hours."""
        local = moment + self.ahead(person)
        if local.time() > EVENING:
            local = datetime.combine(local.date() + DAY, MORNING)
        while self.is_off(person, local.date()):
            local = datetime.combine(local.date() + DAY, MORNING)
        return max(local, datetime.combine(local.date(), MORNING)) - self.ahead(person)

    def _after_meetings(self, person: str, moment: datetime) -> datetime:
        for begin, end in self._busy(person, moment.date()):
            if begin <= moment < end:
                return end
        return moment

    def _busy(self, person: str, day: date) -> Iterator[Span]:
        """Yield when somebody is in a regular meeting, or in one of a round, on a day."""
        for series in self.meetings.get(day.weekday(), ()):
            weeks = (day - date.fromisoformat(series.first)).days // 7
            is_held = series.first <= day.isoformat() <= series.last and weeks % series.every == 0
            if is_held and person in series.attendees:
                yield _span(day.isoformat(), series.start, series.minutes)
        for clash in self.rounds.get(day.isoformat(), ()):
            if any(person in event.attendees for event in clash.events):
                yield _span(clash.date, clash.start, clash.minutes)

    def is_off(self, person: str, day: date) -> bool:
        """Return whether somebody does not work on a day of theirs."""
        begin, end = self.leave
        return day.weekday() > 4 or (person == self.user and begin <= day < end)

    def ahead(self, person: str) -> timedelta:
        """Return by how much somebody's clock is ahead of the user's."""
        return timedelta(minutes=self.offsets[person] - self.offsets[self.user])

    def days_before(self, person: str, day: date, count: int) -> date:
        """Return the day so many of somebody's working days before a day."""
        while count:
            day -= DAY
            count -= not self.is_off(person, day)
        return day


def _span(day: str, start: str, minutes: int) -> Span:
    begin = datetime.fromisoformat(f"{day}T{start}")
    return begin, begin + timedelta(minutes=minutes)


def hours_of(year: Year, rng: Random) -> Hours:
    """Return the working hours of everybody in a year.

    A firm is in one zone; of the people of the house some work in another than the user.

    Args:
        year: with its people, meetings and rounds.
        rng: the stream of zones.
    """
    meetings: dict[int, list[Series]] = {}
    for series in year.series:
        meetings.setdefault(series.weekday, []).append(series)
    rounds: dict[str, list[Round]] = {}
    for clash in year.rounds:
        rounds.setdefault(clash.date, []).append(clash)
    end = next((date.fromisoformat(e.date) for e in year.life if e.kind == "leave"), date.min)
    begin = end - timedelta(weeks=2) if end > date.min else end
    return Hours(year.user, (begin, end), _offsets(year, rng), meetings=meetings, rounds=rounds)


def _offsets(year: Year, rng: Random) -> dict[str, int]:
    firms: dict[str, int] = {}
    offsets: dict[str, int] = {}
    for person in year.organisation.people:
        zone, is_elsewhere = rng.choice(ZONES), rng.random() < ELSEWHERE
        if person.firm:
            zone = firms.setdefault(person.firm, zone)
        offsets[person.id] = zone if person.firm or is_elsewhere else HOME
    return {**offsets, year.user: HOME}


@dataclass
class Desk:
    """The place where artefacts of one round are written: everybody's clock, and the words.

    Attributes:
        hours: of everybody.
        names: of people by their ids.
        clash: the round.
        rng: the stream of these artefacts.
        later: whether they are written when the meetings are over, or before.
        clocks: when each writer has last written, by the user's clock.
    """

    hours: Hours
    names: dict[str, str]
    clash: Round
    rng: Random
    later: bool = False
    clocks: dict[str, datetime] = field(default_factory=dict)

    def write(self, entry: LogEntry) -> Artefact:
        """Return an entry of the log in words."""
        forms = [form for form in phrases().form if form.fact == entry.fact]
        form = self.rng.choice(forms)
        user, author = self.hours.user, entry.author
        receiver = (
            (entry.event.organiser if author == user else user) if form.kind == "mail" else ""
        )
        return Artefact(
            when=self._tick(author, form.kind),
            kind=form.kind,
            author=author,
            text=self.rng.choice(form.texts).format(
                user=self.names[user],
                title=quoted(entry.event.title),
                people=", ".join(self._present(entry)),
            ),
            event=entry.event.id,
            fact=entry.fact,
            to=receiver,
        )

    def _present(self, entry: LogEntry) -> list[str]:
        """Return the names of those who were at an event, in the order of the alphabet."""
        is_there = entry.fact == "present"
        people = (p for p in entry.event.attendees if is_there or p != self.hours.user)
        return sorted(self.names[person] for person in people)

    def _tick(self, person: str, kind: Kind) -> str:
        """Move somebody's clock on to when they write next, and return what it shows."""
        moment = self.clocks.get(person) or self._begin(person)
        moment += timedelta(minutes=self.rng.randint(*phrases().minutes[kind]))
        self.clocks[person] = moment = self.hours.next_free(person, moment)
        local, offset = moment + self.hours.ahead(person), self.hours.offsets[person]
        return f"{local.isoformat(timespec='minutes')}+{offset // 60:02d}:{offset % 60:02d}"

    def _begin(self, person: str) -> datetime:
        """Return when somebody begins to write of the round, by the user's clock.

        That is the end of the meetings, or drawn from an earlier day.
        """
        _, end = _span(self.clash.date, self.clash.start, self.clash.minutes)
        if self.later:
            return end
        day = self.hours.days_before(person, end.date(), AHEAD)
        begin = datetime.combine(day, MORNING) - self.hours.ahead(person)
        return begin + timedelta(minutes=self.rng.randrange(LATEST))


def quoted(title: str) -> str:
    """Return a title in quotation marks, with none of them inside: its end can be seen."""
    return '"{}"'.format(title.replace('"', "'"))


@dataclass(frozen=True)
class Office:
    """The place where all artefacts of a year are written, each part of a round from a stream.

    Attributes:
        year: with its truth.
        hours: of everybody.
        names: of people by their ids.
        streams: the beginning of the names of the random streams.
    """

    year: Year
    hours: Hours
    names: dict[str, str]
    streams: str

    def rumours(self, k: int, count: int) -> list[Artefact]:
        """Return so many guesses of what the user will accept in round `k`, from 0."""
        desks = [self._desk(f"rumour-{j}", k) for j in range(count)]
        return [desk.write(rumour_of(desk.clash, self.year.user, desk.rng)) for desk in desks]

    def replies(self, k: int) -> list[Artefact]:
        """Return the user's replies to the hosts of round `k`."""
        desk = self._desk("replies", k)
        log = replies_of(desk.clash, self._decision(k), self.year.user, desk.rng)
        return [desk.write(entry) for entry in log]

    def aftermath(self, k: int) -> list[Artefact]:
        """Return what guests write when the meetings of round `k` are over."""
        desk = self._desk("aftermath", k, later=True)
        log = aftermath_of(desk.clash, self._decision(k), self.year.user, desk.rng)
        return [desk.write(entry) for entry in log]

    def _decision(self, k: int) -> str:
        return self.year.truth.judgements[k].decision

    def _desk(self, part: str, k: int, *, later: bool = False) -> Desk:
        rng = Random(f"{self.streams}/{part}-{k}")
        return Desk(self.hours, self.names, self.year.rounds[k], rng=rng, later=later)


def written_evidence(year: Year, streams: str, *, indirect: bool, rumours: int) -> Evidence:
    """Return what is written about each round of a year, oldest first.

    Args:
        year: with its truth.
        streams: the beginning of the names of the user's random streams.
        indirect: whether the user replies to nobody: one reads who was present and who was missed.
        rumours: guesses a round, right as often as chance has it. They change nothing else.
    """
    streams = f"{streams}/artefacts"
    names = {person.id: person.name for person in year.organisation.people}
    office = Office(year, hours_of(year, Random(f"{streams}/zones")), names, streams=streams)
    rounds = (
        [
            *office.rumours(k, rumours),
            *([] if indirect else office.replies(k)),
            *office.aftermath(k),
        ]
        for k in range(len(year.rounds))
    )
    return tuple(tuple(sorted(each, key=lambda a: a.moment)) for each in rounds)
