"""The budget of a run: money, tokens and time, in all and for each episode."""

import msgspec

from harness.costs import Price, cost_of, tokens_of
from tasks.base import Failure, Noun, Reply


class Budget(Noun, frozen=True):
    """The most that may be spent: US dollars, tokens, seconds; None is no limit."""

    cost: float | None = None
    tokens: int | None = None
    time: float | None = None

    def __bool__(self) -> bool:
        return any(limit is not None for limit in (self.cost, self.tokens, self.time))


class Spent(msgspec.Struct):
    """The sum spent so far; None is unknown, and no budget can be kept by it."""

    cost: float | None = 0.0
    tokens: int | None = 0
    time: float = 0.0

    def add(self, reply: Reply, price: Price | None) -> None:
        """Count one more reply."""
        cost, tokens = cost_of(reply, price), tokens_of(reply.usage)
        self.cost = None if self.cost is None or cost is None else self.cost + cost
        self.tokens = None if self.tokens is None or tokens is None else self.tokens + tokens
        self.time += reply.seconds

    def over(self, budget: Budget, start: str) -> str | None:
        """Return the first limit that is reached, in words; None if there is none.

        Args:
            budget: the limits.
            start: how the names of the limits as parameters begin.
        """
        for name in budget.__struct_fields__:
            limit, spent = getattr(budget, name), getattr(self, name)
            if limit is None:
                continue
            if spent is None:
                mend = "give `price`" if name == "cost" else "leave it out"
                return f"`{start}{name}` cannot be kept: {name} is unknown here; {mend}"
            if spent >= limit:
                return f"`{start}{name}` {limit:g} is reached: {spent:.6g} spent"
        return None


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
