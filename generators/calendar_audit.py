"""Shortcuts in clashes: does anything on the surface tell which event the user accepts?

Each shortcut picks an event without knowing the user; ties count by the share of the tied events
that are true. Shortcuts that each pass can add up, so a conditional logit on all surface features
together is fitted to users of some roles and tested on users of the others. An agent also has a
past: `counting` is the policy that waits for what has won less than its share, and `past wins` a
logit on how far each mark of the surface is behind, which finds what wins in turn, or in runs.
Where rumours are told they are looked at too: what most of them name is right as often as chance.
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
from tasks.extras import extra

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
        """Return the share that a random pick has right."""
        return 1 / self.level

    @property
    def error(self) -> float:
        """Return the standard error of a share that is chance, rounds taken as independent."""
        return float((self.chance * (1 - self.chance) / self.rounds) ** 0.5)

    @property
    def sure(self) -> float:
        """Return half the width of the 95 % interval."""
        return 1.96 * self.error

    @property
    def limit(self) -> float:
        """Return how far from chance it may be: the tolerance, or what so few rounds do by luck."""
        return max(self.tolerance, ERRORS * self.error)

    @property
    def passes(self) -> bool:
        """Return whether the shortcut is of no use."""
        return abs(self.accuracy - self.chance) <= self.limit


def _levels(event: Event, people: dict[str, Person]) -> list[int]:
    """Return the levels of the attendees; people from outside have level 0."""
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
    """Return how often each shortcut is right on the instances of each level.

    Beside the single shortcuts there are all of the surface together, and the past.

    Raises:
        InputError: there are no instances, or all of a level are of users of one role: fit and
            test need two.
        MissingExtra: numpy is not installed.
    """
    if not instances:
        raise InputError("nothing to audit: there are no instances")
    findings: list[Finding] = []
    for level in sorted({instance.level for instance in instances}):
        years = [instance.payload for instance in instances if instance.level == level]
        findings += _audit_level(level, years)
    return findings


def _audit_level(level: int, years: Sequence[Year]) -> Iterator[Finding]:
    rounds = sum(len(year.rounds) for year in years)
    for name, accuracy in _accuracies(level, years).items():
        yield Finding(name, level, rounds, accuracy=accuracy, tolerance=SINGLE)
    for name, features in (("together", _surfaces), ("past wins", past_wins)):
        accuracy = _logit_accuracy(years, features)
        yield Finding(name, level, rounds, accuracy=accuracy, tolerance=TOGETHER)
    if rumours := [share for year in years for share in rumoured(year)]:
        yield Finding("rumours", level, len(rumours), accuracy=mean(rumours), tolerance=SINGLE)


def _accuracies(level: int, years: Sequence[Year]) -> dict[str, float]:
    """Return the share of rounds in which each single shortcut is right."""
    rounds = [row for year in years for row in _rounds(year)]
    shares = {"first": mean(clash.ids[0] == judgement.decision for clash, judgement, _ in rounds)}
    for name, measure in SHORTCUTS.items():
        shares[name] = mean(_hit(measure, *row) for row in rounds)
    shares["longest"] = 1 / level  # events of a round have one slot: all are as long
    wrong = [chance for year in years for chance in wrong_rounds(year, count_scores(year))]
    shares["counting"] = 1 - mean(wrong)
    return shares


def _rounds(year: Year) -> Iterator[tuple[Round, Judgement, dict[str, Person]]]:
    people = year.organisation.by_id()
    for clash, judgement in zip(year.rounds, year.truth.judgements, strict=True):
        yield clash, judgement, people


def _hit(measure: Measure, clash: Round, judgement: Judgement, people: dict[str, Person]) -> float:
    """Return the chance that a shortcut, drawing among ties, picks what the user accepted."""
    values = [measure(event, people) for event in clash.events]
    return hit(values, clash.ids.index(judgement.decision))


def rumoured(year: Year) -> Iterator[float]:
    """Yield for each round with rumours the chance that what most of them name is right."""
    for artefacts, clash, judgement in zip(
        year.evidence, year.rounds, year.truth.judgements, strict=False
    ):
        guesses = [each.event for each in artefacts if each.fact == "rumour"]
        if guesses:
            counts = [float(guesses.count(event)) for event in clash.ids]
            yield hit(counts, clash.ids.index(judgement.decision))


# All together --------------------------------------------------------------------------------


def surface(clash: Round, people: dict[str, Person]) -> list[list[float]]:
    """Return all that shows of each event without knowing the user or what its words mean.

    Args:
        clash: a round of M events.
        people: by id.

    Returns:
        A row of numbers for each event, as many in every row.
    """
    size = len(clash.events)
    return [
        [*_one_hot(k, size), *_event_surface(event, people)] for k, event in enumerate(clash.events)
    ]


def _one_hot(position: int, size: int) -> list[float]:
    return [float(k == position) for k in range(size)]


def _event_surface(event: Event, people: dict[str, Person]) -> list[float]:
    """Return the numbers of an event that do not depend on its place."""
    levels = _levels(event, people)
    return [
        int(event.id[1:]) / 100 if event.id[1:].isdigit() else 0.0,
        *(float(measure(event, people)) for measure in SHORTCUTS.values()),
        len(event.title),
        len(event.description),
        event.description.count(". "),
        mean(levels),
        levels.count(0),
        levels.count(1),
        float(bool(people[event.organiser].firm)),
        float("video" in event.location),
        float(event.location.startswith("at ")),
        *(float(event.type == kind) for kind in _TYPES),
        event.title.count(":"),
        float("?" in event.description),
    ]


_TYPES = ("meeting", "workshop", "review", "briefing")


def _surfaces(year: Year) -> list[list[list[float]]]:
    """Return the surface of each event of each round."""
    return [surface(clash, people) for clash, _, people in _rounds(year)]


def past_wins(year: Year) -> list[list[list[float]]]:
    """Return how far the marks of each event of each round are behind in wins.

    Returns:
        For each round and event, `MEASURES` numbers for the event's place, then as many for each
        other mark (see `graders.calendar_count.marks`): since the year began, over the last
        rounds, for each round that is left, and whether it is to pay.
    """
    size = len(year.rounds[0].events)
    count, features = Count(size, len(year.rounds)), []
    for clash, judgement, people in _rounds(year):
        rows = marks(clash, people)
        arrears = _arrears(count, len(rows)) if count.past else [(0.0,) * MEASURES] * len(rows)
        features.append([_gains(size, [row[k] for row in rows], arrears) for k in range(size)])
        count.note(rows, clash.ids.index(judgement.decision))
    return features


MEASURES = 4


def _arrears(count: Count, size: int) -> list[tuple[float, ...]]:
    """Return how far each of `size` marks is behind, by each measure."""
    return [
        (count.bounded(mark), count.lately(mark), count.left(mark), count.pays(mark))
        for mark in range(size)
    ]


def _gains(size: int, chances: Sequence[float], arrears: Sequence[Sequence[float]]) -> list[float]:
    """Return an event's part in the arrears of its marks, its place as one mark like any other.

    Args:
        size: events in a round, each with a mark for its place; the other marks follow.
        chances: how likely each mark picks the event.
        arrears: of each mark, by each measure.
    """
    groups = [range(size), *([mark] for mark in range(size, len(chances)))]
    return [
        sum(chances[mark] * arrears[mark][m] for mark in group)
        for group in groups
        for m in range(MEASURES)
    ]


def _logit_accuracy(
    years: Sequence[Year], features_of: Callable[[Year], list[list[list[float]]]]
) -> float:
    """Return the share right of a logit, tested on users of roles it was not fitted to.

    Args:
        years: all of one level.
        features_of: numbers by round, event and feature.
    """
    with extra("stats", "the audit of clashes"):
        import numpy

    fold = numpy.repeat(_folds(years), [len(year.rounds) for year in years])
    features = numpy.array([row for year in years for row in features_of(year)])
    features -= features.mean(axis=1, keepdims=True)
    features /= features.std(axis=(0, 1)) + 1e-9
    truth = numpy.array(
        [
            clash.ids.index(judgement.decision)
            for year in years
            for clash, judgement, _ in _rounds(year)
        ]
    )
    hits = 0
    for k in sorted(set(fold.tolist())):
        test = fold == k
        weights = _fit(features[~test], truth[~test])
        hits += int((numpy.argmax(features[test] @ weights, axis=1) == truth[test]).sum())
    return hits / len(truth)


def _folds(years: Sequence[Year]) -> list[int]:
    """Return the fold of each year: users of one role are in one fold."""
    roles = _roles(years)
    kinds = sorted(set(roles))
    if len(kinds) < 2:
        raise InputError("all instances are of users of one role: the audit needs two")
    Random("calendar/audit").shuffle(kinds)
    fold = {role: k % FOLDS for k, role in enumerate(kinds)}
    return [fold[role] for role in roles]


def _roles(years: Sequence[Year]) -> list[str]:
    users = [next(p for p in y.organisation.people if p.id == y.user) for y in years]
    return [f"{y.organisation.name}/{u.title}" for y, u in zip(years, users, strict=True)]


def _fit(features: "NDArray[Any]", truth: "NDArray[Any]") -> "NDArray[Any]":
    """Fit a conditional logit with a ridge, by Newton's method.

    Args:
        features: (n, M, d): d numbers for each of M events of n rounds.
        truth: (n,): the position of the true event.

    Returns:
        The weights of the features, (d,).
    """
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
