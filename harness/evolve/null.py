"""Searches without a model: what chance achieves with the same seed programs and evaluations.

They take the place of a model, read the step instead of the prompt, and reply with a program.
"""

from collections.abc import Callable
from random import Random

from harness.evolve.mutation import mutate, random_constants
from harness.evolve.operators import SearchStep
from harness.models.base import Model
from harness.store.search_plan import NULLS
from tasks.base import Ask, InputError, Reply, Usage


class Baseline:
    """A way of making programs by chance, as a model: free, and without tokens."""

    def __init__(self, name: str, make: Callable[[SearchStep, Random], str]) -> None:
        self.name, self._make = name, make

    async def reply(self, ask: Ask) -> Reply:
        """Return a program in a fence."""
        step: SearchStep = ask.view
        source = self._make(step, Random(f"{self.name}/{step.key}"))
        return Reply(f"```python\n{source}\n```", usage=Usage(0, 0), model=self.name, cost=0.0)

    async def close(self) -> None:
        """Do nothing: a baseline holds no resource."""


def build_null(name: str) -> Model:
    """Return the baseline of that name; InputError if there is none."""
    makers = dict(zip(NULLS, (random_constants, mutate), strict=True))
    if name not in makers:
        raise InputError(f"unknown model {name!r}: searches without a model are {', '.join(NULLS)}")
    return Baseline(name, makers[name])
