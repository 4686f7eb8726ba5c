"""What is decided early is what all orders would decide."""

from collections.abc import Iterator
from itertools import permutations
from random import Random
from statistics import fmean

from generators.pressure import STEPS, RandomCosts, leaves_room, share_at, sooner, step_with_room
from tests.depth import often


def test_orders_that_are_not_asked_for_change_nothing() -> None:
    rng, runs, most = Random("pressure/room"), 0, 0
    for _ in range(often(20_000)):
        spread, orders = rng.choice((0, 0.1, 0.5, 3)), rng.choice((2, 20))
        costs = [1 + round(rng.random() * spread, rng.randint(1, 3)) for _ in range(orders)]
        least, room = rng.choice((1, 1.1, 1.2)), rng.choice((0, 0.2, 0.5))

        def each(costs: list[float] = costs) -> Iterator[float]:
            nonlocal runs
            for cost in costs:
                runs += 1
                yield cost

        mean = fmean(costs)
        enough = mean >= least and mean - min(costs) >= room * (mean - 1)
        assert leaves_room(each(), orders, least, room) == enough
        most += orders
    assert runs < 0.9 * most


def test_an_order_that_comes_again_is_run_once() -> None:
    runs = list[tuple[tuple[int, ...], int]]()

    def run(ranks: tuple[int, ...], share: int) -> float:
        runs.append((ranks, share))
        return 1 + ranks[0] * (1_000_000 - share) / 1_000_000

    few = list(permutations(range(3)))
    costs = RandomCosts(run, [few[k % 6] for k in range(0, 100, 5)])
    step = step_with_room(costs, 3, 1.4)
    assert step is not None
    assert 0 < step < STEPS
    assert fmean((costs.at(0, step), costs.at(1, step))) >= 1.4
    assert fmean((costs.at(0, step - 1), costs.at(1, step - 1))) < 1.4
    assert len(runs) == len(set(runs))
    assert {share for _, share in runs} <= set(map(share_at, range(STEPS)))


def test_jobs_come_the_sooner_the_later_the_step() -> None:
    times = [sooner(10**12 + 1, step) for step in range(STEPS + 1)]
    assert times == sorted(times, reverse=True)
    assert times[:2] == [10**12 + 1, 920_000_000_000]
