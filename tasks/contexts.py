"""Many questions on one context: a project is told, and then asked about, one question at a time.

All answers follow from one forward and one backward pass over the project, which is what can be
worked out before anybody asks: the setting of sleep-time compute (Lin and others, arXiv
2504.13171). Nothing is told between the questions, so that no answer leaks to the next.
"""

from collections.abc import Sequence
from typing import Literal, TypeAlias, get_args

import msgspec

from tasks.base import Fields, Instance, Noun, Outcome, Parsed, Program, ask, tell
from tasks.one_shot import parsed_answer
from tasks.parse import read_object
from tasks.prompts import Prompts
from tasks.schemas import AnswerForm, array_schema, object_schema, tuple_schema
from tasks.spelling import GIVEN, Mends, respelt

VERSION = 1
TEMPLATES = ("contexts/project.j2", "contexts/question.j2", "contexts/words.j2")
KEY = "answer"  # of the answer to a question
ANSWERS = "answers"  # of the answers to all questions of a context, in a file
CONTEXT = "context"  # the path under which the project is told
Kind: TypeAlias = Literal["earliest", "latest", "slack", "delay", "rest", "before", "after"]
KINDS: tuple[Kind, ...] = get_args(Kind)


class ProjectStep(Noun, frozen=True):
    """A step of a project: its name, its length in days, the steps that must have ended before."""

    id: str
    days: int
    needs: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.days < 1:
            raise ValueError(f"step {self.id}: {self.days} days, at least 1 is needed")
        if len(set(self.needs)) < len(self.needs):
            raise ValueError(f"step {self.id}: needs a step twice: {', '.join(self.needs)}")


class ContextQuestion(Noun, frozen=True):
    """A question about a step; `longer` are the days that a `delay` asks about."""

    kind: Kind
    step: str
    longer: int | None = None

    def __post_init__(self) -> None:
        if (self.kind == "delay") != (self.longer is not None):
            raise ValueError(f"a question of {self.kind} with longer = {self.longer}")
        if self.longer is not None and self.longer < 1:
            raise ValueError(f"a delay of {self.longer} days: at least 1 is needed")


class ProjectContext(Noun, frozen=True):
    """A project and the questions about it.

    Attributes:
        steps: in the order in which they are told.
        questions: in the order in which they are asked.
        examples: told with the project, of the kinds that who reads it may expect.
        shown: whether each question has the project with it, or it is told once, at the beginning.
    """

    steps: tuple[ProjectStep, ...]
    questions: tuple[ContextQuestion, ...]
    examples: tuple[ContextQuestion, ...] = ()
    shown: Literal["always", "once"] = "always"

    def __post_init__(self) -> None:
        names = [step.id for step in self.steps]
        if len(set(names)) < len(names):
            raise ValueError("two steps of a project have the same name")
        in_order(self.steps)
        if not self.questions:
            raise ValueError("a context without a question")
        for k, question in enumerate((*self.questions, *self.examples)):
            if question.step not in names:
                raise ValueError(f"question {k}: there is no step {question.step!r}")
        if len(set(self.questions)) < len(self.questions):
            raise ValueError("a question is asked twice")

    @property
    def foretold(self) -> frozenset[Kind]:
        """Return the kinds of questions that the examples name."""
        return frozenset(example.kind for example in self.examples)


Payload = ProjectContext


def in_order(steps: Sequence[ProjectStep]) -> list[ProjectStep]:
    """Return the steps, each behind all that it needs.

    Raises:
        ValueError: a step needs one that is not there, or steps wait for each other.
    """
    names = {step.id for step in steps}
    for step in steps:
        if missing := [name for name in step.needs if name not in names]:
            raise ValueError(f"step {step.id} needs {missing[0]!r}, which is not there")
    ordered: list[ProjectStep] = []
    done: set[str] = set()
    while len(ordered) < len(steps):
        ready = [s for s in steps if s.id not in done and done.issuperset(s.needs)]
        if not ready:
            raise ValueError("steps of the project wait for each other")
        ordered += ready
        done.update(step.id for step in ready)
    return ordered


class QuestionStep(msgspec.Struct, frozen=True):
    """A question as a policy sees it: the instance, and its number from 1."""

    instance: Instance[ProjectContext]
    number: int

    @property
    def family(self) -> str:
        """Return the family's name."""
        return self.instance.family

    @property
    def question(self) -> ContextQuestion:
        """Return the question."""
        return self.instance.payload.questions[self.number - 1]


def world(instance: Instance[ProjectContext], prompts: Prompts) -> Program[Outcome]:
    """Tell the project, ask the questions about it one by one, and take their answers."""
    context, answers = instance.payload, list[Parsed]()
    project = prompts.messages("contexts/project.j2", steps=context.steps)[0].content
    yield from tell(CONTEXT, _facts(context, project, prompts))
    shown = project if context.shown == "always" else ""
    for k, question in enumerate(context.questions, 1):
        reply = yield from ask(
            f"question-{k:02d}/answer",
            prompts.messages(
                "contexts/question.j2", project=shown, words=words(question, prompts), number=k
            ),
            schema=SCHEMA,
            view=QuestionStep(instance, k),
        )
        answers.append(spelled(read_object(reply, KEY)))
        yield from tell(f"question-{k:02d}/feedback", {})
    return Outcome(tuple(answers))


def _facts(context: ProjectContext, project: str, prompts: Prompts) -> Fields:
    """Return what is told before the questions.

    Where each question has the project with it, it is no past round that a memory would show.
    """
    examples = [words(example, prompts) for example in context.examples]
    facts: Fields = {"context": project, "examples": examples, "history": 0}
    return facts if context.shown == "always" else facts | {"text": project, "history": 1}


def words(question: ContextQuestion, prompts: Prompts) -> str:
    """Return a question in words, without how to answer it."""
    return prompts.messages("contexts/words.j2", question=question)[0].content


# Answers -------------------------------------------------------------------------------------

SCHEMA = object_schema({KEY: {"type": "integer"}})


def answers(context: ProjectContext | None) -> dict[str, AnswerForm]:
    """Return the forms of answers to a context, or a question of it; None is any context."""
    whole: Fields = {"type": "integer"}
    if context is not None:
        values = tuple_schema([whole] * len(context.questions))
    else:
        values = array_schema(whole)
    every = AnswerForm(object_schema({ANSWERS: values}))
    return {"Answers": every, "Answer": AnswerForm(SCHEMA, whole=False)}


def spelled(parsed: Parsed) -> Parsed:
    """Return the answer to a question with its number read by the rule of spelling."""
    if parsed.how == GIVEN or parsed.value is None or KEY not in parsed.value:
        return parsed
    mends = Mends()
    value = mends.number_of(parsed.value[KEY])
    return respelt(parsed, {**parsed.value, KEY: value}, mends.lines())


def read(answer: Fields | None, text: str) -> Outcome:
    """Return the outcome of a file's answer: `{"answers": [a whole number a question]}`.

    Args:
        answer: the object, if the file holds one.
        text: the raw text of a reply, read if there is no object.
    """
    parsed = parsed_answer(answer, text, ANSWERS)
    values = (parsed.value or {}).get(ANSWERS)
    if not isinstance(values, list):
        return Outcome((Parsed(problem=parsed.problem or f'"{ANSWERS}" is not a list'),))
    return Outcome(
        tuple(Parsed({KEY: value}, how=parsed.how, mended=parsed.mended) for value in values)
    )
