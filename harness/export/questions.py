"""What an agent is asked from step to step, as far as files can tell it before it has answered."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from harness.agents.base import Direct
from harness.families.family import Policy
from harness.families.registry import family
from harness.mcp.direct import world_of
from harness.run.episode import episode
from harness.store.versions import speaking_parts
from harness.suites.suite import asides_of
from memory.base import read_memory
from memory.context import Context
from tasks.base import Ask, CallTools, Fields, InputError, Instance, Outcome, Reply, ToolResult
from tasks.play import Stepper
from tasks.prompts import prompts_of
from tasks.tools_clock import arguments_of


@dataclass(frozen=True)
class Question:
    """A step of an episode: what is asked, and what the family's ceiling answers."""

    ask: Ask
    answer: Fields


def first_ask(instance: Instance[Any]) -> Ask:
    """Return what is asked first, of an agent that asks directly."""
    effect = _stepper(instance).effect
    assert isinstance(effect, Ask), "an episode begins with a question"
    return effect


def questions(instance: Instance[Any]) -> list[Question]:
    """Return all that is asked in an episode; in a year with the rounds before in each question.

    Raises:
        InputError: tools are called, or what is asked depends on what was answered before.
    """
    ceiling = _ceiling(instance)
    asked = _play(instance, lambda ask: ceiling.answer(ask.view))
    other = _play(instance, lambda _: {})
    if any(question.ask.tools for question in asked):
        raise InputError(
            f"{instance.id}: its tools are called turn by turn, in a world whose secret an agent's"
            " container must not have: export the track `plan`, or serve it by `makespan mcp serve`"
        )
    if [each.ask.messages for each in asked] != [each.ask.messages for each in other]:
        raise InputError(
            f"{instance.id}: what is asked later depends on what was answered before, so that no"
            " file can tell it"
        )
    return asked


def _ceiling(instance: Instance[Any]) -> Policy:
    policies = family(instance.family).policies.values()
    return next(policy for policy in policies if policy.kind == "ceiling")


def _play(instance: Instance[Any], answer: Callable[[Ask], Fields]) -> list[Question]:
    """Return the questions of an episode in which each is answered as told, without a call."""
    stepper, steps = _stepper(instance), list[Question]()
    perform_calls = _tools(instance)
    while stepper.effect is not None:
        effect = stepper.effect
        if isinstance(effect, Ask):
            steps.append(Question(effect, answer(effect)))
            text = msgspec.json.encode(steps[-1].answer).decode()
            stepper.answer(Reply(text))
        else:
            stepper.answer(perform_calls(effect) if isinstance(effect, CallTools) else None)
    return steps


def _tools(instance: Instance[Any]) -> Callable[[CallTools], tuple[ToolResult, ...]]:
    """Return what performs the calls of a plan."""
    if family(instance.family).tools is None:
        return lambda _: ()
    world = world_of(instance)
    return lambda effect: world.turn([(c.name, arguments_of(c)) for c in effect.calls])


def _stepper(instance: Instance[Any]) -> Stepper[Outcome]:
    declared = family(instance.family)
    memory = "history" if declared.has_rounds else "none"
    parts = speaking_parts("direct", memory, (instance.family,), asides_of([instance]))
    prompts = prompts_of(parts.values())
    kind, settings = read_memory(memory)
    world = declared.world(instance, prompts)
    return Stepper(episode(world, Direct(), kind.new(Context(prompts, None), settings)))
