"""An agent that is told something of the user's own before all else."""

from msgspec.structs import replace

from harness.agents.base import Agent
from tasks.base import Ask, Message, Program, Reply


class Briefed:
    """Asks like another agent, with a message of the system's role at the front.

    Where the conversation begins with such a message, the two are one: few models take more.
    """

    def __init__(self, agent: Agent, text: str) -> None:
        """Make one of an agent and the text of the message."""
        self._agent, self._text = agent, text

    def reply(self, ask: Ask) -> Program[Reply]:
        """Return the reply of the agent to the ask with the message."""
        rest = ask.messages
        text = self._text
        if rest and rest[0].role == "system":
            text, rest = f"{text}\n\n{rest[0].content}", rest[1:]
        messages = (Message("system", text), *rest)
        return (yield from self._agent.reply(replace(ask, messages=messages)))
