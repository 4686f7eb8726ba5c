"""Counts what has won: a policy that knows nothing of the user, only which surface won before.

If a generator dealt wins evenly, a surface that has won less than its share would be due. Where
each winner is drawn by itself nothing is ever due, and counting is right as often as chance: this
policy is there to show that.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import log

from graders.calendar_learners import Scores
from tasks.calendar import Event, Person, Round, Year

LEAST = 0.05  # chance at the least that a mark wins, or does not, whatever the count
LATELY = 10  # rounds
DEBT = 0.75 - 1e-9  # wins more or fewer than its share from which a mark has to pay
Row = tuple[float, ...]


def hit(values: Sequence[float], best: int) -> float:
    """Return the chance that picking the largest value, drawing among ties, picks `best`.

    Args:
        values: a number for each event.
        best: the index of an event.
    """
    largest = [k for k, value in enumerate(values) if value == max(values)]
    return (best in largest) / len(largest)


def marks(round_: Round, people: dict[str, Person]) -> list[Row]:
    """Return for each mark on the surface how likely it picks each event; a row sums to 1.

    The marks: each place in the order shown, the regular meeting, the most senior host, a host from
    outside, a meeting elsewhere, a video call. A mark that no event bears picks any.

    Args:
        round_: the round.
        people: the organisation's people by id.
    """
    values = (*_places(len(round_.events)), *_surfaces(round_.events, people))
    return [_chances(row) for row in values]


def _places(size: int) -> list[list[float]]:
    return [[float(k == place) for k in range(size)] for place in range(size)]


def _surfaces(events: Sequence[Event], people: dict[str, Person]) -> list[list[float]]:
    """Return the marks beside places, each as a value of every event."""
    hosts = [people[event.organiser] for event in events]
    return [
        [bool(event.series) for event in events],
        [host.level for host in hosts],
        [bool(host.firm) for host in hosts],
        [event.location.startswith("at ") for event in events],
        ["video" in event.location for event in events],
    ]


def _chances(values: Sequence[float]) -> Row:
    return tuple(hit(values, k) for k in range(len(values)))


@dataclass
class Count:
    """A count of how far each mark is behind its share of the wins, in the rounds so far.

    Attributes:
        size: events in a round.
        rounds: rounds in the year.
        past: for each round so far and each mark, chance less the hit.
        behind: for each mark the sum of these.
    """

    size: int
    rounds: int
    past: list[Row] = field(default_factory=list)
    behind: list[float] = field(default_factory=list)

    def note(self, rows: Sequence[Row], winner: int) -> None:
        """Enter a round.

        Args:
            rows: its marks, as `marks` gives them.
            winner: the index of the event that won.
        """
        missed = tuple(1 / self.size - row[winner] for row in rows)
        before = self.behind or [0.0] * len(rows)
        self.behind = [a + b for a, b in zip(before, missed, strict=True)]
        self.past.append(missed)

    def bounded(self, mark: int) -> float:
        """Return how far a mark is behind, one win at the most either way."""
        return min(1.0, max(-1.0, self.behind[mark]))

    def lately(self, mark: int) -> float:
        """Return how far a mark is behind over the last rounds alone."""
        return sum(row[mark] for row in self.past[-LATELY:])

    def left(self, mark: int) -> float:
        """Return how far a mark is behind for each round to come: a deck dealt out pays it all."""
        return self.behind[mark] / (self.rounds - len(self.past))

    def pays(self, mark: int) -> int:
        """Return 1 if bookkeeping of shares lets a mark win at once, -1 if lose, 0 if neither.

        It moves one mark only: the one, beside places and the regular meeting, that is furthest
        from its share, once that is far enough.
        """
        if mark != self._payer() or abs(self.behind[mark]) < DEBT:
            return 0
        return 1 if self.behind[mark] > 0 else -1

    def _payer(self) -> int:
        """Return the mark furthest from its share, of those after the regular meeting."""
        return max(range(self.size + 1, len(self.behind)), key=lambda k: abs(self.behind[k]))

    def due(self) -> list[float]:
        """Return how likely each mark is to win now if its share is held by bookkeeping.

        Places and the regular meeting win as if dealt from a deck, to be even at the end of the
        year.
        """
        chance, dealt = 1 / self.size, self.size + 1
        decks = [chance + self.left(mark) for mark in range(dealt)]
        others = [chance + self.pays(mark) for mark in range(dealt, len(self.behind))]
        return [min(1 - LEAST, max(LEAST, share)) for share in (*decks, *others)]


def count_scores(year: Year) -> list[Scores]:
    """Return the events' scores by what is due, round by round, from the rounds before alone.

    Each mark says how likely each event is; the logarithms are added, as if marks were independent.
    """
    people = {person.id: person for person in year.organisation.people}
    count, scores = Count(len(year.rounds[0].events), len(year.rounds)), []
    for round_, judgement in zip(year.rounds, year.truth.judgements, strict=True):
        rows = marks(round_, people)
        scores.append(_scores(count, rows))
        count.note(rows, round_.ids.index(judgement.decision))
    return scores


def _scores(count: Count, rows: Sequence[Row]) -> Scores:
    if not count.past:
        return (0.0,) * count.size
    shares, others = count.due(), count.size - 1
    return tuple(
        round(sum(_log_chance(*pair, others) for pair in zip(shares, column, strict=True)), 6)
        for column in zip(*rows, strict=True)
    )


def _log_chance(share: float, pick: float, others: int) -> float:
    """Return the logarithm of an event's chance by a mark that wins and picks it so likely."""
    return log(share * pick + (1 - share) * (1 - pick) / others)
