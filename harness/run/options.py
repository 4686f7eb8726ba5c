"""How a run asks: none of this is part of its configuration."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from msgspec.structs import replace

from harness.calls.budget import Budget, Spent
from harness.calls.cache import Cache
from harness.calls.client import ModelClient
from harness.calls.limiter import ConcurrencyLimiter
from harness.calls.prices import applying, load
from harness.calls.retry import RetryPolicy
from harness.log import Log
from harness.models.base import Model
from harness.store.manifest import Manifest
from tasks.base import Failure


@dataclass(frozen=True)
class RunOptions:
    """How fast, how patiently and how far.

    Attributes:
        connections: calls in flight for each model, at the most.
        requests, tokens: for each model in any minute, at the most; None: no limit.
        errors: the run stops at more errors than this count (int) or share of its open episodes
            (float).
        cache: the folder of replies kept across runs.
    """

    patience: RetryPolicy = field(default_factory=RetryPolicy)
    connections: int = 10
    requests: int | None = None
    tokens: int | None = None
    errors: int | float | None = None
    budget: Budget = field(default_factory=Budget)
    episode_budget: Budget = field(default_factory=Budget)
    cache: Path | None = None

    @property
    def workers(self) -> int:
        """Episodes at once: twice the calls, so that the next request is ready for a free place."""
        return 2 * self.connections

    def lane(
        self,
        model: Model,
        manifest: Manifest,
        log: Log,
        spent: Spent,
        halt: Callable[[Failure], None],
    ) -> ModelClient:
        """The lane of one model; `spent` is shared by all lanes of a run."""
        how = manifest.configuration
        [spec] = [spec for spec in how.models if spec.name == model.name]
        policy = model.name.startswith("policy/")
        return ModelClient(
            model=model,
            pace=ConcurrencyLimiter(self.connections, self.requests, self.tokens),
            patience=self.patience,
            halt=halt,
            log=log,
            budget=replace(self.budget, time=None),  # the run's clock is not a model's
            episode_budget=self.episode_budget,
            spent=spent,
            price=applying(manifest, load(None)).get(model.name),
            cache=Cache(self.cache) if self.cache and not policy else None,
            setting=[spec.base_url, how.sampling],
        )

    def most_errors(self, episodes: int) -> float:
        """More errors than this stop a run of so many episodes."""
        if self.errors is None:
            return float("inf")
        return self.errors if isinstance(self.errors, int) else self.errors * episodes
