"""Makes clashes: an occurrence of a regular meeting, and rivals injected into its slot.

First comes the surface, who asks and where, then what the events are about and for, drawn again and
again until each of them has been the true one. Which of them is to be it has been drawn before, by
itself: it is as likely any of them, whatever shows and whatever was before. Everything else is
added without a look at the truth: guests, words, ids.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice, permutations
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
    """The attributes of an event that principles look at."""

    topic: str
    purpose: str
    relation: str
    place: str


class EventDraft(NamedTuple):
    """An event before it has guests and words: its core, its host, its regular meeting if any."""

    core: EventCore
    host: Person
    regular: Regular | None


class Weighed(NamedTuple):
    """A draft with the principles that it triggers, by index, and the sum of their weights."""

    draft: EventDraft
    triggered: tuple[int, ...]
    value: float


class Demand(NamedTuple):
    """What a clash has to have at least.

    Attributes:
        margin: the lead of its true event over the next, in weight.
        dissent: loud principles that speak against the true event.
    """

    margin: float
    dissent: int


WEAKEST = Demand(0.0, 0)


@dataclass
class Scale:
    """The principles with the weights of one era, by which events are weighed.

    Attributes:
        principles: as the year has them.
        weights: one a principle.
        cache: what cores came to that have been weighed.
    """

    principles: Sequence[Principle]
    weights: Sequence[float]
    cache: dict[EventCore, tuple[tuple[int, ...], float]] = field(default_factory=dict)

    def weigh(self, core: EventCore) -> tuple[tuple[int, ...], float]:
        """Return the principles that a core triggers, by index, and the sum of their weights."""
        if core not in self.cache:
            attributes = core._asdict()
            triggered = tuple(
                i
                for i, p in enumerate(self.principles)
                if all(attributes[name] == value for name, value in p.when.items())
            )
            self.cache[core] = triggered, round(sum(self.weights[i] for i in triggered), 2)
        return self.cache[core]


@dataclass(frozen=True)
class Slot:
    """An occurrence of a regular meeting that a clash may take, and the user's manager by then.

    `day` is an ISO date, `manager` the id of a person.
    """

    day: str
    regular: Regular
    manager: str


@dataclass(frozen=True)
class ClashStage:
    """The surroundings from which the clashes of a user are drawn.

    Attributes:
        spec: topics and places of the organisation.
        words: those that all organisations share.
        cast: the people, and when they are busy.
        difficulty: loud principles that at least speak against the true event, if possible.
    """

    spec: Spec
    words: Lexicon
    cast: Cast
    difficulty: int

    def clash(
        self, near: Sequence[Slot], scale: Scale, size: int, winner: int, rng: Random
    ) -> tuple[Slot, list[EventDraft]]:
        """Draw a clash in which the event at `winner` is the true one.

        A surface is taken only if each of its events can be the true one, so that it says nothing
        of the winner. Where there is no such surface, one of the events that can be is.

        Args:
            near: slots that may be taken, the first choice first.
            scale: the principles with the weights of the time.
            size: events in the clash.
            winner: the position of the true event; the regular meeting is at 0.
            rng: the stream of this clash.

        Returns:
            The slot that was taken, and `size` drafts.

        Raises:
            SolverFailure: no events of any surface are worth different sums.
        """
        for slot, demand in self._tries(near):
            choices = self._choices(slot, scale, size, rng)
            if _is_open(choices, demand.margin):
                clashes = _draw_clashes(choices, demand, scale.weights, rng)
                if len(clashes) == size:
                    return slot, clashes[winner]
        for slot in near:
            choices = self._choices(slot, scale, size, rng)
            if clashes := _draw_clashes(choices, WEAKEST, scale.weights, rng):
                possible = sorted(clashes)
                return slot, clashes[possible[winner * len(possible) // size]]
        raise SolverFailure(f"no {size} events are worth different sums on {near[0].day}")

    def _tries(self, near: Sequence[Slot]) -> Iterator[tuple[Slot, Demand]]:
        """Yield a slot and a demand for each surface that may be drawn, in their order."""
        for demand in self._demands():
            for slot in near[:STANDING_IN]:
                for _ in range(SURFACES if demand.dissent else MORE_SURFACES):
                    yield slot, demand

    def _demands(self) -> list[Demand]:
        """Return the demands on a clash, each less than the one before."""
        dissents = range(self.difficulty, -1, -1)
        return [*(Demand(MARGIN, dissent) for dissent in dissents), WEAKEST]

    def _choices(self, slot: Slot, scale: Scale, size: int, rng: Random) -> list[list[Weighed]]:
        """Draw a surface: the drafts that look like each event, the regular meeting first."""
        topics = [topic.key for topic in self.spec.topic]
        regular = _variants(self._regular_draft(slot), [slot.regular.topic], scale)
        rivals = []
        for relation, host in self._hosts(slot, size - 1, rng):
            core = EventCore("", "", relation=relation, place=rng.choice(PLACES))
            rivals.append(_variants(EventDraft(core, host, None), topics, scale))
        return [regular, *rivals]

    def _regular_draft(self, slot: Slot) -> EventDraft:
        regular = slot.regular
        host = self.cast.people[regular.series.organiser]
        relation = self.cast.relation(host, slot.manager)
        core = EventCore(regular.topic, "", relation=relation, place=regular.place)
        return EventDraft(core, host, regular)

    def _hosts(self, slot: Slot, count: int, rng: Random) -> list[tuple[str, Person]]:
        """Draw people who are free then, with their relations, each of which is as likely."""
        pools = self._pools(slot)
        relations, hosts = sorted(pools), dict[str, tuple[str, Person]]()
        while len(hosts) < count:
            relation = rng.choice(relations)
            person = rng.choice(pools[relation])
            hosts.setdefault(person.id, (relation, person))
        return list(hosts.values())

    def _pools(self, slot: Slot) -> dict[str, list[Person]]:
        """Return those who may be hosts of rivals, by their relation to the user."""
        pools: dict[str, list[Person]] = {}
        for person in self._free(slot):
            relation = self.cast.relation(person, slot.manager)
            if relation == "manager" or person.level < 5:
                pools.setdefault(relation, []).append(person)
        return pools

    def _free(self, slot: Slot) -> list[Person]:
        series = slot.regular.series
        return self.cast.free((series.weekday, series.start))

    def guests(self, drafts: Sequence[EventDraft], slot: Slot, rng: Random) -> list[list[str]]:
        """Draw who attends each event: any number, any rank, whatever the event is worth.

        One of the rivals, drawn at random, has somebody of a higher level than anybody else.

        Args:
            drafts: the events of a clash, the regular meeting first.
            slot: the one they share.
            rng: the stream of the guests of this clash.

        Returns:
            Ids of people for each event, sorted, the user's among them.
        """
        hosts = {draft.host.id for draft in drafts} | {slot.manager}
        free = [person for person in self._free(slot) if person.id not in hosts]
        staff = [person for person in free if person.level < 5]
        crowd = iter(rng.sample(staff, k=len(staff)))
        sizes = rng.sample(range(3, 4 + len(drafts)), len(drafts) - 1)
        user, series = self.cast.user.id, slot.regular.series
        lists = [[self.cast.people[name] for name in series.attendees if name != user]]
        lists += [
            [draft.host, *islice(crowd, size - 2)]
            for draft, size in zip(drafts[1:], sizes, strict=True)
        ]
        _add_chief(lists, free, rng)
        return [sorted({user, *(person.id for person in people)}) for people in lists]

    def events(self, drafts: Sequence[EventDraft], slot: Slot, k: int, seed: str) -> list[Event]:
        """Put the events of a clash into words; their ids say nothing.

        Args:
            drafts: the regular meeting first.
            slot: the one they share.
            k: the number of the clash, from 0.
            seed: the beginning of the names of its streams.

        Returns:
            The events in the order of the drafts.
        """
        guests = self.guests(drafts, slot, Random(f"{seed}/guests-{k}"))
        rng = Random(f"{seed}/words-{k}")
        ids = rng.sample(range(10, 100), len(drafts))
        urgent = rng.randrange(2 * len(drafts))  # none of them in half of the rounds
        events: list[Event] = []
        for i, (draft, people) in enumerate(zip(drafts, guests, strict=True)):
            title, text = self._words(draft, rng)
            while title in {event.title for event in events}:
                title, text = self._words(draft, rng)
            if i == urgent:
                text = f"{rng.choice(self.words.urgent)} {text}"
            kind, place, series = self._frame(draft, rng)
            events.append(
                Event(
                    id=f"E{ids[i]}",
                    title=title,
                    organiser=draft.host.id,
                    attendees=tuple(people),
                    type=kind,
                    location=place,
                    description=text,
                    series=series,
                )
            )
        return events

    def _frame(self, draft: EventDraft, rng: Random) -> tuple[str, str, str]:
        """Return type, location and series of an event: its regular meeting's, else drawn."""
        if draft.regular:
            series = draft.regular.series
            return series.type, series.location, series.id
        return rng.choice(self.words.types), location(self.spec, draft.core.place, rng), ""

    def _words(self, draft: EventDraft, rng: Random) -> tuple[str, str]:
        """Draw title and description."""
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


def _add_chief(lists: Sequence[list[Person]], free: Sequence[Person], rng: Random) -> None:
    """Put somebody of a higher level than anybody else into one of the lists, never the first.

    It stands in for the last guest; nothing changes if nobody of a higher level is free.
    """
    people = [person for guests in lists for person in guests]
    top = max(person.level for person in people)
    above = [person for person in free if person.level > top and person not in people]
    chosen = lists[rng.randrange(1, len(lists))]
    if above:
        least = min(person.level for person in above)
        chief = rng.choice([person for person in above if person.level == least])
        chosen[-1 if len(chosen) > 1 else 1 :] = [chief]


def _variants(draft: EventDraft, topics: Sequence[str], scale: Scale) -> list[Weighed]:
    """Return drafts of the same host and place, one for each topic and purpose."""
    cores = [draft.core._replace(topic=t, purpose=p) for t in topics for p in PURPOSES]
    return [Weighed(draft._replace(core=core), *scale.weigh(core)) for core in cores]


def _draw_clashes(
    choices: Sequence[Sequence[Weighed]], demand: Demand, weights: Sequence[float], rng: Random
) -> dict[int, list[EventDraft]]:
    """Draw events of a surface until each of them has won a clash that meets a demand.

    Args:
        choices: for each event the drafts that look like it.
        demand: what a clash has to have.
        weights: of the principles.
        rng: the stream of this clash.

    Returns:
        A clash for each event that has won one within `DRAWS` draws, by its position.
    """
    clashes: dict[int, list[EventDraft]] = {}
    draw = rng.random  # half the time of rng.choice
    sized = [(drafts, len(drafts)) for drafts in choices]
    for _ in range(DRAWS):
        clash = [drafts[int(draw() * count)] for drafts, count in sized]
        values = [event.value for event in clash]
        if not _is_decided(values, demand.margin) or values.index(max(values)) in clashes:
            continue
        if _dissent(clash, weights) >= demand.dissent:
            clashes[values.index(max(values))] = [event.draft for event in clash]
            if len(clashes) == len(choices):
                break
    return clashes


def _is_open(choices: Sequence[Sequence[Weighed]], margin: float) -> bool:
    """Return whether each event has a draft that leads, by the margin, a draft of each other one.

    Without that no draws can have each of them win, and none need be made.
    """
    values = [[draft.value for draft in drafts] for drafts in choices]
    pairs = permutations(((min(event), max(event)) for event in values), 2)
    return all(most - least >= margin for (_, most), (least, _) in pairs)


def _is_decided(values: Sequence[float], margin: float) -> bool:
    """Return whether no two events are worth the same, and the best leads by the margin."""
    rising = sorted(values)
    return rising[-1] - rising[-2] >= margin and len(set(values)) == len(values)


def _dissent(clash: Sequence[Weighed], weights: Sequence[float]) -> int:
    """Count the loud principles that speak for other events only, or against the best one."""
    best = max(range(len(clash)), key=lambda k: clash[k].value)
    triggered = set(clash[best].triggered)
    rival = {i for k, event in enumerate(clash) if k != best for i in event.triggered}
    against = {i for i in rival - triggered if weights[i] >= LOUD}
    return len(against | {i for i in triggered if weights[i] <= -LOUD})


def judge(events: Sequence[Event], cores: Sequence[EventCore], scale: Scale) -> Judgement:
    """Return the truth of a round without noise.

    Args:
        events: in the order shown.
        cores: those of the events, in the same order.
        scale: the principles with the weights of the time.
    """
    weighed = [scale.weigh(core) for core in cores]
    order = sorted(range(len(events)), key=lambda i: -weighed[i][1])
    ranking = tuple(events[i].id for i in order)
    return Judgement(
        triggered=tuple(triggered for triggered, _ in weighed),
        ranking=ranking,
        decision=ranking[0],
        deciding=_deciding(weighed[order[0]][0], weighed[order[1]][0], scale.weights),
    )


def _deciding(
    first: Sequence[int], second: Sequence[int], weights: Sequence[float]
) -> tuple[int, ...]:
    """Return the principles that lift the first event over the second, the strongest first.

    Those that the first triggers alone count with their weights, those of the second alone against.
    """
    lift = {i: weights[i] for i in set(first) - set(second)}
    lift |= {i: -weights[i] for i in set(second) - set(first)}
    return tuple(sorted((i for i in lift if lift[i] > 0), key=lambda i: (-lift[i], i)))
