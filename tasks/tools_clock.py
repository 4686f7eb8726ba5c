"""The world of a task on its virtual clock: what every tool answers, and when.

Times are whole units from 0; nothing sleeps and no clock is read. A call's latency depends on its
tool and on the site of its first argument. On the track `reactive` the calls of a turn start
together after the turn's overhead, in their order, each when its tool has a place free, and all
return before the next turn. On the track `plan` there is one overhead, and every call is put, as
it arrives, at the earliest time at which its inputs are there and its tool has a place free,
gaps before earlier calls included (serial schedule generation).
"""

import json
from bisect import insort
from collections import Counter
from collections.abc import Sequence
from heapq import heapify, heapreplace
from typing import NamedTuple

import msgspec

from tasks.base import Fields, Tool, ToolCall, ToolResult, short
from tasks.tools_payload import Entity, Errand, Hidden, Offer, canonical

REFUSAL = 1  # time units of a call that reaches no tool
Arguments = Fields | None  # None: what was written is no JSON object


class _Found(NamedTuple):
    """What a call comes to before its time is known; a refused one has no tool."""

    text: str
    status: str
    duration: int
    offer: Offer | None = None
    key: tuple[str, ...] = ()
    value: Entity | None = None
    ready: int = 0


class Simulation:
    """One episode's world; `turn` is all it does."""

    def __init__(self, errand: Errand) -> None:
        self.errand = errand
        self.hidden = Hidden(errand)
        self.clock = 0  # the end of the last call so far
        self._known = dict(self.hidden.starts)
        self._since = dict.fromkeys(self._known, errand.overhead)  # plan: when it is known
        self._failed: Counter[tuple[str, ...]] = Counter()
        self._calls = 0
        self._places: dict[str, list[tuple[int, int]]] = {}  # plan: a tool's starts and ends

    def tools(self) -> tuple[Tool, ...]:
        """All tools on offer, as an agent sees them."""
        return tuple(offer.shown for offer in self.errand.tools)

    def turn(self, calls: Sequence[tuple[str, Arguments]]) -> tuple[ToolResult, ...]:
        """Perform the calls (tool, arguments) of one turn, in their order; results in that order.

        On the track `plan` a turn is only what arrives together: results are known at once.
        """
        if self.errand.track == "plan":
            return tuple(self._put(*call) for call in calls)
        found = [self._find(name, arguments) for name, arguments in calls]
        if not found:
            return ()
        begin = self.clock + self.errand.overhead
        free: dict[str, list[int]] = {}
        results = []
        for one in found:
            start = begin
            if one.offer is not None:
                places = free.get(one.offer.name)
                if places is None:
                    places = free[one.offer.name] = [begin] * one.offer.capacity
                    heapify(places)
                start = places[0]
                heapreplace(places, start + one.duration)
            results.append(ToolResult(one.text, one.status, start, start + one.duration))
        self.clock = max(result.end for result in results)
        for one in {one.key or k: one for k, one in enumerate(found)}.values():
            self._learn(one, self.clock)  # a call made twice in a turn fails only once in it
        return tuple(results)

    def _put(self, name: str, arguments: Arguments) -> ToolResult:
        found = self._find(name, arguments)
        start = max(self.errand.overhead, found.ready)
        if found.offer is not None:
            events = self._places.setdefault(found.offer.name, [])
            start = earliest(events, found.offer.capacity, start, found.duration)
            insort(events, (start, 1))
            insort(events, (start + found.duration, -1))
        end = start + found.duration
        self.clock = max(self.clock, end)
        self._learn(found, end)
        return ToolResult(found.text, found.status, start, end)

    def _learn(self, found: _Found, when: int) -> None:
        if found.status == "failed":
            self._failed[found.key] += 1
        elif found.value is not None:
            self._known[found.value.name] = found.value
            self._since[found.value.name] = min(when, self._since.get(found.value.name, when))

    def _find(self, name: str, arguments: Arguments) -> _Found:
        """What a call comes to, by what is known before this turn.

        A call of a plan that fails for a moment is repeated at once, in its own place.
        """
        self._calls += 1
        offer = self.hidden.offers.get(name)
        why = self._refusal(name, offer, arguments)
        if why or offer is None or arguments is None:
            return _Found(f"error: {why}", "refused", REFUSAL)
        inputs = []
        for param in offer.params:
            given = self._known.get(canonical(arguments[param.name]))
            if given is None or given.kind != param.kind:
                shown = _quoted(arguments[param.name])
                text = f"error: {param.name}: no {param.kind} {shown} is known"
                return _Found(text, "unknown", max(offer.latency), offer)
            inputs.append(given)
        duration = offer.latency[inputs[0].site]
        key = (name, *[entity.name for entity in inputs])
        ready = max([self._since[entity.name] for entity in inputs])
        failing = self.hidden.failing(offer, inputs)
        if self.errand.track == "plan":
            duration *= 1 + failing
        elif self._failed[key] < failing:
            text = "error: failed for a moment; the same call may work if it is made again"
            return _Found(text, "failed", duration, offer, key)
        value = self.hidden.result(offer, inputs)
        text = f'{{"{offer.output}": "{value.name}"}}'
        return _Found(text, "ok", duration, offer, key, value, ready)

    def _refusal(self, name: str, offer: Offer | None, arguments: Arguments) -> str:
        """Why a call reaches no tool; empty if it does."""
        if self._calls > self.errand.limits.calls:
            return f"the limit of {self.errand.limits.calls} calls is reached"
        if offer is None:
            return f"there is no tool {_quoted(name)}"
        if arguments is None:
            return "the arguments are no JSON object"
        for param in offer.params:
            if param.name not in arguments:
                return f"the argument {_quoted(param.name)} is missing"
            if not isinstance(arguments[param.name], str):
                return f"the argument {_quoted(param.name)} is not a string"
        if len(arguments) > len(offer.params):
            names = {param.name for param in offer.params}
            strange = next(key for key in arguments if key not in names)
            return f"there is no argument {_quoted(strange)}"
        return ""


def _quoted(text: str) -> str:
    return json.dumps(short(text))


def earliest(events: Sequence[tuple[int, int]], capacity: int, ready: int, duration: int) -> int:
    """The least start from `ready` on at which a place is free for a whole duration.

    `events` are (time, 1) where a call placed so far starts and (time, -1) where it ends, sorted.
    """
    used, start = 0, ready
    full = False
    for time, change in events:
        if not full and time >= start + duration:
            return start
        used += change
        if used >= capacity:
            full = True
        elif full:
            full, start = False, max(ready, time)
    return start


def arguments_of(call: ToolCall) -> Arguments:
    """A call's arguments, read from the JSON that was written; None if it is no object."""
    try:
        found = msgspec.json.decode(call.arguments.encode())
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def value_of(result: ToolResult) -> str | None:
    """The code in a tool's answer; None if it is an error."""
    if result.status != "ok":
        return None
    [value] = msgspec.json.decode(result.text).values()
    return str(value)
