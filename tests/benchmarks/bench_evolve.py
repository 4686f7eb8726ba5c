"""Throughput of the search: candidates a second with an instant model and a trivial domain.

Real sandbox, real journal, two workers; every candidate is another program, and is asked for,
journaled, run and judged. The best of three runs counts, as the machine may be busy.
"""

import asyncio
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import perf_counter

from harness.calls.drive import drive
from harness.evolve.answers import SearchAnswers
from harness.evolve.evaluator import Evaluator, base
from harness.evolve.search import Search
from harness.models.base import Sampling
from harness.sandbox.sandbox import Sandbox
from harness.store.journal import Journal
from harness.store.search_plan import SearchPlan
from tasks.base import Ask, Reply, Usage
from tasks.prompts import installed
from tests.benchmarks.limits import Limit
from tests.harness.evolve.small import instances, search_loop, small

CALLS, LAG, LEAST = 600, 16, 200


class Instant:
    """Another program every time, at once."""

    name = "scripted/instant"

    async def reply(self, ask: Ask) -> Reply:
        number = int(ask.view.key.rsplit("/", 1)[1])
        source = f"def priority(p, d, t, P, n):\n    return max(p + t, d) + {number} * p / 1000"
        return Reply(f"```python\n{source}\n```", usage=Usage(1, 1))

    async def close(self) -> None:
        """Nothing is open."""


def rate(folder: Path, sandbox: Sandbox) -> float:
    """Candidates a second of one search of `CALLS`."""
    splits = {name: made[:2] for name, made in instances().items()}
    plan = SearchPlan("tardiness-priority", small().lock, CALLS, lag=LAG, nulls=())
    bases = [base(i) for i in splits["train"]]
    model, journal = Instant(), Journal(folder)
    search = Search("search", [model.name], small(), plan, installed(), bases)
    with ThreadPoolExecutor(3) as pool:
        evaluator = Evaluator(small(), plan, splits, sandbox)

        async def run() -> None:
            async with search_loop(journal, [model], plan) as loop:
                answers = SearchAnswers(
                    journal, evaluator, Sampling(), [model.name], loop=loop, pool=pool
                )
                await drive(search.program(), answers.perform)

        began = perf_counter()
        asyncio.run(run())
        took = perf_counter() - began
    journal.close()
    assert len(search.tried) == CALLS
    assert all(c.evaluated for c in search.tried)
    return CALLS / took


def main() -> list[Limit]:
    """Measure three times."""
    with tempfile.TemporaryDirectory() as name, Sandbox(workers=2) as sandbox:
        found = []
        for k in range(3):
            folder = Path(name) / str(k)
            folder.mkdir()
            found.append(rate(folder, sandbox))
    print("evolve, candidates a second:", ", ".join(f"{r:.0f}" for r in found))
    return [Limit("evolve, candidates a second", max(found), LEAST, least=True)]


if __name__ == "__main__":
    for limit in main():
        print(limit)
