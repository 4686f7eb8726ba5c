"""A program in a file as a policy of its family: `policy/file:best.py`.

A run knows it as `policy/file:best.py@DIGEST`, and has the program in its folder.
"""

import ast
import asyncio
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from harness.digests import digest
from harness.evolve.domain import Domain, WrongSolution
from harness.evolve.domains import DOMAINS
from harness.evolve.evaluator import Evaluator
from harness.evolve.program import Unreadable, arguments_of
from harness.sandbox.sandbox import Sandbox
from harness.store.search_plan import SearchPlan
from tasks.base import Ask, InputError, Instance, Reply, Usage

START = "policy/file:"
_PINNED = re.compile(r"(.+)@([0-9a-f]{12})", re.DOTALL)


class ProgramModel:
    """A model that answers instances by a program in the sandbox; if that fails there is no answer.

    Args:
        name: as the run has it.
        source: of the program.
        families: of the run.

    Raises:
        InputError: if the program is for none of these families.
    """

    def __init__(self, name: str, source: str, families: tuple[str, ...]) -> None:
        self.name, self._source = name, source
        self._domain = domain_of(source)
        if self._domain.family not in families:
            raise InputError(
                f"{self.name} is a program for {self._domain.family}, which is not in this run"
            )
        numpy = imports_numpy(self._source)
        plan = SearchPlan(self._domain.name, self._domain.lock, 1, numpy=numpy)
        self._sandbox = Sandbox(packages=plan.packages)
        self._evaluator = Evaluator(self._domain, plan, {}, self._sandbox)
        self._thread = ThreadPoolExecutor(1)

    async def reply(self, ask: Ask) -> Reply:
        """Return the family's answer, or an object that says how the program failed."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._answer, ask.view)

    def _answer(self, instance: Instance[Any]) -> Reply:
        result, seconds = self._evaluator.run_instance(self._source, instance)
        try:
            answer = self._evaluator.answer_of(instance, result)
        except WrongSolution as error:
            answer = {"failure": f"{error.kind}: {error.detail}"}
        text = msgspec.json.encode(answer).decode()
        return Reply(text, usage=Usage(0, 0), seconds=seconds, model=self.name, cost=0.0)

    async def close(self) -> None:
        """End the sandbox."""
        self._thread.shutdown(wait=True, cancel_futures=True)
        self._sandbox.close()


def imports_numpy(source: str) -> bool:
    """Return whether a program has an import statement for numpy, at any depth of its code.

    Raises:
        SyntaxError: if the source is no Python.
    """
    modules: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            modules.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            modules.add(node.module)
    return any(module.partition(".")[0] == "numpy" for module in modules)


def read_programs(names: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """Return models' names as a run records them, and the programs' sources by digest.

    Of a file's path only the last part is recorded. `file:best.py@DIGEST` is `best.py`, if that is
    what is in it.

    Args:
        names: of models, as the command line has them.

    Raises:
        InputError: says what is wrong with a file.
    """
    model_names: list[str] = []
    programs: dict[str, str] = {}
    for name in names:
        model_name = name
        if name.startswith(START):
            path, source = _read(name)
            content = digest(source)
            programs[content] = source
            model_name = f"{START}{path.name}@{content}"
        model_names.append(model_name)
    return model_names, programs


def _read(name: str) -> tuple[Path, str]:
    """Return the path of a program, and its source."""
    place = name.removeprefix(START)
    match = _PINNED.fullmatch(place)
    path = Path(match[1] if match else place)
    source = _text(path)
    if match and match[2] != digest(source):
        raise InputError(f"{path} is another program than {name}: its digest is {digest(source)}")
    try:
        domain_of(source)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    return path, source


@cache
def domain_of(source: str) -> Domain:
    """Return the domain whose function a program defines, by its name and number of arguments.

    Raises:
        InputError: if it defines none, or is no program.
    """
    for candidate in DOMAINS.values():
        try:
            arguments = arguments_of(source, candidate.function)
        except Unreadable as error:
            if error.kind != "no function":
                raise InputError(str(error)) from None
            continue
        if len(arguments) == len(candidate.arguments):
            return candidate
    signatures = ", ".join(f"{d.function}({', '.join(d.arguments)})" for d in DOMAINS.values())
    raise InputError(f"it defines none of {signatures}")


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InputError(f"{path} is not UTF-8 text") from None
