"""Keeps surface shortcuts at chance for every single user, by bookkeeping.

What the user accepts is decided by principles; who asks, where it is and which event is the regular
meeting can go along with that for one user or role. So it is decided beforehand in which rounds the
regular meeting wins and where the true event stands, and a round is taken only if it pays back what
one of the other shortcuts has won or lost too much so far.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

DEBT = 0.75  # hits more or fewer than chance from which the next round has to pay


@dataclass(frozen=True)
class Wish:
    """What a round is to be like.

    Attributes:
        anchor: whether the regular meeting wins.
        place: where the true event stands among those shown.
        pays: the shortcut, by index, that has to hit (or else to miss) this time; None if none.
        hits: which of the two.
    """

    anchor: bool
    place: int
    pays: int | None
    hits: bool

    def paid(self, values: Sequence[Sequence[float]], best: int) -> bool:
        """Whether a round pays, by the values of each shortcut and which event wins."""
        if self.pays is None:
            return True
        share, chance = hit(values[self.pays], best), 1 / len(values[self.pays])
        return share > chance if self.hits else share < chance


class Ledger:
    """What each of `shortcuts` shortcuts is short of chance in the rounds so far."""

    def __init__(self, size: int, rounds: int, shortcuts: int, rng: Random) -> None:
        self._size = size
        self._places, self._winners = (_deck(size, rounds, rng) for _ in range(2))
        self._anchor, self._short = 0, [0.0] * shortcuts

    def wish(self, k: int) -> Wish:
        """What round `k` (from 0) is to be like; what could not be had before is made up for."""
        anchor = self._anchor > 0 if self._anchor else self._winners[k] == 0
        most = max(range(len(self._short)), key=lambda i: abs(self._short[i]))
        pays = most if abs(self._short[most]) >= DEBT else None
        return Wish(anchor, self._places[k], pays, self._short[most] > 0)

    def note(self, k: int, values: Sequence[Sequence[float]], best: int) -> None:
        """Enter how round `k` came out, the regular meeting first of the events."""
        self._anchor += (self._winners[k] == 0) - (best == 0)
        for i, row in enumerate(values):
            self._short[i] += 1 / self._size - hit(row, best)


def _deck(size: int, rounds: int, rng: Random) -> list[int]:
    """The numbers from 0 to `size` - 1, each as often as the others, shuffled."""
    first = rng.randrange(size)
    deck = [(first + k) % size for k in range(rounds)]
    rng.shuffle(deck)
    return deck


def hit(values: Sequence[float], best: int) -> float:
    """The chance that picking the largest value, drawing among ties, picks `best`."""
    largest = [k for k, value in enumerate(values) if value == max(values)]
    return (best in largest) / len(largest)
