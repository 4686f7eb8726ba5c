"""A text of bounded length that the model rewrites after each round.

After sleep-time compute (Lin et al., arXiv 2504.13171): a block of memory is rewritten between
queries, at a cost that is counted apart. Theirs holds at most 5,000 characters.
"""

from typing import Annotated

from msgspec import Meta

from memory.notebook import Notebook
from memory.store import MemoryEntry
from memory.text import cut, plain
from tasks.base import Ask, Noun, Program
from tasks.parse import parse_object

LENGTH = 2000  # characters
KIND = "summary"
SCHEMA = {
    "type": "object",
    "properties": {"summary": {"type": "string"}},
    "required": ["summary"],
    "additionalProperties": False,
}


class SummarySettings(Noun, frozen=True):
    """What of a summary can be set: `words`, the most that the model is asked to write.

    Whatever it writes, at most 2,000 characters are kept.
    """

    words: Annotated[int, Meta(ge=1, le=400)] | None = None


class Summary(Notebook):
    """Shows the last rounds and a summary; a reply that cannot be read leaves it as it was."""

    settings_kind = SummarySettings

    def notes(self, ask: Ask) -> list[str]:  # noqa: ARG002
        """Return the summary, once there is one."""
        return [entry.text for entry in self.store.entries(KIND)]

    def idle(self, path: str) -> Program[None]:
        """Ask for a new summary if there are new rounds."""
        if not self.new:
            return
        summary = self._summary()
        reply = yield from self.propose(
            path,
            "summary",
            schema=SCHEMA,
            summary=summary.text if summary else "",
            length=LENGTH,
            words=self.settings.words,
        )
        text = (parse_object(reply, "summary").value or {}).get("summary")
        self._rewrite(plain(text.strip()) if isinstance(text, str) else "")
        self.new.clear()

    def _summary(self) -> MemoryEntry | None:
        return next(iter(self.store.entries(KIND)), None)

    def _rewrite(self, proposal: str) -> None:
        """Store a new summary, cut to its length; an empty one changes nothing."""
        text = cut(proposal, LENGTH)
        if not text:
            self.counts["unreadable"] += 1
            return
        self.counts["cut"] += len(proposal) > LENGTH
        self._write(text)
        self.counts["written"] += 1

    def _write(self, text: str) -> None:
        summary = self._summary()
        if summary is None:
            self.store.add(KIND, text, rounds=self.numbers(), date=self.date, reason="written")
        else:
            self.store.update(
                summary.id,
                date=self.date,
                reason="rewritten",
                text=text,
                rounds=self.numbers(*summary.rounds),
            )
