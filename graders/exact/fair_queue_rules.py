"""Policies of a cluster: of which job the next task begins. Each is made afresh for every run.

What a policy must know of arrivals it learns at its next pick: nothing is decided between.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from graders.exact.fair_queue_orders import random_ranks
from graders.exact.fair_queue_simulator import ClusterRun, Pick, QueuedJob

Size = Callable[[QueuedJob], float]
Key = Callable[[ClusterRun, QueuedJob], Any]
GRACE = 2000.0  # ms by which a user who was away may be ahead, UWFQ's default


def by_key(key: Key) -> Pick:
    """Return the policy that picks the smallest by a key, of equals the one that came first."""
    return lambda run: min(run.ready, key=lambda job: (key(run, job), job.id))


def ranked(ranks: Mapping[int, int]) -> Pick:
    """Return the policy that follows an order: ranks by the numbers of jobs."""
    return by_key(lambda _, job: ranks[job.id])


def random_order(count: int, seed: str) -> Pick:
    """Return a random order of so many jobs as a policy."""
    return ranked(dict(enumerate(random_ranks(count, seed))))


def guessed_size(job: QueuedJob) -> float:
    """Return the work of a job by its hint; without one by the mean of its tasks that ended."""
    if job.hint is not None:
        return float(max(job.hint, job.work))
    mean = job.work / job.ended if job.ended else 1000.0
    return mean * job.tasks


def fifo() -> Pick:
    """First come, first served: Spark's FIFO."""
    return by_key(lambda _, job: job.arrived)


def fair() -> Pick:
    """The job with the fewest running tasks: Spark's FAIR with a pool a job."""
    return by_key(lambda _, job: (job.running, job.arrived))


def user_fair() -> Pick:
    """The user with the fewest running tasks, then the job: Spark's FAIR with a pool a user."""

    def pick(run: ClusterRun) -> QueuedJob:
        running: dict[int, int] = {}
        for job in run.jobs:
            running[job.user] = running.get(job.user, 0) + job.running
        return min(run.ready, key=lambda j: (running[j.user], j.running, j.arrived, j.id))

    return pick


def least_served() -> Pick:
    """The user who has had the least of the cores so far, then first come."""

    def pick(run: ClusterRun) -> QueuedJob:
        served: dict[int, int] = {}
        for job in run.jobs:
            served[job.user] = served.get(job.user, 0) + job.work
        return min(run.ready, key=lambda j: (served[j.user], j.arrived, j.id))

    return pick


def shortest(size: Size = guessed_size) -> Pick:
    """The least work that is left."""
    return by_key(lambda _, job: size(job) - job.work)


# Virtual time ----------------------------------------------------------------------------------


class JobFair:
    """Fair queuing among jobs: the one that ends first on a fluid machine that jobs share.

    After the cluster fair queuing of its paper's comparison: Demers, Keshav & Shenker 1989.
    """

    def __init__(self, cores: int, size: Size) -> None:
        self.cores, self.size = cores, size
        self.virtual, self.moment, self.seen = 0.0, 0.0, 0
        self.active: dict[int, float] = {}
        self.due: dict[int, float] = {}

    def __call__(self, run: ClusterRun) -> QueuedJob:
        """Return the job that is due first."""
        for job in run.jobs[self.seen :]:
            self._advance(job.arrived)
            self.due[job.id] = self.active[job.id] = self.virtual + self.size(job)
        self.seen = len(run.jobs)
        return min(run.ready, key=lambda job: (self.due[job.id], job.id))

    def _advance(self, now: float) -> None:
        while self.active:
            first = min(self.active.values())
            share = self.cores / len(self.active)
            need = (first - self.virtual) / share
            if self.moment + need > now:
                self.virtual += (now - self.moment) * share
                break
            self.virtual, self.moment = first, self.moment + need
            self.active = {k: due for k, due in self.active.items() if due > first}
        self.moment = now


class _FairUser:
    """A user in UWFQ's virtual time.

    Attributes:
        virtual: what each of the user's jobs has got.
        start: the cluster's virtual time at which the first job that is there begins.
        end: and at which the last one ends.
        due: (virtual end, work) of each job that is there.
    """

    def __init__(self, start: float) -> None:
        self.virtual, self.start, self.end = 0.0, start, start
        self.due: dict[int, tuple[float, float]] = {}

    def advance(self, span: float, share: float) -> None:
        """Let a span of ms pass with a share of the cores; jobs that end go."""
        while self.due:
            part = share / len(self.due)
            first, number = min((due, k) for k, (due, _) in self.due.items())
            need = (first - self.virtual) / part
            if need > span:
                self.virtual += span * part
                return
            self.virtual, span = first, span - need
            self.start += self.due.pop(number)[1]


class UserWeightedFair:
    """UWFQ (arXiv 2510.15485): users share the cores, a user's jobs go one after another there.

    The order of a user's jobs is that of their ends if they shared the user's part; each is due
    where it would end in that order. A user who comes back within a grace takes up the old place.
    """

    def __init__(self, cores: int, size: Size, grace: float = GRACE) -> None:
        self.cores, self.size, self.grace = cores, size, grace * cores / 2
        self.virtual, self.moment, self.seen = 0.0, 0.0, 0
        self.users: dict[int, _FairUser] = {}
        self.away: dict[int, _FairUser] = {}
        self.due: dict[int, float] = {}

    def __call__(self, run: ClusterRun) -> QueuedJob:
        """Return the job that is due first."""
        for job in run.jobs[self.seen :]:
            self._advance(job.arrived)
            self._arrive(job)
        self.seen = len(run.jobs)
        return min(run.ready, key=lambda job: (self.due[job.id], job.id))

    def _advance(self, now: float) -> None:
        while self.users:
            share = self.cores / len(self.users)
            first, name = min((user.end, name) for name, user in self.users.items())
            need = max(0.0, (first - self.virtual) / share)
            span = min(need, now - self.moment)
            for user in self.users.values():
                user.advance(span, share)
            if need > now - self.moment:
                self.virtual += span * share
                break
            self.virtual, self.moment = first, self.moment + need
            self.away[name] = self.users.pop(name)
        self.moment = now

    def _arrive(self, job: QueuedJob) -> None:
        user = self.users.get(job.user)
        if user is None:
            user = self.away.pop(job.user, None)
            if user is None or self.virtual - user.end > self.grace:
                user = _FairUser(self.virtual)
            user.due, user.start = {}, max(user.start, user.end)
            self.users[job.user] = user
        size = self.size(job)
        user.due[job.id] = (user.virtual + size, size)
        end = user.start
        for _, number, work in sorted((due, k, work) for k, (due, work) in user.due.items()):
            end += work
            self.due[number] = end
        user.end = end


def job_fair(size: Size = guessed_size) -> Pick:
    """Fair queuing among jobs, by hints."""
    return _at_first(lambda run: JobFair(run.cores, size))


def uwfq(size: Size = guessed_size) -> Pick:
    """User-weighted fair queuing, by hints."""
    return _at_first(lambda run: UserWeightedFair(run.cores, size))


def _at_first(make: Callable[[ClusterRun], Pick]) -> Pick:
    """Return a policy that is made at its first pick, when the number of cores is known."""
    policy: list[Pick] = []

    def pick(run: ClusterRun) -> Any:
        if not policy:
            policy.append(make(run))
        return policy[0](run)

    return pick


def earliest_due(dues: Sequence[int]) -> Pick:
    """Return the policy that picks the job that is due first: clairvoyant, as limits are hidden."""
    return by_key(lambda _, job: dues[job.id])


def least_slack(dues: Sequence[int], works: Sequence[int]) -> Pick:
    """Return the policy of the least slack by true work; jobs that are late come last, shortest.

    Args:
        dues: the moments, in ms, at which jobs are due.
        works: ms of all tasks of each.
    """

    def key(run: ClusterRun, job: QueuedJob) -> tuple[bool, float]:
        left = (works[job.id] - job.work) / run.cores
        slack = dues[job.id] - run.now - left
        return slack < 0, left if slack < 0 else slack

    return by_key(key)


POLICIES: dict[str, tuple[str, Callable[[], Pick]]] = {
    "fifo": ("first come, first served (Spark's FIFO)", fifo),
    "fair": ("the job with the fewest running tasks (Spark's FAIR)", fair),
    "user-fair": ("the user with the fewest running tasks (a pool a user)", user_fair),
    "least-served": ("the user who has had the least", least_served),
    "shortest": ("the least work left by hint", shortest),
    "job-fair": ("fair queuing among jobs, by hint", job_fair),
    "uwfq": ("user-weighted fair queuing, by hint", uwfq),
}
