"""What every memory with a store does: it keeps the rounds and shows some of them again."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from msgspec.structs import replace

from memory.context import Context, MemoryState
from memory.store import MemoryEntry, Store
from memory.text import plain, tokens
from tasks.base import Ask, Fields, Message, Noun, Program, Reply, Tell, Tool, ask
from tasks.parts import NoSettings

WINDOW = 10  # past rounds shown where the world says nothing
ROUND = "round"  # the kind of an entry that is a past round


class Notebook:
    """Shows the last rounds, as many as the world says, and what a subclass has noted.

    It reads four facts of a `Tell`, each optional: `text` (the past round and its feedback; without
    it nothing is kept), `round` (its number), `date` (simulated), `history` (rounds to show).
    """

    settings_kind: type[Noun] = NoSettings

    def __init__(self, context: Context, settings: Any = None) -> None:
        self.settings: Any = settings or self.settings_kind()
        self.prompts = context.prompts
        self.store = Store()
        self.date = ""
        self.window = WINDOW
        self.new: list[MemoryEntry] = []  # rounds since the memory was last idle
        self.counts: Counter[str] = Counter()
        self._scene: tuple[Message, ...] = ()
        self._read = 0

    def recall(self, ask: Ask) -> Program[Ask]:
        """The ask with one message more, unless there is nothing to show."""
        yield from ()
        self._scene = tuple(message for message in ask.messages if message.role == "system")
        rounds, notes = self.past(), self.notes(ask)
        if not rounds and not notes:
            return ask
        added = self.prompts.messages("memory/recall.j2", rounds=rounds, notes=notes)
        self._read += sum(tokens(message.content) for message in added)
        return replace(ask, messages=(*ask.messages, *added))

    def observe(self, tell: Tell) -> Program[None]:
        """Keep the round."""
        yield from ()
        facts = tell.facts
        self.date = max(self.date, plain(facts.get("date") or ""))  # time never goes back
        self.window = facts.get("history", self.window)
        kept = self.store.entries(ROUND)
        text = plain(self.told(facts.get("text", ""), len(kept)))
        if text:
            number = facts.get("round", len(kept))
            self.new.append(self.store.add(ROUND, text, rounds=(number,), date=self.date))

    def idle(self, path: str) -> Program[None]:  # noqa: ARG002
        """Nothing to think over."""
        yield from ()
        self.new.clear()

    def state(self) -> MemoryState:
        """All it holds."""
        counts = dict(sorted(self.counts.items()))
        store = self.store
        return MemoryState(store.entries(), tuple(store.log()), self._read, store.written, counts)

    def told(self, text: str, position: int) -> str:  # noqa: ARG002
        """What to keep of the round at this position, told as `text`."""
        return text

    def past(self) -> list[str]:
        """The rounds to show, oldest first."""
        rounds = self.store.entries(ROUND)
        return [entry.text for entry in rounds[max(0, len(rounds) - self.window) :]]

    def notes(self, ask: Ask) -> list[str]:  # noqa: ARG002
        """What to show beside the rounds."""
        return []

    def numbers(self, *known: int) -> tuple[int, ...]:
        """The rounds a note comes from: those known, and the new ones."""
        return tuple(sorted({*known, *(number for e in self.new for number in e.rounds)}))

    def propose(
        self,
        path: str,
        name: str,
        *,
        tools: Iterable[Tool] = (),
        schema: Fields | None = None,
        **values: Any,
    ) -> Program[Reply]:
        """Ask the model to think over the new rounds, under a path that `is_memory` knows.

        The world's latest system messages stand before, so that it knows who is who.
        """
        rounds = [entry.text for entry in self.new]
        messages = self.prompts.messages(f"memory/{name}.j2", rounds=rounds, **values)
        messages = (*self._scene, *messages)
        self.counts["asked"] += 1
        own = f"{path}/memory/{name}"
        return (yield from ask(own, messages, tools=tuple(tools), schema=schema))
