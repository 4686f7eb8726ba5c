"""What an agent is to an episode."""

from collections.abc import Callable
from typing import Protocol

from harness.agents.text_tools import TextTools
from tasks.base import Ask, Program, Reply
from tasks.prompts import Prompts


class Agent(Protocol):
    """A program that answers a world's ask, with as many asks of its own as it wants."""

    def reply(self, ask: Ask) -> Program[Reply]:
        """Return the reply the world is to see."""


class Direct:
    """Passes each ask to the model as it is."""

    def __init__(self, prompts: Prompts | None = None) -> None:
        """It needs nothing."""

    def reply(self, ask: Ask) -> Program[Reply]:
        """One ask, one call."""
        reply: Reply = yield ask
        return reply


AGENTS: dict[str, Callable[[Prompts], Agent]] = {
    "direct": Direct,
    "text-tools": TextTools,
}
