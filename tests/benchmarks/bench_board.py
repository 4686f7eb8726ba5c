"""CPU and memory of `makespan board` over 100,000 records, replies to be priced included.

And of a frame of `makespan watch` over them. `bench_million` has ten times as many.
"""

import asyncio
import tempfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from random import Random

import msgspec

from generators.rcpsp import generate
from harness.families.registry import families_used
from harness.store.folder import Folder
from harness.store.journal import Journal
from harness.store.manifest import FORMAT, Configuration, Manifest, ModelSpec, environment
from harness.suites import instances
from harness.suites.suite import family_versions, of_file
from tasks.base import Grade, Instance, Record, Reply, Usage, Verdict
from tasks.prompts import installed
from tasks.rcpsp import Project
from tests.benchmarks.limits import Limit, cpu_limit
from tests.benchmarks.peers.processes import run
from tests.harness.helpers import command

MODELS = ("openai/gpt-5", "openai/gpt-5-mini", *(f"litellm/m{k}" for k in range(8)))
INSTANCES, EPOCHS = 5_000, 2
LEVELS = (2, 4, 6, 8, 10)


def made() -> list[Instance[Project]]:
    """Small projects at five levels."""
    each = INSTANCES // len(LEVELS)
    return [generate(n, 0, k, {}, reference=False) for n in LEVELS for k in range(each)]


def records(given: list[Instance[Project]]) -> Iterator[tuple[str, Record, Reply]]:
    """An episode of every model with every instance, twice: its key, record and reply."""
    for place, model in enumerate(MODELS):
        rng = Random(f"bench/{model}")
        for epoch in range(EPOCHS):
            for instance in given:
                key = msgspec.json.encode([model, epoch, instance.id]).decode()
                good = rng.random() < 0.2 + 0.06 * place
                usage = Usage(rng.randint(500, 900), rng.randint(200, 4000))
                yield key, record(instance, model, epoch, good, rng), Reply("x" * 400, usage=usage)


def record(instance: Instance[Project], model: str, epoch: int, good: bool, rng: Random) -> Record:
    """A feasible answer with a gap, or one with two violations."""
    wrong = (
        {"kind": "window", "task": "T1", "bound": "release", "amount": 2},
        {"kind": "precedence", "before": "T1", "after": "T2", "amount": 1},
    )
    grade = Grade(
        Verdict.valid if good else Verdict.infeasible,
        float(good),
        20 if good else None,
        18,
        rng.random() if good else None,
        "bound" if good else None,
        () if good else wrong,
        {"broken": 0.0 if good else rng.random()},
    )
    return Record(
        instance.id,
        "rcpsp",
        instance.level,
        instance.settings,
        model,
        "direct",
        "none",
        epoch,
        grade,
        None,
        1,
        1,
        700,
        1000,
        None,
        2.5,
    )


def fill(path: Path) -> None:
    """A run folder as a finished run leaves it."""
    given = made()
    prompts, lines = installed(), [instances.encode(i) for i in given]
    suite = of_file(path, instances.digest(lines))
    versions = family_versions(families_used((i.family, i.settings) for i in given), prompts)
    configuration = Configuration(
        suite=suite,
        versions=versions,
        lock=suite.lock(versions),
        models=tuple(map(ModelSpec, MODELS)),
        epochs=EPOCHS,
    )
    manifest = Manifest(FORMAT, configuration, environment())
    Folder.create(path, manifest, prompts, lines).all_made()
    asyncio.run(keep(path, records(given)))


async def keep(path: Path, found: Iterator[tuple[str, Record, Reply]]) -> None:
    """Write episodes as a run does, a thousand to a commit."""
    journal = Journal(path)
    while part := list(islice(found, 1000)):
        replies = (journal.attempt(k, "answer", 1, "", 2.5, reply=reply) for k, _, reply in part)
        await asyncio.gather(*replies)
        await asyncio.gather(*(journal.record(k, 0, one, None) for k, one, _ in part))
    journal.close()


def main() -> list[Limit]:
    """Measure the board of all of them as JSON, and a frame of the watcher."""
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        fill(place / "run")
        board = run(command("board", place / "run", "--json"), place)
        frame = run(command("watch", place / "run", "--once"), place)
    records = len(MODELS) * INSTANCES * EPOCHS
    for what, usage in (("board", board), ("a frame of watch", frame)):
        print(f"{what} over {records} records: {usage.cpu:.1f} CPU s, {usage.peak:.0f} MB")
    return [
        cpu_limit(f"board of {records} records", board.cpu, 10),
        Limit(f"board of {records} records: peak MB", board.peak, 500),
        cpu_limit(f"a frame of watch over {records} records", frame.cpu, 4),
        Limit(f"a frame of watch over {records} records: peak MB", frame.peak, 100),
    ]


if __name__ == "__main__":
    print(*main(), sep="\n")
