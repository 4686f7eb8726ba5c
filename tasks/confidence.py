"""The confidence that is stated with an answer: how it is asked for and read."""

import re
from collections.abc import Callable
from typing import Any, TypeAlias

from msgspec.structs import replace

from tasks.base import Ask, Fields, Instance, Outcome, Outside, P, Program
from tasks.play import translate
from tasks.prompts import Prompts

KEY = "confidence"  # of the answer object, and of the setting that asks for it
SILENT = 0.5  # what is taken for the confidence of who states none
SCHEMA: Fields = {"type": "number"}
TEMPLATE = "confidence/stated.j2"
World: TypeAlias = Callable[[Instance[P], Prompts], Program[Outcome]]
_NUMERAL = re.compile(r"[01]|[01]?\.\d+")


def read_confidence(value: Any) -> float | None:
    """Return a stated confidence from 0 to 1; None of anything else.

    A numeral in quotation marks is read as its number; per cents are not: 1 might be either.

    Args:
        value: what stands under the key.
    """
    if isinstance(value, str) and _NUMERAL.fullmatch(value.strip()):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        return None
    return float(value)


def stated_in(outcome: Outcome) -> float | None:
    """Return the confidence that was stated with the one answer of an outcome; None without one."""
    [parsed] = outcome.answers
    return read_confidence((parsed.value or {}).get(KEY))


def with_number(schema: Fields) -> Fields:
    """Return the JSON schema of an answer object that also states a confidence.

    Args:
        schema: of the object without it.
    """
    properties = {**schema.get("properties", {}), KEY: SCHEMA}
    return {**schema, "properties": properties, "required": [*schema.get("required", []), KEY]}


def asking(world: World[P], event: str) -> World[P]:
    """Return a world of one question that asks for a confidence where the instance's settings do.

    Args:
        world: which yields one `Ask`, whose answer is an object.
        event: what the confidence is in, as the rest of `how sure you are that ...`.
    """

    def play(instance: Instance[P], prompts: Prompts) -> Program[Outcome]:
        def answered(effect: Outside) -> Program[Any]:
            return (yield _asked(effect, prompts, event))

        program = world(instance, prompts)
        if not instance.settings.get(KEY):
            return (yield from program)
        return (yield from translate(program, answered))

    return play


def _asked(effect: Outside, prompts: Prompts, event: str) -> Outside:
    if not isinstance(effect, Ask):
        return effect
    [words] = prompts.messages(TEMPLATE, event=event)
    last = effect.messages[-1]
    longer = replace(last, content=f"{last.content}\n\n{words.content}")
    schema = None if effect.schema is None else with_number(effect.schema)
    return replace(effect, messages=(*effect.messages[:-1], longer), schema=schema)
