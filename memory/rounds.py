"""Memories that show past rounds as they were and never ask a model."""

from collections.abc import Callable, Sequence
from typing import Any

from memory.context import Context
from memory.notebook import ROUND, Notebook
from tasks.base import Ask, InputError, Outcome, Outside, Program, Reply, Tell
from tasks.play import play


class History(Notebook):
    """A memory of the last rounds, as many as the world says."""


class FullHistory(Notebook):
    """A memory of every past round, however many the world says."""

    def past(self) -> list[str]:
        """Return the texts of all past rounds, oldest first."""
        return [entry.text for entry in self.store.entries(ROUND)]


class Placebo(Notebook):
    """A control: as many rounds of another user as `history` shows of this one.

    A gain of it over `none` is no learning about the user.
    """

    def __init__(self, context: Context, settings: Any = None) -> None:
        super().__init__(context, settings)
        if context.other_rounds is None:
            raise InputError("the memory placebo needs another user's rounds: run two users")
        self._other_rounds = context.other_rounds
        self._others: Sequence[str] | None = None

    def told(self, text: str, position: int) -> str:
        """Return the other user's round at this position, empty if that year is shorter."""
        if self._others is None:
            self._others = self._other_rounds()
        return self._others[position] if text and position < len(self._others) else ""


def told(world: Program[Outcome], answer: Callable[[Ask], Reply]) -> tuple[str, ...]:
    """Return the feedback of a world, round by round, when code answers it.

    So is the context that a world tells before its questions.

    Args:
        world: that of another user, for a placebo.
        answer: the code.
    """
    texts: list[str] = []

    def perform(effect: Outside) -> Reply | None:
        if isinstance(effect, Tell):
            text = effect.facts.get("text") or effect.facts.get("context")
            texts.extend([text] if text else [])
        return answer(effect) if isinstance(effect, Ask) else None

    play(world, perform)
    return tuple(texts)
