"""Small lines of tanks, and what they are worth by trying everything."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import count, product
from typing import Any

from hypothesis import strategies as st

from tasks.base import Instance, Reference
from tasks.hoist import KEY, LOAD, PERIOD, HoistLine, SoakWindow, Tank, move_ids

Window = tuple[int, int | None]


def line(
    windows: Sequence[Window],
    places: Sequence[int],
    lift: int = 1,
    station: Window | None = None,
) -> HoistLine:
    """A line of tanks A, B, ... whose places, with those of loading and unloading, are given.

    The hoist travels a unit of time for each of distance; taking up and putting down is `lift`.
    """
    up, down = places[:-1], [*places[1:-1], places[-1] if station is None else places[0]]
    return HoistLine(
        tuple(Tank("ABCDEFGH"[k], *window) for k, window in enumerate(windows)),
        tuple(lift + abs(a - b) for a, b in zip(up, down, strict=True)),
        tuple(tuple(abs(a - b) for b in up) for a in down),
        station=SoakWindow(*station) if station else None,
    )


def instance(
    payload: HoistLine,
    reference: Reference = Reference("none"),  # noqa: B008
) -> Instance[HoistLine]:
    """An instance of a line."""
    return Instance("i", "hoist", len(payload.tanks), None, 0, {}, 1, payload, reference)


@st.composite
def windows(draw: st.DrawFn) -> Window:
    """A least stay from 0 and a most, or none."""
    least = draw(st.integers(0, 5))
    return least, draw(st.none() | st.integers(least, least + 3))


@st.composite
def small(draw: st.DrawFn, most: int = 3) -> HoistLine:
    """Up to so many tanks at places anywhere in a short row, some with a station."""
    tanks = draw(st.integers(1, most))
    spots = st.lists(st.integers(0, 3), min_size=tanks + 2, max_size=tanks + 2)
    rows = draw(st.lists(windows(), min_size=tanks, max_size=tanks))
    least = draw(st.none() | st.integers(0, 6))
    station = None if least is None else (least, draw(st.none() | st.integers(20, 30)))
    return line(rows, draw(spots), draw(st.integers(1, 3)), station)


# Trying everything ---------------------------------------------------------------------------


def faults(payload: HoistLine, period: int, times: Mapping[str, int]) -> set[tuple[Any, ...]]:
    """What is wrong with whole times, found by following many parts through the line."""
    moves, wrong = move_ids(payload), set[tuple[Any, ...]]()
    wrong |= {("negative", name) for name in moves if times[name] < 0}
    starts = [times[name] for name in moves]
    ends = [start + time for start, time in zip(starts, payload.loaded, strict=True)]
    for tank, begin, end in zip(payload.tanks, ends, starts[1:], strict=False):
        if end - begin < tank.least:
            wrong.add(("too_short", tank.id))
        if tank.most is not None and end - begin > tank.most:
            wrong.add(("too_long", tank.id))
        there = set(range(begin, end + 1))  # also at the moment at which it is taken up
        if there & {moment + period for moment in there}:
            wrong.add(("occupied", tank.id))
    if payload.station is not None:
        departures = (starts[0] + period * k for k in count(-abs(ends[-1]) - abs(starts[0])))
        stay = next(start for start in departures if start >= ends[-1]) - ends[-1]
        if stay < payload.station.least:
            wrong.add(("too_short", LOAD))
        if payload.station.most is not None and stay > payload.station.most:
            wrong.add(("too_long", LOAD))
    return wrong | _clashes(payload, period, starts)


def _clashes(payload: HoistLine, period: int, starts: Sequence[int]) -> set[tuple[Any, ...]]:
    """The pairs of moves between which the hoist is late, for some part ahead or behind."""
    moves, wrong = move_ids(payload), set[tuple[Any, ...]]()
    reach = 2 + (max(starts) - min(starts)) // period
    numbers = range(len(moves))
    for first, second, ahead in product(numbers, numbers, range(-reach, reach + 1)):
        time = starts[second] + ahead * period - starts[first]
        is_same = first == second and not ahead
        needed = payload.loaded[first] + payload.empty[first][second]
        if not is_same and 0 <= time < needed:
            wrong.add(("hoist", moves[first], moves[second]))
    return wrong


def cycle(payload: HoistLine, period: int) -> dict[str, int] | None:
    """The times of some valid cycle of a period, by trying all stays; None if there is none."""
    for times in _cycles(payload, period, [0]):
        named = dict(zip(move_ids(payload), times, strict=True))
        if not faults(payload, period, named):
            return named
    return None


def _cycles(payload: HoistLine, period: int, times: list[int]) -> Iterator[list[int]]:
    """All times that continue some, but for those after which two moves meet."""
    number = len(times)
    last = number - 1
    for k, time in enumerate(times[:-1]):
        apart = (times[-1] - time) % period
        there = payload.loaded[k] + payload.empty[k][last]
        back = payload.loaded[last] + payload.empty[last][k]
        if apart < there or period - apart < back:
            return
    if number == len(payload.loaded):
        yield times
        return
    tank = payload.tanks[last]
    longest = period if tank.most is None else min(period, tank.most)
    for stay in range(tank.least, longest + 1):
        yield from _cycles(payload, period, [*times, times[-1] + payload.loaded[last] + stay])


def least_period(payload: HoistLine) -> int:
    """The optimum: the first period for which some stays keep every rule."""
    return next(period for period in count(1) if cycle(payload, period) is not None)


def answer(period: Any, times: Any) -> dict[str, Any]:
    """An answer as it is given."""
    return {PERIOD: period, KEY: times}
