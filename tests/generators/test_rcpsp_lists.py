"""Schedules in wide integers are those of the serial scheme, to every start."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from generators.rcpsp_lists import WideScheme
from graders.exact import sgs
from tasks.rcpsp import Downtime, Project, Resource, Task, Window
from tests.depth import examples


@st.composite
def projects(draw: st.DrawFn) -> Project:
    """A project of some tasks, also without duration or demand, with downtimes and releases."""
    count, width = draw(st.integers(1, 9)), draw(st.integers(0, 4))
    resources = [Resource(f"R{k}", draw(st.integers(1, 9))) for k in range(width)]
    demands = [
        {r.id: draw(st.integers(0, r.capacity)) for r in resources if draw(st.booleans())}
        for _ in range(count)
    ]
    tasks = [Task(f"T{k}", draw(st.integers(0, 9)), demands[k]) for k in range(count)]
    pairs = [(a.id, b.id) for k, b in enumerate(tasks) for a in tasks[:k] if draw(st.booleans())]
    downtimes = []
    for resource in resources:
        start = 0
        for _ in range(draw(st.integers(0, 2))):
            start += draw(st.integers(0, 9))
            end = start + draw(st.integers(1, 6))
            downtimes.append(Downtime(resource.id, start, end))
            start = end + 1
    late = [Window(t.id, draw(st.integers(0, 20)), 300) for t in tasks if draw(st.booleans())]
    return Project(
        tasks=tuple(tasks),
        resources=tuple(resources),
        precedences=tuple(pairs),
        downtimes=tuple(downtimes),
        windows=tuple(late),
        disjunctions=(),
        horizon=300,
    )


@examples(300)
@given(projects(), st.integers(0, 10**6))
def test_they_are_those_of_the_serial_scheme(project: Project, seed: int) -> None:
    compiled = sgs.compile_project(project)
    scheme, here, there = WideScheme(compiled), Random(f"a/{seed}"), Random(f"a/{seed}")
    for _ in range(3):
        order = sgs.random_list(compiled, there)
        assert scheme.random_schedule(here) == sgs.serial(compiled, order)
    assert here.random() == there.random()
