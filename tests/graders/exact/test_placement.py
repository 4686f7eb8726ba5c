"""Host-seconds, bounds and optima of small fleets agree with all ways to place their tasks."""

from collections.abc import Sequence
from random import Random

import pytest

from generators.placement import PlacementSettings, drawn
from graders.exact.placement import (
    bins,
    by_id,
    case_of,
    least_cost,
    leaves_choice,
    random_cost,
    random_costs,
    reference,
    simulate,
)
from graders.exact.placement_rules import RULES, random_fit
from graders.exact.placement_search import descent, longest_first
from graders.exact.placement_simulator import (
    ComingTask,
    Place,
    PlacementRun,
    RefusedPlace,
    UsedHost,
)
from tasks.placement import Fleet, PlacedTask, host_seconds
from tests.depth import often
from tests.factories.fleets import drawn_fleet, partitions, slow_seconds


def optimum(fleet: Fleet) -> int:
    costs = (slow_seconds(fleet, by_id(fleet, p)) for p in partitions(len(fleet.tasks)))
    return min(cost for cost in costs if cost is not None)


def test_the_optimum_of_few_tasks_is_proven_and_no_placing_is_better() -> None:
    rng, statuses = Random("placement/optimum"), set()
    for _ in range(often(900)):
        fleet = drawn_fleet(rng)
        best, least = reference(fleet), optimum(fleet)
        statuses.add(best.status)
        assert best.objective == least == best.bound
        assert best.answer is not None
        assert slow_seconds(fleet, best.answer["hosts"]) == least
        assert least_cost(fleet) <= least
    assert statuses == {"optimal"}


def test_host_seconds_are_those_second_by_second() -> None:
    rng = Random("placement/seconds")
    for _ in range(often(900)):
        fleet = drawn_fleet(rng, 9)
        for _, make in RULES.values():
            hosts = by_id(fleet, simulate(fleet, make))
            assert host_seconds(fleet, hosts) == slow_seconds(fleet, hosts)
        for hosts_of in (longest_first(fleet), descent(fleet, longest_first(fleet))):
            hosts = by_id(fleet, hosts_of)
            assert host_seconds(fleet, hosts) == slow_seconds(fleet, hosts)


def fewest_bins(sizes: Sequence[int], capacity: int) -> int:
    return min(
        max(numbers)
        for numbers in partitions(len(sizes))
        if all(
            sum(s for s, n in zip(sizes, numbers, strict=True) if n == number) <= capacity
            for number in numbers
        )
    )


def test_the_bound_on_bins_is_never_above_the_fewest_and_often_the_fewest() -> None:
    rng, tight = Random("placement/bins"), 0
    for _ in range(often(600)):
        capacity = rng.randint(4, 12)
        sizes = [rng.randint(1, capacity) for _ in range(rng.randint(1, 6))]
        least, fewest = bins(sizes, capacity), fewest_bins(sizes, capacity)
        assert -(-sum(sizes) // capacity) <= least <= fewest
        tight += least == fewest
    assert tight > 0.9 * often(600)
    assert bins([], 5) == bins([0, 0], 5) == 0


def test_tasks_above_half_of_different_resources_share_a_host() -> None:
    tasks = (
        PlacedTask("A", 0, 10, cpu=30, memory=1),
        PlacedTask("B", 0, 10, cpu=1, memory=100),
    )
    best = reference(Fleet(32, 128, tasks))
    assert (best.status, best.objective) == ("optimal", 10)


def test_no_policy_is_below_the_bound_and_a_descent_never_worse_than_its_start() -> None:
    for number in range(often(18)):
        fleet = drawn(30, f"bound/{number}", PlacementSettings())
        least = least_cost(fleet)
        for _, make in RULES.values():
            hosts = simulate(fleet, make)
            cost = host_seconds(fleet, by_id(fleet, hosts))
            assert least <= host_seconds(fleet, by_id(fleet, descent(fleet, hosts))) <= cost


def test_of_many_tasks_the_reference_is_no_worse_than_any_policy() -> None:
    fleet = drawn(120, "many", PlacementSettings(load=5))
    best = reference(fleet)
    assert best.objective is not None
    assert best.bound is not None
    assert least_cost(fleet) == best.bound < best.objective < random_cost(fleet)
    for _, make in RULES.values():
        assert best.objective <= host_seconds(fleet, by_id(fleet, simulate(fleet, make)))
    assert reference(fleet, search=False).objective is None


def test_random_fits_are_the_same_in_every_process_and_differ() -> None:
    fleet = drawn(30, "random", PlacementSettings())
    assert random_costs(fleet) == random_costs(fleet)
    assert len(set(random_costs(fleet))) > 5


def test_random_costs_are_those_of_runs_of_the_policy() -> None:
    """Also where tasks end as others come, and where none can choose its host."""
    choices = 0
    for k in range(often(150)):
        fleet = crowded(f"twin/{k}", 3 + k % 30)
        runs = [random_run(fleet, str(number)) for number in range(20)]
        costs = [host_seconds(fleet, by_id(fleet, hosts)) for hosts, _ in runs]
        assert random_costs(fleet) == costs
        rows = [(task.at, task.end, task.cpu, task.memory) for task in fleet.tasks]
        has_choice = any(most > 1 for _, most in runs)
        assert leaves_choice(rows, fleet.cpu, fleet.memory) == has_choice
        assert has_choice or len(set(costs)) == 1
        choices += has_choice
    assert often(150) // 4 < choices < often(150)


def random_run(fleet: Fleet, seed: str) -> tuple[list[int], int]:
    """The hosts of tasks, and the most that one of them had to choose from."""
    counts = [0]

    def make(run: PlacementRun) -> Place:
        place = random_fit(seed)(run)

        def noted(task: ComingTask, hosts: Sequence[UsedHost]) -> int | None:
            counts.append(len(hosts))
            choice: int | None = place(task, hosts)
            return choice

        return noted

    return simulate(fleet, make), max(counts)


def crowded(seed: str, count: int) -> Fleet:
    """Tasks of few moments and sizes, so that many come and end at once."""
    rng, at, tasks = Random(seed), 0, []
    for number in range(count):
        at += rng.choice((0, 1, 1, 4))
        cpu, memory = rng.randint(1, 6), rng.randint(0, 6)
        tasks.append(PlacedTask(f"T{number}", at, rng.randint(1, 5), cpu, memory))
    return Fleet(8, 8, tuple(tasks))


# The simulator -------------------------------------------------------------------------------


def test_a_scheduler_sees_hosts_with_room_and_what_lies_on_them() -> None:
    tasks = (
        PlacedTask("A", 0, 9, cpu=3, memory=1, guess=4),
        PlacedTask("B", 0, 2, cpu=3, memory=1),
        PlacedTask("C", 1, 9, cpu=2, memory=1),
        PlacedTask("D", 2, 9, cpu=3, memory=2),
    )
    seen: list[list[tuple[int, int, int, list[int]]]] = []

    def place(task: ComingTask, hosts: Sequence[UsedHost]) -> int | None:
        assert not hasattr(task, "time")
        seen.append([(h.number, h.cpu, h.memory, [t.id for t in h.tasks]) for h in hosts])
        return 0 if task.id == 2 else None

    run = PlacementRun(case_of(Fleet(5, 5, tasks)), place)
    assert run.run() == [1, 2, 1, 3]
    # B's host is not in use any more when D comes, and A's has no room for it
    assert seen == [[], [], [(1, 2, 4, [0]), (2, 2, 4, [1])], []]


@pytest.mark.parametrize("choice", [0, -1, 7, True, 0.0, "0"])
def test_a_place_that_is_none_is_refused(choice: object) -> None:
    fleet = Fleet(5, 5, (PlacedTask("A", 0, 9, cpu=3, memory=1),))
    with pytest.raises(RefusedPlace) as error:
        PlacementRun(case_of(fleet), lambda task, hosts: choice).run()  # noqa: ARG005
    assert error.value.kind == "place"
