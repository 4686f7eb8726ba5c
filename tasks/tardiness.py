"""Single-machine total tardiness: the payload, the answer's schema, the one-shot world.

Order jobs on one machine that is free from time 0 and never idle. Job j completes at C_j, the sum
of the processing times up to and with its own; minimise the sum of w_j max(C_j - d_j, 0).
After Çetinkaya, Büyüktahtakın, Shojaee and Reddy (arXiv 2510.24013).
"""

from collections.abc import Sequence

from tasks.base import Fields, Instance, Noun, Outcome, Program
from tasks.checks import check_unique
from tasks.one_shot import ask_once, parsed_answer
from tasks.prompts import Prompts
from tasks.schemas import AnswerForm, array_schema, object_schema, permutation_schema
from tasks.spelling import GIVEN, Mends, ids_of, respelt

VERSION = 2
TEMPLATES = (
    "tardiness/plain.j2",
    "tardiness/rules.j2",
)
KEY = "order"  # of the answer object
VARIANTS = ("plain", "rules")


class Job(Noun, frozen=True, omit_defaults=True):
    """A job: processing time `p` >= 1, due date `d` (may be negative), weight `w` >= 1."""

    id: str
    p: int
    d: int
    w: int = 1

    def __post_init__(self) -> None:
        if self.p < 1:
            raise ValueError(f"job {self.id}: processing time p = {self.p} is below 1")
        if self.w < 1:
            raise ValueError(f"job {self.id}: weight w = {self.w} is below 1")


class Jobs(Noun, frozen=True, omit_defaults=True):
    """The jobs of one machine; `variant` chooses the words of the prompt."""

    jobs: tuple[Job, ...]
    variant: str = "plain"

    def __post_init__(self) -> None:
        if not self.jobs:
            raise ValueError("jobs: there must be at least one")
        check_unique("jobs: id", (job.id for job in self.jobs))
        if self.variant not in VARIANTS:
            raise ValueError(f"variant {self.variant!r} is not one of {', '.join(VARIANTS)}")

    @property
    def weighted(self) -> bool:
        """True if any weight is not 1."""
        return any(job.w != 1 for job in self.jobs)


Payload = Jobs


def tardiness(jobs: Sequence[Job]) -> int:
    """Return the total weighted tardiness of jobs done in this order, in time units times weight.

    The sum of w_j max(C_j - d_j, 0), where C_j is when job j completes.
    """
    total = end = 0
    for job in jobs:
        end += job.p
        if end > job.d:
            total += job.w * (end - job.d)
    return total


def answer_schema(payload: Jobs) -> Fields:
    """Return the JSON schema of an answer: the ids of all jobs in some order."""
    return object_schema({KEY: permutation_schema([job.id for job in payload.jobs])})


def answers(payload: Jobs | None) -> dict[str, AnswerForm]:
    """Return the form of an answer to some jobs by its name; None is any jobs."""
    if payload is not None:
        return {"Order": AnswerForm(answer_schema(payload))}
    return {"Order": AnswerForm(object_schema({KEY: array_schema({"type": "string"})}))}


def world(instance: Instance[Jobs], prompts: Prompts) -> Program[Outcome]:
    """Show the jobs once and take their order."""
    payload = instance.payload
    messages = prompts.messages(f"tardiness/{payload.variant}.j2", payload=payload)
    schema = answer_schema(payload)
    outcome = yield from ask_once(instance, messages, key=KEY, schema=schema)
    return spelled(payload, outcome)


def spelled(payload: Jobs, outcome: Outcome) -> Outcome:
    """Return an outcome whose job ids are read by the rule of spelling."""
    [parsed] = outcome.answers
    order = (parsed.value or {}).get(KEY)
    if parsed.how == GIVEN or not isinstance(order, list):
        return outcome
    ids, mends = ids_of(tuple(job.id for job in payload.jobs)), Mends()
    if ids.have(order):
        return outcome
    jobs = [mends.id_of(entry, ids) for entry in order]
    return Outcome((respelt(parsed, {**(parsed.value or {}), KEY: jobs}, mends.lines()),))


def read(answer: Fields | None, text: str) -> Outcome:
    """Return the outcome of an answer from a file (see `parsed_answer`)."""
    return Outcome((parsed_answer(answer, text, KEY),))
