"""SRPT is the optimum of small cases by brute force; op-level SRPT is where its paper says."""

from random import Random

import pytest

from graders.exact.flow import (
    Rule,
    decisions,
    fifo,
    known_part,
    learned,
    op_srpt,
    reference,
    round_robin,
    serpt_mean,
    simulate,
    srpt,
)
from tasks.flow_payload import Flow, StagedJob
from tests.depth import often
from tests.factories.machines import drawn_flow, least_by_units, total_by_units

RULES: dict[str, Rule] = {
    "fifo": fifo,
    "round-robin": round_robin,
    "op-srpt": op_srpt,
    "known-part": known_part,
    "serpt-mean": serpt_mean,
    "learned": learned,
    "srpt": srpt,
}


@pytest.mark.parametrize("part", range(4))
def test_the_reference_is_the_least_of_all_schedules(part: int) -> None:
    rng = Random(f"flow/least/{part}")
    for _ in range(often(600)):
        flow = drawn_flow(rng)
        best = reference(flow)
        assert best.status == "optimal"
        assert best.objective == best.bound == least_by_units(flow)


@pytest.mark.parametrize("name", RULES)
def test_the_machine_goes_from_event_to_event_as_unit_by_unit(name: str) -> None:
    rng = Random(f"flow/units/{name}")
    for _ in range(often(600)):
        flow = drawn_flow(rng)
        names, total = decisions(flow, RULES[name])
        assert total_by_units(flow, names) == (total, len(names))


def test_the_total_is_that_of_the_spans() -> None:
    rng = Random("flow/spans")
    for _ in range(often(300)):
        flow = drawn_flow(rng)
        machine = simulate(flow, lambda m: rng.choice(list(m.waiting)))
        last = {span.job: span.end for span in machine.spans}
        assert last == machine.completed
        assert machine.total == sum(last[job.id] - job.release for job in flow.jobs)
        for job in flow.jobs:
            units = sum(s.end - s.start for s in machine.spans if s.job == job.id)
            assert units == sum(job.operations)
        assert all(a.end <= b.start for a, b in zip(machine.spans, machine.spans[1:], strict=False))


def ratio(jobs: list[StagedJob]) -> float:
    flow = Flow(tuple(jobs))
    return simulate(flow, op_srpt).total / simulate(flow, srpt).total


def climbed(rng: Random, steps: int) -> float:
    """The largest ratio that a climb over uniform tests finds."""
    test, count = rng.randint(1, 12), 8

    def fresh(k: int) -> StagedJob:
        rest = rng.choice((1, rng.randint(1, 40), rng.randint(1, 200)))
        return StagedJob(f"J{k:02d}", rng.choice((0, rng.randint(0, 60))), (test, rest))

    jobs = [fresh(k) for k in range(count)]
    jobs[0] = StagedJob("J00", 0, jobs[0].operations)
    jobs[1] = StagedJob("J01", 0, jobs[1].operations)
    best = ratio(jobs)
    for _ in range(steps):
        k = rng.randrange(2, count)
        other = [*jobs[:k], fresh(k), *jobs[k + 1 :]]
        if (value := ratio(other)) >= best:
            jobs, best = other, value
    return best


def test_uniform_tests_are_two_competitive_as_far_as_a_climb_sees() -> None:
    worst = max(climbed(Random(f"flow/climb/{k}"), often(600)) for k in range(4))
    assert 1.1 < worst <= 2


@pytest.mark.parametrize(("operations", "least"), [(4, 1.8), (9, 2.5), (16, 3.3)])
def test_in_general_the_ratio_grows_with_the_operations(operations: int, least: float) -> None:
    """Long jobs of operations a bit shorter than the first one of short jobs, the root as many."""
    longs, shorts = 8, 8 * round(operations**0.5)
    size = 100
    jobs = [StagedJob(f"A{k:02d}", 0, (size - 1,) * operations) for k in range(longs)]
    jobs += [StagedJob(f"B{k:02d}", 0, (size, *(1,) * (operations - 1))) for k in range(shorts)]
    assert least < ratio(jobs) < operations**0.5 + 0.1


def test_ties_go_to_the_first_id() -> None:
    flow = Flow((StagedJob("B", 0, (3, 1)), StagedJob("A", 0, (3, 9))))
    assert decisions(flow, op_srpt)[0][0] == "A"
    assert decisions(flow, fifo)[0][0] == "A"
