"""The options of how a run asks: none is part of its configuration."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from msgspec.structs import replace

from harness.calls.budget import Budget, Spent
from harness.calls.cache import Cache
from harness.calls.client import ModelClient
from harness.calls.limiter import ConcurrencyLimiter
from harness.calls.prices import applying, load
from harness.calls.probe import SlotProbe, is_near
from harness.calls.retry import RetryPolicy
from harness.calls.workbench import AT_ONCE
from harness.log import Log
from harness.models.base import Model
from harness.store.manifest import Configuration, Manifest
from tasks.base import Failure, InputError

CONNECTIONS = 10  # calls in flight of a model where nothing is said


@dataclass(frozen=True)
class RunOptions:
    """The pace, the patience and the limits of a run.

    Attributes:
        retry: how often a call is tried.
        connections: calls in flight for each model, at the most; None: what the run needs.
        requests, tokens: for each model in any minute, at the most; None: no limit.
        errors: the run stops at more errors than this count (int) or share of its open episodes
            (float).
        budget, episode_budget: the most that all of it, or one episode, may spend.
        cache: the folder of replies kept across runs.
        programs: of an agent that runs some, at once on this machine.
        unsafe: whether they run even where they cannot be isolated.
    """

    retry: RetryPolicy = field(default_factory=RetryPolicy)
    connections: int | None = None
    requests: int | None = None
    tokens: int | None = None
    errors: int | float | None = None
    budget: Budget = field(default_factory=Budget)
    episode_budget: Budget = field(default_factory=Budget)
    cache: Path | None = None
    programs: int = AT_ONCE
    unsafe: bool = False

    @property
    def workers(self) -> int:
        """Return the episodes at once: twice the calls, so that a request waits for each place."""
        return 2 * (self.connections or CONNECTIONS)

    @property
    def keeps_cost(self) -> bool:
        """Return whether a budget of money is to be kept."""
        return self.budget.cost is not None or self.episode_budget.cost is not None

    def client(
        self,
        model: Model,
        manifest: Manifest,
        log: Log,
        spent: Spent,
        halt: Callable[[Failure], None],
    ) -> ModelClient:
        """Return how one model is asked; `spent` is shared by all models of a run."""
        configuration = manifest.configuration
        addresses = {spec.name: spec.base_url for spec in configuration.asked}
        search = configuration.evolve
        connections = self.connections or (search.lag if search else CONNECTIONS)
        is_policy = model.name.startswith("policy/")
        address = addresses.get(model.name)
        scope, own_limit_scope = _cache_scopes(configuration, model.name, address)
        is_own = self.connections is None and not search and address and is_near(address)
        return ModelClient(
            model=model,
            probe=SlotProbe(model.name, address) if is_own and address else None,
            limiter=ConcurrencyLimiter(connections, self.requests, self.tokens),
            retry=self.retry,
            halt=halt,
            log=log,
            budget=replace(self.budget, time=None),  # the run's clock is not a model's
            episode_budget=self.episode_budget,
            spent=spent,
            price=applying(manifest, load(None)).get(model.name),
            cache=Cache(self.cache) if self.cache and not is_policy else None,
            cache_scope=scope,
            own_limit_scope=own_limit_scope,
            sampling=configuration.sampling_of(model.name),
        )

    def most_errors(self, episodes: int) -> float:
        """Return the number of errors above which a run of so many episodes stops."""
        if self.errors is None:
            return float("inf")
        return self.errors if isinstance(self.errors, int) else self.errors * episodes


def _cache_scopes(
    configuration: Configuration, name: str, address: str | None
) -> Iterator[list[object]]:
    """Yield all that a model's cached replies depend on beside the request, twice.

    The second is of requests that have a limit of their own instead of the run's.
    """
    drawn = configuration.sampling_of(name)
    several = configuration.evolve or configuration.pipeline  # models answer in one episode
    for each in (drawn, replace(drawn, max_tokens=None)):
        yield [address, each, *([name] if several else [])]


def require_prices(manifest: Manifest, options: RunOptions) -> None:
    """Raise InputError if a budget of money is to be kept, and what a model costs is unknown.

    litellm tells the cost of each reply, and policies cost nothing.
    """
    if not options.keeps_cost:
        return
    prices = applying(manifest, load(None))
    for spec in manifest.configuration.asked:
        if spec.name not in prices and not spec.name.startswith(("policy/", "litellm/")):
            which = "budget" if options.budget.cost is not None else "episode_budget"
            raise InputError(
                f"`{which}.cost` cannot be kept: the price of {spec.name} is unknown; give `price`"
                f" {spec.name}=INPUT,OUTPUT in US dollars a million tokens"
            )
