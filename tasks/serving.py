"""Requests to servers of a language model: the answer's schema, and the one-shot world.

An answer is an order of jobs by which a fixed scheduler admits them and reads their prompts; from
a file also a log of decisions, as a program makes them (see `graders.exact.serving_simulator`).
"""

from tasks.base import Fields, Instance, Outcome, Program
from tasks.one_shot import ask_once, parsed_answer
from tasks.prompts import Prompts
from tasks.schemas import AnswerForm, array_schema, object_schema, permutation_schema
from tasks.serving_payload import Service
from tasks.spelling import GIVEN, Mends, ids_of, respelt

VERSION = 1
TEMPLATES = ("serving/order.j2",)
KEY = "schedule"  # of the answer object
MS = 1_000_000

Payload = Service


def answer_schema(service: Service) -> Fields:
    """Return the JSON schema of an answer: the ids of all jobs in some order."""
    return object_schema({KEY: permutation_schema([job.id for job in service.jobs])})


def answers(service: Service | None) -> dict[str, AnswerForm]:
    """Return the form of an answer to a workload by its name; None is any workload.

    A log of decisions has none: no model writes one, programs do.
    """
    if service is not None:
        return {"Order": AnswerForm(answer_schema(service))}
    return {"Order": AnswerForm(object_schema({KEY: array_schema({"type": "string"})}))}


def world(instance: Instance[Service], prompts: Prompts) -> Program[Outcome]:
    """Show the workload once, with the lengths of all outputs, and take an order of jobs."""
    service = instance.payload
    messages = prompts.messages("serving/order.j2", service=service, times=_in_ms(service))
    schema = answer_schema(service)
    outcome = yield from ask_once(instance, messages, key=KEY, schema=schema)
    return spelled(service, outcome)


def _in_ms(service: Service) -> list[Fields]:
    """Return what the prompt says of jobs in ms: times are shown rounded, limits are whole."""
    return [
        {
            "at": round(job.at / MS),
            "ttft": None if job.ttft is None else round(job.ttft / MS),
            "tpot": None if job.tpot is None else round(job.tpot / MS),
            "deadline": None if job.deadline is None else round(job.deadline / MS),
        }
        for job in service.jobs
    ]


def is_log(schedule: object) -> bool:
    """Return whether what an answer gives is a log of decisions and no order."""
    if not isinstance(schedule, list):
        return False
    return any(isinstance(entry, list) and entry and type(entry[0]) is int for entry in schedule)


def spelled(service: Service, outcome: Outcome) -> Outcome:
    """Return an outcome whose job ids are read by the rule of spelling; a log stays as it is."""
    [parsed] = outcome.answers
    order = (parsed.value or {}).get(KEY)
    if parsed.how == GIVEN or not isinstance(order, list) or is_log(order):
        return outcome
    ids, mends = ids_of(tuple(job.id for job in service.jobs)), Mends()
    if ids.have(order):
        return outcome
    jobs = [mends.id_of(entry, ids) for entry in order]
    return Outcome((respelt(parsed, {**(parsed.value or {}), KEY: jobs}, mends.lines()),))


def read(answer: Fields | None, text: str) -> Outcome:
    """Return the outcome of an answer from a file (see `parsed_answer`)."""
    return Outcome((parsed_answer(answer, text, KEY),))
