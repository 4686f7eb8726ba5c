"""How one model is asked in a run."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from harness.calls.budget import Budget, Halt, Spent
from harness.calls.cache import Cache
from harness.calls.limiter import ConcurrencyLimiter, Ticket
from harness.calls.retry import RetryPolicy
from harness.costs import Price, tokens_of
from harness.failures import policy_of
from harness.log import Log
from harness.models.base import Model, ProviderFailure
from harness.models.build import build_model
from harness.store.manifest import Manifest, ModelSpec
from tasks.base import Failure, Reply

PULSE = 2.0  # seconds between two notes of how the models' calls stand

LOST = 3  # calls given up, no answer between them: the provider is down


@dataclass
class ModelClient:
    """One model and all that decides when it is asked; shared by the episodes of a run.

    Attributes:
        halt: what to call when nothing more is to be asked, of this model or at all.
        spent: by the whole run, all models together.
        setting: server and sampling, as the cache must know them.
    """

    model: Model
    pace: ConcurrencyLimiter = field(default_factory=lambda: ConcurrencyLimiter(10))
    patience: RetryPolicy = field(default_factory=RetryPolicy)
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
        if policy_of(failure).slow:
            self.pace.complained(ticket, told if told <= self.patience.longest_told else None)

    def gave_up(self, failure: ProviderFailure) -> None:
        """A call failed as often as it may; after `LOST` of them in a row the provider is down."""
        self.given_up += policy_of(failure).retry
        if self.given_up >= LOST and not self.stopping.is_set():
            self.halt(
                Halt(
                    "down",
                    f"{self.model.name}: {self.given_up} calls given up, no answer between them;"
                    f" the last one's failure: {failure}",
                )
            )


def build_provider(spec: ModelSpec, manifest: Manifest, connections: int) -> Model:
    """A provider's model as a run asks it; InputError if a key or a package is missing."""
    return build_model(
        spec.name,
        manifest.configuration.sampling,
        base_url=spec.base_url,
        api_key_env=manifest.api_key_env,
        max_connections=connections,
    )
