"""The memories there are, and the protocol that episodes use them by."""

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
        """Return the question for the agent: the one that was asked, with messages after it."""

    def observe(self, tell: Tell) -> Program[None]:
        """Take in the feedback after a step."""

    def idle(self, path: str) -> Program[None]:
        """Work between two rounds.

        Args:
            path: of the round that comes; calls of the memory's own go under it.
        """

    def state(self) -> MemoryState:
        """Return everything that the memory holds, for an audit."""


class NoMemory:
    """A memory that stores nothing and adds nothing to a question."""

    def __init__(self, context: Context | None = None) -> None:
        """Take a context as every memory does, and use nothing of it."""

    def recall(self, ask: Ask) -> Program[Ask]:
        """Return the question as it is."""
        yield from ()
        return ask

    def observe(self, tell: Tell) -> Program[None]:  # noqa: ARG002
        """Ignore the feedback."""
        yield from ()

    def idle(self, path: str) -> Program[None]:  # noqa: ARG002
        """Do nothing between rounds."""
        yield from ()

    def state(self) -> MemoryState:
        """Return an empty state."""
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
    """Return whether a call was a memory's own: no path of a world has a segment `memory`."""
    return "memory" in path.split("/")
