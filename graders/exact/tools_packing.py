"""Shortest schedules of independent calls on one tool's places (P||Cmax), by counted steps."""

from collections.abc import Sequence
from heapq import heapreplace
from typing import TypeAlias

Loads: TypeAlias = tuple[int, ...]  # when each place is free, sorted
Layer: TypeAlias = dict[Loads, tuple[Loads, int]]  # the loads before the last call, its start


class StepsExhausted(Exception):
    """The search has used up its steps."""


def list_schedule(durations: Sequence[int], places: int) -> list[int]:
    """Return the start times of list scheduling: each call takes the place that is free first.

    Args:
        durations: of the calls, in the order of the list.
        places: how many calls run at once, at most.
    """
    ends = [0] * places
    starts = []
    for duration in durations:
        starts.append(ends[0])
        heapreplace(ends, ends[0] + duration)
    return starts


def makespan(starts: Sequence[int], durations: Sequence[int]) -> int:
    """Return the latest end of a call; 0 without calls."""
    return max(map(int.__add__, starts, durations), default=0)


class Packing:
    """Shortest schedules of independent calls on a tool's places (P||Cmax), each searched once.

    Attributes:
        steps: how many steps of search are left.
    """

    def __init__(self, steps: int) -> None:
        self.steps = steps
        self._cache: dict[tuple[int, Loads], list[int]] = {}

    def spend(self, steps: int) -> None:
        """Take steps from those that are left.

        Raises:
            StepsExhausted: if there are too few.
        """
        self.steps -= steps
        if self.steps < 0:
            raise StepsExhausted

    def length(self, durations: tuple[int, ...], places: int) -> int:
        """Return the least makespan of calls.

        Args:
            durations: of the calls, falling.
            places: how many calls run at once, at most.

        Raises:
            StepsExhausted: if the search needs more steps than are left.
        """
        if places == 1:
            return sum(durations)
        if places >= len(durations):
            return durations[0] if durations else 0
        return makespan(self.starts(durations, places), durations)

    def starts(self, durations: tuple[int, ...], places: int) -> list[int]:
        """Return start times of the least makespan, the arguments as in `length`.

        They are by longest processing time first unless another schedule is shorter.
        """
        key = (places, durations)
        if key not in self._cache:
            self._cache[key] = self._shortest(durations, places)
        return self._cache[key]

    def _shortest(self, durations: tuple[int, ...], places: int) -> list[int]:
        starts = list_schedule(durations, places)
        length = makespan(starts, durations)
        least = max(durations[0], -(-sum(durations) // places))
        if least < length and places > 1:
            return self._search(durations, places, length) or starts
        return starts

    def _search(self, durations: tuple[int, ...], places: int, limit: int) -> list[int] | None:
        """Return starts of a shortest schedule that ends before a limit, None if there is none.

        Goes through the places' loads, sorted, that the first calls can leave behind.
        """
        layers: list[Layer] = [{(0,) * places: ((), 0)}]
        for duration in durations:
            layer = _next_layer(layers[-1], duration, limit)
            self.spend(len(layer))
            layers.append(layer)
        if not layers[-1]:
            return None
        return _read_starts(layers)


def _next_layer(layer: Layer, duration: int, limit: int) -> Layer:
    """Return the loads after one call more, each with the loads before it and the call's start."""
    grown: Layer = {}
    for loads in layer:
        for k, load in enumerate(loads):
            if load + duration < limit and load not in loads[:k]:
                after = tuple(sorted((*loads[:k], load + duration, *loads[k + 1 :])))
                grown.setdefault(after, (loads, load))
    return grown


def _read_starts(layers: Sequence[Layer]) -> list[int]:
    loads = min(layers[-1], key=lambda loads: (loads[-1], loads))
    starts = []
    for layer in reversed(layers[1:]):
        loads, start = layer[loads]
        starts.append(start)
    return starts[::-1]
