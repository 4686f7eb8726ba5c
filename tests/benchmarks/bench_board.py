"""CPU and memory of `makespan board` over 100,000 records, replies to be priced included.

And over a million: the same ten times over, as further epochs. There a frame of `makespan watch`
is measured, too.
"""

import asyncio
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from random import Random

import msgspec
from msgspec.structs import replace

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


def multiply(path: Path, times: int) -> None:
    """Make a run folder of so many times the epochs: their records are those of the first ones."""
    place = path / "manifest.json"
    manifest = msgspec.json.decode(place.read_bytes(), type=Manifest)
    epochs = manifest.configuration.epochs
    larger = replace(manifest.configuration, epochs=times * epochs)
    place.write_bytes(msgspec.json.encode(replace(manifest, configuration=larger)))
    with closing(sqlite3.connect(path / "journal.sqlite")) as db:
        db.execute("pragma synchronous = off")
        counts = "select (select max(id) from episodes), (select max(id) from shared)"
        episodes, shared = db.execute(counts).fetchone()
        for k in range(1, times):
            numbers = {"e": k * episodes, "s": k * shared, "epoch": k * epochs}
            for statement, most in zip(COPIES, (episodes, shared, episodes, episodes), strict=True):
                db.execute(statement, {**numbers, "most": most})
        db.commit()
        db.execute("pragma wal_checkpoint(truncate)")


COPIES = (
    """insert into episodes select id + :e, json_array(json_extract(key, '$[0]'),
        json_extract(key, '$[1]') + :epoch, json_extract(key, '$[2]'))
        from episodes where id <= :most""",
    """insert into shared select id + :s,
        json_set(fields, '$.epoch', json_extract(fields, '$.epoch') + :epoch)
        from shared where id <= :most""",
    """insert into attempts select episode + :e, path, attempt, request, reply, fault, seconds
        from attempts where episode <= :most""",
    """insert into records select episode + :e, version, verdict, shared + :s, record, outcome
        from records where episode <= :most""",
)
TIMES = 10


def main() -> list[Limit]:
    """Measure the board of all of them as JSON, then that of ten times as many, and a frame."""
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        fill(place / "run")
        small = run(command("board", place / "run", "--json"), place)
        multiply(place / "run", TIMES)
        large = run(command("board", place / "run", "--json"), place)
        frame = run(command("watch", place / "run", "--once"), place)
    records = len(MODELS) * INSTANCES * EPOCHS
    for what, usage in (
        (f"board of {records} records", small),
        (f"board of {TIMES * records} records", large),
        (f"a frame of watch over {TIMES * records} records", frame),
    ):
        print(f"{what}: {usage.cpu:.1f} CPU s, {usage.peak:.0f} MB")
    return [
        cpu_limit("board of 100,000 records", small.cpu, 10),
        Limit("board of 100,000 records: peak MB", small.peak, 500),
        cpu_limit("board of 1,000,000 records", large.cpu, 60),
        Limit("board of 1,000,000 records: peak MB", large.peak, 1000),
        cpu_limit("a frame of watch over 1,000,000 records", frame.cpu, 20),
        Limit("a frame of watch over 1,000,000 records: peak MB", frame.peak, 500),
    ]


if __name__ == "__main__":
    print(*main(), sep="\n")
