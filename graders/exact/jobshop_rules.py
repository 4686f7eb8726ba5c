"""Dispatching rules for job shops, each with a schedule generator that is named.

A rule is a key: of the operations that may go next, the one of least key does, ties to the earlier
job. Which may go next is the generator's part, and makes as much of a difference as the rule:

- `nondelay`: whatever can start first; no machine ever waits for an operation that is not there.
- `active`: those on the machine of the earliest possible end that can start before it (Giffler &
  Thompson 1960); no operation could start earlier without another starting later.
- `semiactive`: the next operation of every job, whenever it can start; it goes behind all that its
  machine has so far.

Jobs and machines are indices here, in the order of the payload and of `machines_of`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

from tasks.jobshop import Shop, machines_of, merged_shutdowns

Spans: TypeAlias = tuple[tuple[int, int], ...]
Starts: TypeAlias = list[list[int]]  # by job and operation, in time units
Generator: TypeAlias = Literal["nondelay", "active", "semiactive"]
GENERATORS: tuple[Generator, ...] = ("nondelay", "active", "semiactive")


@dataclass(frozen=True, slots=True)
class IndexedShop:
    """A shop by indices: n jobs and m machines.

    Attributes:
        ids: of the jobs.
        routes: for each job (machine, time) of its operations.
        down: for each machine its shutdowns, disjoint and sorted [start, end).
    """

    ids: tuple[str, ...]
    routes: tuple[Spans, ...]
    down: tuple[Spans, ...]

    def makespan(self, starts: Starts) -> int:
        """Return the end of the last operation."""
        return max(row[-1] + route[-1][1] for row, route in zip(starts, self.routes, strict=True))

    def by_id(self, starts: Starts) -> dict[str, list[int]]:
        """Return start times by the ids of jobs."""
        return dict(zip(self.ids, starts, strict=True))


def index_shop(shop: Shop) -> IndexedShop:
    """Translate a shop into indices, once, for any number of schedules."""
    number = {name: k for k, name in enumerate(machines_of(shop))}
    down = merged_shutdowns(shop)
    return IndexedShop(
        ids=tuple(job.id for job in shop.jobs),
        routes=tuple(
            tuple((number[step.machine], step.time) for step in job.operations) for job in shop.jobs
        ),
        down=tuple(down[name] for name in number),
    )


class NextStep(NamedTuple):
    """The part of an operation that a rule may look at.

    Attributes:
        time: that it takes.
        ready: since when its job waits for it.
        work: what is left of its job, itself included, in time units.
        operations: how many are left of its job, itself included.
    """

    time: int
    ready: int
    work: int
    operations: int


Rule: TypeAlias = Callable[[NextStep], float]
RULES: Mapping[str, Rule] = {  # the least first
    "spt": lambda step: step.time,
    "lpt": lambda step: -step.time,
    "fifo": lambda step: step.ready,
    "mwkr": lambda step: -step.work,
    "lwkr": lambda step: step.work,
    "mor": lambda step: -step.operations,
    "lor": lambda step: step.operations,
}


def clear(start: int, time: int, down: Spans) -> int:
    """Return the first moment from `start` on at which an operation fits between shutdowns."""
    for begin, end in down:
        if start < end and begin < start + time:
            start = end
    return start


def in_turn(shop: IndexedShop) -> Starts:
    """Return the schedule of one job after another: valid in every shop, and the longest here."""
    moment, starts = 0, []
    for route in shop.routes:
        row = []
        for machine, time in route:
            moment = clear(moment, time, shop.down[machine])
            row.append(moment)
            moment += time
        starts.append(row)
    return starts


def dispatch(
    shop: IndexedShop,
    rule: Rule,
    generator: Generator = "nondelay",
    *,
    buffers: str = "free",
    careful: bool = False,
) -> Starts | None:
    """Return the schedule of a rule; None if the rule runs into a deadlock.

    Args:
        shop: n jobs.
        rule: of the least key.
        generator: which operations it chooses among. Where jobs wait on their machines there is
            only `nondelay`; the others know of no blocking, and their schedules may break it.
        buffers: of the shop. With `swap` there is no deadlock: jobs that wait for each other's
            machines exchange them.
        careful: whether with `none` a job moves only if then all that are in the shop could still
            leave it, so that there is no deadlock (a banker's rule).
    """
    if buffers != "free" and generator == "nondelay":
        is_careful = careful and buffers == "none"
        return _BlockingRun(shop, rule, swap=buffers == "swap", careful=is_careful).schedule()
    return _FreeRun(shop, rule).schedule(generator)


class _Choice(NamedTuple):
    """An operation that could go next: its earliest start and end, its job and machine."""

    start: int
    end: int
    job: int
    machine: int


class _Progress:
    """Counts how far jobs are: the next operation, since when it is ready, the work left."""

    def __init__(self, shop: IndexedShop, rule: Rule) -> None:
        count = len(shop.routes)
        self.shop, self._rule = shop, rule
        self.next = [0] * count
        self.ready = [0] * count
        self.starts: Starts = [[] for _ in range(count)]
        self._work = [sum(time for _, time in route) for route in shop.routes]

    def is_through(self, job: int) -> bool:
        """Return whether all operations of a job have begun."""
        return self.next[job] == len(self.shop.routes[job])

    def step(self, job: int) -> tuple[int, int]:
        """Return machine and time of a job's next operation."""
        return self.shop.routes[job][self.next[job]]

    def key(self, job: int) -> tuple[float, int]:
        """Return the rule's key of a job's next operation; ties go to the earlier job."""
        done, route = self.next[job], self.shop.routes[job]
        step = NextStep(route[done][1], self.ready[job], self._work[job], len(route) - done)
        return self._rule(step), job

    def begin(self, job: int, start: int) -> int:
        """Begin a job's next operation and return its end."""
        _, time = self.step(job)
        self.starts[job].append(start)
        self.next[job] += 1
        self._work[job] -= time
        self.ready[job] = start + time
        return start + time


class _FreeRun:
    """Places one operation after another where jobs may wait anywhere."""

    def __init__(self, shop: IndexedShop, rule: Rule) -> None:
        self._at = _Progress(shop, rule)
        self._free = [0] * len(shop.down)

    def schedule(self, generator: Generator) -> Starts:
        """Return the whole schedule."""
        at = self._at
        while choices := list(self._choices()):
            job = min((each.job for each in _contenders(choices, generator)), key=at.key)
            chosen = next(each for each in choices if each.job == job)
            self._free[chosen.machine] = at.begin(job, chosen.start)
        return at.starts

    def _choices(self) -> Iterator[_Choice]:
        at = self._at
        for job in range(len(at.starts)):
            if not at.is_through(job):
                machine, time = at.step(job)
                earliest = max(at.ready[job], self._free[machine])
                start = clear(earliest, time, at.shop.down[machine])
                yield _Choice(start, start + time, job, machine)


def _contenders(choices: Sequence[_Choice], generator: Generator) -> list[_Choice]:
    """Return those among which a rule chooses."""
    if generator == "semiactive":
        return list(choices)
    if generator == "nondelay":
        first = min(each.start for each in choices)
        return [each for each in choices if each.start == first]
    end, _, machine = min((each.end, each.start, each.machine) for each in choices)
    return [each for each in choices if each.machine == machine and each.start < end]


class _BlockingRun:
    """Runs a shop in which a job stays on its machine until it can move on.

    `_place` is the machine that a job is on, None outside; `_owner` the job that is on a machine.
    """

    def __init__(self, shop: IndexedShop, rule: Rule, *, swap: bool, careful: bool) -> None:
        self._at = _Progress(shop, rule)
        self._swap, self._careful = swap, careful
        self._place: list[int | None] = [None] * len(shop.routes)
        self._owner: dict[int, int] = {}
        self._moment = 0

    def schedule(self) -> Starts | None:
        """Return the whole schedule; None if nothing moves any more."""
        while True:
            while self._leave() or self._move() or (self._swap and self._exchange()):
                pass
            future = [moment for moment in self._events() if moment > self._moment]
            if not future:
                is_over = not self._owner and all(map(self._at.is_through, self._jobs))
                return self._at.starts if is_over else None
            self._moment = min(future)

    @property
    def _jobs(self) -> range:
        return range(len(self._place))

    def _events(self) -> Iterator[int]:
        """Yield when something may change: the ends of operations and of shutdowns."""
        yield from (self._at.ready[job] for job in self._owner.values())
        if not all(map(self._at.is_through, self._jobs)):
            yield from (end for spans in self._at.shop.down for _, end in spans)

    def _leave(self) -> bool:
        """Let the jobs go that are through; return whether there were any."""
        gone = [job for job in self._owner.values() if self._is_done(job)]
        for job in gone:
            self._clear_place(job)
        return bool(gone)

    def _is_done(self, job: int) -> bool:
        return self._at.is_through(job) and self._at.ready[job] <= self._moment

    def _clear_place(self, job: int) -> None:
        place = self._place[job]
        if place is not None:
            del self._owner[place]
            self._place[job] = None

    def _move(self) -> bool:
        """Begin the operation that the rule wants first; return whether there was one."""
        movable = [job for job in self._jobs if self._may_enter(job)]
        if not movable:
            return False
        job = min(movable, key=self._at.key)
        self._clear_place(job)
        self._enter(job)
        return True

    def _may_enter(self, job: int) -> bool:
        if not self._wants(job):
            return False
        machine, _ = self._at.step(job)
        is_open = self._owner.get(machine, job) == job
        return is_open and (not self._careful or self._is_safe_after(job))

    def _wants(self, job: int) -> bool:
        """Return whether a job's next operation could run now if its machine were empty."""
        at = self._at
        if at.is_through(job) or at.ready[job] > self._moment:
            return False
        machine, time = at.step(job)
        return clear(self._moment, time, at.shop.down[machine]) == self._moment

    def _enter(self, job: int) -> None:
        machine, _ = self._at.step(job)
        self._owner[machine], self._place[job] = job, machine
        self._at.begin(job, self._moment)

    def _exchange(self) -> bool:
        """Turn the first ring of jobs that wait for each other's machines, if there is one."""
        for first in list(self._owner.values()):
            ring, job = list[int](), first
            while job not in ring and self._waits_for_another(job):
                ring.append(job)
                job = self._owner[self._at.step(job)[0]]
            if ring and job == first:
                for each in ring:
                    self._clear_place(each)
                for each in ring:
                    self._enter(each)
                return True
        return False

    def _waits_for_another(self, job: int) -> bool:
        return self._wants(job) and self._at.step(job)[0] in self._owner

    def _is_safe_after(self, job: int) -> bool:
        """Return whether all jobs inside could leave one after another once this one has moved."""
        at = self._at
        places = {each: self._place[each] for each in self._owner.values()}
        places[job] = at.step(job)[0]
        further = {each: at.next[each] + (each == job) for each in places}
        while places:
            free = next((each for each in places if self._can_leave(each, places, further)), None)
            if free is None:
                return False
            del places[free]
        return True

    def _can_leave(
        self, job: int, places: Mapping[int, int | None], further: Mapping[int, int]
    ) -> bool:
        """Return whether a job's way out is free of the others that are inside."""
        taken = {place for each, place in places.items() if each != job}
        route = self._at.shop.routes[job]
        return all(machine not in taken for machine, _ in route[further[job] :])
