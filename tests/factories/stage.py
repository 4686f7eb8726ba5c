"""Episodes of an agent of a test's own, played without a run: no journal, no server."""

from collections.abc import Callable
from typing import Any

from harness.agents.base import Agent
from harness.calls.imagination import Imagination
from harness.mcp.direct import world_of
from harness.run.episode import episode
from memory.base import NoMemory
from tasks.base import Ask, CallTools, Instance, Outcome, Outside, Reply
from tasks.imagination import Imagine, later
from tasks.means import Note
from tasks.play import play
from tasks.prompts import installed
from tasks.tools import world
from tasks.tools_clock import arguments_of

PROMPTS = installed()


class Stage:
    """What answers an agent: a model, the world's tools, and branches.

    Attributes:
        asked: what the model was asked, in order.
        imagined: what was wanted of branches, in order.
        notes: the kinds of what the agent noted.
        explored: units of virtual time that were charged for branches.
    """

    def __init__(self, instance: Instance[Any], model: Callable[[Ask], Reply]) -> None:
        self.asked: list[Ask] = []
        self.imagined: list[Imagine] = []
        self.notes: list[str] = []
        self.explored = 0
        self._instance, self._model = instance, model
        self._tools = world_of(instance)
        self._imagination = Imagination(instance, PROMPTS)

    def play(self, agent: Agent) -> Outcome:
        """The outcome of an episode."""
        program = episode(world(self._instance, PROMPTS), agent, NoMemory())
        return play(program, self._answer)

    def _answer(self, effect: Outside) -> Any:
        if isinstance(effect, Ask):
            self.asked.append(effect)
            return self._model(effect)
        if isinstance(effect, Imagine):
            self.imagined.append(effect)
            imagined = self._imagination.imagined(effect)
            self.explored += imagined.took if effect.charged else 0
            return imagined
        if isinstance(effect, Note):
            return self.notes.append(effect.kind)
        assert isinstance(effect, CallTools)
        calls = [(call.name, arguments_of(call)) for call in effect.calls]
        return later(self._tools.turn(calls), self.explored)
