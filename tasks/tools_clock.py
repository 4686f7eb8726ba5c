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
from collections.abc import Iterable, Sequence
from heapq import heapreplace
from typing import NamedTuple

import msgspec

from tasks.base import Called, Fields, Tool, ToolCall, ToolResult, short
from tasks.tools_payload import Entity, Errand, Hidden, Offer, canonical

REFUSAL = 1  # time units of a call that reaches no tool
Arguments = Fields | None  # None: what was written is no JSON object


class _Effect(NamedTuple):
    """A call's answer, status and duration before its start is known; a refused one has no tool.

    `ready` is when its inputs are there, on the track `plan`.
    """

    text: str
    status: str
    duration: int
    offer: Offer | None = None
    key: tuple[str, ...] = ()
    value: Entity | None = None
    ready: int = 0


class Simulation:
    """The tools of one episode on their clock; `turn` performs calls.

    `clock` is the end of the last call so far, in time units.
    """

    def __init__(self, errand: Errand) -> None:
        self.errand = errand
        self.hidden = Hidden(errand)
        self.clock = 0
        self._entities = dict(self.hidden.starts)  # those that the agent may name, by code
        self._since = dict.fromkeys(self._entities, errand.overhead)  # plan: from when on
        self._failed: Counter[tuple[str, ...]] = Counter()
        self._calls = 0
        self._places: dict[str, list[tuple[int, int]]] = {}  # plan: a tool's starts and ends

    def tools(self) -> tuple[Tool, ...]:
        """Return all tools on offer, as an agent sees them."""
        return tuple(offer.as_tool for offer in self.errand.tools)

    def turn(self, calls: Sequence[tuple[str, Arguments]]) -> tuple[ToolResult, ...]:
        """Perform the calls of one turn, in their order.

        On the track `plan` a turn is only what arrives together: results are known at once.

        Args:
            calls: names of tools and arguments.

        Returns:
            A result for each call, with its start and end in time units.
        """
        if self.errand.track == "plan":
            return tuple(self._put(*call) for call in calls)
        effects = [self._effect(name, arguments) for name, arguments in calls]
        if not effects:
            return ()
        results = _in_parallel(effects, self.clock + self.errand.overhead)
        self.clock = max(result.end for result in results)
        for effect in {effect.key or k: effect for k, effect in enumerate(effects)}.values():
            self._learn(effect, self.clock)  # a call made twice in a turn fails only once in it
        return results

    def _put(self, name: str, arguments: Arguments) -> ToolResult:
        """Perform a call of a plan at the earliest time at which it fits."""
        effect = self._effect(name, arguments)
        start = max(self.errand.overhead, effect.ready)
        if effect.offer is not None:
            events = self._places.setdefault(effect.offer.name, [])
            start = earliest(events, effect.offer.capacity, start, effect.duration)
            insort(events, (start, 1))
            insort(events, (start + effect.duration, -1))
        end = start + effect.duration
        self.clock = max(self.clock, end)
        self._learn(effect, end)
        return ToolResult(effect.text, effect.status, start=start, end=end)

    def _learn(self, effect: _Effect, time: int) -> None:
        """Note what a call that ends at `time` gave, or that it failed."""
        if effect.status == "failed":
            self._failed[effect.key] += 1
        elif effect.value is not None:
            name = effect.value.name
            self._entities[name] = effect.value
            self._since[name] = min(time, self._since.get(name, time))

    def _effect(self, name: str, arguments: Arguments) -> _Effect:
        """Return what a call comes to, by the entities there were before this turn."""
        self._calls += 1
        offer = self.hidden.offers.get(name)
        refusal = self._refusal(name, offer, arguments)
        if refusal or offer is None or arguments is None:
            return _Effect(f"error: {refusal}", "refused", REFUSAL)
        inputs = []
        for param in offer.params:
            entity = self._entities.get(canonical(arguments[param.name]))
            if entity is None or entity.kind != param.kind:
                value = _quoted(arguments[param.name])
                text = f"error: {param.name}: no {param.kind} {value} is known"
                return _Effect(text, "unknown", max(offer.latency), offer=offer)
            inputs.append(entity)
        return self._attempt(offer, inputs)

    def _attempt(self, offer: Offer, inputs: Sequence[Entity]) -> _Effect:
        """Return what a call with known inputs comes to.

        A call of a plan that fails for a moment is repeated at once, in its own place.
        """
        duration = offer.latency[inputs[0].site]
        key = (offer.name, *[entity.name for entity in inputs])
        failing = self.hidden.failing(offer, inputs)
        if self.errand.track == "plan":
            duration *= 1 + failing
        elif self._failed[key] < failing:
            text = "error: failed for a moment; the same call may work if it is made again"
            return _Effect(text, "failed", duration, offer=offer, key=key)
        value = self.hidden.result(offer, inputs)
        return _Effect(
            text=f'{{"{offer.output}": "{value.name}"}}',
            status="ok",
            duration=duration,
            offer=offer,
            key=key,
            value=value,
            ready=max([self._since[entity.name] for entity in inputs]),
        )

    def _refusal(self, name: str, offer: Offer | None, arguments: Arguments) -> str:
        """Return why a call reaches no tool; empty if it does."""
        if self._calls > self.errand.limits.calls:
            return f"the limit of {self.errand.limits.calls} calls is reached"
        if offer is None:
            return f"there is no tool {_quoted(name)}"
        if arguments is None:
            return "the arguments are no JSON object"
        return _breach(offer, arguments)


def _breach(offer: Offer, arguments: Fields) -> str:
    """Return how arguments break a tool's schema; empty if they do not."""
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


def _in_parallel(effects: Sequence[_Effect], begin: int) -> tuple[ToolResult, ...]:
    """Return the results of calls that start together, each when its tool has a place free."""
    free: dict[str, list[int]] = {}  # when each place of a tool is free: all alike is a heap
    results = []
    for effect in effects:
        start = begin
        if effect.offer is not None:
            places = free.setdefault(effect.offer.name, [begin] * effect.offer.capacity)
            start = places[0]
            heapreplace(places, start + effect.duration)
        end = start + effect.duration
        results.append(ToolResult(effect.text, effect.status, start=start, end=end))
    return tuple(results)


def _quoted(text: str) -> str:
    return json.dumps(short(text))


def earliest(events: Sequence[tuple[int, int]], capacity: int, ready: int, duration: int) -> int:
    """Return the least start from `ready` on at which a place is free for a whole duration.

    Args:
        events: (time, 1) where a call placed so far starts and (time, -1) where it ends, sorted.
        capacity: the places of the tool.
        ready: the least start, in time units.
        duration: how long a place is taken, in time units.
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
    """Return a call's arguments, read from its raw JSON; None if that is no object."""
    try:
        arguments = msgspec.json.decode(call.arguments.encode())
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
    return arguments if isinstance(arguments, dict) else None


def returned(calls: Iterable[Called]) -> set[str]:
    """Return the codes that calls have returned."""
    return {value for call in calls if (value := value_of(call.result)) is not None}


def value_of(result: ToolResult) -> str | None:
    """Return the code in a tool's answer; None if it is an error."""
    if result.status != "ok":
        return None
    [value] = msgspec.json.decode(result.text).values()
    return str(value)
