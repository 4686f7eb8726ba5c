"""The choice of one of several models: the one that gained most for its cost, or is least known.

An upper confidence bound (UCB1: Auer, Cesa-Bianchi & Fischer 2002) on gain for cost, where gain is
the share of the parent's gap that a program closed.
"""

from collections.abc import Sequence
from math import inf, log, sqrt

from harness.costs import sum_or_none

CURIOSITY = 1.0  # weight of not knowing against the best rate so far


class Bandit:
    """Counts of each model's calls, gains and costs; ties go to the first."""

    def __init__(self, models: Sequence[str]) -> None:
        self._calls = dict.fromkeys(models, 0)  # calls under way included
        self._gains: dict[str, list[float]] = {name: [] for name in models}
        self._tokens: dict[str, list[int | None]] = {name: [] for name in models}
        self._costs: dict[str, list[float | None]] = {name: [] for name in models}

    def choose(self) -> str:
        """Return the model to ask next, and count the call."""
        rates = self._rates()
        best, calls = max(rates.values()), sum(self._calls.values())

        def promise(name: str) -> float:
            if not self._calls[name]:
                return inf
            relative = rates[name] / best if best > 0 else 0.0
            return relative + CURIOSITY * sqrt(log(calls) / self._calls[name])

        name = max(self._calls, key=promise)
        self._calls[name] += 1
        return name

    def learn(self, name: str, gain: float, tokens: int | None, cost: float | None) -> None:
        """Take in the outcome of one call.

        Args:
            name: of the model.
            gain: share of the parent's gap that was closed, at least 0.
            tokens: in and out; None if unknown.
            cost: in US dollars; None if unknown.
        """
        self._gains[name].append(gain)
        self._tokens[name].append(tokens)
        self._costs[name].append(cost)

    def _rates(self) -> dict[str, float]:
        """Return gain per dollar if all costs are known, else per token, else per call."""
        for usage in (self._costs, self._tokens):
            sums = {name: sum_or_none(values) for name, values in usage.items()}
            if all(sums[n] for n in sums if self._gains[n]):
                break
        else:
            sums = {name: len(values) for name, values in self._gains.items()}
        return {n: sum(g) / sums[n] if g else 0.0 for n, g in self._gains.items()}
