"""Draws the facts of questions about the clock, about order and intervals, and about plans.

Levels count steps, flights, people or facts: `docs/temporal.md` says which.
"""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cache
from random import Random
from typing import Literal, get_args

from graders.exact.allen import followed
from graders.exact.temporal import earliest_times
from tasks.temporal_calendar import DAY
from tasks.temporal_facts import (
    GRID,
    RELATIONS,
    SECONDS,
    Apart,
    Busy,
    Clock,
    CommonSlot,
    Durations,
    Gap,
    IntervalComposition,
    IntervalRelation,
    Length,
    LengthUnit,
    Network,
    OfficeTerms,
    Ordering,
    Placed,
    Relation,
    Sent,
    Shift,
    SlowestPath,
    Term,
    Work,
    Zones,
)

NAMES = (
    "Ada",
    "Ben",
    "Cleo",
    "Dov",
    "Eva",
    "Finn",
    "Gia",
    "Hugo",
    "Iris",
    "Jon",
    "Kira",
    "Leo",
    "Mona",
    "Nils",
    "Olga",
    "Pia",
)
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
OFFICES = ("chair", "editor", "captain", "treasurer", "curator")
OFFSETS = (-480, -300, -210, 0, 60, 120, 330, 345, 540, 570, 765)  # minutes from UTC
UNITS: tuple[LengthUnit, ...] = get_args(LengthUnit)
OPENING, CLOSING = 540, 1020  # of a working day
_IMPOSSIBLE = 0.05  # the share of draws that no times fit; shortcuts do not change it


# The clock ------------------------------------------------------------------------------------


def clock(rng: Random, level: int) -> Clock:
    """Draw two runs more than the level says; as many go over noon or midnight as not."""
    return Clock(tuple(Shift(*rng.sample(range(DAY), 2)) for _ in range(level + 2)))


def zones(rng: Random, level: int) -> Zones:
    """Draw three messages more than the level says, within hours; half of the clocks had changed.

    No clocks change within two hours of their message, so that its time was shown once.
    """
    noon = datetime(rng.randrange(2000, 2040), 1, 1, 12) + timedelta(days=rng.randrange(365))
    count = level + 3
    messages = []
    for name, minute in zip(
        rng.sample(NAMES, count), rng.sample(range(0, 40 * count, 5), count), strict=True
    ):
        utc, offset = noon + timedelta(minutes=minute), rng.choice(OFFSETS)
        is_past, away = rng.random() < 0.5, timedelta(hours=rng.randrange(3, 18))
        turn = (utc - away if is_past else utc + away).replace(minute=0)
        change = rng.choice((-60, 60))
        local = utc + timedelta(minutes=offset + (change if is_past else 0))
        messages.append(Sent(name, local, offset, turn, change=change))
    return Zones(tuple(messages))


def durations(rng: Random, level: int) -> Durations:
    """Draw three lengths more than the level says, no two within a fiftieth of each other."""
    base = rng.randrange(50_000, 2_000_000)
    lengths: dict[str, Length] = {}
    for letter in LETTERS[: level + 3]:
        while letter not in lengths:
            unit = rng.choice(UNITS)
            amount = max(2, round(base * rng.uniform(0.4, 2.5) / SECONDS[unit]))
            length = Length(letter, amount, unit)
            if all(abs(length.seconds / o.seconds - 1) > 0.02 for o in lengths.values()):
                lengths[letter] = length
    return Durations(tuple(lengths.values()))


def slot(rng: Random, level: int) -> CommonSlot:
    """Draw the days of one person more than the level says, with room for all of them somewhere.

    Everybody has room for the meeting at other times too, each at his own, and earlier for one.
    """
    need = rng.choice((30, 40, 45, 60))
    starts = range(OPENING, CLOSING - need + 1, GRID)
    place = rng.randrange(len(starts) // 4, len(starts))
    people = []
    for name in rng.sample(NAMES, level + 1):
        others = rng.sample(starts, rng.randrange(3))
        rooms = [starts[place], rng.choice(starts[:place]), *others]
        people.append(Busy(name, _appointments(rng, need, rooms)))
    return CommonSlot(tuple(people), need, OPENING, last=CLOSING)


def _appointments(rng: Random, need: int, rooms: list[int]) -> tuple[tuple[int, int], ...]:
    """Draw appointments all day long but for rooms of some minutes, which begin at these."""
    spans, minute = [], OPENING
    for room in (*sorted(rooms), CLOSING):
        while minute < room:
            end = min(room, minute + rng.choice((25, 30, 45, 50, 60, 90, 110)))
            spans.append((minute, end))
            minute = end
        minute = max(minute, room + need)
    return tuple(spans)


# Order and intervals --------------------------------------------------------------------------


def ordering(rng: Random, level: int) -> Ordering:
    """Draw the arrivals of three people more than the level says, and a fact less than people."""
    people = rng.sample(NAMES, level + 3)
    times = dict(zip(people, rng.sample(range(0, 600, 5), len(people)), strict=True))
    gaps = []
    for place, name in enumerate(people[1:], 1):
        first, other = rng.sample([name, rng.choice(people[:place])], 2)
        gaps.append(Gap(first, other, times[first] - times[other]))
    rng.shuffle(gaps)
    return Ordering(tuple(gaps))


_ENDS: tuple[Literal["start"], Literal["end"]] = ("start", "end")
_RANKS: Mapping[Relation, tuple[int, int, int, int]] = {  # start and end of A, and of the other
    "before": (0, 1, 2, 3),
    "after": (2, 3, 0, 1),
    "meets": (0, 1, 1, 2),
    "met by": (1, 2, 0, 1),
    "overlaps": (0, 2, 1, 3),
    "overlapped by": (1, 3, 0, 2),
    "starts": (0, 1, 0, 2),
    "started by": (0, 2, 0, 1),
    "during": (1, 2, 0, 3),
    "contains": (0, 3, 1, 2),
    "finishes": (1, 2, 0, 2),
    "finished by": (0, 2, 1, 2),
    "equals": (0, 1, 0, 1),
}


def interval_relation(rng: Random, level: int) -> IntervalRelation:
    """Draw one meeting more than the level says; of all thirteen relations each is as likely."""
    ranks = _RANKS[rng.choice(RELATIONS)]
    points = sorted(rng.sample(range(420, 1200, 5), 4))
    start, end, *last = (points[rank] for rank in ranks)
    between = [sorted(rng.sample(range(420, 1200, 5), 2)) for _ in range(level - 1)]
    meetings, before = [], (start, end)
    for span in (*between, last):
        edge, origin = rng.choices((0, 1), (1, 2), k=2)
        offset, length = span[edge] - before[origin], span[1] - span[0]
        meetings.append(Placed(_ENDS[edge], _ENDS[origin], offset, minutes=length))
        before = span[0], span[1]
    return IntervalRelation(start, end - start, tuple(meetings))


def interval_composition(rng: Random, level: int) -> IntervalComposition:
    """Draw a chain of one relation more than the level says, none of them `equals`.

    Of all sets of relations that such chains come to, each is as likely, and of the chains to it.
    """
    reached = rng.choice(_sets(level + 1))
    chain = []
    for length in range(level + 1, 1, -1):
        ways, weights = _last_links(length, reached)
        reached, link = rng.choices(ways, weights)[0]
        chain.append(link)
    return IntervalComposition((*reached, *reversed(chain)))


_LINKS = RELATIONS[:-1]


@cache
def _sets(length: int) -> tuple[frozenset[Relation], ...]:
    """Return the sets of relations that chains of a length come to, always in one order."""
    return tuple(sorted(_chains(length), key=sorted))


@cache
def _chains(length: int) -> Counter[frozenset[Relation]]:
    """Return how many chains of a length come to each set of relations."""
    if length == 1:
        return Counter({frozenset([link]): 1 for link in _LINKS})
    chains: Counter[frozenset[Relation]] = Counter()
    for start, count in _chains(length - 1).items():
        for link in _LINKS:
            chains[followed(start, link)] += count
    return chains


@cache
def _last_links(
    length: int, reached: frozenset[Relation]
) -> tuple[list[tuple[frozenset[Relation], Relation]], list[int]]:
    """Return the ways to end a chain of a length that comes to a set, and how many go each.

    Returns:
        What the chain comes to before its last link with that link, in one order; and the numbers.
    """
    shorter = _chains(length - 1)
    starts = _sets(length - 1)
    ways = [(start, link) for start in starts for link in _LINKS]
    ways = [way for way in ways if followed(*way) == reached]
    return ways, [shorter[start] for start, _ in ways]


def timeline(rng: Random, level: int) -> OfficeTerms:
    """Draw the terms of three offices or more, and ask for the person who has the most of them."""
    people, offices = rng.sample(NAMES, 3 + level // 3), OFFICES[: 3 + level // 4]
    years = {office: rng.randrange(1950, 1958) for office in offices}
    terms = []
    for number in range(7 + 2 * level):
        office = offices[number % len(offices)]
        last = years[office] + rng.randrange(1, 10)
        terms.append(Term(rng.choice(people), office, years[office], last=last))
        years[office] = last + rng.choice((0, 1, 2, 5))
    rng.shuffle(terms)
    held = [term.person for term in terms]
    return OfficeTerms(tuple(terms), max(people, key=held.count))


# Plans ----------------------------------------------------------------------------------------


def slowest_path(rng: Random, level: int) -> SlowestPath:
    """Draw three steps more than the level says, each of which waits for up to three others."""
    count = level + 3
    needs = [
        tuple(sorted(rng.sample(range(1, k + 1), rng.randrange(min(k, 3) + 1))))
        for k in range(count)
    ]
    return SlowestPath(tuple(Work(rng.randrange(5, 60), each) for each in needs))


def network(rng: Random, level: int) -> Network:
    """Draw three events more than the level says; of some networks no times fit."""
    is_possible = rng.random() >= _IMPOSSIBLE
    while True:
        facts = _network(rng, level + 4, level, is_possible=is_possible)
        if (earliest_times(facts) is not None) == is_possible:
            return facts


def _network(rng: Random, events: int, extra: int, *, is_possible: bool) -> Network:
    """Draw a tree of distances and some upper bounds, which one set of times obeys if need be.

    The last event has more room than the others, and a later one keeps it from being early.
    """
    times, constraints, last = [0], [], events - 1
    for k in range(1, events):
        parent = rng.randrange(k if k < last else (last + 1) // 2)
        room = rng.randrange(20, 40) if k == last else rng.choice((2, 4, 8, 20))
        away = rng.randrange(15, 60)
        least = max(0, away - rng.randrange(room))
        constraints.append(Apart(parent, k, least, most=away + rng.randrange(room)))
        times.append(times[parent] + away)
    pairs = [rng.sample(range(events), 2) for _ in range(extra)]
    for pair in ([last, times.index(max(times))], *pairs):
        first, final = sorted(pair, key=times.__getitem__)
        tight = rng.randrange(6) if is_possible else -rng.randrange(10, 60)
        most = max(0, times[final] - times[first] + tight)
        if first != final:
            constraints.append(Apart(first, final, None, most=most))
    rng.shuffle(constraints)
    return Network(events, tuple(constraints))
