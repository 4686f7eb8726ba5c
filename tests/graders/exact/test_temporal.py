"""Right answers against twins that count by hand, try everything, or reason another way."""

from datetime import date
from itertools import combinations, permutations, product
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generators.temporal import KINDS, Kind
from graders.exact.allen import compose, relation
from graders.exact.temporal import earliest_times, reference, right_answer
from graders.exact.temporal_shortcuts import SHORTCUTS, is_trap, shortcut_answers
from tasks.temporal import KEY, TimeQuestion
from tasks.temporal_calendar import DAYS
from tasks.temporal_dates import (
    Business,
    DateStep,
    DateSteps,
    DaysBetween,
    DaySpan,
    TogetherAgain,
    days_that_fit,
)
from tasks.temporal_facts import KINDS as TYPES
from tasks.temporal_facts import RELATIONS, Apart, Network, Relation
from tests.depth import examples, often
from tests.factories.questions import (
    calendar,
    facts_of,
    iso,
    month_length,
    place_of,
    weekday_of,
)

PREFIX = "by_hand_"  # of the names of the twins, a kind each

# The calendar ---------------------------------------------------------------------------------


def stepped(place: int, step: DateStep) -> int:
    """The place of the day after a step, month by month or day by day."""
    if step.unit != "months":
        return place + step.amount * (7 if step.unit == "weeks" else 1)
    year, month, day = calendar()[0][place]
    for _ in range(abs(step.amount)):
        month += 1 if step.amount > 0 else -1
        if month in (0, 13):
            year, month = (year - 1, 12) if month == 0 else (year + 1, 1)
    return calendar()[1][year, month, min(day, month_length(year, month))]


def by_hand_date_steps(facts: Any) -> str:
    place = place_of(str(facts.start))
    for step in facts.steps:
        place = stepped(place, step)
    return iso(place)


def by_hand_days_between(facts: Any) -> int:
    places = [(place_of(str(s.first)), place_of(str(s.last)), s.both) for s in facts.spans]
    return sum(len(range(first if both else first + 1, last + 1)) for first, last, both in places)


def by_hand_weekday(facts: Any) -> str:
    return DAYS[weekday_of(place_of(str(facts.target)))]


def by_hand_business(facts: Any) -> str:
    place, done, free = place_of(str(facts.start)), 0, {str(day) for day in facts.holidays}
    while done < facts.days:
        place += 1
        done += weekday_of(place) not in (5, 6) and iso(place) not in free
    return iso(place)


def by_hand_together_again(facts: Any) -> str:
    day = 1
    while any(day % period for period in facts.periods):
        day += 1
    return iso(place_of(str(facts.start)) + day)


def by_hand_dating(facts: Any) -> str:
    """The one day of 16 years around the first event that fits every mention by itself."""
    middle = place_of(str(facts.bounds[0].event.date))
    days = [
        place
        for place in range(middle - 3000, middle + 3000)
        if weekday_of(place) == facts.weekday
        and all(fits_bound(bound, place) for bound in facts.bounds)
        and all(fits_cycle(cycle, place) for cycle in facts.cycles)
    ]
    [only] = days
    return iso(only)


def fits_bound(bound: Any, place: int) -> bool:
    event = place_of(str(bound.event.date))
    away = place - event if bound.side == "ago" else event - place
    return bool(away > bound.days if bound.than == "more" else 1 <= away < bound.days)


def fits_cycle(cycle: Any, place: int) -> bool:
    first = place_of(str(cycle.event.date))
    last = range(first, place + 1, cycle.every)[-1:]
    return any(place - day == cycle.ago for day in last)


# The clock ------------------------------------------------------------------------------------


def by_hand_clock(facts: Any) -> int:
    """The minutes that pass, one by one, until the clock shows the end."""
    passed = 0
    for shift in facts.shifts:
        minute = shift.start
        while minute != shift.end:
            minute, passed = (minute + 1) % 1440, passed + 1
    return passed


def by_hand_zones(facts: Any) -> list[str]:
    """By looking for the minute at which the clocks of each city showed the time."""
    moments = {}
    for each in facts.messages:
        near, turn = minutes_of(each.local) - each.offset, minutes_of(each.turn)
        [moment] = [
            now
            for now in range(near - 180, near + 181)
            if now + each.offset + (each.change if now >= turn else 0) == minutes_of(each.local)
        ]
        moments[each.name] = moment
    return sorted(moments, key=lambda name: moments[name])


def minutes_of(moment: Any) -> int:
    return place_of(f"{moment:%Y-%m-%d}") * 1440 + int(moment.hour * 60 + moment.minute)


def by_hand_durations(facts: Any) -> list[str]:
    size = {"seconds": 1, "minutes": 60, "hours": 60**2, "days": 24 * 60**2, "weeks": 168 * 60**2}
    rest, order = list(facts.lengths), []
    while rest:
        least = min(rest, key=lambda each: each.amount * size[each.unit])
        rest.remove(least)
        order.append(least.name)
    return order


def by_hand_slot(facts: Any) -> str:
    """The first start of which no minute is anybody's."""
    taken = {m for person in facts.people for s, e in person.spans for m in range(s, e)}
    for start in range(facts.first, facts.last - facts.need + 1, 5):
        if taken.isdisjoint(range(start, start + facts.need)):
            return f"{start // 60:02d}:{start % 60:02d}"
    raise AssertionError("no room")


# Order, intervals, plans ----------------------------------------------------------------------


def by_hand_ordering(facts: Any) -> list[str]:
    """By relaxing: times are raised until every fact holds, then shifted sides are compared."""
    times = dict.fromkeys(facts.options, 0)
    while wrong := [g for g in facts.gaps if times[g.name] - times[g.other] != g.minutes]:
        for gap in wrong:
            if times[gap.name] < times[gap.other] + gap.minutes:
                times[gap.name] = times[gap.other] + gap.minutes
            else:
                times[gap.other] = times[gap.name] - gap.minutes
    return sorted(times, key=lambda name: times[name])


def by_hand_interval_relation(facts: Any) -> str:
    spans = [(facts.start, facts.start + facts.minutes)]
    for each in facts.meetings:
        told = spans[-1][each.origin == "end"] + each.offset
        spans.append(
            (told, told + each.minutes) if each.edge == "start" else (told - each.minutes, told)
        )
    return SIGNS[signs_of(spans[0], spans[-1])]


def signs_of(first: tuple[int, int], second: tuple[int, int]) -> tuple[int, int, int, int]:
    """How the start and the end of an interval lie to those of another."""
    (s, e), (t, f) = first, second
    return ((s > t) - (s < t), (s > f) - (s < f), (e > t) - (e < t), (e > f) - (e < f))


SIGNS = {  # of the starts and ends of two intervals, as Allen (1983) defines the relations
    (-1, -1, -1, -1): "before",
    (1, 1, 1, 1): "after",
    (-1, -1, 0, -1): "meets",
    (1, 0, 1, 1): "met by",
    (-1, -1, 1, -1): "overlaps",
    (1, -1, 1, 1): "overlapped by",
    (0, -1, 1, -1): "starts",
    (0, -1, 1, 1): "started by",
    (1, -1, 1, -1): "during",
    (-1, -1, 1, 1): "contains",
    (1, -1, 1, 0): "finishes",
    (-1, -1, 1, 0): "finished by",
    (0, -1, 1, 0): "equals",
}
ENDS = {name: signs for signs, name in SIGNS.items()}


def is_possible(links: list[tuple[int, int, str]], intervals: int) -> bool:
    """Whether intervals with these relations are there: no ring of ends that has an `earlier`."""
    ends = range(2 * intervals)
    earlier = [[False] * len(ends) for _ in ends]
    reach = [[a == b for b in ends] for a in ends]
    facts = [(2 * k, 2 * k + 1, -1) for k in range(intervals)]
    for a, b, name in links:
        pairs = ((2 * a, 2 * b), (2 * a, 2 * b + 1), (2 * a + 1, 2 * b), (2 * a + 1, 2 * b + 1))
        facts += [(x, y, sign) for (x, y), sign in zip(pairs, ENDS[name], strict=True)]
    for x, y, sign in facts:
        low, high = (x, y) if sign <= 0 else (y, x)
        reach[low][high] = True
        reach[high][low] |= sign == 0
        earlier[low][high] |= sign != 0
    for m, a, b in product(ends, ends, ends):
        reach[a][b] |= reach[a][m] and reach[m][b]
    return not any(earlier[a][b] and reach[b][a] for a in ends for b in ends)


def by_hand_interval_composition(facts: Any) -> list[str]:
    links = [(k, k + 1, name) for k, name in enumerate(facts.relations)]
    last = len(facts.relations)
    return [each for each in RELATIONS if is_possible([*links, (0, last, each)], last + 1)]


def by_hand_timeline(facts: Any) -> int:
    mine = [term for term in facts.terms if term.person == facts.person]
    return sum(any(t.first <= year < t.last for t in mine) for year in range(1900, 2200))


def by_hand_slowest_path(facts: Any) -> int:
    """The longest of all chains, each walked to its end."""

    def length(number: int) -> int:
        step = facts.steps[number - 1]
        return int(step.minutes) + max([0, *(length(need) for need in step.needs)])

    return max(length(number) for number in range(1, len(facts.steps) + 1))


def by_hand_network(facts: Any) -> int | str:
    """Shortest paths between all events (Floyd and Warshall) in the distance graph."""
    far = 10**9
    distance = [[0 if a == b else far for b in range(facts.events)] for a in range(facts.events)]
    for c in facts.constraints:
        distance[c.earlier][c.later] = min(distance[c.earlier][c.later], c.most)
        if c.least is not None:
            distance[c.later][c.earlier] = min(distance[c.later][c.earlier], -c.least)
    for m, a, b in product(range(facts.events), repeat=3):
        distance[a][b] = min(distance[a][b], distance[a][m] + distance[m][b])
    if any(distance[k][k] < 0 for k in range(facts.events)):
        return "impossible"
    return int(-distance[facts.events - 1][0])


TWINS = {
    name.removeprefix(PREFIX): twin
    for name, twin in [*globals().items()]
    if name.startswith(PREFIX)
}


@pytest.mark.heavy
@pytest.mark.parametrize("kind", KINDS)
def test_answers_are_those_of_a_twin(kind: Kind) -> None:
    for facts in facts_of(kind, often(1800)):
        assert right_answer(facts) == TWINS[kind](facts), facts


def test_every_kind_has_a_twin_shortcuts_and_a_type() -> None:
    assert set(KINDS) == set(TWINS) == set(SHORTCUTS) == set(TYPES)
    for kind in KINDS:
        for facts in facts_of(kind, 8):
            assert facts.kind == kind
            assert is_trap(facts) == (right_answer(facts) not in shortcut_answers(facts).values())


# Each by itself -------------------------------------------------------------------------------

DATES = st.dates(min_value=date(1812, 1, 1), max_value=date(2280, 12, 31))


@examples(3000)
@given(DATES, st.integers(-100, 100).filter(bool))
def test_months_are_those_of_a_calendar_counted_by_hand(start: date, months: int) -> None:
    step = DateStep(months, "months")
    assert right_answer(DateSteps(start, (step,))) == iso(stepped(place_of(str(start)), step))


@pytest.mark.parametrize(
    ("start", "steps", "answer"),
    [
        (date(1900, 1, 31), ((1, "months"),), "1900-02-28"),
        (date(2000, 1, 31), ((1, "months"),), "2000-02-29"),
        (date(2100, 3, 31), ((-1, "months"),), "2100-02-28"),
        (date(2024, 1, 31), ((1, "months"), (1, "months")), "2024-03-29"),
        (date(2024, 1, 31), ((2, "months"),), "2024-03-31"),
        (date(2023, 12, 31), ((1, "days"), (-1, "weeks")), "2023-12-25"),
        (date(1999, 12, 31), ((-12, "months"),), "1998-12-31"),
    ],
)
def test_ends_of_months_by_hand(start: date, steps: Any, answer: str) -> None:
    assert right_answer(DateSteps(start, tuple(DateStep(n, unit) for n, unit in steps))) == answer


def test_the_first_and_the_last_day_are_counted_as_is_said() -> None:
    for both, days in ((True, 2), (False, 1)):
        span = DaySpan(date(2023, 12, 31), date(2024, 1, 1), both=both)
        assert right_answer(DaysBetween((span,))) == days
    assert (
        right_answer(DaysBetween((DaySpan(date(1900, 2, 1), date(1900, 3, 1), both=False),))) == 28
    )


def test_a_holiday_at_a_weekend_changes_nothing() -> None:
    friday = date(2024, 5, 31)
    assert right_answer(Business(friday, 1, ())) == "2024-06-03"
    assert right_answer(Business(friday, 1, (date(2024, 6, 1),))) == "2024-06-03"
    assert right_answer(Business(friday, 1, (date(2024, 6, 3), date(2024, 6, 4)))) == "2024-06-05"
    assert right_answer(Business(friday, 1, (friday,))) == "2024-06-03"


@examples(600)
@given(DATES, st.lists(st.integers(2, 12), min_size=2, max_size=4))
def test_jobs_run_together_on_the_first_day_that_all_periods_divide(
    start: date, periods: list[int]
) -> None:
    facts = TogetherAgain(start, tuple(periods))
    assert right_answer(facts) == by_hand_together_again(facts)


def test_a_note_fits_one_day_and_no_mention_can_be_left_out_but_spare_bounds() -> None:
    for facts in facts_of("dating", often(300)):
        days = days_that_fit(facts.weekday, facts.bounds, facts.cycles)
        assert len(days) == 1
        for k in range(len(facts.cycles)):
            fewer = (*facts.cycles[:k], *facts.cycles[k + 1 :])
            assert len(days_that_fit(facts.weekday, facts.bounds, fewer)) > 1
        other = [days_that_fit(day, facts.bounds, facts.cycles) for day in range(7)]
        assert sum(map(len, other)) > 1


def test_compositions_are_those_of_allens_table() -> None:
    """All 169: by rings in the order of ends, and 409 entries as in the published table."""
    entries = 0
    for first, second in product(RELATIONS, repeat=2):
        possible = compose((first, second))
        links = [(0, 1, first), (1, 2, second)]
        assert possible == [r for r in RELATIONS if is_possible([*links, (0, 2, r)], 3)]
        entries += len(possible)
    assert entries == 409
    assert compose(("before", "after")) == list(RELATIONS)
    assert compose(("during", "before")) == ["before"]
    assert compose(("overlaps", "overlaps")) == ["before", "meets", "overlaps"]


@examples(600)
@given(st.lists(st.sampled_from(RELATIONS), min_size=3, max_size=4))
def test_chains_of_compositions_lose_and_invent_nothing(chain: list[Relation]) -> None:
    links = [(k, k + 1, name) for k, name in enumerate(chain)]
    last = len(chain)
    expected = [r for r in RELATIONS if is_possible([*links, (0, last, r)], last + 1)]
    assert compose(chain) == expected


def test_relations_are_those_of_the_signs_of_their_ends() -> None:
    spans = list(combinations(range(6), 2))
    for first, second in product(spans, repeat=2):
        assert relation(first, second) == SIGNS[signs_of(first, second)]


def test_networks_by_all_times_there_are() -> None:
    """Of four events, none of them later than minute 8."""
    kinds = set()
    for k in range(often(900)):
        rng = Random(f"networks/{k}")
        tree = [Apart(rng.randrange(j), j, low := rng.randrange(3), low + 1) for j in (1, 2, 3)]
        pairs = [rng.sample(range(4), 2) for _ in range(2)]
        upper = [Apart(first, last, None, rng.randrange(3)) for first, last in pairs]
        facts = Network(4, (*tree, *upper))
        times = [
            (0, *rest)
            for rest in product(range(9), repeat=3)
            if all(keeps((0, *rest), each) for each in facts.constraints)
        ]
        least = min((time[3] for time in times), default=None)
        earliest = earliest_times(facts)
        assert (None if earliest is None else earliest[-1]) == least
        if earliest is not None:
            assert tuple(earliest) in times
        kinds.add(least is None)
    assert kinds == {True, False}


def keeps(times: tuple[int, ...], each: Apart) -> bool:
    apart = times[each.later] - times[each.earlier]
    return apart <= each.most and (each.least is None or apart >= each.least)


def test_an_order_is_the_only_one_that_fits() -> None:
    for facts in facts_of("ordering", 24):
        if len(facts.options) > 6:
            continue
        fitting = []
        for order in permutations(facts.options):
            places = {name: place for place, name in enumerate(order)}
            if all((g.minutes > 0) == (places[g.name] > places[g.other]) for g in facts.gaps):
                fitting.append(list(order))
        assert right_answer(facts) in fitting


@pytest.mark.parametrize("kind", KINDS)
def test_a_reference_is_an_optimum_without_a_wrong_answer(kind: Kind) -> None:
    [facts] = facts_of(kind, 1)
    best = reference(TimeQuestion(facts), seconds=0.01)
    assert (best.status, best.objective, best.bound) == ("optimal", 0, 0)
    assert best.answer == {KEY: right_answer(facts)}
