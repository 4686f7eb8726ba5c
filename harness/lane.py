"""How one model is asked in a run."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from harness.budget import Budget, Halt, Price, Spent, tokens_of
from harness.cache import Cache
from harness.failures import what
from harness.log import Log
from harness.models.base import Model, ProviderFailure
from harness.pace import Pace, Ticket
from tasks.base import Failure, Reply

LOST = 3  # calls given up, no answer between them: the provider is down


@dataclass(frozen=True)
class Patience:
    """How long to keep trying.

    Attributes:
        attempts: the most attempts at one call, over one process.
        seconds: the time limit of each attempt.
        first_wait, longest_wait: seconds of the backoff, which doubles from attempt to attempt.
        longest_told: the longest Retry-After that is waited for; a longer one gives the call up.
    """

    attempts: int = 10
    seconds: float = 600.0
    first_wait: float = 0.5
    longest_wait: float = 60.0
    longest_told: float = 600.0

    def wait(self, key: str, failed: int, retry_after: float | None) -> float:
        """Seconds before the next attempt: as the provider says, else backoff with jitter."""
        jitter = 0.5 + Random(f"{key}/{failed}").random()  # spread, and the same when replayed
        backoff = min(self.longest_wait, self.first_wait * 2.0 ** (failed - 1)) * jitter
        return max(backoff, retry_after or 0.0)

    def bears(self, failure: ProviderFailure) -> bool:
        """Whether a failure is worth another attempt."""
        return what(failure).retry and (failure.retry_after or 0) <= self.longest_told


@dataclass
class Lane:
    """One model and all that decides when it is asked; shared by the episodes of a run.

    Attributes:
        halt: what to call when nothing more is to be asked, of this model or at all.
        spent: by the whole run, all models together.
        setting: server and sampling, as the cache must know them.
    """

    model: Model
    pace: Pace = field(default_factory=lambda: Pace(10))
    patience: Patience = field(default_factory=Patience)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    halt: Callable[[Failure], None] = lambda _: None
    log: Log = field(default_factory=Log)
    budget: Budget = field(default_factory=Budget)
    episode_budget: Budget = field(default_factory=Budget)
    spent: Spent = field(default_factory=Spent)
    price: Price | None = None
    cache: Cache | None = None
    setting: object = None
    given_up: int = 0

    def stop(self) -> None:
        """Ask nothing more; who waits for a turn or for a pause to end is told."""
        self.stopping.set()
        self.pace.open()

    async def close(self) -> None:
        """Give back what the model and the cache hold."""
        await self.model.close()
        if self.cache:
            self.cache.close()

    def heard(self, ticket: Ticket, reply: Reply) -> None:
        """A reply came."""
        self.given_up = 0
        self.pace.answered(ticket, tokens_of(reply.usage))
        self.spent.add(reply, self.price)
        over = self.spent.over(self.budget, "--max-")
        if over and not self.stopping.is_set():
            self.halt(Halt("budget", over))

    def failed(self, ticket: Ticket, failure: ProviderFailure) -> None:
        """An attempt failed."""
        told = failure.retry_after or 0.0
        if what(failure).slow:
            self.pace.complained(ticket, told if told <= self.patience.longest_told else None)

    def gave_up(self, failure: ProviderFailure) -> None:
        """A call failed as often as it may; after `LOST` of them in a row the provider is down."""
        self.given_up += what(failure).retry
        if self.given_up >= LOST and not self.stopping.is_set():
            self.halt(
                Halt(
                    "down",
                    f"{self.model.name}: {self.given_up} calls given up, no answer between them;"
                    f" the last one's failure: {failure}",
                )
            )
