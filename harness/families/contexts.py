"""Built-in policies for questions about a project: a guess, a constant, a shortcut, the answer."""

from collections import Counter
from functools import cache
from random import Random

from generators import contexts as generator
from graders import contexts as grader
from graders.clusters import strata
from graders.exact.contexts import Passes, naive_answer, passes, reference, right_answer
from harness.families.family import BoardColumn, Family, Levels, Policy, Rounds
from tasks import contexts as task
from tasks.base import Fields
from tasks.contexts import KEY, Kind, ProjectContext, QuestionStep

SAMPLE = 100  # projects by which the most common answer is known
_STREAM = "contexts/most common"


@cache
def sampled_answers(level: int) -> dict[Kind, tuple[int, ...]]:
    """Return by kind the right answers to questions that no suite has.

    Args:
        level: of the projects; one that the generator does not know is the nearest that it knows.
    """
    near = min(max(level, 1), generator.LEVELS)
    answers: dict[Kind, list[int]] = {kind: [] for kind in task.KINDS}
    for number in range(SAMPLE):
        rng = Random(f"{_STREAM}/{near}/{number}")
        project = passes(generator.draw_project(rng, generator.steps_at(near)))
        for question in generator.draw_questions(rng, project, len(task.KINDS)):
            answers[question.kind].append(right_answer(project, question))
    return {kind: tuple(values) for kind, values in answers.items()}


def _project(step: QuestionStep) -> Passes:
    return passes(step.instance.payload.steps)


def majority(step: QuestionStep) -> Fields:
    """Answer with the most common answer to questions of the same kind and level."""
    counts = Counter(sampled_answers(step.instance.level)[step.question.kind])
    most = max(counts.values())
    return {KEY: min(value for value, count in counts.items() if count == most)}


def random(step: QuestionStep) -> Fields:
    """Answer with the right answer to a question of the same kind on another project."""
    rng = Random(f"random/{step.instance.id}/{step.number}")
    return {KEY: rng.choice(sampled_answers(step.instance.level)[step.question.kind])}


def naive(step: QuestionStep) -> Fields:
    """Answer by one look at the step's neighbours, without a pass over the project."""
    return {KEY: naive_answer(_project(step), step.question)}


def oracle(step: QuestionStep) -> Fields:
    """Answer right."""
    return {KEY: right_answer(_project(step), step.question)}


POLICIES = {
    "majority": Policy("floor", "the most common answer of the kind and level", majority),
    "naive": Policy("floor", "a look at the step's neighbours, as if nothing had slack", naive),
    "random": Policy("floor", "the answer to the same question on another project", random),
    "oracle": Policy("ceiling", "the right answer, by both passes", oracle),
}

FAMILY: Family[ProjectContext] = Family(
    name="contexts",
    description="many questions on one project, whose answers can be worked out before they come",
    version=task.VERSION,
    templates=task.TEMPLATES,
    payload=ProjectContext,
    generate=generator.generate,
    resolve=generator.resolve,
    settings=generator.ContextSettings,
    levels=Levels("size of the project, 2 level + 6 steps", 1, generator.LEVELS),
    solve=reference,
    world=task.world,
    read=task.read,
    answers=task.answers,
    grade=grader.grade,
    reward=grader.reward,
    summarise=grader.summarise,
    policies=POLICIES,
    columns=(
        BoardColumn("foretold"),
        BoardColumn("not_foretold"),
        BoardColumn("foretelling", "ratio", interval=True),
        BoardColumn("wrong_form", unusable="of answers are no whole number"),
    ),
    strata=strata,
    along=("score@",),
    rounds=Rounds(
        setting="questions",
        learning_gain=grader.learning_gain,
        held_out=generator.held_out,
        examine=grader.examine,
        reward_step=grader.reward_question,
        along=False,
    ),
    no_means="its project may be told before the questions, and then no program would be given it",
    drawings=".contexts",
)
