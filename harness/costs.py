"""Sums of what may be unknown."""

from collections.abc import Sequence
from typing import Any, Protocol

from tasks.base import Noun, Usage

MILLION = 1_000_000


class Price(Noun, frozen=True):
    """US dollars per million tokens; without `cached`, cached input costs as much as other input.

    A call with more than `up_to` input tokens has another price, which is not known.
    """

    input: float
    output: float
    cached: float | None = None
    up_to: int | None = None

    def __post_init__(self) -> None:
        if min(self.input, self.output, self.cached or 0) < 0:
            raise ValueError("a price is below 0")

    def of(self, usage: Usage) -> float | None:
        """The cost of a call; None if its tokens are not all known."""
        if usage.input is None or usage.output is None:
            return None
        if self.up_to is not None and usage.input > self.up_to:
            return None
        cached = usage.cached or 0
        again = self.input if self.cached is None else self.cached
        paid = self.input * (usage.input - cached) + again * cached + self.output * usage.output
        return paid / MILLION


class Paid(Protocol):
    """What is known of the price of a call: a `Reply`, or what a journal keeps of one."""

    @property
    def usage(self) -> Usage: ...

    @property
    def cost(self) -> float | None: ...


def sum_or_none(values: Sequence[Any]) -> Any:
    """The sum, or None if any is unknown."""
    return None if any(value is None for value in values) else sum(values)


def cost_of(reply: Paid, price: Price | None) -> float | None:
    """What a reply cost: as the provider's library says, else by the price given; None unknown."""
    if reply.cost is not None or price is None:
        return reply.cost
    return price.of(reply.usage)


def tokens_of(usage: Usage) -> int | None:
    """Input and output together; None if either is unknown."""
    if usage.input is None or usage.output is None:
        return None
    return usage.input + usage.output
