"""Episodes as compressed data that the page opens on demand.

Answers to one instance stand together, every text is kept once a chunk, paragraph by paragraph,
and what is alike in frames stands side by side.
"""

import zlib
from base64 import b64encode
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec

from harness.calls.recorded import RecordedCall
from harness.replay.transcript import Episode
from harness.report.base import Drawings, EpisodeView, InstanceFrame, Strip, Timeline
from harness.report.columns import columns
from harness.report.memory import notes_timeline, told
from harness.secrets import scrub
from memory.base import is_memory
from memory.context import MemoryState
from tasks.base import Fields, Message, Parsed, Reply

CHUNK = 300_000  # bytes before compression, roughly: repeats have to be within 32 kB of columns
BLOCK = 4  # zlib's memLevel: 1,024 symbols to a table of codes, about as long as a column
LONGEST = 20_000  # characters of a text; a longer one is cut in its middle
TAIL = 5_000  # of which so many are its end
MOST_WORDS = 100  # violations told one by one
BREAK = "\n\n"


class Texts:
    """Every paragraph once, by number, without keys."""

    def __init__(self) -> None:
        self.all: list[str] = []
        self._known: dict[str, int] = {}

    def add(self, text: str) -> list[int]:
        """The numbers of a text's paragraphs; joined by an empty line they are the text."""
        return [self._number(part) for part in shorten(text).split(BREAK)]

    def _number(self, text: str) -> int:
        if text not in self._known:
            self._known[text] = len(self.all)
            self.all.append(scrub(text))
        return self._known[text]


def shorten(text: str) -> str:
    """A text as it is, or without its middle, which is said."""
    if len(text) <= LONGEST:
        return text
    left = len(text) - LONGEST
    return (
        f"{text[: LONGEST - TAIL]}\n[... {left:,} characters are left out here ...]\n{text[-TAIL:]}"
    )


def compress(value: object) -> str:
    """JSON as columns, deflated, in base64: letters that mean nothing to HTML."""
    content = columns(msgspec.json.encode(value).decode()).encode()
    packer = zlib.compressobj(9, memLevel=BLOCK)
    return b64encode(packer.compress(content) + packer.flush()).decode()


@dataclass
class Pack:
    """Gathers episodes or tries, then gives them out in chunks.

    Attributes:
        where: of each entry, in the order kept, its chunk and its place there; after `chunks`.
    """

    texts: Texts = field(default_factory=Texts)
    where: list[tuple[int, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._groups: dict[str, list[tuple[int, Fields]]] = {}
        self._frames: dict[bytes, bytes] = {}
        self._count = 0

    def add(self, episode: Episode, seen: EpisodeView, family: Drawings) -> None:
        """Take an episode's prompts, replies, parse, grade, reasons and pictures."""
        self.keep(episode.instance.id, self._packed(episode, seen, family))

    def keep(self, group: str, packed: Fields) -> None:
        """Take an entry, beside others of its group; its `calls` and its `program` are texts."""
        self._groups.setdefault(group, []).append((self._count, packed))
        self._count += 1

    def _packed(self, episode: Episode, seen: EpisodeView, family: Drawings) -> Fields:
        record, grade = episode.record, episode.record.grade
        detail = family.detail(seen) if grade and episode.outcome else None
        fields: Fields = {
            "facts": _facts(seen),
            "why": self._why(seen, family),
            "calls": self._calls(episode),
            "pictures": [self._picture(one) for one in detail.pictures] if detail else [],
            "steps": detail.steps if detail else [],
            "memory": self._memory(episode.memory),
        }
        if record.problem:
            fields["problem"] = _scrubbed(msgspec.to_builtins(record.problem))
        return fields

    def _memory(self, state: MemoryState) -> Fields | None:
        found = told(state)
        if found is None:
            return None
        drawn = notes_timeline(state)
        return {**_scrubbed(found), "pictures": [self._picture(drawn)] if drawn else []}

    def _picture(self, picture: Timeline | Strip) -> Fields:
        fields: Fields = msgspec.to_builtins(picture)
        if "frame" in fields:
            frame = msgspec.json.encode(fields["frame"])
            fields["frame"] = self._frames.setdefault(frame, frame)
        return fields

    def _why(self, seen: EpisodeView, family: Drawings) -> list[str]:
        grade = seen.record.grade
        wrong = grade.violations if grade else ()
        told = [scrub(shorten(family.words(one))) for one in wrong[:MOST_WORDS]]
        more = len(wrong) - len(told)
        return [*told, f"And {more} more violations."] if more else told

    def _calls(self, episode: Episode) -> list[Fields]:
        own = [call for call in episode.calls if not is_memory(call.path)]
        answers = episode.outcome.answers if episode.outcome else ()
        parsed = (
            dict(zip((c.path for c in own), answers, strict=True))
            if len(own) == len(answers)
            else {}
        )
        return [self.call(call, parsed.get(call.path)) for call in episode.calls]

    def call(self, call: RecordedCall, parsed: Parsed | None = None) -> Fields:
        """A call: its messages and reply as numbers of texts, and what was read from it."""
        fields: Fields = {
            "path": call.path,
            "messages": [[m.role, self.texts.add(_with_calls(m))] for m in call.messages],
            "tools": [tool.name for tool in call.tools],
            "reply": self._reply(call.reply) if call.reply else None,
        }
        if parsed:
            value = msgspec.json.encode(parsed.value).decode() if parsed.value is not None else ""
            fields["parsed"] = [self.texts.add(value), parsed.how, scrub(parsed.problem or "")]
        return fields

    def _reply(self, reply: Reply) -> Fields:
        return {
            "text": self.texts.add(reply.text),
            "calls": [[call.name, self.texts.add(call.arguments)] for call in reply.calls],
            "finish": reply.finish,
            "model": scrub(reply.model),
            "tokens": [reply.usage.input, reply.usage.output],
            "seconds": reply.seconds,
        }

    def chunks(self) -> Iterator[str]:
        """The compressed chunks, group by group; fills `where`."""
        places: dict[int, tuple[int, int]] = {}
        number = 0
        for number, part in enumerate(self._parts()):
            places |= {key: (number, k) for k, (key, _) in enumerate(part)}
            yield compress(_localised(self.texts.all, [packed for _, packed in part]))
        self.where = [places[k] for k in range(self._count)]

    def _parts(self) -> Iterator[list[tuple[int, Fields]]]:
        part, size, known = list[tuple[int, Fields]](), 0, set[int]()
        for group in self._groups.values():
            for key, packed in group:
                part.append((key, packed))
                new = set(_numbers(packed)) - known
                known |= new
                size += 800 + sum(len(self.texts.all[n]) for n in new)
            if size >= CHUNK:
                yield part
                part, size, known = [], 0, set()
        if part:
            yield part


def _with_calls(message: Message) -> str:
    """What a message says, and the calls it makes."""
    calls = [f"-> {call.name} {call.arguments}" for call in message.calls]
    return "\n".join([*[message.content] * bool(message.content), *calls])


def _facts(seen: EpisodeView) -> Fields:
    """What the head of an episode tells; None is unknown."""
    record, grade = seen.record, seen.record.grade
    return {
        "settings": record.settings,
        "seed": seen.instance.seed,
        "reference": seen.instance.reference.status,
        "solver": seen.instance.reference.solver,
        "objective": grade.objective if grade else None,
        "bound": grade.bound if grade else None,
        "against": grade.against if grade else None,
        "metrics": grade.metrics if grade else {},
        "calls": record.calls,
        "attempts": record.attempts,
        "tokens": [record.input_tokens, record.output_tokens],
        "memory_calls": record.memory_calls,
        "cost": record.cost,
        "seconds": record.seconds,
    }


def _scrubbed(value: Any) -> Any:
    """A JSON value whose texts have no keys and no excess of length."""
    if isinstance(value, str):
        return scrub(shorten(value))
    if isinstance(value, dict):
        return {key: _scrubbed(inside) for key, inside in value.items()}
    return [_scrubbed(inside) for inside in value] if isinstance(value, list | tuple) else value


def _numbers(packed: Fields) -> Iterator[int]:
    """The texts that an entry uses."""
    for numbers in _lists(packed):
        yield from numbers


def _lists(packed: Fields) -> Iterator[list[int]]:
    for call in packed["calls"]:
        yield from (numbers for _, numbers in call["messages"])
        yield from (call["parsed"][0],) if "parsed" in call else ()
        if call["reply"]:
            yield call["reply"]["text"]
            yield from (numbers for _, numbers in call["reply"]["calls"])
    yield from (packed["program"],) if "program" in packed else ()


def _pictures(packed: Fields) -> list[Fields]:
    return [*packed.get("pictures", []), *(packed.get("memory") or {}).get("pictures", [])]


def _localised(texts: list[str], entries: Iterable[Fields]) -> Fields:
    """A chunk of its own: texts and frames by their number in it."""
    local: dict[int, int] = {}
    frames: dict[bytes, int] = {}
    entries = list(entries)
    for packed in entries:
        for numbers in _lists(packed):
            numbers[:] = [local.setdefault(n, len(local)) for n in numbers]
        for picture in _pictures(packed):
            if "frame" in picture:
                picture["frame"] = frames.setdefault(picture["frame"], len(frames))
    alike: dict[str, list[Any]] = {name: [] for name in InstanceFrame.__struct_fields__}
    for encoded in frames:
        for name, value in msgspec.json.decode(encoded).items():
            alike[name].append(value)
    return {
        "texts": [texts[n] for n in local],
        "frames": alike,
        "entries": entries,
    }
