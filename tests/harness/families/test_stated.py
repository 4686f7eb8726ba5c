"""Stated confidence in every family of one question: what changes, and what keeps its bytes."""

import json
from typing import Any

import pytest

from graders.confidence import forecast_of
from harness.families.registry import FAMILIES, families_used, family
from harness.suites import suite as suites
from harness.suites.suite import SuiteEntry, family_versions
from tasks.base import Ask, InputError, Outside, Reply
from tasks.play import play
from tasks.prompts import installed
from tests.factories.gold import CASES, instance_of

OWN = {"feasibility"}  # asks for it in words of its own, beside those of its two kinds of answers
STATED = [name for name in FAMILIES.own if "confidence" in family(name).asked_templates]
ONE = [case for case, (name, _, _) in CASES.items() if name in STATED]


def asked(case: str, answer: dict[str, Any] | None = None) -> tuple[Ask, Any]:
    """The ask of a case with the setting, and the grade of the ceiling's answer or of another."""
    name, level, settings = CASES[case]
    declared = family(name)
    resolved = declared.resolve(level, {**settings, "confidence": "true"})
    instance = declared.generate(level, 0, 0, resolved)
    ceiling = next(p for p in declared.policies.values() if p.kind == "ceiling")
    asks: list[Ask] = []

    def perform(effect: Outside) -> Reply:
        assert isinstance(effect, Ask)
        asks.append(effect)
        return Reply(json.dumps(ceiling.answer(effect.view) if answer is None else answer))

    outcome = play(declared.world(instance, installed()), perform)
    return asks[0], declared.grade(instance, outcome)


def plain(case: str) -> Ask:
    effect = next(family(CASES[case][0]).world(instance_of(case), installed()))
    assert isinstance(effect, Ask)
    return effect


def test_every_family_takes_it_or_refuses_it_in_a_line() -> None:
    for name in set(FAMILIES.own) - set(STATED) - OWN:
        with pytest.raises(InputError, match="it is stated beside one answer object") as refused:
            family(name).resolve(2, {"confidence": True})
        assert "\n" not in str(refused.value)
    with pytest.raises(InputError, match="confidence: 'perhaps' is neither true nor false"):
        family("rcpsp").resolve(5, {"confidence": "perhaps"})


@pytest.mark.parametrize("case", ONE)
def test_the_prompt_goes_on_after_the_ordinary_one_and_the_problem_is_the_same(case: str) -> None:
    before, (after, grade) = plain(case), asked(case)
    assert after.messages[:-1] == before.messages[:-1]
    assert after.messages[-1].content.startswith(f"{before.messages[-1].content}\n\nBeside it")
    assert after.schema is not None
    assert before.schema is not None
    assert after.schema["required"] == [*before.schema["required"], "confidence"]
    assert after.problem == before.problem
    assert grade.metrics["confidence"] == grade.metrics["stated"] == grade.metrics["came_true"] == 1


@pytest.mark.parametrize("case", ONE)
def test_without_it_nothing_of_an_instance_changes(case: str) -> None:
    name, level, settings = CASES[case]
    declared, instance = family(name), instance_of(case)
    off = declared.resolve(level, {**settings, "confidence": "false"})
    assert off == declared.resolve(level, settings)
    assert declared.generate(level, 0, 0, off) == instance
    on = declared.generate(level, 0, 0, {**off, "confidence": True})
    assert on.id != instance.id
    assert (on.payload, on.reference) == (instance.payload, instance.reference)
    assert on.settings == {**instance.settings, "confidence": True}


@pytest.mark.parametrize("case", ONE)
def test_a_wrong_answer_is_a_forecast_that_did_not_come_true(case: str) -> None:
    _, grade = asked(case, {"confidence": 0.9})
    forecast = forecast_of(grade)
    assert forecast is not None
    assert forecast == (0.5, False)  # an object without the answer's key is none, nor its number


def test_words_count_in_locks_only_where_a_setting_asks() -> None:
    bare = suites.find("rcpsp", level=5, seed=0, settings={})
    both = [SuiteEntry("rcpsp", 5, {"confidence": True}), SuiteEntry("jobshop", 3, {})]
    without = family_versions(bare.used, installed())
    used = families_used((entry.family, entry.settings) for entry in both)
    assert used["rcpsp"].templates == (*family("rcpsp").templates, "confidence/stated.j2")
    assert used["jobshop"].templates == family("jobshop").templates
    with_words = family_versions(used, installed())
    plain = family_versions({"jobshop": family("jobshop")}, installed())
    assert without["rcpsp"] != with_words["rcpsp"]
    assert plain["jobshop"] == with_words["jobshop"]
