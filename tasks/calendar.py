"""A year of clashing meetings: the payload, the answer's schema, the world of many rounds.

In each round M events want the same slot of one user; the agent accepts one and ranks them all,
then hears what the user did. Whose meetings matter follows hidden weighted principles.
After CalConflictBench and PEARL (arXiv 2601.11957).
"""

import re
from collections.abc import Collection, Iterable, Mapping
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
    ask,
    tell,
)
from tasks.calendar_artefacts import TEMPLATE as ARTEFACTS
from tasks.calendar_artefacts import Evidence, check_evidence, visible
from tasks.calendar_truth import Judgement, Truth
from tasks.checks import check_unique
from tasks.one_shot import parsed_answer
from tasks.parse import read_object
from tasks.prompts import Prompts
from tasks.schemas import AnswerForm, array_schema, object_schema, permutation_schema, tuple_schema
from tasks.spelling import GIVEN, Mends, as_written, ids_of, respelt

VERSION = 2
TEMPLATES = (
    "calendar/chart.j2",
    "calendar/events.j2",
    "calendar/feedback.j2",
    "calendar/round.j2",
)
KEY = "accept"  # of a round's answer object
RANKING = "ranking"
ANSWERS = "decisions"  # of a year's answer: a list of the rounds' objects
LEVELS = (2, 3, 4, 5)  # events in a clash
Feedback = Literal["full", "binary", "text", "none"]
Decisions = Literal["true", "own"]
_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d")

# The organisation --------------------------------------------------------------------------------


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

    def by_id(self) -> dict[str, Person]:
        """Return the people by their ids."""
        return {person.id: person for person in self.people}

    def __post_init__(self) -> None:
        check_unique("people: id", (person.id for person in self.people))
        ids = {person.id for person in self.people}
        for person in self.people:
            if person.manager and person.manager not in ids:
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
    """A change in the user's circumstances on a date; `manager` is the new one's id, if any."""

    date: str
    kind: Literal["manager", "season", "leave"]
    text: str
    manager: str = ""


# What clashes --------------------------------------------------------------------------------


class Event(Noun, frozen=True, omit_defaults=True):
    """One of the events of a clash; an occurrence of a regular meeting has the id of its `series`.

    `organiser` and `attendees` are ids of people; the user is one of the attendees.
    """

    id: str
    title: str
    organiser: str
    attendees: tuple[str, ...]
    type: str
    location: str
    description: str
    series: str = ""


class Round(Noun, frozen=True):
    """A clash: a slot of the user, and the events that all want it.

    Attributes:
        date: the day, an ISO date.
        start: HH:MM.
        minutes: how long the slot is.
        events: two to five, in the order shown.
        news: texts of the life events since the round before.
    """

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
        check_unique(f"round of {self.date}: events: id", self.ids)

    @property
    def ids(self) -> tuple[str, ...]:
        """Return the ids of the events in the order shown."""
        return tuple(event.id for event in self.events)


# The year ------------------------------------------------------------------------------------


class Year(Noun, frozen=True, omit_defaults=True):
    """One user's year, checked when it is made: a wrong one cannot be built.

    Attributes:
        organisation: everybody who may attend a meeting.
        user: the id of the person whose calendar it is.
        responsibilities: the user's duties, a text of the prompt.
        series: regular meetings, the user's and other people's.
        life: changes in the user's circumstances, in the order of their dates.
        rounds: the clashes, in the order of their slots.
        history: how many past rounds a memory is to show.
        feedback: what it learns of each.
        decisions: whose decisions it sees.
        truth: what is hidden; only graders and policies read it.
        evidence: what is written about each round, from which its decision is to be read; empty
            where the feedback tells it.
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
    evidence: Evidence = ()

    def __post_init__(self) -> None:
        if not self.rounds:
            raise ValueError("rounds: a year needs at least one")
        if self.history < 0:
            raise ValueError(f"history {self.history} is negative")
        _check_people(self)
        _check_times(self)
        _check_truth(self)
        if self.evidence:
            if (self.feedback, self.decisions) != ("full", "true"):
                raise ValueError("evidence: artefacts need feedback full and decisions true")
            decisions = [judgement.decision for judgement in self.truth.judgements]
            offers = [clash.ids for clash in self.rounds]
            check_evidence(self.evidence, offers, decisions, self.organisation.by_id())

    def manager(self, day: str) -> str:
        """Return the id of the person to whom the user reports on an ISO date."""
        user = next(p for p in self.organisation.people if p.id == self.user)
        return manager_on(day, user, self.life)


Payload = Year


def manager_on(day: str, user: Person, life: Iterable[Life]) -> str:
    """Return the id of the person to whom a user reports on an ISO date.

    Args:
        day: the date.
        user: with the manager at the beginning of the year.
        life: changes, in the order of their dates; the last one by `day` holds.
    """
    managers = [change.manager for change in life if change.manager and change.date <= day]
    return managers[-1] if managers else user.manager


def _check_people(year: Year) -> None:
    """Refuse a person or a series that is not there, and a person who is invited twice at once."""
    ids = {person.id for person in year.organisation.people}
    check_unique("series: id", (series.id for series in year.series))
    for life in year.life:
        if life.manager and life.manager not in ids:
            raise ValueError(f"life event of {life.date}: unknown manager {life.manager!r}")
    if year.user not in ids:
        raise ValueError(f"user {year.user!r} is not one of the people")
    for series in year.series:
        _check_persons(f"series {series.id}", series, ids)
    for k, clash in enumerate(year.rounds, 1):
        for event in clash.events:
            _check_event(f"round {k}, event {event.id}", event, year, ids)
        guests = [name for event in clash.events for name in event.attendees if name != year.user]
        check_unique(f"round {k}: attendees: id", guests)


def _check_event(place: str, event: Event, year: Year, ids: Collection[str]) -> None:
    _check_persons(place, event, ids)
    if event.series and event.series not in {series.id for series in year.series}:
        raise ValueError(f"{place}: unknown series {event.series!r}")
    if year.user not in event.attendees:
        raise ValueError(f"{place}: the user {year.user!r} is not an attendee")


def _check_persons(place: str, meeting: Event | Series, ids: Collection[str]) -> None:
    strangers = {meeting.organiser, *meeting.attendees}.difference(ids)
    if strangers:
        raise ValueError(f"{place}: unknown person {min(strangers)!r}")


def _check_times(year: Year) -> None:
    slots = [(clash.date, clash.start) for clash in year.rounds]
    for k, (before, after) in enumerate(pairwise(slots), 2):
        if before >= after:
            raise ValueError(f"round {k}: {after} is not after {before}")
    days = [life.date for life in year.life]
    if days != sorted(days):
        raise ValueError("life: events are not in the order of their dates")


def _check_truth(year: Year) -> None:
    """Refuse a truth that does not follow from its principles."""
    truth = year.truth
    if len(truth.judgements) != len(year.rounds):
        raise ValueError(f"truth: {len(truth.judgements)} judgements of {len(year.rounds)} rounds")
    for k, (clash, judgement) in enumerate(zip(year.rounds, truth.judgements, strict=True), 1):
        if len(judgement.triggered) != len(clash.events) or judgement.decision not in clash.ids:
            raise ValueError(f"truth of round {k}: is not of that round's events")
        _check_ranking(
            f"truth of round {k}", judgement, dict(zip(clash.ids, truth.values(k), strict=True))
        )
        if not truth.noise and judgement.decision != judgement.ranking[0]:
            raise ValueError(f"truth of round {k}: the decision is not the first of the ranking")


def _check_ranking(place: str, judgement: Judgement, value: Mapping[str, float]) -> None:
    if len(set(value.values())) < len(value):
        raise ValueError(f"{place}: two events are worth the same")
    if judgement.ranking != tuple(sorted(value, key=lambda i: -value[i])):
        raise ValueError(f"{place}: the ranking is not by the weighted sums")


# The world -----------------------------------------------------------------------------------


class RoundStep(msgspec.Struct, frozen=True):
    """A round as a policy sees it: the instance, hidden truth included; the first round is 1."""

    instance: Instance[Year]
    round: int

    @property
    def family(self) -> str:
        """Return the family's name."""
        return self.instance.family


def world(instance: Instance[Year], prompts: Prompts) -> Program[Outcome]:
    """Play one user's year: rounds in order, feedback after each.

    No prompt shows past rounds: that is left to a memory, which observes the feedback.
    """
    year, answers = instance.payload, []
    names = {person.id: person.name for person in year.organisation.people}
    charts: dict[str, tuple[Message, ...]] = {}
    for k, clash in enumerate(year.rounds, 1):
        manager, events = year.manager(clash.date), _events(clash, names, prompts)
        if manager not in charts:
            charts[manager] = _chart(year, manager, names, prompts)
        reply = yield from ask(
            f"round-{k:03d}/answer",
            (
                *charts[manager],
                *prompts.messages("calendar/round.j2", number=k, round=clash, events=events),
            ),
            schema=answer_schema(clash),
            view=RoundStep(instance, k),
        )
        parsed = spelled(read_object(reply, KEY), clash)
        answers.append(parsed)
        # one run has one course under both readings: the feedback is by the strict one
        facts = _facts(year, k, accepted(as_written(parsed), clash), events, prompts)
        yield from tell(f"round-{k:03d}/feedback", facts)
    return Outcome(tuple(answers))


def _chart(
    year: Year, manager: str, names: Mapping[str, str], prompts: Prompts
) -> tuple[Message, ...]:
    """Return the messages that say who the user is, and who is who under a manager."""
    fields = {n: getattr(year, n) for n in ("organisation", "user", "responsibilities")}
    return prompts.messages("calendar/chart.j2", year=fields, manager=manager, names=names)


def _events(clash: Round, names: Mapping[str, str], prompts: Prompts) -> str:
    """Return a round's events as text, the same in the prompt and in the history."""
    rows = [
        {
            "organiser": names[event.organiser],
            "attendees": ", ".join(names[i] for i in event.attendees),
            "event": event,
        }
        for event in clash.events
    ]
    slot = _slot(clash)
    return prompts.messages("calendar/events.j2", round=clash, when=slot, rows=rows)[0].content


def _slot(clash: Round) -> str:
    day = date.fromisoformat(clash.date)
    end = int(clash.start[:2]) * 60 + int(clash.start[3:]) + clash.minutes
    return f"{_DAYS[day.weekday()]} {clash.date}, {clash.start}-{end // 60:02d}:{end % 60:02d}"


_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def _facts(year: Year, number: int, choice: str | None, events: str, prompts: Prompts) -> Fields:
    """Return the feedback after a round, no more than the setting `feedback` reveals.

    Args:
        year: with its truth.
        number: of the round; the first is 1.
        choice: the event that the agent accepted, None if it accepted none of them.
        events: the round's events as text.
        prompts: the templates of the run.
    """
    judgement = year.truth.judgements[number - 1]
    shows_own, correct = year.decisions == "own", choice == judgement.decision
    facts: Fields = {
        "round": number,
        "date": year.rounds[number - 1].date,
        "time": year.rounds[number - 1].start,
        "history": year.history,
    }
    if year.feedback == "full" and not year.evidence:
        facts["accepted"] = choice if shows_own else judgement.decision
    if year.feedback == "binary":
        facts["correct"] = correct
    names = {person.id: person.name for person in year.organisation.people}
    messages = prompts.messages(
        ARTEFACTS if year.evidence else "calendar/feedback.j2",
        number=number,
        events=events,
        artefacts=visible(year.evidence[number - 1 : number], names),
        feedback=year.feedback,
        own=choice,
        shows_own=shows_own,
        decision=judgement.decision,
        correct=correct,
        reason=year.truth.principles[judgement.deciding[0]].text,
    )
    text = messages[0].content
    alone = text.removeprefix(f"Round {number}. {events}").strip()
    return {**facts, "text": text, "feedback": alone}


def accepted(parsed: Parsed, clash: Round) -> str | None:
    """Return the id of the event that an answer accepts, None unless it is one of the round's."""
    choice = parsed.value.get(KEY) if parsed.value is not None else None
    return choice if isinstance(choice, str) and choice in clash.ids else None


def spelled(parsed: Parsed, clash: Round) -> Parsed:
    """Return the answer of a round with its event ids read by the rule of spelling."""
    if parsed.value is None or parsed.how == GIVEN:
        return parsed
    ids, mends = ids_of(clash.ids), Mends()
    fields, renamed = ids_of((KEY, RANKING)).renamed(parsed.value)
    decision = {**fields, KEY: mends.id_of(fields.get(KEY), ids)}
    if isinstance(ranking := fields.get(RANKING), list):
        decision[RANKING] = [mends.id_of(entry, ids) for entry in ranking]
    return respelt(parsed, decision, (*renamed, *mends.lines()))


def answer_schema(clash: Round) -> Fields:
    """Return the JSON schema of a round's answer: the event accepted, a ranking, a reason."""
    ranking = permutation_schema(clash.ids)
    return _decision_schema(ranking)


def _decision_schema(ranking: Fields) -> Fields:
    return object_schema({KEY: ranking["items"], RANKING: ranking, "reason": {"type": "string"}})


def answers(year: Year | None) -> dict[str, AnswerForm]:
    """Return the forms of answers to a year, or a round of it, by their names; None is any year.

    The decisions on a year are those on its rounds in their order; the ids of a round's events are
    in the schema of its own ask.
    """
    if year is not None:
        decisions = tuple_schema([answer_schema(clash) for clash in year.rounds])
        return {"Decisions": AnswerForm(object_schema({ANSWERS: decisions}))}
    decision = _decision_schema(array_schema({"type": "string"}))
    whole = object_schema({ANSWERS: array_schema(decision)})
    return {"Decisions": AnswerForm(whole), "Decision": AnswerForm(decision, whole=False)}


def read(answer: Fields | None, text: str) -> Outcome:
    """Return the outcome of a year's answer from a file: `{"decisions": [an object a round]}`.

    Args:
        answer: the object, if the file holds one.
        text: the raw text of a reply, read if there is no object.
    """
    parsed = parsed_answer(answer, text, ANSWERS)
    rounds = (parsed.value or {}).get(ANSWERS)
    if not isinstance(rounds, list):
        problem = parsed.problem or f'"{ANSWERS}" is not a list'
        return Outcome((Parsed(problem=problem),))
    return Outcome(tuple(_decision(entry, parsed) for entry in rounds))


def _decision(entry: object, parsed: Parsed) -> Parsed:
    """Return a round's answer in that of a year; what was mended in the year counts for each."""
    if isinstance(entry, dict):
        return Parsed(value=entry, how=parsed.how, mended=parsed.mended)
    return Parsed(problem="the decision is not an object", mended=parsed.mended)
