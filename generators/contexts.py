"""Projects and questions about them whose answers neither a constant nor a shortcut gives.

A question is drawn by its answer: first one of the answers that the project has to its kind, then
a step with it, so that common answers (no slack, day 0) are asked no more often than others. Steps
at which the shortcut of the kind (`graders/exact/contexts.py`) is right, and answers of 0, are
left out, but for one question in ten, so that nobody can rule an answer out because of it.
"""

from collections.abc import Mapping, Sequence
from random import Random
from typing import Annotated, Literal

from msgspec import Meta

from generators.base import plain_settings, settings_as
from graders.exact.contexts import Passes, naive_answer, passes, right_answer
from graders.exact.contexts import reference as solve
from tasks.base import InputError, Instance, Noun, Reference, Scalar
from tasks.contexts import KINDS, VERSION, ContextQuestion, Kind, ProjectContext, ProjectStep
from tasks.ids import instance_id

LEVELS = 8
FEWEST = 8  # steps at level 1
LONGEST = 19  # days of a step
DELAYS = 20  # the most days by which a delay moves the end
CHOSEN = 4  # of them, for each step
PLAIN = 0.1  # the share of questions that are taken as they come
TRIES = 50  # projects that are drawn until each kind has a question to choose from


class ContextSettings(Noun, frozen=True):
    """The dials beside the level.

    Attributes:
        questions: asked about each project; of 7, or a multiple, each kind has as many.
        foretold: how many of the seven kinds the examples name that are told with the project.
        shown: whether each question has the project with it (`always`), or it is told once, at the
            beginning, and only a memory has it (`once`).
    """

    questions: Annotated[int, Meta(ge=1, le=28)] = 7
    foretold: Annotated[int, Meta(ge=0, le=7)] = 7
    shown: Literal["always", "once"] = "always"


def steps_at(level: int) -> int:
    """Return the steps of a project of a level."""
    return FEWEST + 2 * (level - 1)


def resolve(level: int, settings: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """Return all settings, with their defaults, in one spelling.

    Args:
        level: of the project, 1 to 8: it has 2 level + 6 steps.
        settings: those that are given; see `ContextSettings`.

    Raises:
        InputError: the level or a setting is wrong.
    """
    if not 1 <= level <= LEVELS:
        raise InputError(f"level {level}: contexts have levels 1 to {LEVELS}")
    return plain_settings(settings_as(ContextSettings, "contexts", settings))


def generate(
    level: int, seed: int, index: int, settings: Mapping[str, Scalar], *, reference: bool = True
) -> Instance[ProjectContext]:
    """Return a project with its questions; levels share nothing.

    Args:
        level: of the project, 1 to 8.
        seed: of all streams.
        index: the number of the instance, from 0.
        settings: those that are given; see `ContextSettings`.
        reference: whether the right answers are kept with it.

    Raises:
        InputError: the level or a setting is wrong.
    """
    resolved = resolve(level, settings)
    dials = settings_as(ContextSettings, "contexts", resolved)
    stream = f"contexts/{VERSION}/{level}/{seed}/{index}"
    steps = draw_project(Random(f"{stream}/project"), steps_at(level))
    project = passes(steps)
    questions = draw_questions(Random(f"{stream}/questions"), project, dials.questions)
    examples = _examples(Random(f"{stream}/examples"), project, questions, dials.foretold)
    context = ProjectContext(steps, questions, examples, shown=dials.shown)
    return Instance(
        id=instance_id("contexts", level, seed, index, VERSION, resolved, apart=True),
        family="contexts",
        level=level,
        seed=seed,
        index=index,
        settings=resolved,
        version=VERSION,
        payload=context,
        reference=solve(context) if reference else Reference("none"),
    )


def held_out(instance: Instance[ProjectContext], count: int) -> Instance[ProjectContext]:
    """Return as many other questions on the project of a context, for an exam of a memory.

    Args:
        instance: that the memory has worked on.
        count: of questions.
    """
    context = instance.payload
    rng = Random(f"contexts/{VERSION}/{instance.id}/held out")
    asked = set(context.questions)
    drawn = draw_questions(rng, passes(context.steps), len(asked) + count)
    fresh = [question for question in drawn if question not in asked][:count]
    payload = ProjectContext(context.steps, tuple(fresh), (), shown=context.shown)
    return Instance(
        id=f"{instance.id}-held-out",
        family=instance.family,
        level=instance.level,
        seed=instance.seed,
        index=instance.index,
        settings=instance.settings,
        version=instance.version,
        payload=payload,
        reference=solve(payload),
    )


# Projects ------------------------------------------------------------------------------------


def draw_project(rng: Random, count: int) -> tuple[ProjectStep, ...]:
    """Return a project in which every kind of question has an answer that no shortcut gives.

    Args:
        rng: of the project.
        count: of its steps.
    """
    for _ in range(TRIES):
        steps = _steps(rng, count)
        project = passes(steps)
        if all(_choices(rng, project, kind, plain=False) for kind in KINDS):
            break
    return steps


def _steps(rng: Random, count: int) -> tuple[ProjectStep, ...]:
    """Return steps of which each needs up to three before it, told in an order that says nothing.

    Needs are mostly of the last few steps, so that there are long chains beside short ones.
    """
    names = [f"S{number}" for number in rng.sample(range(1, count + 1), count)]
    steps = []
    for k, name in enumerate(names):
        near = names[max(0, k - 5) : k]
        needs = rng.sample(near, min(len(near), rng.choice((0, 1, 1, 2, 2, 3))))
        steps.append(ProjectStep(name, rng.randint(1, LONGEST), tuple(sorted(needs, key=_number))))
    return tuple(sorted(steps, key=lambda step: _number(step.id)))


def _number(name: str) -> int:
    return int(name[1:])


# Questions -----------------------------------------------------------------------------------


def draw_questions(rng: Random, project: Passes, count: int) -> tuple[ContextQuestion, ...]:
    """Return different questions about a project, all kinds in turn and each turn in an order anew.

    Args:
        rng: of the questions.
        project: that they are about.
        count: of the questions.
    """
    questions: dict[ContextQuestion, None] = {}
    while len(questions) < count:
        for kind in rng.sample(KINDS, len(KINDS)):
            if len(questions) < count:
                questions[_new_question(rng, project, kind, questions)] = None
    return tuple(questions)


def _new_question(
    rng: Random, project: Passes, kind: Kind, before: Mapping[ContextQuestion, None]
) -> ContextQuestion:
    """Return a question of a kind that was not asked before; of another where none is left."""
    for each in (kind, *KINDS):
        plain = rng.random() < PLAIN
        for is_plain in (plain, True):
            choices = _choices(rng, project, each, plain=is_plain)
            fresh = [q for q in choices if q not in before]
            if fresh:
                return _by_answer(rng, project, fresh)
    raise InputError(
        f"{len(before)} questions are all that a project of {len(project.days)} steps has"
    )


def _by_answer(
    rng: Random, project: Passes, questions: Sequence[ContextQuestion]
) -> ContextQuestion:
    """Return one of some questions, each of their answers as likely as the others."""
    by_answer: dict[int, list[ContextQuestion]] = {}
    for question in questions:
        by_answer.setdefault(right_answer(project, question), []).append(question)
    return rng.choice(by_answer[rng.choice(sorted(by_answer))])


def _choices(rng: Random, project: Passes, kind: Kind, *, plain: bool) -> list[ContextQuestion]:
    """Return questions of a kind about a project: one a step, of delays some.

    Args:
        rng: draws the delays.
        project: that they are about.
        kind: of the questions.
        plain: whether those are among them whose answer is 0, or that the shortcut gets right.
    """
    if kind == "delay":
        return [
            ContextQuestion(kind, step, longer)
            for step in project.days
            if plain or project.slack(step)
            for longer in _delays(rng, project.slack(step), plain=plain)
        ]
    every = [ContextQuestion(kind, step) for step in project.days]
    if plain:
        return every
    answers = {question: right_answer(project, question) for question in every}
    return [q for q, right in answers.items() if right and right != naive_answer(project, q)]


def _delays(rng: Random, slack: int, *, plain: bool) -> list[int]:
    """Return by how many days a step may be late: beyond its slack, if `plain` within it, too."""
    beyond = [slack + moved for moved in rng.sample(range(1, DELAYS + 1), CHOSEN)]
    return [rng.randint(1, slack), *beyond] if plain and slack else beyond


def _examples(
    rng: Random, project: Passes, questions: Sequence[ContextQuestion], foretold: int
) -> tuple[ContextQuestion, ...]:
    """Return a question of each of some kinds, none of them asked later."""
    examples = []
    for kind in rng.sample(KINDS, len(KINDS))[:foretold]:
        fresh = [q for q in _choices(rng, project, kind, plain=True) if q not in questions]
        examples.append(rng.choice(fresh))
    return tuple(examples)
