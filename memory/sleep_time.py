"""A block of text that the model thinks over while nobody waits, around any other memory.

After sleep-time compute (Lin and others, arXiv 2504.13171): what was told is thought over before
anybody asks, and one block of at most 5,000 characters is written anew. Theirs takes the place of
nothing: whoever answers reads the context, the question and the block.
"""

from collections import Counter
from typing import Annotated, ClassVar, Protocol

from msgspec import Meta
from msgspec.structs import replace

from memory.context import Context, MemoryState
from memory.store import MemoryEntry, Operation, Store
from memory.text import cut, plain, tokens
from tasks.base import Ask, InputError, Message, Noun, Program, Reply, Tell, Tool
from tasks.parse import read_object
from tasks.thoughts import without_thoughts

LENGTH = 5000  # characters of the block, as in the paper's code
REPLY_LIMIT = 2048  # tokens of one rewriting: room for the block, and for some thought before it
KIND = "block"
KEY = "new_memory"
RETHINK = Tool(
    "rethink_memory",
    "Replace your notes by a whole new text.",
    {"type": "object", "properties": {KEY: {"type": "string"}}, "required": [KEY]},
)
FINISH = Tool(
    "finish_rethinking",
    "All that may be useful has been worked out and noted.",
    {"type": "object", "properties": {}},
)


class SleepSettings(Noun, frozen=True):
    """What of sleep can be set.

    `inner`, the memory around which it is, with that one's defaults; `rethinks`, the most times
    that the block is written anew after something was told; `placebo`, to sleep on what another
    context or user was told: a control; `tokens`, the most of one such reply, whatever the limit
    of answers is; `tools`, whether the two tools are offered, else plain text is asked for.
    """

    BARE_WORD: ClassVar[bool] = True  # `sleep-time:facts` is `sleep-time:inner=facts`

    inner: str = "history"
    rethinks: Annotated[int, Meta(ge=1, le=20)] = 1
    placebo: bool = False
    tokens: Annotated[int, Meta(ge=1)] = REPLY_LIMIT
    tools: bool = True


class Inner(Protocol):
    """A memory that sleep is put around: `memory.base.Memory`."""

    def recall(self, ask: Ask) -> Program[Ask]:
        """Return the question with what it shows."""

    def observe(self, tell: Tell) -> Program[None]:
        """Take in what was told."""

    def idle(self, path: str) -> Program[None]:
        """Work between two rounds."""

    def state(self) -> MemoryState:
        """Return all that it holds."""


class SleepTime:
    """A block thought over while nobody waits, beside what another memory shows."""

    def __init__(self, inner: Inner, context: Context, settings: SleepSettings) -> None:
        """Make one.

        Args:
            inner: keeps and shows what it would without.
            context: its surroundings.
            settings: of the sleep.

        Raises:
            InputError: a placebo, and there is no other context.
        """
        if settings.placebo and context.other_rounds is None:
            raise InputError("a placebo of sleep-time needs another context: run two of a kind")
        self._inner, self._settings, self._prompts = inner, settings, context.prompts
        self._other_rounds = context.other_rounds if settings.placebo else None
        self._store = Store()
        self._scene: tuple[Message, ...] = ()
        self._examples: tuple[str, ...] = ()
        self._news: list[str] = []
        self._date, self._number, self._read = "", 0, 0
        self._counts: Counter[str] = Counter()

    @property
    def block(self) -> str:
        """Return the block as it stands, empty before the first sleep."""
        entry = self._entry()
        return entry.text if entry else ""

    def recall(self, ask: Ask) -> Program[Ask]:
        """Return the question with what the other memory shows, and the block behind it."""
        self._scene = tuple(message for message in ask.messages if message.role == "system")
        enriched = yield from self._inner.recall(ask)
        if not self.block:
            return enriched
        added = self._prompts.messages("memory/block.j2", block=self.block)
        self._read += sum(tokens(message.content) for message in added)
        return replace(enriched, messages=(*enriched.messages, *added))

    def observe(self, tell: Tell) -> Program[None]:
        """Take in what was told: a context, or a round with its feedback."""
        yield from self._inner.observe(tell)
        facts = tell.facts
        self._date = max(self._date, plain(facts.get("date") or ""))
        self._examples = tuple(map(plain, facts.get("examples", self._examples)))
        text = plain(facts.get("text") or facts.get("context") or "")
        if not text:
            return
        news = text if self._other_rounds is None else self._other(self._number)
        self._number += 1
        if news:
            self._news.append(news)

    def _other(self, position: int) -> str:
        """Return what another context or user was told at a position, empty if that was less."""
        others = self._other_rounds() if self._other_rounds else ()
        return plain(others[position]) if position < len(others) else ""

    def idle(self, path: str) -> Program[None]:
        """Let the other memory think, then write the block anew if anything was told."""
        yield from self._inner.idle(path)
        if not self._news:
            return
        for number in range(1, self._settings.rethinks + 1):
            reply = yield from self._rethink(path, number)
            self._counts["sleep: asked"] += 1
            if not self._take(reply):
                break
        self._news.clear()

    def _rethink(self, path: str, number: int) -> Program[Reply]:
        """Ask for the block anew; the world's latest system messages stand in front."""
        settings = self._settings
        messages = self._prompts.messages(
            "memory/sleep.j2",
            news=self._news,
            examples=self._examples,
            block=self.block,
            length=LENGTH,
            left=settings.rethinks - number,
            tools=settings.tools,
        )
        tools = (RETHINK, FINISH) if settings.tools else ()
        messages = (*self._scene, *messages)
        question = Ask(
            f"{path}/memory/sleep-{number}", messages, tools=tools, reply_limit=settings.tokens
        )
        reply: Reply = yield question
        return reply

    def _take(self, reply: Reply) -> bool:
        """Take in a reply; return whether there is more to think over."""
        proposal, is_end = read_block(reply)
        text = cut(plain(proposal.strip()).strip(), LENGTH)
        if not text:
            self._counts["sleep: finished" if is_end else "sleep: unreadable"] += 1
            return not is_end
        is_new = text != self.block
        self._counts["sleep: written" if is_new else "sleep: unchanged"] += 1
        self._counts["sleep: cut"] += len(plain(proposal.strip()).strip()) > LENGTH
        if is_new:
            self._write(text)
        return is_new and not is_end

    def _entry(self) -> MemoryEntry | None:
        return next(iter(self._store.entries(KIND)), None)

    def _write(self, text: str) -> None:
        entry = self._entry()
        if entry is None:
            self._store.add(KIND, text, date=self._date, reason="written")
        else:
            self._store.update(entry.id, date=self._date, reason="rewritten", text=text)

    def state(self) -> MemoryState:
        """Return what both hold: the block has the id behind the other memory's last."""
        inner, own = self._inner.state(), self._store
        shift = max((entry.id for entry in inner.entries), default=0)
        log = [_shifted(operation, shift) for operation in own.log()]
        return MemoryState(
            entries=(*inner.entries, *(replace(e, id=e.id + shift) for e in own.entries())),
            log=(*inner.log, *log),
            read=inner.read + self._read,
            written=inner.written + own.written,
            counts=dict(sorted((Counter(inner.counts) + self._counts).items())),
        )


def _shifted(operation: Operation, shift: int) -> Operation:
    return replace(operation, entry=replace(operation.entry, id=operation.entry.id + shift))


def read_block(reply: Reply) -> tuple[str, bool]:
    """Return the text that a reply makes of the block, and whether it says that this is all.

    It is what the tool is called with, else the same JSON in the text, else the text itself without
    thoughts in front: who cannot call tools has thought, too. The text is empty where a reply only
    ends the rethinking, or says nothing.
    """
    names = [call.name for call in reply.calls]
    is_end = FINISH.name in names
    for call in reversed(reply.calls):
        if call.name == RETHINK.name:
            value = (read_object(Reply(call.arguments), KEY).value or {}).get(KEY)
            return (value, is_end) if isinstance(value, str) else ("", is_end)
    if reply.calls:
        return "", is_end
    value = (read_object(reply, KEY).value or {}).get(KEY)
    if isinstance(value, str):
        return value, False
    return without_thoughts(reply.text)[0], False
