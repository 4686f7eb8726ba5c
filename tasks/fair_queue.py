"""Jobs of several users on the cores of a cluster: the payload, the answer's schema, the world.

A job has stages, one after another; a stage has tasks that may run beside each other. A task takes
one core, is not interrupted, and how long it lasts shows only at its end. An answer is an order of
jobs, by which every core that is free takes the next task; from a file also a log of picks, as a
program makes them (see `graders.exact.fair_queue_simulator`).
"""

from tasks.base import Fields, Instance, Noun, Outcome, Program
from tasks.checks import check_unique
from tasks.one_shot import ask_once, parsed_answer
from tasks.parse import LONGEST_LOG
from tasks.prompts import Prompts
from tasks.schemas import AnswerForm, array_schema, object_schema, permutation_schema
from tasks.spelling import GIVEN, Mends, ids_of, respelt

VERSION = 1
TEMPLATES = ("fair-queue/order.j2",)
KEY = "schedule"  # of the answer object
LONGEST = 10**9  # of a time in ms


class ClusterJob(Noun, frozen=True):
    """A job of a user.

    Attributes:
        id: unique.
        user: whose it is, from 0.
        at: when it comes, in ms.
        stages: how many ms each task of each stage lasts, in the order in which they begin.
        hint: a guess of the ms that all its tasks last together, or None.
    """

    id: str
    user: int
    at: int
    stages: tuple[tuple[int, ...], ...]
    hint: int | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.at <= LONGEST:
            raise ValueError(f"job {self.id}: it comes at {self.at}, not from 0 to {LONGEST} ms")
        if self.user < 0:
            raise ValueError(f"job {self.id}: user {self.user} is below 0")
        if not self.stages or not all(self.stages):
            raise ValueError(f"job {self.id}: there must be a stage, and a task in each")
        times = [time for stage in self.stages for time in stage]
        if min(times) < 1 or max(times) > LONGEST:
            raise ValueError(f"job {self.id}: its tasks last {min(times)} to {max(times)} ms")
        if self.hint is not None and self.hint < 1:
            raise ValueError(f"job {self.id}: hint {self.hint} is below 1")

    @property
    def work(self) -> int:
        """Return the ms that all its tasks last together."""
        return sum(map(sum, self.stages))


class SharedCluster(Noun, frozen=True):
    """Cores, all alike, and the jobs that come to them, in the order of their arrival."""

    cores: int
    jobs: tuple[ClusterJob, ...]

    def __post_init__(self) -> None:
        if self.cores < 1:
            raise ValueError(f"cores {self.cores} is below 1")
        if not self.jobs:
            raise ValueError("jobs: there must be at least one")
        check_unique("jobs: id", (job.id for job in self.jobs))
        if any(a.at > b.at for a, b in zip(self.jobs, self.jobs[1:], strict=False)):
            raise ValueError("jobs: they are not in the order of their arrival")


Payload = SharedCluster


def answer_schema(cluster: SharedCluster) -> Fields:
    """Return the JSON schema of an answer: the ids of all jobs in some order."""
    return object_schema({KEY: permutation_schema([job.id for job in cluster.jobs])})


def answers(cluster: SharedCluster | None) -> dict[str, AnswerForm]:
    """Return the form of an answer to a cluster by its name; None is any cluster.

    A log of picks has none: no model writes one, programs do.
    """
    if cluster is not None:
        return {"Order": AnswerForm(answer_schema(cluster))}
    return {"Order": AnswerForm(object_schema({KEY: array_schema({"type": "string"})}))}


def world(instance: Instance[SharedCluster], prompts: Prompts) -> Program[Outcome]:
    """Show the cluster once, with the lengths of all tasks, and take an order of jobs."""
    cluster = instance.payload
    users = len({job.user for job in cluster.jobs})
    messages = prompts.messages("fair-queue/order.j2", cluster=cluster, users=users)
    schema = answer_schema(cluster)
    outcome = yield from ask_once(instance, messages, key=KEY, schema=schema, longest=LONGEST_LOG)
    return spelled(cluster, outcome)


def is_log(schedule: object) -> bool:
    """Return whether what an answer gives is a log of picks and no order."""
    return isinstance(schedule, list) and bool(schedule) and all(type(e) is int for e in schedule)


def spelled(cluster: SharedCluster, outcome: Outcome) -> Outcome:
    """Return an outcome whose job ids are read by the rule of spelling; a log stays as it is."""
    [parsed] = outcome.answers
    order = (parsed.value or {}).get(KEY)
    if parsed.how == GIVEN or not isinstance(order, list) or is_log(order):
        return outcome
    ids, mends = ids_of(tuple(job.id for job in cluster.jobs)), Mends()
    if ids.have(order):
        return outcome
    jobs = [mends.id_of(entry, ids) for entry in order]
    return Outcome((respelt(parsed, {**(parsed.value or {}), KEY: jobs}, mends.lines()),))


def read(answer: Fields | None, text: str) -> Outcome:
    """Return the outcome of an answer from a file (see `parsed_answer`)."""
    return Outcome((parsed_answer(answer, text, KEY, longest=LONGEST_LOG),))
