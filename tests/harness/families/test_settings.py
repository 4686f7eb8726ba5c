"""What is said of a family's settings and levels is what its generator accepts."""

from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta

from generators.base import settings_as
from harness.families.registry import FAMILIES, family
from harness.families.settings import SettingFacts, settings_facts
from tasks.base import InputError, Noun
from tests.factories.settings import LATER

FACTS = [
    pytest.param(name, facts, id=f"{name}-{facts.name}")
    for name in FAMILIES.own
    for facts in settings_facts(family(name).settings or Noun)
]


class Dials(Noun, frozen=True):
    """Some dials.

    Attributes:
        many, few: whole numbers, which are
            told in two lines.
        share: between.
        word: one of two
            words.
    """

    many: Annotated[int, Meta(ge=3)]
    few: Annotated[int, Meta(gt=0, lt=10)] | None = None
    share: Annotated[float, Meta(le=0.5)] | Literal["grid"] = 0.25
    word: Literal["b", "a"] = "a"
    free: str = "x"
    yes: bool = True


def test_facts_are_read_from_annotations_and_documentation() -> None:
    lines = "whole numbers, which are told in two lines"
    assert settings_facts(Dials) == [
        SettingFacts("many", "whole number", None, least=3, about=lines),
        SettingFacts("few", "whole number", None, least=0, most=10, about=lines),
        SettingFacts("share", "number", 0.25, most=0.5, choices=("grid",), about="between"),
        SettingFacts("word", "", "a", choices=("a", "b"), about="one of two words"),
        SettingFacts("free", "text", "x"),
        SettingFacts("yes", "true or false", True),
    ]
    ranges = [facts.range for facts in settings_facts(Dials)]
    assert ranges[0] == "whole number, from 3 on"
    assert ranges[2:4] == ["number, up to 0.5 or grid", "a, b"]


def test_every_family_of_the_project_declares_its_settings_and_levels() -> None:
    for name in FAMILIES.own:
        declared = family(name)
        assert declared.settings is not None
        assert declared.levels is not None
        facts = settings_facts(declared.settings)
        always = [  # an empty text is left out, and what came after instances were published
            f.name for f in facts if f.default != "" and f.name not in LATER.get(name, ())
        ]
        assert always == [*declared.resolve(declared.levels.most, {})]


@pytest.mark.parametrize("name", FAMILIES.own)
def test_levels_are_those_that_the_generator_takes(name: str) -> None:
    declared = family(name)
    assert declared.levels is not None
    for level in (declared.levels.least, declared.levels.most):
        assert declared.resolve(level, {})
    for level in (declared.levels.least - 1, declared.levels.most + 1):
        with pytest.raises(InputError, match="level"):
            declared.resolve(level, {})


@pytest.mark.parametrize(("name", "facts"), FACTS)
def test_a_default_is_what_a_family_takes_where_nothing_is_said(
    name: str, facts: SettingFacts
) -> None:
    declared = family(name)
    assert facts.about
    if facts.default is not None:
        assert declared.settings is not None
        assert getattr(settings_as(declared.settings, name, {}), facts.name) == facts.default


@pytest.mark.parametrize(("name", "facts"), FACTS)
def test_bounds_and_choices_are_those_of_the_type(name: str, facts: SettingFacts) -> None:
    kind: Any = family(name).settings

    def accepted(value: Any) -> bool:
        beside = {  # given only together
            "tardiness": {"tf": {"rdd": value}, "rdd": {"tf": value}},
            "rcpsp": {"load": {"pattern": "periodic"}},
            "feasibility": {
                dial: {"pattern": "jobshop"} for dial in ("machines", "shutdowns", "high")
            },
        }
        values = {facts.name: value, **beside.get(name, {}).get(facts.name, {})}
        try:
            settings_as(kind, name, values)
        except InputError:
            return False
        return True

    for bound, outside in ((facts.least, -1), (facts.most, 1)):
        if bound is not None:
            assert accepted(bound)
            assert not accepted(bound + outside)
    for choice in facts.choices:
        assert accepted(choice)
    if facts.choices:
        assert not accepted("no such choice")


@given(st.integers(-(10**9), 10**9))
def test_whole_bounds_are_printed_as_they_are(bound: int) -> None:
    facts = SettingFacts("x", "whole number", 0, least=bound)
    assert facts.range.replace(",", "") == f"whole number from {bound} on"
