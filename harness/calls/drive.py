"""Runs a program to its end, what it wants side by side side by side."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from tasks.base import Action, Ask, Begin, Failure, Join, Outside, Program, Together

R = TypeVar("R")
Perform = Callable[[Outside], Awaitable[Any]]


async def drive(program: Program[R], perform: Perform, paths: set[str] | None = None) -> R:
    """Return the result of a program; what it began ends before this does.

    Args:
        program: what to run.
        perform: answers an effect that comes from outside; what it raises is raised here.
        paths: those that were asked already, which may not be asked again.

    Raises:
        Failure: the program asks twice under one path, or begins two programs under one name.
    """
    paths = set() if paths is None else paths
    running: dict[str, asyncio.Task[Any]] = {}
    answer: Any = None
    try:
        while True:
            try:
                effect = program.send(answer)
            except StopIteration as stop:
                result: R = stop.value
                return result
            answer = None
            if isinstance(effect, Together):
                names = [f"together/{number}" for number in range(len(effect.programs))]
                for name, each in zip(names, effect.programs, strict=True):
                    _begin(running, name, drive(each, perform, paths))
                answer = [await running.pop(name) for name in names]
            elif isinstance(effect, Begin):
                _begin(running, effect.name, drive(effect.program, perform, paths))
            elif isinstance(effect, Join):
                answer = await running.pop(effect.name)
            else:
                _note_path(paths, effect)
                answer = await perform(effect)
    except asyncio.CancelledError:
        for task in running.values():
            task.cancel()
        raise
    finally:
        if running:
            await asyncio.gather(*running.values(), return_exceptions=True)


def _begin(running: dict[str, asyncio.Task[Any]], name: str, run: Any) -> None:
    if name in running:
        run.close()
        raise Failure(f"{name!r} is begun twice")
    running[name] = asyncio.create_task(run)


def _note_path(paths: set[str], effect: Outside) -> None:
    if isinstance(effect, Ask | Action):
        if effect.path in paths:
            raise Failure(f"the path {effect.path!r} is asked twice in one episode")
        paths.add(effect.path)
