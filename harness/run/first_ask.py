"""The first question of an episode, as a model would get it; nobody is asked."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

import msgspec
from msgspec.structs import replace

from harness.calls.live import LETTERS
from harness.families.registry import family
from harness.models.names import START
from harness.run.begin import manifest_of
from harness.run.jobs import EpisodeJob
from harness.run.request import RunRequest
from harness.run.rollout import Rollout
from harness.suites import instances
from harness.suites.instances import InstanceLine
from memory.base import read_memory
from tasks.base import Ask, Fields, InputError, Instance, Message, Noun, Outside, Tell, Tool
from tasks.near import did_you_mean
from tasks.play import Stepper
from tasks.sessions import INSTRUCTION, Session

NOBODY = f"{START}nobody"  # a run has a model; this one is not built
MODEL = "a-model"
FEW = 20  # instances that a memory may look at beside the one
MOST = 1_000  # instances that are made to find one by its id


class ShownPrompt(Noun, frozen=True):
    """The first question of an episode.

    Attributes:
        instance, family, level: what it is about.
        agent, memory: how it is asked.
        path: of the call.
        messages: the conversation.
        tools: those on offer.
        form: the name of the form of the answer; None where the family names none.
        schema: the JSON schema of the answer.
        characters: of the messages.
        tool_characters: of the tools, as JSON.
        tokens: about how many the messages and tools are: a guess from their characters.
    """

    instance: str
    family: str
    level: int
    agent: str
    memory: str
    path: str
    messages: tuple[Message, ...]
    tools: tuple[Tool, ...]
    form: str | None
    schema: Fields | None
    characters: int
    tool_characters: int
    tokens: int


def first_ask(request: RunRequest, identity: str | None = None) -> ShownPrompt:
    """Return what a model would be asked first.

    Args:
        request: what would be asked; its models do not matter.
        identity: of the instance; None is the first one.

    Raises:
        InputError: there is no such instance, family, agent or memory.
    """
    manifest, prompts = manifest_of(request)
    instance = _instance(request, identity)
    others = read_memory(manifest.configuration.memory)[0].needs_other
    batch = islice(_instances(request), FEW if others else 0)
    lines = [InstanceLine(instances.encode(each), "made") for each in batch]
    rollout = Rollout(manifest.configuration, prompts, {}, lines)
    job = EpisodeJob(InstanceLine(instances.encode(instance), "made"), MODEL, 0)
    stepper = Stepper(rollout.program(job, rollout.memory(job)))
    while isinstance(stepper.effect, Tell):
        stepper.answer(None)
    return _shown(_question(stepper.effect), instance, rollout, job)


def _question(effect: Outside | None) -> Ask:
    """Return the first effect of an episode as a question; a command-line agent reads a file."""
    if isinstance(effect, Session):
        return Ask(effect.path, (Message("user", effect.files[INSTRUCTION]),))
    assert isinstance(effect, Ask), "an episode begins with a question"
    return effect


def _shown(ask: Ask, instance: Instance[Any], rollout: Rollout, job: EpisodeJob) -> ShownPrompt:
    characters = sum(len(message.content) for message in ask.messages)
    tools = len(msgspec.json.encode(ask.tools)) if ask.tools else 0
    forms = family(instance.family).answers(instance.payload)
    form = next((name for name, each in forms.items() if each.schema == ask.schema), None)
    return ShownPrompt(
        instance=instance.id,
        family=instance.family,
        level=instance.level,
        agent=rollout.configuration.agent,
        memory=rollout.memory_of(job),
        path=ask.path,
        messages=ask.messages,
        tools=ask.tools,
        form=form,
        schema=ask.schema,
        characters=characters,
        tool_characters=tools,
        tokens=(characters + tools) // LETTERS,
    )


def _instance(request: RunRequest, identity: str | None) -> Instance[Any]:
    """Return the instance of an id, else the first."""
    ids = []
    for instance in islice(_instances(request), request.limit or MOST):
        if identity in (None, instance.id):
            return instance
        ids.append(instance.id)
    raise InputError(
        f"no instance {identity!r} among the first {len(ids)}, from {ids[0]} to {ids[-1]}"
        f"{did_you_mean(identity or '', ids)}"
    )


def _instances(request: RunRequest) -> Iterator[Instance[Any]]:
    """Yield the instances of what is asked, made without a solver."""
    yield from request.instances
    for spec in request.suite.instances() if request.suite.entry else ():
        line = instances.make(replace(spec, reference=False))
        yield instances.decode(line, "made")
