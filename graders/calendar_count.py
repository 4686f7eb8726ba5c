"""Counts what has won: a policy that knows nothing of the user, only which surface won before.

If a generator dealt wins evenly, what has won less than its share would be due. Where each winner
is drawn by itself nothing is ever due, and counting is right as often as chance: which is what this
policy is there to show.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import log

from graders.calendar_learners import Scores
from tasks.calendar import Person, Round, Year

LEAST = 0.05  # chance at the least that a mark wins, or does not, whatever the count
LATELY = 10  # rounds
DEBT = 0.75 - 1e-9  # wins more or fewer than its share from which a mark has to pay
Row = tuple[float, ...]


def hit(values: Sequence[float], best: int) -> float:
    """Return the chance that picking the largest value, drawing among ties, picks `best`."""
    largest = [k for k, value in enumerate(values) if value == max(values)]
    return (best in largest) / len(largest)


def marks(one: Round, people: dict[str, Person]) -> list[Row]:
    """Return for each mark on the surface how likely it picks each event; a row sums to 1.

    The marks: each place in the order shown, the regular meeting, the most senior host, a host from
    outside, a meeting elsewhere, a video call. A mark that no event bears picks any.
    """
    events = one.events
    hosts = [people[event.organiser] for event in events]
    seen: list[list[float]] = [
        *([float(k == place) for k in range(len(events))] for place in range(len(events))),
        [bool(event.series) for event in events],
        [host.level for host in hosts],
        [bool(host.firm) for host in hosts],
        [event.location.startswith("at ") for event in events],
        ["video" in event.location for event in events],
    ]
    return [tuple(hit(values, k) for k in range(len(values))) for values in seen]


@dataclass
class Count:
    """How far each mark is behind its share of the wins, in the rounds so far.

    Attributes:
        size: events in a round.
        rounds: rounds in the year.
        past: for each round so far and each mark, chance less the hit.
    """

    size: int
    rounds: int
    past: list[Row] = field(default_factory=list)
    behind: list[float] = field(default_factory=list)

    def note(self, rows: Sequence[Row], winner: int) -> None:
        """Enter a round by its marks and which event won."""
        missed = tuple(1 / self.size - row[winner] for row in rows)
        before = self.behind or [0.0] * len(rows)
        self.behind = [a + b for a, b in zip(before, missed, strict=True)]
        self.past.append(missed)

    def bounded(self, mark: int) -> float:
        """How far a mark is behind, one win at the most either way."""
        return min(1.0, max(-1.0, self.behind[mark]))

    def lately(self, mark: int) -> float:
        """How far a mark is behind over the last rounds alone."""
        return sum(row[mark] for row in self.past[-LATELY:])

    def left(self, mark: int) -> float:
        """How far a mark is behind for each round that is left: a deck dealt out pays it all."""
        return self.behind[mark] / (self.rounds - len(self.past))

    def pays(self, mark: int) -> int:
        """Whether a mark is to win (1) or to lose (-1) at once, were shares held by bookkeeping.

        It is the one mark, beside places and the regular meeting, that is furthest from its share,
        once that is far enough; 0 of all the others.
        """
        payer = max(range(self.size + 1, len(self.behind)), key=lambda k: abs(self.behind[k]))
        if mark != payer or abs(self.behind[mark]) < DEBT:
            return 0
        return 1 if self.behind[mark] > 0 else -1

    def due(self) -> list[float]:
        """How likely each mark is to win now, were its share held by bookkeeping.

        Places and the regular meeting as if dealt from a deck, to be even at the end of the year.
        """
        chance, dealt = 1 / self.size, self.size + 1
        due = [chance + self.left(mark) for mark in range(dealt)]
        due += [chance + self.pays(mark) for mark in range(dealt, len(self.behind))]
        return [min(1 - LEAST, max(LEAST, share)) for share in due]


def count_scores(year: Year) -> list[Scores]:
    """Return the events' scores by what is due, round by round, from the rounds before alone.

    Each mark says how likely each event is; the logarithms are added, as if marks were independent.
    """
    people = {person.id: person for person in year.organisation.people}
    size = len(year.rounds[0].events)
    count, scores = Count(size, len(year.rounds)), []
    for one, judgement in zip(year.rounds, year.truth.judgements, strict=True):
        rows = marks(one, people)
        scores.append(_score(count, rows) if count.past else (0.0,) * size)
        count.note(rows, one.ids.index(judgement.decision))
    return scores


def _score(count: Count, rows: Sequence[Row]) -> Scores:
    others = count.size - 1
    return tuple(
        round(
            sum(
                log(owed * row[k] + (1 - owed) * (1 - row[k]) / others)
                for owed, row in zip(count.due(), rows, strict=True)
            ),
            6,
        )
        for k in range(count.size)
    )
