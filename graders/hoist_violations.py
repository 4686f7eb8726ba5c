"""Checks a cycle against every rule of a line of tanks.

`hoist.py` lists the kinds of violations and their fields.
"""

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from tasks.base import Fields, short
from tasks.hoist import LOAD, PERIOD, HoistLine, gap, move_ids, stays

Answer: TypeAlias = Mapping[str, Any]  # what stands for the time of each move


def violations(line: HoistLine, period: Any, times: Answer) -> list[Fields]:
    """Return all violations of a cycle; none if it is feasible.

    Moves without a whole time are reported as such and take no part in the other checks; without a
    whole period from 1 on only stays are checked.

    Args:
        line: the line.
        period: what the answer gives as the period, anything.
        times: what it gives as the time of each move; ids may be missing or unknown, and values
            anything.
    """
    moves = move_ids(line)
    whole = {name: times[name] for name in moves if type(times.get(name)) is int}
    problems = [
        *_check_period(period),
        *_check_times(moves, times),
        *({"kind": "unknown", "move": short(name)} for name in times if name not in moves),
        *_check_windows(line, whole),
    ]
    if type(period) is int and period >= 1:
        problems += _check_tanks(line, period, whole)
        problems += _check_station(line, period, whole)
        problems += _check_hoist(line, period, whole)
    return problems


def _check_period(period: Any) -> Iterator[Fields]:
    if period is None or (type(period) is int and period < 1):
        yield {"kind": "period", "value": short(period)}
    elif type(period) is not int:  # a bool or a float is none
        yield {"kind": "not_integer", "move": PERIOD, "value": short(period)}


def _check_times(moves: tuple[str, ...], times: Answer) -> Iterator[Fields]:
    for name in moves:
        if name not in times:
            yield {"kind": "missing", "move": name}
        elif type(times[name]) is not int:
            yield {"kind": "not_integer", "move": name, "value": short(times[name])}
        elif times[name] < 0:
            yield {"kind": "negative", "move": name, "value": short(times[name])}


def _check_windows(line: HoistLine, times: Mapping[str, int]) -> Iterator[Fields]:
    found = stays(line, times)
    for tank in line.tanks:
        if tank.id in found:
            yield from _check_window(tank.id, found[tank.id], tank.least, tank.most)


def _check_window(place: str, stay: int, least: int, most: int | None) -> Iterator[Fields]:
    if stay < least:
        yield {"kind": "too_short", "tank": place, "stay": stay, "amount": least - stay}
    if most is not None and stay > most:
        yield {"kind": "too_long", "tank": place, "stay": stay, "amount": stay - most}


def _check_tanks(line: HoistLine, period: int, times: Mapping[str, int]) -> Iterator[Fields]:
    for name, stay in stays(line, times).items():
        if stay >= period:
            yield {"kind": "occupied", "tank": name, "stay": stay, "amount": stay - period + 1}


def _check_station(line: HoistLine, period: int, times: Mapping[str, int]) -> Iterator[Fields]:
    last = line.tanks[-1].id
    if line.station is not None and LOAD in times and last in times:
        stay = (times[LOAD] - times[last] - line.loaded[-1]) % period
        yield from _check_window(LOAD, stay, line.station.least, line.station.most)


def _check_hoist(line: HoistLine, period: int, times: Mapping[str, int]) -> Iterator[Fields]:
    """Yield the pairs of moves between which the hoist has too little time."""
    moves = move_ids(line)
    for first, before in enumerate(moves):
        for second, after in enumerate(moves):
            if before in times and after in times:
                time = (times[after] - times[before]) % period if first != second else period
                if (late := gap(line, first, second) - time) > 0:
                    yield {"kind": "hoist", "first": before, "second": after, "amount": late}


# Broken constraints --------------------------------------------------------------------------


def broken_share(line: HoistLine, problems: list[Fields]) -> float:
    """Return the share of constraints not satisfied, in [0, 1].

    One constraint each are the period, a move's whole time from 0 on, a stay (in a tank, and in a
    station), and the way of the hoist after a move. A stay between moves of which one has no time
    is not satisfied; where a move has no time, or the period is none, no way of the hoist is. All
    ids that are no move's count as one more that is broken. So the share is 0 only without a
    violation, and leaving moves out never lowers it.

    Args:
        line: the line.
        problems: the cycle's violations, as `violations` gives them.
    """
    moves = move_ids(line)
    timeless = {v["move"] for v in problems if v["kind"] in ("missing", "not_integer")} - {PERIOD}
    wrong = timeless | {v["move"] for v in problems if v["kind"] == "negative"}
    no_period = any(v["kind"] == "period" or v.get("move") == PERIOD for v in problems)
    places = {v["tank"] for v in problems if "tank" in v}
    places |= {moves[k] for k in range(1, len(moves)) if timeless & {moves[k], moves[k - 1]}}
    if line.station is not None and (no_period or timeless & {moves[0], moves[-1]}):
        places.add(LOAD)
    late = {v["first"] for v in problems if v["kind"] == "hoist"}
    ways = len(moves) if timeless or no_period else len(late)
    unknown = any(v["kind"] == "unknown" for v in problems)
    count = 1 + len(moves) + len(line.tanks) + (line.station is not None) + len(moves)
    return (no_period + len(wrong) + len(places) + ways + unknown) / (count + unknown)
