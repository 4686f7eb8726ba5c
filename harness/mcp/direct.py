"""The tool calls of an episode, performed by the simulation itself or over a protocol."""

from collections.abc import Awaitable, Callable
from typing import Any

from harness.families.registry import family
from tasks.base import CallTools, Failure, Instance, ToolResult
from tasks.tools_clock import arguments_of

Tools = Callable[[CallTools], Awaitable[tuple[ToolResult, ...]]]


async def no_tools(effect: CallTools) -> tuple[ToolResult, ...]:
    """Refuse the calls of an episode without tools: that it makes some is a bug."""
    raise Failure(f"{effect.path} calls tools, but there are none")


def direct(instance: Instance[Any]) -> Tools:
    """Return the tools of one episode: its simulation, called without a protocol."""
    simulation = family(instance.family).simulation
    if simulation is None:
        return no_tools
    world = simulation(instance.payload)

    async def perform(effect: CallTools) -> tuple[ToolResult, ...]:
        return world.turn([(call.name, arguments_of(call)) for call in effect.calls])

    return perform
