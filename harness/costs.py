"""Prices and costs of calls, and sums in which a term may be unknown."""

from collections.abc import Sequence
from typing import Any, Protocol

from tasks.base import Noun, Usage

MILLION = 1_000_000


class Price(Noun, frozen=True):
    """US dollars per million tokens.

    Attributes:
        input: of tokens that the call reads.
        output: of tokens that the call writes.
        cached: of input that the provider had in its cache; None: as much as other input.
        up_to: input tokens of a call up to which the price holds; None: any number. A larger call
            has another price, which is not known.
    """

    input: float
    output: float
    cached: float | None = None
    up_to: int | None = None

    def __post_init__(self) -> None:
        if min(self.input, self.output, self.cached or 0) < 0:
            raise ValueError("a price is below 0")

    def of(self, usage: Usage) -> float | None:
        """Return the cost of a call in US dollars; None if its tokens or its price are unknown."""
        if usage.input is None or usage.output is None:
            return None
        if self.up_to is not None and usage.input > self.up_to:
            return None
        cached = usage.cached or 0
        cached_price = self.input if self.cached is None else self.cached
        input_cost = self.input * (usage.input - cached) + cached_price * cached
        return (input_cost + self.output * usage.output) / MILLION


class Paid(Protocol):
    """Usage and cost of a call: a `Reply`, or the part of one that a journal holds."""

    @property
    def usage(self) -> Usage: ...

    @property
    def cost(self) -> float | None: ...


def sum_or_none(values: Sequence[Any]) -> Any:
    """Return the sum, or None if any value is unknown."""
    return None if any(value is None for value in values) else sum(values)


def cost_of(reply: Paid, price: Price | None) -> float | None:
    """Return the cost of a reply in US dollars; None if it is unknown.

    Args:
        reply: its own cost, as the provider's library says, comes first.
        price: for a reply without a cost of its own.
    """
    if reply.cost is not None or price is None:
        return reply.cost
    return price.of(reply.usage)


def tokens_of(usage: Usage) -> int | None:
    """Return input and output tokens together; None if either is unknown."""
    if usage.input is None or usage.output is None:
        return None
    return usage.input + usage.output
