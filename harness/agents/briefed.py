"""An agent that is told something of the user's own before all else."""

from typing import Any

from msgspec.structs import replace

from harness.agents.base import Agent
from tasks.base import Ask, Message, Outside, Program, Reply
from tasks.imagination import Imagined
from tasks.play import translate


class Briefed:
    """Asks like another agent, with a message of the system's role at the front.

    Where the conversation begins with such a message, the two are one: few models take more.
    """

    def __init__(self, agent: Agent, text: str) -> None:
        """Make one of an agent and the text of the message."""
        self._agent, self._text = agent, text

    def reply(self, ask: Ask) -> Program[Reply]:
        """Return the reply of the agent to the ask with the message."""
        program = self._agent.reply(replace(ask, messages=self._briefed(ask.messages)))
        return (yield from translate(program, self._handle))

    def _briefed(self, messages: tuple[Message, ...]) -> tuple[Message, ...]:
        """Return a whole conversation with the message at its front."""
        text, rest = self._text, messages
        if rest and rest[0].role == "system":
            text, rest = f"{text}\n\n{rest[0].content}", rest[1:]
        return (Message("system", text), *rest)

    def _handle(self, effect: Outside) -> Program[Any]:
        """Return the answer to an effect; a conversation that begins in a branch is briefed too."""
        answer = yield effect
        if isinstance(answer, Imagined) and answer.whole:
            return replace(answer, messages=self._briefed(answer.messages))
        return answer
