"""Both passes against a project that is simulated day by day, and paths that are all walked."""

from collections.abc import Iterator
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generators.contexts import draw_project
from graders.exact.contexts import free_slack, naive_answer, passes, reference, right_answer
from tasks.contexts import KINDS, ContextQuestion, ProjectStep
from tests.depth import examples
from tests.factories.contexts import context

seeds = st.integers(0, 10**9)


def project(seed: int, most: int = 7) -> tuple[ProjectStep, ...]:
    """Steps in any order, each of which needs any of those that were drawn before it."""
    rng = Random(f"twin/{seed}")
    names = [f"S{k}" for k in range(1, rng.randint(2, most) + 1)]
    steps = [
        ProjectStep(name, rng.randint(1, 6), tuple(n for n in names[:k] if rng.random() < 0.4))
        for k, name in enumerate(names)
    ]
    return tuple(rng.sample(steps, len(steps)))


def simulated(
    steps: tuple[ProjectStep, ...], late: str = "", days: int = 0
) -> tuple[dict[str, int], int]:
    """The first day of each step if it begins as soon as it can, and the day of the end.

    One step may begin only from a day on.
    """
    begins: dict[str, int] = {}
    left = {step.id: step.days for step in steps}
    day = 0
    while any(left.values()):
        for step in steps:
            ready = all(left[name] == 0 for name in step.needs)
            if step.id not in begins and ready and (step.id != late or day >= days):
                begins[step.id] = day
        for name in begins:
            left[name] = max(0, left[name] - 1)
        day += 1
    return begins, day


def chains(steps: tuple[ProjectStep, ...], start: str) -> Iterator[tuple[str, ...]]:
    """All chains of steps that wait for each other, from one step on."""
    yield (start,)
    for step in steps:
        if start in step.needs:
            yield from ((start, *rest) for rest in chains(steps, step.id))


def by_brute_force(steps: tuple[ProjectStep, ...], question: ContextQuestion) -> int:
    """The answer by trying it out."""
    days = {step.id: step.days for step in steps}
    begins, end = simulated(steps)
    step = question.step
    reached = [chain for chain in chains(steps, step) if len(chain) > 1]
    match question.kind:
        case "earliest":
            return begins[step]
        case "latest":
            return max(d for d in range(end) if simulated(steps, step, d)[1] == end)
        case "slack":
            on_time = [d for d in range(end) if simulated(steps, step, begins[step] + d)[1] == end]
            return max(on_time)
        case "delay":
            longer = tuple(
                ProjectStep(s.id, s.days + (question.longer or 0) * (s.id == step), s.needs)
                for s in steps
            )
            return simulated(longer)[1] - end
        case "rest":
            return max((sum(days[n] for n in chain[1:]) for chain in reached), default=0)
        case "after":
            return sum(days[n] for n in {name for chain in reached for name in chain[1:]})
        case "before":
            needed = {n.id for n in steps if any(c[-1] == step for c in chains(steps, n.id))}
            return sum(days[n] for n in needed - {step})


@given(seeds)
@examples(200)
def test_passes_are_what_trying_out_gives(seed: int) -> None:
    steps = project(seed)
    done = passes(steps)
    for kind in KINDS:
        for step in steps:
            longer = 1 + seed % 7 if kind == "delay" else None
            question = ContextQuestion(kind, step.id, longer)
            assert right_answer(done, question) == by_brute_force(steps, question), question


@given(seeds)
@examples(200)
def test_free_slack_moves_no_other_step_and_a_day_more_does(seed: int) -> None:
    steps = project(seed)
    begins, end = simulated(steps)
    for step in steps:
        free = free_slack(passes(steps), step.id)
        others = {n: d for n, d in begins.items() if n != step.id}
        for more, same in ((0, True), (1, False)):
            moved, late = simulated(steps, step.id, begins[step.id] + free + more)
            rest = {n: d for n, d in moved.items() if n != step.id}
            assert ((rest, late) == (others, end)) == same


def test_a_project_that_is_drawn_has_a_trap_of_every_kind() -> None:
    for seed in range(5):
        steps = draw_project(Random(f"trap/{seed}"), 8)
        done = passes(steps)
        for kind in KINDS:
            longer = 30 if kind == "delay" else None
            questions = [ContextQuestion(kind, step.id, longer) for step in steps]
            assert any(naive_answer(done, q) != right_answer(done, q) for q in questions), kind


def test_the_reference_is_all_right_answers() -> None:
    one = context()
    assert one.reference == reference(one.payload)
    assert one.reference.status == "optimal"
    assert one.reference.answer == {
        "answers": [right_answer(passes(one.payload.steps), q) for q in one.payload.questions]
    }


def test_steps_that_wait_for_each_other_have_no_passes() -> None:
    ring = (ProjectStep("S1", 1, ("S2",)), ProjectStep("S2", 1, ("S1",)))
    with pytest.raises(ValueError, match="wait for each other"):
        passes(ring)
