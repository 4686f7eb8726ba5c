"""From an errand to the abstract calls of its reference, and back to an answer."""

from random import Random

import pytest

from generators.tools import generate
from graders.exact.tools import all_ready, attempts, graph, reference, step_of
from graders.exact.tools_search import CallNode
from harness.families.tools import by_turns, everything
from tasks.base import Called, Instance
from tasks.tools import View
from tasks.tools_clock import Simulation, arguments_of
from tasks.tools_payload import Errand, Hidden
from tests.factories.errands import errand


def test_the_calls_by_hand() -> None:
    payload = errand()
    calls, capacity = graph(payload, Hidden(payload).steps(), planned=False)
    assert capacity == [2, 1, 1, 1, 3]
    assert calls == [
        CallNode(3, 0, ()),
        CallNode(7, 0, ()),
        CallNode(5, 1, (0,)),
        CallNode(6, 3, (1, 2)),
        CallNode(8, 2, (1,)),
    ]
    # the finds 7, the boss and the firing 8, the pair 6, and three overheads
    assert all_ready(calls, capacity, payload.overhead) == 27


def test_a_call_that_fails_is_several_calls_in_turns_and_a_longer_one_in_a_plan() -> None:
    payload = errand(failures=0.5, secret="b")
    due = Hidden(payload).steps()
    assert [one.failing for one in due] == [0, 1, 2, 1, 0]
    turns, _ = graph(payload, due, planned=False)
    plan, _ = graph(payload, due, planned=True)
    assert len(turns) == 5 + 4
    assert [call.duration for call in plan] == [one.duration * (1 + one.failing) for one in due]
    listed = attempts(due, planned=False)
    for call, attempt in zip(turns, listed, strict=True):
        before = [listed[k] for k in call.needs]
        if attempt.number:
            assert [(b.step, b.number) for b in before] == [(attempt.step, attempt.number - 1)]
        assert all(b.works for b in before) or attempt.number
        assert attempt.works == (attempt.number == due[attempt.step].failing)


def simulated(payload: Errand) -> int:
    """The time of calling all that is ready, by the clock itself."""
    instance = Instance("x", "tools", 1, None, 0, {}, 1, payload)
    simulation, due = Simulation(payload), tuple(Hidden(payload).steps())
    called: tuple[Called, ...] = ()
    turn = 0
    while calls := by_turns(everything)(View(instance, due, "turn", called)):
        turn += 1
        results = simulation.turn([(c.name, arguments_of(c)) for c in calls])
        called += tuple(Called(turn, c, r) for c, r in zip(calls, results, strict=True))
    return simulation.clock


@pytest.mark.heavy
@pytest.mark.parametrize("failures", [0.0, 0.4])
def test_calling_all_that_is_ready_is_what_the_clock_says(failures: float) -> None:
    rng = Random("all ready")
    for index in range(30):
        level = rng.randint(1, 20)
        payload = generate(level, 1, index, {"failures": failures}, reference=False).payload
        calls, capacity = graph(payload, Hidden(payload).steps(), planned=False)
        assert all_ready(calls, capacity, payload.overhead) == simulated(payload)


def test_an_answer_names_its_steps() -> None:
    payload = errand(failures=0.5, secret="b")
    answer = reference(payload).answer
    assert answer is not None
    entries = [entry for turn in answer["turns"] for entry in turn]
    due = Hidden(payload).steps()
    assert sorted(map(step_of, entries)) == sorted(
        k for k, one in enumerate(due) for _ in range(1 + one.failing)
    )
    assert len({entry["id"] for entry in entries}) == len(entries)
