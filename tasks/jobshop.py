"""Job shops: the payload, the answer's schema, the one-shot world.

Every job visits machines in an order of its own, one operation at a time; give a whole start time
to every operation so that the last of them ends early. With `buffers` other than `free` a job that
is done on a machine stays on it until its next operation starts (Mascis & Pacciarelli 2002); with
`swap` jobs may exchange machines at one instant, with `none` they may not. All intervals are
half-open: an operation that starts at s and takes d runs in [s, s + d).
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias

from tasks.base import Fields, Instance, Noun, Outcome, Parsed, Program, short
from tasks.checks import check_unique
from tasks.one_shot import ask_once, parsed_answer
from tasks.prompts import Prompts
from tasks.schemas import AnswerForm, array_schema, mapping_schema, object_schema
from tasks.spelling import GIVEN, Mends, ids_of, respelt

VERSION = 1
TEMPLATES = ("jobshop/plain.j2",)
KEY = "starts"  # of the answer object
Buffers: TypeAlias = Literal["free", "swap", "none"]
SETTINGS = ("plain",)


class MachineStep(Noun, frozen=True):
    """An operation of a job: `time` units, at least 1, on a machine."""

    machine: str
    time: int

    def __post_init__(self) -> None:
        if self.time < 1:
            raise ValueError(f"an operation on {self.machine}: time {self.time} is below 1")


class ShopJob(Noun, frozen=True):
    """A job: its operations in the order in which they are done."""

    id: str
    operations: tuple[MachineStep, ...]

    def __post_init__(self) -> None:
        if not self.operations:
            raise ValueError(f"job {self.id}: it has no operation")


class Shutdown(Noun, frozen=True):
    """An interval [start, end) in which no operation is under way on a machine."""

    machine: str
    start: int
    end: int

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.end:
            raise ValueError(
                f"shutdown of {self.machine}: [{self.start}, {self.end}) is not 0 <= start < end"
            )


class Shop(Noun, frozen=True):
    """A job shop, checked when it is made: a wrong one cannot be built.

    Attributes:
        jobs: at least one, ids unique.
        shutdowns: of machines that the jobs visit; they may overlap.
        buffers: where a job waits. `free`: anywhere; `swap`: on its machine, and machines may be
            exchanged at one instant; `none`: on its machine, and they may not.
        setting: which words tell the shop, one of `SETTINGS`.
    """

    jobs: tuple[ShopJob, ...]
    shutdowns: tuple[Shutdown, ...] = ()
    buffers: Buffers = "free"
    setting: str = "plain"

    def __post_init__(self) -> None:
        if not self.jobs:
            raise ValueError("jobs: a shop needs at least one")
        if self.setting not in SETTINGS:
            raise ValueError(f"setting {self.setting!r} is not one of {', '.join(SETTINGS)}")
        check_unique("jobs: id", (job.id for job in self.jobs))
        machines = set(machines_of(self))
        for shutdown in self.shutdowns:
            if shutdown.machine not in machines:
                raise ValueError(f"shutdowns: no job visits a machine {shutdown.machine!r}")


Payload = Shop


def machines_of(shop: Shop) -> tuple[str, ...]:
    """Return the machines that jobs visit, sorted."""
    return tuple(sorted({step.machine for job in shop.jobs for step in job.operations}))


def merged_shutdowns(shop: Shop) -> dict[str, tuple[tuple[int, int], ...]]:
    """Return the shutdowns by machine as sorted, disjoint intervals [start, end) with gaps."""
    merged: dict[str, list[tuple[int, int]]] = {name: [] for name in machines_of(shop)}
    for shutdown in sorted(shop.shutdowns, key=lambda s: (s.start, s.end)):
        spans = merged[shutdown.machine]
        if spans and shutdown.start <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(spans[-1][1], shutdown.end))
        else:
            spans.append((shutdown.start, shutdown.end))
    return {name: tuple(spans) for name, spans in merged.items()}


def answer_schema(shop: Shop) -> Fields:
    """Return the JSON schema of an answer: for every job a start time for each operation."""
    whole: Fields = {"type": "integer"}
    rows = {
        job.id: array_schema(whole, most=len(job.operations)) | {"minItems": len(job.operations)}
        for job in shop.jobs
    }
    return object_schema({KEY: object_schema(rows)})


def answers(shop: Shop | None) -> dict[str, AnswerForm]:
    """Return the form of an answer to a shop by its name; None is any shop."""
    if shop is not None:
        return {"Schedule": AnswerForm(answer_schema(shop))}
    rows = mapping_schema(array_schema({"type": "integer"}))
    return {"Schedule": AnswerForm(object_schema({KEY: rows}))}


def world(instance: Instance[Shop], prompts: Prompts) -> Program[Outcome]:
    """Show the shop once and take its start times."""
    shop = instance.payload
    messages = prompts.messages(f"jobshop/{shop.setting}.j2", shop=shop, machines=machines_of(shop))
    outcome = yield from ask_once(instance, messages, key=KEY, schema=answer_schema(shop))
    return spelled(shop, outcome)


def spelled(shop: Shop, outcome: Outcome) -> Outcome:
    """Return an outcome whose job ids and start times are read by the rule of spelling.

    A job whose starts are given under two spellings has none: the answer is doubtful.
    """
    [parsed] = outcome.answers
    starts = (parsed.value or {}).get(KEY)
    if parsed.how == GIVEN or not isinstance(starts, dict):
        return outcome
    ids, mends = ids_of(tuple(job.id for job in shop.jobs)), Mends()
    if ids.have(starts) and all(_is_plain(row) for row in starts.values()):
        return outcome
    rows: Fields = {}
    for name, row in starts.items():
        job = mends.id_of(name, ids)
        if job in rows:
            problem = f"the starts of {short(repr(job))} are given twice"
            return Outcome((Parsed(problem=problem, mended=parsed.mended),))
        rows[job] = _numbers(row, mends) if job in ids else row
    return Outcome((respelt(parsed, {**(parsed.value or {}), KEY: rows}, mends.lines()),))


def _is_plain(row: object) -> bool:
    return isinstance(row, list) and all(type(start) is int for start in row)


def _numbers(row: Any, mends: Mends) -> Any:
    return list(map(mends.number_of, row)) if isinstance(row, list) else row


def read(answer: Fields | None, text: str) -> Outcome:
    """Return the outcome of an answer from a file (see `parsed_answer`)."""
    return Outcome((parsed_answer(answer, text, KEY),))


def makespan(shop: Shop, starts: Mapping[str, Sequence[int]]) -> int:
    """Return the end of the last operation, in time units.

    Args:
        shop: the shop.
        starts: for each job id a start time for each of its operations.
    """
    return max(starts[job.id][-1] + job.operations[-1].time for job in shop.jobs)


def in_a_row(shop: Shop) -> int:
    """Return a time by which one job after another is done: all times, after all shutdowns."""
    times = sum(step.time for job in shop.jobs for step in job.operations)
    return times + max((shutdown.end for shutdown in shop.shutdowns), default=0)
