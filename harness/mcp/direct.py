"""The tool calls of an episode, performed by the simulation itself or over a protocol."""

from collections.abc import Awaitable, Callable
from typing import Any

from harness.families.family import Toolbox, ToolWorld
from harness.families.registry import family
from tasks.base import CallTools, Failure, InputError, Instance, ToolResult
from tasks.tools_clock import arguments_of

Tools = Callable[[CallTools], Awaitable[tuple[ToolResult, ...]]]


async def no_tools(effect: CallTools) -> tuple[ToolResult, ...]:
    """Refuse the calls of an episode without tools: that it makes some is a bug."""
    raise Failure(f"{effect.path} calls tools, but there are none")


def toolbox(instance: Instance[Any]) -> Toolbox[Any]:
    """Return the declared tools of an instance's family; InputError if it has none."""
    tools = family(instance.family).tools
    if tools is None:
        raise InputError(f"{instance.id}: a {instance.family} has no tools")
    return tools


def world_of(instance: Instance[Any]) -> ToolWorld:
    """Return a new world behind an instance's tools; InputError if its family has none."""
    return toolbox(instance).world(instance.payload)


def direct(instance: Instance[Any]) -> Tools:
    """Return the tools of one episode: its world, called without a protocol."""
    if family(instance.family).tools is None:
        return no_tools
    world = world_of(instance)

    async def perform(effect: CallTools) -> tuple[ToolResult, ...]:
        return world.turn([(call.name, arguments_of(call)) for call in effect.calls])

    return perform
