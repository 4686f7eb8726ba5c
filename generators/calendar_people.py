"""Makes an organisation's people, their year of regular meetings, and the user's life events.

Per-person clocks: a regular meeting takes a cell of the week (weekday, hour) from everybody who
attends, so that nobody is ever in two places.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random

from generators.calendar_spec import PLACES, Lexicon, Role, Spec
from tasks.calendar import Life, Organisation, Person, Series

BEGIN, WEEKS = date(2025, 1, 6), 50  # the simulated year
HOURS = ("09:00", "10:00", "11:00", "13:00", "14:00", "15:00", "16:00")
CELLS = tuple((day, hour) for day in range(5) for hour in HOURS)
OWN_SERIES = 11  # regular meetings of the user
OTHER_SERIES = 30
TURNS = (0.25, 0.5, 0.75)  # when in the year life changes
Cell = tuple[int, str]


@dataclass
class Cast:
    """People as generators need them: who they are to the user, and when they are busy.

    Attributes:
        people: by id.
        user: one of them.
        busy: for each cell of the week, the ids of those who have a regular meeting then.
    """

    people: dict[str, Person]
    user: Person
    busy: dict[Cell, set[str]] = field(default_factory=lambda: {cell: set() for cell in CELLS})

    def relation(self, person: Person, manager: str) -> str:
        """Return what somebody is to the user, whose manager then has the id `manager`."""
        if person.firm:
            return "partner"
        if person.id == manager:
            return "manager"
        if person.manager == self.user.id:
            return "report"
        return "team" if person.manager == manager else "elsewhere"

    def free(self, cell: Cell) -> list[Person]:
        """Return everybody but the user who has no regular meeting in a cell of the week."""
        busy = self.busy[cell]
        return [p for p in self.people.values() if p.id not in busy and p.id != self.user.id]


def draw_cast(spec: Spec, role: Role, words: Lexicon, rng: Random) -> Cast:
    """Draw a name for everybody, and the user among the holders of a role.

    Args:
        spec: says how many people hold which role, and how many partners there are.
        role: the user's.
        words: has first and last names.
        rng: the stream of people.
    """
    count = sum(each.count for each in spec.role) + sum(firm.count for firm in spec.partner)
    names = rng.sample([f"{a} {b}" for a in words.first for b in words.last], count)
    identities = zip((f"p{k:02d}" for k in range(1, count + 1)), names, strict=True)
    staff = _staff(spec.role, identities)
    people = [person for holders in staff.values() for person in holders]
    for firm in spec.partner:
        people += [Person(*next(identities), firm.title, firm=firm.firm) for _ in range(firm.count)]
    by_id = {person.id: person for person in people}
    return Cast(by_id, by_id[rng.choice([person.id for person in staff[role.key]])])


def _staff(roles: Sequence[Role], identities: Iterator[tuple[str, str]]) -> dict[str, list[Person]]:
    """Return the holders of each role, those they report to before them.

    Holders of a role are dealt out evenly among those of the role it reports to.
    """
    holders: dict[str, list[Person]] = {}
    for role in _heads_first(roles):
        heads = holders.get(role.reports_to, [])
        holders[role.key] = [
            Person(
                *next(identities),
                title=role.title,
                level=role.level,
                manager=heads[k * len(heads) // role.count].id if heads else "",
            )
            for k in range(role.count)
        ]
    return holders


def _heads_first(roles: Sequence[Role]) -> list[Role]:
    """Return the roles, each after the one it reports to; else as the specification lists them."""
    order: list[Role] = []
    while len(order) < len(roles):
        keys = {role.key for role in order} | {""}
        order += [role for role in roles if role not in order and role.reports_to in keys]
    return order


def organisation(spec: Spec, cast: Cast) -> Organisation:
    """Return the organisation with its people, as a prompt shows it."""
    return Organisation(spec.name, spec.about, tuple(cast.people.values()))


# A year of regular meetings ------------------------------------------------------------------


@dataclass(frozen=True)
class Regular:
    """A regular meeting, with the attributes that principles look at."""

    series: Series
    topic: str
    place: str


@dataclass(frozen=True)
class _Planner:
    """Draws regular meetings, which take their cells of the week from those who attend."""

    spec: Spec
    words: Lexicon
    cast: Cast
    rng: Random
    meetings: list[Regular] = field(default_factory=list)

    def add(self, cell: Cell, hosts: Sequence[Person], attendees: Sequence[Person]) -> None:
        """Draw a meeting in a cell: a host, and one to five more who are free then."""
        rng = self.rng
        host, topic, place = rng.choice(hosts), rng.choice(self.spec.topic), rng.choice(PLACES)
        people = self._book(cell, [host, *attendees])
        every = 2 if rng.random() < 0.3 else 1
        first = BEGIN + timedelta(cell[0])
        subject = rng.choice(topic.subjects)
        series = Series(
            id=f"s{len(self.meetings) + 1:02d}",
            title=f"{subject[0].upper()}{subject[1:]}",
            organiser=host.id,
            attendees=people,
            type=rng.choice(self.words.types),
            location=location(self.spec, place, rng),
            weekday=cell[0],
            start=cell[1],
            minutes=60,
            every=every,
            first=first.isoformat(),
            last=(first + timedelta(weeks=(WEEKS - 1) // every * every)).isoformat(),
        )
        self.meetings.append(Regular(series, topic.key, place))

    def _book(self, cell: Cell, people: Sequence[Person]) -> tuple[str, ...]:
        """Add guests who are free to some people, take the cell from all, and return their ids."""
        busy = self.cast.busy[cell]
        busy.update(person.id for person in people)
        free = [person for person in self.cast.free(cell) if person.level < 5]
        guests = self.rng.sample(free, self.rng.randint(1, 5))
        busy.update(person.id for person in guests)
        return tuple(sorted(person.id for person in (*people, *guests)))


def regular_meetings(spec: Spec, words: Lexicon, cast: Cast, rng: Random) -> list[Regular]:
    """Draw the user's regular meetings, then other people's.

    Hosts of the user's meetings are of each relation in turn, where one is free.

    Args:
        spec: has topics and places.
        words: has types of meetings.
        cast: the meetings take cells of its week.
        rng: the stream of regular meetings.
    """
    user, planner = cast.user, _Planner(spec, words, cast, rng=rng)
    cells = rng.sample(CELLS, len(CELLS))
    relation = {p.id: cast.relation(p, user.manager) for p in cast.people.values() if p != user}
    relations = sorted(set(relation.values()))
    for k, cell in enumerate(cells[:OWN_SERIES]):
        cast.busy[cell].add(user.id)
        free, turn = cast.free(cell), relations[k % len(relations)]
        hosts = [p for p in free if relation[p.id] == turn and p.level < 5]
        planner.add(cell, hosts or free, [user])
    for _ in range(OTHER_SERIES):
        cell = rng.choice(cells)
        planner.add(cell, [p for p in cast.free(cell) if not p.firm], [])
    return planner.meetings


def location(spec: Spec, place: str, rng: Random) -> str:
    """Return where a meeting at a place is, in words."""
    if place == "remote":
        return "video call"
    return rng.choice(spec.rooms) if place == "onsite" else f"at {rng.choice(spec.sites)}"


def occurrences(series: Series) -> list[str]:
    """Return the ISO dates of a regular meeting, in their order."""
    first, last = date.fromisoformat(series.first), date.fromisoformat(series.last)
    step = timedelta(weeks=series.every)
    return [(first + k * step).isoformat() for k in range((last - first) // step + 1)]


# Life ----------------------------------------------------------------------------------------


def life_events(spec: Spec, words: Lexicon, cast: Cast, rng: Random) -> tuple[Life, ...]:
    """Draw a new manager, a busy season and a leave, in some order.

    They come about a quarter, half and three quarters of the year on.

    Args:
        spec: has the organisation's busy seasons.
        words: have texts for the other two.
        cast: has the user and who may become the manager.
        rng: the stream of life events.
    """
    events, heir = [], _heir(cast, rng)
    kinds = rng.sample(("manager", "season", "leave"), 3)
    for share, kind in zip(TURNS, kinds, strict=True):
        day = BEGIN + timedelta(weeks=round(WEEKS * share) + rng.randint(-2, 2))
        texts = spec.season if kind == "season" else words.life[kind]
        text = rng.choice(texts).format(user=cast.user.name, manager=heir.name)
        manager = heir.id if kind == "manager" else ""
        events.append(
            Life(day.isoformat(), kind, text, manager=manager)  # type: ignore[arg-type]
        )
    return tuple(events)


def _heir(cast: Cast, rng: Random) -> Person:
    """Draw the new manager: of the old one's level, and of the same title if there is one."""
    old = cast.people[cast.user.manager]
    peers = [p for p in cast.people.values() if p.level == old.level and p.id != old.id]
    return rng.choice([p for p in peers if p.title == old.title] or peers or [old])


def leave_dates(events: Iterable[Life]) -> tuple[str, str]:
    """Return the user's leave, two weeks [from, to) as ISO dates; its event tells of the end."""
    end = next(event.date for event in events if event.kind == "leave")
    return (date.fromisoformat(end) - timedelta(weeks=2)).isoformat(), end
