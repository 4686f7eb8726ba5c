"""The limit of a model's calls under way: as many as its provider bears.

Slow start: from `START` calls the limit grows, twofold in `PROBE` seconds, while all of it is used
and nobody complains. Beyond `START` calls are sent `APART` seconds apart: what is sent together is
answered together, and then waits for one another, round after round. A complaint (a rate limit, an
overload) halves what is under way, once for the calls that were under way together, and nothing is
sent before its Retry-After has passed. From then on a full round of answers raises the limit by a
twentieth of the ceiling.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from math import log2

from harness.store.journal import LimiterState

START = 10

PROBE = 0.025  # seconds; sending twenty requests takes about as long

APART = 0.001  # seconds between two calls; one takes about as long to make and to read

STEPS = 20  # rounds of answers from nothing to the ceiling

MINUTE = 60.0


class Ticket:
    """A call that was let through; `tokens` is a guess until its reply is there."""

    def __init__(self, began: float, tokens: int) -> None:
        self.began, self.tokens = began, tokens


def _now() -> float:
    """Return the time of the event loop, by which the limiter goes, in seconds."""
    return asyncio.get_running_loop().time()


class ConcurrencyLimiter:
    """The gate of one model's calls, first come, first served.

    Attributes:
        ceiling: the most calls at once.
        requests, tokens: the most in any minute, None for no limit.
    """

    def __init__(
        self,
        ceiling: int,
        requests: int | None = None,
        tokens: int | None = None,
    ) -> None:
        self.ceiling, self.requests, self.tokens = ceiling, requests, tokens
        self._limit, self._slow_start = float(min(START, ceiling)), True
        self._in_flight, self._calls, self._answers, self._complaints = 0, 0, 0, 0
        self._full_at: float | None = None  # when it was last seen that calls wait for a place
        self._cut_at = self._silent_until = self._last_at = float("-inf")
        self._minute: deque[Ticket] = deque()
        self._sum = 0  # tokens of that minute
        self._usual: float | None = None  # tokens of a call, as the replies told lately
        self._waiting: deque[tuple[asyncio.Future[Ticket], int]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._open = self._called = False

    @property
    def state(self) -> LimiterState:
        """Return where it stands now."""
        counts = (self._in_flight, self._calls, self._answers, self._complaints)
        return LimiterState(int(self._limit), *counts)

    def narrow(self, ceiling: int) -> None:
        """Let no more through at once than this, from now on."""
        self.ceiling = min(self.ceiling, ceiling)
        self._limit = min(self._limit, float(self.ceiling))

    @asynccontextmanager
    async def slot(self, tokens: int = 0) -> AsyncIterator[Ticket]:
        """Wait for a place among the calls under way; `tokens` is a guess of what it will use."""
        passed: asyncio.Future[Ticket] = asyncio.get_running_loop().create_future()
        self._waiting.append((passed, tokens))
        if not self._called:  # calls that are made in one go line up first, and then go in order
            self._called = True
            asyncio.get_running_loop().call_soon(self._admit)
        try:
            ticket = await passed
        except asyncio.CancelledError:
            if passed.done() and not passed.cancelled():
                self._leave()
            raise
        try:
            yield ticket
        finally:
            self._leave()

    def note_answer(self, ticket: Ticket, tokens: int | None) -> None:
        """A reply came, and this many tokens it took."""
        self._answers += 1
        if tokens is not None:
            if self._minute and ticket.began >= self._minute[0].began:
                self._sum += tokens - ticket.tokens
            ticket.tokens = tokens
            before = tokens if self._usual is None else self._usual
            self._usual = before + (tokens - before) / 10
        if not self._slow_start:
            step = max(1.0, self.ceiling / STEPS) / self._limit
            self._limit = min(float(self.ceiling), self._limit + step)

    def slow_down(self, ticket: Ticket, retry_after: float | None) -> None:
        """The provider wants fewer calls; ask nothing for `retry_after` seconds."""
        self._complaints += 1
        self._slow_start = False
        now = _now()
        if ticket.began > self._cut_at:
            self._limit = max(1.0, min(self._limit, self._in_flight) / 2)
            self._cut_at = now
        self._silent_until = max(self._silent_until, now + (retry_after or 0.0))

    def open(self) -> None:
        """Let everybody through: the run is to stop, and who waits must hear of it."""
        self._open = True
        self._admit()

    def _leave(self) -> None:
        self._in_flight -= 1
        self._admit()

    def _admit(self) -> None:
        """Let through who may pass now, and come back when the next one may."""
        self._called = False
        while self._waiting:
            passed, tokens = self._waiting[0]
            if not passed.done():
                wait = 0.0 if self._open else self._wait(tokens)
                if wait is None:
                    return
                if wait > 0:
                    self._later(wait)
                    return
                passed.set_result(self._let_through(tokens))
            self._waiting.popleft()
        self._full_at = None

    def _let_through(self, tokens: int) -> Ticket:
        tokens = self._likely(tokens)
        self._last_at = _now()
        ticket = Ticket(self._last_at, tokens)
        self._in_flight += 1
        self._calls += 1
        if self.requests or self.tokens:
            self._minute.append(ticket)
            self._sum += tokens
        return ticket

    def _wait(self, tokens: int) -> float | None:
        """Seconds until the next call may go; None: when one under way has ended."""
        now = _now()
        if self._silent_until > now:
            return self._silent_until - now
        if self.tokens and self._usual is None and self._in_flight:
            return None  # the first reply tells what a call takes
        if self._in_flight >= int(self._limit):
            if not self._slow_start or self._limit >= self.ceiling:
                return None
            if self._full_at is not None:
                grown = 2.0 ** min(1.0, (now - self._full_at) / PROBE)
                self._limit = min(float(self.ceiling), grown * self._limit)
            self._full_at = now
            if self._in_flight >= int(self._limit):
                return PROBE * log2((self._in_flight + 1) / self._limit)
        gap = self._last_at + APART - now
        if self._in_flight >= START and gap > 0:
            return gap
        return self._window(now, tokens)

    def _likely(self, guess: int) -> int:
        """Tokens of a call to come: at least what calls took so far."""
        return max(guess, round(self._usual or 0))

    def _window(self, now: float, tokens: int) -> float:
        """Seconds until the last minute has room for one more call."""
        while self._minute and self._minute[0].began + MINUTE <= now:
            self._sum -= self._minute.popleft().tokens
        if not self._minute:
            return 0.0
        many = self.requests is not None and len(self._minute) >= self.requests
        much = self.tokens is not None and self._sum + self._likely(tokens) > self.tokens
        return self._minute[0].began + MINUTE - now if many or much else 0.0

    def _later(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(seconds, self._admit)
