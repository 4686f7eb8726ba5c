"""A program in a file as a policy of its family: `policy/file:best.py`."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from harness.evolve.domain import Domain, WrongSolution, domain, names
from harness.evolve.evaluator import Evaluator
from harness.evolve.plan import Plan
from harness.evolve.program import Unreadable, arguments_of
from harness.request import digest
from harness.sandbox.sandbox import Sandbox
from tasks.base import Ask, InputError, Instance, Reply, Usage

START = "policy/file:"


class ProgramModel:
    """Answers instances by a program in the sandbox; where that fails there is no answer.

    `place` is the file's path, with `@` and the digest of its content.
    """

    def __init__(self, place: str, families: tuple[str, ...]) -> None:
        self.name = f"{START}{place}"
        self._domain, self._source = domain_of(place), _source(place)
        if self._domain.family not in families:
            raise InputError(
                f"{self.name} is a program for {self._domain.family}, which is not in this run"
            )
        numpy = "numpy" in self._source
        plan = Plan(self._domain.name, self._domain.lock, 1, numpy=numpy)
        self._sandbox = Sandbox(numpy=numpy)
        self._evaluator = Evaluator(self._domain, plan, {}, self._sandbox)
        self._thread = ThreadPoolExecutor(1)

    async def reply(self, ask: Ask) -> Reply:
        """The family's answer, or an object that says how the program failed."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._answer, ask.view)

    def _answer(self, instance: Instance[Any]) -> Reply:
        result, seconds = self._evaluator.alone(self._source, instance)
        try:
            if result.kind != "ok":
                raise WrongSolution(result.kind, result.detail)
            answer = self._evaluator.answer(instance, result.value)
        except WrongSolution as wrong:
            answer = {"failure": f"{wrong.kind}: {wrong.detail}"}
        text = msgspec.json.encode(answer).decode()
        return Reply(text, usage=Usage(0, 0), seconds=seconds, model=self.name, cost=0.0)

    async def close(self) -> None:
        """End the sandbox."""
        self._thread.shutdown(wait=True, cancel_futures=True)
        self._sandbox.close()


def with_content(name: str) -> str:
    """A model's name; that of a program in a file with the digest of what is in it."""
    if not name.startswith(START):
        return name
    place = name.removeprefix(START)
    return f"{START}{place}@{digest(_text(Path(place)))}"


@cache
def domain_of(place: str) -> Domain:
    """The domain whose function a program defines, by its name and number of arguments."""
    source = _source(place)
    for one in map(domain, names()):
        try:
            arguments = arguments_of(source, one.function)
        except Unreadable as error:
            if error.kind != "no function":
                raise InputError(f"{place}: {error}") from None
            continue
        if len(arguments) == len(one.arguments):
            return one
    wanted = ", ".join(f"{d.function}({', '.join(d.arguments)})" for d in map(domain, names()))
    raise InputError(f"{place}: it defines none of {wanted}")


def _source(place: str) -> str:
    """The program; InputError if it is not what the name says."""
    path, _, content = place.rpartition("@")
    source = _text(Path(path))
    if digest(source) != content:
        raise InputError(f"{path} is not what it was when this run began: bring it back")
    return source


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InputError(f"{path} is not UTF-8 text") from None
