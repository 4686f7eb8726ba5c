"""Stated confidence in any family of one question: `-T confidence=true`, asked, graded, boarded.

Without the setting nothing of a family changes: prompts, ids, grades and locks are as they were.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import wraps
from hashlib import sha256
from inspect import getdoc
from typing import Any, TypeVar

import msgspec
from msgspec import structs

from graders.confidence import CAME_TRUE, confidence_metrics, metrics_of
from graders.passes import best
from graders.statistics import Estimate, Measure
from harness.families.family import BoardColumn, Family, Generate, Policy
from tasks.base import (
    Fields,
    Grade,
    InputError,
    Instance,
    Noun,
    Outcome,
    Record,
    Scalar,
    Verdict,
)
from tasks.confidence import KEY, SILENT, TEMPLATE, asking, stated_in, with_number
from tasks.schemas import AnswerForm

P = TypeVar("P")
COLUMNS = (
    BoardColumn("stated"),
    BoardColumn("brier", "ratio", interval=True),
    BoardColumn("calibration", "ratio", interval=True),
    BoardColumn("resolution", "ratio", interval=True),
)
_ABOUT = "confidence: whether an answer is to state how sure it is, from 0 to 1."


def is_valid(grade: Grade) -> float:
    """Return 1 of an answer that keeps every rule, 0 of any other."""
    return float(grade.verdict is Verdict.valid)


def with_confidence(family: Family[P], event: str, success: Measure = best) -> Family[P]:
    """Return a family of one question whose answers state a confidence where a setting asks.

    Args:
        family: whose episode is one answer object.
        event: what the confidence is in, as the rest of `how sure you are that ...`.
        success: 1 of a grade in which that came true, else 0.
    """
    return replace(
        family,
        asked_templates={**family.asked_templates, KEY: (TEMPLATE,)},
        settings=None if family.settings is None else _with_setting(family.settings),
        resolve=_resolving(family.resolve),
        generate=_generating(family.generate),
        world=asking(family.world, event),
        answers=_answering(family.answers),
        grade=_grading(family.grade, success),
        summarise=_summarising(family.summarise),
        policies={name: _stating(policy) for name, policy in family.policies.items()},
        columns=(*family.columns, *COLUMNS),
    )


def stating(confidence: float, answer: Callable[[Any], Fields]) -> Callable[[Any], Fields]:
    """Return a policy that states a confidence with its answer, where one is asked for.

    Args:
        confidence: from 0 to 1.
        answer: to the view of an ask, an instance.
    """

    def state(instance: Instance[Any]) -> Fields:
        is_asked = instance.settings.get(KEY)
        return answer(instance) | ({KEY: confidence} if is_asked else {})

    return state


def _stating(policy: Policy) -> Policy:
    sure = 1.0 if policy.kind == "ceiling" else SILENT
    return replace(policy, answer=stating(sure, policy.answer))


def _with_setting(settings: type[Noun]) -> type[Noun]:
    """Return the type of a family's settings with one more, which is off."""
    text = f"{(getdoc(settings) or '').rstrip()}\n    {_ABOUT}\n"
    more: Any = msgspec.defstruct(
        settings.__name__,
        [(KEY, bool, False)],
        bases=(settings,),
        namespace={"__doc__": text},
        frozen=True,
    )
    longer: type[Noun] = more
    return longer


def _without(settings: Mapping[str, Scalar]) -> dict[str, Scalar]:
    return {name: value for name, value in settings.items() if name != KEY}


def _is_asked(settings: Mapping[str, Scalar]) -> bool:
    value = settings.get(KEY, False)
    try:
        return msgspec.convert(value, bool, strict=False)
    except msgspec.ValidationError:
        raise InputError(f"settings: {KEY}: {value!r} is neither true nor false") from None


Resolve = Callable[[int, Mapping[str, Scalar]], dict[str, Scalar]]
Summarise = Callable[[Sequence[Record]], tuple[Estimate, dict[str, Estimate]]]


def _resolving(resolve: Resolve) -> Resolve:
    def resolved(level: int, settings: Mapping[str, Scalar]) -> dict[str, Scalar]:
        asked: dict[str, Scalar] = {KEY: True} if _is_asked(settings) else {}
        return resolve(level, _without(settings)) | asked

    return resolved


def _generating(generate: Generate[P]) -> Generate[P]:
    """Make the same instances; those that ask for a confidence have ids of their own."""

    def generated(
        level: int,
        seed: int,
        index: int,
        settings: Mapping[str, Scalar],
        *,
        reference: bool = True,
    ) -> Instance[P]:
        instance = generate(level, seed, index, _without(settings), reference=reference)
        if not _is_asked(settings):
            return instance
        stem, _, last = instance.id.rpartition("-")
        number = sha256(f"{last} {KEY}".encode()).hexdigest()[:8]
        asked = {**instance.settings, KEY: True}
        return structs.replace(instance, id=f"{stem}-{number}", settings=asked)

    return generated


def _answering(
    answers: Callable[[P | None], Mapping[str, AnswerForm]],
) -> Callable[[P | None], Mapping[str, AnswerForm]]:
    def forms(payload: P | None) -> Mapping[str, AnswerForm]:
        plain = answers(payload)
        stated = {
            f"Confident{name}": structs.replace(form, schema=with_number(form.schema))
            for name, form in plain.items()
        }
        return {**plain, **stated}

    return forms


def _grading(
    grade: Callable[[Instance[P], Outcome], Grade], success: Measure
) -> Callable[[Instance[P], Outcome], Grade]:
    @wraps(grade)  # by whose name an exported task finds it: what is added changes no reward
    def graded(instance: Instance[P], outcome: Outcome) -> Grade:
        result = grade(instance, outcome)
        if not instance.settings.get(KEY):
            return result
        came_true = {CAME_TRUE: float(success(result) or 0.0)}
        stated = metrics_of(stated_in(outcome))
        return structs.replace(result, metrics={**result.metrics, **stated, **came_true})

    return graded


def _summarising(summarise: Summarise) -> Summarise:
    def summary(records: Sequence[Record]) -> tuple[Estimate, dict[str, Estimate]]:
        headline, metrics = summarise(records)
        return headline, {**metrics, **confidence_metrics(records)}

    return summary
