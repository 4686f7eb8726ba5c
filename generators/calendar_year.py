"""Builds a user's year: an organisation, a calendar, hidden principles, clashes.

Every ingredient has its own stream, so that none disturbs another: the people and the regular
calendar of a seed and index are the same whatever the level and the settings.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import TypeAlias

from msgspec.structs import replace

from generators.calendar_people import (
    Cast,
    Regular,
    away,
    cast,
    life,
    occurrences,
    organisation,
    regular,
)
from generators.calendar_rounds import ClashStage, Scale, Slot, judge
from generators.calendar_spec import Lexicon, Role, Spec, attributes, lexicon, places
from tasks.base import Noun
from tasks.calendar import VERSION, Decisions, Feedback, Life, Round, Year, manager_on
from tasks.calendar_truth import Era, Judgement, Principle, Truth

Occurrence: TypeAlias = tuple[str, str, int]  # day, start, which regular meeting
MOST_ROUNDS = 200
OFFSET = 1.4  # standard deviation of a user's weight about that of the role
MOVED = 0.5  # share of a user's principles whose weights a turning life event deals out anew
PERSONAL = 2  # principles that a user has beside those of the role
TURNING = {0: (), 1: (1,), 2: (0, 2), 3: (0, 1, 2)}  # which life events change the weights


class CalendarSettings(Noun, frozen=True):
    """The dials of a year.

    Attributes:
        rounds: clashes in the year.
        history: past rounds that a memory is to show.
        feedback: what is told of a decision: the event (full), right or wrong (binary), what
            decided it (text), nothing (none).
        decisions: whose decisions the past shows, the user's true ones or the agent's own.
        drift: how many of the three life events change the weights.
        noise: chance that the user accepts another event than the principles say.
        difficulty: how many loud principles at least speak against the true event, if possible.
        organisation: `FILE.toml#DIGEST` of a specification of one's own; empty: those shipped.
    """

    rounds: int = 104
    history: int = 20
    feedback: Feedback = "full"
    decisions: Decisions = "true"
    drift: int = 0
    noise: float = 0.0
    difficulty: int = 1
    organisation: str = ""

    def __post_init__(self) -> None:
        for name, most in (
            ("rounds", MOST_ROUNDS),
            ("history", MOST_ROUNDS),
            ("drift", 3),
            ("noise", 0.5),
            ("difficulty", 3),
        ):
            least = 1 if name == "rounds" else 0
            if not least <= getattr(self, name) <= most:
                raise ValueError(f"{name}: {getattr(self, name)} is not in [{least}, {most}]")


@dataclass(frozen=True)
class Setting:
    """Where a user's clashes take place: the role, the people, the regular meetings."""

    role: Role
    made: Cast
    meetings: Sequence[Regular]
    stage: ClashStage
    streams: str


def setting(seed: int, index: int, wanted: CalendarSettings) -> Setting:
    """The surroundings of user `index`, the same whatever the level."""
    spec, role = places(index + 1, wanted.organisation)[index]
    words, streams = lexicon(), f"calendar/{VERSION}/{seed}/{index}"
    made = cast(spec, role, words, Random(f"{streams}/people"))
    meetings = regular(spec, words, made, Random(f"{streams}/series"))
    return Setting(role, made, meetings, ClashStage(spec, words, made, wanted.difficulty), streams)


def year_of(level: int, seed: int, index: int, wanted: CalendarSettings) -> Year:
    """The year of user `index`."""
    at = setting(seed, index, wanted)
    spec, words, made, streams = at.stage.spec, at.stage.words, at.made, at.streams
    changes = life(spec, words, made, Random(f"{streams}/life"))
    taken = _slots(wanted.rounds, at.meetings, changes, made, Random(f"{streams}/slots"))
    principles = _principles(spec, at.role, words, Random(f"{streams}/principles"))
    days = [near[0].day for near in taken]
    eras = _eras(principles, days, changes, wanted.drift, Random(f"{streams}/weights"))
    rounds, judgements = made_rounds(level, at.stage, taken, changes, principles, eras, streams)
    return Year(
        organisation=organisation(spec, made),
        user=made.user.id,
        responsibilities=at.role.responsibilities,
        series=tuple(one.series for one in at.meetings),
        life=changes,
        rounds=tuple(rounds),
        history=wanted.history,
        feedback=wanted.feedback,
        decisions=wanted.decisions,
        truth=Truth(principles, eras, _noisy(judgements, wanted.noise, streams), wanted.noise),
    )


def _slots(
    count: int, meetings: Sequence[Regular], changes: Sequence[Life], made: Cast, rng: Random
) -> list[list[Slot]]:
    """Occurrences of the user's regular meetings outside their leave, spread over the year.

    For each round the one that is drawn, then those that can stand in for it: near it, with no
    change in the user's life between.
    """
    gone, back = away(changes)
    found = sorted(
        (day, one.series.start, k)
        for k, one in enumerate(meetings)
        if made.user.id in one.series.attendees
        for day in occurrences(one.series)
        if not gone <= day < back
    )
    return [
        [
            Slot(day, meetings[k], manager_on(day, made.user, changes))
            for day, _, k in part
            if _phase(day, changes) == _phase(part[0][0], changes)
        ]
        for part in slots(found, count, rng)
    ]


def _phase(day: str, changes: Sequence[Life]) -> int:
    """How many of the changes have come by a day."""
    return sum(change.date <= day for change in changes)


def slots(found: Sequence[Occurrence], count: int, rng: Random) -> list[list[Occurrence]]:
    """The occurrences in as many equal parts, a part for each round, each in random order."""
    parts = [found[k * len(found) // count : (k + 1) * len(found) // count] for k in range(count)]
    return [rng.sample(part, len(part)) for part in parts]


def _principles(spec: Spec, role: Role, words: Lexicon, rng: Random) -> tuple[Principle, ...]:
    """Those of the role, and personal ones that nobody could guess from it."""
    given = [rule.principle for rule in role.principle]
    values = [(name, v) for name, some in attributes(spec).items() for v in some]
    rng.shuffle(values)
    used = [principle.when for principle in given]
    phrases = words.phrases | {topic.key: topic.about for topic in spec.topic}
    fresh = [(name, v) for name, v in values if {name: v} not in used][:PERSONAL]
    for k, (name, value) in enumerate(fresh):
        text = rng.choice(words.dislike if k % 2 else words.like).format(x=phrases[value])
        given.append(Principle(f"{text[0].upper()}{text[1:]}", {name: value}, 0.0))
    return tuple(given)


def _eras(
    principles: Sequence[Principle],
    days: Sequence[str],
    changes: Sequence[Life],
    drift: int,
    rng: Random,
) -> tuple[Era, ...]:
    """The user's weights; after each turning life event half of them change places."""
    own = [_weight(k, len(principles) - PERSONAL, p, rng) for k, p in enumerate(principles)]
    eras = [Era(1, tuple(own))]
    for turn in TURNING[drift]:
        start = 1 + sum(day < changes[turn].date for day in days)
        some = rng.sample(range(len(own)), round(MOVED * len(own)))
        moved = [own[i] for i in some]
        for i, weight in zip(some, moved[1:] + moved[:1], strict=True):
            own[i] = weight
        if eras[-1].start < start <= len(days):
            eras.append(Era(start, tuple(own)))
    return tuple(eras)


def _weight(k: int, of_role: int, principle: Principle, rng: Random) -> float:
    """About the role's weight; a personal principle's is 1.5 to 3, one for and one against."""
    if k < of_role:
        return round(principle.prior + rng.gauss(0, OFFSET), 2)
    return round(rng.uniform(1.5, 3) * (-1 if (k - of_role) % 2 else 1), 2)


def made_rounds(
    level: int,
    stage: ClashStage,
    choices: Sequence[Sequence[Slot]],
    changes: Sequence[Life],
    principles: Sequence[Principle],
    eras: Sequence[Era],
    streams: str,
) -> tuple[list[Round], list[Judgement]]:
    """The clashes, one for each choice of slots, and their truth.

    Each ingredient of a round has a stream of its own, and so has the place of its winner: what
    was dealt before is of no help.
    """
    rounds, judgements, told = [], [], ""
    scales = {era.start: Scale(principles, era.weights) for era in eras}
    for k, near in enumerate(choices):
        scale = scales[max(start for start in scales if start <= k + 1)]
        winner = Random(f"{streams}/winner-{k}").randrange(level)
        rng = Random(f"{streams}/clash-{k}")
        slot, drafts = stage.clash(near, scale, level, winner, rng)
        order = Random(f"{streams}/order-{k}").sample(range(level), level)
        made = stage.events(drafts, slot, k, streams)
        events = [made[i] for i in order]
        news = tuple(life.text for life in changes if told < life.date <= slot.day)
        told, series = slot.day, slot.regular.series
        rounds.append(Round(slot.day, series.start, series.minutes, tuple(events), news))
        judgements.append(judge(events, [drafts[i].core for i in order], scale))
    return rounds, judgements


def _noisy(judgements: Sequence[Judgement], noise: float, streams: str) -> tuple[Judgement, ...]:
    """By chance `noise` the user accepts one of the other events instead, each as likely."""
    rng, found = Random(f"{streams}/noise"), []
    for judgement in judgements:
        astray, other = rng.random() < noise, rng.choice(judgement.ranking[1:])
        found.append(replace(judgement, decision=other) if astray else judgement)
    return tuple(found)
