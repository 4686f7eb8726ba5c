"""The retries of a failed call, and the time between them."""

from dataclasses import dataclass
from random import Random

from harness.failures import policy_of
from harness.models.base import ProviderFailure


@dataclass(frozen=True)
class RetryPolicy:
    """The patience with which a call is tried.

    Attributes:
        attempts: the most attempts at one call, over one process.
        seconds: the time limit of each attempt.
        first_wait, longest_wait: seconds of the backoff, which doubles from attempt to attempt.
        longest_wait_asked: the longest Retry-After that is kept; a longer one gives the call up.
        replies: how many replies that cannot be read are paid for at one call.
    """

    attempts: int = 10
    seconds: float = 600.0
    first_wait: float = 0.5
    longest_wait: float = 60.0
    longest_wait_asked: float = 600.0
    replies: int = 2

    def wait(self, key: str, failed: int, retry_after: float | None) -> float:
        """Seconds before the next attempt: as the provider says, else backoff with jitter."""
        jitter = 0.5 + Random(f"{key}/{failed}").random()  # spread, and the same when replayed
        backoff = min(self.longest_wait, self.first_wait * 2.0 ** (failed - 1)) * jitter
        return max(backoff, retry_after or 0.0)

    def should_retry(self, failure: ProviderFailure) -> bool:
        """Return whether a failure is worth another attempt."""
        return policy_of(failure).retry and (failure.retry_after or 0) <= self.longest_wait_asked
