"""A text of bounded length that the model rewrites after each round.

After sleep-time compute (Lin et al., arXiv 2504.13171): a block of memory is rewritten between
queries, at a cost that is counted apart. Theirs holds at most 5,000 characters.
"""

from typing import Annotated

from msgspec import Meta

from memory.notebook import Notebook
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
    """Shows the last rounds and its summary; a reply that cannot be read leaves it as it was."""

    settings_kind = SummarySettings

    def notes(self, ask: Ask) -> list[str]:  # noqa: ARG002
        """The summary, once there is one."""
        return [entry.text for entry in self.store.entries(KIND)]

    def idle(self, path: str) -> Program[None]:
        """Have it rewritten if there are new rounds."""
        if not self.new:
            return
        before = next(iter(self.store.entries(KIND)), None)
        text = before.text if before else ""
        reply = yield from self.propose(
            path,
            "summary",
            schema=SCHEMA,
            summary=text,
            length=LENGTH,
            words=self.settings.words,
        )
        wanted = (parse_object(reply, "summary").value or {}).get("summary")
        self._rewrite(wanted.strip() if isinstance(wanted, str) else "")
        self.new.clear()

    def _rewrite(self, wanted: str) -> None:
        text = cut(plain(wanted), LENGTH)
        before = next(iter(self.store.entries(KIND)), None)
        if not text:
            self.counts["unreadable"] += 1
            return
        self.counts["cut"] += len(plain(wanted)) > LENGTH
        if before is None:
            self.store.add(KIND, text, rounds=self.numbers(), date=self.date, reason="written")
        else:
            rounds = self.numbers(*before.rounds)
            self.store.update(
                before.id, date=self.date, reason="rewritten", text=text, rounds=rounds
            )
        self.counts["written"] += 1
