"""Composes world, agent and memory into one program, and drives a program.

An episode is a pure function of the replies: all it wants from outside it yields.
"""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from harness.agents.base import Agent
from harness.mcp.direct import Tools, no_tools
from memory.base import Memory
from tasks.base import Ask, CallTools, Failure, Outcome, Program, Reply, Tell, ToolResult

R = TypeVar("R")


def episode(world: Program[Outcome], agent: Agent, memory: Memory) -> Program[Outcome]:
    """A world's asks go to the memory, then to the agent; its feedback goes to the memory.

    Between rounds the memory may think. Tool calls pass outward.
    """
    heard: Reply | tuple[ToolResult, ...] | None = None
    while True:
        try:
            effect = world.send(heard)
        except StopIteration as stop:
            outcome: Outcome = stop.value
            return outcome
        heard = None
        if isinstance(effect, Ask):
            enriched = yield from memory.recall(effect)
            heard = yield from agent.reply(enriched)
        elif isinstance(effect, Tell):
            yield from memory.observe(effect)
            yield from memory.idle(effect.path)
        else:
            heard = yield effect


async def drive(
    program: Program[R], answer: Callable[[Ask], Awaitable[Reply]], tools: Tools = no_tools
) -> R:
    """Perform what a program yields until it returns; the same path asked twice is a bug."""
    asked: set[str] = set()
    value: Reply | tuple[ToolResult, ...] | None = None
    while True:
        try:
            effect = program.send(value)
        except StopIteration as stop:
            result: R = stop.value
            return result
        value = None
        if isinstance(effect, Ask):
            if effect.path in asked:
                raise Failure(f"the path {effect.path!r} is asked twice in one episode")
            asked.add(effect.path)
            value = await answer(effect)
        elif isinstance(effect, CallTools):
            value = await tools(effect)
