"""A year of clashing meetings: the payload, the answer's schema, the world of many rounds.

In each round M events want the same slot of one user; the agent accepts one and ranks them all,
then hears what the user did. Whose meetings matter follows hidden weighted principles.
After CalConflictBench and PEARL (arXiv 2601.11957).
"""

import re
from collections import Counter
from collections.abc import Iterable
from datetime import date
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from typing import Literal

import msgspec

from tasks.base import (
    Fields,
    Instance,
    Message,
    Noun,
    Outcome,
    Parsed,
    Program,
    Reply,
    ask,
    tell,
)
from tasks.calendar_truth import Truth
from tasks.parse import parse_object
from tasks.prompts import Prompts

VERSION = 2
TEMPLATES = (
    "calendar/chart.j2",
    "calendar/events.j2",
    "calendar/feedback.j2",
    "calendar/round.j2",
)
KEY = "accept"  # of a round's answer object
ANSWERS = "decisions"  # of a year's answer: a list of the rounds' objects
HAS_ROUNDS = True
LEVELS = (2, 3, 4, 5)  # events in a clash
Feedback = Literal["full", "binary", "text", "none"]
Decisions = Literal["true", "own"]
_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d")

# Who there is --------------------------------------------------------------------------------


class Person(Noun, frozen=True, omit_defaults=True):
    """Somebody in the organisation; with a `firm`, somebody outside it, whose level is 0.

    `level` grows with seniority; `manager` is the id of whom they report to.
    """

    id: str
    name: str
    title: str
    level: int = 0
    manager: str = ""
    firm: str = ""


class Organisation(Noun, frozen=True):
    """The people and who reports to whom; a reporting line has no cycle."""

    name: str
    about: str
    people: tuple[Person, ...]

    def __post_init__(self) -> None:
        _unique("people", (person.id for person in self.people))
        known = {person.id for person in self.people}
        for person in self.people:
            if person.manager and person.manager not in known:
                raise ValueError(f"person {person.id}: unknown manager {person.manager!r}")
        graph = {p.id: [p.manager] if p.manager else [] for p in self.people}
        try:
            TopologicalSorter(graph).prepare()
        except CycleError as error:
            raise ValueError(f"people: cyclic reporting: {' -> '.join(error.args[1])}") from None


class Series(Noun, frozen=True):
    """A regular meeting: on `weekday` (0 is Monday) at `start`, every `every` weeks from `first`.

    `first` and `last` are ISO dates, `start` is HH:MM.
    """

    id: str
    title: str
    organiser: str
    attendees: tuple[str, ...]
    type: str
    location: str
    weekday: int
    start: str
    minutes: int
    every: int
    first: str
    last: str

    def __post_init__(self) -> None:
        if date.fromisoformat(self.first).weekday() != self.weekday:
            raise ValueError(f"series {self.id}: {self.first} is not on weekday {self.weekday}")
        if not _TIME.fullmatch(self.start) or self.minutes < 1 or self.every < 1:
            raise ValueError(
                f"series {self.id}: start {self.start!r} is not HH:MM, or minutes or every is not"
                " at least 1"
            )


class Life(Noun, frozen=True, omit_defaults=True):
    """Something that changes the user's circumstances on a date; `manager` is who they get then."""

    date: str
    kind: Literal["manager", "season", "leave"]
    text: str
    manager: str = ""


# What clashes --------------------------------------------------------------------------------


class Event(Noun, frozen=True, omit_defaults=True):
    """One of the events of a clash; `series` where it is an occurrence of a regular meeting."""

    id: str
    title: str
    organiser: str
    attendees: tuple[str, ...]
    type: str
    location: str
    description: str
    series: str = ""


class Round(Noun, frozen=True):
    """A clash: its slot, which all events share, the events as shown, and what is new by then."""

    date: str
    start: str
    minutes: int
    events: tuple[Event, ...]
    news: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        date.fromisoformat(self.date)
        if not _TIME.fullmatch(self.start) or self.minutes < 1:
            raise ValueError(f"round of {self.date}: {self.start!r} is not HH:MM, or lasts nothing")
        if len(self.events) not in LEVELS:
            raise ValueError(f"round of {self.date}: {len(self.events)} events, not 2 to 5")
        _unique(f"round of {self.date}: events", self.ids)

    @property
    def ids(self) -> tuple[str, ...]:
        """The events' ids in the order shown."""
        return tuple(event.id for event in self.events)


# The year ------------------------------------------------------------------------------------


class Year(Noun, frozen=True):
    """One user's year, checked when it is made: a wrong one cannot be built.

    `history` is how many past rounds a memory is to show, `feedback` what it is told of each,
    `decisions` whose decisions it sees; `truth` is read by graders and policies only.
    """

    organisation: Organisation
    user: str
    responsibilities: str
    series: tuple[Series, ...]
    life: tuple[Life, ...]
    rounds: tuple[Round, ...]
    history: int
    feedback: Feedback
    decisions: Decisions
    truth: Truth

    def __post_init__(self) -> None:
        if not self.rounds:
            raise ValueError("rounds: a year needs at least one")
        if self.history < 0:
            raise ValueError(f"history {self.history} is negative")
        _check_people(self)
        _check_times(self)
        _check_truth(self)

    def manager(self, day: str) -> str:
        """Whom the user reports to on an ISO date."""
        me = next(p for p in self.organisation.people if p.id == self.user)
        return manager_on(day, me, self.life)


Payload = Year


def manager_on(day: str, user: Person, life: Iterable[Life]) -> str:
    """Whom somebody reports to on an ISO date, after what life has changed by then."""
    changed = [one.manager for one in life if one.manager and one.date <= day]
    return changed[-1] if changed else user.manager


def _unique(what: str, ids: Iterable[str]) -> None:
    twice = [i for i, count in Counter(ids).items() if count > 1]
    if twice:
        raise ValueError(f"{what}: id {twice[0]!r} is there more than once")


def _check_people(year: Year) -> None:
    """Everybody named is known, and in a round nobody but the user is wanted twice."""
    known = {person.id for person in year.organisation.people}
    _unique("series", (series.id for series in year.series))
    for life in year.life:
        if life.manager and life.manager not in known:
            raise ValueError(f"life event of {life.date}: unknown manager {life.manager!r}")
    if year.user not in known:
        raise ValueError(f"user {year.user!r} is not one of the people")
    for series in year.series:
        _known(f"series {series.id}", {series.organiser, *series.attendees}, known)
    names = {series.id for series in year.series}
    for k, one in enumerate(year.rounds, 1):
        for event in one.events:
            where = f"round {k}, event {event.id}"
            _known(where, {event.organiser, *event.attendees}, known)
            if event.series and event.series not in names:
                raise ValueError(f"{where}: unknown series {event.series!r}")
            if year.user not in event.attendees:
                raise ValueError(f"{where}: the user {year.user!r} is not an attendee")
        wanted = [a for event in one.events for a in event.attendees if a != year.user]
        _unique(f"round {k}: attendees", wanted)


def _known(where: str, wanted: set[str], known: set[str]) -> None:
    if strangers := sorted(wanted - known):
        raise ValueError(f"{where}: unknown person {strangers[0]!r}")


def _check_times(year: Year) -> None:
    slots = [(one.date, one.start) for one in year.rounds]
    for k, (before, after) in enumerate(pairwise(slots), 2):
        if before >= after:
            raise ValueError(f"round {k}: {after} is not after {before}")
    days = [life.date for life in year.life]
    if days != sorted(days):
        raise ValueError("life: events are not in the order of their dates")


def _check_truth(year: Year) -> None:
    """The stored truth is what the principles say."""
    truth = year.truth
    if len(truth.judgements) != len(year.rounds):
        raise ValueError(f"truth: {len(truth.judgements)} judgements of {len(year.rounds)} rounds")
    for k, (one, judgement) in enumerate(zip(year.rounds, truth.judgements, strict=True), 1):
        if len(judgement.triggered) != len(one.events) or judgement.decision not in one.ids:
            raise ValueError(f"truth of round {k}: is not of that round's events")
        value = dict(zip(one.ids, truth.values(k), strict=True))
        if len(set(value.values())) < len(value):
            raise ValueError(f"truth of round {k}: two events are worth the same")
        if judgement.ranking != tuple(sorted(value, key=lambda i: -value[i])):
            raise ValueError(f"truth of round {k}: the ranking is not by the weighted sums")
        if not truth.noise and judgement.decision != judgement.ranking[0]:
            raise ValueError(f"truth of round {k}: the decision is not the first of the ranking")


# The world -----------------------------------------------------------------------------------


class RoundStep(msgspec.Struct, frozen=True):
    """What a policy sees of a round: the instance, hidden truth included; the first round is 1."""

    instance: Instance[Year]
    round: int

    @property
    def family(self) -> str:
        """The family's name."""
        return self.instance.family


def world(instance: Instance[Year], prompts: Prompts) -> Program[Outcome]:
    """One user's year: rounds in order, feedback after each; the past is a memory's to show."""
    year, answers = instance.payload, []
    names = {person.id: person.name for person in year.organisation.people}
    head, chart = "", tuple[Message, ...]()
    for k, one in enumerate(year.rounds, 1):
        if year.manager(one.date) != head or not chart:
            head = year.manager(one.date)
            chart = prompts.messages(
                "calendar/chart.j2", year=_shown(year), manager=head, names=names
            )
        events = _events(one, names, prompts)
        asked = prompts.messages("calendar/round.j2", number=k, round=one, events=events)
        reply = yield from ask(
            f"round-{k:03d}/answer",
            (*chart, *asked),
            schema=answer_schema(one),
            view=RoundStep(instance, k),
        )
        parsed = parse_object(reply, KEY)
        answers.append(parsed)
        facts = _facts(year, k, accepted(parsed, one), events, prompts)
        yield from tell(f"round-{k:03d}/feedback", facts)
    return Outcome(tuple(answers))


def _shown(year: Year) -> Fields:
    """What the chart's template may read."""
    return {n: getattr(year, n) for n in ("organisation", "user", "responsibilities")}


def _events(one: Round, names: dict[str, str], prompts: Prompts) -> str:
    """A round's events as text, the same in the prompt and in the history."""
    rows = [
        {
            "organiser": names[event.organiser],
            "attendees": ", ".join(names[i] for i in event.attendees),
            "event": event,
        }
        for event in one.events
    ]
    day = date.fromisoformat(one.date)
    end = int(one.start[:2]) * 60 + int(one.start[3:]) + one.minutes
    when = f"{_DAYS[day.weekday()]} {one.date}, {one.start}-{end // 60:02d}:{end % 60:02d}"
    return prompts.messages("calendar/events.j2", round=one, when=when, rows=rows)[0].content


_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def _facts(year: Year, number: int, own: str | None, events: str, prompts: Prompts) -> Fields:
    """What a memory is told of a round, no more than the setting `feedback` reveals."""
    one, judgement = year.rounds[number - 1], year.truth.judgements[number - 1]
    shows_own = year.decisions == "own"
    facts: Fields = {"round": number, "date": one.date, "history": year.history}
    if year.feedback == "full":
        facts["accepted"] = own if shows_own else judgement.decision
    if year.feedback == "binary":
        facts["correct"] = own == judgement.decision
    reason = year.truth.principles[judgement.deciding[0]].text
    told = prompts.messages(
        "calendar/feedback.j2",
        number=number,
        events=events,
        feedback=year.feedback,
        own=own,
        shows_own=shows_own,
        decision=judgement.decision,
        correct=own == judgement.decision,
        reason=reason,
    )
    return {**facts, "text": told[0].content}


def accepted(parsed: Parsed, one: Round) -> str | None:
    """The event that an answer accepts, None unless it is one of those offered."""
    choice = parsed.value.get(KEY) if parsed.value is not None else None
    return choice if isinstance(choice, str) and choice in one.ids else None


def answer_schema(one: Round) -> Fields:
    """JSON schema of a round's answer, for providers that constrain decoding."""
    ids = list(one.ids)
    choice: Fields = {"type": "string", "enum": ids}
    ranking = {"type": "array", "items": choice, "minItems": len(ids), "maxItems": len(ids)}
    return {
        "type": "object",
        "properties": {KEY: choice, "ranking": ranking, "reason": {"type": "string"}},
        "required": [KEY, "ranking", "reason"],
        "additionalProperties": False,
    }


def read(answer: Fields | None, text: str) -> Outcome:
    """The outcome of a year's answer from a file: `{"decisions": [one object a round]}`."""
    found = Parsed(value=answer, how="given") if answer is not None else None
    found = found or parse_object(Reply(text), ANSWERS)
    rounds = (found.value or {}).get(ANSWERS)
    if not isinstance(rounds, list):
        problem = found.problem or f'"{ANSWERS}" is not a list'
        return Outcome((Parsed(problem=problem),))
    return Outcome(
        tuple(
            Parsed(value=one, how=found.how)
            if isinstance(one, dict)
            else Parsed(problem="the decision is not an object")
            for one in rounds
        )
    )
