"""The command `solve`."""

from argparse import Namespace
from collections.abc import Iterator
from functools import partial
from time import perf_counter
from typing import Any

import msgspec

from harness.cli.output import emit
from harness.engines.open import open_engine
from harness.families.registry import family
from harness.suites import instances
from harness.suites.lines import SolveLine
from tasks.base import Instance


def solve(options: Namespace) -> int:
    """`makespan solve`."""
    batch = instances.read(options.file)
    solve_one = partial(solution, seconds=options.time_limit)
    key = [instances.digest(map(instances.encode, batch)), options.time_limit]
    with open_engine(options.engine, options.jobs, options.ray_address) as engine:

        def lines(start: int) -> Iterator[bytes]:
            return engine.map(solve_one, batch[start:], lambda instance: instance.id)

        emit(options.out, "solved", len(batch), lines, key)
    return 0


def solution(instance: Instance[Any], seconds: float | None) -> bytes:
    """Solve one instance: its line."""
    began = perf_counter()
    reference = family(instance.family).solve(instance.payload, seconds=seconds)
    took = round(perf_counter() - began, 3)
    return msgspec.json.encode(
        SolveLine(
            id=instance.id,
            objective=reference.objective,
            bound=reference.bound,
            status=reference.status,
            answer=reference.answer,
            solver=reference.solver,
            seconds=took,
        )
    )
