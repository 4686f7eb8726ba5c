"""Makes clashes: an occurrence of a regular meeting, and rivals injected into its slot.

First the core of each event, all that principles look at, is drawn until the truth is as wanted.
Then everything else is added without a look at the truth: guests, words, ids.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import NamedTuple

from generators.calendar_balance import Wish
from generators.calendar_people import Cast, Regular, location
from generators.calendar_spec import PLACES, PURPOSES, Lexicon, Spec
from tasks.base import SolverFailure
from tasks.calendar import Event, Person
from tasks.calendar_truth import Judgement, Principle

MARGIN = 0.6  # the least lead of the true event in weight
LOUD = 1.0  # the least weight, either way, of a principle that counts as disagreeing
TRIES = 80  # at each of the stages below and for each step of difficulty
ANCHORS = 30  # tries after which the regular meeting gets another purpose


class Core(NamedTuple):
    """What principles look at: the values of an event's attributes."""

    topic: str
    purpose: str
    relation: str
    place: str


class Draft(NamedTuple):
    """An event to be: its core, who asks for it, the regular meeting if it is one."""

    core: Core
    host: Person
    regular: Regular | None


@dataclass
class Scale:
    """The principles with the weights of one era: what a core triggers and what that is worth."""

    principles: Sequence[Principle]
    weights: Sequence[float]
    known: dict[Core, tuple[tuple[int, ...], float]] = field(default_factory=dict)

    def weigh(self, core: Core) -> tuple[tuple[int, ...], float]:
        """Indices of the principles triggered, and their weighted sum."""
        if core not in self.known:
            has = core._asdict()
            triggered = tuple(
                i for i, p in enumerate(self.principles)
                if all(has[name] == value for name, value in p.when.items())
            )  # fmt: skip
            self.known[core] = triggered, round(sum(self.weights[i] for i in triggered), 2)
        return self.known[core]


@dataclass(frozen=True)
class Slot:
    """Where a clash is to be: a day, the regular meeting then, the manager by then."""

    day: str
    regular: Regular
    manager: str


@dataclass(frozen=True)
class Stage:
    """What clashes are made from."""

    spec: Spec
    words: Lexicon
    made: Cast
    difficulty: int

    def drafts(self, slot: Slot, scale: Scale, size: int, wish: Wish, rng: Random) -> list[Draft]:
        """`size` cores, the regular meeting first, whose truth is as wished."""
        for k, drafts in enumerate(self._drawn(slot, size, rng)):
            stage = k // (TRIES * (1 + self.difficulty))
            if stage > 4:
                break
            if self._fits(drafts, scale, wish, stage):
                return drafts
        raise SolverFailure(f"no {size} events are worth different sums on {slot.day}")

    def _fits(self, drafts: Sequence[Draft], scale: Scale, wish: Wish, stage: int) -> bool:
        """Whether a clash is as wished; each stage asks for less than the one before."""
        weighed = [scale.weigh(draft.core) for draft in drafts]
        values = sorted((value for _, value in weighed), reverse=True)
        if len(set(values)) < len(values) or (stage < 4 and values[0] - values[1] < MARGIN):
            return False
        best = next(k for k, (_, value) in enumerate(weighed) if value == values[0])
        if stage < 3 and (best == 0) != wish.anchor:
            return False
        if stage < 2 and not wish.paid(shortcuts(drafts), best):
            return False
        return disagreeing(weighed, scale.weights) >= self.difficulty - stage

    def _drawn(self, slot: Slot, size: int, rng: Random) -> Iterator[list[Draft]]:
        made, series = self.made, slot.regular.series
        host = made.people[series.organiser]
        relation = made.relation(host, slot.manager)
        pools: dict[str, list[Person]] = {}
        for person in made.free((series.weekday, series.start)):
            kind = made.relation(person, slot.manager)
            if kind == "manager" or person.level < 5:
                pools.setdefault(kind, []).append(person)
        kinds = sorted(pools)
        topics = [topic.key for topic in self.spec.topic]
        values = [(t, p, place) for t in topics for p in PURPOSES for place in PLACES]
        draw, total, count = rng.random, len(values), 0  # half the time of rng.choice
        purpose = ""
        while True:
            if count % ANCHORS == 0:
                purpose = rng.choice(PURPOSES)
            count += 1
            core = Core(slot.regular.topic, purpose, relation, slot.regular.place)
            drafts, hosts = [Draft(core, host, slot.regular)], set()
            while len(drafts) < size:
                kind = kinds[int(draw() * len(kinds))]
                person = pools[kind][int(draw() * len(pools[kind]))]
                if person.id not in hosts:
                    hosts.add(person.id)
                    topic, wants, place = values[int(draw() * total)]
                    drafts.append(Draft(Core(topic, wants, kind, place), person, None))
            yield drafts

    def guests(self, drafts: Sequence[Draft], slot: Slot, rng: Random) -> list[list[str]]:
        """Who else comes, for each event: any number, any rank, whatever the event is worth.

        One of the rivals, drawn at random, has somebody of a higher level than anybody else.
        """
        made, series = self.made, slot.regular.series
        hosts = {draft.host.id for draft in drafts} | {slot.manager}
        free = [p for p in made.free((series.weekday, series.start)) if p.id not in hosts]
        crowd = iter(rng.sample([p for p in free if p.level < 5], k=sum(p.level < 5 for p in free)))
        sizes = rng.sample(range(3, 4 + len(drafts)), len(drafts) - 1)
        lists = [[made.people[i] for i in series.attendees if i != made.user.id]]
        for draft, size in zip(drafts[1:], sizes, strict=True):
            more = (next(crowd, None) for _ in range(size - 2))
            lists.append([draft.host, *(p for p in more if p)])
        top = max(person.level for people in lists for person in people)
        taken = {person.id for people in lists for person in people}
        above = [p for p in free if p.level > top and p.id not in taken]
        chosen = rng.randrange(1, len(lists))
        if above:
            chief = rng.choice([p for p in above if p.level == min(q.level for q in above)])
            lists[chosen][-1 if len(lists[chosen]) > 1 else 1 :] = [chief]
        return [sorted({made.user.id, *(person.id for person in people)}) for people in lists]

    def events(self, drafts: Sequence[Draft], slot: Slot, k: int, seed: str) -> list[Event]:
        """The events as text, in the order of the drafts; ids say nothing."""
        guests = self.guests(drafts, slot, Random(f"{seed}/guests-{k}"))
        rng = Random(f"{seed}/words-{k}")
        ids = rng.sample(range(10, 100), len(drafts))
        urgent = rng.randrange(2 * len(drafts))  # none of them in half of the rounds
        found, titles = [], set[str]()
        for i, (draft, people) in enumerate(zip(drafts, guests, strict=True)):
            title, text = self._words(draft, rng)
            while title in titles:
                title, text = self._words(draft, rng)
            titles.add(title)
            if i == urgent:
                text = f"{rng.choice(self.words.urgent)} {text}"
            series = draft.regular.series if draft.regular else None
            found.append(Event(
                id=f"E{ids[i]}",
                title=title,
                organiser=draft.host.id,
                attendees=tuple(people),
                type=series.type if series else rng.choice(self.words.types),
                location=series.location if series
                else location(self.spec, draft.core.place, rng),
                description=text,
                series=series.id if series else "",
            ))  # fmt: skip
        return found

    def _words(self, draft: Draft, rng: Random) -> tuple[str, str]:
        """Title and description."""
        words, topic = self.words, next(t for t in self.spec.topic if t.key == draft.core.topic)
        purpose, subject = words.purposes[draft.core.purpose], rng.choice(topic.subjects)
        title = rng.choice(purpose.titles)
        if draft.regular:
            title, subject = "{subject}", draft.regular.series.title
            subject = subject[0].lower() + subject[1:]
        sentences = [
            rng.choice(words.about).format(subject=subject, about=topic.about),
            rng.choice(purpose.sentences),
            *rng.sample(words.asides, rng.randrange(3)),
        ]
        title = title.format(subject=subject)
        return title[0].upper() + title[1:], " ".join(sentences)


SHORTCUTS = 4


def shortcuts(drafts: Sequence[Draft]) -> list[list[float]]:
    """What shows of the cores: hosts' levels, hosts from outside, places elsewhere and remote."""
    return [
        [draft.host.level for draft in drafts],
        [draft.core.relation == "partner" for draft in drafts],
        [draft.core.place == "travel" for draft in drafts],
        [draft.core.place == "remote" for draft in drafts],
    ]


def disagreeing(weighed: Sequence[tuple[tuple[int, ...], float]], weights: Sequence[float]) -> int:
    """How many loud principles speak against the true event: for others only, or against it."""
    best = max(range(len(weighed)), key=lambda i: weighed[i][1])
    mine = set(weighed[best][0])
    others = {i for k, (triggered, _) in enumerate(weighed) if k != best for i in triggered}
    against = {i for i in others - mine if weights[i] >= LOUD}
    return len(against | {i for i in mine if weights[i] <= -LOUD})


def judge(events: Sequence[Event], cores: Sequence[Core], scale: Scale) -> Judgement:
    """The truth of a round without noise, its events in the order shown."""
    weighed = [scale.weigh(core) for core in cores]
    order = sorted(range(len(events)), key=lambda i: -weighed[i][1])
    ranking = tuple(events[i].id for i in order)
    first, second = set(weighed[order[0]][0]), set(weighed[order[1]][0])
    lift = {i: scale.weights[i] for i in first - second}
    lift |= {i: -scale.weights[i] for i in second - first}
    deciding = sorted((i for i in lift if lift[i] > 0), key=lambda i: (-lift[i], i))
    return Judgement(
        triggered=tuple(triggered for triggered, _ in weighed),
        ranking=ranking,
        decision=ranking[0],
        deciding=tuple(deciding),
    )
