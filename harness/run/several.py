"""Several runs in one command: all are ready before the first one begins, one budget is theirs."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic

from msgspec.structs import replace as replace_fields

from harness.calls.budget import Budget, Spent
from harness.calls.options import RunOptions
from harness.calls.prices import spent_in
from harness.run.begin import OpenRun, open_run, prepare
from harness.run.loop import SuiteRun
from harness.run.plan import RunPlan
from harness.run.request import RunRequest
from harness.store.folder import Folder
from harness.store.journal import Journal
from tasks.base import InputError


class Unfinished(Exception):
    """A run of several was stopped, or has errors: the same command goes on with them."""


def run_to_end(suite_run: SuiteRun, opened: OpenRun) -> None:
    """Take a run to its end: nobody is asked where nothing is missing.

    Raises:
        Unfinished: it was stopped, or has errors.
    """
    recorded, place = suite_run.recorded, opened.folder.path
    if not any(recorded.open_jobs(model.name)[0] for model in opened.models):
        return
    counts = asyncio.run(suite_run.run(opened.models))
    if counts["errors"]:
        raise Unfinished(
            f"{place}: {counts['errors']} episodes ended in errors, which are no scores: give the"
            " command again, which asks what is missing"
        )
    if counts["left"] or suite_run.stopped:
        raise Unfinished(f"stopped at {place}: the same command goes on from there")


def options_of(plan: RunPlan, options: RunOptions) -> RunOptions:
    """Return how to ask: budgets of the file where no other was given."""
    return replace(
        options,
        budget=_filled(options.budget, plan.file.budget),
        episode_budget=_filled(options.episode_budget, plan.file.episode_budget),
    )


def _filled(budget: Budget, other: Budget) -> Budget:
    """Return a budget, its open limits those of another."""
    names = budget.__struct_fields__
    return Budget(
        **{
            n: getattr(other, n) if getattr(budget, n) is None else getattr(budget, n)
            for n in names
        }
    )


def prices_for(request: RunRequest, plan: RunPlan, prices: Sequence[str]) -> list[str]:
    """Return the prices of a run's models: those given, then those of the file."""
    words = {word.rpartition("=")[0]: word for word in prices}
    names = {spec.name for spec in request.specs}
    priced = {**plan.prices, **words}
    return [word for name, word in priced.items() if name in names]


@dataclass(frozen=True)
class BegunRun:
    """One of several runs: how it may ask, by what is left for it, and the prices of its models."""

    run: OpenRun
    options: RunOptions
    prices: Sequence[str]


def begin_each(
    requests: Sequence[RunRequest],
    options: RunOptions,
    prices: Callable[[RunRequest], Sequence[str]],
) -> Iterator[BegunRun]:
    """Yield runs one after another, each with what the budget has left for it.

    Args:
        requests: what is asked.
        options: how; its budget is for all of them together.
        prices: of a run's models.

    Raises:
        InputError: one of them lacks something (a key, a package, a policy): nothing was written.
    """
    prepared = [prepare(request, options, prices(request)) for request in requests]
    taken, began, before = Spent(), monotonic(), None
    for each in prepared:
        opened, budget = open_run(each), options.budget
        if before is not None:
            add_spent(taken, spent_of(before))
            budget = left_of(budget, taken, monotonic() - began)
        before = opened.folder.path
        yield BegunRun(opened, replace(options, budget=budget), prices(each.request))


def spent_of(path: Path) -> Spent:
    """Return what the replies of a run's folder took."""
    journal = Journal(path)
    try:
        return spent_in(Folder.open(path).manifest, journal)
    finally:
        journal.close()


def add_spent(taken: Spent, more: Spent) -> None:
    """Add what was spent elsewhere; with what is unknown the sum is unknown."""
    taken.cost = None if taken.cost is None or more.cost is None else taken.cost + more.cost
    taken.tokens = (
        None if taken.tokens is None or more.tokens is None else taken.tokens + more.tokens
    )


def left_of(budget: Budget, taken: Spent, seconds: float) -> Budget:
    """Return what a budget has left.

    Raises:
        InputError: what was taken from it is not known.
    """
    for name in ("cost", "tokens"):
        if getattr(budget, name) is not None and getattr(taken, name) is None:
            raise InputError(
                f"`budget.{name}` cannot be kept: what the runs before took is unknown"
            )
    return replace_fields(
        budget,
        cost=None if budget.cost is None else max(0.0, budget.cost - (taken.cost or 0.0)),
        tokens=None if budget.tokens is None else max(0, budget.tokens - (taken.tokens or 0)),
        time=None if budget.time is None else max(1e-9, budget.time - seconds),
    )
