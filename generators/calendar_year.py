"""Builds a user's year: an organisation, a calendar, hidden principles, clashes.

Every ingredient has its own stream, so that none disturbs another: the people and the regular
calendar of a seed and index are the same whatever the level and the settings.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from random import Random
from typing import Annotated, Literal, TypeAlias

from msgspec import Meta
from msgspec.structs import replace

from generators.calendar_artefacts import written_evidence
from generators.calendar_people import (
    BEGIN,
    OWN_SERIES,
    WEEKS,
    Cast,
    Regular,
    draw_cast,
    leave_dates,
    life_events,
    occurrences,
    organisation,
    regular_meetings,
)
from generators.calendar_rounds import ClashStage, Scale, Slot, judge
from generators.calendar_spec import Lexicon, Role, Spec, attributes, lexicon, places
from tasks.base import Noun
from tasks.calendar import VERSION, Decisions, Event, Feedback, Life, Round, Year, manager_on
from tasks.calendar_truth import Era, Judgement, Principle, Truth

Occurrence: TypeAlias = tuple[str, str, int]  # day, start, which regular meeting
MOST_ROUNDS = 200
MOST_RUMOURS = 9
OFFSET = 1.4  # standard deviation of a user's weight about that of the role
MOVED = 0.5  # share of a user's principles whose weights a turning life event deals out anew
PERSONAL = 2  # principles that a user has beside those of the role
TURNING = {0: (), 1: (1,), 2: (0, 2), 3: (0, 1, 2)}  # which life events change the weights


class CalendarSettings(Noun, frozen=True):
    """The dials of a year.

    Attributes:
        rounds: clashes in the year.
        history: past rounds that a memory is to show.
        feedback: after each decision: the event (full), right or wrong (binary), what decided it
            (text), nothing (none).
        decisions: whose decisions the past shows, the user's true ones or the agent's own.
        drift: how many of the three life events change the weights.
        noise: chance that the user accepts another event than the principles say.
        difficulty: how many loud principles at least speak against the true event, if possible.
        organisation: `FILE.toml#DIGEST` of a specification of one's own; empty: those shipped.
        evidence: how the event is told, by feedback full: in one line (structured), or by what
            people write before and after (artefacts).
        indirect: of artefacts: nobody says accepted or declined, only who was there or missed.
        rumours: of artefacts: guesses in each round, which say that they are guesses.
        density: the clashes of so many weeks come in one, the others have none.
    """

    rounds: Annotated[int, Meta(ge=1, le=MOST_ROUNDS)] = 104
    history: Annotated[int, Meta(ge=0, le=MOST_ROUNDS)] = 20
    feedback: Feedback = "full"
    decisions: Decisions = "true"
    drift: Annotated[int, Meta(ge=0, le=3)] = 0
    noise: Annotated[float, Meta(ge=0, le=0.5)] = 0.0
    difficulty: Annotated[int, Meta(ge=0, le=3)] = 1
    organisation: str = ""
    evidence: Literal["structured", "artefacts"] = "structured"
    indirect: bool = False
    rumours: Annotated[int, Meta(ge=0, le=MOST_RUMOURS)] = 0
    density: Annotated[int, Meta(ge=1, le=8)] = 1


@dataclass(frozen=True)
class Setting:
    """The surroundings of a user's clashes.

    Attributes:
        role: the user's.
        cast: the people, and when they are busy.
        meetings: regular ones, the user's first.
        stage: draws the clashes.
        streams: the beginning of the names of the user's random streams.
    """

    role: Role
    cast: Cast
    meetings: Sequence[Regular]
    stage: ClashStage
    streams: str

    def stream(self, part: str) -> Random:
        """Return the random stream of an ingredient."""
        return Random(f"{self.streams}/{part}")

    def occurrences(self) -> list[Occurrence]:
        """Return when the user has regular meetings: ISO date, HH:MM, which meeting; sorted."""
        return sorted(
            (day, meeting.series.start, k)
            for k, meeting in enumerate(self.meetings)
            if self.cast.user.id in meeting.series.attendees
            for day in occurrences(meeting.series)
        )


def setting_of(seed: int, index: int, settings: CalendarSettings) -> Setting:
    """Return the surroundings of user `index`, the same whatever the level."""
    spec, role = places(index + 1, settings.organisation)[index]
    words, streams = lexicon(), f"calendar/{VERSION}/{seed}/{index}"
    cast = draw_cast(spec, role, words, rng=Random(f"{streams}/people"))
    meetings = regular_meetings(spec, words, cast, rng=Random(f"{streams}/series"))
    return Setting(
        role=role,
        cast=cast,
        meetings=meetings,
        stage=ClashStage(spec, words, cast, difficulty=settings.difficulty),
        streams=streams,
    )


def year_of(level: int, seed: int, index: int, settings: CalendarSettings) -> Year:
    """Return the year of user `index`, with `level` events in a clash."""
    setting = setting_of(seed, index, settings)
    year = _structured_year(level, setting, settings)
    if settings.evidence == "structured":
        return year
    evidence = written_evidence(
        year, setting.streams, indirect=settings.indirect, rumours=settings.rumours
    )
    return replace(year, evidence=evidence)


def _structured_year(level: int, setting: Setting, settings: CalendarSettings) -> Year:
    """Return a user's year whose decisions are told in a line."""
    spec, words, cast = setting.stage.spec, setting.stage.words, setting.cast
    changes = life_events(spec, words, cast, setting.stream("life"))
    choices = _slots(settings, setting, changes)
    principles = _principles(spec, setting.role, words, setting.stream("principles"))
    days = [near[0].day for near in choices]
    eras = _eras(principles, days, changes, settings.drift, setting.stream("weights"))
    builder = RoundBuilder(level, setting.stage, principles, eras=eras, streams=setting.streams)
    rounds, judgements = builder.build(choices, changes)
    judgements = _with_noise(judgements, settings.noise, setting.stream("noise"))
    return Year(
        organisation=organisation(spec, cast),
        user=cast.user.id,
        responsibilities=setting.role.responsibilities,
        series=tuple(meeting.series for meeting in setting.meetings),
        life=changes,
        rounds=rounds,
        history=settings.history,
        feedback=settings.feedback,
        decisions=settings.decisions,
        truth=Truth(principles, eras, judgements, noise=settings.noise),
    )


def room(density: int) -> int:
    """Return how many clashes find a slot in a year of this density, whoever the user is.

    Meetings of every other week are held in even weeks, those from 0 on; a leave takes one of them.
    """
    even = sum(week % 2 == 0 for week in range(0, WEEKS, density))
    return OWN_SERIES * (even - 1)


def _slots(
    settings: CalendarSettings, setting: Setting, changes: Sequence[Life]
) -> list[list[Slot]]:
    """Draw occurrences of the user's regular meetings outside their leave, spread over the year.

    For each round the one that is drawn, then those that can stand in for it: near it, with no
    change in the user's life between.
    """
    begin, end = leave_dates(changes)
    open_days = [
        row
        for row in setting.occurrences()
        if not begin <= row[0] < end and _week(row[0]) % settings.density == 0
    ]
    return [
        [
            Slot(day, setting.meetings[k], manager_on(day, setting.cast.user, changes))
            for day, _, k in part
            if _phase(day, changes) == _phase(part[0][0], changes)
        ]
        for part in slots(open_days, settings.rounds, setting.stream("slots"))
    ]


def _week(day: str) -> int:
    """Return the number of the week that a day is in; that of the year's beginning is 0."""
    return (date.fromisoformat(day) - BEGIN).days // 7


def _phase(day: str, changes: Sequence[Life]) -> int:
    """Return how many of the changes have come by a day."""
    return sum(change.date <= day for change in changes)


def slots(candidates: Sequence[Occurrence], count: int, rng: Random) -> list[list[Occurrence]]:
    """Cut occurrences into `count` equal parts, one for each round, and shuffle each part."""
    ends = [k * len(candidates) // count for k in range(count + 1)]
    parts = [candidates[begin:end] for begin, end in pairwise(ends)]
    return [rng.sample(part, len(part)) for part in parts]


def _principles(spec: Spec, role: Role, words: Lexicon, rng: Random) -> tuple[Principle, ...]:
    """Return those of the role, and personal ones that nobody could guess from it."""
    of_role = tuple(rule.principle for rule in role.principle)
    values = [(name, v) for name, options in attributes(spec).items() for v in options]
    rng.shuffle(values)
    triggers = [principle.when for principle in of_role]
    fresh = [(name, v) for name, v in values if {name: v} not in triggers][:PERSONAL]
    phrases = words.phrases | {topic.key: topic.about for topic in spec.topic}
    personal = []
    for k, (name, value) in enumerate(fresh):
        text = rng.choice(words.dislike if k % 2 else words.like).format(x=phrases[value])
        personal.append(Principle(f"{text[0].upper()}{text[1:]}", {name: value}, 0.0))
    return (*of_role, *personal)


def _eras(
    principles: Sequence[Principle],
    days: Sequence[str],
    changes: Sequence[Life],
    drift: int,
    rng: Random,
) -> tuple[Era, ...]:
    """Draw the user's weights; after each turning life event half of them change places.

    Args:
        principles: those of the role, then the personal ones.
        days: of the rounds, as ISO dates.
        changes: the life events.
        drift: how many of them turn the weights.
        rng: the stream of weights.
    """
    weights = [_weight(k, len(principles) - PERSONAL, p, rng) for k, p in enumerate(principles)]
    eras = [Era(1, tuple(weights))]
    for turn in TURNING[drift]:
        start = 1 + sum(day < changes[turn].date for day in days)
        _rotate(weights, rng)
        if eras[-1].start < start <= len(days):
            eras.append(Era(start, tuple(weights)))
    return tuple(eras)


def _rotate(weights: list[float], rng: Random) -> None:
    """Move the weights of a share of the principles, drawn at random, on by one among them."""
    movers = rng.sample(range(len(weights)), round(MOVED * len(weights)))
    values = [weights[i] for i in movers]
    for i, weight in zip(movers, values[1:] + values[:1], strict=True):
        weights[i] = weight


def _weight(k: int, of_role: int, principle: Principle, rng: Random) -> float:
    """Draw a weight about the role's; a personal principle's is 1.5 to 3, one for, one against."""
    if k < of_role:
        return round(principle.prior + rng.gauss(0, OFFSET), 2)
    return round(rng.uniform(1.5, 3) * (-1 if (k - of_role) % 2 else 1), 2)


@dataclass(frozen=True)
class RoundBuilder:
    """Builds the clashes of a year, one after another.

    Each ingredient of a round has a stream of its own, and so has the place of its winner: what
    was dealt before is of no help.

    Attributes:
        level: events in a clash.
        stage: draws the clashes.
        principles: the user's.
        eras: their weights, by round.
        streams: the beginning of the names of the random streams.
    """

    level: int
    stage: ClashStage
    principles: tuple[Principle, ...]
    eras: Sequence[Era]
    streams: str

    def build(
        self, choices: Sequence[Sequence[Slot]], changes: Sequence[Life]
    ) -> tuple[tuple[Round, ...], tuple[Judgement, ...]]:
        """Return the clashes and their truth.

        Args:
            choices: for each clash the slots that it may take, the first choice first.
            changes: life events, told of in the first round after them.
        """
        rounds, judgements, previous = [], [], ""
        scales = {era.start: Scale(self.principles, era.weights) for era in self.eras}
        for k, near in enumerate(choices):
            scale = scales[max(start for start in scales if start <= k + 1)]
            slot, events, judgement = self._clash(k, near, scale)
            news = tuple(life.text for life in changes if previous < life.date <= slot.day)
            series, previous = slot.regular.series, slot.day
            rounds.append(Round(slot.day, series.start, series.minutes, events=events, news=news))
            judgements.append(judgement)
        return tuple(rounds), tuple(judgements)

    def _clash(
        self, k: int, near: Sequence[Slot], scale: Scale
    ) -> tuple[Slot, tuple[Event, ...], Judgement]:
        """Return a clash's slot, its events in the order shown, and its truth."""
        winner = Random(f"{self.streams}/winner-{k}").randrange(self.level)
        rng = Random(f"{self.streams}/clash-{k}")
        slot, drafts = self.stage.clash(near, scale, self.level, winner, rng)
        order = Random(f"{self.streams}/order-{k}").sample(range(self.level), self.level)
        texts = self.stage.events(drafts, slot, k, self.streams)
        events = tuple(texts[i] for i in order)
        return slot, events, judge(events, [drafts[i].core for i in order], scale)


def _with_noise(
    judgements: Sequence[Judgement], noise: float, rng: Random
) -> tuple[Judgement, ...]:
    """Let the user accept, with chance `noise`, one of the other events, each as likely."""
    noisy = []
    for judgement in judgements:
        astray, other = rng.random() < noise, rng.choice(judgement.ranking[1:])
        noisy.append(replace(judgement, decision=other) if astray else judgement)
    return tuple(noisy)
