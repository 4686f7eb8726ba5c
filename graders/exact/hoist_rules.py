"""Cycles by simple rules: a bound that takes no search, and moves placed one after another.

Moves are numbered here, from 0; the time of move 0 is 0.
"""

from collections.abc import Callable, Iterable, Sequence
from random import Random
from typing import NamedTuple, TypeAlias

from tasks.base import Fields
from tasks.hoist import KEY, PERIOD, HoistLine, gap, move_ids, one_at_a_time

Order: TypeAlias = Callable[[range], Iterable[int]]  # of the stays that a tank allows


class HoistCycle(NamedTuple):
    """A period and, for one part, the time of each move."""

    period: int
    times: list[int]

    def by_id(self, line: HoistLine) -> Fields:
        """Return the cycle as an answer."""
        return {PERIOD: self.period, KEY: dict(zip(move_ids(line), self.times, strict=True))}


def serial(line: HoistLine) -> HoistCycle:
    """Return the cycle of one part at a time, which every line allows."""
    return HoistCycle(*one_at_a_time(line))


def lower_bound(line: HoistLine) -> int:
    """Return a period that no cycle is below.

    The greatest of each tank, which the hoist has to empty, leave, and fill again, and of all moves
    of a period, each with the shortest way from it to another.

    Args:
        line: the line.
    """
    moves = range(len(line.loaded))
    ways = sum(min(gap(line, k, other) for other in moves if other != k) for k in moves)
    tanks = [
        line.loaded[k - 1] + line.tanks[k - 1].least + gap(line, k, k - 1) for k in moves if k > 0
    ]
    if line.station is not None:
        tanks.append(line.loaded[-1] + line.station.least + gap(line, 0, moves[-1]))
    return max(ways, *tanks, *(gap(line, k, k) for k in moves))


def place(line: HoistLine, period: int, order: Order) -> list[int] | None:
    """Return the times of moves placed one after another; None where one finds no place.

    Every move takes the first stay in an order after which the hoist is free for it.

    Args:
        line: the line.
        period: of the cycle.
        order: takes all stays that a tank allows within the period, returns them in an order.
    """
    times = [0]
    if period < gap(line, 0, 0):
        return None
    for tank, loaded in zip(line.tanks, line.loaded, strict=False):
        longest = period - 1 if tank.most is None else min(tank.most, period - 1)
        put_down = times[-1] + loaded
        moments = (put_down + stay for stay in order(range(tank.least, longest + 1)))
        moment = next((each for each in moments if _fits(line, period, (*times, each))), None)
        if moment is None:
            return None
        times.append(moment)
    return times if _is_back_in_time(line, period, times) else None


def _fits(line: HoistLine, period: int, times: Sequence[int]) -> bool:
    """Return whether the last of some moves leaves the hoist time to and from all others."""
    last = len(times) - 1
    for k, time in enumerate(times[:-1]):
        if (times[-1] - time) % period < gap(line, k, last):
            return False
        if (time - times[-1]) % period < gap(line, last, k):
            return False
    return period >= gap(line, last, last)


def _is_back_in_time(line: HoistLine, period: int, times: Sequence[int]) -> bool:
    """Return whether a carrier stays at the station, if there is one, as long as it may."""
    if line.station is None:
        return True
    stay = (times[0] - times[-1] - line.loaded[-1]) % period
    return line.station.least <= stay and (line.station.most is None or stay <= line.station.most)


def sweep(line: HoistLine, orders: Sequence[Order]) -> HoistCycle:
    """Return the first cycle that a way to place moves finds, with one period after another.

    It begins with the lower bound; one part at a time is the last.

    Args:
        line: the line.
        orders: the ways that are tried with each period (see `place`).
    """
    last = serial(line)
    for period in range(lower_bound(line), last.period):
        for order in orders:
            times = place(line, period, order)
            if times is not None:
                return HoistCycle(period, times)
    return last


def earliest(stays: range) -> Iterable[int]:
    """Order stays by length, the shortest first."""
    return stays


def latest(stays: range) -> Iterable[int]:
    """Order stays by length, the longest first."""
    return reversed(stays)


def at_random(rng: Random) -> Order:
    """Return an order of stays at random."""
    return lambda stays: rng.sample(stays, len(stays))
