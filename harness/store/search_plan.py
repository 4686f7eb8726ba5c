"""The settings of a search: all that shapes its outcome beside the models' replies."""

from typing import Literal

from harness.costs import Price
from tasks.base import Noun

MUTATION = "policy/mutate"
NULLS = ("policy/random-constants", MUTATION)
MUTATE = 2  # version of how policy/mutate draws; a search goes on with the one that it began with


class SearchPlan(Noun, frozen=True):
    """The plan of a search: what it may spend, and how it goes on.

    Attributes:
        domain, lock: what is looked for, and the digest of what the domain says.
        calls: the most calls of models; each is one try at a program, and one evaluation.
        seed: of all that is random in the search itself.
        islands: populations that meet by migration only.
        lag: call i is made knowing the results of calls 0 to i - lag - 1, never more: so many may
            be under way, and timing changes nothing.
        axis: the second axis of the map of elites, beside the gap.
        edit: whether a model gives whole programs, or may change one by search/replace blocks.
        migrate, reset: results between two migrations, and between two resets of the worst half.
        few: training instances that a program must do decently on before it is run on the rest.
        limit: the first so many instances of each split; None is all of them.
        prices: of models, where their providers tell no cost.
        tokens, cost, wall: the most tokens, US dollars, seconds of the clock; calls under way at
            the limit are finished.
        seconds, memory_mb: limits of one run of a program.
        numpy: whether programs may import it.
        nulls: searches without a model that make the same number of tries.
        mutate: version of how `policy/mutate` draws. Version 1, of searches that do not say, drew
            once for a try.
    """

    domain: str
    lock: str
    calls: int
    seed: int = 0
    islands: int = 4
    lag: int = 8
    axis: Literal["length", "runtime"] = "length"
    edit: Literal["rewrite", "diff"] = "rewrite"
    migrate: int = 40
    reset: int = 160
    few: int = 4
    limit: int | None = None
    prices: dict[str, Price] = {}
    tokens: int | None = None
    cost: float | None = None
    wall: float | None = None
    seconds: float = 10.0
    memory_mb: int = 512
    numpy: bool = False
    nulls: tuple[str, ...] = NULLS
    mutate: int = 1

    @property
    def packages(self) -> tuple[str, ...]:
        """Return the packages that programs may import, as the sandbox names them."""
        return ("numpy",) if self.numpy else ()
