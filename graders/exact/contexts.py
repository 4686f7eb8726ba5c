"""The right answers about a project: one forward and one backward pass have all of them.

The passes are those of the critical path method (Kelley and Walker 1959), without resources.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from tasks.base import Reference
from tasks.contexts import ANSWERS, ContextQuestion, ProjectContext, ProjectStep, in_order


class Passes(NamedTuple):
    """A project after both passes; days are whole, and all but `end` are by step.

    Attributes:
        days: of each step.
        earliest: on which it can begin.
        latest: on which it can begin without the end moving.
        rest: on the longest chain of steps behind it.
        before, after: the steps that end before it can begin, and that wait for it, in any way.
        needs, needed_by: those that do so directly.
        end: of the project.
    """

    days: Mapping[str, int]
    earliest: Mapping[str, int]
    latest: Mapping[str, int]
    rest: Mapping[str, int]
    before: Mapping[str, frozenset[str]]
    after: Mapping[str, frozenset[str]]
    needs: Mapping[str, tuple[str, ...]]
    needed_by: Mapping[str, tuple[str, ...]]
    end: int

    def slack(self, step: str) -> int:
        """Return the days that a step can slip without the end moving."""
        return self.latest[step] - self.earliest[step]

    def work(self, steps: frozenset[str] | tuple[str, ...]) -> int:
        """Return the days of some steps, added up."""
        return sum(self.days[step] for step in steps)


def passes(steps: tuple[ProjectStep, ...]) -> Passes:
    """Return a project after both passes.

    Args:
        steps: of the project, in any order.

    Raises:
        ValueError: they wait for each other.
    """
    ordered = in_order(steps)
    days = {step.id: step.days for step in steps}
    needs = {step.id: step.needs for step in steps}
    needed_by: dict[str, tuple[str, ...]] = dict.fromkeys(days, ())
    for step in steps:
        for name in step.needs:
            needed_by[name] += (step.id,)
    names = [step.id for step in ordered]
    done, before = _pass(names, days, needs)
    rest, after = _pass(names[::-1], days, needed_by)
    end = max(done[name] + days[name] for name in days)
    return Passes(
        days=days,
        earliest=done,
        latest={name: end - rest[name] - days[name] for name in days},
        rest=rest,
        before=before,
        after=after,
        needs=needs,
        needed_by=needed_by,
        end=end,
    )


def _pass(
    names: Sequence[str], days: Mapping[str, int], neighbours: Mapping[str, tuple[str, ...]]
) -> tuple[dict[str, int], dict[str, frozenset[str]]]:
    """Return the days of the longest chain that ends just before each step, and all on any chain.

    Args:
        names: of the steps, each behind its neighbours.
        days: of each step.
        neighbours: the steps just before each one, seen in the direction of the pass.
    """
    longest: dict[str, int] = {}
    chained: dict[str, frozenset[str]] = {}
    for name in names:
        near = neighbours[name]
        longest[name] = max((longest[n] + days[n] for n in near), default=0)
        chained[name] = frozenset(near).union(*(chained[n] for n in near))
    return longest, chained


def right_answer(project: Passes, question: ContextQuestion) -> int:
    """Return the one right answer to a question about a project."""
    step = question.step
    match question.kind:
        case "earliest":
            return project.earliest[step]
        case "latest":
            return project.latest[step]
        case "slack":
            return project.slack(step)
        case "delay":
            return max(0, (question.longer or 0) - project.slack(step))
        case "rest":
            return project.rest[step]
        case "before":
            return project.work(project.before[step])
        case "after":
            return project.work(project.after[step])


def naive_answer(project: Passes, question: ContextQuestion) -> int:
    """Return what the shortcut of a kind gives: one look at a step's neighbours, no pass.

    | kind | the shortcut |
    |---|---|
    | `earliest` | the longest step that it needs, as if that began on day 0 |
    | `latest` | the earliest day: as if nothing could slip |
    | `slack` | the days until the first that needs it begins: the free slack |
    | `delay` | the days that it takes longer: as if nothing had slack |
    | `rest` | from its earliest end to the end of the project |
    | `before`, `after` | only what it needs, or what needs it, itself |
    """
    step = question.step
    match question.kind:
        case "earliest":
            return max((project.days[n] for n in project.needs[step]), default=0)
        case "latest":
            return project.earliest[step]
        case "slack":
            return free_slack(project, step)
        case "delay":
            return question.longer or 0
        case "rest":
            return project.end - project.earliest[step] - project.days[step]
        case "before":
            return project.work(project.needs[step])
        case "after":
            return project.work(project.needed_by[step])


def free_slack(project: Passes, step: str) -> int:
    """Return the days that a step can slip without any other step moving."""
    starts = (project.earliest[n] for n in project.needed_by[step])
    return min(starts, default=project.end) - project.earliest[step] - project.days[step]


def reference(payload: ProjectContext, *, seconds: float | None = None) -> Reference:  # noqa: ARG001
    """Return the reference of a context: no wrong answer is the optimum, always known.

    Args:
        payload: the project and the questions.
        seconds: not used: both passes take no time that matters.
    """
    project = passes(payload.steps)
    values = [right_answer(project, question) for question in payload.questions]
    return Reference("optimal", 0, 0, "passes", {ANSWERS: values})
