"""Tasks that come to hosts one by one: integers, standard library alone.

Its text runs in the sandbox beside programs and out here. When a task comes, `place(task, hosts)`
picks one of the hosts in use that have room for it, or None: a new one. The log of a run is the
number of the host of each task, from 1 in the order in which hosts came into use.
"""

from collections.abc import Callable, Mapping, Sequence
from heapq import heappop, heappush
from typing import Any


class RefusedPlace(Exception):
    """An error about a place that is none; `kind` names the rule."""

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(detail)
        self.kind = kind


class ComingTask:
    """A task as a scheduler sees it.

    Attributes:
        id: its number, from 0.
        at: when it came, in s.
        cpu, memory: what it takes.
        guess: of the s that it stays, or None.
    """

    __slots__ = ("at", "cpu", "guess", "id", "memory")

    def __init__(self, number: int, spec: Mapping[str, Any]) -> None:
        self.id = number
        self.at: int = spec["at"]
        self.cpu: int = spec["cpu"]
        self.memory: int = spec["memory"]
        self.guess: int | None = spec["guess"]


class UsedHost:
    """A host in use as a scheduler sees it.

    Attributes:
        number: from 1, in the order in which hosts came into use.
        since: since when it is in use, in s.
        cpu, memory: what is free of it.
        all_cpu, all_memory: what it has.
        tasks: those that lie on it, in the order of their coming.
    """

    __slots__ = ("all_cpu", "all_memory", "cpu", "memory", "number", "since", "tasks")

    def __init__(self, number: int, since: int, cpu: int, memory: int) -> None:
        self.number, self.since = number, since
        self.cpu, self.memory = cpu, memory
        self.all_cpu, self.all_memory = cpu, memory
        self.tasks: list[ComingTask] = []


Place = Callable[[ComingTask, Sequence[UsedHost]], Any]


class PlacementRun:
    """A run of a fleet.

    Attributes:
        now: s.
        cpu, memory: of a host.
        hosts: those in use, in the order in which they came into use.
        log: the number of the host of each task that has come.
    """

    def __init__(self, case: Mapping[str, Any], place: Place, until: int | None = None) -> None:
        """Prepare a run.

        Args:
            case: a fleet as JSON, times in s.
            place: returns the place in the list of hosts that it is given, or None.
            until: tasks after which the run ends; None: after all.
        """
        self.place, self.until = place, until
        self.now = 0
        self.cpu: int = case["cpu"]
        self.memory: int = case["memory"]
        self.hosts: list[UsedHost] = []
        self.log: list[int] = []
        self.times = [task["time"] for task in case["tasks"]]
        self._specs = case["tasks"]
        self._ends: list[tuple[int, int, UsedHost]] = []  # of tasks: when, number, host
        self._count = 0  # of hosts that were ever in use

    def run(self) -> list[int]:
        """Place all tasks and return the log.

        Raises:
            RefusedPlace: one has no room.
        """
        for number, spec in enumerate(self._specs[: self.until]):
            self.now = spec["at"]
            while self._ends and self._ends[0][0] <= self.now:
                _, gone, host = heappop(self._ends)
                self._end(gone, host)
            self._come(ComingTask(number, spec))
        return self.log

    def _end(self, number: int, host: UsedHost) -> None:
        [task] = [task for task in host.tasks if task.id == number]
        host.tasks.remove(task)
        host.cpu += task.cpu
        host.memory += task.memory
        if not host.tasks:
            self.hosts.remove(host)

    def _come(self, task: ComingTask) -> None:
        able = [h for h in self.hosts if h.cpu >= task.cpu and h.memory >= task.memory]
        choice = self.place(task, able)
        if choice is None:
            self._count += 1
            host = UsedHost(self._count, self.now, self.cpu, self.memory)
            self.hosts.append(host)
        elif type(choice) is int and 0 <= choice < len(able):
            host = able[choice]
        else:
            raise RefusedPlace("place", f"task {task.id}: {choice!r:.60} of {len(able)} hosts")
        host.tasks.append(task)
        host.cpu -= task.cpu
        host.memory -= task.memory
        heappush(self._ends, (self.now + self.times[task.id], task.id, host))
        self.log.append(host.number)
