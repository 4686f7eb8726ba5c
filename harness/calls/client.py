"""The client of one model in a run."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from harness.calls.budget import Budget, Halt, Spent
from harness.calls.cache import Cache
from harness.calls.limiter import ConcurrencyLimiter, Ticket
from harness.calls.probe import SlotProbe
from harness.calls.rejections import Rejections, rejected
from harness.calls.retry import RetryPolicy
from harness.costs import Price, tokens_of
from harness.failures import policy_of
from harness.log import Log
from harness.models.base import ConnectionRefused, Model, ProviderFailure, Sampling
from harness.models.build import Server, build_model
from harness.models.names import read_name
from harness.store.manifest import Manifest, ModelSpec
from tasks.base import Failure, Reply

PULSE = 2.0  # seconds between two notes of how the models' calls stand

LOST = 3  # calls given up, no answer between them: the provider is down


@dataclass
class ModelClient:
    """A model and all that decides when it is asked; shared by the episodes of a run.

    Attributes:
        limiter: how many calls are under way at once.
        retry: how often a failed call is tried again.
        halt: what to call when nothing more is to be asked, of this model or at all.
        spent: by the whole run, all models together.
        cache_scope: server and sampling: all that a cached reply depends on beside the request.
        own_limit_scope: the same without the limit of a reply, for asks with one of their own.
        sampling: how its replies are drawn.
        given_up: calls in a row that had no reply.
        reached: whether the server ever took a connection in this run.
        probe: looks at a server of the user's own before the first call; None where it is not.
        rejections: those that were refused since the last answer.
    """

    model: Model
    limiter: ConcurrencyLimiter = field(default_factory=lambda: ConcurrencyLimiter(10))
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    halt: Callable[[Failure], None] = lambda _: None
    log: Log = field(default_factory=Log)
    budget: Budget = field(default_factory=Budget)
    episode_budget: Budget = field(default_factory=Budget)
    spent: Spent = field(default_factory=Spent)
    price: Price | None = None
    cache: Cache | None = None
    cache_scope: object = None
    own_limit_scope: object = None
    sampling: Sampling = field(default_factory=Sampling)
    given_up: int = 0
    reached: bool = False
    probe: SlotProbe | None = None
    rejections: Rejections = field(default_factory=Rejections)

    def stop(self) -> None:
        """Ask nothing more; who waits for a turn or for a pause to end is told."""
        self.stopping.set()
        self.limiter.open()

    async def close(self) -> None:
        """Give back what the model and the cache hold."""
        await self.model.close()
        if self.cache:
            self.cache.close()

    def note_reply(self, ticket: Ticket, reply: Reply) -> None:
        """Take in a reply that came."""
        self.given_up = 0
        self.rejections.note_answer()
        self.limiter.note_answer(ticket, tokens_of(reply.usage))
        self.charge(reply)

    def charge(self, reply: Reply) -> None:
        """Count what a reply took; at the end of the budget nothing more is asked."""
        self.spent.add(reply, self.price)
        over = self.spent.over(self.budget, "budget.")
        if over and not self.stopping.is_set():
            self.halt(Halt("budget", over))

    def note_failure(self, ticket: Ticket, failure: ProviderFailure) -> None:
        """Take in a failed attempt: some failures mean that fewer calls should be under way."""
        wait = failure.retry_after or 0.0
        is_swamped = self.probe is not None and failure.kind == "time limit"
        if policy_of(failure).slow or is_swamped:
            longest = self.retry.longest_wait_asked
            self.limiter.slow_down(ticket, wait if wait <= longest else None)
        if tokens_of(failure.usage) is not None:  # a reply that was thrown away is paid for, too
            self.charge(Reply("", usage=failure.usage))

    def require_server(self, outcome: Reply | ProviderFailure) -> None:
        """Raise a failure that stops the model if nobody is where its server should be."""
        if isinstance(outcome, ConnectionRefused) and not self.reached:
            where = str(outcome).removeprefix("connection: ")
            raise ProviderFailure("no server", f"{where}; is it running, and is that its address?")
        self.reached = True

    def give_up(self, failure: ProviderFailure) -> None:
        """Take in that a call failed for good.

        After `LOST` in a row the provider is down; after some refused alike nothing more is asked.
        """
        self.given_up += policy_of(failure).retry
        if self.rejections.note(failure) and not self.stopping.is_set():
            self.halt(rejected(failure, self.sampling))
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
    model = build_model(
        read_name(spec.name).base,
        manifest.configuration.sampling_of(spec.name),
        Server(spec.base_url, manifest.key_variable(spec.name), connections),
    )
    model.name = spec.name  # with its settings: by this name a run knows it
    return model
