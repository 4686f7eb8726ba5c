"""A line of the coverage page: how often an interval held the truth, over simulated boards."""

from collections.abc import Iterable
from math import sqrt
from statistics import fmean
from typing import Literal, NamedTuple

from graders.statistics import Estimate
from tasks.base import Noun

NOMINAL = 0.95
LOWEST, HIGHEST = 0.92, 0.98  # of what is said to hold
SLACK = 1e-9  # of a truth that is an end of its interval


class Row(Noun, frozen=True):
    """How often something came true on simulated boards, and how often it should.

    Of an interval, `real` is the share of boards whose interval holds the truth; boards without
    one do not count. Of a test it is the share of boards with p < .05: where there is nothing to
    find (`goal` is `error`) no more than `nominal`, where there is (`power`) no less. A `figure`
    is promised nothing. `half_width` is the mean over boards whose interval has both ends.
    """

    part: str
    what: str
    scenario: str
    n: int
    nominal: float | None
    real: float
    boards: int
    half_width: float | None
    goal: Literal["interval", "error", "power", "figure"] = "interval"

    @property
    def verdict(self) -> str:
        """`yes` if an interval holds 92 to 98 times in 100, or a test does what it should.

        Tests may miss by .01 (errors) or .06 (power), and two standard errors of the simulation.
        """
        if self.goal == "interval":
            return _word(LOWEST <= self.real <= HIGHEST)
        if self.goal == "figure" or self.nominal is None:
            return ""
        if self.goal == "error":
            return _word(self.real <= self.nominal + 0.01 + 2 * self.error)
        return _word(self.real >= self.nominal - 0.06 - 2 * self.error)

    @property
    def error(self) -> float:
        """The standard error of `real`, by simulation."""
        share = (self.real * self.boards + 2) / (self.boards + 4)
        return sqrt(share * (1 - share) / (self.boards + 4))


def _word(holds: bool) -> str:
    return "yes" if holds else "no"


class Tally:
    """Counts intervals and how many of them hold a truth."""

    def __init__(self, truth: float) -> None:
        self.truth = truth
        self.boards = self.held = 0
        self.varies = False  # whether any board has another value than the truth
        self.widths: list[float] = []

    def add(self, estimate: Estimate) -> None:
        """Count an interval; an open end, which a note explains, is without bound."""
        low, high = estimate.low, estimate.high
        if low is None and high is None and not estimate.note.endswith("the ramp"):
            return
        self.boards += 1
        self.varies |= estimate.value is None or abs(estimate.value - self.truth) > SLACK
        above = low is None or low <= self.truth + SLACK * max(1.0, abs(self.truth))
        below = high is None or high >= self.truth - SLACK * max(1.0, abs(self.truth))
        self.held += above and below
        if low is not None and high is not None:
            self.widths.append((high - low) / 2)

    def row(self, part: str, what: str, scenario: str, n: int) -> Row:
        """The line of what was counted."""
        return Row(
            part=part,
            what=what,
            scenario=scenario,
            n=n,
            nominal=NOMINAL,
            real=round(self.held / self.boards, 4),
            boards=self.boards,
            half_width=float(f"{fmean(self.widths):.4g}") if self.widths else None,
        )


class Size(NamedTuple):
    """How much is simulated: boards of a scenario, and seeds of a pool."""

    boards: int
    seeds: int


def tallied(truth: float, estimates: Iterable[Estimate]) -> Tally:
    """The tally of estimates of one truth."""
    tally = Tally(truth)
    for estimate in estimates:
        tally.add(estimate)
    return tally
