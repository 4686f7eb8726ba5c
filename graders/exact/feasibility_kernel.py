"""A compiled search for schedules under some of a project's constraints.

It decides what `feasibility.has_schedule` decides, for few tasks, and for set after set of the
constraints of one project. Where the install had no C compiler, that function does.
"""

import ctypes
from collections.abc import Collection, Iterable
from functools import cache, cached_property
from itertools import chain

from graders.exact.kernels import NO_MEMORY, PAUSED, Kernel, Longs, longs
from graders.exact.rcpsp_kernel import MET, MOST_TASKS
from tasks.feasibility import constraints
from tasks.rcpsp import Project, topological_order

_MOST = 1 << 62  # what no sum or product in the kernel may reach
_PRECEDENCE, _DOWNTIME, _WINDOW, _DISJUNCTION = range(4)

KERNEL = Kernel(
    "feasibility",
    ("feasibility_kernel.c", "rcpsp_layers.h", "rcpsp_state.h"),
    {
        "feasibility_decide": (
            [Longs, ctypes.c_char_p, ctypes.c_int64, ctypes.c_int64],
            ctypes.c_int,
        )
    },
)


@cache
def library() -> ctypes.CDLL | None:
    """Return the compiled kernel, or None if there is none for this machine and these sources."""
    return KERNEL.load(KERNEL.place, KERNEL.paths)


def decider(project: Project) -> "Decider | None":
    """Return what decides whether constraints of a project leave a schedule; None without one."""
    kernel = library()
    return Decider(kernel, project) if kernel and fits(project) else None


def fits(project: Project) -> bool:
    """Return whether the kernel can hold a project, and none of its sums and products overflows."""
    ends: dict[str, int] = {}
    for downtime in project.downtimes:  # those of a resource are to stand in their order
        if downtime.start < ends.get(downtime.resource, 0):
            return False
        ends[downtime.resource] = downtime.end
    times = 2 * project.horizon + sum([task.duration for task in project.tasks])
    times += sum([downtime.end for downtime in project.downtimes])
    times += sum([abs(window.release) + abs(window.deadline) for window in project.windows])
    units = max([0, *[resource.capacity for resource in project.resources]])
    return len(project.tasks) <= MOST_TASKS and times * (1 + units) < _MOST


class Decider:
    """Decides which constraints of a project, by their labels, leave a schedule."""

    def __init__(self, kernel: ctypes.CDLL, project: Project) -> None:
        self._kernel, self._project = kernel, project
        tasks, order = {task.id: task for task in project.tasks}, topological_order(project)
        resources = [resource.id for resource in project.resources]
        rows = _rows(project, order, resources)
        self._count = len(rows)
        numbers = [len(order), len(resources), len(rows)]
        numbers += [tasks[name].duration for name in order]
        numbers += [resource.capacity for resource in project.resources]
        for task in map(tasks.__getitem__, order):
            demands = task.demands if task.duration else {}
            numbers += [demands.get(resource, 0) for resource in resources]
        numbers += chain.from_iterable(rows)
        self._numbers = longs(numbers)

    @cached_property
    def _labels(self) -> tuple[str, ...]:
        return tuple(constraints(self._project))

    def has_schedule(
        self, children: int, labels: Collection[str] | None = None, *, end: int | None = None
    ) -> bool | None:
        """Return whether constraints leave a schedule; None if that takes too many states.

        Args:
            children: states that the search may make.
            labels: of the constraints; all if not given.
            end: by which all tasks are to end, at most the horizon; the horizon if not given.

        Raises:
            MemoryError: if the kernel gets no memory.
        """
        chosen = b"\1" * self._count
        if labels is not None:
            chosen = bytes(map(set(labels).__contains__, self._labels))
        horizon = self._project.horizon if end is None else end
        status = self._kernel.feasibility_decide(self._numbers, chosen, horizon, children)
        if status == NO_MEMORY:
            raise MemoryError("feasibility kernel: no memory for a search")
        return None if status == PAUSED else status == MET


def _rows(
    project: Project, order: Iterable[str], resources: Iterable[str]
) -> list[tuple[int, int, int, int]]:
    """Return constraints as the kernel reads them, in the order of their labels."""
    place = {name: k for k, name in enumerate(order)}
    number = {name: k for k, name in enumerate(resources)}
    return [
        *[(_PRECEDENCE, place[a], place[b], 0) for a, b in project.precedences],
        *[(_DOWNTIME, number[d.resource], d.start, d.end) for d in project.downtimes],
        *[(_WINDOW, place[w.task], w.release, w.deadline) for w in project.windows],
        *[(_DISJUNCTION, place[a], place[b], 0) for a, b in project.disjunctions],
    ]
