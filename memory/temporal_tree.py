"""Notes over intervals of simulated time, one above the other: TiMem's temporal memory tree.

After TiMem (arXiv 2601.02845): when an interval has closed, the model writes a note from what lies
in it; what is recalled goes by the complexity of the question. Numbers are those of its files of
settings for each data set (`retrieval_config.yaml`). Of its ranking the part by words is here,
BM25; in place of the part by embeddings, which weighs .9 there, stands recency.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import zip_longest
from typing import Annotated, Any, NamedTuple

from msgspec import Meta

from memory.context import Context
from memory.intervals import LEVELS, Level
from memory.notebook import ROUND, Notebook
from memory.store import MemoryEntry
from memory.text import cut, plain
from tasks.base import Ask, Fields, Noun, Program, Tell
from tasks.parse import parse_object
from tasks.schemas import object_schema

LENGTH = 2000  # characters of a note; the paper asks for 150 to 200 words
EARLIER = 3  # notes of the same level that the model sees while it writes one
COARSE = 40  # rounds that the search gives, of which the best are taken
KEYWORDS = 3  # of a plan
FALLBACK = 5  # entries that stay where a gate leaves none
PLANS = {
    "simple": ("session", "profile"),
    "hybrid": ("session", "day", "profile"),
    "complex": ("session", "day", "week", "profile"),
}
TARGETS = {"simple": (3, 8), "hybrid": (8, 18), "complex": (15, 30)}  # entries for a gate to keep
NOTE_SCHEMA = object_schema({"note": {"type": "string"}})
PLAN_SCHEMA = object_schema(
    {
        "complexity": {"type": "string", "enum": list(PLANS)},
        "keywords": {"type": "array", "items": {"type": "string"}, "maxItems": KEYWORDS},
    }
)
GATE_SCHEMA = object_schema({"keep": {"type": "array", "items": {"type": "integer"}}})


class TreeSettings(Noun, frozen=True):
    """What of a tree can be set.

    Attributes:
        planner: whether the model is asked before each step how much of the past it needs.
        gate: whether it is asked before each step which of what was found it wants to see.
        rounds: the most past rounds that are recalled; never more than the world says.
        sessions, days, weeks, profiles: the most notes of each level that are recalled.
    """

    planner: bool = False
    gate: bool = False
    rounds: Annotated[int, Meta(ge=0, le=200)] = 20
    sessions: Annotated[int, Meta(ge=0, le=200)] = LEVELS[0].shown
    days: Annotated[int, Meta(ge=0, le=200)] = LEVELS[1].shown
    weeks: Annotated[int, Meta(ge=0, le=200)] = LEVELS[2].shown
    profiles: Annotated[int, Meta(ge=0, le=200)] = LEVELS[3].shown

    def most(self, level: str) -> int:
        """Return how many notes of a level may be recalled."""
        most: int = getattr(self, f"{level}s")
        return most


class Plan(NamedTuple):
    """How much of the past a step needs, and the words that rounds are searched for."""

    complexity: str
    query: str


@dataclass
class _OpenInterval:
    """An interval under way: its name, and the entries that it holds so far, oldest first."""

    name: str = ""
    children: list[MemoryEntry] = field(default_factory=list)


class TemporalTree(Notebook):
    """Shows rounds by recency and search, and notes on the days, weeks and months they lie in."""

    settings_kind = TreeSettings

    def __init__(self, context: Context, settings: Any = None) -> None:
        super().__init__(context, settings)
        self._open = [_OpenInterval() for _ in LEVELS]
        self._times: dict[int, str] = {}  # of the day, by the id of a new round
        self._recalled: Sequence[MemoryEntry] = ()

    # Recall --------------------------------------------------------------------------------------

    def recall(self, ask: Ask) -> Program[Ask]:
        """Return the question with what is recalled; a planner and a gate ask the model first."""
        self._recalled = ()
        if self.store.entries():
            question = plain(ask.messages[-1].content) if ask.messages else ""
            plan = yield from self._plan(ask.path, question)
            self._recalled = yield from self._sift(ask.path, question, plan)
        return (yield from super().recall(ask))

    def past(self) -> list[str]:
        """Return the texts of the rounds that are recalled, oldest first."""
        return [entry.text for entry in _by_age(self._recalled) if entry.kind == ROUND]

    def notes(self, ask: Ask) -> list[str]:  # noqa: ARG002
        """Return the notes that are recalled, oldest first."""
        return [entry.text for entry in _by_age(self._recalled) if entry.kind != ROUND]

    def _plan(self, path: str, question: str) -> Program[Plan]:
        """Return the plan of a step: the model's, or all levels and the words of the question."""
        plan = Plan("complex", question)
        if not self.settings.planner:
            return plan
        reply = yield from self.propose(
            path, "temporal-tree-plan", schema=PLAN_SCHEMA, question=question
        )
        fields = parse_object(reply, "complexity").value or {}
        complexity = fields.get("complexity")
        if not isinstance(complexity, str) or complexity not in PLANS:
            self.counts["plan: unreadable"] += 1
            return plan
        self.counts[f"plan: {complexity}"] += 1
        return Plan(complexity, _keywords(fields) or question)

    def _sift(self, path: str, question: str, plan: Plan) -> Program[Sequence[MemoryEntry]]:
        """Return what a plan finds, or of it what the model wants to see."""
        candidates = self._candidates(plan)
        if not self.settings.gate or not candidates:
            return candidates
        least, most = TARGETS[plan.complexity]
        reply = yield from self.propose(
            path,
            "temporal-tree-gate",
            schema=GATE_SCHEMA,
            question=question,
            candidates=_by_age(candidates),
            least=least,
            most=most,
        )
        keep = (parse_object(reply, "keep").value or {}).get("keep")
        ids = {n for n in keep if type(n) is int} if isinstance(keep, list) else set()
        chosen = [entry for entry in candidates if entry.id in ids]
        self.counts["gate: none kept"] += not chosen
        chosen = chosen or candidates[:FALLBACK]
        self.counts["gate: offered"] += len(candidates)
        self.counts["gate: kept"] += len(chosen)
        return chosen

    def _candidates(self, plan: Plan) -> list[MemoryEntry]:
        """Return rounds by turns of recency and of BM25, then the notes above them by level."""
        hits = self._hits(plan.query)
        entries = hits[: self.window]
        for level in LEVELS:
            if level.name in PLANS[plan.complexity]:
                entries += self._above(hits, level)[: self.settings.most(level.name)]
        return entries

    def _hits(self, query: str) -> list[MemoryEntry]:
        """Return the newest round, the best by BM25, the second newest, and so on, each once."""
        newest = reversed(self.store.entries(ROUND))
        best = self.store.search(query, date=self.date, kind=ROUND, limit=COARSE)
        pairs = zip_longest(newest, best)
        ranked = dict.fromkeys(entry for pair in pairs for entry in pair if entry is not None)
        return list(ranked)[: self.settings.rounds]

    def _above(self, hits: Sequence[MemoryEntry], level: Level) -> list[MemoryEntry]:
        """Return the notes of a level on the intervals of some rounds, in the order of the rounds.

        The profile is not of a time that is looked for but of who the user is: the newest is first.
        """
        notes = self.store.entries(level.name)
        if level is LEVELS[-1]:
            return list(reversed(notes))
        note_on = {number: note for note in notes for number in note.rounds}
        numbers = [number for hit in hits for number in hit.rounds]
        return list(dict.fromkeys(note_on[number] for number in numbers if number in note_on))

    # Notes on what is over -----------------------------------------------------------------------

    def observe(self, tell: Tell) -> Program[None]:
        """Store the round that the feedback is of, and at which time of the day it was."""
        before = len(self.new)
        yield from super().observe(tell)
        for entry in self.new[before:]:
            self._times[entry.id] = plain(tell.facts.get("time") or "")

    def idle(self, path: str) -> Program[None]:
        """Have notes written on the intervals that are over since the newest round began."""
        for entry in tuple(self.new):
            if entry.since:  # a world without dates has no intervals
                yield from self._take_in(path, entry)
        self.new.clear()

    def _take_in(self, path: str, entry: MemoryEntry) -> Program[None]:
        """Close, from the lowest level up, what a round is not in, and put it into the lowest."""
        day, time = date.fromisoformat(entry.since), self._times.pop(entry.id)
        uppers = (*self._open[1:], _OpenInterval())  # above the last nobody reads
        for level, interval, upper in zip(LEVELS, self._open, uppers, strict=True):
            name = level.interval(day, time)
            if interval.children and interval.name != name:
                upper.children += yield from self._settle(path, level, interval)
                interval.children = []
            interval.name = name
        self._open[0].children.append(entry)

    def _settle(
        self, path: str, level: Level, interval: _OpenInterval
    ) -> Program[Sequence[MemoryEntry]]:
        """Return what stands for an interval that is over: a note, or its children without one.

        A single child has nothing to be summed up with. If the reply cannot be read nothing is
        lost: the children go into the interval above.
        """
        if len(interval.children) < 2:
            self.counts["stands for its interval"] += len(interval.children)
            return interval.children
        earlier = self.store.entries(level.name)[-EARLIER:]
        reply = yield from self.propose(
            f"{path}/{level.name}",
            "temporal-tree",
            schema=NOTE_SCHEMA,
            level=level.name,
            interval=interval.name,
            children=[child.text for child in interval.children],
            before=[note.text for note in earlier],
            length=LENGTH,
        )
        text = (parse_object(reply, "note").value or {}).get("note")
        note = plain(text.strip()) if isinstance(text, str) else ""
        if not note:
            self.counts["unreadable"] += 1
            return interval.children
        self.counts["cut"] += len(note) > LENGTH
        self.counts[f"written: {level.name}"] += 1
        return [self._write(level, interval, cut(note, LENGTH))]

    def _write(self, level: Level, interval: _OpenInterval, note: str) -> MemoryEntry:
        return self.store.add(
            level.name,
            f"({interval.name}) {note}",
            rounds=sorted({number for child in interval.children for number in child.rounds}),
            date=self.date,
            reason=f"{interval.name} is over",
        )


def _keywords(fields: Fields) -> str:
    """Return the words of a plan, at most three."""
    words = fields.get("keywords")
    texts = [word for word in words if isinstance(word, str)] if isinstance(words, list) else []
    return " ".join(texts[:KEYWORDS]).strip()


def _by_age(entries: Sequence[MemoryEntry]) -> list[MemoryEntry]:
    return sorted(entries, key=lambda entry: entry.id)
