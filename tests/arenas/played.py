"""What a player of an arena reports, a line of JSON each: the worth of a recording, or why none."""

import argparse
import sys
from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter
from typing import Any

import msgspec

from makespan.arenas.carried import growing
from tasks.base import Fields, InputError, Instance
from tests.arenas.recordings import CORPUS, Recording, read

Recorded = tuple[Instance[Any], Recording]


class Played(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """A recording in an arena: what the arena says it is worth, or why it cannot be told there."""

    name: str
    score: float | None = None
    reward: float | None = None
    verdict: str = ""
    cannot: str = ""
    error: str = ""


class Arena(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """The whole of a player's work.

    Attributes:
        arena: its name.
        version: of its package.
        python: that it ran with.
        seconds: of all that was played.
        asked_otherwise: the names of recordings in which a prompt was not the episode's own.
    """

    arena: str
    version: str
    python: str
    seconds: float
    asked_otherwise: tuple[str, ...] = ()


class Absent(Exception):
    """A recording that an arena cannot express; the message says why."""


def corpus() -> list[Recorded]:
    """The corpus that is named on the command line, or that of the repository."""
    parser = argparse.ArgumentParser()
    parser.add_argument("corpus", type=Path, nargs="?", default=CORPUS)
    return read(parser.parse_args().corpus)


def in_turn(rows: Iterable[Recorded], worth: Callable[[Recorded], Played]) -> Iterator[Played]:
    """What each recording is worth; `worth` raises Absent where it cannot be expressed."""
    for recorded in rows:
        try:
            yield worth(recorded)
        except Absent as reason:
            yield Played(recorded[1].name, cannot=str(reason))


def report(
    arena: str, package: str, played: Iterable[Played], asked_otherwise: Iterable[str] = ()
) -> None:
    """Print a line a recording, and one about the whole.

    Args:
        arena: its name.
        package: whose version is told; where it is not installed, that of makespan.
        played: what is said of each recording; the time is that of making it.
        asked_otherwise: the names of recordings in which a prompt was not the episode's own.
    """
    began = perf_counter()
    lines = [msgspec.json.encode(each).decode() for each in played]
    seconds = perf_counter() - began
    python = ".".join(map(str, sys.version_info[:2]))
    installed = package if find_spec(package.replace("-", "_")) else "makespan"
    whole = Arena(arena, version(installed), python, seconds, tuple(asked_otherwise))
    print(*lines, msgspec.json.encode(whole).decode(), sep="\n", flush=True)


def turns(recording: Recording, *, finish: bool = True) -> list[Fields]:
    """The assistant's turns as chat completions have them."""
    messages: list[Fields] = []
    for reply in recording.replies:
        message: Fields = {"role": "assistant", "content": reply.text}
        if reply.calls:
            message["tool_calls"] = [
                {
                    "id": call.id,
                    "type": "function",
                    "function": {"name": call.name, "arguments": call.arguments},
                }
                for call in reply.calls
            ]
        if finish:
            message["finish_reason"] = reply.finish
        messages.append(message)
    return messages


def only_added_to(recorded: Recorded) -> None:
    """Raise Absent unless what a recording is asked is one talk that is only added to."""
    instance, recording = recorded
    if recording.agent != "direct" or instance.settings.get("select"):
        raise Absent("the talk can only be added to")
    try:
        growing(instance, recording.memory)
    except InputError as reason:
        raise Absent("the talk can only be added to") from reason
