"""Shortest schedules of independent calls on one tool's places (P||Cmax), by counted steps."""

from collections.abc import Sequence
from heapq import heapreplace


class StepsExhausted(Exception):
    """The search has used up its steps."""


def listed(durations: Sequence[int], places: int) -> list[int]:
    """Start times of list scheduling: each in its turn takes the place that is free first."""
    ends = [0] * places
    starts = []
    for duration in durations:
        starts.append(ends[0])
        heapreplace(ends, ends[0] + duration)
    return starts


def makespan(starts: Sequence[int], durations: Sequence[int]) -> int:
    return max(map(int.__add__, starts, durations), default=0)


class Packing:
    """Shortest schedules of independent calls on a tool's places (P||Cmax), each found once."""

    def __init__(self, steps: int) -> None:
        self.steps = steps
        self._known: dict[tuple[int, tuple[int, ...]], list[int]] = {}

    def spend(self, steps: int) -> None:
        """Take steps from what the search may use; raises Spent below zero."""
        self.steps -= steps
        if self.steps < 0:
            raise StepsExhausted

    def length(self, durations: tuple[int, ...], places: int) -> int:
        """The least makespan of calls in falling order of duration."""
        if places == 1:
            return sum(durations)
        if places >= len(durations):
            return durations[0] if durations else 0
        return makespan(self.starts(durations, places), durations)

    def starts(self, durations: tuple[int, ...], places: int) -> list[int]:
        """Start times that attain it; longest processing time first unless more is to be had."""
        key = (places, durations)
        if key not in self._known:
            starts = listed(durations, places)
            length = makespan(starts, durations)
            least = max(durations[0], -(-sum(durations) // places))
            if least < length and places > 1:
                starts = self._shorter(durations, places, length) or starts
            self._known[key] = starts
        return self._known[key]

    def _shorter(self, durations: tuple[int, ...], places: int, limit: int) -> list[int] | None:
        """Starts of a shortest schedule that ends before `limit`, None if there is none.

        Goes through the places' loads, sorted, that the first calls can leave behind.
        """
        layers: list[dict[tuple[int, ...], tuple[tuple[int, ...], int]]] = [
            {(0,) * places: ((), 0)}
        ]
        for duration in durations:
            layer: dict[tuple[int, ...], tuple[tuple[int, ...], int]] = {}
            for loads in layers[-1]:
                for k, load in enumerate(loads):
                    if load + duration < limit and load not in loads[:k]:
                        after = tuple(sorted((*loads[:k], load + duration, *loads[k + 1 :])))
                        layer.setdefault(after, (loads, load))
            self.spend(len(layer))
            layers.append(layer)
        if not layers[-1]:
            return None
        loads = min(layers[-1], key=lambda loads: (loads[-1], loads))
        starts = []
        for layer in reversed(layers[1:]):
            loads, start = layer[loads]
            starts.append(start)
        return starts[::-1]
