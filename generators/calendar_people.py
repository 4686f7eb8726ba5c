"""Makes an organisation's people, their year of regular meetings, and the user's life events.

Per-person clocks: a regular meeting takes a cell of the week (weekday, hour) from everybody who
attends, so that nobody is ever in two places.
"""

from collections.abc import Iterable, Sequence
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
    """People as generators need them: who they are to the user, and when they are busy."""

    people: dict[str, Person]
    user: Person
    busy: dict[Cell, set[str]] = field(default_factory=lambda: {cell: set() for cell in CELLS})

    def relation(self, other: Person, manager: str) -> str:
        """What somebody is to the user, whose manager is `manager` then."""
        if other.firm:
            return "partner"
        if other.id == manager:
            return "manager"
        if other.manager == self.user.id:
            return "report"
        return "team" if other.manager == manager else "elsewhere"

    def free(self, cell: Cell) -> list[Person]:
        """Everybody but the user who has no regular meeting in a cell of the week."""
        taken = self.busy[cell]
        return [p for p in self.people.values() if p.id not in taken and p.id != self.user.id]


def cast(spec: Spec, role: Role, words: Lexicon, rng: Random) -> Cast:
    """Everybody with a name; the user is one of the holders of `role`."""
    total = sum(role.count for role in spec.role) + sum(firm.count for firm in spec.partner)
    names = [f"{a} {b}" for a in words.first for b in words.last]
    drawn = iter(rng.sample(names, total))
    ids = (f"p{k:02d}" for k in range(1, total + 1))
    people: list[Person] = []
    holders: dict[str, list[str]] = {}
    for one in _heads_first(spec.role):
        above = holders.get(one.reports_to, [])
        holders[one.key] = []
        for k in range(one.count):
            manager = above[k * len(above) // one.count] if above else ""
            person = Person(next(ids), next(drawn), one.title, one.level, manager)
            holders[one.key].append(person.id)
            people.append(person)
    for firm in spec.partner:
        people += [
            Person(next(ids), next(drawn), firm.title, firm=firm.firm) for _ in range(firm.count)
        ]
    known = {person.id: person for person in people}
    return Cast(known, known[rng.choice(holders[role.key])])


def _heads_first(roles: Sequence[Role]) -> list[Role]:
    """Roles, each after the one it reports to; else in the order of the specification."""
    done: list[Role] = []
    while len(done) < len(roles):
        keys = {role.key for role in done} | {""}
        done += [role for role in roles if role not in done and role.reports_to in keys]
    return done


def organisation(spec: Spec, made: Cast) -> Organisation:
    """The org chart."""
    return Organisation(spec.name, spec.about, tuple(made.people.values()))


# A year of regular meetings ------------------------------------------------------------------


@dataclass(frozen=True)
class Regular:
    """A regular meeting, with the attributes that principles look at."""

    series: Series
    topic: str
    place: str


def regular(spec: Spec, words: Lexicon, made: Cast, rng: Random) -> list[Regular]:
    """The user's regular meetings, then other people's; takes their cells of the week."""
    user, cells = made.user, rng.sample(CELLS, len(CELLS))
    found: list[Regular] = []
    kinds = sorted({made.relation(p, user.manager) for p in made.people.values() if p != user})
    for cell in cells[:OWN_SERIES]:
        relation = kinds[len(found) % len(kinds)]
        made.busy[cell].add(user.id)
        hosts = [
            p for p in made.free(cell) if made.relation(p, user.manager) == relation and p.level < 5
        ] or made.free(cell)
        found.append(_meeting(len(found), cell, rng.choice(hosts), [user], spec, words, made, rng))
    for _ in range(OTHER_SERIES):
        cell = rng.choice(cells)
        hosts = [p for p in made.free(cell) if not p.firm]
        found.append(_meeting(len(found), cell, rng.choice(hosts), [], spec, words, made, rng))
    return found


def _meeting(
    number: int,
    cell: Cell,
    host: Person,
    attendees: Iterable[Person],
    spec: Spec,
    words: Lexicon,
    made: Cast,
    rng: Random,
) -> Regular:
    """One regular meeting in a cell, with one to five more who are free then."""
    (weekday, start), topic, place = cell, rng.choice(spec.topic), rng.choice(PLACES)
    made.busy[cell].add(host.id)
    more = rng.sample([p for p in made.free(cell) if p.level < 5], rng.randint(1, 5))
    people = sorted({p.id for p in (*attendees, host, *more)})
    made.busy[cell].update(people)
    first = BEGIN + timedelta(weekday)
    every = 2 if rng.random() < 0.3 else 1
    subject = rng.choice(topic.subjects)
    series = Series(
        id=f"s{number + 1:02d}",
        title=f"{subject[0].upper()}{subject[1:]}",
        organiser=host.id,
        attendees=tuple(people),
        type=rng.choice(words.types),
        location=location(spec, place, rng),
        weekday=weekday,
        start=start,
        minutes=60,
        every=every,
        first=first.isoformat(),
        last=(first + timedelta(weeks=(WEEKS - 1) // every * every)).isoformat(),
    )
    return Regular(series, topic.key, place)


def location(spec: Spec, place: str, rng: Random) -> str:
    """Where a meeting is, in words."""
    if place == "remote":
        return "video call"
    return rng.choice(spec.rooms) if place == "onsite" else f"at {rng.choice(spec.sites)}"


def occurrences(series: Series) -> list[str]:
    """The ISO dates of a regular meeting."""
    day, last, found = date.fromisoformat(series.first), date.fromisoformat(series.last), []
    while day <= last:
        found.append(day.isoformat())
        day += timedelta(weeks=series.every)
    return found


# Life ----------------------------------------------------------------------------------------


def life(spec: Spec, words: Lexicon, made: Cast, rng: Random) -> tuple[Life, ...]:
    """A new manager, a busy season and a leave, about a quarter, half and three quarters on."""
    found, user = [], made.user
    old = made.people[user.manager]
    heirs = [p for p in made.people.values() if p.level == old.level and p.id != old.id]
    heir = rng.choice([p for p in heirs if p.title == old.title] or heirs or [old])
    kinds = rng.sample(("manager", "season", "leave"), 3)
    for share, kind in zip(TURNS, kinds, strict=True):
        day = BEGIN + timedelta(weeks=round(WEEKS * share) + rng.randint(-2, 2))
        texts = spec.season if kind == "season" else words.life[kind]
        text = rng.choice(texts).format(user=user.name, manager=heir.name)
        manager = heir.id if kind == "manager" else ""
        found.append(Life(day.isoformat(), kind, text, manager))  # type: ignore[arg-type]
    return tuple(found)


def away(events: Iterable[Life]) -> tuple[str, str]:
    """The user's leave: ISO dates [from, to) of the two weeks before they are back."""
    back = next(event.date for event in events if event.kind == "leave")
    return (date.fromisoformat(back) - timedelta(weeks=2)).isoformat(), back
