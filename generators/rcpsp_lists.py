"""List schedules of small projects in wide integers: what `graders.exact.sgs.serial` makes, faster.

A moment has a field of bits for each resource, with the units in use, all in one integer. Adding
what a task demands at every moment carries into a field's highest bit where capacity is short, so
where a task fits, and what it takes, are a few operations whatever else is there (Lamport, 1975,
"Multiple byte processing with full-word instructions"). It pays while a project takes little time.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from random import Random

from graders.exact import sgs
from graders.exact.sgs import Compiled
from graders.exact.sgs_kernel import PlainScheduler, RandomSchedules, scheduler
from tasks.rcpsp import Window

SMALL = 50  # tasks to which lists are scheduled in wide integers


class WideScheme:
    """The serial scheme for a project of n tasks without disjunctions, for any number of schedules.

    Args:
        project: the compiled project.
    """

    def __init__(self, project: Compiled) -> None:
        self._project = project
        self._bits = max(project.capacities, default=0).bit_length() + 1  # of a field
        self._moment = max(1, self._bits * len(project.capacities))  # bits of a moment
        ends = [end for spans in project.downtimes for _, end in spans]
        moments = max(ends, default=0) + max(project.releases) + sum(project.durations) + 1
        every = self._at_moments(0, moments)
        self._high = every * self._fields(dict.fromkeys(range(len(project.capacities)), 1))
        self._high <<= self._bits - 1  # the highest bit of each field
        self._free = every << self._bits - 1  # that of the first field of each moment
        self._down = self._downtimes()
        self._folds = [r * self._bits for r in range(1, len(project.capacities))]
        self._waiting = [len(group) for group in project.predecessors]
        self._first = [i for i, count in enumerate(self._waiting) if not count]
        self._tests, self._taken, self._spreads = self._tasks(every)

    def _tasks(self, every: int) -> tuple[list[int], list[int], list[list[int]]]:
        """Return of each task what finds where it fits, what it takes, and steps of its time.

        Args:
            every: the lowest bit of each moment.
        """
        demands = [dict(pairs) for pairs in self._project.demands]
        durations = self._project.durations
        taken = [
            self._at_moments(0, duration) * self._fields(amounts)
            for amounts, duration in zip(demands, durations, strict=True)
        ]
        return (
            [every * self._excess(amounts) for amounts in demands],
            taken,
            [[n * self._moment for n in _doublings(duration)] for duration in durations],
        )

    def _at_moments(self, start: int, end: int) -> int:
        """Return the lowest bit of each moment in [start, end)."""
        return sum(1 << moment * self._moment for moment in range(start, end))

    def _fields(self, amounts: Mapping[int, int]) -> int:
        """Return units of some resources in the fields of the first moment."""
        return sum(amount << r * self._bits for r, amount in amounts.items())

    def _excess(self, demands: Mapping[int, int]) -> int:
        """Return what carries into the highest bit of a field where too many units are in use."""
        most, capacities = (1 << self._bits - 1) - 1, self._project.capacities
        return self._fields({r: q + most - capacities[r] for r, q in demands.items()})

    def _downtimes(self) -> int:
        """Return the units in use before any task is placed: all of them in downtimes."""
        used = 0
        project = self._project
        resources = zip(project.capacities, project.downtimes, strict=True)
        for r, (capacity, downtimes) in enumerate(resources):
            for start, end in downtimes:
                used += self._at_moments(start, end) * self._fields({r: capacity})
        return used

    def random_schedule(self, rng: Random) -> list[int]:
        """Place the tasks one by one, each as early as it fits; return the n start times.

        They come as in a list of `graders.exact.sgs.random_list`.

        Args:
            rng: the generator; `random()` is called n times.
        """
        starts, waiting, ready = [*self._project.releases], [*self._waiting], [*self._first]
        durations, successors, draw = self._project.durations, self._project.successors, rng.random
        tests, taken, moment, used = self._tests, self._taken, self._moment, self._down
        while ready:
            k = int(draw() * len(ready))
            i, ready[k] = ready[k], ready[-1]
            ready.pop()
            place = starts[i] * moment
            if short := (used >> place) + tests[i] & self._high:
                place += self._first_gap(short, self._spreads[i])
                starts[i] = place // moment
            used += taken[i] << place
            end = starts[i] + durations[i]
            for j in successors[i]:
                if starts[j] < end:
                    starts[j] = end
                waiting[j] -= 1
                if not waiting[j]:
                    ready.append(j)
        return starts

    def _first_gap(self, short: int, spreads: Sequence[int]) -> int:
        """Return the place of the first moment from which nothing is short for a task's time."""
        blocked = short
        for shift in self._folds:
            blocked |= short >> shift
        blocked &= self._free
        for shift in spreads:
            blocked |= blocked >> shift
        free = self._free ^ blocked
        return (free & -free).bit_length() - self._bits


def _doublings(duration: int) -> list[int]:
    """Return steps by which a bit, copied by each in turn, is at so many moments on end."""
    width, steps = 1, []
    while width < duration:
        steps.append(min(width, duration - width))
        width += steps[-1]
    return steps


def list_schedules(project: Compiled, count: int, rng: Random) -> RandomSchedules:
    """Draw list schedules.

    Args:
        project: the compiled project of n tasks, without disjunctions.
        count: of schedules.
        rng: the generator.
    """
    schedules = scheduler(project)
    if isinstance(schedules, PlainScheduler) and len(project.ids) <= SMALL:
        scheme = WideScheme(project)
        starts = [scheme.random_schedule(rng) for _ in range(count)]
        return RandomSchedules(starts, min(starts, key=lambda each: sgs.makespan(project, each)))
    return schedules.random_schedules(rng, count)


def relaxed(project: Compiled, windows: Sequence[Window], horizon: int) -> Compiled:
    """Return a compiled project under precedence, windows and a horizon alone."""
    spans = {window.task: (window.release, min(window.deadline, horizon)) for window in windows}
    releases, deadlines = zip(*(spans.get(name, (0, horizon)) for name in project.ids), strict=True)
    return replace(
        project,
        demands=((),) * len(project.ids),
        partners=((),) * len(project.ids),
        downtimes=((),) * len(project.capacities),
        releases=releases,
        deadlines=deadlines,
        horizon=horizon,
    )
