"""Shortcuts in clashes: does anything on the surface tell which event the user accepts?

Each shortcut picks an event without knowing the user; ties count by the share of the tied events
that are true. Shortcuts that each pass can add up, so a conditional logit on all surface features
together is fitted to users of some roles and tested on users of the others. An agent also has a
past: `counting` is the policy that waits for what has won less than its share, and `past wins` a
logit on how far each mark of the surface is behind, which finds what wins in turn, or in runs.
"""

from collections.abc import Callable, Iterator, Sequence
from random import Random
from statistics import mean
from typing import TYPE_CHECKING, Any

from graders.calendar_count import Count, count_scores, hit, marks
from graders.calendar_learners import wrong_rounds
from tasks.base import InputError, Instance, Noun
from tasks.calendar import Event, Person, Round, Year
from tasks.calendar_truth import Judgement

if TYPE_CHECKING:
    from numpy.typing import NDArray

SINGLE, TOGETHER = 0.03, 0.05  # how far from chance a shortcut, and all together, may be
ERRORS = 3.7  # standard errors that are allowed for: of 50 true shares, one in 100 times one is off
FOLDS = 4
Measure = Callable[[Event, dict[str, Person]], float]


class Finding(Noun, frozen=True):
    """How often a shortcut is right, over `rounds` rounds of `level` events.

    `tolerance` is how far from chance it may be where rounds are many.
    """

    shortcut: str
    level: int
    rounds: int
    accuracy: float
    tolerance: float

    @property
    def chance(self) -> float:
        """What a random pick has."""
        return 1 / self.level

    @property
    def error(self) -> float:
        """The standard error of a share that is chance, rounds taken as independent."""
        return float((self.chance * (1 - self.chance) / self.rounds) ** 0.5)

    @property
    def sure(self) -> float:
        """Half the width of the 95 % interval."""
        return 1.96 * self.error

    @property
    def limit(self) -> float:
        """How far from chance it may be: the tolerance, or what so few rounds may do by luck."""
        return max(self.tolerance, ERRORS * self.error)

    @property
    def passes(self) -> bool:
        """Whether the shortcut is of no use."""
        return abs(self.accuracy - self.chance) <= self.limit


def _levels(event: Event, people: dict[str, Person]) -> list[int]:
    """The levels of the attendees; people from outside have level 0."""
    return [people[i].level for i in event.attendees]


SHORTCUTS: dict[str, Measure] = {
    "longest text": lambda e, _: len(e.title) + len(e.description),
    "most attendees": lambda e, _: len(e.attendees),
    "most senior": lambda e, people: max(_levels(e, people)),
    "most senior host": lambda e, people: people[e.organiser].level,
    "urgent": lambda e, _: "urgent" in f"{e.title} {e.description}".lower(),
    "anchor": lambda e, _: bool(e.series),
}  # each picks the event where it is largest


def audit(instances: Sequence[Instance[Year]]) -> list[Finding]:
    """Every shortcut on the instances of each level, all of the surface together, and the past.

    InputError if there are no instances, or all of a level are of one role: fit and test need two.
    """
    if not instances:
        raise InputError("nothing to audit: there are no instances")
    found: list[Finding] = []
    for level in sorted({instance.level for instance in instances}):
        years = [instance.payload for instance in instances if instance.level == level]
        rounds = [row for year in years for row in _rounds(year)]
        hits = {"first": mean(one.ids[0] == judged.decision for one, judged, _ in rounds)}
        for name, measure in SHORTCUTS.items():
            hits[name] = mean(_hit(measure, *row) for row in rounds)
        hits["longest"] = 1 / level  # events of a round have one slot: all are as long
        hits["counting"] = 1 - mean(
            w for year in years for w in wrong_rounds(year, count_scores(year))
        )
        found += [Finding(n, level, len(rounds), hit, SINGLE) for n, hit in hits.items()]
        for name, features in (("together", _surfaces), ("past wins", past_wins)):
            share = _learned(years, features)
            found.append(Finding(name, level, len(rounds), share, TOGETHER))
    return found


def _rounds(year: Year) -> Iterator[tuple[Round, Judgement, dict[str, Person]]]:
    people = {person.id: person for person in year.organisation.people}
    for one, judged in zip(year.rounds, year.truth.judgements, strict=True):
        yield one, judged, people


def _hit(measure: Measure, one: Round, judged: Judgement, people: dict[str, Person]) -> float:
    """The chance that the shortcut, drawing among ties, picks what the user accepted."""
    values = [measure(event, people) for event in one.events]
    return hit(values, one.ids.index(judged.decision))


# All together --------------------------------------------------------------------------------


def surface(one: Round, people: dict[str, Person]) -> list[list[float]]:
    """All that shows of each event without knowing the user or what its words mean."""
    rows = []
    for k, event in enumerate(one.events):
        levels = [people[i].level for i in event.attendees]
        rows.append(
            [
                *(float(k == p) for p in range(len(one.events))),
                int(event.id[1:]) / 100 if event.id[1:].isdigit() else 0.0,
                *(float(measure(event, people)) for measure in SHORTCUTS.values()),
                len(event.title),
                len(event.description),
                event.description.count(". "),
                mean(levels),
                sum(level == 0 for level in levels),
                sum(level == 1 for level in levels),
                float(bool(people[event.organiser].firm)),
                float("video" in event.location),
                float(event.location.startswith("at ")),
                *(float(event.type == kind) for kind in _TYPES),
                event.title.count(":"),
                float("?" in event.description),
            ]
        )
    return rows


_TYPES = ("meeting", "workshop", "review", "briefing")


def _surfaces(year: Year) -> list[list[list[float]]]:
    """The surface of each event of each round."""
    return [surface(one, people) for one, _, people in _rounds(year)]


def past_wins(year: Year) -> list[list[list[float]]]:
    """What each event of each round gains by how far its marks are behind in wins.

    For the event's place, then for the other marks (see `graders.calendar_count.marks`): since the
    year began, over the last rounds, for each round that is left, and whether it is to pay.
    """
    size = len(year.rounds[0].events)
    count, found = Count(size, len(year.rounds)), []
    for one, judged, people in _rounds(year):
        rows = marks(one, people)
        behind = _behind(count, len(rows)) if count.past else [(0.0,) * MEASURES] * len(rows)
        found.append([_gains(size, [row[k] for row in rows], behind) for k in range(size)])
        count.note(rows, one.ids.index(judged.decision))
    return found


MEASURES = 4


def _behind(count: Count, size: int) -> list[tuple[float, ...]]:
    """How far each of `size` marks is behind, by each measure."""
    return [
        (count.bounded(mark), count.lately(mark), count.left(mark), count.pays(mark))
        for mark in range(size)
    ]


def _gains(size: int, bears: Sequence[float], behind: Sequence[Sequence[float]]) -> list[float]:
    """An event's part in what its marks are behind, its place as one mark like any other."""
    places, others = range(size), range(size, len(bears))
    return [
        sum(bears[mark] * behind[mark][m] for mark in group)
        for group in (places, *([mark] for mark in others))
        for m in range(MEASURES)
    ]


def _learned(
    years: Sequence[Year], features_of: Callable[[Year], list[list[list[float]]]]
) -> float:
    """The share right of a logit on features, tested on users of roles it was not fitted to."""
    import numpy

    roles = _roles(years)
    if len(set(roles)) < 2:
        raise InputError("all instances are of users of one role: the audit needs two")
    kinds = sorted(set(roles))
    Random("calendar/audit").shuffle(kinds)
    fold = {role: k % FOLDS for k, role in enumerate(kinds)}
    features = numpy.array([row for year in years for row in features_of(year)])
    features -= features.mean(axis=1, keepdims=True)
    features /= features.std(axis=(0, 1)) + 1e-9
    truth = numpy.array(
        [one.ids.index(judged.decision) for year in years for one, judged, _ in _rounds(year)]
    )
    part = numpy.repeat([fold[role] for role in roles], [len(year.rounds) for year in years])
    hits = 0
    for k in sorted(set(fold.values())):
        weights = _fit(features[part != k], truth[part != k])
        hits += int((numpy.argmax(features[part == k] @ weights, axis=1) == truth[part == k]).sum())
    return hits / len(truth)


def _roles(years: Sequence[Year]) -> list[str]:
    users = [next(p for p in y.organisation.people if p.id == y.user) for y in years]
    return [f"{y.organisation.name}/{u.title}" for y, u in zip(years, users, strict=True)]


def _fit(features: "NDArray[Any]", truth: "NDArray[Any]") -> "NDArray[Any]":
    """Weights of a conditional logit with a ridge, by Newton's method; features are (n, M, d)."""
    import numpy

    n, _, size = features.shape
    weights = numpy.zeros(size)
    for _ in range(8):
        scores = features @ weights
        powers = numpy.exp(scores - scores.max(axis=1, keepdims=True))
        shares = powers / powers.sum(axis=1, keepdims=True)
        weighted = shares[:, :, None] * features
        means = weighted.sum(axis=1)
        gradient = (features[numpy.arange(n), truth] - means).sum(axis=0) - weights
        hessian = weighted.reshape(-1, size).T @ features.reshape(-1, size)
        hessian += numpy.eye(size) - means.T @ means
        weights = weights + numpy.linalg.solve(hessian, gradient)
    return weights
