"""How often the interval of a ratio of tokens at equal accuracy holds what it should.

Contexts of seven questions, each of which needs so many tokens for a right answer; a limit cuts off
what needs more. Which accuracies are compared is read off a board's own curves, so that the truth
is another on every board: each is divided by its own.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from math import isfinite
from typing import Any

import numpy

from graders.curves import LadderRung, equal_accuracies, fitted, reach
from graders.statistics import Estimate
from tests.coverage.comparisons import generator
from tests.coverage.rows import Row, Size, Tally

COUNTS = (5, 10, 20, 40)  # contexts
LIMITS = (16, 32, 64, 128, 256)
QUESTIONS = 7
MANY = 20_000  # contexts, whose curve is the truth
DRAWS = 1000  # of each board's bootstrap: fewer than a curve has, in favour of more boards
Rungs = tuple[LadderRung, ...]


@dataclass(frozen=True)
class LadderShape:
    """Two ways whose needs are drawn.

    What a question needs is another time other than the first, with notes and without.

    Attributes:
        factor: by which notes divide what a context needs.
        differs: how much that is another by context: the deviation of its logarithm.
        spread: of what contexts need: the deviation of its logarithm.
        never: the share of questions that no limit is enough for.
    """

    name: str
    factor: float
    differs: float = 0.0
    spread: float = 0.3
    never: float = 0.0

    def needs(self, rng: numpy.random.Generator, n: int) -> tuple[Any, Any]:
        """What the questions of n contexts need without notes and with them, (n, questions)."""
        logs = 3.5 + self.spread * rng.normal(size=(n, 1)) + 0.6 * rng.normal(size=(n, QUESTIONS))
        logs[rng.random((n, QUESTIONS)) < self.never] = numpy.inf
        plain, aided = (numpy.exp(logs + 0.5 * rng.normal(size=logs.shape)) for _ in range(2))
        return plain, aided / self.factor / numpy.exp(self.differs * rng.normal(size=(n, 1)))


def rungs_of(needs: Any) -> Rungs:
    """The rungs of one way."""
    rungs = []
    for limit in LIMITS:
        right, spent = (needs <= limit).mean(axis=1), numpy.minimum(needs, limit).mean(axis=1)
        rungs.append(LadderRung(tuple(right.tolist()), tuple(spent.tolist())))
    return tuple(rungs)


def curve_of(needs: Any) -> list[tuple[float, float]]:
    """The fitted curve of one way."""
    means = [(numpy.minimum(needs, limit).mean(), (needs <= limit).mean()) for limit in LIMITS]
    return fitted([(float(tokens), float(accuracy)) for tokens, accuracy in means])


SHAPES = (
    LadderShape("notes divide by 2", 2.0),
    LadderShape("notes are worth nothing", 1.0),
    LadderShape("help differs by context", 2.0, differs=0.6),
    LadderShape("contexts differ", 2.0, spread=1.2),
    LadderShape("6 in 10 are never right", 2.0, never=0.6),
)


def ladders(size: Size) -> Iterator[Row]:
    """The ratio at half the way between the least and the most that both ways reach."""
    for shape in SHAPES:
        truth = tuple(map(curve_of, shape.needs(generator(f"ladder/{shape.name}"), MANY)))
        for n in COUNTS:
            rng, tally = generator(f"ladder/{shape.name}/{n}"), Tally(1.0)
            board = partial(_ratio, shape, truth, n, rng)
            for number in range(max(100, size.boards // 2)):
                estimate = board(f"{shape.name}/{n}/{number}")
                if estimate is not None:
                    tally.add(estimate)
            yield tally.row("ladders", "tokens at equal accuracy", shape.name, n)


def _ratio(
    shape: LadderShape,
    truth: Sequence[Sequence[tuple[float, float]]],
    n: int,
    rng: numpy.random.Generator,
    stream: str,
) -> Estimate | None:
    """The middle ratio of one board over the true one; None where there is none."""
    plain, aided = map(rungs_of, shape.needs(rng, n))
    equal = equal_accuracies(plain, aided, stream, draws=DRAWS)
    if not equal:
        return None
    middle = equal[len(equal) // 2]
    needed = [reach(curve, middle.accuracy) for curve in truth]
    if not all(map(isfinite, needed)):
        return None
    true = needed[0] / needed[1]
    value, low, high = (
        None if end is None else end / true
        for end in (middle.ratio.value, middle.ratio.low, middle.ratio.high)
    )
    return Estimate(value, low, high, note=middle.ratio.note)


PARTS = {"ladders": ladders}
