"""What a memory is to an episode."""

from collections.abc import Callable
from typing import Protocol

from tasks.base import Ask, Program, Tell


class Memory(Protocol):
    """A program that enriches a step before the agent sees it and learns from its feedback."""

    def recall(self, ask: Ask) -> Program[Ask]:
        """Return the ask the agent is to answer."""

    def observe(self, tell: Tell) -> Program[None]:
        """Take note of feedback."""


class NoMemory:
    """Adds nothing, keeps nothing."""

    def recall(self, ask: Ask) -> Program[Ask]:
        """Return the ask as it is."""
        yield from ()
        return ask

    def observe(self, tell: Tell) -> Program[None]:  # noqa: ARG002
        """Forget it."""
        yield from ()


MEMORIES: dict[str, Callable[[], Memory]] = {"none": NoMemory}
