"""Short questions about time: the payload, the answer's schema, the one-shot world.

A question is the facts of one of several kinds, from which its words and its one right answer both
follow; what could be read in two ways is said in it. After Timo (arXiv 2406.14192), Test of Time
(arXiv 2406.09170) and ChronoSense (arXiv 2501.03040).
"""

from datetime import date
from typing import Any

from tasks import temporal_calendar as spelling
from tasks.base import Fields, Instance, Noun, Outcome, Program
from tasks.one_shot import ask_once, parsed_answer
from tasks.prompts import Prompts
from tasks.schemas import AnswerForm, object_schema
from tasks.spelling import GIVEN, Mends, respelt
from tasks.temporal_facts import KINDS, AnyFacts
from tasks.temporal_forms import FORMS, Form

VERSION = 1
TEMPLATES = ("temporal/question.j2", *(f"temporal/{kind}.inc.j2" for kind in sorted(KINDS)))
KEY = "answer"  # of the answer object


class TimeQuestion(Noun, frozen=True):
    """A question about time: its facts, which are of one kind."""

    facts: AnyFacts

    @property
    def form(self) -> Form:
        """Return how its answer is written."""
        return FORMS[self.facts.form]


Payload = TimeQuestion


def answer_schema(question: TimeQuestion) -> Fields:
    """Return the JSON schema of an answer, by the kind's form and names."""
    return object_schema({KEY: question.form.schema(question.facts.options)})


def answers(question: TimeQuestion | None) -> dict[str, AnswerForm]:
    """Return the form of an answer to a question by its name; None is any question."""
    if question is not None:
        return {"Answer": AnswerForm(answer_schema(question))}
    texts: Fields = {"type": "array", "items": {"type": "string"}}
    values: Fields = {"anyOf": [{"type": "integer"}, {"type": "string"}, texts]}
    return {"Answer": AnswerForm(object_schema({KEY: values}))}


def world(instance: Instance[TimeQuestion], prompts: Prompts) -> Program[Outcome]:
    """Ask the question once and take its answer."""
    question = instance.payload
    messages = prompts.messages("temporal/question.j2", **_shown(question))
    schema = answer_schema(question)
    outcome = yield from ask_once(instance, messages, key=KEY, schema=schema)
    return spelled(question, outcome)


def _shown(question: TimeQuestion) -> Fields:
    """Return what the template reads: the facts, how to answer, how dates and times are said."""
    return {
        "facts": question.facts,
        "shape": question.form.shape,
        "say": spelling.spelled_date,
        "weekday": _weekday,
        "clock": spelling.spelled_time,
        "half_day": spelling.half_day_time,
        "length": spelling.spelled_length,
        "offset": spelling.spelled_offset,
        "listed": lambda parts: spelling.spelled_list([str(part) for part in parts]),
    }


def _weekday(day: date | int) -> str:
    return spelling.DAYS[day if isinstance(day, int) else day.weekday()]


def spelled(question: TimeQuestion, outcome: Outcome) -> Outcome:
    """Return an outcome whose answer is read by the rule of spelling."""
    [parsed] = outcome.answers
    if parsed.how == GIVEN or parsed.value is None or KEY not in parsed.value:
        return outcome
    mends = Mends()
    value: Any = question.form.spelled(parsed.value[KEY], question.facts.options, mends)
    return Outcome((respelt(parsed, {**parsed.value, KEY: value}, mends.lines()),))


def read(answer: Fields | None, text: str) -> Outcome:
    """Return the outcome of an answer from a file (see `parsed_answer`)."""
    return Outcome((parsed_answer(answer, text, KEY),))
