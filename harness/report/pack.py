"""Episodes as compressed data that the page opens on demand.

Answers to one instance stand together, a chunk has every paragraph of its texts once, and what is
alike in frames stands side by side.
"""

import zlib
from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from harness.calls.recorded import RecordedCall
from harness.replay.transcript import Episode
from harness.report.base import Detail, Drawings, EpisodeView, InstanceFrame, Picture
from harness.report.columns import columns
from harness.report.memory import log_facts, notes_timeline
from harness.secrets import scrub
from memory.context import MemoryState
from tasks.base import Fields, Grade, Message, Parsed, Reply

CHUNK = 300_000  # bytes before compression, roughly: repeats have to be within 32 kB of columns
BLOCK = 4  # zlib's memLevel: 1,024 symbols to a table of codes, about as long as a column
LONGEST = 20_000  # characters of a text; a longer one is cut in its middle
TAIL = 5_000  # of which so many are its end
MOST_WORDS = 100  # violations that are listed one by one
BREAK = "\n\n"


class Texts:
    """Every paragraph once, by number, without keys."""

    def __init__(self) -> None:
        self.all: list[str] = []
        self._numbers: dict[str, int] = {}

    def add(self, text: str) -> list[int]:
        """Return the numbers of a text's paragraphs; joined by an empty line they are the text."""
        return [self._number(part) for part in shorten(text).split(BREAK)]

    def _number(self, text: str) -> int:
        if text not in self._numbers:
            self._numbers[text] = len(self.all)
            self.all.append(scrub(text))
        return self._numbers[text]


def shorten(text: str) -> str:
    """Return a text as it is, or without its middle and with a line that says so."""
    if len(text) <= LONGEST:
        return text
    excess = len(text) - LONGEST
    head, tail = text[: LONGEST - TAIL], text[-TAIL:]
    return f"{head}\n[... {excess:,} characters are left out here ...]\n{tail}"


def compress(value: object) -> str:
    """Return JSON as columns, deflated, in base64: letters that mean nothing to HTML."""
    content = columns(msgspec.json.encode(value).decode()).encode()
    packer = zlib.compressobj(9, memLevel=BLOCK)
    return b64encode(packer.compress(content) + packer.flush()).decode()


@dataclass
class Pack:
    """Gathers episodes or tries, then gives them out in chunks.

    Attributes:
        texts: the paragraphs of all entries.
        places: for each entry, in the order of adding, its chunk and its place there; there once
            `chunks` is exhausted.
    """

    texts: Texts = field(default_factory=Texts)
    places: list[tuple[int, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._groups: dict[str, list[tuple[int, Fields]]] = {}
        self._frames: dict[bytes, bytes] = {}
        self._count = 0

    def add(self, episode: Episode, view: EpisodeView, family: Drawings) -> None:
        """Take an episode's prompts, replies, parse, grade, reasons and pictures."""
        self.keep(episode.instance.id, self._packed(episode, view, family))

    def keep(self, group: str, packed: Fields) -> None:
        """Take an entry, beside others of its group; its `calls` and its `program` are texts."""
        self._groups.setdefault(group, []).append((self._count, packed))
        self._count += 1

    def _packed(self, episode: Episode, view: EpisodeView, family: Drawings) -> Fields:
        record = episode.record
        detail = family.detail(view) if record.grade and episode.outcome else Detail()
        fields: Fields = {
            "facts": _facts(view),
            "why": self._why(view, family),
            "calls": self._calls(episode),
            "pictures": [self._picture(picture) for picture in detail.pictures],
            "steps": detail.steps,
            "memory": self._memory(episode.memory),
        }
        if record.problem:
            fields["problem"] = _scrubbed(msgspec.to_builtins(record.problem))
        return fields

    def _memory(self, state: MemoryState) -> Fields | None:
        facts = log_facts(state)
        if facts is None:
            return None
        timeline = notes_timeline(state)
        return {**_scrubbed(facts), "pictures": [self._picture(timeline)] if timeline else []}

    def _picture(self, picture: Picture) -> Fields:
        fields: Fields = msgspec.to_builtins(picture)
        if "frame" in fields:
            frame = msgspec.json.encode(fields["frame"])
            fields["frame"] = self._frames.setdefault(frame, frame)
        return fields

    def _why(self, view: EpisodeView, family: Drawings) -> list[str]:
        grade = view.record.grade
        wrong = grade.violations if grade else ()
        reasons = [scrub(shorten(family.words(v))) for v in wrong[:MOST_WORDS]]
        more = len(wrong) - len(reasons)
        return [*reasons, f"And {more} more violations."] if more else reasons

    def _calls(self, episode: Episode) -> list[Fields]:
        parsed = episode.parsed
        return [self.call(call, parsed.get(call.path)) for call in episode.calls]

    def call(self, call: RecordedCall, parsed: Parsed | None = None) -> Fields:
        """Return a call: messages and reply as numbers of texts, and what was read from it."""
        fields: Fields = {
            "path": call.path,
            "messages": [[m.role, self.texts.add(_with_calls(m))] for m in call.messages],
            "tools": [tool.name for tool in call.tools],
            "reply": self._reply(call.reply) if call.reply else None,
        }
        if parsed:
            fields["parsed"] = self._parse(parsed)
        return fields

    def _parse(self, parsed: Parsed) -> list[Any]:
        value = msgspec.json.encode(parsed.value).decode() if parsed.value is not None else ""
        mended = f"; mended: {scrub(', '.join(parsed.mended))}" if parsed.mended else ""
        return [self.texts.add(value), parsed.how + mended, scrub(parsed.problem or "")]

    def _reply(self, reply: Reply) -> Fields:
        thoughts = {"reasoning": self.texts.add(reply.reasoning)} if reply.reasoning else {}
        return {
            **thoughts,
            "text": self.texts.add(reply.text),
            "calls": [[call.name, self.texts.add(call.arguments)] for call in reply.calls],
            "finish": reply.finish,
            "model": scrub(reply.model),
            "tokens": [reply.usage.input, reply.usage.output],
            "seconds": reply.seconds,
        }

    def chunks(self) -> Iterator[str]:
        """Yield the compressed chunks, group by group, and fill `places` at the end."""
        places: dict[int, tuple[int, int]] = {}
        for number, part in enumerate(self._parts()):
            places |= {key: (number, k) for k, (key, _) in enumerate(part)}
            yield compress(_localised(self.texts.all, [packed for _, packed in part]))
        self.places = [places[k] for k in range(self._count)]

    def _parts(self) -> Iterator[list[tuple[int, Fields]]]:
        """Yield entries that make a chunk, whole groups together."""
        part, size, used = list[tuple[int, Fields]](), 0, set[int]()
        for group in self._groups.values():
            for key, packed in group:
                part.append((key, packed))
                new = set(_numbers(packed)) - used
                used |= new
                size += 800 + sum(len(self.texts.all[n]) for n in new)
            if size >= CHUNK:
                yield part
                part, size, used = [], 0, set()
        if part:
            yield part


def _with_calls(message: Message) -> str:
    """Return a message's text, and the calls it makes."""
    calls = [f"-> {call.name} {call.arguments}" for call in message.calls]
    return "\n".join([*[message.content] * bool(message.content), *calls])


def _facts(view: EpisodeView) -> Fields:
    """Return the head of an episode; None is unknown."""
    record, reference = view.record, view.instance.reference
    return {
        "settings": record.settings,
        "seed": view.instance.seed,
        "reference": reference.status,
        "solver": reference.solver,
        **_grade_facts(record.grade),
        "calls": record.calls,
        "attempts": record.attempts,
        "tokens": [record.input_tokens, record.output_tokens],
        "memory_calls": record.memory_calls,
        "cost": record.cost,
        "seconds": record.seconds,
    }


def _grade_facts(grade: Grade | None) -> Fields:
    return {
        "objective": grade.objective if grade else None,
        "bound": grade.bound if grade else None,
        "against": grade.against if grade else None,
        "metrics": grade.metrics if grade else {},
    }


def _scrubbed(value: Any) -> Any:
    """Return a JSON value whose texts have no keys and no excess of length."""
    if isinstance(value, str):
        return scrub(shorten(value))
    if isinstance(value, dict):
        return {key: _scrubbed(inside) for key, inside in value.items()}
    return [_scrubbed(inside) for inside in value] if isinstance(value, list | tuple) else value


def _numbers(packed: Fields) -> Iterator[int]:
    """Yield the texts that an entry uses."""
    for numbers in _lists(packed):
        yield from numbers


def _lists(packed: Fields) -> Iterator[list[int]]:
    for call in packed["calls"]:
        yield from (numbers for _, numbers in call["messages"])
        yield from (call["parsed"][0],) if "parsed" in call else ()
        if call["reply"]:
            yield call["reply"].get("reasoning", [])
            yield call["reply"]["text"]
            yield from (numbers for _, numbers in call["reply"]["calls"])
    yield from (packed["program"],) if "program" in packed else ()


def _pictures(packed: Fields) -> list[Fields]:
    return [*packed.get("pictures", []), *(packed.get("memory") or {}).get("pictures", [])]


def _localised(texts: list[str], entries: Sequence[Fields]) -> Fields:
    """Return a chunk of its own: texts and frames by their number in it.

    The entries are changed in place.
    """
    numbers_here: dict[int, int] = {}
    frames: dict[bytes, int] = {}
    for packed in entries:
        for numbers in _lists(packed):
            numbers[:] = [numbers_here.setdefault(n, len(numbers_here)) for n in numbers]
        for picture in _pictures(packed):
            if "frame" in picture:
                picture["frame"] = frames.setdefault(picture["frame"], len(frames))
    return {
        "texts": [texts[n] for n in numbers_here],
        "frames": _side_by_side(frames),
        "entries": entries,
    }


def _side_by_side(frames: Iterable[bytes]) -> dict[str, list[Any]]:
    """Return each field of frames as a list: what is alike in them stands together."""
    alike: dict[str, list[Any]] = {name: [] for name in InstanceFrame.__struct_fields__}
    for encoded in frames:
        for name, value in msgspec.json.decode(encoded).items():
            alike[name].append(value)
    return alike
