"""Runs programs that yield effects: from outside here, or translated into other programs."""

from collections.abc import Callable
from typing import Any, TypeVar

from tasks.base import Begin, Effect, Join, Outside, Program, Together

R = TypeVar("R")


def play(program: Program[R], perform: Callable[[Outside], Any]) -> R:
    """Run a program to its end, one thing after another, and return its result.

    Args:
        program: what to run; programs that it wants run beside each other run in their order.
        perform: returns the answer to an effect that comes from outside; what it raises is raised.
    """
    results: dict[str, Any] = {}
    answer: Any = None
    while True:
        try:
            effect = program.send(answer)
        except StopIteration as stop:
            result: R = stop.value
            return result
        if isinstance(effect, Together):
            answer = [play(each, perform) for each in effect.programs]
        elif isinstance(effect, Begin):
            results[effect.name], answer = play(effect.program, perform), None
        elif isinstance(effect, Join):
            answer = results.pop(effect.name)
        else:
            answer = perform(effect)


def translate(program: Program[R], handle: Callable[[Outside], Program[Any]]) -> Program[R]:
    """Return a program in which each effect of another is answered by the program `handle` gives.

    What the other runs beside itself is translated in the same way.
    """
    answer: Any = None
    while True:
        try:
            effect = program.send(answer)
        except StopIteration as stop:
            result: R = stop.value
            return result
        answer = yield from _translated(effect, handle)


def _translated(effect: Effect, handle: Callable[[Outside], Program[Any]]) -> Program[Any]:
    if isinstance(effect, Together):
        programs = tuple(translate(each, handle) for each in effect.programs)
        return (yield Together(programs))
    if isinstance(effect, Begin):
        return (yield Begin(effect.name, translate(effect.program, handle)))
    if isinstance(effect, Join):
        return (yield effect)
    return (yield from handle(effect))
