"""A cluster of cores on which jobs of users run, task by task: integers, standard library alone.

Its text runs in the sandbox beside programs and out here on what they decided. Whenever a core is
free and a task can begin, `pick(cluster)` says of which job; what it picked, by numbers of jobs, is
the log of a run. `replayed` makes a policy of a log: what comes out of that is what happened.
"""

from collections.abc import Callable, Mapping, Sequence
from heapq import heappop, heappush
from typing import Any

Pick = Callable[["ClusterRun"], Any]


class RefusedPick(Exception):
    """An error about a pick that breaks a rule; `kind` names the rule."""

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(detail)
        self.kind = kind


class QueuedJob:
    """A job as a scheduler sees it.

    Attributes:
        id: its number, by arrival, from 0.
        user: whose it is.
        arrived: when it came, in ms.
        hint: a guess of the ms of all its tasks together, or None.
        stages, tasks: how many it has in all.
        stage: the number of the one that runs, from 0.
        waiting: tasks of its stage that have not begun.
        running: tasks that have begun and not ended.
        ended: tasks that have ended, in all stages.
        work: ms that those have lasted together.
        done: when its last task ended, in ms, or None.
    """

    __slots__ = (
        "arrived",
        "done",
        "ended",
        "hint",
        "id",
        "running",
        "stage",
        "stages",
        "tasks",
        "user",
        "waiting",
        "work",
    )

    def __init__(self, number: int, spec: Mapping[str, Any]) -> None:
        self.id = number
        self.user: int = spec["user"]
        self.arrived: int = spec["at"]
        self.hint: int | None = spec["hint"]
        self.stages = len(spec["stages"])
        self.tasks = sum(map(len, spec["stages"]))
        self.stage = self.running = self.ended = self.work = 0
        self.waiting = len(spec["stages"][0])
        self.done: int | None = None


class ClusterRun:
    """A run of a cluster.

    Attributes:
        now: ms.
        cores, free: how many there are, and how many have nothing to do.
        ready: jobs that have a task that can begin, in the order in which they got one.
        jobs: all that have come, by their numbers.
        log: the numbers of the jobs that were picked.
    """

    def __init__(self, case: Mapping[str, Any], pick: Pick, until: int | None = None) -> None:
        """Prepare a run.

        Args:
            case: a cluster as JSON, times in ms.
            pick: returns a job of `ready`, or its number.
            until: picks after which the run ends; None: when all jobs have.
        """
        self.pick, self.until = pick, until
        self.now, self.cores, self.free = 0, case["cores"], case["cores"]
        self.ready: list[QueuedJob] = []
        self.jobs: list[QueuedJob] = []
        self.log: list[int] = []
        self.lengths = [job["stages"] for job in case["jobs"]]
        self._coming = list(reversed([*enumerate(case["jobs"])]))
        self._ends: list[tuple[int, int, int, int]] = []  # tasks: end, number of pick, job, length

    def run(self) -> list[int]:
        """Run to the end and return the log.

        Raises:
            RefusedPick: one breaks a rule.
        """
        while (self._coming or self._ends) and not self.is_over:
            self._go_on()
            while self.free and self.ready and not self.is_over:
                self._begin()
        return self.log

    @property
    def is_over(self) -> bool:
        """Return whether as many picks as are wanted have been made."""
        return self.until is not None and len(self.log) >= self.until

    def _go_on(self) -> None:
        """Go to the next moment at which a task ends or a job comes, and note all of them."""
        times = [self._ends[0][0]] if self._ends else []
        if self._coming:
            times.append(self._coming[-1][1]["at"])
        self.now = min(times)
        while self._ends and self._ends[0][0] == self.now:
            _, _, number, length = heappop(self._ends)
            self._end(self.jobs[number], length)
        while self._coming and self._coming[-1][1]["at"] == self.now:
            job = QueuedJob(*self._coming.pop())
            self.jobs.append(job)
            self.ready.append(job)

    def _end(self, job: QueuedJob, length: int) -> None:
        job.running -= 1
        job.ended += 1
        job.work += length
        self.free += 1
        if job.running or job.waiting:
            return
        job.stage += 1
        if job.stage == job.stages:
            job.done = self.now
            return
        job.waiting = len(self.lengths[job.id][job.stage])
        self.ready.append(job)

    def _begin(self) -> None:
        picked = self.pick(self)
        number = picked.id if isinstance(picked, QueuedJob) else picked
        if type(number) is not int or not 0 <= number < len(self.jobs):
            raise RefusedPick("unknown", f"pick {len(self.log)}: {number!r:.60} is no job here")
        job = self.jobs[number]
        if job not in self.ready:
            raise RefusedPick("ready", f"pick {len(self.log)}: job {number} has no task to begin")
        lengths = self.lengths[number][job.stage]
        length = lengths[len(lengths) - job.waiting]
        heappush(self._ends, (self.now + length, len(self.log), number, length))
        self.log.append(number)
        job.waiting -= 1
        job.running += 1
        self.free -= 1
        if not job.waiting:
            self.ready.remove(job)


def replayed(log: Sequence[int]) -> Pick:
    """Return a log as a policy; one that is too short is refused when it has come to its end."""
    picks = iter(log)

    def pick(cluster: ClusterRun) -> Any:
        number = next(picks, None)
        if number is None:
            raise RefusedPick("short", f"the log ends after {len(cluster.log)} picks")
        return number

    return pick
