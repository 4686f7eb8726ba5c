"""Checks the answers about a project: each is right, or not.

A question whose answer cannot be used is a wrong one:

| kind | fields |
|---|---|
| `unparsable` | `question`, `reason`: no answer object |
| `missing` | `question`: an answer from a file ends before it |
| `wrong_form` | `question`, `value`: what stands for the answer is no whole number |
| `wrong` | `question`, `asked`, `value`: it is a whole number, and not the right one |
| `surplus` | `amount`: answers beyond the last question, which are ignored |

The right answer is in no violation.
"""

from collections.abc import Callable, Sequence
from statistics import fmean

from msgspec.structs import replace

from graders.clusters import metric_of, score_of, score_over, strata
from graders.exact.contexts import passes, right_answer
from graders.rewards import valid_objective
from graders.spelling import in_both_readings
from graders.statistics import Estimate, by_instance, mean_of
from tasks.base import (
    Fields,
    Grade,
    Instance,
    Outcome,
    Parsed,
    Record,
    Reply,
    Reward,
    SolverFailure,
    Verdict,
    short,
)
from tasks.contexts import ANSWERS, KEY, KINDS, ContextQuestion, ProjectContext, spelled
from tasks.parse import read_object

UNUSABLE = ("unparsable", "missing", "wrong_form")


def grade(instance: Instance[ProjectContext], outcome: Outcome) -> Grade:
    """Grade the answers of a context by the share that is right.

    Args:
        instance: the context; its right answers follow from its project.
        outcome: an answer a question, in their order; those that are missing or cannot be used are
            wrong, those beyond the last question are ignored.

    Returns:
        The grade. Its objective is the number of wrong answers; its verdict is `unparsable` if no
        answer can be used, else `valid`: there is no rule that an answer could break.

    Raises:
        SolverFailure: the reference has other answers than follow from the project.
    """
    read = replace(outcome, answers=tuple(map(spelled, outcome.answers)))
    return in_both_readings(_grade, instance, read)


def _grade(instance: Instance[ProjectContext], outcome: Outcome) -> Grade:
    """Grade answers as they stand."""
    context, right = instance.payload, _right(instance)
    count = len(right)
    answers = (*outcome.answers[:count], *[Parsed()] * (count - len(outcome.answers)))
    questions = zip(context.questions, right, answers, strict=True)
    problems = [_problem(question, value, parsed) for question, value, parsed in questions]
    violations = [{**p, "question": k} for k, p in enumerate(problems, 1) if p]
    if len(outcome.answers) > count:
        violations.append({"kind": "surplus", "amount": len(outcome.answers) - count})
    correct = [not problem for problem in problems]
    unusable = sum(bool(p) and p["kind"] in UNUSABLE for p in problems)
    return Grade(
        Verdict.unparsable if unusable == count else Verdict.valid,
        fmean(correct),
        objective=count - sum(correct),
        bound=instance.reference.bound,
        violations=tuple(violations),
        metrics={"wrong_form": unusable / count, **_shares(context, correct)},
    )


def _right(instance: Instance[ProjectContext]) -> list[int]:
    """Return the right answers; SolverFailure where the reference has others."""
    context = instance.payload
    project = passes(context.steps)
    answers = [right_answer(project, question) for question in context.questions]
    stored = instance.reference.answer
    if stored is not None and stored.get(ANSWERS) != answers:
        raise SolverFailure(f"{instance.id}: the reference has answers that its project refutes")
    return answers


def _problem(question: ContextQuestion, right: int, parsed: Parsed) -> Fields:
    """Return what is wrong with an answer, without its number; nothing if it is right."""
    if parsed.value is None:
        is_missing = parsed.problem is None
        return {"kind": "missing"} if is_missing else _unparsable(parsed.problem or "")
    if KEY not in parsed.value:
        return _unparsable(f'no "{KEY}" in the answer')
    value = parsed.value[KEY]
    if not isinstance(value, int) or isinstance(value, bool):
        return {"kind": "wrong_form", "value": short(value)}
    if value != right:
        return {"kind": "wrong", "asked": question.kind, "value": value}
    return {}


def _unparsable(reason: str) -> Fields:
    return {"kind": "unparsable", "reason": reason}


def _shares(context: ProjectContext, correct: Sequence[bool]) -> dict[str, float]:
    """Return the share right of each kind that is asked, of those foretold and of the others."""
    groups: dict[str, list[bool]] = {}
    for question, is_right in zip(context.questions, correct, strict=True):
        named = "foretold" if question.kind in context.foretold else "not_foretold"
        for name in (named, f"score_{question.kind}"):
            groups.setdefault(name, []).append(is_right)
    return {name: fmean(group) for name, group in groups.items()}


# Rewards -------------------------------------------------------------------------------------


def reward(instance: Instance[ProjectContext], grade: Grade) -> Reward:
    """Return the share of right answers; nothing is nearly right, so the near miss is the value.

    Args:
        instance: the context.
        grade: of answers to it.

    Returns:
        The reward; its components are `right`, the value, and `usable`, the share of answers that
        are whole numbers. Answers that can be used and are all wrong have 0 like none.

    Raises:
        ValueError: if the grade is of verdict error.
    """
    wrong, count = valid_objective(grade), len(instance.payload.questions)
    value = 0.0 if wrong is None else (count - wrong) / count
    usable = 1 - grade.metrics["wrong_form"]
    return Reward(value, {"right": value, "usable": usable}, value)


def reward_question(instance: Instance[ProjectContext], number: int, text: str) -> Reward:
    """Return the reward of the reply to one question; its mean over them is that of the context.

    Args:
        instance: the context.
        number: of the question, from 1.
        text: the reply.

    Returns:
        1 if the answer is right, else 0; its components are those of `reward`.
    """
    question = instance.payload.questions[number - 1]
    parsed = spelled(read_object(Reply(text), KEY))
    right_value = right_answer(passes(instance.payload.steps), question)
    problem = _problem(question, right_value, parsed)
    right, usable = float(not problem), float(problem.get("kind") not in UNUSABLE)
    return Reward(right, {"right": right, "usable": usable}, right)


# On the board --------------------------------------------------------------------------------


def summarise(records: Sequence[Record]) -> tuple[Estimate, dict[str, Estimate]]:
    """Estimate the headline, the unweighted mean over levels of the shares right, and the metrics.

    The metrics are the shares right of the kinds that examples foretold and of the others
    (`foretold`, `not_foretold`), and their difference, paired by context (`foretelling`); the share
    of answers that cannot be used (`wrong_form`); by level `score@L`, by kind `score_K`. A context
    is a cluster of questions, and counts by the mean of its epochs.

    Args:
        records: the episodes of a row, all of them graded.

    Returns:
        The headline and the metrics by name.
    """
    levels = strata(records)
    names = ("wrong_form", "foretold", "not_foretold", *(f"score_{kind}" for kind in KINDS))
    shares = {n: score_over(levels, metric_of(n)) for n in names if _some_have(records, n)}
    metrics = {
        **shares,
        **{f"score@{level[0].level}": score_over([level], score_of) for level in levels},
    }
    if "foretold" in shares and "not_foretold" in shares:
        metrics["foretelling"] = _foretelling(records)
    return score_over(levels, score_of, equal=True), metrics


def _some_have(records: Sequence[Record], name: str) -> bool:
    return any(record.grade is not None and name in record.grade.metrics for record in records)


def _foretelling(records: Sequence[Record]) -> Estimate:
    """Estimate by how much more is right of what examples foretold, paired by context."""
    foretold, other = (_means(records, metric_of(n)) for n in ("foretold", "not_foretold"))
    return mean_of([foretold[name] - other[name] for name in foretold if name in other])


def _means(records: Sequence[Record], measure: Callable[[Grade], float | None]) -> dict[str, float]:
    """Return the mean of a measure over the epochs of each context that has it."""
    groups = by_instance(records, measure)
    return {name: fmean(values) for name, values in groups.items()}


def learning_gain(with_memory: Sequence[Record], without: Sequence[Record]) -> Estimate:
    """Estimate how much more is right with a memory than without, paired by context.

    Args:
        with_memory: the records of a model on a suite.
        without: those of the same model on the same suite without the memory.

    Returns:
        The mean difference over the contexts that both have.
    """
    aided, plain = _means(with_memory, score_of), _means(without, score_of)
    return mean_of([aided[name] - plain[name] for name in aided if name in plain])


def examine(
    instance: Instance[ProjectContext],  # noqa: ARG001
    held: Instance[ProjectContext],
    noted: Outcome,
    bare: Outcome,
    notes: Sequence[str],
    others: Sequence[Instance[ProjectContext]],  # noqa: ARG001
) -> dict[str, float]:
    """Measure what notes on a project are worth for questions that were held out.

    Args:
        instance: the context.
        held: further questions on its project.
        noted: the answers to `held` with the notes.
        bare: the answers to `held` without.
        notes: their texts.
        others: other contexts of the run.

    Returns:
        The shares of wrong answers, `error` with the notes and `bare_error` without, and the number
        of notes, `entries`.
    """
    return {
        "error": 1 - grade(held, noted).score,
        "bare_error": 1 - grade(held, bare).score,
        "entries": float(len(notes)),
    }
