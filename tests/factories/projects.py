"""Projects that cheap bounds and list schedules seldom settle."""

from itertools import accumulate
from random import Random

from tasks.rcpsp import Downtime, Project, Resource, Task

REACH = 3  # a task's successors lie within a third of all tasks behind it


def mixed(count: int, seed: int, horizon: int = 1000) -> Project:
    """A project with downtimes and a disjunction, and demands on both of two resources."""
    rng = Random(f"mixed/{count}/{seed}")
    ids = [f"T{k:02d}" for k in range(count)]
    tasks = [Task(i, rng.randint(1, 9), {r: rng.randint(1, 3) for r in "PQ"}) for i in ids]
    pairs = sorted({tuple(sorted(rng.sample(ids, 2))) for _ in range(count)})
    return Project(
        tasks=tuple(tasks),
        resources=(Resource("P", 5), Resource("Q", 5)),
        precedences=tuple((a, b) for a, b in pairs),
        downtimes=(Downtime("P", 7, 12), Downtime("P", 10, 14), Downtime("Q", 20, 21)),
        windows=(),
        disjunctions=((ids[0], ids[-1]), (ids[-1], ids[0])),
        horizon=horizon,
    )


def scarce(count: int, seed: int, *, strength: float = 0.2, paths: float = 1.5) -> Project:
    """A project of the hard kind of Kolisch & Sprecher (1997): all tasks demand all resources.

    `strength` is where a capacity lies between the largest demand and the peak of the earliest
    schedule, `paths` the number of precedences a task.
    """
    rng = Random(f"scarce/{count}/{seed}/{strength}/{paths}")
    durations = [rng.randint(1, 10) for _ in range(count)]
    demands = [[rng.randint(1, 10) for _ in range(4)] for _ in range(count)]
    edges = _edges(rng, count, paths)
    starts = [0] * count
    for a, b in sorted(edges, key=lambda edge: edge[1]):
        starts[b] = max(starts[b], starts[a] + durations[a])
    capacities = []
    for demand in zip(*demands, strict=True):
        least = max(demand)
        peak = _peak(starts, durations, demand)
        capacities.append(least + round(strength * (peak - least)))
    rows = enumerate(zip(durations, demands, strict=True))
    return Project(
        tasks=tuple(
            Task(f"T{i:03d}", d, {f"R{r}": q for r, q in enumerate(demand)})
            for i, (d, demand) in rows
        ),
        resources=tuple(Resource(f"R{r}", capacity) for r, capacity in enumerate(capacities)),
        precedences=tuple((f"T{a:03d}", f"T{b:03d}") for a, b in sorted(edges)),
        downtimes=(),
        windows=(),
        disjunctions=(),
        horizon=sum(durations),
    )


def _edges(rng: Random, count: int, paths: float) -> set[tuple[int, int]]:
    reach = max(6, count // REACH)
    edges = {(rng.randrange(max(0, b - reach), b), b) for b in range(3, count)}
    while len(edges) < paths * count:
        a = rng.randrange(count - 1)
        edges.add((a, rng.randint(a + 1, min(count - 1, a + reach))))
    return edges


def _peak(starts: list[int], durations: list[int], demand: tuple[int, ...]) -> int:
    """The most that is demanded at one moment."""
    changes = dict[int, int]()
    for start, duration, q in zip(starts, durations, demand, strict=True):
        changes[start] = changes.get(start, 0) + q
        changes[start + duration] = changes.get(start + duration, 0) - q
    return max(accumulate(changes[moment] for moment in sorted(changes)))
