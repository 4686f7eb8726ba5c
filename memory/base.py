"""What a memory is to an episode, and the memories there are."""

from collections.abc import Callable
from typing import Protocol

from memory.context import Context, MemoryState
from memory.facts import Facts
from memory.hub import StrategyHub
from memory.rounds import FullHistory, History, Placebo
from memory.summary import Summary
from tasks.base import Ask, Program, Tell


class Memory(Protocol):
    """A program that enriches a step before the agent sees it and learns from its feedback.

    Calls of its own have a path with a segment `memory`, so that they are counted apart.
    """

    def recall(self, ask: Ask) -> Program[Ask]:
        """Return the ask the agent is to answer: what it was, and messages after it."""

    def observe(self, tell: Tell) -> Program[None]:
        """Take note of feedback."""

    def idle(self, path: str) -> Program[None]:
        """Use the time between rounds; calls of its own go under `path`."""

    def state(self) -> MemoryState:
        """Return all it holds, for an audit."""


class NoMemory:
    """Adds nothing, keeps nothing."""

    def __init__(self, context: Context | None = None) -> None:
        """It needs nothing."""

    def recall(self, ask: Ask) -> Program[Ask]:
        """Return the ask as it is."""
        yield from ()
        return ask

    def observe(self, tell: Tell) -> Program[None]:  # noqa: ARG002
        """Forget it."""
        yield from ()

    def idle(self, path: str) -> Program[None]:  # noqa: ARG002
        """Rest."""
        yield from ()

    def state(self) -> MemoryState:
        """Nothing."""
        return MemoryState()


MEMORIES: dict[str, Callable[[Context], Memory]] = {
    "none": NoMemory,
    "history": History,
    "full-history": FullHistory,
    "placebo": Placebo,
    "summary": Summary,
    "strategy-hub": StrategyHub,
    "facts": Facts,
}
NEEDS_ROUNDS = frozenset(MEMORIES) - {"none"}  # refused for a family without rounds
TAKE_NOTES = frozenset({"summary", "strategy-hub", "facts"})  # beside past rounds
NEEDS_OTHER = frozenset({"placebo"})  # refused without `Context.other_rounds`


def is_memory(path: str) -> bool:
    """Whether a call was a memory's own and not the agent's; worlds name no segment `memory`."""
    return "memory" in path.split("/")
