"""Single-machine total tardiness: the payload, the answer's schema, the one-shot world.

Order jobs on one machine that is free from time 0 and never idle. Job j completes at C_j, the sum
of the processing times up to and with its own; minimise the sum of w_j max(C_j - d_j, 0).
After Çetinkaya, Büyüktahtakın, Shojaee and Reddy (arXiv 2510.24013).
"""

from collections import Counter
from collections.abc import Sequence

import msgspec

from tasks.base import Fields, Instance, Noun, Outcome, Parsed, Program, Reply, ask
from tasks.parse import parse_object
from tasks.prompts import Prompts

VERSION = 2
TEMPLATES = (
    "tardiness/plain.j2",
    "tardiness/rules.j2",
)
HAS_ROUNDS = False
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
        twice = [i for i, count in Counter(job.id for job in self.jobs).items() if count > 1]
        if twice:
            raise ValueError(f"jobs: id {twice[0]!r} is there more than once")
        if self.variant not in VARIANTS:
            raise ValueError(f"variant {self.variant!r} is not one of {', '.join(VARIANTS)}")

    @property
    def weighted(self) -> bool:
        """Whether any weight is not 1."""
        return any(job.w != 1 for job in self.jobs)


Payload = Jobs


def tardiness(jobs: Sequence[Job]) -> int:
    """Total weighted tardiness of jobs in the order given, in time units times weight."""
    total = end = 0
    for job in jobs:
        end += job.p
        if end > job.d:
            total += job.w * (end - job.d)
    return total


def answer_schema(payload: Jobs) -> Fields:
    """JSON schema of an answer, for providers that constrain decoding."""
    ids = [job.id for job in payload.jobs]
    order = {
        "type": "array",
        "items": {"type": "string", "enum": ids},
        "minItems": len(ids),
        "maxItems": len(ids),
    }
    return {
        "type": "object",
        "properties": {KEY: order},
        "required": [KEY],
        "additionalProperties": False,
    }


def world(instance: Instance[Jobs], prompts: Prompts) -> Program[Outcome]:
    """One shot: show the jobs, take an order."""
    payload = instance.payload
    messages = prompts.messages(f"tardiness/{payload.variant}.j2", payload=payload)
    reply = yield from ask(
        "answer",
        messages,
        schema=answer_schema(payload),
        view=instance,
        problem=msgspec.to_builtins(payload),
    )
    return Outcome((parse_object(reply, KEY),))


def read(answer: Fields | None, text: str) -> Outcome:
    """The outcome of an answer from a file: the parsed object, or else the raw text of a reply."""
    if answer is not None:
        return Outcome((Parsed(value=answer, how="given"),))
    return Outcome((parse_object(Reply(text), KEY),))
