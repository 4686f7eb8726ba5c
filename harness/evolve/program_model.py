"""A program in a file as a policy of its family: `policy/file:best.py`.

A run knows it as `policy/file:best.py@DIGEST`, and has the program in its folder.
"""

import ast
import asyncio
import re
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import msgspec

from harness.digests import digest
from harness.evolve.domain import Domain, WrongSolution
from harness.evolve.domains import DOMAINS
from harness.evolve.evaluator import Evaluator
from harness.evolve.program import Unreadable, arguments_of
from harness.families.registry import family
from harness.sandbox.sandbox import Sandbox
from harness.store.search_plan import SearchPlan
from tasks.base import Ask, Fields, InputError, Instance, Reply, Usage

START = "policy/file:"
KEPT = 200  # episodes whose turns are kept
_PINNED = re.compile(r"(.+)@([0-9a-f]{12})", re.DOTALL)


class TurnView(Protocol):
    """A question of many, as a policy sees it."""

    @property
    def instance(self) -> Instance[Any]:
        """Return the instance, hidden truth included."""

    @property
    def turn(self) -> int:
        """Return the number of the question, from 1, counting those without a decision."""


class ProgramModel:
    """A model that answers instances by a program in the sandbox; if that fails there is no answer.

    In a family of many turns a program decides a whole episode at once, and each turn is answered
    by its place in that.

    Args:
        name: as the run has it.
        source: of the program.
        families: of the run.

    Raises:
        InputError: if the program is for none of these families.
    """

    def __init__(self, name: str, source: str, families: tuple[str, ...]) -> None:
        self.name, self._source = name, source
        self._domain = domain_of(source, families)
        if self._domain.family not in families:
            raise InputError(
                f"{self.name} is a program for {self._domain.family}, which is not in this run"
            )
        numpy = imports_numpy(self._source)
        plan = SearchPlan(self._domain.name, self._domain.lock, 1, numpy=numpy)
        self._sandbox = Sandbox(packages=plan.packages)
        self._evaluator = Evaluator(self._domain, plan, {}, self._sandbox)
        self._thread = ThreadPoolExecutor(1)
        self._episodes: dict[bytes, tuple[Fields, ...]] = {}  # the answers of each turn

    async def reply(self, ask: Ask) -> Reply:
        """Return the family's answer, or an object that says how the program failed."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._reply, ask.view)

    def _reply(self, view: Instance[Any] | TurnView) -> Reply:
        if isinstance(view, Instance):
            answer, seconds = self._answer(view)
        else:
            answer, seconds = self._turn(view)
        text = msgspec.json.encode(answer).decode()
        return Reply(text, usage=Usage(0, 0), seconds=seconds, model=self.name, cost=0.0)

    def _answer(self, instance: Instance[Any]) -> tuple[Fields, float]:
        """Return a program's answer to an instance, and its CPU seconds."""
        result, seconds = self._evaluator.run_instance(self._source, instance)
        try:
            return self._evaluator.answer_of(instance, result), seconds
        except WrongSolution as error:
            return {"failure": f"{error.kind}: {error.detail}"}, seconds

    def _turn(self, view: TurnView) -> tuple[Fields, float]:
        """Return the answer of a turn; the seconds of the episode are those of its first turn."""
        instance, seconds = view.instance, 0.0
        key = msgspec.json.encode((instance.id, instance.payload))
        if key not in self._episodes:
            answer, seconds = self._answer(instance)
            while len(self._episodes) >= KEPT:
                del self._episodes[next(iter(self._episodes))]
            self._episodes[key] = turns_of(instance, answer)
        turns = self._episodes[key]
        return turns[min(view.turn, len(turns)) - 1], seconds

    async def close(self) -> None:
        """End the sandbox."""
        self._thread.shutdown(wait=True, cancel_futures=True)
        self._sandbox.close()


def turns_of(instance: Instance[Any], answer: Fields) -> tuple[Fields, ...]:
    """Return the answers of an episode's turns, at least one.

    Args:
        instance: of a family of many turns.
        answer: of the whole episode, as in a file; or what says why there is none, and that is then
            the answer of every turn.
    """
    if "failure" in answer:
        return (answer,)
    outcome = family(instance.family).read(answer, "")
    turns = tuple(parsed.value for parsed in outcome.answers if parsed.value is not None)
    return turns or (answer,)


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
        _candidates(source)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    return path, source


@cache
def domain_of(source: str, families: tuple[str, ...] = ()) -> Domain:
    """Return the domain whose function a program defines, by its name and number of arguments.

    Where several domains have such a function the names of the arguments decide; if they are like
    none, the families that are played.

    Args:
        source: of the program.
        families: that are played.

    Raises:
        InputError: if it defines none, or that of several domains, or is no program.
    """
    likely = _likely(source)
    played = [each for each in likely if each.family in families]
    for matches in (likely, played):
        if len(matches) == 1:
            return matches[0]
    raise InputError(
        f"it may be for any of {_signatures(likely)}: name its arguments like one of these"
    )


def plays(source: str, name: str) -> bool:
    """Return whether a program may be meant for a family.

    Raises:
        InputError: if it is meant for no domain, or is no program.
    """
    return any(each.family == name for each in _likely(source))


def _likely(source: str) -> Sequence[Domain]:
    """Return the domains that a program names the arguments of, or all that it may be for."""
    candidates = _candidates(source)
    named = [d for d in candidates if tuple(arguments_of(source, d.function)) == d.arguments]
    return named or candidates


@cache
def _candidates(source: str) -> tuple[Domain, ...]:
    """Return the domains with a function that a program defines, of as many arguments.

    Raises:
        InputError: if there are none, or it is no program.
    """
    candidates = tuple(each for each in DOMAINS.values() if _defines(source, each))
    if not candidates:
        raise InputError(f"it defines none of {_signatures(DOMAINS.values())}")
    return candidates


def _defines(source: str, candidate: Domain) -> bool:
    """Return whether a program has a domain's function, of as many arguments."""
    try:
        return len(arguments_of(source, candidate.function)) == len(candidate.arguments)
    except Unreadable as error:
        if error.kind != "no function":
            raise InputError(str(error)) from None
        return False


def _signatures(domains: Iterable[Domain]) -> str:
    return ", ".join(f"{each.function}({', '.join(each.arguments)})" for each in domains)


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InputError(f"{path} is not UTF-8 text") from None
