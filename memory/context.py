"""The context that a memory is built with, and the state that it leaves behind."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import blake2b

import msgspec

from memory.store import MemoryEntry, Operation
from tasks.base import Noun
from tasks.prompts import Prompts


@dataclass(frozen=True)
class Context:
    """The surroundings of a memory when an episode begins.

    Attributes:
        prompts: the templates of the run.
        other_rounds: returns the texts of another user's rounds, oldest first; only `placebo`
            calls it. See `memory.rounds.told`.
    """

    prompts: Prompts
    other_rounds: Callable[[], Sequence[str]] | None = None


class MemoryState(Noun, frozen=True):
    """All that a memory holds after an episode, for an audit.

    Attributes:
        entries: everything ever stored, by id, with its validity; past rounds have kind `round`.
        log: the operations that made them; `Store(log)` holds the same again.
        read: tokens (characters/4, rounded up) it added to the agent's prompts.
        written: tokens it wrote into its store.
        counts: what became of the model's proposals, by name.
    """

    entries: tuple[MemoryEntry, ...] = ()
    log: tuple[Operation, ...] = ()
    read: int = 0
    written: int = 0
    counts: dict[str, int] = {}

    @property
    def digest(self) -> str:
        """Return 16 hex digits that change with anything in the state."""
        return blake2b(msgspec.json.encode(self, order="sorted"), digest_size=8).hexdigest()
