"""Projects that may have no schedule: labels of constraints, and the one-shot world.

The problem is that of `tasks.rcpsp`, with a horizon that is the optimum or one less. The answer is
start times, or the labels of constraints that leave no schedule by themselves.
"""

import re
from collections.abc import Collection
from itertools import chain
from typing import Any, TypeAlias

import msgspec
from msgspec.structs import replace

from tasks import rcpsp
from tasks.base import Fields, Instance, Outcome, Parsed, Program, Reply, ask
from tasks.confidence import KEY as CONFIDENCE
from tasks.confidence import SCHEMA as CONFIDENCE_SCHEMA
from tasks.confidence import read_confidence
from tasks.parse import read_object
from tasks.prompts import Prompts
from tasks.rcpsp import Project
from tasks.schemas import AnswerForm, array_schema, mapping_schema, object_schema
from tasks.spelling import GIVEN, Mends, ids_of, respelt

VERSION = 1
TEMPLATES = ("feasibility/plain.j2",)
STARTS, INFEASIBLE = KEYS = ("starts", "infeasible")  # of the answer object
LETTERS = {"precedences": "P", "downtimes": "D", "windows": "W", "disjunctions": "E"}
ABSENT = "no JSON object with the key"
_KEY = re.compile(rf"({STARTS}|{INFEASIBLE})[\"'\u201d\u2019]?\s*:", re.IGNORECASE)

Payload = Project
Constraint: TypeAlias = tuple[str, Any]  # the field of the project, and what stands in it


def constraints(project: Project) -> dict[str, Constraint]:
    """Return the constraints that an answer may name, by label: `P1`, `D1`, `W1`, `E1`, ...

    Durations, demands, capacities and the horizon have no label: they always hold.
    """
    rows = (
        ((f"{letter}{k}", (field, each)) for k, each in enumerate(getattr(project, field), 1))
        for field, letter in LETTERS.items()
    )
    return dict(chain.from_iterable(rows))


def restricted(project: Project, labels: Collection[str]) -> Project:
    """Return a project with the labelled constraints and no others.

    Args:
        project: the whole.
        labels: some of its `constraints`; others are passed over.
    """
    kept: dict[str, list[Any]] = {field: [] for field in LETTERS}
    for label, (field, each) in constraints(project).items():
        if label in labels:
            kept[field].append(each)
    return replace(project, **{field: tuple(each) for field, each in kept.items()})


def answer_of(starts: Fields | None = None, labels: Collection[str] | None = None) -> Fields:
    """Return the answer object of start times, or of labels of constraints."""
    return {STARTS: starts, INFEASIBLE: None if labels is None else list(labels)}


def answer_schema(project: Project | None, *, confidence: bool = False) -> Fields:
    """Return the JSON schema of an answer to a project, or to any.

    One of the two is null: providers that constrain decoding want both by name.

    Args:
        project: the project; None is any.
        confidence: whether the answer states how sure it is.
    """
    text: Fields = {"type": "string"}
    starts = mapping_schema({"type": "integer"})
    if project is not None:
        starts = object_schema({task.id: {"type": "integer"} for task in project.tasks})
        labels = list(constraints(project))
        text = {"type": "string", "enum": labels} if labels else text
    parts = {STARTS: _or_null(starts), INFEASIBLE: _or_null(array_schema(text))}
    return object_schema(parts | ({CONFIDENCE: CONFIDENCE_SCHEMA} if confidence else {}))


def _or_null(schema: Fields) -> Fields:
    return {"anyOf": [schema, {"type": "null"}]}


def answers(project: Project | None) -> dict[str, AnswerForm]:
    """Return the form of an answer to a project by its name; None is any project."""
    return {
        "Judgement": AnswerForm(answer_schema(project)),
        "ConfidentJudgement": AnswerForm(answer_schema(project, confidence=True)),
    }


def world(instance: Instance[Project], prompts: Prompts) -> Program[Outcome]:
    """Show the project once and take its start times, or the constraints that forbid any."""
    project, confidence = instance.payload, bool(instance.settings.get(CONFIDENCE))
    messages = prompts.messages(TEMPLATES[0], project=project, confidence=confidence)
    schema = answer_schema(project, confidence=confidence)
    problem = msgspec.to_builtins(project)
    reply = yield from ask("answer", messages, schema=schema, view=instance, problem=problem)
    return spelled(project, Outcome((read_reply(reply),)))


def read_reply(reply: Reply) -> Parsed:
    """Return the last answer object of a reply, with either key; without one, the reason.

    An object counts by the key that is written last, so that a draft of the other kind before it
    is none, and a doubtful object takes back a draft of either kind.
    """
    mentions = {match[1].lower(): match.start() for match in _KEY.finditer(reply.text)}
    order = sorted(KEYS, key=lambda key: mentions.get(key, -1), reverse=True)
    readings = [read_object(reply, key) for key in order]
    present = [each for each in readings if not (each.problem or "").startswith(ABSENT)]
    if present:
        return present[0]
    return Parsed(problem=f'{ABSENT} "{STARTS}" or "{INFEASIBLE}" in the reply')


def confidence_in(outcome: Outcome) -> float | None:
    """Return the confidence that was stated with an answer, from 0 to 1; None without one."""
    [parsed] = outcome.answers
    return read_confidence((parsed.value or {}).get(CONFIDENCE))


def spelled(project: Project, outcome: Outcome) -> Outcome:
    """Return an outcome whose start times, task ids and labels are read by the rule of spelling."""
    [parsed] = outcome.answers
    labels = (parsed.value or {}).get(INFEASIBLE)
    if parsed.how == GIVEN or not isinstance(labels, list):
        return rcpsp.spelled(project, outcome)
    ids, mends = ids_of(tuple(constraints(project))), Mends()
    read_labels = [mends.id_of(label, ids) for label in labels]
    value = {**(parsed.value or {}), INFEASIBLE: read_labels}
    return rcpsp.spelled(project, Outcome((respelt(parsed, value, mends.lines()),)))


def read(answer: Fields | None, text: str) -> Outcome:
    """Return the outcome of an answer from a file: its object, else that in the text of a reply.

    Args:
        answer: the object, if the file holds one.
        text: the raw text of a reply, read if there is no object.
    """
    if answer is not None:
        return Outcome((Parsed(value=answer, how=GIVEN),))
    return Outcome((read_reply(Reply(text)),))
