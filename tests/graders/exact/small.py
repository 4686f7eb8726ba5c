"""Small projects of every kind, and what is true of them by looking at everything."""

from collections.abc import Iterator, Mapping

from hypothesis import strategies as st

from tasks.rcpsp import Downtime, Project, Resource, Task, Window


@st.composite
def projects(draw: st.DrawFn, most: int = 5) -> Project:
    """At most `most` tasks and two resources, short horizons; about half cannot be solved."""
    ids = [f"T{k}" for k in range(draw(st.integers(1, most)))]
    resources = [Resource(f"R{k}", draw(st.integers(1, 3))) for k in range(draw(st.integers(0, 2)))]
    tasks = tuple(
        Task(
            i, draw(st.integers(0, 3)), {r.id: draw(st.integers(0, r.capacity)) for r in resources}
        )
        for i in ids
    )
    ordered = draw(st.permutations(ids))
    pairs = [(a, b) for k, a in enumerate(ordered) for b in ordered[k + 1 :]]
    some = st.lists(st.sampled_from(pairs), max_size=3, unique=True) if pairs else st.just([])
    downtimes = []
    for resource in resources:
        for _ in range(draw(st.integers(0, 2))):
            start = draw(st.integers(0, 5))
            downtimes.append(Downtime(resource.id, start, start + draw(st.integers(1, 3))))
    longest = max(task.duration for task in tasks)
    return Project(
        tasks=tasks,
        resources=tuple(resources),
        precedences=tuple(draw(some)),
        downtimes=tuple(downtimes),
        windows=tuple(draw(_window(task)) for task in tasks if draw(st.integers(0, 2)) == 0),
        disjunctions=tuple(draw(some)),
        horizon=draw(st.integers(longest, max(longest, 8))),
    )


@st.composite
def _window(draw: st.DrawFn, task: Task) -> Window:
    release = draw(st.integers(0, 4))
    return Window(task.id, release, release + task.duration + draw(st.integers(0, 3)))


def allowed(project: Project, starts: Mapping[str, int], *, ends: bool = True) -> bool:
    """Whether the tasks placed so far agree, moment by moment; `ends`: deadlines count too."""
    runs = {
        t.id: range(starts[t.id], starts[t.id] + t.duration)
        for t in project.tasks
        if t.id in starts
    }
    if any(
        a in runs and b in runs and runs[b].start < runs[a].stop for a, b in project.precedences
    ):
        return False
    if any(set(runs.get(a, ())) & set(runs.get(b, ())) for a, b in project.disjunctions):
        return False
    for window in project.windows:
        if window.task in runs and (
            runs[window.task].start < window.release
            or (ends and runs[window.task].stop > window.deadline)
        ):
            return False
    if ends and any(run.stop > project.horizon for run in runs.values()):
        return False
    return all(_moment(project, runs, t) for run in runs.values() for t in run)


def _moment(project: Project, runs: Mapping[str, range], t: int) -> bool:
    for resource in project.resources:
        used = sum(
            task.demands.get(resource.id, 0) for task in project.tasks if t in runs.get(task.id, ())
        )
        down = any(d.resource == resource.id and d.start <= t < d.end for d in project.downtimes)
        if used > (0 if down else resource.capacity):
            return False
    return True


def least_makespan(project: Project) -> int | None:
    """The optimum over every vector of start times within the horizon; None if none is allowed."""
    best: int | None = None

    def place(k: int, starts: dict[str, int], end: int) -> None:
        nonlocal best
        if best is not None and end >= best:
            return
        if k == len(project.tasks):
            best = end
            return
        task = project.tasks[k]
        for start in range(project.horizon - task.duration + 1):
            tried = {**starts, task.id: start}
            if allowed(project, tried):
                place(k + 1, tried, max(end, start + task.duration))

    place(0, {}, 0)
    return best


def schedules(project: Project) -> Iterator[dict[str, int]]:
    """Every vector of start times within the horizon that is allowed."""

    def place(k: int, starts: dict[str, int]) -> Iterator[dict[str, int]]:
        if k == len(project.tasks):
            yield starts
            return
        task = project.tasks[k]
        for start in range(project.horizon - task.duration + 1):
            tried = {**starts, task.id: start}
            if allowed(project, tried):
                yield from place(k + 1, tried)

    return place(0, {})
