"""Composes world, agent and memory into one program, and drives a program.

An episode is a pure function of the replies: all it wants from outside it yields.
"""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from harness.agents.base import Agent
from memory.base import Memory
from tasks.base import Ask, Failure, Outcome, Program, Reply

R = TypeVar("R")


def episode(world: Program[Outcome], agent: Agent, memory: Memory) -> Program[Outcome]:
    """A world's asks go to the memory, then to the agent; its feedback goes to the memory.

    Between rounds the memory may think.
    """
    heard: Reply | None = None
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
        else:
            yield from memory.observe(effect)
            yield from memory.idle(effect.path)


async def drive(program: Program[R], answer: Callable[[Ask], Awaitable[Reply]]) -> R:
    """Perform what a program yields until it returns; the same path asked twice is a bug."""
    asked: set[str] = set()
    value: Reply | None = None
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
