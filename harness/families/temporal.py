"""Built-in policies for questions about time: a guess, a constant, a shortcut, the right answer."""

from collections import Counter
from functools import cache
from random import Random

import msgspec

from generators import temporal as generator
from graders import temporal as grader
from graders.clusters import strata
from graders.exact.temporal import Answer, reference, right_answer
from graders.exact.temporal_shortcuts import naive_answer
from harness.families.family import BoardColumn, Family, Levels, Policy
from harness.families.stated import with_confidence
from tasks import temporal as task
from tasks.base import Fields, Instance
from tasks.temporal import KEY, TimeQuestion

SAMPLE = 200  # questions by which the most common answer is known
_STREAM = "temporal/most common"


def majority(instance: Instance[TimeQuestion]) -> Fields:
    """Answer with the most common answer to questions of the same kind and level, others' own."""
    return {KEY: msgspec.json.decode(_most_common(instance.payload.facts.kind, instance.level))}


@cache
def _most_common(kind: str, level: int) -> bytes:
    """Return the most common answer of a kind and level as JSON, the first in order of equals."""
    counts = Counter(map(msgspec.json.encode, sampled_answers(kind, level)))
    most = max(counts.values())
    return min(answer for answer, count in counts.items() if count == most)


@cache
def sampled_answers(kind: str, level: int) -> tuple[Answer, ...]:
    """Return the right answers to questions that no suite has.

    Args:
        kind: of the questions.
        level: of their facts; one that the generator does not know is the nearest that it knows.
    """
    [same] = [each for each in generator.KINDS if each == kind]
    near = min(max(level, 1), generator.LEVELS)
    streams = (Random(f"{_STREAM}/{kind}/{near}/{number}") for number in range(SAMPLE))
    return tuple(right_answer(generator.draw_facts(same, rng, near)) for rng in streams)


def random(instance: Instance[TimeQuestion]) -> Fields:
    """Answer with the right answer to another question of the same kind and level, or a guess.

    Of names it takes one, some, or all in any order, as the question asks for.
    """
    facts = instance.payload.facts
    rng = Random(f"random/{instance.id}")
    options = list(facts.options)
    if facts.form == "name":
        return {KEY: rng.choice(options)}
    if facts.form == "names":
        return {KEY: [each for each in options if rng.random() < 0.5]}
    if facts.form == "order":
        return {KEY: rng.sample(options, len(options))}
    return {KEY: rng.choice(sampled_answers(facts.kind, instance.level))}


def naive(instance: Instance[TimeQuestion]) -> Fields:
    """Answer as who takes the shortcut that the kind's questions are drawn against."""
    return {KEY: naive_answer(instance.payload.facts)}


def oracle(instance: Instance[TimeQuestion]) -> Fields:
    """Answer right."""
    return {KEY: right_answer(instance.payload.facts)}


POLICIES = {
    "majority": Policy("floor", "the most common answer of the kind and level", majority),
    "naive": Policy("floor", "a shortcut: months of 30 days, clocks that never change", naive),
    "random": Policy("floor", "a guess of the form that is asked for", random),
    "oracle": Policy("ceiling", "the right answer", oracle),
}

FAMILY: Family[TimeQuestion] = Family(
    name="temporal",
    description="short questions about time: dates, clocks, intervals, order, slots, networks",
    version=task.VERSION,
    templates=task.TEMPLATES,
    payload=TimeQuestion,
    generate=generator.generate,
    resolve=generator.resolve,
    settings=generator.TemporalSettings,
    levels=Levels("steps or facts", 1, generator.LEVELS),
    solve=reference,
    world=task.world,
    read=task.read,
    answers=task.answers,
    grade=grader.grade,
    reward=grader.reward,
    summarise=grader.summarise,
    policies=POLICIES,
    columns=(BoardColumn("wrong_form"),),
    strata=strata,
    ramp=("kind",),
    along=("score@",),
    means=("program",),
    drawings=".temporal",
)

FAMILY = with_confidence(FAMILY, "your answer is right")
