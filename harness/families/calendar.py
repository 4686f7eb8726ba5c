"""Built-in policies for a year of clashes: what trivial code, learners and the truth decide."""

from collections.abc import Callable, Sequence
from random import Random

from generators import calendar as generator
from generators.calendar_ics import export as write_ics
from generators.calendar_year import CalendarSettings
from graders import calendar as grader
from graders.calendar_count import count_scores
from graders.calendar_learners import logit_scores, prior_scores, ranked
from graders.exact.calendar import reference as exact_reference
from harness.families.family import BoardColumn, Family, FileFormat, Levels, Policy, Rounds
from tasks import calendar as task
from tasks.base import Fields
from tasks.calendar import KEY, RoundStep, Year
from tasks.calendar_artefacts import TEMPLATE as ARTEFACTS

CACHED_YEARS = 200  # years whose scores are kept


def random_order(step: RoundStep) -> Fields:
    """Answer with an order drawn at random, seeded by the instance's id and the round."""
    ids = _ids(step)
    Random(f"random/{step.instance.id}/{step.round}").shuffle(ids)
    return _answer(ids, "drawn at random")


def first(step: RoundStep) -> Fields:
    """Answer with the order of the prompt."""
    return _answer(_ids(step), "it stands first")


def by_scores(
    scores: Callable[[Year], Sequence[Sequence[float]]], reason: str
) -> Callable[[RoundStep], Fields]:
    """Make a policy that orders by a learner's scores, ties as in the prompt.

    Args:
        scores: gives for a year the scores of each round's events; computed once a year.
        reason: what the answer gives as its reason.
    """
    scores_by_id: dict[str, tuple[Year, Sequence[Sequence[float]]]] = {}

    def policy(step: RoundStep) -> Fields:
        name, year = step.instance.id, step.instance.payload
        if name not in scores_by_id or scores_by_id[name][0] is not year:
            if len(scores_by_id) >= CACHED_YEARS:
                scores_by_id.clear()
            scores_by_id[name] = year, scores(year)
        return _answer(ranked(_ids(step), scores_by_id[name][1][step.round - 1]), reason)

    return policy


def oracle(step: RoundStep) -> Fields:
    """Answer with the true ranking; with noise even this is sometimes not what the user did."""
    truth = step.instance.payload.truth
    judgement = truth.judgements[step.round - 1]
    return _answer(judgement.ranking, truth.principles[judgement.deciding[0]].text)


def _ids(step: RoundStep) -> list[str]:
    return list(step.instance.payload.rounds[step.round - 1].ids)


def _answer(order: Sequence[str], reason: str) -> Fields:
    return {KEY: order[0], "ranking": list(order), "reason": reason}


POLICIES = {
    "random": Policy("floor", "an order at random", random_order),
    "first": Policy("floor", "the order shown", first),
    "count": Policy(
        "floor",
        "what has won less than its share; knows nothing of the user",
        by_scores(count_scores, "it has not won for long"),
    ),
    "role-prior": Policy(
        "floor",
        "the principles with the weights of the role; never learns",
        by_scores(prior_scores, "people of the role mostly would"),
    ),
    "logit-20": Policy(
        "floor",
        "conditional logit on the true features, of the last 20 rounds",
        by_scores(lambda year: logit_scores(year, 20), "the last 20 say so"),
    ),
    "logit-all": Policy(
        "floor",
        "conditional logit on the true features, of all rounds so far",
        by_scores(logit_scores, "all rounds so far say so"),
    ),
    "oracle": Policy("ceiling", "the true principles and weights", oracle),
}

FAMILY: Family[Year] = Family(
    name="calendar",
    description="one of several clashing meetings, round after round: learn whose meetings matter",
    version=task.VERSION,
    templates=task.TEMPLATES,
    asked_templates={"evidence": (ARTEFACTS,)},
    payload=Year,
    generate=generator.generate,
    resolve=generator.resolve,
    settings=CalendarSettings,
    levels=Levels("events in a clash", min(task.LEVELS), max(task.LEVELS)),
    solve=exact_reference,
    world=task.world,
    read=task.read,
    answers=task.answers,
    grade=grader.grade,
    reward=grader.reward,
    summarise=grader.summarise,
    policies=POLICIES,
    columns=(
        BoardColumn("aer_last_quarter"),
        BoardColumn("learning_gain"),
        BoardColumn("learnable"),
        BoardColumn("excess_logit"),
        BoardColumn("err"),
        BoardColumn("tau"),
        BoardColumn("format_failures", unusable="of rounds have no decision that can be used"),
    ),
    rounds=Rounds(
        setting="rounds",
        learning_gain=grader.learning_gain,
        held_out=generator.held_out,
        examine=grader.examine,
        reward_step=grader.reward_round,
    ),
    audit=generator.audit,
    formats={"ics": FileFormat(write=lambda instance: ("ics", write_ics(instance)))},
    no_means="a checker would tell whose meetings matter, and its rounds are told in words",
    drawings=".calendar",
)
