"""What of a session's tokens is the agent's own doing, beside the task and its model's work."""

import msgspec

from harness.costs import sum_or_none, tokens_of
from harness.sessions.neutral import AgentRequest
from tasks.base import Usage

_SPOKEN = ("system", "user")  # by the agent's program: nobody else speaks in a session


class Shares:
    """Sums over the calls of a session.

    Attributes:
        side_calls: in other conversations than the first, so of sub-agents, or for a title.
    """

    def __init__(self, instruction: str) -> None:
        """Make one; the instruction is the task's, even where an agent puts it into a message."""
        self._instruction = instruction
        self._first: tuple[str, str] | None = None
        self._own: list[int | None] = []
        self._side: list[int | None] = []

    def add(self, conversation: AgentRequest, usage: Usage) -> None:
        """Count a call that has been answered."""
        opening = _opening(conversation)
        self._first = opening if self._first is None else self._first
        if not _is_same(opening, self._first):
            self._side.append(tokens_of(usage))
        whole = self._characters(conversation, own=False)
        share = self._characters(conversation, own=True) / whole if whole else 0.0
        self._own.append(None if usage.input is None else round(usage.input * share))

    @property
    def side_calls(self) -> int:
        """Return how many calls were in other conversations than the first."""
        return len(self._side)

    @property
    def side_tokens(self) -> int | None:
        """Return their tokens, in and out; None if one is unknown."""
        tokens: int | None = sum_or_none(self._side)
        return tokens

    @property
    def own_tokens(self) -> int | None:
        """Return the part of all input that is the agent's own words and its tools on offer."""
        tokens: int | None = sum_or_none(self._own)
        return tokens

    def _characters(self, conversation: AgentRequest, *, own: bool) -> int:
        count = len(msgspec.json.encode(conversation.tools)) if conversation.tools else 0
        for message in conversation.messages:
            if message.role in _SPOKEN:
                text = message.content
                count += len(text.replace(self._instruction, "") if own else text)
            elif not own:
                count += len(message.content) + sum(len(call.arguments) for call in message.calls)
        return count


def _opening(conversation: AgentRequest) -> tuple[str, str]:
    """Return what a conversation begins with: its first word of the system and of the user."""
    texts = {"system": "", "user": ""}
    for message in reversed(conversation.messages):
        if message.role in texts:
            texts[message.role] = message.content
    return texts["system"], texts["user"]


def _is_same(opening: tuple[str, str], other: tuple[str, str]) -> bool:
    """Return whether two openings are of one conversation, of which the user may have said more."""
    (system, user), (first_system, first_user) = opening, other
    short, long = sorted((user, first_user), key=len)
    grows = short != "" and long.startswith(short)
    return system == first_system and (user == first_user or grows)
