"""An errand that can be followed by hand, and its optimum as a script."""

import json
from typing import Any

from graders.exact.tools import reference
from tasks.base import Instance
from tasks.tools_payload import (
    Errand,
    Offer,
    Param,
    RequestedValue,
    RequiredCall,
    Start,
    TurnLimits,
)

Script = dict[str, Any]


def offer(
    name: str,
    kinds: tuple[str, ...],
    output: str,
    latency: tuple[int, int] = (3, 7),
    capacity: int = 1,
    writes: bool = False,
) -> Offer:
    params = tuple(Param(f"p{k}", kind, kind) for k, kind in enumerate(kinds))
    return Offer(name, f"Does {name}.", params, output, writes, latency, capacity)


def errand(**change: Any) -> Errand:
    """find(name) -> person, boss(person) -> person, fire(person): two sites, and one waste."""
    fields: dict[str, Any] = {
        "track": "reactive",
        "sites": ("north", "south"),
        "tools": (
            offer("find", ("name",), "person", (3, 7), 2),
            offer("boss", ("person",), "person", (5, 9)),
            offer("fire", ("person",), "notice", (4, 8), writes=True),
            offer("pair", ("person", "person"), "pair", (2, 6)),
            offer("age", ("person",), "age", (11, 12), 3),
        ),
        "starts": (Start("Ann Lee", "name", "north"), Start("Bo Dahl", "name", "south")),
        "steps": (
            RequiredCall("find", ("Ann Lee",)),
            RequiredCall("find", ("Bo Dahl",)),
            RequiredCall("boss", ("$0",)),
            RequiredCall("pair", ("$1", "$2")),
            RequiredCall("fire", ("$1",)),
        ),
        "wanted": (RequestedValue(3, "the pair", "pair"), RequestedValue(4, "fire Bo Dahl")),
        "overhead": 2,
        "limits": TurnLimits(6, 30),
        "failures": 0.0,
        "select": 0,
        "secret": "s",
    }
    return Errand(**fields | change)


def solved(track: str = "reactive", **change: Any) -> Instance[Errand]:
    payload = errand(track=track, **change)
    return Instance("x", "tools", 5, None, 0, {}, 1, payload, reference(payload))


def gold(instance: Instance[Errand]) -> Script:
    answer = instance.reference.answer
    assert answer is not None
    found: Script = json.loads(json.dumps(answer))
    return found
