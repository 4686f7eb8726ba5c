"""The gate of a model's calls: how it opens, closes, and counts the last minute."""

import asyncio
from collections.abc import Awaitable, Callable
from itertools import pairwise

import pytest

from harness.calls import limiter as pace
from harness.calls.limiter import ConcurrencyLimiter, Ticket
from harness.store.journal import LimiterState
from tests import virtual_time


def play(
    gate: ConcurrencyLimiter, count: int, call: Callable[[Ticket], Awaitable[None]]
) -> list[float]:
    """Send `count` calls through a gate at once; when each was let through."""
    began: list[float] = []

    async def one() -> None:
        async with gate.slot(10) as ticket:
            began.append(virtual_time.now())
            await call(ticket)

    async def all_of_them() -> None:
        await asyncio.gather(*(one() for _ in range(count)))

    virtual_time.run(all_of_them())
    return began


def most_at_once(began: list[float], took: float) -> int:
    return max(sum(t <= a < t + took for t in began) for a in began)


def test_slow_start_reaches_the_ceiling_and_not_more() -> None:
    gate, most = ConcurrencyLimiter(64), 0

    async def call(ticket: Ticket) -> None:
        nonlocal most
        most = max(most, gate.state.flying)
        await asyncio.sleep(0.4)
        gate.note_answer(ticket, None)

    began = play(gate, 200, call)
    assert most == 64
    assert gate.state == LimiterState(64, 0, 200, 200, 0)
    since = [at - began[0] for at in began[:64]]
    assert sum(at == 0 for at in since) == 10
    for k, at in enumerate(since, 1):
        assert k <= 10 * 2 ** (at / pace.PROBE) + 1


def test_a_loop_that_stood_still_does_not_let_everybody_off_at_once() -> None:
    gate, allowed = ConcurrencyLimiter(1000), []

    async def go() -> None:
        async def one() -> None:
            async with gate.slot():
                await asyncio.sleep(3)

        tasks = [asyncio.create_task(one()) for _ in range(500)]
        await asyncio.sleep(0.01)
        allowed.append(gate.state.allowed)
        virtual_time.stand_still(10 * pace.PROBE)
        await asyncio.sleep(0.001)
        allowed.append(gate.state.allowed)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    virtual_time.run(go())
    assert allowed[0] < allowed[1] < 8 * allowed[0]  # 1,000 times by the clock


def test_beyond_the_first_calls_are_sent_apart() -> None:
    gate = ConcurrencyLimiter(64)

    async def call(ticket: Ticket) -> None:
        await asyncio.sleep(0.2)
        gate.note_answer(ticket, None)

    began = play(gate, 64, call)
    assert began[pace.START - 1] == began[0]
    later = began[pace.START :]
    assert min(b - a for a, b in pairwise(later)) >= pace.APART - 1e-9


def test_answers_that_come_at_once_need_few_places() -> None:
    gate = ConcurrencyLimiter(64)

    async def call(ticket: Ticket) -> None:
        await asyncio.sleep(0.001)
        gate.note_answer(ticket, None)

    play(gate, 1000, call)
    assert pace.START <= gate.state.allowed < 64


def test_a_call_that_gave_up_waiting_holds_up_nobody() -> None:
    async def go() -> None:
        gate = ConcurrencyLimiter(1)

        async def one() -> None:
            async with gate.slot():
                await asyncio.sleep(0.01)

        first, second = asyncio.create_task(one()), asyncio.create_task(one())
        await asyncio.sleep(0.001)
        second.cancel()
        await asyncio.gather(first, second, return_exceptions=True)
        await asyncio.wait_for(one(), 5)

    virtual_time.run(go())


def test_a_complaint_halves_once_for_calls_that_were_under_way_together() -> None:
    gate, first = ConcurrencyLimiter(8), True

    async def call(ticket: Ticket) -> None:
        nonlocal first
        await asyncio.sleep(0.02)
        if gate.state.complaints < 8 and first:
            gate.slow_down(ticket, None)
            return
        first = False
        gate.note_answer(ticket, 1)

    play(gate, 8, call)
    assert gate.state.allowed == 4
    assert gate.state.complaints == 8


def test_it_grows_again_with_the_answers() -> None:
    gate = ConcurrencyLimiter(40)

    async def call(ticket: Ticket) -> None:
        await asyncio.sleep(0)
        if gate.state.calls <= 10:
            gate.slow_down(ticket, None)
        else:
            gate.note_answer(ticket, 1)

    play(gate, 600, call)
    assert gate.state.allowed == 40


def test_nothing_is_sent_before_retry_after_has_passed() -> None:
    gate = ConcurrencyLimiter(1)
    told: list[float] = []

    async def call(ticket: Ticket) -> None:
        if not told:
            told.append(virtual_time.now())
            gate.slow_down(ticket, 0.3)
        await asyncio.sleep(0)

    began = play(gate, 3, call)
    assert began[1] - told[0] >= 0.3


@pytest.mark.parametrize(
    "gate", [ConcurrencyLimiter(50, requests=20), ConcurrencyLimiter(50, tokens=200)]
)
def test_no_minute_has_more_than_its_limit(gate: ConcurrencyLimiter) -> None:
    async def call(ticket: Ticket) -> None:
        await asyncio.sleep(0.001)
        gate.note_answer(ticket, 10)

    began = play(gate, 60, call)
    assert most_at_once(began, pace.MINUTE - 1e-6) <= 20


def test_tokens_are_counted_as_they_turn_out() -> None:
    gate = ConcurrencyLimiter(1, tokens=100)

    async def call(ticket: Ticket) -> None:
        await asyncio.sleep(0)
        gate.note_answer(ticket, 50)  # the guess was 10

    began = play(gate, 6, call)
    assert most_at_once(began, pace.MINUTE - 1e-6) <= 2


def test_who_waits_is_let_through_at_the_end_and_a_cancelled_call_gives_its_place_back() -> None:
    async def go() -> None:
        gate = ConcurrencyLimiter(1)
        hold = asyncio.Event()

        async def one() -> None:
            async with gate.slot():
                await hold.wait()

        tasks = [asyncio.create_task(one()) for _ in range(4)]
        await asyncio.sleep(0.01)
        assert gate.state.flying == 1
        tasks[0].cancel()
        tasks[2].cancel()
        await asyncio.sleep(0.01)
        assert gate.state.flying == 1
        gate.open()
        await asyncio.sleep(0.01)
        assert gate.state.flying == 2
        hold.set()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert gate.state.flying == 0

    virtual_time.run(go())
