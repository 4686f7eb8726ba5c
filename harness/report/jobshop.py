"""Job shops on the page: scores by size, what is violated, gaps, Gantt charts by machine."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from harness.board.board import Row
from harness.report.base import (
    Detail,
    Drawings,
    EpisodeView,
    Figure,
    InstanceFrame,
    Load,
    Looks,
    Timeline,
    reference_title,
)
from harness.report.makespans import makespan_figures
from tasks.base import Fields
from tasks.jobshop import KEY, MachineStep, Shop, ShopJob, in_a_row, machines_of, merged_shutdowns

FAR = 2  # times what all operations in a row need: bars further out are counted, not drawn
KINDS = ("precedence", "machine", "shutdown", "swap", "missing", "length")
SENTENCES = {
    "unparsable": "No answer could be read: {reason}.",
    "missing": "{job} has no start times.",
    "unknown": "There is no job {job}.",
    "not_a_list": "Where the start times of {job} should be stands {value}.",
    "length": "{job} has {amount} start times, but {operations} operations.",
    "not_integer": "Operation {operation} of {job} starts at {value}, which is no whole number.",
    "negative": "Operation {operation} of {job} starts at {value}, before time 0.",
    "precedence": "Operation {operation} of {job} starts {amount} before the one before it ends.",
    "machine": "{first} and {second} both have {machine} in [{start}, {end}).",
    "shutdown": "Operation {operation} of {job} runs on {machine} in [{start}, {end}), a shutdown.",
    "swap": "At {time} {jobs} exchange their machines in a ring, which they may not.",
}


def figures(rows: Sequence[Row], episodes: Sequence[EpisodeView], looks: Looks) -> Iterator[Figure]:
    """Return the score by number of jobs for each cell, the mix of violations, and gaps."""
    remark = "Rings (swap) are looked for where nothing else is wrong."
    return makespan_figures(rows, episodes, looks, unit="jobs", kinds=KINDS, remark=remark)


# One answer ----------------------------------------------------------------------------------


def detail(episode: EpisodeView) -> Detail:
    """Return the answer's Gantt chart by machine beside the reference's."""
    shop: Shop = episode.instance.payload
    answer = (episode.outcome.answers[0].value or {}) if episode.outcome else {}
    reference, grade = episode.instance.reference, episode.record.grade
    pictures = []
    if isinstance(answer.get(KEY), dict):
        pictures.append(_gantt("Answer", shop, answer[KEY], grade.violations if grade else ()))
    if reference.answer is not None:
        pictures.append(_gantt(reference_title(reference), shop, reference.answer[KEY], ()))
    return Detail(tuple(pictures))


def _steps(shop: Shop) -> list[tuple[ShopJob, int, MachineStep]]:
    """Return every operation with its job and its number in it, from 0: a row each."""
    return [(job, k, step) for job in shop.jobs for k, step in enumerate(job.operations)]


def _frame(shop: Shop) -> InstanceFrame:
    """Return a row for each operation, on the lane of its machine."""
    steps, machines = _steps(shop), machines_of(shop)
    down = merged_shutdowns(shop)
    return InstanceFrame(
        unit="time units",
        names=tuple(f"{job.id}.{k + 1}" for job, k, _ in steps),
        sizes=tuple(step.time for _, _, step in steps),
        lanes=tuple(step.machine for _, _, step in steps),
        loads=tuple(
            Load(name, 1, tuple(int(step.machine == name) for _, _, step in steps), down=down[name])
            for name in machines
            if down[name]
        ),
    )


def _gantt(
    title: str, shop: Shop, starts: Mapping[str, Any], problems: Sequence[Fields]
) -> Timeline:
    limit, steps = FAR * in_a_row(shop), _steps(shop)
    bars = tuple(_bar(starts.get(job.id), k, limit) for job, k, _ in steps)
    ends = [s + step.time for s, (_, _, step) in zip(bars, steps, strict=True) if s is not None]
    missing = bars.count(None)
    notes = [f"makespan {max(ends)}"] if ends else []
    notes += [f"{missing} of {len(bars)} operations have no start that can be drawn"] * bool(
        missing
    )
    return Timeline(
        title,
        ", ".join(notes),
        _frame(shop),
        starts=bars,
        mark=max(ends, default=None),
        bad=tuple(_marks(shop, starts, problems)),
    )


def _bar(row: object, number: int, limit: int) -> int | None:
    """Return the start of an operation's bar; None where it is no time from 0 to the limit."""
    start = row[number] if isinstance(row, list) and number < len(row) else None
    return start if type(start) is int and 0 <= start <= limit else None


def _marks(
    shop: Shop, starts: Mapping[str, Any], problems: Sequence[Fields]
) -> Iterator[tuple[int, int]]:
    """Yield the rows of operations that break a rule, each with the number of the violation."""
    for row, (job, k, step) in enumerate(_steps(shop)):
        for number, problem in enumerate(problems):
            if _concerns(problem, job.id, k, step.machine, starts.get(job.id)):
                yield row, number


def _concerns(problem: Fields, job: str, number: int, machine: str, row: object) -> bool:
    """Return whether a violation is one of an operation: a job, its number and its machine."""
    kind = problem["kind"]
    if kind == "machine":
        return problem["machine"] == machine and job in (problem["first"], problem["second"])
    if kind == "swap":
        is_then = isinstance(row, list) and row[number] == problem["time"]
        return is_then and job in problem["jobs"] and number > 0
    return problem.get("job") == job and problem.get("operation") == number + 1


def words(violation: Fields) -> str:
    """Return a violation as a sentence."""
    fields = dict(violation)
    if isinstance(fields.get("jobs"), list):
        fields["jobs"] = ", ".join(fields["jobs"])
    return SENTENCES[str(violation["kind"])].format(**fields)


DRAWINGS = Drawings(figures, detail, words)
