"""CPU of the checker, the generator and the start of the command."""

import json
import tempfile
from pathlib import Path
from random import Random
from time import process_time

from generators.rcpsp import generate
from graders.rcpsp import violations
from tasks.base import Outcome, Reply
from tasks.parse import parse_object, read_object
from tasks.rcpsp import Downtime, Project, Resource, Task, Window, spelled
from tests.benchmarks.limits import Limit, cpu_limit
from tests.benchmarks.peers.known import Makespan
from tests.benchmarks.peers.processes import run


def project(n: int, resources: int = 4) -> tuple[Project, dict[str, int]]:
    """A project of n tasks with every axis, and a feasible answer: one task after another."""
    rng = Random(f"bench/{n}")
    names = [f"R{k}" for k in range(resources)]
    tasks = tuple(
        Task(
            f"T{i:04d}",
            rng.randint(1, 10),
            {r: rng.randint(1, 3) for r in names if rng.random() < 0.6},
        )
        for i in range(n)
    )
    starts, end = {}, 0
    for task in tasks:
        starts[task.id], end = end, end + task.duration
    ids = [task.id for task in tasks]
    pairs = {tuple(sorted(rng.sample(ids, 2))) for _ in range(int(1.2 * n))}
    windows = tuple(
        Window(t.id, max(0, starts[t.id] - 3), starts[t.id] + t.duration + 3)
        for t in tasks
        if rng.random() < 0.75
    )
    downtimes = tuple(Downtime(r, end + k, end + k + 4) for r in names for k in (3, 9))
    apart = tuple((ids[k], ids[k + 1]) for k in range(0, n - 1, 4))
    capacity = tuple(Resource(r, 6) for r in names)
    edges = tuple((a, b) for a, b in sorted(pairs))
    return Project(tasks, capacity, edges, downtimes, windows, apart, end), starts


def checker(n: int, times: int) -> float:
    """CPU seconds of one check, the least of five rounds."""
    made, starts = project(n)
    assert not violations(made, starts)
    rounds = []
    for _ in range(5):
        began = process_time()
        for _ in range(times):
            violations(made, starts)
        rounds.append((process_time() - began) / times)
    return min(rounds)


def reading(times: int, *, misspelt: bool) -> float:
    """CPU seconds to read the answer to 30 tasks from a reply and its ids and numbers, the least
    of five rounds; of a misspelt one all ids, numbers and commas are mended."""
    made, starts = project(30)
    text = json.dumps({"starts": starts})
    if misspelt:
        text = json.dumps({"starts": {f" {k.lower()}": float(v) for k, v in starts.items()}})
        text = text.replace("}}", ",},}")
    rounds = []
    for _ in range(5):
        began = process_time()
        for _ in range(times):
            outcome = spelled(made, Outcome((read_object(Reply(text), "starts"),)))
        rounds.append((process_time() - began) / times)
    [parsed] = outcome.answers
    assert parsed.value == {"starts": starts}
    assert bool(parsed.mended) == misspelt
    return min(rounds)


def strict_reading(times: int) -> float:
    """CPU seconds to find the same answer where nothing is ever mended."""
    text = json.dumps({"starts": project(30)[1]})
    rounds = []
    for _ in range(5):
        began = process_time()
        for _ in range(times):
            parse_object(Reply(text), "starts")
        rounds.append((process_time() - began) / times)
    return min(rounds)


def generator(count: int) -> float:
    """CPU seconds of `count` instances of 20 tasks with all axes, without reference."""
    began = process_time()
    for index in range(count):
        generate(20, 0, index, {}, reference=False)
    return process_time() - began


def start() -> float:
    """CPU seconds of `makespan --help`, the least of five."""
    with tempfile.TemporaryDirectory() as name:
        return min(run(Makespan().start(), Path(name)).cpu for _ in range(5))


def main() -> list[Limit]:
    """Measure."""
    return [
        cpu_limit("checker, 30 tasks, 4 resources, all axes", checker(30, 3000), 50, scale=1e6),
        Limit(
            "reading, 30 tasks as they should be: CPU over that of the strict reading",
            reading(1000, misspelt=False) / strict_reading(1000),
            1.25,
        ),
        cpu_limit("reading, 30 tasks all misspelt", reading(300, misspelt=True), 2, scale=1e3),
        cpu_limit("checker, 1,000 tasks", checker(1000, 60), 2, scale=1e3),
        cpu_limit("generator, 1,000 instances of 20 tasks", generator(1000), 10),
        cpu_limit("makespan --help", start(), 0.3),
    ]
