"""What is hidden of a year of clashes: whose meetings matter, how much, and what follows.

No template and no model sees any of it; graders, policies and feedback do.
"""

from itertools import pairwise

from tasks.base import Noun


class Principle(Noun, frozen=True):
    """A rule of the user's: it speaks for an event whose attributes are all as in `when`.

    `prior` is its mean weight among people of the user's role; negative if it speaks against.
    """

    text: str
    when: dict[str, str]
    prior: float

    def __post_init__(self) -> None:
        if not self.when:
            raise ValueError(f"principle {self.text!r}: has no trigger")


class Era(Noun, frozen=True):
    """The user's own weights of the principles from round `start` (the first is 1) on."""

    start: int
    weights: tuple[float, ...]


class Judgement(Noun, frozen=True):
    """The truth of a round.

    Attributes:
        triggered: for each event in the order shown, the principles that it triggers, by index.
        ranking: event ids by the weighted sum of their principles, the largest first.
        decision: what the user accepted: the first of the ranking, or by `noise` another.
        deciding: principles that lift the first over the second, the one that lifts most first.
    """

    triggered: tuple[tuple[int, ...], ...]
    ranking: tuple[str, ...]
    decision: str
    deciding: tuple[int, ...]


class Truth(Noun, frozen=True):
    """What no prompt may show: principles, their weights, and what follows from them.

    Attributes:
        principles: judgements name them by index.
        eras: weights by round, the first from round 1 on.
        judgements: one a round.
        noise: chance in [0, 1) that the user accepts another event than the best.
    """

    principles: tuple[Principle, ...]
    eras: tuple[Era, ...]
    judgements: tuple[Judgement, ...]
    noise: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.noise < 1:
            raise ValueError(f"noise {self.noise} is not in [0, 1)")
        self._check_eras()
        for k, judgement in enumerate(self.judgements, 1):
            indices = {i for triggered in judgement.triggered for i in triggered}
            unknown = (indices | set(judgement.deciding)) - set(range(len(self.principles)))
            if unknown:
                raise ValueError(f"round {k}: there is no principle {min(unknown)}")
            if not judgement.deciding:
                raise ValueError(f"round {k}: no principle decides it")

    def _check_eras(self) -> None:
        starts = [era.start for era in self.eras]
        if starts[:1] != [1] or any(a >= b for a, b in pairwise(starts)):
            raise ValueError(f"eras: they start in rounds {starts}, not in 1 and then later")
        for k, era in enumerate(self.eras):
            if len(era.weights) != len(self.principles):
                raise ValueError(
                    f"era {k}: {len(era.weights)} weights of {len(self.principles)} principles"
                )

    def weights(self, number: int) -> tuple[float, ...]:
        """Return the weights in force in round `number` (the first is 1)."""
        return next(e.weights for e in reversed(self.eras) if e.start <= number)

    def values(self, number: int) -> list[float]:
        """Return the weighted sum of each event of round `number`, in the order shown."""
        weights = self.weights(number)
        return [
            round(sum(weights[i] for i in triggered), 2)
            for triggered in self.judgements[number - 1].triggered
        ]
