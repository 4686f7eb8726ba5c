"""The facts of a question about time, a type a kind: all that is asked follows from them.

Those about the calendar are in `temporal_dates`.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import ClassVar, Literal, TypeAlias, get_args

from tasks.base import Noun
from tasks.checks import check_unique
from tasks.temporal_calendar import DAY
from tasks.temporal_dates import (
    Business,
    DateSteps,
    Dating,
    DaysBetween,
    TimeFacts,
    TogetherAgain,
    Weekday,
    check_some,
)

Relation: TypeAlias = Literal[
    "before",
    "after",
    "meets",
    "met by",
    "overlaps",
    "overlapped by",
    "starts",
    "started by",
    "during",
    "contains",
    "finishes",
    "finished by",
    "equals",
]
RELATIONS: tuple[Relation, ...] = get_args(Relation)  # Allen's (1983)
LengthUnit: TypeAlias = Literal["seconds", "minutes", "hours", "days", "weeks"]
SECONDS: Mapping[LengthUnit, int] = {
    "seconds": 1,
    "minutes": 60,
    "hours": 3600,
    "days": 86_400,
    "weeks": 604_800,
}
IMPOSSIBLE = "impossible"


# The clock ------------------------------------------------------------------------------------


def _check_minute(minute: int) -> None:
    if not 0 <= minute < DAY:
        raise ValueError(f"{minute} is no minute of a day: those are 0 to {DAY - 1}")


class Shift(Noun, frozen=True):
    """From one minute of the day to the next time that the clock shows another."""

    start: int
    end: int

    def __post_init__(self) -> None:
        _check_minute(self.start)
        _check_minute(self.end)
        if self.start == self.end:
            raise ValueError(f"a shift from minute {self.start} to the same")


class Clock(TimeFacts, frozen=True, tag="clock"):
    """Shifts by a clock of twelve hours: how many minutes are they together?"""

    form: ClassVar[str] = "number"
    shifts: tuple[Shift, ...]

    def __post_init__(self) -> None:
        check_some("shifts", self.shifts)


class Sent(Noun, frozen=True):
    """A message of somebody, and the clocks of the city it was sent from.

    Attributes:
        name: of who sent it.
        local: when, as the clocks of the city showed it.
        offset: of these from UTC in minutes, before they change.
        turn: when they change, in UTC.
        change: by how many minutes they go forward, back if below 0.
    """

    name: str
    local: datetime
    offset: int
    turn: datetime
    change: int

    def __post_init__(self) -> None:
        if self.local.tzinfo or self.turn.tzinfo:
            raise ValueError("times have no zone of their own: offsets are said apart")
        if len(self._moments()) != 1:
            raise ValueError(f"{self.name}: the clocks showed {self.local} not once")

    @property
    def utc(self) -> datetime:
        """Return when it was sent, in UTC."""
        return self._moments()[0]

    def _moments(self) -> list[datetime]:
        """Return when the clocks showed the time: never where they skip it, else once or twice."""
        before = self.local - timedelta(minutes=self.offset)
        after = before - timedelta(minutes=self.change)
        return [before] * (before < self.turn) + [after] * (after >= self.turn)


class Zones(TimeFacts, frozen=True, tag="zones"):
    """Messages from cities with clocks of their own: in which order were they sent?"""

    form: ClassVar[str] = "order"
    messages: tuple[Sent, ...]

    def __post_init__(self) -> None:
        check_unique("messages: name", self.options)
        check_unique("messages: moment", (str(message.utc) for message in self.messages))

    @property
    def options(self) -> tuple[str, ...]:
        """Return who sent a message."""
        return tuple(message.name for message in self.messages)


class Length(Noun, frozen=True):
    """The length of a film, by its letter: so many of a unit."""

    name: str
    amount: int
    unit: LengthUnit

    @property
    def seconds(self) -> int:
        """Return the length in seconds."""
        return self.amount * SECONDS[self.unit]


class Durations(TimeFacts, frozen=True, tag="durations"):
    """Lengths in several units: which order are they in, the shortest first?"""

    form: ClassVar[str] = "order"
    lengths: tuple[Length, ...]

    def __post_init__(self) -> None:
        check_unique("lengths: name", self.options)
        check_unique("lengths: seconds", (str(length.seconds) for length in self.lengths))

    @property
    def options(self) -> tuple[str, ...]:
        """Return the names of the lengths."""
        return tuple(length.name for length in self.lengths)


class Busy(Noun, frozen=True):
    """A person's appointments: [start, end) in minutes of the day, in order and apart."""

    name: str
    spans: tuple[tuple[int, int], ...]

    def __post_init__(self) -> None:
        ends = [minute for span in self.spans for minute in span]
        if any(later < earlier for earlier, later in pairwise(ends)):
            raise ValueError(f"{self.name}: appointments are not in order and apart")


class CommonSlot(TimeFacts, frozen=True, tag="slot"):
    """Several calendars: when is the earliest start at which all are free long enough?

    Attributes:
        people: with their appointments.
        need: minutes.
        first: the minute of the day at which a start is possible at the earliest.
        last: the minute of the day at which all must be over.
    """

    form: ClassVar[str] = "time"
    people: tuple[Busy, ...]
    need: int
    first: int
    last: int

    def __post_init__(self) -> None:
        check_some("people", self.people)
        check_unique("people: name", (person.name for person in self.people))
        if not common_starts(self, self.people):
            raise ValueError("there is no time at which all are free long enough")


GRID = 5  # minutes, on which a meeting may start


def common_starts(facts: CommonSlot, people: Sequence[Busy]) -> list[int]:
    """Return all minutes of the grid at which these people are free long enough, in order."""
    starts = range(facts.first, facts.last - facts.need + 1, GRID)
    free = [True] * len(starts)
    for person in people:
        for start, end in person.spans:
            low = max(0, (start - facts.need - facts.first) // GRID + 1)
            high = min(len(free), -((facts.first - end) // GRID))
            free[low:high] = [False] * (high - low)
    return [start for start, is_free in zip(starts, free, strict=True) if is_free]


# Order and intervals --------------------------------------------------------------------------


class Gap(Noun, frozen=True):
    """A fact: `name` came so many minutes after `other`, before it if below 0."""

    name: str
    other: str
    minutes: int


class Ordering(TimeFacts, frozen=True, tag="ordering"):
    """Distances between arrivals that fix them all: in which order did they come?"""

    form: ClassVar[str] = "order"
    gaps: tuple[Gap, ...]

    def __post_init__(self) -> None:
        check_some("gaps", self.gaps)
        times = arrival_times(self)
        if len(times) != len(self.gaps) + 1:
            raise ValueError("gaps: they do not fix every arrival once")
        check_unique("gaps: arrival", map(str, times.values()))

    @property
    def options(self) -> tuple[str, ...]:
        """Return who came, sorted by name."""
        return tuple(sorted({name for gap in self.gaps for name in (gap.name, gap.other)}))


def arrival_times(facts: Ordering) -> dict[str, int]:
    """Return the minutes of all arrivals that follow, the first gap's `other` at 0."""
    times = {facts.gaps[0].other: 0}
    for _ in facts.gaps:
        for gap in facts.gaps:
            if gap.other in times:
                times.setdefault(gap.name, times[gap.other] + gap.minutes)
            elif gap.name in times:
                times[gap.other] = times[gap.name] - gap.minutes
    return times


class Placed(Noun, frozen=True):
    """A meeting told by the one before.

    Attributes:
        edge: which of its ends is told.
        origin: which end of the meeting before it is told from.
        offset: by how many minutes it is later than that, earlier if below 0.
        minutes: how long it lasts.
    """

    edge: Literal["start", "end"]
    origin: Literal["start", "end"]
    offset: int
    minutes: int

    def __post_init__(self) -> None:
        if self.minutes < 1:
            raise ValueError(f"a meeting of {self.minutes} minutes")


class IntervalRelation(TimeFacts, frozen=True, tag="interval_relation"):
    """Meetings, each told by the one before: how does the first lie to the last?"""

    form: ClassVar[str] = "name"
    start: int
    minutes: int
    meetings: tuple[Placed, ...]

    def __post_init__(self) -> None:
        _check_minute(self.start)
        check_some("meetings", self.meetings)
        if self.minutes < 1:
            raise ValueError(f"a meeting of {self.minutes} minutes")

    @property
    def options(self) -> tuple[str, ...]:
        """Return Allen's relations."""
        return RELATIONS


class IntervalComposition(TimeFacts, frozen=True, tag="interval_composition"):
    """A chain of relations, A to B, B to C and so on: which can the first have to the last?"""

    form: ClassVar[str] = "names"
    relations: tuple[Relation, ...]

    def __post_init__(self) -> None:
        if len(self.relations) < 2:
            raise ValueError("relations: a chain has at least two")

    @property
    def options(self) -> tuple[str, ...]:
        """Return Allen's relations."""
        return RELATIONS


class Term(Noun, frozen=True):
    """A person's term in an office: the first year belongs to it, the last does not."""

    person: str
    office: str
    first: int
    last: int

    def __post_init__(self) -> None:
        if self.last <= self.first:
            raise ValueError(f"{self.person}: a term from {self.first} to {self.last}")


class OfficeTerms(TimeFacts, frozen=True, tag="timeline"):
    """Terms in offices: in how many years did a person hold one at least?"""

    form: ClassVar[str] = "number"
    terms: tuple[Term, ...]
    person: str

    def __post_init__(self) -> None:
        if self.person not in {term.person for term in self.terms}:
            raise ValueError(f"person: {self.person!r} has no term")


# Plans ----------------------------------------------------------------------------------------


class Work(Noun, frozen=True):
    """A step of a plan: its minutes, and the numbers of earlier steps that it waits for, from 1."""

    minutes: int
    needs: tuple[int, ...]


class SlowestPath(TimeFacts, frozen=True, tag="slowest_path"):
    """Steps side by side with enough hands: when is all done?"""

    form: ClassVar[str] = "number"
    steps: tuple[Work, ...]

    def __post_init__(self) -> None:
        check_some("steps", self.steps)
        for number, step in enumerate(self.steps, 1):
            if any(not 1 <= need < number for need in step.needs):
                raise ValueError(f"step {number}: it waits for {step.needs}, not for earlier ones")


class Apart(Noun, frozen=True):
    """A constraint: event `later` is `least` (None: any) to `most` minutes after `earlier`."""

    earlier: int
    later: int
    least: int | None
    most: int


class Network(TimeFacts, frozen=True, tag="network"):
    """A simple temporal network (Dechter, Meiri and Pearl 1991): the earliest time of an event.

    Event 0 is at minute 0, every other has a least distance from one of a lower number, and the
    last is asked for.
    """

    form: ClassVar[str] = "minute"
    events: int
    constraints: tuple[Apart, ...]

    def __post_init__(self) -> None:
        for each in self.constraints:
            if not {each.earlier, each.later} <= set(range(self.events)):
                raise ValueError(f"constraints: there are only {self.events} events")
        tied = {c.later for c in self.constraints if c.least is not None and c.earlier < c.later}
        if missing := set(range(1, self.events)) - tied:
            raise ValueError(f"constraints: nothing says when event {min(missing)} is")

    @property
    def options(self) -> tuple[str, ...]:
        """Return the word for a network that no times fit."""
        return (IMPOSSIBLE,)


AnyFacts: TypeAlias = (
    DateSteps
    | DaysBetween
    | Weekday
    | Business
    | TogetherAgain
    | Dating
    | Clock
    | Zones
    | Durations
    | CommonSlot
    | Ordering
    | IntervalRelation
    | IntervalComposition
    | OfficeTerms
    | SlowestPath
    | Network
)
KINDS: dict[str, type[TimeFacts]] = {str(t.__struct_config__.tag): t for t in get_args(AnyFacts)}
