"""Makes clashes: an occurrence of a regular meeting, and rivals injected into its slot.

First comes the surface, who asks and where, then what the events are about and for, drawn again and
again until each of them has been the true one. Which of them is to be it has been drawn before, by
itself: it is as likely any of them, whatever shows and whatever was before. Everything else is
added without a look at the truth: guests, words, ids.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import permutations
from random import Random
from typing import NamedTuple

from generators.calendar_people import Cast, Regular, location
from generators.calendar_spec import PLACES, PURPOSES, Lexicon, Spec
from tasks.base import SolverFailure
from tasks.calendar import Event, Person
from tasks.calendar_truth import Judgement, Principle

MARGIN = 0.6  # the least lead of the true event in weight
LOUD = 1.0  # the least weight, either way, of a principle that counts as disagreeing
SURFACES = 6  # at a slot, while dissent is asked for
MORE_SURFACES = 40  # at a slot, when it no longer is
STANDING_IN = 4  # slots that are tried for a round
DRAWS = 250  # of topics and purposes for a surface


class EventCore(NamedTuple):
    """What principles look at: the values of an event's attributes."""

    topic: str
    purpose: str
    relation: str
    place: str


class EventDraft(NamedTuple):
    """An event to be: its core, who asks for it, the regular meeting if it is one."""

    core: EventCore
    host: Person
    regular: Regular | None


class Weighed(NamedTuple):
    """A draft with the principles that it triggers, by index, and their weighted sum."""

    draft: EventDraft
    triggered: tuple[int, ...]
    value: float


class Demand(NamedTuple):
    """What is asked of a clash: the lead of its true event, and loud principles against that."""

    margin: float
    dissent: int


WEAKEST = Demand(0.0, 0)


@dataclass
class Scale:
    """The principles with the weights of one era: what a core triggers and what that is worth."""

    principles: Sequence[Principle]
    weights: Sequence[float]
    known: dict[EventCore, tuple[tuple[int, ...], float]] = field(default_factory=dict)

    def weigh(self, core: EventCore) -> tuple[tuple[int, ...], float]:
        """Indices of the principles triggered, and their weighted sum."""
        if core not in self.known:
            has = core._asdict()
            triggered = tuple(
                i
                for i, p in enumerate(self.principles)
                if all(has[name] == value for name, value in p.when.items())
            )
            self.known[core] = triggered, round(sum(self.weights[i] for i in triggered), 2)
        return self.known[core]


@dataclass(frozen=True)
class Slot:
    """Where a clash is to be: a day, the regular meeting then, the manager by then."""

    day: str
    regular: Regular
    manager: str


@dataclass(frozen=True)
class ClashStage:
    """What clashes are made from."""

    spec: Spec
    words: Lexicon
    made: Cast
    difficulty: int

    def clash(
        self, near: Sequence[Slot], scale: Scale, size: int, winner: int, rng: Random
    ) -> tuple[Slot, list[EventDraft]]:
        """One of the slots, and `size` drafts for it, of which the one at `winner` is the true one.

        The regular meeting is the first. A surface is taken only if each of its events can be the
        true one, so that it says nothing of the winner. Where there is no such surface, one of the
        events that can be is; SolverFailure if none can.
        """
        for demand in self._demands():
            for slot in near[:STANDING_IN]:
                for _ in range(SURFACES if demand.dissent else MORE_SURFACES):
                    choices = self._choices(slot, scale, size, rng)
                    if _open(choices, demand.margin):
                        clashes = _drawn(choices, demand, scale.weights, rng)
                        if len(clashes) == size:
                            return slot, clashes[winner]
        for slot in near:
            choices = self._choices(slot, scale, size, rng)
            if clashes := _drawn(choices, WEAKEST, scale.weights, rng):
                possible = sorted(clashes)
                return slot, clashes[possible[winner * len(possible) // size]]
        raise SolverFailure(f"no {size} events are worth different sums on {near[0].day}")

    def _demands(self) -> list[Demand]:
        """What is asked of a clash, each demand less than the one before."""
        dissents = range(self.difficulty, -1, -1)
        return [*(Demand(MARGIN, dissent) for dissent in dissents), WEAKEST]

    def _choices(self, slot: Slot, scale: Scale, size: int, rng: Random) -> list[list[Weighed]]:
        """A surface: for each event, the regular meeting first, the drafts that look like it."""
        made, regular = self.made, slot.regular
        host = made.people[regular.series.organiser]
        topics = [topic.key for topic in self.spec.topic]
        relation = made.relation(host, slot.manager)
        choices = [
            _looking(
                EventDraft(EventCore(regular.topic, "", relation, regular.place), host, regular),
                [regular.topic],
                scale,
            )
        ]
        for kind, person in self._hosts(slot, size - 1, rng):
            core = EventCore("", "", kind, rng.choice(PLACES))
            choices.append(_looking(EventDraft(core, person, None), topics, scale))
        return choices

    def _hosts(self, slot: Slot, count: int, rng: Random) -> list[tuple[str, Person]]:
        """People who are free then, each kind of relation as likely, with their relation."""
        series, pools = slot.regular.series, dict[str, list[Person]]()
        for person in self.made.free((series.weekday, series.start)):
            kind = self.made.relation(person, slot.manager)
            if kind == "manager" or person.level < 5:
                pools.setdefault(kind, []).append(person)
        kinds, hosts = sorted(pools), dict[str, tuple[str, Person]]()
        while len(hosts) < count:
            kind = rng.choice(kinds)
            person = rng.choice(pools[kind])
            hosts.setdefault(person.id, (kind, person))
        return list(hosts.values())

    def guests(self, drafts: Sequence[EventDraft], slot: Slot, rng: Random) -> list[list[str]]:
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

    def events(self, drafts: Sequence[EventDraft], slot: Slot, k: int, seed: str) -> list[Event]:
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
            found.append(
                Event(
                    id=f"E{ids[i]}",
                    title=title,
                    organiser=draft.host.id,
                    attendees=tuple(people),
                    type=series.type if series else rng.choice(self.words.types),
                    location=series.location
                    if series
                    else location(self.spec, draft.core.place, rng),
                    description=text,
                    series=series.id if series else "",
                )
            )
        return found

    def _words(self, draft: EventDraft, rng: Random) -> tuple[str, str]:
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


def _looking(draft: EventDraft, topics: Sequence[str], scale: Scale) -> list[Weighed]:
    """Drafts of the same host and place, one for each topic and purpose."""
    cores = [draft.core._replace(topic=t, purpose=p) for t in topics for p in PURPOSES]
    return [Weighed(draft._replace(core=core), *scale.weigh(core)) for core in cores]


def _drawn(
    choices: Sequence[Sequence[Weighed]], demand: Demand, weights: Sequence[float], rng: Random
) -> dict[int, list[EventDraft]]:
    """A clash that is as demanded for each of the events that could be made to win one."""
    clashes: dict[int, list[EventDraft]] = {}
    draw = rng.random  # half the time of rng.choice
    sized = [(some, len(some)) for some in choices]
    for _ in range(DRAWS):
        drawn = [some[int(draw() * count)] for some, count in sized]
        values = [one.value for one in drawn]
        if not _clear(values, demand.margin) or values.index(max(values)) in clashes:
            continue
        if disagreeing([(one.triggered, one.value) for one in drawn], weights) >= demand.dissent:
            clashes[values.index(max(values))] = [one.draft for one in drawn]
            if len(clashes) == len(choices):
                break
    return clashes


def _open(choices: Sequence[Sequence[Weighed]], margin: float) -> bool:
    """Whether each event has a draft that leads, by the margin, some draft of each of the others.

    Without that no draws can have each of them win, and none need be made.
    """
    ends = [(min(o.value for o in some), max(o.value for o in some)) for some in choices]
    return all(most - least >= margin for (_, most), (least, _) in permutations(ends, 2))


def _clear(values: Sequence[float], margin: float) -> bool:
    """Whether no two events are worth the same, and the best leads by the margin."""
    rising = sorted(values)
    return rising[-1] - rising[-2] >= margin and len(set(values)) == len(values)


def disagreeing(weighed: Sequence[tuple[tuple[int, ...], float]], weights: Sequence[float]) -> int:
    """How many loud principles speak against the true event: for others only, or against it."""
    best = max(range(len(weighed)), key=lambda i: weighed[i][1])
    mine = set(weighed[best][0])
    others = {i for k, (triggered, _) in enumerate(weighed) if k != best for i in triggered}
    against = {i for i in others - mine if weights[i] >= LOUD}
    return len(against | {i for i in mine if weights[i] <= -LOUD})


def judge(events: Sequence[Event], cores: Sequence[EventCore], scale: Scale) -> Judgement:
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
