"""Composes world, agent and memory into one program.

An episode is a pure function of the replies: all it wants from outside it yields.
"""

from typing import Any, TypeVar

from msgspec.structs import replace

from harness.agents.base import Agent
from memory.base import Memory
from tasks.base import Ask, Ledger, Outcome, Outside, Program, Reply, Tell
from tasks.play import translate

R = TypeVar("R")


def episode(world: Program[Outcome], agent: Agent, memory: Memory) -> Program[Outcome]:
    """Return the program in which an agent with a memory works on a world.

    The world's asks go to the memory, then to the agent; its feedback goes to the memory, which
    may think before the next step. All else passes outward.
    """

    replies: list[Reply] = []

    def handle(effect: Outside) -> Program[Any]:
        if isinstance(effect, Ask):
            enriched = yield from charged("recall", memory.recall(effect))
            replies.append((yield from agent.reply(enriched)))
            return replies[-1]
        if isinstance(effect, Tell):
            feedback = replace(effect, reply=replies[-1] if replies else None)
            yield from charged("sleep", memory.observe(feedback))
            yield from charged("sleep", memory.idle(effect.path))
            return None
        return (yield effect)

    return translate(world, handle)


def charged(ledger: Ledger, program: Program[R]) -> Program[R]:
    """Return a program whose asks are all counted in one ledger."""

    def handle(effect: Outside) -> Program[Any]:
        return (yield replace(effect, ledger=ledger) if isinstance(effect, Ask) else effect)

    return translate(program, handle)
