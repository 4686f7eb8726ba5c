"""What a run may cost: money, tokens and time, in all and for each episode."""

from collections.abc import Iterable
from typing import Protocol

import msgspec

from tasks.base import Failure, InputError, Noun, Reply, Usage

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


def read_price(text: str) -> tuple[str, Price]:
    """`MODEL=INPUT,OUTPUT[,CACHED]`; InputError if it is not that."""
    model, _, numbers = text.rpartition("=")
    try:
        values = [float(number) for number in numbers.split(",")]
    except ValueError:
        values = []
    if not model or len(values) not in (2, 3) or not all(0 <= v < MILLION for v in values):
        raise InputError(
            f"--price {text!r}: give MODEL=INPUT,OUTPUT or MODEL=INPUT,OUTPUT,CACHED in US dollars"
            " a million tokens"
        )
    return model, Price(values[0], values[1], values[2] if values[2:] else None)


class Paid(Protocol):
    """What is known of the price of a call: a `Reply`, or what a journal keeps of one."""

    @property
    def usage(self) -> Usage: ...

    @property
    def cost(self) -> float | None: ...


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


class Budget(Noun, frozen=True):
    """The most that may be spent: US dollars, tokens, seconds; None is no limit."""

    cost: float | None = None
    tokens: int | None = None
    time: float | None = None

    def __bool__(self) -> bool:
        return any(limit is not None for limit in (self.cost, self.tokens, self.time))


class Spent(msgspec.Struct):
    """What was spent so far; None is unknown, and no budget can be kept by it."""

    cost: float | None = 0.0
    tokens: int | None = 0
    time: float = 0.0

    def add(self, reply: Reply, price: Price | None) -> None:
        """One more reply."""
        cost, tokens = cost_of(reply, price), tokens_of(reply.usage)
        self.cost = None if self.cost is None or cost is None else self.cost + cost
        self.tokens = None if self.tokens is None or tokens is None else self.tokens + tokens
        self.time += reply.seconds

    def over(self, budget: Budget, option: str) -> str | None:
        """The first limit that is reached, in words; `option` is the options' common beginning."""
        for name in budget.__struct_fields__:
            limit, spent = getattr(budget, name), getattr(self, name)
            if limit is None:
                continue
            if spent is None:
                mend = "give --price" if name == "cost" else "leave it out"
                return f"{option}{name} cannot be kept: {name} is unknown here; {mend}"
            if spent >= limit:
                return f"{option}{name} {limit:g} is reached: {spent:.6g} spent"
        return None


def spent_by(replies: Iterable[Reply], price: Price | None) -> Spent:
    """What some replies took."""
    spent = Spent()
    for reply in replies:
        spent.add(reply, price)
    return spent


class Halt(Failure):
    """The run, or one model in it, stops asking; nothing is broken, and it can be resumed."""

    boundary = "budget"
    kind = ""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(f"{kind}: {message}")
        self.kind = kind


class EpisodeBudget(Failure):
    """An episode reached what one episode may spend."""

    boundary = "budget"
    kind = "episode budget"
