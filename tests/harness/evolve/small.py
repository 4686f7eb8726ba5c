"""A small domain, a runner without walls and a scripted model, for tests of the search."""

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from msgspec.structs import replace as changed

from harness.calls.drive import drive
from harness.calls.loop import Loop
from harness.calls.options import RunOptions
from harness.calls.retry import RetryPolicy
from harness.digests import digest
from harness.evolve.answers import SearchAnswers
from harness.evolve.domain import Domain
from harness.evolve.domains import domain
from harness.evolve.evaluator import Evaluator
from harness.evolve.operators import SearchStep
from harness.evolve.report import SearchReport, report
from harness.evolve.study import Study
from harness.log import Log
from harness.models.base import Model, ProviderFailure, Sampling
from harness.sandbox.base import CaseResult, Limits, ProgramRun
from harness.store.journal import Journal
from harness.store.manifest import FORMAT, Configuration, Manifest, ModelSpec, environment
from harness.store.search_plan import SearchPlan
from harness.suites.instances import decode, make
from harness.suites.suite import Suite
from tasks.base import Ask, Instance, Reply, Usage
from tasks.prompts import installed

BODIES = [
    "max(p + t, d)",
    "max({c} * p + t, d)",
    "max(p + t, d) + {c} * p",
    "d + {c} * p",
    "p",
    "d",
    "max(p + t, {c} * d)",
    "t / 0",
    "float('nan')",
    "'a word'",
]


def small() -> Domain:
    """The dispatching rules, on few small instances."""
    whole = domain("tardiness-priority")
    splits = {
        name: changed(suite, entry=tuple(changed(e, level=12, count=1) for e in suite.entry[:6]))
        for name, suite in whole.splits.items()
    }
    rules = {name: whole.rules[name] for name in ("mdd", "mddc")}
    return replace(whole, splits=splits, rules=rules)


@cache
def instances() -> dict[str, list[Instance[Any]]]:
    """All splits of the small domain, with references."""
    return {s: [decode(make(w), "made") for w in small().specs(s, None)] for s in small().splits}


class InProcess:
    """Runs programs of tests here and now; `wait` makes some slower than others."""

    def __init__(self, wait: Callable[[str], float] = lambda _: 0.0) -> None:
        self.runs: list[str] = []
        self._wait = wait

    def run(
        self, source: str, function: str, driver: str, cases: Sequence[Any], limits: Limits
    ) -> ProgramRun:
        self.runs.append(source)
        time.sleep(self._wait(source))
        results = []
        for case in cases:
            program: dict[str, Any] = {}
            driving: dict[str, Any] = {"number": _number, "plain": lambda x: x}
            exec(driver, driving)
            try:
                exec(source, program)
                value = driving["solve"](program[function], case)
                results.append(CaseResult("ok", value))
            except (TypeError, ZeroDivisionError, NameError) as error:
                results.append(CaseResult("raised", None, f"{type(error).__name__}: {error}"))
        return ProgramRun(tuple(results), 0.001 * limits.seconds)


def _number(value: Any) -> Any:
    if type(value) not in (int, float) or value != value:
        raise TypeError(f"{value!r} is no number")
    return value


class Scripted:
    """Says a program that depends on nothing but the prompt; some replies hold none."""

    def __init__(
        self,
        name: str = "scripted/a",
        wait: Callable[[str], float] = lambda _: 0.0,
        refused: float = 0.0,
    ) -> None:
        self.name, self.steps = name, list[SearchStep]()
        self._wait, self._refused = wait, refused

    async def reply(self, ask: Ask) -> Reply:
        self.steps.append(ask.view)
        key = digest(ask.messages) + self.name
        await asyncio.sleep(self._wait(key))
        rng = Random(key + ask.path)
        if rng.random() < self._refused:
            word = "".join(filter(str.isalpha, key))  # each differently: alike ones stop a model
            raise ProviderFailure("bad request", f"not this one, {word}")
        if rng.random() < 0.1:
            return Reply("I cannot.", usage=Usage(10, 5), cost=0.001)
        body = rng.choice(BODIES).format(c=round(rng.uniform(0, 2), 2))
        text = f"An idea.\n```python\ndef priority(p, d, t, P, n):\n    return {body}\n```"
        return Reply(text, usage=Usage(100, 50), cost=0.01)

    async def close(self) -> None:
        """Nothing is open."""


def plan(**settings: Any) -> SearchPlan:
    """A short search without nulls."""
    usual: dict[str, Any] = {
        "calls": 30,
        "lag": 4,
        "islands": 2,
        "few": 3,
        "migrate": 10,
        "reset": 20,
        "nulls": (),
    }
    return SearchPlan("tardiness-priority", small().lock, **(usual | settings))


def search_loop(journal: Journal, models: Sequence[Model], how: SearchPlan) -> Loop:
    """The time in which a search asks its models; they are asked again at once."""
    configuration = Configuration(
        suite=Suite("small"),
        versions={},
        lock="",
        models=tuple(ModelSpec(model.name) for model in models),
        evolve=how,
    )
    manifest = Manifest(FORMAT, configuration, environment())
    options = RunOptions(retry=RetryPolicy(first_wait=0.001))
    return Loop(manifest, journal, options, Log(), models, unit="calls", total=None)


def studied(
    folder: Path,
    models: Sequence[Model],
    how: SearchPlan,
    runner: InProcess | None = None,
    about: Domain | None = None,
) -> tuple[Study, SearchReport]:
    """Run a study to its end in a journal; models by name, the nulls' beside them."""
    about = about or small()
    folder.mkdir(exist_ok=True)
    journal = Journal(folder)
    own = [m.name for m in models if m.name not in how.nulls]
    study = Study(own, about, how, installed(), instances())

    async def driven() -> SearchReport:
        with ThreadPoolExecutor(2) as pool:
            evaluator = Evaluator(about, how, instances(), runner or InProcess())
            async with search_loop(journal, models, how) as loop:
                answers = SearchAnswers(
                    journal, evaluator, Sampling(), study.models, loop=loop, pool=pool
                )
                return report(study, await drive(study.program(), answers.perform))
            return report(study, None)

    try:
        return study, asyncio.run(driven())
    finally:
        journal.close()
