"""Instances with tools, scripts of turns to play on them, and what came of a script as a hash."""

from collections.abc import Awaitable, Callable, Sequence
from functools import cache
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any

import msgspec

from generators.tools import generate
from harness.suites.instances import encode
from tasks.base import CallTools, Instance, ToolCall, ToolResult
from tasks.tools_payload import Hidden

Perform = Callable[[CallTools], Awaitable[tuple[ToolResult, ...]]]
TRANSPORTS = ("direct", "inprocess", "stdio", "http")


@cache
def task(index: int = 0, level: int = 6, **settings: Any) -> Instance[Any]:
    return generate(level, 0, index, settings, reference=False)


def file_of(path: Path, instances: Sequence[Instance[Any]]) -> Path:
    path.write_bytes(b"".join(encode(one) + b"\n" for one in instances))
    return path


def call(name: str, arguments: object, number: int = 0) -> ToolCall:
    text = arguments if isinstance(arguments, str) else msgspec.json.encode(arguments).decode()
    return ToolCall(f"call-{number}", name, text)


def turns(instance: Instance[Any], seed: int = 0) -> list[CallTools]:
    """The required calls, a few at a time and out of order, with all that can be wrong between."""
    rng = Random(f"script/{seed}")
    due = Hidden(instance.payload).steps()
    good = [call(one.offer.name, one.arguments, k) for k, one in enumerate(due)]
    name, text = good[0].name, good[0].arguments
    bad = [
        call("no_such_tool", {"é": "ü", "n": 1.5, "big": 10**30, "none": None}),
        call(name, '{"not": closed'),
        call(name, "[1, 2]"),
        call(name, ""),
        call(name, '{"deep": ' + "[" * 200 + "]" * 200 + "}"),
        call(name, text.replace("}", ', "more": "x"}')),
        call("", "{}"),
        call("not picked: a\nb", "{}"),
        call("x" * 70_000, "{}"),
        call(name, '{"a": "\\ud800"}'),
        call(name, '{"a": 1, "a": 2}'),
        call(name, "{}"),
    ]
    wrong = [call(one.name, one.arguments.replace("-", "+")) for one in good]
    rest, made = good + bad + wrong, list[CallTools]()
    rng.shuffle(rest)
    rest += good  # in an order that works, one turn each
    while rest:
        count = 1 if len(rest) <= len(good) else rng.randint(1, 7)
        number = len(made) + 1
        made.append(CallTools(f"turn-{number}", number, tuple(rest[:count])))
        del rest[:count]
    return made


async def trace(perform: Perform, script: Sequence[CallTools]) -> str:
    """The hash of all calls of a script and what came of them."""
    total = sha256()
    for effect in script:
        results = await perform(effect)
        assert len(results) == len(effect.calls)
        total.update(msgspec.json.encode([effect, results]) + b"\n")
    return total.hexdigest()
