"""Runs programs that yield effects: from outside here, or translated into other programs."""

from collections.abc import Callable, Generator
from typing import Any, Generic, TypeVar

from tasks.base import Begin, Effect, Join, Outside, Program, Together

R = TypeVar("R")


class Stepper(Generic[R]):
    """A program that is answered one effect at a time; what it runs beside itself, in its order.

    Attributes:
        effect: what is to be answered now; None once the program has ended.
    """

    def __init__(self, program: Program[R]) -> None:
        """Begin a program, up to its first effect."""
        self._program = in_order(program)
        self.effect: Outside | None = None
        self._results: list[R] = []
        self.answer(None)

    @property
    def result(self) -> R:
        """Return the program's result; ValueError while it has none."""
        if not self._results:
            raise ValueError("the program has not ended")
        return self._results[0]

    def answer(self, value: Any) -> None:
        """Answer the effect; the program goes on to its next one, or to its end."""
        try:
            self.effect = self._program.send(value)
        except StopIteration as stop:
            self.effect = None
            self._results.append(stop.value)


def play(program: Program[R], perform: Callable[[Outside], Any]) -> R:
    """Run a program to its end, one thing after another, and return its result.

    Args:
        program: what to run; programs that it wants run beside each other run in their order.
        perform: returns the answer to an effect that comes from outside; what it raises is raised.
    """
    stepper = Stepper(program)
    while stepper.effect is not None:
        stepper.answer(perform(stepper.effect))
    return stepper.result


def in_order(program: Program[R]) -> Generator[Outside, Any, R]:
    """Return a program in which nothing runs beside anything else, with the same result."""
    results: dict[str, Any] = {}
    answer: Any = None
    while True:
        try:
            effect = program.send(answer)
        except StopIteration as stop:
            result: R = stop.value
            return result
        if isinstance(effect, Together):
            answer = []
            for each in effect.programs:
                answer.append((yield from in_order(each)))
        elif isinstance(effect, Begin):
            results[effect.name] = yield from in_order(effect.program)
            answer = None
        elif isinstance(effect, Join):
            answer = results.pop(effect.name)
        else:
            answer = yield effect


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
