"""Rules for one machine with pre-emption, and the least total flow time, by one of them.

With all sizes known, whoever always runs the job with the shortest remaining processing time has
the least total flow time (Schrage 1968): no solver is needed, and every instance is proven.
"""

from collections.abc import Callable
from itertools import pairwise
from statistics import fmean

from tasks.base import Reference
from tasks.flow import ANSWERS
from tasks.flow_machine import OneMachine, WaitingJob
from tasks.flow_payload import Flow

Rule = Callable[[OneMachine], str]  # the job that runs next, of those that are waiting


def simulate(flow: Flow, rule: Rule) -> OneMachine:
    """Return the machine at the end of an episode in which a rule decides."""
    machine = OneMachine(flow)
    while not machine.is_over:
        machine.run(rule(machine))
    return machine


def least(key: Callable[[OneMachine, str, WaitingJob], float]) -> Rule:
    """Make a rule that runs the job with the least key; ties go to the first id."""

    def rule(machine: OneMachine) -> str:
        waiting = machine.waiting
        return min(waiting, key=lambda name: key(machine, name, waiting[name]))

    return rule


def round_robin(machine: OneMachine) -> str:
    """Run the job that has had nothing for longest: since it last ran, or since it came."""
    since = {name: (job.release, 0) for name, job in machine.waiting.items()}
    since |= {span.job: (span.end, 1) for span in machine.spans if span.job in since}
    return min(since, key=lambda name: (since[name], name))


def expected_by_mean(job: WaitingJob) -> float:
    """Return what is left of a job if operations to come are like those that are known."""
    return job.now + job.left * (job.done + job.now) / (len(job.finished) + 1)


def learned(machine: OneMachine) -> str:
    """Run the job with the least left, as the jobs that are done in this episode tell.

    A job is as many times its known part as those were of theirs. Before one is done, an operation
    is longer than the one before as it was among all that are known.
    """
    done = [machine.sizes(name) for name in machine.completed]
    waiting = machine.waiting
    steps = _growth([*done, *((*job.finished, job.now) for job in waiting.values())])

    def remaining(name: str) -> float:
        job, part = waiting[name], waiting[name].done + waiting[name].now
        if not job.left:
            return job.now
        if not done:
            return float(sum(job.now * steps**k for k in range(job.left + 1)))
        firsts = [sum(sizes[: len(job.finished) + 1]) for sizes in done]
        ratio = fmean(sum(sizes) / first for sizes, first in zip(done, firsts, strict=True))
        return max(job.now + job.left, part * ratio - job.done)

    return min(waiting, key=remaining)


def _growth(rows: list[tuple[int, ...]]) -> float:
    """Return by how many times an operation is longer than the one before it, on average."""
    ratios = [b / a for row in rows for a, b in pairwise(row)]
    return fmean(ratios) if ratios else 1.0


fifo = least(lambda _m, _n, job: job.release)
op_srpt = least(lambda _m, _n, job: job.now)
known_part = least(lambda _m, _n, job: job.done + job.now)
serpt_mean = least(lambda _m, _n, job: expected_by_mean(job))
srpt = least(lambda machine, name, _: machine.rest(name))


def decisions(flow: Flow, rule: Rule) -> tuple[list[str], int]:
    """Return the jobs that a rule names in its turns, and the total flow time."""
    names: list[str] = []

    def noted(machine: OneMachine) -> str:
        names.append(rule(machine))
        return names[-1]

    return names, simulate(flow, noted).total


def reference(flow: Flow, *, seconds: float | None = None) -> Reference:  # noqa: ARG001
    """Return the least total flow time, in time units, and decisions that attain it."""
    names, total = decisions(flow, srpt)
    return Reference("optimal", total, total, "srpt", answer={ANSWERS: names})
